//! Submits under a claim, so that no order is sent twice where the provider cannot tell.

use std::sync::Arc;

use bulkrail_core::{Batch, Error, ErrorKind, Recovery};
use bulkrail_durable::{Attempts, SubmitStep, Submitter};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::account::millis;
use crate::status::Status;

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
    /// Attempts so far, this one included.
    #[serde(default)]
    pub(crate) attempts: Attempts,
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
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// The claim was made by this run of the workflow, so that the attempt was not made before.
    pub(crate) owns_claim: bool,
    /// Attempts so far. This one has begun.
    pub(crate) attempts: Attempts,
}

impl Attempt {
    /// Submits the order, unless it may have been sent and the provider could not tell.
    ///
    /// It is sent by a task of its own: when the engine drops this future, since it has lost the connection, the request
    /// is not cut off.
    pub(crate) async fn submit<S: Submitter>(
        mut self,
        submitter: &S,
        order: &Arc<S::Order>,
        key: &str,
    ) -> serde_json::Result<Submitted> {
        let clock = submitter.clock();
        let recovery = submitter.recovery(order, key);
        let step = match self.before(clock.wall(), &recovery) {
            Some(step) => step,
            None => {
                let (submitter, order, key) = (submitter.clone(), Arc::clone(order), key.to_owned());
                let sent = tokio::spawn(async move { submitter.submit(&order, &key).await }).await;
                let result = sent.unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::OutcomeUnknown, "the task that submitted the order has ended early"))
                });
                self.attempts.observe(clock.wall(), result, &recovery)
            }
        };
        entry(step, self.attempts, clock.wall())
    }

    /// Returns what to do instead of sending, where an earlier run of the workflow may have sent.
    fn before(&mut self, now: Timestamp, recovery: &Recovery) -> Option<SubmitStep> {
        if self.owns_claim {
            return None;
        }
        match self.attempts.lost(now, recovery) {
            // This attempt is the next one.
            SubmitStep::Again { .. } => None,
            step => Some(step),
        }
    }
}

fn entry(step: SubmitStep, attempts: Attempts, now: Timestamp) -> serde_json::Result<Submitted> {
    let throttled = |error: &Error| {
        let is_refused = error.kind() == ErrorKind::RateLimited;
        is_refused.then(|| millis(error.retry_after().unwrap_or_default()))
    };
    let (throttled_ms, next, status) = match step {
        SubmitStep::Submitted(batch) | SubmitStep::LookUp(batch) => {
            (None, AfterSubmit::Wait(batch.clone()), Status::waiting(batch, now))
        }
        SubmitStep::Again { after, error } => {
            let status = Status::Submitting { fault: Some(Box::new(error.document())) };
            (throttled(&error), AfterSubmit::Again { after_ms: millis(after) }, status)
        }
        SubmitStep::GaveUp(error) => (throttled(&error), AfterSubmit::End, Status::GaveUp(Box::new(error.document()))),
    };
    Ok(Submitted { next, status: to_raw_value(&status)?, attempts, throttled_ms })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bulkrail_core::ProviderId;

    use super::*;

    fn batch() -> Batch {
        Batch::new(ProviderId::from_static("mock"), "b-1").unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn attempt(owns_claim: bool) -> Attempt {
        let mut attempts = Attempts::default();
        attempts.begin(at(0));
        Attempt { owns_claim, attempts }
    }

    fn kinds() -> [Recovery; 3] {
        [Recovery::SendAgain, Recovery::LookUp(batch()), Recovery::Never]
    }

    #[test]
    fn attempt_with_its_own_claim_sends_whatever_the_recovery_is() {
        for recovery in kinds() {
            assert!(attempt(true).before(at(100_000), &recovery).is_none(), "{recovery:?}");
        }
    }

    #[test]
    fn attempt_with_the_claim_of_another_run_never_sends_without_a_key() {
        let before = |seconds, recovery: &Recovery| match attempt(false).before(at(seconds), recovery) {
            None => "send".to_owned(),
            Some(SubmitStep::LookUp(batch)) => {
                format!("look up, grace from {}", batch.submitted_at().unwrap().as_second())
            }
            Some(SubmitStep::GaveUp(error)) => error.kind().as_str().to_owned(),
            Some(step) => format!("{step:?}"),
        };
        let [send_again, look_up, never] = kinds();
        for (seconds, recovery, expected) in [
            (1, &send_again, "send"),
            (3_500, &send_again, "send"),
            (3_601, &send_again, "outcome_unknown"),
            (1, &look_up, "look up, grace from 1"),
            (100_000, &look_up, "look up, grace from 100000"),
            (1, &never, "outcome_unknown"),
            (100_000, &never, "outcome_unknown"),
        ] {
            assert_eq!(before(seconds, recovery), expected, "{recovery:?} after {seconds} s");
        }
    }

    #[test]
    fn refusal_after_a_lost_run_does_not_say_that_the_batch_does_not_exist() {
        let mut attempt = attempt(false);
        assert!(attempt.before(at(1), &Recovery::SendAgain).is_none());
        let refused = Err(Error::new(ErrorKind::Authentication, "the key was refused"));
        let SubmitStep::GaveUp(error) = attempt.attempts.observe(at(2), refused, &Recovery::SendAgain) else {
            panic!("it goes on");
        };
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    }

    #[test]
    fn entry_of_a_refusal_says_how_long_the_account_is_to_wait() {
        let error = || Error::new(ErrorKind::RateLimited, "test").with_retry_after(Duration::from_millis(1_500));
        let entry = |step| entry(step, Attempts::default(), at(0)).unwrap();
        let again = SubmitStep::Again { after: Duration::from_secs(2), error: error() };
        assert_eq!(entry(again).throttled_ms, Some(1_500));
        assert_eq!(entry(SubmitStep::GaveUp(error())).throttled_ms, Some(1_500));
        let end = entry(SubmitStep::GaveUp(Error::new(ErrorKind::Usage, "test")));
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
