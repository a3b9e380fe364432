//! What a wait tells while it runs. The names of spans, events and fields are documented at [`Wait`](super::Wait) and fixed by a test.

use std::time::Duration;

use tracing::Span;

use super::machine::{Machine, Seen};
use crate::drift::Drift;
use crate::{Batch, Error, Report, Snapshot};

/// One look of a wait, as an observer sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Polled<'e> {
    /// The batch.
    pub batch: &'e Batch,
    /// The number of the look, from 1.
    pub poll: u32,
    /// Time since the wait began.
    pub elapsed: Duration,
    /// Time that the look took.
    pub took: Duration,
    /// What it came to.
    pub seen: Result<&'e Snapshot, &'e Error>,
}

pub(super) type Observer<'a> = Box<dyn FnMut(&Polled<'_>) + Send + 'a>;

pub(super) fn span(batch: &Batch) -> Span {
    tracing::debug_span!(
        target: "bulkrail::wait",
        "wait",
        bulkrail.provider = batch.provider().as_str(),
        bulkrail.batch.id = batch.id(),
    )
}

/// Hands a look to `machine`, and tells what came of it. To be called inside the wait's span.
pub(super) fn seen(
    machine: &mut Machine,
    elapsed: Duration,
    took: Duration,
    look: Result<Snapshot, Error>,
    observer: Option<&mut Observer<'_>>,
) -> Seen {
    let batch = machine.batch().clone();
    let polled = Polled { batch: &batch, poll: machine.polls() + 1, elapsed, took, seen: look.as_ref() };
    poll(&polled);
    if let Some(observer) = observer {
        observer(&polled);
    }
    let known = machine.drift().len();
    let seen = machine.seen(elapsed, look);
    machine.drift()[known..].iter().for_each(Drift::tell);
    if let Seen::End(end) = &seen {
        self::end(end);
    }
    seen
}

fn poll(polled: &Polled<'_>) {
    let (good, bad) = (polled.seen.ok(), polled.seen.err());
    tracing::debug!(
        target: "bulkrail::wait",
        {
            bulkrail.poll = polled.poll,
            bulkrail.elapsed_ms = millis(polled.elapsed),
            bulkrail.duration_ms = millis(polled.took),
            bulkrail.state = good.map(|snapshot| snapshot.state.as_str()),
            bulkrail.rows.processed = good.and_then(|snapshot| snapshot.progress.processed),
            bulkrail.rows.total = good.and_then(|snapshot| snapshot.progress.total),
            "error.type" = bad.map(|error| error.kind().as_str()),
            http.response.status_code = bad.and_then(Error::http_status),
        },
        "poll"
    );
}

pub(super) fn end(end: &Result<Report, Error>) {
    let (polls, elapsed) = match end {
        Ok(report) => (report.polls, report.elapsed),
        Err(error) => (error.polls(), error.elapsed()),
    };
    tracing::info!(
        target: "bulkrail::wait",
        {
            bulkrail.polls = polls,
            bulkrail.elapsed_ms = millis(elapsed),
            bulkrail.outcome = end.as_ref().ok().and_then(Report::outcome).map(|outcome| outcome.as_str()),
            "error.type" = end.as_ref().err().map(|error| error.kind().as_str()),
        },
        "end"
    );
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
