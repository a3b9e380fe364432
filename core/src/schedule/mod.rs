//! When to look next. Pure: times and numbers in, a wait out; no clock, no random numbers, no provider.
//!
//! - [`Schedule`]: the rule and its [`Bounds`]; [`Schedule::adaptive`] unless there is a reason.
//! - [`Pace`]: one batch. It is told each [`Observation`] and answers with a [`Decision`].
//! - [`History`]: how long batches of one kind took. It outlives batches, can be stored, and is safe to lose.
//! - [`Budget`]: many batches that share one account's request limit.
//!
//! ```
//! use std::time::Duration;
//!
//! use bulkrail::schedule::{Fraction, History, Observation, Schedule};
//!
//! let history = History::new();
//! let mut pace = Schedule::adaptive().pace(Some(5_000), &history);
//! let first = pace.first(Some(Duration::ZERO), 0.5, &history);
//! let seen = Observation::running(Fraction::counted(100, 5_000));
//! let next = pace.after(seen, first.wait, 0.5, &history);
//! assert!(next.wait > 5 * first.wait, "the end is far, and it shows");
//! ```
//!
//! The adaptive rule weighs seconds of lag (from the end of a batch to the look that sees it) against requests. With progress it aims at
//! the expected end: early enough to aim again while the end is far and uncertain, just after it once the uncertainty costs less than a
//! request. Without progress it looks at a density of `sqrt(hazard / 2c)`, the optimum for a known law of durations, with the law learned
//! from earlier batches. `c`, the [worth](Schedule::worth) of a request in seconds of lag, is its one knob.

mod blind;
mod budget;
mod decision;
mod document;
mod fit;
mod history;
mod pace;
mod track;

use std::ops::RangeInclusive;
use std::time::Duration;

pub use budget::{BURST, Budget, CUT, LEAST_SHARE, RECOVERY};
pub use decision::{Decision, End, Fraction, Observation, Reason};
pub use document::{Unreadable, VERSION};
pub use history::{History, RING};
pub use pace::{JITTER, MAX_BACKOFF, OVERDUE, Pace};

/// 2 s of lag for one request. In the benchmark's workloads with honest progress a batch then takes 7 to 10 requests, repeated ones
/// included, and its end is noticed after 5 to 8.5 s; every 30 s is 14 to 32 requests and 15 s.
pub const WORTH: f64 = 2.0;

/// The worths that make sense. Below, the shortest gap decides alone; above, the longest does.
pub const WORTHS: RangeInclusive<f64> = 0.02..=500.0;

/// A rule, its bounds, and the price of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    rule: Rule,
    bounds: Bounds,
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
        Self { rule: Rule::Adaptive, bounds: Bounds::default(), worth: WORTH }
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
    pub fn bounds(self, bounds: Bounds) -> Self {
        Self { bounds: bounds.ordered(), ..self }
    }

    /// The pace of one batch, of `size` rows if that is known.
    #[must_use]
    pub fn pace(&self, size: Option<u64>, history: &History) -> Pace {
        Pace::new(*self, size, history)
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::adaptive()
    }
}

/// What no wait goes beyond, whatever the rule says. Where two bounds contradict each other the longer wait holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// From the submission to the first look, at least.
    pub first_min: Duration,
    /// From any look to the next, at least: what the provider advises, or what the caller wants if that is more.
    pub min_gap: Duration,
    /// From any look to the next, at most.
    pub max_gap: Duration,
    /// The same while the batch shows no progress.
    pub max_blind: Duration,
}

impl Bounds {
    /// 1 s: the smallest batches end within seconds, and no provider's limit is near one request a second.
    pub const MIN_GAP: Duration = Duration::from_secs(1);
    /// 5 min: an estimate from progress that is wrong by an hour then costs minutes, for 12 requests an hour.
    pub const MAX_GAP: Duration = Duration::from_secs(300);
    /// 2 min: without progress nothing warns of an early end, so that the longest gap is the worst lag.
    pub const MAX_BLIND: Duration = Duration::from_secs(120);
    /// 1 ms: a gap of nothing at all would ask without pause.
    const LEAST: Duration = Duration::from_millis(1);

    fn ordered(self) -> Self {
        let min_gap = self.min_gap.max(Self::LEAST);
        let max_gap = self.max_gap.max(min_gap);
        Self { min_gap, max_gap, max_blind: self.max_blind.clamp(min_gap, max_gap), ..self }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self { first_min: Duration::ZERO, min_gap: Self::MIN_GAP, max_gap: Self::MAX_GAP, max_blind: Self::MAX_BLIND }
    }
}
