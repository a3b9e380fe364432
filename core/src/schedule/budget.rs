use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::exact;

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

/// 10 s: a clock that goes back by more was set. By less, it is the clock of another machine that shares the budget: then
/// no token is added until it has caught up, so that clocks that differ do not make the budget larger.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(10);

/// 2 requests may be sent at once, however low the rate is: with one, a request that was not used when it was allowed is
/// lost to the other batches.
const MIN_BURST: f64 = 2.0;

/// 1 ms to 1 h of burst.
const BURST_RANGE: RangeInclusive<f64> = 0.001..=3600.0;

/// 0.001 to a million requests per second.
const RATE_RANGE: RangeInclusive<f64> = 0.001..=1e6;

/// Request limit of one account, shared by many batches: a token bucket that pauses and slows down
/// after a refusal, and recovers.
///
/// A [`WaitSet`](crate::WaitSet) has one. Serialised, one budget is shared by several processes. Times count from any
/// moment, the same for all calls: for a shared one, since 1970. It is safe to lose: a new one begins with one token.
///
/// ```
/// use std::time::Duration;
/// use bulkrail_core::schedule::Budget;
///
/// // A little less than the 25 requests per second that the provider allows.
/// let mut budget = Budget::new(24.0);
/// let now = Duration::from_secs(1_767_225_600);
/// let stored = serde_json::to_string(&budget)?;
///
/// // In a process of the account, under a lock:
/// let mut budget: Budget = serde_json::from_str(&stored)?;
/// let sleep = budget.reserve(now);
/// assert_eq!(sleep, Duration::ZERO);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    #[serde(serialize_with = "exact::serialize", deserialize_with = "checked_rate")]
    full_rate: f64,
    /// Seconds of requests that may be sent at once.
    #[serde(serialize_with = "exact::serialize", deserialize_with = "checked_burst")]
    burst: f64,
    /// Share of the full rate that is used at present.
    #[serde(serialize_with = "exact::serialize", deserialize_with = "checked_share")]
    share: f64,
    /// Negative where more is reserved than there was.
    #[serde(with = "exact")]
    tokens: f64,
    /// The latest time of a call.
    seen: Duration,
    /// Time for which `tokens` and `share` were computed: the latest one, or the end of a pause.
    updated: Duration,
    paused_until: Duration,
    last_cut: Option<Duration>,
}

impl Budget {
    /// 0.2 s of requests may be sent at once after a time without any. Four processes on an account that allows 25 requests
    /// per second, and saves 25, drew no refusal with one budget of 24 requests per second. With a burst of 2 s they drew
    /// 24 to 52.
    pub const BURST: f64 = 0.2;

    /// Returns a budget of `rate` requests per second, with one token.
    ///
    /// A rate below 0.001, or NaN, counts as 0.001; one above a million as a million.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self {
            full_rate: clamped(rate, RATE_RANGE),
            burst: Self::BURST,
            share: 1.0,
            tokens: 1.0,
            seen: Duration::ZERO,
            updated: Duration::ZERO,
            paused_until: Duration::ZERO,
            last_cut: None,
        }
    }

    /// Sets how many seconds of requests may be sent at once after a time without any; two requests at
    /// least.
    ///
    /// Default: [`BURST`](Self::BURST). Values outside 1 ms to 1 h count as the nearest one inside.
    #[must_use]
    pub fn with_burst(self, seconds: f64) -> Self {
        Self { burst: clamped(seconds, BURST_RANGE), ..self }
    }

    /// Returns the burst in seconds.
    #[must_use]
    pub fn burst(&self) -> f64 {
        self.burst
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
        self.refill(1.0).max(self.paused_until.saturating_sub(now))
    }

    /// Takes the next free place of a request, and returns the time until then; zero if it may be sent at once.
    ///
    /// The caller sleeps so long and sends its request. Places are given in the order of the calls, and the one of a
    /// request that is not sent is lost.
    #[must_use = "the request is to be sent after this time"]
    pub fn reserve(&mut self, now: Duration) -> Duration {
        self.update(now);
        // Places in a pause are places after it, one after the other.
        let from = self.paused_until.max(now);
        self.advance(from);
        self.tokens -= 1.0;
        (from - now).saturating_add(self.refill(0.0))
    }

    /// Makes no token available before `until`. A later pause stays.
    pub fn pause(&mut self, until: Duration) {
        self.paused_until = self.paused_until.max(until);
    }

    /// Records that a request was refused: pauses for `retry_after`, drops all tokens and slows
    /// down.
    pub fn throttled(&mut self, now: Duration, retry_after: Option<Duration>) {
        self.update(now);
        self.tokens = self.tokens.min(0.0);
        self.pause(now.saturating_add(retry_after.unwrap_or_default()));
        if self.last_cut.is_none_or(|cut| now >= cut.saturating_add(MIN_CUT_INTERVAL)) {
            self.last_cut = Some(now);
            self.share = (self.share * CUT).max(MIN_SHARE);
        }
    }

    /// Returns the time in which the tokens become `tokens`.
    fn refill(&self, tokens: f64) -> Duration {
        let missing = ((tokens - self.tokens) / self.rate()).max(0.0);
        // Rounded up, so that the token is available then.
        Duration::from_millis((missing * 1000.0).ceil() as u64)
    }

    fn update(&mut self, now: Duration) {
        let back = self.seen.saturating_sub(now);
        if back > MAX_CLOCK_DIFFERENCE {
            self.seen = now;
            for time in [&mut self.updated, &mut self.paused_until].into_iter().chain(&mut self.last_cut) {
                *time = time.saturating_sub(back);
            }
        }
        self.seen = self.seen.max(now);
        self.advance(now);
    }

    fn advance(&mut self, to: Duration) {
        let passed = to.saturating_sub(self.updated).as_secs_f64();
        self.updated = self.updated.max(to);
        let max_tokens = (self.full_rate * self.burst).max(MIN_BURST);
        self.tokens = (self.tokens + passed * self.rate()).min(max_tokens);
        self.share = (self.share + passed * RECOVERY).min(1.0);
    }
}

