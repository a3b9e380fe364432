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
    Err(Error::new(ErrorKind::Interrupted, "the wait was cut off").into())
}
