//! Decides when a batch is polled next.
//!
//! Pure: it takes times and numbers and returns a time. It reads no clock, draws no random numbers
//! and knows no provider.
//!
//! A [`Schedule`] is a rule with its [`IntervalBounds`]; waits use [`Schedule::adaptive`] by
//! default:
//!
//! ```no_run
//! # async fn example<P: bulkrail_core::Provider>(client: P, batch: bulkrail_core::Batch) -> Result<(), bulkrail_core::Error> {
//! use bulkrail_core::schedule::Schedule;
//!
//! // More requests and less lag than by default.
//! let schedule = Schedule::adaptive().lag_per_request(0.5);
//! let report = bulkrail_core::wait(client, batch).schedule(schedule).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Budget`] is the request limit of one account, which processes can share.
//!
//! # The adaptive rule
//!
//! The rule weighs requests against lag: the time from the end of a batch to the poll that sees it.
//! Its one parameter is the [price of a request](Schedule::lag_per_request), `c` seconds of lag.
//!
//! - With progress it estimates the end of the batch. While the end is far away and uncertain, it
//!   polls early, to estimate again. Once the uncertainty costs less than a request, it polls just
//!   after the expected end.
//! - Without progress it polls at a density of `sqrt(hazard / 2c)`, the optimum for a known
//!   distribution of durations. The distribution is learned from earlier batches, and from those that
//!   are still running; see [`DurationHistory`](crate::DurationHistory). While nothing is known, the
//!   interval is the same for 15 minutes: `sqrt(90 c)` seconds, 13.4 s by default.

mod batch_schedule;
mod budget;
mod distribution;
mod document;
mod duration_samples;
mod exact;
mod interval_bounds;
mod next_poll;
mod poll_result;
mod progress_estimator;
mod without_progress;

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

pub(crate) use batch_schedule::BatchSchedule;
pub use budget::Budget;
pub(crate) use document::InvalidDocument;
pub(crate) use duration_samples::DurationSamples;
pub use interval_bounds::IntervalBounds;
pub(crate) use poll_result::{End, Fraction, PollResult};

/// The schedule of one batch without a wait around it. Not public API: for this project's
/// benchmarks and tests.
#[doc(hidden)]
pub mod internal {
    pub use super::batch_schedule::BatchSchedule;
    pub use super::budget::Budget;
    pub use super::document::InvalidDocument;
    pub use super::duration_samples::DurationSamples;
    pub use super::next_poll::{NextPoll, Reason};
    pub use super::poll_result::{End, Fraction, PollResult};
}

/// Rule for the time of the next poll, its bounds, and the price of a request.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    #[serde(deserialize_with = "checked_rule")]
    rule: Rule,
    #[serde(deserialize_with = "checked_bounds")]
    bounds: IntervalBounds,
    #[serde(serialize_with = "exact::serialize", deserialize_with = "checked_lag_per_request")]
    lag_per_request: f64,
    expects_progress: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Adaptive,
    Fixed(Duration),
    Exponential {
        first: Duration,
        #[serde(with = "exact")]
        factor: f64,
        max: Duration,
    },
}

// A document may have been edited: its values count as those of the setters do.

fn checked_rule<'de, D: Deserializer<'de>>(from: D) -> Result<Rule, D::Error> {
    Ok(match Rule::deserialize(from)? {
        Rule::Exponential { first, factor, max } => Schedule::exponential(first, factor, max).rule,
        rule => rule,
    })
}

fn checked_bounds<'de, D: Deserializer<'de>>(from: D) -> Result<IntervalBounds, D::Error> {
    IntervalBounds::deserialize(from).map(IntervalBounds::consistent)
}

fn checked_lag_per_request<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    exact::deserialize(from).map(|seconds| Schedule::adaptive().lag_per_request(seconds).lag_per_request)
}

impl Schedule {
    /// 2 s of lag per request. In the workloads of `benches/schedule` whose progress is true, a batch takes 7 to 10
    /// requests, retries included, and its end is noticed after 5 to 8.5 s. A poll every 30 s takes 14 to 32 requests,
    /// and 15 s.
    pub const LAG_PER_REQUEST: f64 = 2.0;

    /// 0.02 to 500 s of lag per request: below, the shortest interval decides alone; above, the
    /// longest does.
    pub const LAG_PER_REQUEST_RANGE: RangeInclusive<f64> = 0.02..=500.0;

