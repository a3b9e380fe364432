//! Submits under a claim, so that no order is sent twice where the provider cannot tell.

use std::sync::Arc;
use std::time::Duration;

use bulkrail_core::{Batch, Error, ErrorKind, Recovery};
use bulkrail_durable::Submitter;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::account::millis;
use crate::status::Status;

/// 1 h after the first attempt an order is not sent again: providers do not document how long they keep an
/// idempotency key, and an hour is less than any usual time. An outage of the provider that is longer ends the order
/// with its last error.
pub const SUBMIT_TIME: Duration = Duration::from_secs(3600);

/// 1 s before the second attempt, and twice as long before each later one.
const MIN_BACKOFF: Duration = Duration::from_secs(1);

/// 60 s between two attempts at most, so that an order is submitted soon after an outage.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Journal entry that precedes an attempt: whoever finds it with another id knows that the attempt may have been
/// made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
}

/// Journal entry of an attempt to submit. Errors are part of it, so that the engine has no reason to repeat it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Submitted {
    pub(crate) next: AfterSubmit,
    pub(crate) status: Box<RawValue>,
    /// Time that the provider asked to wait, where it refused for the rate of requests.
    pub(crate) throttled_ms: Option<u64>,
}

/// Decision that follows from an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AfterSubmit {
    /// Wait for this batch.
    Wait(Batch),
    /// Submit again.
    Again {
        after_ms: u64,
    },
    End,
}

/// One attempt, and what is known of those before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    /// The claim was made by this run of the workflow, so that the attempt was not made before.
    pub(crate) owns_claim: bool,
    /// From 0.
    pub(crate) number: u32,
    /// Time of the first claim.
    pub(crate) first: Timestamp,
}

impl Attempt {
    /// Submits the order, unless it may have been sent and the provider could not tell.
    ///
    /// It is sent by a task of its own: when the engine drops this future, since it has lost the connection, the request
    /// is not cut off.
    pub(crate) async fn submit<S: Submitter>(
        self,
        submitter: &S,
        order: &Arc<S::Order>,
        key: &str,
    ) -> serde_json::Result<Submitted> {
        let clock = submitter.clock();
        let recovery = submitter.recovery(order, key);
        let decision = match self.before(clock.wall(), &recovery) {
            Some(decision) => decision,
            None => {
                let (submitter, order, key) = (submitter.clone(), Arc::clone(order), key.to_owned());
                let sent = tokio::spawn(async move { submitter.submit(&order, &key).await }).await;
                let result = sent.unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::OutcomeUnknown, "the task that submitted the order has ended early"))
                });
                self.after(clock.wall(), &recovery, result)
            }
        };
        decision.into_entry(clock.wall())
    }

    /// Returns what to do instead of sending, where an earlier run of the workflow may have sent.
    fn before(self, now: Timestamp, recovery: &Recovery) -> Option<Decision> {
        if self.owns_claim {
            return None;
        }
        let lost = || {
            let reason = "the worker that submitted the order was lost before it had the response";
            Error::new(ErrorKind::OutcomeUnknown, reason)
        };
        match recovery {
            Recovery::SendAgain if self.may_send_at(now) => None,
            Recovery::SendAgain | Recovery::Never => Some(Decision::End(lost())),
            Recovery::LookUp(batch) => Some(Decision::Wait(batch.clone().with_submitted_at(now))),
        }
    }

    /// Returns what follows from the result of sending.
    fn after(self, now: Timestamp, recovery: &Recovery, result: Result<Batch, Error>) -> Decision {
        let error = match result {
            Ok(batch) => return Decision::Wait(batch),
            Err(error) => error,
        };
        let is_sent_again = if error.is_outcome_unknown() {
            match recovery {
                Recovery::SendAgain => true,
                Recovery::LookUp(batch) => return Decision::Wait(batch.clone().with_submitted_at(now)),
                Recovery::Never => false,
            }
        } else {
            error.is_transient()
        };
        let backoff = MIN_BACKOFF.saturating_mul(1 << self.number.min(16)).min(MAX_BACKOFF);
        let after = backoff.max(error.retry_after().unwrap_or_default());
        if is_sent_again && self.may_send_at(now.saturating_add(after).unwrap_or(Timestamp::MAX)) {
            Decision::Again { after, error }
        } else {
            Decision::End(error)
        }
    }

    fn may_send_at(self, time: Timestamp) -> bool {
        Duration::try_from(time.duration_since(self.first)).unwrap_or_default() <= SUBMIT_TIME
    }
}

