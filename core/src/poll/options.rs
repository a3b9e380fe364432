use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::provider::{PollingDefaults, Provider};
use crate::schedule::{IntervalBounds, Schedule};

/// 15 min without a successful poll before a wait ends as unreachable: longer than a provider's usual deployment,
/// shorter than the time after which an operator should be alerted.
pub const FAILURE_BUDGET: Duration = Duration::from_secs(15 * 60);

/// 45 s for one poll, unless the provider has [another time](PollingDefaults::poll_timeout): the request timeout (30 s)
/// and a token refresh on the way.
pub const POLL_TIMEOUT: Duration = PollingDefaults::POLL_TIMEOUT;

/// 10 s beyond the deadline for the poll that is under way then: enough for a slow response, short for the caller.
///
/// A poll that takes longer is cut off, whatever its [time limit](PollingDefaults::poll_timeout): the deadline of a batch
/// whose polls take minutes (KillB with some 10,000 rows or more) leaves time for them.
pub const FINAL_POLL_GRACE: Duration = Duration::from_secs(10);

/// 60 s after our own submission, "not found" means "not visible yet". Providers do not document how long it takes; a
/// minute is long for a database to catch up and short for a wrong id. Later, and for a batch that is known by its id
/// alone, "not found" ends the wait.
pub const VISIBILITY_GRACE: Duration = Duration::from_secs(60);

/// Options of a wait: deadline, intervals, schedule and failure budget. [`Wait`](super::Wait) and
/// [`WaitSet`](super::WaitSet) have their own methods for them; a [`WaitState`](super::WaitState) takes them.
///
/// ```
/// use std::time::Duration;
/// use bulkrail_core::poll::WaitOptions;
/// use bulkrail_core::test_util::{MockProvider, VirtualClock};
///
/// let provider = MockProvider::by_time(&VirtualClock::new());
/// let options = WaitOptions::new(&provider).deadline(Duration::from_secs(24 * 3600));
/// let stored = serde_json::to_string(&options)?;
/// assert_eq!(serde_json::from_str::<WaitOptions>(&stored)?, options);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct WaitOptions {
    schedule: Schedule,
    bounds: IntervalBounds,
    reports_progress: bool,
    pub(super) deadline: Option<Duration>,
    pub(super) failure_budget: Duration,
    #[serde(default = "default_poll_timeout", skip_serializing_if = "is_default_poll_timeout")]
    pub(super) poll_timeout: Duration,
}

impl WaitOptions {
    /// Returns the options that a wait on `provider` has by default: its
    /// [polling defaults](Provider::polling_defaults), the adaptive schedule and [`FAILURE_BUDGET`].
    pub fn new(provider: &(impl Provider + ?Sized)) -> Self {
        provider.polling_defaults().into()
    }

    /// Sets the deadline; see [`Wait::deadline`](super::Wait::deadline).
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Removes the deadline; see [`Wait::without_deadline`](super::Wait::without_deadline).
    pub fn without_deadline(self) -> Self {
        Self { deadline: None, ..self }
    }

    /// Sets the shortest and longest time between two polls; see [`Wait::interval`](super::Wait::interval).
    pub fn interval(self, bounds: RangeInclusive<Duration>) -> Self {
        let (min, max) = (*bounds.start(), (*bounds.end()).max(*bounds.start()));
        let bounds = self.bounds;
        let bounds = bounds
            .with_initial_min(bounds.initial_min().min(min))
            .with_min(min)
            .with_max(max)
            .with_max_without_progress(bounds.max_without_progress().clamp(min, max));
        Self { bounds, ..self }
    }

    /// Sets the schedule; see [`Wait::schedule`](super::Wait::schedule). The interval bounds stay those of the options.
    pub fn schedule(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// Sets the failure budget; see [`Wait::failure_budget`](super::Wait::failure_budget).
    pub fn failure_budget(self, budget: Duration) -> Self {
        Self { failure_budget: budget, ..self }
    }

    /// Returns the schedule within the bounds of this wait.
    pub(super) fn bounded_schedule(&self) -> Schedule {
        let schedule = self.schedule.bounds(self.bounds);
        if self.reports_progress { schedule.expect_progress() } else { schedule }
    }
}

impl From<PollingDefaults> for WaitOptions {
    /// Returns the options of a wait on a provider with these defaults.
    fn from(defaults: PollingDefaults) -> Self {
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
            poll_timeout: defaults.poll_timeout,
        }
    }
}

pub(super) fn default_poll_timeout() -> Duration {
    POLL_TIMEOUT
}

pub(super) fn is_default_poll_timeout(timeout: &Duration) -> bool {
    *timeout == POLL_TIMEOUT
}
