use std::time::Duration;

use crate::Advice;

/// 15 min without one good look, by default, before a wait ends as unreachable: longer than a provider's usual deployment or incident
/// blip, shorter than the time in which somebody should be told.
pub const FAILURE_BUDGET: Duration = Duration::from_secs(15 * 60);

/// 45 s for one look: the request limit (30 s, [`Limits::REQUEST`](crate::Limits::REQUEST)) and a token renewed on the way. A provider
/// of one's own that never answers is cut off here.
pub const LOOK_TIMEOUT: Duration = Duration::from_secs(45);

/// 60 s after our own submission, "not found" means "not visible yet". Later, and for a batch that somebody named, it means what it
/// says. No provider documents how long it takes; a minute is long for a database to catch up and short for a wrong id.
pub const VISIBILITY_GRACE: Duration = Duration::from_secs(60);

/// How one wait behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) first_delay: Duration,
    pub(super) min_interval: Duration,
    pub(super) max_interval: Duration,
    pub(super) deadline: Option<Duration>,
    pub(super) failure_budget: Duration,
    pub(super) look_timeout: Duration,
    pub(super) visibility_grace: Duration,
}

impl Options {
    pub(super) fn new(advice: Advice) -> Self {
        Self {
            first_delay: advice.first_delay,
            min_interval: advice.min_interval,
            max_interval: advice.max_interval.max(advice.min_interval),
            deadline: Some(advice.deadline),
            failure_budget: FAILURE_BUDGET,
            look_timeout: LOOK_TIMEOUT,
            visibility_grace: VISIBILITY_GRACE,
        }
    }

    pub(super) fn interval(&mut self, min: Duration, max: Duration) {
        self.min_interval = min;
        self.max_interval = max.max(min);
        self.first_delay = self.first_delay.min(min);
    }
}
