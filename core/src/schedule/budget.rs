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

    /// Returns the number of requests that `budget` allows at once after an hour without any.
    fn at_once(mut budget: Budget) -> usize {
        let now = secs(10_000.0);
        assert!(budget.take(now));
        let now = now + secs(3_600.0);
        (0..).take_while(|_| budget.take(now)).count()
    }

    #[test]
    fn budget_allows_at_once_its_burst_and_two_requests_at_least() {
        let table = [
            (0.5, None, 2),
            (10.0, None, 2),
            (14.9, None, 2),
            (15.0, None, 3),
            (24.0, None, 4),
            (25.0, None, 5),
            (100.0, None, 20),
            (10.0, Some(0.29), 2),
            (10.0, Some(0.3), 3),
            (10.0, Some(1.0), 10),
            (10.0, Some(0.0), 2),
            (10_000.0, Some(0.0), 10),
            (10_000.0, Some(f64::NAN), 10),
            (2.0, Some(3_600.0), 7_200),
            (2.0, Some(1e9), 7_200),
        ];
        for (rate, burst, expected) in table {
            let budget = Budget::new(rate);
            let budget = if let Some(seconds) = burst { budget.with_burst(seconds) } else { budget };
            assert_eq!(at_once(budget), expected, "{rate} per second, {burst:?}");
        }
    }

    #[test]
    fn budget_begins_with_one_request_whatever_its_burst_is() {
        for mut budget in [Budget::new(1.0), Budget::new(1.0).with_burst(3_600.0)] {
            assert!(budget.take(Duration::ZERO));
            assert!(!budget.take(Duration::ZERO));
            assert!(!budget.take(secs(0.999)));
            assert!(budget.take(secs(1.0)));
        }
    }

    #[test]
    fn budget_counts_rate_and_burst_outside_their_range_as_the_nearest_inside() {
        let rates = [
            (f64::NAN, 0.001),
            (f64::NEG_INFINITY, 0.001),
            (0.000_9, 0.001),
            (0.001, 0.001),
            (0.002, 0.002),
            (1e6, 1e6),
            (1.1e6, 1e6),
            (f64::INFINITY, 1e6),
        ];
        for (rate, expected) in rates {
            assert_eq!(Budget::new(rate).rate().to_bits(), f64::to_bits(expected), "{rate}");
        }
        let bursts = [
            (f64::NAN, 0.001),
            (-1.0, 0.001),
            (0.000_9, 0.001),
            (0.002, 0.002),
            (3_600.0, 3_600.0),
            (3_601.0, 3_600.0),
            (f64::INFINITY, 3_600.0),
        ];
        for (burst, expected) in bursts {
            let budget = Budget::new(5.0).with_burst(burst);
            assert_eq!(budget.burst().to_bits(), f64::to_bits(expected), "{burst}");
        }
        assert_eq!(Budget::new(5.0).burst().to_bits(), 0.2_f64.to_bits());
    }

    /// Returns the rate at `now`.
    fn rate(budget: &mut Budget, now: Duration) -> f64 {
        let _ = budget.wait(now);
        (budget.rate() * 1e6).round() / 1e6
    }

    #[test]
    fn budget_halves_its_rate_at_a_refusal_and_regains_it_in_50_s() {
        let table = [(0.0, 5.0), (1.0, 5.1), (10.0, 6.0), (49.0, 9.9), (50.0, 10.0), (51.0, 10.0), (9_999.0, 10.0)];
        let now = secs(1_000.0);
        for (seconds, expected) in table {
            let mut budget = Budget::new(10.0);
            budget.throttled(now, None);
            let found = rate(&mut budget, now + secs(seconds));
            assert!((found - expected).abs() < 1e-6, "{found} after {seconds} s");
        }
    }

    #[test]
    fn budget_cuts_once_a_second_and_keeps_a_twentieth() {
        let now = secs(1_000.0);
        for (seconds, expected) in [(0.0, 5.0), (0.5, 5.05), (0.999, 5.0999), (1.0, 2.55), (2.0, 2.6)] {
            let mut budget = Budget::new(10.0);
            budget.throttled(now, None);
            budget.throttled(now + secs(seconds), None);
            let found = rate(&mut budget, now + secs(seconds));
            assert!((found - expected).abs() < 1e-6, "{found} after {seconds} s");
        }
        let mut budget = Budget::new(10.0);
        let mut rates = Vec::new();
        for second in 0..10_u32 {
            budget.throttled(now + secs(f64::from(second)), None);
            rates.push(budget.rate());
        }
        assert!(rates.is_sorted_by(|before, after| before >= after), "{rates:?}");
        assert!((rates[9] - 0.5).abs() < 1e-9, "{rates:?}");
    }

    #[test]
    fn budget_sends_nothing_in_a_pause_and_goes_on_at_its_end() {
        let now = secs(1_000.0);
        let mut budget = Budget::new(10.0);
        budget.throttled(now, Some(secs(60.0)));
        assert_eq!(budget.wait(now), secs(60.0));
        // A refusal in the pause that asks for less does not shorten it, nor does an earlier pause.
        budget.throttled(now + secs(0.5), Some(secs(1.0)));
        budget.pause(now + secs(30.0));
        assert_eq!(budget.wait(now + secs(59.0)), secs(1.0));
        assert!(!budget.take(now + secs(59.999)));
        assert!(budget.take(now + secs(60.0)));
        budget.pause(now + secs(70.0));
        assert!(!budget.take(now + secs(69.999)));
        assert!(budget.take(now + secs(70.0)));
    }

    #[test]
    fn budget_has_no_request_left_after_a_refusal_and_keeps_places_that_were_reserved() {
        let now = secs(1_000.0);
        let mut budget = Budget::new(10.0).with_burst(10.0);
        budget.throttled(now, None);
        assert_eq!(budget.wait(now), secs(0.2), "one request at half the rate");
        assert!(!budget.take(now + secs(0.1)));
        // 10 places more than there are tokens: 2 s of requests at half the rate.
        let mut budget = Budget::new(10.0).with_burst(0.2);
        let _ = reserved(&mut budget, now, 12);
        budget.throttled(now, None);
        assert_eq!(budget.wait(now), secs(2.2));
    }

    #[test]
    fn budget_waits_until_a_request_is_allowed_rounded_up_to_a_millisecond() {
        let now = secs(1_000.0);
        let mut budget = Budget::new(3.0);
        assert!(budget.take(now) && budget.take(now));
        assert_eq!(budget.wait(now), Duration::from_millis(334));
        assert!(!budget.take(now + Duration::from_millis(333)));
        assert!(budget.take(now + Duration::from_millis(334)));
    }

    #[test]
    fn budget_takes_a_clock_that_goes_back_by_more_than_10_s_as_set() {
        for (back, is_set) in [(9.0, false), (10.0, false), (10.001, true)] {
            let mut budget = Budget::new(10.0);
            let now = secs(1_000.0);
            assert!(budget.take(now) && budget.take(now));
            assert!(!budget.take(now - secs(back)), "a clock that goes back adds no token: {back}");
            assert_eq!(budget.take(now - secs(back) + secs(0.2)), is_set, "{back}");
        }
    }

    #[test]
    fn budget_that_was_stored_has_a_share_in_its_range() {
        for (stored, expected) in [("0.0", 0.5), ("0.05", 0.5), ("0.5", 5.0), ("7.0", 10.0)] {
            let text = serde_json::to_string(&Budget::new(10.0)).unwrap();
            let changed = text.replace(r#""share":"1.0""#, &format!(r#""share":"{stored}""#));
            assert_ne!(changed, text);
            let budget: Budget = serde_json::from_str(&changed).unwrap();
            assert!((budget.rate() - expected).abs() < 1e-9, "{stored}");
        }
    }
}
