//! One account's request limit, shared by many batches. Times count from any moment, the same for all calls.

use std::time::Duration;

/// Two seconds' worth of requests may be sent at once after a pause: a provider that counts by the second still sees no more than three
/// times its limit, one that counts by the minute sees nothing.
pub const BURST: f64 = 2.0;

/// Refused once, the rate is halved: what every protocol that shares a line does.
pub const CUT: f64 = 0.5;

/// Each second without a refusal gives back 1 % of the full rate: 50 s after a cut it is whole again.
pub const RECOVERY: f64 = 0.01;

/// The rate never falls below a twentieth of the full one: somebody has to find out that the limit is over.
pub const MIN_SHARE: f64 = 0.05;

/// Refusals within a second of a cut belong to requests that were under way already. They lengthen the pause and cut no more.
const ONE_CUT: Duration = Duration::from_secs(1);

/// A token bucket: how many requests may be sent, and when. Refused, it waits and slows down; left alone, it recovers.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    full: f64,
    /// What part of the full rate it allows itself.
    share: f64,
    tokens: f64,
    /// `tokens` and `share` are as of then.
    at: Duration,
    paused: Duration,
    cut: Option<Duration>,
}

impl Budget {
    /// `rate` requests a second at most, and none saved up. A rate that is no number, or not positive, is one in a thousand seconds; more
    /// than a million is a million.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        let full = if rate.is_nan() { 0.001 } else { rate.clamp(0.001, 1e6) };
        Self { full, share: 1.0, tokens: 1.0, at: Duration::ZERO, paused: Duration::ZERO, cut: None }
    }

    /// The requests a second that it allows itself now.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.full * self.share
    }

    /// Takes a request, if there is one.
    #[must_use]
    pub fn take(&mut self, now: Duration) -> bool {
        self.advance(now);
        let free = now >= self.paused && self.tokens >= 1.0;
        if free {
            self.tokens -= 1.0;
        }
        free
    }

    /// How long until there is a request to take, if nobody else takes it. Zero if there is one.
    #[must_use]
    pub fn wait(&mut self, now: Duration) -> Duration {
        self.advance(now);
        let missing = ((1.0 - self.tokens) / self.rate()).max(0.0);
        // Rounded up: a caller who comes back then finds it.
        let refill = Duration::from_millis((missing * 1000.0).ceil() as u64);
        refill.max(self.paused.saturating_sub(now))
    }

    /// Sends nothing before `until`. A later pause stays.
    pub fn pause(&mut self, until: Duration) {
        self.paused = self.paused.max(until);
    }

    /// A request was refused, with a `Retry-After` or without: waits that long, forgets what was saved up, and slows down.
    pub fn throttled(&mut self, now: Duration, hint: Option<Duration>) {
        self.advance(now);
        self.tokens = 0.0;
        self.pause(now.saturating_add(hint.unwrap_or_default()));
        if self.cut.is_none_or(|cut| now >= cut.saturating_add(ONE_CUT)) {
            self.cut = Some(now);
            self.share = (self.share * CUT).max(MIN_SHARE);
        }
    }

    fn advance(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        let most = (self.full * BURST).max(1.0);
        self.tokens = (self.tokens + passed * self.rate()).min(most);
        self.share = (self.share + passed * RECOVERY).min(1.0);
    }
}
