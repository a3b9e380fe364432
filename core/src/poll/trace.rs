//! Traces of a wait, and its observer. Names of spans, events and fields are documented at [`Wait`](super::Wait) and
//! fixed by a test.

use std::time::Duration;

use tracing::Span;

use super::machine::{Machine, Observed};
use crate::error::Error;
use crate::json::trace_drift;
use crate::model::{Batch, Report, Snapshot};

/// One poll of a wait, as an observer gets it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PollEvent<'e> {
    /// Batch that was polled.
    pub batch: &'e Batch,
    /// Number of the poll, from 1.
    pub poll: u32,
    /// Time since the wait began.
    pub elapsed: Duration,
    /// Duration of the poll.
    pub duration: Duration,
    /// Result of the poll.
    pub result: Result<&'e Snapshot, &'e Error>,
}

pub(super) type Observer<'a> = Box<dyn FnMut(&PollEvent<'_>) + Send + 'a>;

pub(super) fn span(batch: &Batch) -> Span {
    tracing::debug_span!(
        target: "bulkrail::wait",
        "wait",
        bulkrail.provider = batch.provider().as_str(),
        bulkrail.batch.id = batch.id(),
    )
}

/// Passes the result of a poll to `machine` and traces it. To be called inside the wait's span.
pub(super) fn observe(
    machine: &mut Machine,
    elapsed: Duration,
    duration: Duration,
    result: Result<Snapshot, Error>,
    observer: Option<&mut Observer<'_>>,
) -> Observed {
    let batch = machine.batch().clone();
    let event = PollEvent {
        batch: &batch,
        poll: machine.polls().saturating_add(1),
        elapsed,
        duration,
        result: result.as_ref(),
    };
    trace_poll(&event);
    if let Some(observer) = observer {
        observer(&event);
    }
    let known = machine.drift().len();
    let observed = machine.observe(elapsed, result);
    machine.drift()[known..].iter().for_each(trace_drift);
    if let Observed::End(end) = &observed {
        self::end(end);
    }
    observed
}

fn trace_poll(event: &PollEvent<'_>) {
    let (snapshot, error) = (event.result.ok(), event.result.err());
    tracing::debug!(
        target: "bulkrail::wait",
        {
            bulkrail.poll = event.poll,
            bulkrail.elapsed_ms = millis(event.elapsed),
            bulkrail.duration_ms = millis(event.duration),
            bulkrail.state = snapshot.map(|snapshot| snapshot.state.as_str()),
            bulkrail.rows.processed = snapshot.and_then(|snapshot| snapshot.progress.processed),
            bulkrail.rows.total = snapshot.and_then(|snapshot| snapshot.progress.total),
            "error.type" = error.map(|error| error.kind().as_str()),
            http.response.status_code = error.and_then(Error::http_status),
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
