use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::VirtualClock;
use crate::error::{Error, ErrorKind};
use crate::model::{Batch, Progress, ProviderId, Snapshot, State};
use crate::provider::{PollLimit, PollingDefaults, Provider};
use crate::time::Clock;

/// Name of mock providers.
pub const PROVIDER: ProviderId = ProviderId::from_static("mock");

type Respond = Box<dyn Fn() -> Result<Snapshot, Error> + Send + Sync>;

/// Provider of tests whose polls return what was set before, by time or in order.
///
/// Before the first response that was set, polls return [`queued`].
///
/// ```
/// use bulkrail_core::test_util::{MockProvider, VirtualClock, finished, running, unavailable};
/// use bulkrail_core::{Outcome, wait};
///
/// let clock = VirtualClock::new();
/// let provider = MockProvider::in_order(&clock)
///     .then(|| Ok(running(10, 100)))
///     .then(|| Err(unavailable()))
///     .then(|| Ok(finished(100, 0)));
/// let report = clock.run(wait(&provider, provider.batch("b-1")))?;
/// assert_eq!(report.outcome(), Some(Outcome::Succeeded));
/// assert_eq!(provider.polls(), 3);
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
pub struct MockProvider {
    clock: VirtualClock,
    /// Responses, and the time from which each applies.
    responses: Vec<(Duration, Respond)>,
    in_order: bool,
    polls: AtomicUsize,
    poll_duration: Duration,
    polling_defaults: PollingDefaults,
    poll_limit: Option<PollLimit>,
}

impl MockProvider {
    /// Returns a provider whose polls return what is set for the time of the clock; see [`from`](Self::from).
    #[must_use]
    pub fn by_time(clock: &VirtualClock) -> Self {
        Self {
            clock: clock.clone(),
            responses: Vec::new(),
            in_order: false,
            polls: AtomicUsize::new(0),
            poll_duration: Duration::ZERO,
            polling_defaults: PollingDefaults::new(),
            poll_limit: None,
        }
    }

    /// Returns a provider whose polls return one response after the other; see [`then`](Self::then).
    ///
    /// The last response is repeated.
    #[must_use]
    pub fn in_order(clock: &VirtualClock) -> Self {
        Self { in_order: true, ..Self::by_time(clock) }
    }

    /// Sets what polls return from `time` on, which is the time [elapsed](VirtualClock::elapsed) on the clock.
    #[must_use]
    pub fn from(
        mut self,
        time: Duration,
        respond: impl Fn() -> Result<Snapshot, Error> + Send + Sync + 'static,
    ) -> Self {
        self.responses.push((time, Box::new(respond)));
        self.responses.sort_by_key(|(time, _)| *time);
        self
    }

    /// Appends what the next poll returns.
    #[must_use]
    pub fn then(mut self, respond: impl Fn() -> Result<Snapshot, Error> + Send + Sync + 'static) -> Self {
        self.responses.push((Duration::ZERO, Box::new(respond)));
        self
    }

    /// Sets how long every poll takes. Default: no time.
    #[must_use]
    pub fn poll_takes(mut self, duration: Duration) -> Self {
        self.poll_duration = duration;
        self
    }

    /// Sets the polling defaults. Default: [`PollingDefaults::new`].
    #[must_use]
    pub fn polling_defaults(mut self, defaults: PollingDefaults) -> Self {
        self.polling_defaults = defaults;
        self
    }

    /// Sets the limit on polls in flight. Default: none.
    #[must_use]
    pub fn poll_limit(mut self, limit: PollLimit) -> Self {
        self.poll_limit = Some(limit);
        self
    }

    /// Returns the number of polls so far.
    #[must_use]
    pub fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    /// Returns a batch of this provider whose submission time is not known.
    ///
    /// # Panics
    ///
    /// Panics when `id` is not a valid batch id.
    #[must_use]
    pub fn batch(&self, id: &str) -> Batch {
        Batch::new(PROVIDER, id).expect("a valid batch id")
    }

    /// Returns a batch of this provider that was submitted just now.
    ///
    /// # Panics
    ///
    /// Panics when `id` is not a valid batch id.
    #[must_use]
    pub fn submitted(&self, id: &str) -> Batch {
        self.batch(id).with_submitted_at(self.clock.clock().wall())
    }

    fn respond(&self, poll: usize) -> Result<Snapshot, Error> {
        let now = self.clock.elapsed();
        let response = if self.in_order {
            self.responses.get(poll).or(self.responses.last())
        } else {
            self.responses.iter().rev().find(|(from, _)| *from <= now)
        };
        response.map_or_else(|| Ok(queued()), |(_, respond)| respond())
    }
}

impl Provider for MockProvider {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, _batch: &Batch) -> Result<Snapshot, Error> {
        let poll = self.polls.fetch_add(1, Ordering::SeqCst);
        if !self.poll_duration.is_zero() {
            self.clock.clock().sleep(self.poll_duration).await;
        }
        self.respond(poll)
    }

    fn polling_defaults(&self) -> PollingDefaults {
        self.polling_defaults
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }

    fn poll_limit(&self) -> Option<PollLimit> {
        self.poll_limit.clone()
    }
}

/// Returns the snapshot of a batch that has not started.
#[must_use]
pub fn queued() -> Snapshot {
    Snapshot::new(State::Queued, "queued", Progress::default())
}

/// Returns the snapshot of a batch of which `processed` of `total` rows are processed.
#[must_use]
pub fn running(processed: u64, total: u64) -> Snapshot {
    let progress = Progress::default().with_processed(processed).with_total(total);
    Snapshot::new(State::Running, "running", progress)
}

/// Returns the snapshot of a finished batch with these numbers of rows.
#[must_use]
pub fn finished(succeeded: u64, failed: u64) -> Snapshot {
    let total = succeeded + failed;
    let progress =
        Progress::default().with_total(total).with_processed(total).with_succeeded(succeeded).with_failed(failed);
    Snapshot::new(State::Finished, "finished", progress)
}

/// Returns a transient error: the provider responds with status 503.
#[must_use]
pub fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "the provider cannot respond now").with_provider(PROVIDER).with_http_status(503)
}
