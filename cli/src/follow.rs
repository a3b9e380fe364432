//! Follows a wait report by report.

use bulkrail::{Error, ErrorKind, Report, Wait};

use crate::error::CliError;
use crate::progress::Bar;

/// Waits for the end, shows each report on `bar` and calls `on_report` with it, the last one included.
pub(crate) async fn follow(
    wait: Wait<'_>,
    bar: &Bar,
    mut on_report: impl FnMut(&Report) -> Result<(), CliError>,
) -> Result<Report, CliError> {
    let mut reports = wait.into_stream();
    reports.state().into_iter().for_each(|state| bar.begin(state));
    while let Some(report) = reports.next().await {
        let report = report?;
        tracing::debug!(
            bulkrail.provider = report.batch.provider().as_str(),
            state = report.snapshot.state.as_str(),
            percent = report.snapshot.progress.percent(),
            polls = report.polls,
            "snapshot"
        );
        bar.show(&report.snapshot);
        on_report(&report)?;
        if report.snapshot.is_terminal() {
            return Ok(report);
        }
    }
    Err(cut_off().into())
}

/// Returns the error for a wait that has ended without a result. It is a defect of this command.
///
/// Nothing is wrong with the arguments, and nobody has stopped the wait: the state of the batch is unknown.
pub(crate) fn cut_off() -> Error {
    Error::new(ErrorKind::Unreachable, "internal error: the wait has ended without a result")
}
