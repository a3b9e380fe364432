//! Rate limit of [`Faults::RateLimit`](crate::Faults::RateLimit).

use std::sync::Mutex;

use axum::http::{HeaderMap, HeaderValue};

use crate::store::lock;

/// Requests per second, and the burst size.
const RATE: u64 = 20;

/// Headers by which a provider asks a client to slow down.
pub(crate) enum RateLimitHeaders {
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` (epoch seconds).
    XRateLimit,
    /// `Retry-After` in seconds.
    RetryAfter,
}

/// Token bucket that refills in real time.
pub(crate) struct TokenBucket(Mutex<BucketState>);

struct BucketState {
    /// Available requests, in thousandths.
    milli_tokens: u64,
    /// Time of the last refill, in real milliseconds.
    refilled_at: u64,
}

impl Default for TokenBucket {
    fn default() -> Self {
        Self(Mutex::new(BucketState { milli_tokens: RATE * 1000, refilled_at: 0 }))
    }
}

impl TokenBucket {
    /// Consumes one token, or returns the milliseconds until one is available.
    pub(crate) fn try_acquire(&self, now: u64) -> Result<(), u64> {
        let mut state = lock(&self.0);
        let refill = now.saturating_sub(state.refilled_at).saturating_mul(RATE);
        state.milli_tokens = (state.milli_tokens.saturating_add(refill)).min(RATE * 1000);
        state.refilled_at = state.refilled_at.max(now);
        match state.milli_tokens.checked_sub(1000) {
            Some(rest) => {
                state.milli_tokens = rest;
                Ok(())
            }
            None => Err((1000 - state.milli_tokens).div_ceil(RATE)),
        }
    }

    /// Adds the `X-RateLimit-*` headers to a response.
    pub(crate) fn insert_headers(&self, unix_millis: u64, headers: &mut HeaderMap) {
        let milli_tokens = lock(&self.0).milli_tokens;
        let full_in = (RATE * 1000 - milli_tokens).div_ceil(RATE);
        let reset = (unix_millis + full_in).div_ceil(1000);
        headers.insert("x-ratelimit-limit", HeaderValue::from(RATE));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(milli_tokens / 1000));
        headers.insert("x-ratelimit-reset", HeaderValue::from(reset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_bucket_allows_burst_of_20_then_20_per_second() {
        let bucket = TokenBucket::default();
        let acquired = |now| (0..100).filter(|_| bucket.try_acquire(now).is_ok()).count();
        assert_eq!(acquired(0), 20);
        assert_eq!(bucket.try_acquire(0), Err(50));
        assert_eq!(acquired(500), 10);
        assert_eq!(acquired(60_000), 20);
    }
}
