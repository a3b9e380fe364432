use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds of the intervals between polls, whatever the rule of the [`Schedule`](super::Schedule)
/// asks for.
///
/// Where two bounds contradict each other, the longer interval wins.
///
/// ```
/// use std::time::Duration;
/// use bulkrail_core::schedule::{IntervalBounds, Schedule};
///
/// let bounds = IntervalBounds::new()
///     .with_initial_min(Duration::from_secs(90))
///     .with_min(Duration::from_secs(30));
/// let schedule = Schedule::adaptive().bounds(bounds);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalBounds {
    initial_min: Duration,
    min: Duration,
    max: Duration,
    max_without_progress: Duration,
}

impl IntervalBounds {
    /// 1 s, the default lower bound: the smallest batches end within seconds, and the limits of
    /// providers are well above one request per second.
    pub const DEFAULT_MIN: Duration = Duration::from_secs(1);

    /// 5 min, the default upper bound: an estimate that is wrong by an hour then costs 5 min of lag
    /// at most, for 12 requests per hour.
    pub const DEFAULT_MAX: Duration = Duration::from_secs(300);

    /// 2 min, the default upper bound without progress: an early end is not announced then, so the
    /// longest interval is the greatest lag.
    pub const DEFAULT_MAX_WITHOUT_PROGRESS: Duration = Duration::from_secs(120);

    /// 1 ms, the smallest lower bound: an interval of zero would poll without a pause.
    const SMALLEST_MIN: Duration = Duration::from_millis(1);

    /// Returns the default bounds.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            initial_min: Duration::ZERO,
            min: Self::DEFAULT_MIN,
            max: Self::DEFAULT_MAX,
            max_without_progress: Self::DEFAULT_MAX_WITHOUT_PROGRESS,
        }
    }

    /// Sets the shortest time from the submission to the first poll.
    #[must_use]
    pub const fn with_initial_min(self, initial_min: Duration) -> Self {
        Self { initial_min, ..self }
    }

    /// Sets the shortest time from one poll to the next.
    #[must_use]
    pub const fn with_min(self, min: Duration) -> Self {
        Self { min, ..self }
    }

    /// Sets the longest time from one poll to the next.
    #[must_use]
    pub const fn with_max(self, max: Duration) -> Self {
        Self { max, ..self }
    }

    /// Sets the longest time from one poll to the next while the batch reports no progress.
    #[must_use]
    pub const fn with_max_without_progress(self, max_without_progress: Duration) -> Self {
        Self { max_without_progress, ..self }
    }

    /// Returns the shortest time from the submission to the first poll.
    #[must_use]
    pub const fn initial_min(&self) -> Duration {
        self.initial_min
    }

    /// Returns the shortest time from one poll to the next.
    #[must_use]
    pub const fn min(&self) -> Duration {
        self.min
    }

    /// Returns the longest time from one poll to the next.
    #[must_use]
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// Returns the longest time from one poll to the next while the batch reports no progress.
    #[must_use]
    pub const fn max_without_progress(&self) -> Duration {
        self.max_without_progress
    }

    /// Returns the bounds with contradictions resolved.
    pub(super) fn consistent(self) -> Self {
        let min = self.min.max(Self::SMALLEST_MIN);
        let max = self.max.max(min);
        Self { min, max, max_without_progress: self.max_without_progress.clamp(min, max), ..self }
    }
}

impl Default for IntervalBounds {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consistent_bounds_let_the_longer_interval_win() {
        let seconds = Duration::from_secs;
        let bounds = IntervalBounds::new().with_min(seconds(60)).with_max(seconds(30)).consistent();
        assert_eq!(
            (bounds.min(), bounds.max(), bounds.max_without_progress()),
            (seconds(60), seconds(60), seconds(60))
        );
        let bounds = IntervalBounds::new().with_min(Duration::ZERO).with_max(seconds(90)).consistent();
        assert_eq!((bounds.min(), bounds.max_without_progress()), (Duration::from_millis(1), seconds(90)));
    }

    #[test]
    fn each_setter_changes_its_bound_alone() {
        let bounds = IntervalBounds::new;
        let parts = |bounds: IntervalBounds| {
            [bounds.initial_min(), bounds.min(), bounds.max(), bounds.max_without_progress()].map(|time| time.as_secs())
        };
        let seven = Duration::from_secs(7);
        assert_eq!(parts(bounds()), [0, 1, 300, 120]);
        assert_eq!(parts(bounds().with_min(seven).with_initial_min(seven)), [7, 7, 300, 120]);
        assert_eq!(parts(bounds().with_initial_min(seven).with_min(seven)), [7, 7, 300, 120]);
        assert_eq!(parts(bounds().with_min(seven).with_max(seven)), [0, 7, 7, 120]);
        assert_eq!(parts(bounds().with_min(seven).with_max_without_progress(seven)), [0, 7, 300, 7]);
    }
}
