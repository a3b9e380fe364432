//! Decides what follows an attempt to submit.

use std::time::Duration;

use bulkrail_core::{Batch, Error, ErrorKind, Recovery};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// 1 h after the first attempt whose outcome is not known, an order is not sent again, even under a key. How long a
/// provider keeps a key is often not documented; an hour is longer than a restart and shorter than any time that is.
pub const SEND_AGAIN_WITHIN: Duration = Duration::from_secs(60 * 60);

/// 24 h of transient errors end the attempts: an outage of a day is longer than any that providers report.
pub const SUBMIT_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// 1 to 60 s between two attempts, each twice the one before: an order is submitted soon after an outage.
const BACKOFF: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// Attempts to submit an order, between two of them. Serialises, so that they go on in another process.
///
/// It decides; it sends and waits for nothing.
///
/// ```
/// use bulkrail_core::{Error, ErrorKind, Recovery};
/// use bulkrail_durable::{Attempts, SubmitStep};
///
/// let mut attempts = Attempts::default();
/// let now = "2026-01-01T00:00:00Z".parse()?;
/// attempts.begin(now);
/// let lost = || Error::new(ErrorKind::OutcomeUnknown, "the response was lost");
/// assert!(matches!(attempts.observe(now, Err(lost()), &Recovery::Never), SubmitStep::GaveUp(_)));
/// assert!(matches!(attempts.observe(now, Err(lost()), &Recovery::SendAgain), SubmitStep::Again { .. }));
/// # Ok::<(), bulkrail_core::jiff::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempts {
    /// Number of attempts that have begun.
    count: u32,
    /// When the first attempt began.
    first_at: Option<Timestamp>,
    /// When the last attempt began.
    last_at: Option<Timestamp>,
    /// When the first attempt began whose outcome is not known.
    unknown_at: Option<Timestamp>,
}

/// What follows an attempt.
#[derive(Debug)]
pub enum SubmitStep {
    /// Submit it again after this time, in the same way.
    Again {
        /// Time until then.
        after: Duration,
        /// Error of this attempt.
        error: Error,
    },
    /// The provider has the batch: wait for its end.
    Submitted(Batch),
    /// The provider may have this batch: poll it. It is not there if the poll ends with
    /// [`ErrorKind::NotFound`].
    LookUp(Batch),
    /// The order is not submitted again. With [`ErrorKind::OutcomeUnknown`] the batch may exist; with
    /// [`ErrorKind::Conflict`] it does. With any other error it does not.
    GaveUp(Error),
}

impl Attempts {
    /// Returns the number of attempts that have begun.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Records that an attempt begins. Store it before anything is sent.
    pub fn begin(&mut self, now: Timestamp) {
        self.count = self.count.saturating_add(1);
        self.first_at.get_or_insert(now);
        self.last_at = Some(now);
    }

    /// Takes the result of the attempt, and returns what follows.
    pub fn observe(&mut self, now: Timestamp, result: Result<Batch, Error>, recovery: &Recovery) -> SubmitStep {
        let error = match result {
            Ok(batch) => return SubmitStep::Submitted(batch),
            Err(error) => error,
        };
        if error.is_outcome_unknown() {
            self.unknown_at = self.unknown_at.or(self.last_at).or(Some(now));
        }
        match (self.unknown_at, error.kind()) {
            (_, ErrorKind::Conflict) => SubmitStep::GaveUp(error),
            (Some(_), ErrorKind::OutcomeUnknown) => self.recover(now, error, recovery),
            (Some(_), _) if error.is_transient() => self.recover(now, error, recovery),
            (Some(_), _) => SubmitStep::GaveUp(unknown(error)),
            (None, _) => {
                let after = self.backoff(&error);
                if error.is_transient() && is_within(self.first_at, now, after, SUBMIT_WITHIN) {
                    SubmitStep::Again { after, error }
                } else {
                    SubmitStep::GaveUp(error)
                }
            }
        }
    }

    /// Returns what follows an attempt whose process ended before it had the result.
    pub fn lost(&mut self, now: Timestamp, recovery: &Recovery) -> SubmitStep {
        let reason = "the process that submitted the batch was lost before it had the response";
        self.observe(now, Err(Error::new(ErrorKind::OutcomeUnknown, reason)), recovery)
    }

