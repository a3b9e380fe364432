//! The one place that sends a request again: policy, backoff, classification.

use std::future::Future;
use std::time::Duration;

use crate::error::Error;
use crate::time::Clock;

/// Attempts and pauses of a retried operation.
///
/// The pause doubles after each attempt, up to a maximum. A provider's `Retry-After` replaces a shorter pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    max_attempts: u32,
    initial_backoff: Duration,
    max_backoff: Duration,
    max_elapsed: Duration,
}

impl RetryPolicy {
    /// 30 s: the longest pause between two attempts, unless the provider asks for more.
    pub const MAX_BACKOFF: Duration = Duration::from_secs(30);
    /// 60 s: where the provider asks to wait longer, the error is returned instead, and says so
    /// ([`Error::retry_after`]). One response cannot stop an operation for hours, and no request is sent too early.
    pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

    /// Returns a policy of `max_attempts` attempts, the second one after `initial_backoff`.
    #[must_use]
    pub const fn new(max_attempts: u32, initial_backoff: Duration) -> Self {
        Self { max_attempts, initial_backoff, max_backoff: Self::MAX_BACKOFF, max_elapsed: Duration::MAX }
    }

    /// Returns the same policy without another attempt once `max_elapsed` has passed since the first one.
    #[must_use]
    pub const fn with_max_elapsed(self, max_elapsed: Duration) -> Self {
        Self { max_elapsed, ..self }
    }

    fn backoff(&self, attempts: u32, retry_after: Option<Duration>) -> Duration {
        let doubled = self.initial_backoff.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        let backoff = doubled.min(self.max_backoff.max(self.initial_backoff));
        retry_after.unwrap_or_default().max(backoff)
    }
}

/// Retries of requests that only read: attempts from 1 s to 30 s apart, for two minutes.
///
/// Two minutes outlast a deployment or the window of a rate limit. Reading changes nothing, so a longer outage is
/// reported, and the caller may read again.
pub const READ_RETRIES: RetryPolicy =
    RetryPolicy::new(u32::MAX, Duration::from_secs(1)).with_max_elapsed(Duration::from_secs(120));

/// Decision after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The error is final.
    No,
    /// Another attempt may succeed at once.
    Immediately,
    /// Another attempt may succeed after a pause.
    AfterBackoff,
}

/// Runs `attempt` until it succeeds, `classify` calls its error final, or the policy allows no other attempt.
///
/// # Errors
///
/// The error of the last attempt.
///
/// # Cancel safety
///
/// Dropping the future drops the attempt under way.
pub async fn retry<T, F>(
    clock: &Clock,
    policy: RetryPolicy,
    mut attempt: impl FnMut() -> F,
    mut classify: impl FnMut(&Error) -> Retry,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let started = clock.now();
    let mut attempts = 0;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        attempts += 1;
        let decision = if attempts >= policy.max_attempts { Retry::No } else { classify(&error) };
        let backoff = match decision {
            Retry::No => return Err(error),
            Retry::Immediately => continue,
            Retry::AfterBackoff if error.retry_after() > Some(RetryPolicy::MAX_RETRY_AFTER) => return Err(error),
            Retry::AfterBackoff => policy.backoff(attempts, error.retry_after()),
        };
        if clock.now().saturating_sub(started).saturating_add(backoff) > policy.max_elapsed {
            return Err(error);
        }
        clock.sleep(backoff).await;
    }
}

