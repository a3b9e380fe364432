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
/// State and status are kept as they were written: a later version that replays the journal does not write them in
/// another way.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bulkrail_core::test_util::{MockProvider, VirtualClock, finished, running, unavailable};
    use bulkrail_core::time::Clock;
    use bulkrail_core::{
        DurationHistory, Error, PollingDefaults, Provider, ProviderId, Reconciliation, Recovery, Snapshot,
    };

    use super::*;

    #[derive(Clone)]
    struct Mock(Arc<MockProvider>);

    impl Provider for Mock {
        fn id(&self) -> ProviderId {
            Provider::id(&*self.0)
        }

        async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
            self.0.poll(batch).await
        }

        fn polling_defaults(&self) -> PollingDefaults {
            Provider::polling_defaults(&*self.0)
        }

        fn clock(&self) -> Clock {
            self.0.clock()
        }
    }

    impl Submitter for Mock {
        type Order = ();

        async fn submit(&self, _: &(), _: &str) -> Result<Batch, Error> {
            unreachable!("the batch exists")
        }

        fn recovery(&self, _: &(), _: &str) -> Recovery {
            Recovery::Never
        }

        async fn reconcile(&self, _: &(), _: &str, _: &Batch) -> Result<Reconciliation, Error> {
            unreachable!("no rows are read")
        }
    }

    fn refused() -> Error {
        Error::new(ErrorKind::RateLimited, "test").with_retry_after(Duration::from_secs(90))
    }

    fn provider(clock: &VirtualClock) -> MockProvider {
        MockProvider::in_order(clock)
            .then(|| Ok(running(1, 10)))
            .then(|| Err(refused()))
            .then(|| Ok(running(5, 10).with_retry_after(Some(Duration::from_secs(40)))))
            .then(|| Err(unavailable()))
            .then(|| Ok(finished(9, 1)))
    }

    fn account(clock: &VirtualClock) -> Account<Mock> {
        let submitter = Mock(Arc::new(provider(clock)));
        Account { submitter, requests_per_second: 24.0, history: DurationHistory::default() }
    }

    #[test]
    fn entries_poll_at_the_times_of_a_wait_and_have_its_report() {
        let clock = VirtualClock::new();
        let account = account(&clock);
        let batch = account.submitter.0.submitted("b-1");
        let mut entry = begin(&account, batch, None, Some(10)).unwrap();
        let mut throttled = Vec::new();
        while let AfterPoll::Poll { after_ms } = entry.next {
            clock.run(clock.clock().sleep(Duration::from_millis(after_ms)));
            // As the journal keeps it.
            let journalled = serde_json::to_string(&entry).unwrap();
            let restored: Polled = serde_json::from_str(&journalled).unwrap();
            entry = clock.run(poll(&account, &restored.state)).unwrap();
            throttled.extend(entry.throttled_ms);
        }
        let status: Status = serde_json::from_str(entry.status.get()).unwrap();
        let report = status.end().unwrap().unwrap();

        let plain_clock = VirtualClock::new();
        let plain = provider(&plain_clock);
        let batch = plain.submitted("b-1");
        let expected = plain_clock.run(bulkrail_core::wait(&plain, batch).rows(10)).unwrap();
        assert_eq!((report.polls, &report.snapshot), (5, &expected.snapshot));
        assert_eq!(throttled, [90_000]);
        let difference = clock.elapsed().abs_diff(plain_clock.elapsed());
        // Each time is rounded up to a millisecond.
        assert!(difference <= Duration::from_millis(10), "{difference:?}");
    }

    #[test]
    fn state_of_a_later_version_is_an_error_that_the_engine_repeats() {
        let clock = VirtualClock::new();
        let account = account(&clock);
        let later = RawValue::from_string(r#"{"version":99}"#.to_owned()).unwrap();
        assert!(clock.run(poll(&account, &later)).is_err());
        assert_eq!(account.submitter.0.polls(), 0);
    }

    #[test]
    fn entries_of_version_1_stay_readable() {
        for (next, expected) in
            [(r#"{"poll":{"after_ms":1500}}"#, AfterPoll::Poll { after_ms: 1_500 }), (r#""end""#, AfterPoll::End)]
        {
            let entry = format!(r#"{{"state":{{}},"status":{{}},"next":{next},"throttled_ms":1000}}"#);
            let entry: Polled = serde_json::from_str(&entry).unwrap();
            assert_eq!((entry.next, entry.throttled_ms), (expected, Some(1_000)));
        }
    }
}