    /// Returns the schedule that learns from progress and, where there is none, from earlier
    /// batches.
    #[must_use]
    pub fn adaptive() -> Self {
        Self {
            rule: Rule::Adaptive,
            bounds: IntervalBounds::new(),
            lag_per_request: Self::LAG_PER_REQUEST,
            expects_progress: false,
        }
    }

    /// Returns a schedule that polls every `interval`, within the bounds.
    #[must_use]
    pub fn fixed(interval: Duration) -> Self {
        Self { rule: Rule::Fixed(interval), ..Self::adaptive() }
    }

    /// Returns a schedule with exponential intervals: `first`, then each `factor` times as long as
    /// the one before, `max` at most, within the bounds.
    ///
    /// A factor below 1, or one that is not finite, counts as 1.
    #[must_use]
    pub fn exponential(first: Duration, factor: f64, max: Duration) -> Self {
        // A factor below 1 would end in polls without a pause.
        let factor = if factor.is_finite() { factor.max(1.0) } else { 1.0 };
        Self { rule: Rule::Exponential { first, factor, max }, ..Self::adaptive() }
    }

    /// Sets the price of a request in seconds of lag: the lower it is, the more polls there are.
    ///
    /// Values outside [`LAG_PER_REQUEST_RANGE`](Self::LAG_PER_REQUEST_RANGE) count as the nearest
    /// one inside, and NaN as the default, [`LAG_PER_REQUEST`](Self::LAG_PER_REQUEST). Only the
    /// adaptive schedule uses it.
    #[must_use]
    pub fn lag_per_request(self, seconds: f64) -> Self {
        let range = Self::LAG_PER_REQUEST_RANGE;
        let seconds =
            if seconds.is_nan() { Self::LAG_PER_REQUEST } else { seconds.clamp(*range.start(), *range.end()) };
        Self { lag_per_request: seconds, ..self }
    }

    /// Expects that responses state progress while the batch runs. The first poll of a batch of which nothing is known
    /// then comes earlier, because it predicts the end. A wait sets it by the
    /// [`PollingDefaults`](crate::PollingDefaults::reports_progress) of the provider.
    #[must_use]
    pub fn expect_progress(self) -> Self {
        Self { expects_progress: true, ..self }
    }

    /// Sets the bounds of all intervals. A wait sets its own.
    #[must_use]
    pub fn bounds(self, bounds: IntervalBounds) -> Self {
        Self { bounds: bounds.consistent(), ..self }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::adaptive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setters_of_a_schedule_keep_the_rest() {
        let bounds = IntervalBounds::new().with_min(Duration::from_secs(7));
        let (first, max) = (Duration::from_secs(2), Duration::from_secs(90));
        for rule in [Schedule::adaptive(), Schedule::fixed(first), Schedule::exponential(first, 3.0, max)] {
            let schedule = rule.lag_per_request(5.0).bounds(bounds).expect_progress();
            assert_eq!(schedule, rule.expect_progress().bounds(bounds).lag_per_request(5.0));
            let expected = Schedule { rule: rule.rule, bounds, lag_per_request: 5.0, expects_progress: true };
            assert_eq!(schedule, expected);
        }
        assert_eq!(Schedule::fixed(first).rule, Rule::Fixed(first));
        assert_eq!(Schedule::exponential(first, 3.0, max).rule, Rule::Exponential { first, factor: 3.0, max });
        assert_eq!(Schedule::default(), Schedule::adaptive());
    }

    #[test]
    fn unusable_numbers_count_as_the_nearest_usable_ones() {
        for (seconds, expected) in [(0.019, 0.02), (0.02, 0.02), (500.0, 500.0), (500.1, 500.0), (f64::NAN, 2.0)] {
            assert_eq!(Schedule::adaptive().lag_per_request(seconds).lag_per_request, expected);
        }
        let second = Duration::from_secs(1);
        for (factor, expected) in [(0.9, 1.0), (1.0, 1.0), (1.1, 1.1), (f64::INFINITY, 1.0), (f64::NAN, 1.0)] {
            let rule = Schedule::exponential(second, factor, second).rule;
            assert_eq!(rule, Rule::Exponential { first: second, factor: expected, max: second });
        }
    }
}
