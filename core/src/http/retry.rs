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

#[cfg(all(test, feature = "test-util"))]
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
}