#[derive(Debug)]
enum Decision {
    Wait(Batch),
    Again { after: Duration, error: Error },
    End(Error),
}

impl Decision {
    fn into_entry(self, now: Timestamp) -> serde_json::Result<Submitted> {
        let throttled = |error: &Error| {
            let is_refused = error.kind() == ErrorKind::RateLimited;
            is_refused.then(|| millis(error.retry_after().unwrap_or_default()))
        };
        let (throttled_ms, next, status) = match self {
            Self::Wait(batch) => (None, AfterSubmit::Wait(batch.clone()), Status::waiting(batch, now)),
            Self::Again { after, error } => {
                let status = Status::Submitting { fault: Some(Box::new(error.document())) };
                (throttled(&error), AfterSubmit::Again { after_ms: millis(after) }, status)
            }
            Self::End(error) => (throttled(&error), AfterSubmit::End, Status::GaveUp(Box::new(error.document()))),
        };
        Ok(Submitted { next, status: to_raw_value(&status)?, throttled_ms })
    }
}

#[cfg(test)]
mod tests {
    use bulkrail_core::ProviderId;

    use super::*;

    const FIRST: Timestamp = Timestamp::UNIX_EPOCH;

    fn batch() -> Batch {
        Batch::new(ProviderId::from_static("mock"), "b-1").unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        FIRST + Duration::from_secs(seconds)
    }

    fn attempt(owns_claim: bool, number: u32) -> Attempt {
        Attempt { owns_claim, number, first: FIRST }
    }

    fn kinds() -> [Recovery; 3] {
        [Recovery::SendAgain, Recovery::LookUp(batch()), Recovery::Never]
    }

    /// Returns a decision in one word, with the seconds until an attempt is repeated.
    fn word(decision: &Decision) -> String {
        match decision {
            Decision::Wait(_) => "wait".to_owned(),
            Decision::Again { after, .. } => format!("again {}", after.as_secs()),
            Decision::End(error) => format!("end {}", error.kind().as_str()),
        }
    }

    #[test]
    fn attempt_with_its_own_claim_sends_whatever_the_recovery_is() {
        for recovery in kinds() {
            assert!(attempt(true, 3).before(at(100_000), &recovery).is_none(), "{recovery:?}");
        }
    }

    #[test]
    fn attempt_with_the_claim_of_another_run_never_sends_without_a_key() {
        let before = |seconds, recovery: &Recovery| {
            attempt(false, 0).before(at(seconds), recovery).as_ref().map_or("send".to_owned(), word)
        };
        let [send_again, look_up, never] = kinds();
        for (seconds, recovery, expected) in [
            (1, &send_again, "send"),
            (3_600, &send_again, "send"),
            (3_601, &send_again, "end outcome_unknown"),
            (1, &look_up, "wait"),
            (100_000, &look_up, "wait"),
            (1, &never, "end outcome_unknown"),
            (100_000, &never, "end outcome_unknown"),
        ] {
            assert_eq!(before(seconds, recovery), expected, "{recovery:?} after {seconds} s");
        }
    }

    #[test]
    fn batch_that_is_looked_up_has_the_grace_of_a_new_batch() {
        let Some(Decision::Wait(batch)) = attempt(false, 0).before(at(900), &Recovery::LookUp(batch())) else {
            panic!("it is not looked up");
        };
        assert_eq!(batch.submitted_at(), Some(at(900)));
    }