fn clamped(value: f64, range: RangeInclusive<f64>) -> f64 {
    if value.is_nan() { *range.start() } else { value.clamp(*range.start(), *range.end()) }
}

fn checked_rate<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    exact::deserialize(from).map(|rate| clamped(rate, RATE_RANGE))
}

fn checked_burst<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    exact::deserialize(from).map(|burst| clamped(burst, BURST_RANGE))
}

fn checked_share<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    exact::deserialize(from).map(|share| clamped(share, MIN_SHARE..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Returns the times at which the requests of many callers are sent, who all ask at `now`.
    fn reserved(budget: &mut Budget, now: Duration, requests: usize) -> Vec<Duration> {
        (0..requests).map(|_| now + budget.reserve(now)).collect()
    }

    #[test]
    fn budget_reserves_places_at_its_rate_after_its_burst() {
        let mut budget = Budget::new(10.0);
        let now = secs(1_767_225_600.0);
        let times = reserved(&mut budget, now, 12);
        let expected: Vec<_> = (0..12_u32).map(|n| now + n.saturating_sub(1) * secs(0.1)).collect();
        assert_eq!(times, expected, "0.2 s of 10 requests per second are two at once");
        assert!(!budget.take(now + secs(0.9)), "the places are taken");
        assert!(budget.take(now + secs(1.2)));

        let mut budget = Budget::new(10.0).with_burst(1.0);
        let times = reserved(&mut budget, now, 11);
        assert_eq!((times[9], times[10]), (now, now + secs(0.1)));
        let mut slow = Budget::new(0.5);
        assert_eq!(reserved(&mut slow, now, 3), [now, now, now + secs(2.0)], "two at least");
    }

    #[test]
    fn budget_reserves_places_in_a_pause_one_after_the_other_behind_it() {
        let mut budget = Budget::new(10.0);
        let now = secs(1000.0);
        budget.throttled(now, Some(secs(60.0)));
        let times = reserved(&mut budget, now, 1_000);
        assert_eq!(times[0], now + secs(60.0));
        let in_first_second = times.iter().filter(|time| **time < now + secs(61.0)).count();
        assert!(in_first_second <= 12, "{in_first_second}");
        assert!(times.is_sorted());
        assert!(!budget.take(now + secs(61.0)), "they come first");
    }

    #[test]
    fn budget_survives_json_unchanged() {
        let mut budget = Budget::new(24.7).with_burst(0.3);
        for request in 0..50 {
            let _ = budget.reserve(secs(f64::from(request) / 97.0));
        }
        budget.throttled(secs(1.0 / 3.0), Some(secs(7.0)));
        let stored = serde_json::to_string(&budget).unwrap();
        assert_eq!(serde_json::from_str::<Budget>(&stored).unwrap(), budget);
        assert!(serde_json::from_str::<Budget>(&stored.replace("24.7", "NaN")).is_err());
        let fast: Budget = serde_json::from_str(&stored.replace("24.7", "1e300")).unwrap();
        assert!(fast.rate() <= 1e6);
    }

    #[test]
    fn budget_does_not_stop_when_the_clock_is_set_back() {
        let mut budget = Budget::new(10.0);
        let now = secs(100_000.0);
        budget.throttled(now, Some(secs(60.0)));
        let back = secs(1_000.0);
        assert!(budget.reserve(back) <= secs(61.0), "the pause is not longer than it was");
        let _ = reserved(&mut budget, back, 20);
        assert!(budget.take(back + secs(120.0)), "tokens are added again");
    }

    #[test]
    fn budget_of_machines_whose_clocks_differ_is_not_larger() {
        // Two machines in turn, one 3 s behind the other.
        let mut budget = Budget::new(10.0);
        let mut sent = 0;
        for step in 0_u32..10_000 {
            let now = secs(1_000.0 + f64::from(step) / 100.0) - if step % 2 == 0 { secs(3.0) } else { Duration::ZERO };
            sent += u32::from(budget.take(now));
        }
        assert!((900..=1_005).contains(&sent), "{sent} requests in 100 s");
    }
}