    fn recover(&self, now: Timestamp, error: Error, recovery: &Recovery) -> SubmitStep {
        let after = self.backoff(&error);
        match recovery {
            Recovery::SendAgain if is_within(self.unknown_at, now, after, SEND_AGAIN_WITHIN) => {
                SubmitStep::Again { after, error }
            }
            // As if it was submitted now: it may have arrived late, and not be visible yet.
            Recovery::LookUp(batch) => SubmitStep::LookUp(batch.clone().with_submitted_at(now)),
            Recovery::SendAgain | Recovery::Never => SubmitStep::GaveUp(unknown(error)),
        }
    }

    fn backoff(&self, error: &Error) -> Duration {
        let doubled = BACKOFF.start().saturating_mul(1 << self.count.saturating_sub(1).min(16));
        doubled.min(*BACKOFF.end()).max(error.retry_after().unwrap_or_default())
    }
}

/// Returns whether an attempt after the time `after` is within `limit` of `from`. A clock that was set back by more ends it, too.
fn is_within(from: Option<Timestamp>, now: Timestamp, after: Duration, limit: Duration) -> bool {
    let next = now.saturating_add(after).unwrap_or(Timestamp::MAX);
    from.is_none_or(|from| next.duration_since(from).unsigned_abs() <= limit)
}

/// Returns the error for an order of which it is not known whether the provider has it.
fn unknown(error: Error) -> Error {
    let error = if error.is_outcome_unknown() {
        error
    } else {
        let reason = format!("an earlier attempt may have worked, and the next one failed: {error}");
        Error::new(ErrorKind::OutcomeUnknown, reason)
    };
    // A hint of the provider's client says more; that of the kind does not name what can be done with an order.
    let has_own_hint = error.hint() != Error::new(ErrorKind::OutcomeUnknown, "").hint();
    if has_own_hint { error } else { error.with_hint(UNKNOWN_HINT) }
}