    #[test]
    fn result_decides_by_recovery_and_time() {
        let error = |kind| move || Err(Error::new(kind, "test"));
        let refused = || {
            let error = Error::new(ErrorKind::RateLimited, "test");
            Err(error.with_retry_after(Duration::from_secs(100)))
        };
        let [send_again, look_up, never] = kinds();
        type Result = std::result::Result<Batch, Error>;
        let table: [(&dyn Fn() -> Result, &Recovery, u32, u64, &str); 17] = [
            (&|| Ok(batch()), &never, 0, 0, "wait"),
            (&error(ErrorKind::OutcomeUnknown), &send_again, 0, 0, "again 1"),
            (&error(ErrorKind::OutcomeUnknown), &send_again, 3, 0, "again 8"),
            (&error(ErrorKind::OutcomeUnknown), &send_again, 40, 0, "again 60"),
            (&error(ErrorKind::OutcomeUnknown), &send_again, 0, 3_599, "again 1"),
            (&error(ErrorKind::OutcomeUnknown), &send_again, 0, 3_600, "end outcome_unknown"),
            (&error(ErrorKind::OutcomeUnknown), &look_up, 0, 0, "wait"),
            (&error(ErrorKind::OutcomeUnknown), &never, 0, 0, "end outcome_unknown"),
            (&error(ErrorKind::Unavailable), &never, 0, 0, "again 1"),
            (&error(ErrorKind::Unavailable), &never, 0, 3_600, "end unavailable"),
            (&refused, &never, 0, 0, "again 100"),
            (&refused, &never, 0, 3_550, "end rate_limited"),
            (&error(ErrorKind::Conflict), &send_again, 1, 0, "end conflict"),
            (&error(ErrorKind::Usage), &send_again, 0, 0, "end usage"),
            (&error(ErrorKind::InvalidRequest), &look_up, 0, 0, "end invalid_request"),
            (&error(ErrorKind::Authentication), &never, 0, 0, "end authentication"),
            (&error(ErrorKind::Unavailable), &look_up, 2, 0, "again 4"),
        ];
        for (result, recovery, number, seconds, expected) in table {
            let decision = attempt(true, number).after(at(seconds), recovery, result());
            assert_eq!(word(&decision), expected, "{decision:?} {recovery:?}");
        }
    }

    #[test]
    fn entry_of_a_refusal_says_how_long_the_account_is_to_wait() {
        let error = || Error::new(ErrorKind::RateLimited, "test").with_retry_after(Duration::from_millis(1_500));
        let again = Decision::Again { after: Duration::from_secs(2), error: error() };
        assert_eq!(again.into_entry(FIRST).unwrap().throttled_ms, Some(1_500));
        assert_eq!(Decision::End(error()).into_entry(FIRST).unwrap().throttled_ms, Some(1_500));
        let end = Decision::End(Error::new(ErrorKind::Usage, "test")).into_entry(FIRST).unwrap();
        assert_eq!((end.throttled_ms, end.next), (None, AfterSubmit::End));
    }

    #[test]
    fn entries_of_version_1_stay_readable() {
        let claim = r#"{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","at":"2026-01-01T00:00:00Z"}"#;
        assert_eq!(serde_json::from_str::<Claim>(claim).unwrap().at.as_second(), 1_767_225_600);
        for (next, expected) in [
            (r#"{"wait":{"provider":"mock","id":"b-1"}}"#, AfterSubmit::Wait(batch())),
            (r#"{"again":{"after_ms":2000}}"#, AfterSubmit::Again { after_ms: 2_000 }),
            (r#""end""#, AfterSubmit::End),
        ] {
            let entry = format!(r#"{{"next":{next},"status":{{"submitting":{{"fault":null}}}},"throttled_ms":null}}"#);
            assert_eq!(serde_json::from_str::<Submitted>(&entry).unwrap().next, expected);
        }
    }
}
