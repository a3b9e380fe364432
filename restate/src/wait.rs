//! One poll of a wait as an entry of the journal.

use bulkrail_core::poll::{Step, WaitOptions, WaitState};
use bulkrail_core::{Batch, ErrorDocument, ErrorKind};
use bulkrail_durable::Submitter;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::account::millis;
use crate::accounts::Account;
use crate::status::Status;

/// Journal entry of a poll: the state after it, and the decision.
///
/// State and status are kept as they were written: a later version that replays the journal does not write them in another
/// way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Polled {
    pub(crate) state: Box<RawValue>,
    pub(crate) status: Box<RawValue>,
    pub(crate) next: AfterPoll,
    /// Time that the provider asked to wait, where it refused for the rate of requests.
    pub(crate) throttled_ms: Option<u64>,
}

/// Decision that follows from a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AfterPoll {
    Poll { after_ms: u64 },
    End,
}

/// Returns the entry of a wait that begins.
pub(crate) fn begin<S: Submitter>(
    account: &Account<S>,
    batch: Batch,
    options: Option<&WaitOptions>,
    rows: Option<u64>,
) -> serde_json::Result<Polled> {
    let now = account.submitter.clock().wall();
    let options = options.copied().unwrap_or_else(|| WaitOptions::new(&account.submitter));
    let mut state = WaitState::new(batch, &options, now);
    if let Some(rows) = rows {
        state = state.rows(rows);
    }
    let state = state.history(&account.history);
    Ok(Polled {
        status: to_raw_value(&Status::waiting(state.batch().clone(), state.due()))?,
        next: AfterPoll::Poll { after_ms: millis(state.due_in(now)) },
        state: to_raw_value(&state)?,
        throttled_ms: None,
    })
}

/// Polls once, and returns the entry.
pub(crate) async fn poll<S: Submitter>(account: &Account<S>, state: &RawValue) -> serde_json::Result<Polled> {
    let mut state = serde_json::from_str::<WaitState>(state.get())?.history(&account.history);
    let step = state.poll(&account.submitter).await;
    let (next, status, throttled_ms) = match step {
        Step::Again { after, report, fault } => {
            let throttled_ms = fault.as_deref().and_then(throttled);
            let status = Status::Waiting { batch: state.batch().clone(), report, fault, due: state.due() };
            (AfterPoll::Poll { after_ms: millis(after) }, status, throttled_ms)
        }
        Step::Ended(report) => (AfterPoll::End, Status::Ended(report), None),
        Step::GaveUp(error) => (AfterPoll::End, Status::GaveUp(Box::new(error.document())), None),
    };
    Ok(Polled { state: to_raw_value(&state)?, status: to_raw_value(&status)?, next, throttled_ms })
}

fn throttled(fault: &ErrorDocument) -> Option<u64> {
    (fault.error.kind == ErrorKind::RateLimited).then(|| fault.error.retry_after_ms.unwrap_or(0))
}