const UNKNOWN_HINT: &str =
    "find out at the provider whether the batch exists; then set the batch, or submit the order again";

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + seconds).unwrap()
    }

    fn batch() -> Batch {
        Batch::new("acme".parse().unwrap(), "b-1").unwrap()
    }

    fn error(kind: ErrorKind) -> Result<Batch, Error> {
        Err(Error::new(kind, "it failed"))
    }

    fn name(step: &SubmitStep) -> String {
        match step {
            SubmitStep::Again { after, .. } => format!("again after {} s", after.as_secs()),
            SubmitStep::Submitted(_) => "submitted".to_owned(),
            SubmitStep::LookUp(batch) => {
                format!("look up, submitted at {}", batch.submitted_at().unwrap().as_second() - at(0).as_second())
            }
            SubmitStep::GaveUp(error) => format!("gave up: {}", error.kind().as_str()),
        }
    }

    #[test]
    fn attempts_go_on_only_where_no_second_batch_can_come_of_it() {
        use ErrorKind::{Authentication, Conflict, InvalidRequest, OutcomeUnknown, RateLimited, Unavailable};
        let look_up = Recovery::LookUp(batch());
        // Results of the attempts one after the other, one a minute; and what follows the last of them.
        let table: &[(&[ErrorKind], &Recovery, &str)] = &[
            (&[Unavailable], &Recovery::Never, "again after 1 s"),
            (&[Unavailable, RateLimited], &Recovery::Never, "again after 2 s"),
            (&[Unavailable; 20], &Recovery::Never, "again after 60 s"),
            (&[Authentication], &Recovery::SendAgain, "gave up: authentication"),
            (&[InvalidRequest], &look_up, "gave up: invalid_request"),
            (&[Conflict], &Recovery::SendAgain, "gave up: conflict"),
            (&[OutcomeUnknown], &Recovery::Never, "gave up: outcome_unknown"),
            (&[OutcomeUnknown], &Recovery::SendAgain, "again after 1 s"),
            (&[Unavailable, OutcomeUnknown], &look_up, "look up, submitted at 60"),
            // After one of unknown outcome, what a later attempt says of itself is not true of the order.
            (&[OutcomeUnknown, Unavailable], &Recovery::SendAgain, "again after 2 s"),
            (&[OutcomeUnknown, Authentication], &Recovery::SendAgain, "gave up: outcome_unknown"),
            (&[OutcomeUnknown, Conflict], &Recovery::SendAgain, "gave up: conflict"),
            (&[OutcomeUnknown, RateLimited], &Recovery::Never, "gave up: outcome_unknown"),
        ];
        for (results, recovery, expected) in table {
            let mut attempts = Attempts::default();
            let mut step = String::new();
            for (minute, kind) in results.iter().enumerate() {
                let now = at(60 * minute as i64);
                attempts.begin(now);
                // As it was stored.
                attempts = serde_json::from_str(&serde_json::to_string(&attempts).unwrap()).unwrap();
                step = name(&attempts.observe(now, error(*kind), recovery));
            }
            assert_eq!(step, *expected, "{results:?} {recovery:?}");
        }
    }

    #[test]
    fn attempts_end_an_hour_after_one_of_unknown_outcome_and_a_day_after_the_first() {
        for (seconds, expected) in [(3_598, "again after 2 s"), (3_599, "gave up: outcome_unknown")] {
            let mut attempts = Attempts::default();
            attempts.begin(at(0));
            let _step = attempts.observe(at(1), error(ErrorKind::OutcomeUnknown), &Recovery::SendAgain);
            attempts.begin(at(seconds));
            assert_eq!(name(&attempts.lost(at(seconds), &Recovery::SendAgain)), expected);
        }
        for (hours, expected) in [(23, "again after 1 s"), (24, "gave up: unavailable")] {
            let mut attempts = Attempts::default();
            attempts.begin(at(0));
            assert_eq!(
                name(&attempts.observe(at(hours * 3_600), error(ErrorKind::Unavailable), &Recovery::Never)),
                expected
            );
        }
        // The clock was set back by a day.
        let mut attempts = Attempts::default();
        attempts.begin(at(90_000));
        assert_eq!(name(&attempts.lost(at(0), &Recovery::SendAgain)), "gave up: outcome_unknown");
    }

    #[test]
    fn attempt_waits_as_long_as_the_provider_asks() {
        let mut attempts = Attempts::default();
        attempts.begin(at(0));
        let refused = Error::new(ErrorKind::RateLimited, "too many").with_retry_after(Duration::from_secs(77));
        assert_eq!(name(&attempts.observe(at(0), Err(refused), &Recovery::Never)), "again after 77 s");
        assert_eq!(name(&attempts.observe(at(0), Ok(batch()), &Recovery::Never)), "submitted");
    }

    #[test]
    fn attempts_double_the_pause_from_1_to_60_s_unless_the_provider_asks_for_more() {
        let refused = |after: Option<u64>| {
            let error = Error::new(ErrorKind::RateLimited, "too many");
            Err(match after {
                Some(after) => error.with_retry_after(Duration::from_secs(after)),
                None => error,
            })
        };
        for (asked, expected) in [
            (None, [1, 2, 4, 8, 16, 32, 60, 60]),
            (Some(0), [1, 2, 4, 8, 16, 32, 60, 60]),
            (Some(5), [5, 5, 5, 8, 16, 32, 60, 60]),
            (Some(61), [61; 8]),
            (Some(7_200), [7_200; 8]),
        ] {
            let mut attempts = Attempts::default();
            for (place, pause) in expected.into_iter().enumerate() {
                attempts.begin(at(0));
                assert_eq!(attempts.count() as usize, place + 1);
                let step = attempts.observe(at(0), refused(asked), &Recovery::Never);
                assert_eq!(name(&step), format!("again after {pause} s"), "{asked:?}, attempt {place}");
            }
        }
    }

    #[test]
    fn attempts_are_not_begun_later_than_a_day_after_the_first_whatever_the_provider_asks() {
        let hour = 3_600;
        let table = [
            // The time of the error after the first attempt began, and what the provider asks to wait.
            (86_399, 0, "again after 1 s"),
            (86_400, 0, "gave up: rate_limited"),
            (hour, 23 * hour as u64, "again after 82800 s"),
            (hour, 23 * hour as u64 + 1, "gave up: rate_limited"),
            (0, 24 * hour as u64, "again after 86400 s"),
            (0, 24 * hour as u64 + 1, "gave up: rate_limited"),
            (0, u64::MAX, "gave up: rate_limited"),
        ];
        for (seconds, asked, expected) in table {
            let mut attempts = Attempts::default();
            attempts.begin(at(0));
            let refused = Error::new(ErrorKind::RateLimited, "too many").with_retry_after(Duration::from_secs(asked));
            assert_eq!(
                name(&attempts.observe(at(seconds), Err(refused), &Recovery::Never)),
                expected,
                "{seconds} {asked}"
            );
        }
    }

    #[test]
    fn hour_of_an_unknown_outcome_counts_from_the_attempt_that_was_first_of_unknown_outcome() {
        // Attempts begin at these times; those with a number of seconds are lost after it, others are refused.
        let step = |begun: &[(i64, Option<i64>)]| {
            let mut attempts = Attempts::default();
            let mut step = String::new();
            for (begun, lost_after) in begun {
                attempts.begin(at(*begun));
                step = name(&match lost_after {
                    Some(after) => attempts.lost(at(begun + after), &Recovery::SendAgain),
                    None => attempts.observe(at(*begun), error(ErrorKind::Unavailable), &Recovery::SendAgain),
                });
            }
            step
        };
        assert_eq!(step(&[(0, Some(3_599))]), "again after 1 s");
        assert_eq!(step(&[(0, Some(3_600))]), "gave up: outcome_unknown", "from its beginning, not from its loss");
        assert_eq!(step(&[(0, None), (3_000, Some(3_598))]), "again after 2 s", "not from the one before");
        assert_eq!(step(&[(0, None), (3_000, Some(3_599))]), "gave up: outcome_unknown");
        assert_eq!(step(&[(0, Some(0)), (3_000, Some(596))]), "again after 2 s");
        assert_eq!(step(&[(0, Some(0)), (3_000, Some(599))]), "gave up: outcome_unknown", "not from a later one");
        assert_eq!(step(&[(0, Some(0)), (3_599, None)]), "gave up: outcome_unknown", "a refusal does not prolong it");
        // A clock that was set back by less than the limit.
        assert_eq!(step(&[(3_600, Some(-3_600))]), "again after 1 s");
        assert_eq!(step(&[(3_602, Some(-3_602))]), "gave up: outcome_unknown");
    }

    #[test]
    fn order_that_may_exist_is_given_up_with_a_reason_and_a_hint() {
        let mut attempts = Attempts::default();
        attempts.begin(at(0));
        let _step = attempts.lost(at(0), &Recovery::SendAgain);
        attempts.begin(at(1));
        let SubmitStep::GaveUp(refused) = attempts.observe(at(1), error(ErrorKind::Permission), &Recovery::SendAgain)
        else {
            panic!("it is not sent again")
        };
        assert_eq!(refused.kind(), ErrorKind::OutcomeUnknown);
        assert_eq!(refused.to_string(), "an earlier attempt may have worked, and the next one failed: it failed");
        assert_eq!(refused.hint(), Some(UNKNOWN_HINT));
        let SubmitStep::GaveUp(lost) = attempts.lost(at(1), &Recovery::Never) else { panic!("it is not sent again") };
        let reason = "the process that submitted the batch was lost before it had the response";
        assert_eq!((lost.kind(), lost.to_string().as_str()), (ErrorKind::OutcomeUnknown, reason));
        assert_eq!(lost.hint(), Some(UNKNOWN_HINT));
        let own = Error::new(ErrorKind::OutcomeUnknown, "lost").with_hint("ask for the job of this time");
        let SubmitStep::GaveUp(own) = attempts.observe(at(1), Err(own), &Recovery::Never) else {
            panic!("it is not sent again")
        };
        assert_eq!(own.hint(), Some("ask for the job of this time"));
    }

    #[test]
    fn attempts_end_a_day_after_the_first_however_many_there_were() {
        for (last, expected) in [(86_340, "again after 60 s"), (86_341, "gave up: unavailable")] {
            let mut attempts = Attempts::default();
            let mut step = String::new();
            for attempt in 0..=80 {
                let now = at(if attempt == 80 { last } else { 1_000 * attempt });
                attempts.begin(now);
                step = name(&attempts.observe(now, error(ErrorKind::Unavailable), &Recovery::Never));
            }
            assert_eq!((step.as_str(), attempts.count()), (expected, 81));
        }
    }
}
