use std::time::Duration;

use crate::provider::PollingDefaults;
use crate::schedule::{IntervalBounds, Schedule};

/// 15 min without a successful poll before a wait ends as unreachable: longer than a provider's usual deployment,
/// shorter than the time after which an operator should be alerted.
pub const FAILURE_BUDGET: Duration = Duration::from_secs(15 * 60);

/// 45 s for one poll: the request timeout (30 s, [`Limits::REQUEST_TIMEOUT`](crate::http::Limits::REQUEST_TIMEOUT))
/// and a token refresh on the way. A poll of a provider of your own is cut off here, too.
pub const POLL_TIMEOUT: Duration = Duration::from_secs(45);

/// 10 s beyond the deadline for the poll that is under way then: enough for a slow response, short for the caller.
pub const FINAL_POLL_GRACE: Duration = Duration::from_secs(10);

/// 60 s after our own submission, "not found" means "not visible yet". Providers do not document how long it takes; a
/// minute is long for a database to catch up and short for a wrong id. Later, and for a batch that is known by its id
/// alone, "not found" ends the wait.
pub const VISIBILITY_GRACE: Duration = Duration::from_secs(60);

/// Options of one wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    schedule: Schedule,
    bounds: IntervalBounds,
    reports_progress: bool,
    pub(super) deadline: Option<Duration>,
    pub(super) failure_budget: Duration,
}

impl Options {
    pub(super) fn new(defaults: PollingDefaults) -> Self {
        let bounds = IntervalBounds::new()
            .with_initial_min(defaults.initial_delay)
            .with_min(defaults.min_interval)
            .with_max(defaults.max_interval)
            .with_max_without_progress(IntervalBounds::DEFAULT_MAX_WITHOUT_PROGRESS.min(defaults.max_interval));
        Self {
            schedule: Schedule::adaptive(),
            bounds,
            reports_progress: defaults.reports_progress,
            deadline: Some(defaults.deadline),
            failure_budget: FAILURE_BUDGET,
        }
    }

    /// Returns the schedule within the bounds of this wait.
    pub(super) fn schedule(&self) -> Schedule {
        let schedule = self.schedule.bounds(self.bounds);
        if self.reports_progress { schedule.expect_progress() } else { schedule }
    }

    pub(super) fn use_schedule(&mut self, schedule: Schedule) {
        self.schedule = schedule;
    }

    pub(super) fn interval(&mut self, min: Duration, max: Duration) {
        let bounds = self.bounds;
        let max = max.max(min);
        self.bounds = bounds
            .with_initial_min(bounds.initial_min().min(min))
            .with_min(min)
            .with_max(max)
            .with_max_without_progress(bounds.max_without_progress().clamp(min, max));
    }
}
