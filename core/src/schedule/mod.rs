//! When to look next. Pure: times and numbers in, a wait out; no clock, no random numbers, no provider.
//!
//! - [`Schedule`]: the rule and its [`Bounds`]; [`Schedule::adaptive`] unless there is a reason.
//! - [`Pace`]: one batch. It is told each [`PollResult`] and answers with a [`NextPoll`].
//! - [`History`]: how long batches of one kind took. It outlives batches, can be stored, and is safe to lose.
//! - [`Budget`]: many batches that share one account's request limit.
//!
//! ```
//! use std::time::Duration;
//!
//! use bulkrail::schedule::{Fraction, History, PollResult, Schedule};
//!
//! let history = History::new();
//! let mut pace = Schedule::adaptive().pace(Some(5_000), &history);
//! let first = pace.first(Some(Duration::ZERO), 0.5, &history);
//! let seen = PollResult::running(Fraction::counted(100, 5_000));
//! let next = pace.after(seen, first.wait, 0.5, &history);
//! assert!(next.wait > 5 * first.wait, "the end is far, and it shows");
//! ```
//!
//! The adaptive rule weighs seconds of lag (from the end of a batch to the look that sees it) against requests. With progress it aims at
//! the expected end: early enough to aim again while the end is far and uncertain, just after it once the uncertainty costs less than a
//! request. Without progress it looks at a density of `sqrt(hazard / 2c)`, the optimum for a known law of durations, with the law learned
//! from earlier batches. `c`, the [worth](Schedule::worth) of a request in seconds of lag, is its one knob.

mod batch;
mod blind;
mod budget;
mod decision;
mod document;
mod estimator;
mod fit;
mod history;

use std::ops::RangeInclusive;
use std::time::Duration;

pub use batch::{BatchSchedule, JITTER, MAX_BACKOFF, OVERDUE};
pub use budget::{BURST, Budget, CUT, MIN_SHARE, RECOVERY};
pub use decision::{End, Fraction, NextPoll, PollResult, Reason};
pub use document::{Unreadable, VERSION};
pub use history::{DurationSamples, RING};

/// 2 s of lag for one request. In the benchmark's workloads with honest progress a batch then takes 7 to 10 requests, repeated ones
/// included, and its end is noticed after 5 to 8.5 s; every 30 s is 14 to 32 requests and 15 s.
pub const WORTH: f64 = 2.0;

/// The worths that make sense. Below, the shortest gap decides alone; above, the longest does.
pub const WORTHS: RangeInclusive<f64> = 0.02..=500.0;

/// A rule, its bounds, and the price of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    rule: Rule,
    bounds: IntervalBounds,
    worth: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    Adaptive,
    Fixed(Duration),
    Exponential { first: Duration, factor: f64, max: Duration },
}

impl Schedule {
    /// Learns from progress, and from earlier batches where there is none.
    #[must_use]
    pub fn adaptive() -> Self {
        Self { rule: Rule::Adaptive, bounds: IntervalBounds::default(), worth: WORTH }
    }

    /// Every `interval`, within the bounds.
    #[must_use]
    pub fn fixed(interval: Duration) -> Self {
        Self { rule: Rule::Fixed(interval), ..Self::adaptive() }
    }

    /// After `first`, then each time `factor` times as long, `max` at most; within the bounds.
    #[must_use]
    pub fn exponential(first: Duration, factor: f64, max: Duration) -> Self {
        // A factor below 1 (or none at all) would close in on a look without pause.
        let factor = if factor.is_finite() { factor.max(1.0) } else { 1.0 };
        Self { rule: Rule::Exponential { first, factor, max }, ..Self::adaptive() }
    }

    /// How many seconds of lag one request is worth, instead of [`WORTH`]: less looks more often. Held within [`WORTHS`].
    #[must_use]
    pub fn worth(self, seconds: f64) -> Self {
        let worth = if seconds.is_nan() { WORTH } else { seconds.clamp(*WORTHS.start(), *WORTHS.end()) };
        Self { worth, ..self }
    }

    /// Other bounds than the default ones.
    #[must_use]
    pub fn bounds(self, bounds: IntervalBounds) -> Self {
        Self { bounds: bounds.ordered(), ..self }
    }

    /// The pace of one batch, of `size` rows if that is known.
    #[must_use]
    pub fn pace(&self, size: Option<u64>, history: &DurationSamples) -> BatchSchedule {
        BatchSchedule::new(*self, size, history)
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::adaptive()
    }
}

/// What no wait goes beyond, whatever the rule says. Where two bounds contradict each other the longer wait holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntervalBounds {
    /// From the submission to the first look, at least.
    pub initial_min: Duration,
    /// From any look to the next, at least: what the provider advises, or what the caller wants if that is more.
    pub min: Duration,
    /// From any look to the next, at most.
    pub max: Duration,
    /// The same while the batch shows no progress.
    pub max_without_progress: Duration,
}

impl IntervalBounds {
    /// 1 s: the smallest batches end within seconds, and no provider's limit is near one request a second.
    pub const MIN: Duration = Duration::from_secs(1);
    /// 5 min: an estimate from progress that is wrong by an hour then costs minutes, for 12 requests an hour.
    pub const MAX: Duration = Duration::from_secs(300);
    /// 2 min: without progress nothing warns of an early end, so that the longest gap is the worst lag.
    pub const MAX_WITHOUT_PROGRESS: Duration = Duration::from_secs(120);
    /// 1 ms: a gap of nothing at all would ask without pause.
    const SHORTEST: Duration = Duration::from_millis(1);

    fn ordered(self) -> Self {
        let min = self.min.max(Self::SHORTEST);
        let max = self.max.max(min);
        Self { min, max, max_without_progress: self.max_without_progress.clamp(min, max), ..self }
    }
}

impl Default for IntervalBounds {
    fn default() -> Self {
        Self {
            initial_min: Duration::ZERO,
            min: Self::MIN,
            max: Self::MAX,
            max_without_progress: Self::MAX_WITHOUT_PROGRESS,
        }
    }
}
