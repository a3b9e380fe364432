use std::time::Duration;

use crate::Advice;
use crate::schedule::{Bounds, Schedule};

/// 15 min without one good look, by default, before a wait ends as unreachable: longer than a provider's usual deployment or incident
/// blip, shorter than the time in which somebody should be told.
pub const FAILURE_BUDGET: Duration = Duration::from_secs(15 * 60);

/// 45 s for one look: the request limit (30 s, [`Limits::REQUEST`](crate::Limits::REQUEST)) and a token renewed on the way. A provider
/// of one's own that never answers is cut off here.
pub const LOOK_TIMEOUT: Duration = Duration::from_secs(45);

/// 10 s beyond the deadline for the look that is under way then: enough for any answer that comes at all, and no second wait.
pub const LAST_LOOK: Duration = Duration::from_secs(10);

/// 60 s after our own submission, "not found" means "not visible yet". Later, and for a batch that somebody named, it means what it
/// says. No provider documents how long it takes; a minute is long for a database to catch up and short for a wrong id.
pub const VISIBILITY_GRACE: Duration = Duration::from_secs(60);

/// How one wait behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    schedule: Schedule,
    bounds: Bounds,
    pub(super) deadline: Option<Duration>,
    pub(super) failure_budget: Duration,
    pub(super) look_timeout: Duration,
    pub(super) visibility_grace: Duration,
}

impl Options {
    pub(super) fn new(advice: Advice) -> Self {
        let mut bounds = Bounds::default();
        bounds.first_min = advice.first_delay;
        bounds.min_gap = advice.min_interval;
        bounds.max_gap = advice.max_interval;
        bounds.max_blind = bounds.max_blind.min(advice.max_interval);
        Self {
            schedule: Schedule::adaptive(),
            bounds,
            deadline: Some(advice.deadline),
            failure_budget: FAILURE_BUDGET,
            look_timeout: LOOK_TIMEOUT,
            visibility_grace: VISIBILITY_GRACE,
        }
    }

    /// The rule within the bounds of this wait.
    pub(super) fn schedule(&self) -> Schedule {
        self.schedule.bounds(self.bounds)
    }

    pub(super) fn use_schedule(&mut self, schedule: Schedule) {
        self.schedule = schedule;
    }

    pub(super) fn interval(&mut self, min: Duration, max: Duration) {
        self.bounds.min_gap = min;
        self.bounds.max_gap = max.max(min);
        self.bounds.max_blind = self.bounds.max_blind.min(self.bounds.max_gap).max(min);
        self.bounds.first_min = self.bounds.first_min.min(min);
    }
}
