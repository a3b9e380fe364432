use std::time::Duration;

/// 0.5: a refusal halves the rate, as in congestion control.
const CUT: f64 = 0.5;

/// 1 % of the full rate is regained per second without a refusal: 50 s after a cut the rate is full
/// again.
const RECOVERY: f64 = 0.01;

/// A twentieth of the full rate at least: some request has to find out that the limit is over.
const MIN_SHARE: f64 = 0.05;

/// 1 s after a cut, a refusal belongs to a request that was in flight already: it prolongs the
/// pause and does not cut again.
const MIN_CUT_INTERVAL: Duration = Duration::from_secs(1);

/// Request limit of one account, shared by many batches: a token bucket that pauses and slows down
/// after a refusal, and recovers.
///
/// Times count from any moment, the same for all calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    full_rate: f64,
    /// Share of the full rate that is used at present.
    share: f64,
    tokens: f64,
    /// Time for which `tokens` and `share` were computed.
    updated: Duration,
    paused_until: Duration,
    last_cut: Option<Duration>,
}

impl Budget {
    /// 2 s of requests may be sent at once after a pause. A provider that counts by the second then
    /// sees three times its limit at most; one that counts by the minute sees no difference.
    pub const BURST: f64 = 2.0;

    /// Returns a budget of `rate` requests per second, with one token.
    ///
    /// A rate below 0.001, or NaN, counts as 0.001; one above a million as a million.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        let full_rate = if rate.is_nan() { 0.001 } else { rate.clamp(0.001, 1e6) };
        Self {
            full_rate,
            share: 1.0,
            tokens: 1.0,
            updated: Duration::ZERO,
            paused_until: Duration::ZERO,
            last_cut: None,
        }
    }

    /// Returns the present rate in requests per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.full_rate * self.share
    }

    /// Consumes one token if available and returns whether it did.
    #[must_use]
    pub fn take(&mut self, now: Duration) -> bool {
        self.update(now);
        let is_available = now >= self.paused_until && self.tokens >= 1.0;
        if is_available {
            self.tokens -= 1.0;
        }
        is_available
    }

    /// Returns the time until a token is available, if no other caller takes it; zero if one is.
    #[must_use]
    pub fn wait(&mut self, now: Duration) -> Duration {
        self.update(now);
        let missing = ((1.0 - self.tokens) / self.rate()).max(0.0);
        // Rounded up, so that the token is available then.
        let refill = Duration::from_millis((missing * 1000.0).ceil() as u64);
        refill.max(self.paused_until.saturating_sub(now))
    }

    /// Makes no token available before `until`. A later pause stays.
    pub fn pause(&mut self, until: Duration) {
        self.paused_until = self.paused_until.max(until);
    }

    /// Records that a request was refused: pauses for `retry_after`, drops all tokens and slows
    /// down.
    pub fn throttled(&mut self, now: Duration, retry_after: Option<Duration>) {
        self.update(now);
        self.tokens = 0.0;
        self.pause(now.saturating_add(retry_after.unwrap_or_default()));
        if self.last_cut.is_none_or(|cut| now >= cut.saturating_add(MIN_CUT_INTERVAL)) {
            self.last_cut = Some(now);
            self.share = (self.share * CUT).max(MIN_SHARE);
        }
    }

    fn update(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.updated).as_secs_f64();
        self.updated = self.updated.max(now);
        let max_tokens = (self.full_rate * Self::BURST).max(1.0);
        self.tokens = (self.tokens + passed * self.rate()).min(max_tokens);
        self.share = (self.share + passed * RECOVERY).min(1.0);
    }
}
