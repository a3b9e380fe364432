//! A wait, looked at from outside.

use bulkrail::poll::Wait;
use bulkrail::{Error, ErrorKind, Provider, Report};

use crate::failure::Failure;

/// Waits to the end, showing each snapshot to `seen`, the last one too.
pub(crate) async fn follow<P: Provider>(
    wait: Wait<'_, P>,
    mut seen: impl FnMut(&Report) -> Result<(), Failure>,
) -> Result<Report, Failure> {
    let mut snapshots = wait.into_stream();
    while let Some(report) = snapshots.next().await {
        let report = report?;
        tracing::debug!(
            bulkrail.provider = report.batch.provider().as_str(),
            state = report.snapshot.state.as_str(),
            percent = report.snapshot.progress.percent(),
            polls = report.polls,
            "snapshot"
        );
        seen(&report)?;
        if report.snapshot.is_terminal() {
            return Ok(report);
        }
    }
    Err(Error::new(ErrorKind::Interrupted, "the wait ended without an end").into())
}