/// Runs `attempt`, which only reads, until it succeeds or fails with an error that is not transient; see
/// [`READ_RETRIES`].
///
/// # Errors
///
/// The error of the last attempt.
pub async fn retry_reads<T, F>(clock: &Clock, attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let classify = |error: &Error| if error.is_transient() { Retry::AfterBackoff } else { Retry::No };
    retry(clock, READ_RETRIES, attempt, classify).await
}

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::test_util::VirtualClock;

    fn run(policy: RetryPolicy, errors: &[(ErrorKind, u64)]) -> (Result<(), ErrorKind>, Duration) {
        let clock = VirtualClock::new();
        let mut errors = errors.iter();
        let classify = |error: &Error| match error.kind() {
            ErrorKind::Conflict => Retry::Immediately,
            _ if error.is_transient() => Retry::AfterBackoff,
            _ => Retry::No,
        };
        let attempt = || {
            let next = errors.next().copied();
            async move {
                match next {
                    None => Ok(()),
                    Some((kind, 0)) => Err(Error::new(kind, "failed")),
                    Some((kind, after)) => Err(Error::new(kind, "failed").with_retry_after(Duration::from_secs(after))),
                }
            }
        };
        let result = clock.run(retry(&clock.clock(), policy, attempt, classify));
        (result.map_err(|error| error.kind()), clock.elapsed())
    }

    #[test]
    fn retry_follows_policy_backoff_and_classification() {
        use ErrorKind::{Conflict, NotFound, RateLimited, Unavailable};
        let second = Duration::from_secs;
        let three = RetryPolicy::new(3, second(1));
        assert_eq!(run(three, &[]), (Ok(()), second(0)));
        assert_eq!(run(three, &[(Unavailable, 0), (Unavailable, 0)]), (Ok(()), second(3)));
        assert_eq!(run(three, &[(Unavailable, 0); 3]), (Err(Unavailable), second(3)));
        assert_eq!(run(three, &[(NotFound, 0)]), (Err(NotFound), second(0)));
        assert_eq!(run(three, &[(Conflict, 0), (Conflict, 0)]), (Ok(()), second(0)));
        assert_eq!(run(three, &[(RateLimited, 20)]), (Ok(()), second(20)));
        assert_eq!(run(three, &[(RateLimited, 86_400)]), (Err(RateLimited), second(0)));
        assert_eq!(run(three, &[(RateLimited, 60)]), (Ok(()), RetryPolicy::MAX_RETRY_AFTER));
        let (result, elapsed) = run(READ_RETRIES, &[(Unavailable, 0); 100]);
        assert_eq!(result, Err(Unavailable));
        assert!(elapsed <= second(120) && elapsed > second(60), "{elapsed:?}");
    }

    /// Returns when each attempt of an operation that always fails began, and the kind of its error.
    fn attempts(policy: RetryPolicy, retry_after: Option<Duration>) -> (Vec<u64>, ErrorKind) {
        let clock = VirtualClock::new();
        let mut begun = Vec::new();
        let attempt = || {
            begun.push(clock.elapsed().as_millis() as u64);
            let error = Error::new(ErrorKind::Unavailable, "failed");
            std::future::ready(Err::<(), _>(match retry_after {
                Some(after) => error.with_retry_after(after),
                None => error,
            }))
        };
        let failed = clock.run(retry(&clock.clock(), policy, attempt, |_| Retry::AfterBackoff));
        let kind = failed.unwrap_err().kind();
        (begun, kind)
    }

    #[test]
    fn retry_doubles_the_pause_up_to_its_maximum_and_ends_at_the_number_of_attempts() {
        let begun = |policy| attempts(policy, None).0;
        let first = Duration::from_secs(1);
        assert_eq!(begun(RetryPolicy::new(0, first)), [0], "one attempt at least");
        assert_eq!(begun(RetryPolicy::new(1, first)), [0]);
        assert_eq!(begun(RetryPolicy::new(4, first)), [0, 1_000, 3_000, 7_000]);
        let long = [0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000];
        assert_eq!(begun(RetryPolicy::new(8, first)), long, "30 s at most");
        assert_eq!(begun(READ_RETRIES), long, "the next one would be after two minutes");
        assert_eq!(begun(RetryPolicy::new(3, Duration::from_secs(45))), [0, 45_000, 90_000]);
        let many = begun(RetryPolicy::new(100, Duration::from_millis(1)));
        assert_eq!((many.len(), many[99] - many[98]), (100, 30_000));
    }

    #[test]
    fn retry_makes_no_attempt_after_the_maximum_time() {
        for (millis, expected) in [(999, 1), (1_000, 2), (2_999, 2), (3_000, 3), (7_000, 4)] {
            let policy = RetryPolicy::new(4, Duration::from_secs(1)).with_max_elapsed(Duration::from_millis(millis));
            assert_eq!(attempts(policy, None).0.len(), expected, "{millis} ms");
        }
    }

    #[test]
    fn retry_waits_as_long_as_the_provider_asks_up_to_a_minute_and_returns_the_error_beyond() {
        let policy = RetryPolicy::new(3, Duration::from_secs(4));
        let table: [(u64, &[u64]); 8] = [
            (0, &[0, 4_000, 12_000]),
            (3_999, &[0, 4_000, 12_000]),
            (4_001, &[0, 4_001, 12_001]),
            (59_999, &[0, 59_999, 119_998]),
            (60_000, &[0, 60_000, 120_000]),
            (60_001, &[0]),
            (7_200_000, &[0]),
            (u64::MAX, &[0]),
        ];
        for (millis, expected) in table {
            let (begun, kind) = attempts(policy, Some(Duration::from_millis(millis)));
            assert_eq!((&*begun, kind), (expected, ErrorKind::Unavailable), "{millis} ms");
        }
    }
}
