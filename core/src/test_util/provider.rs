use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::VirtualClock;
use crate::error::{Error, ErrorKind};
use crate::model::{Batch, Progress, ProviderId, Snapshot, State};
use crate::provider::{PollingDefaults, Provider};
use crate::time::Clock;

/// The name of scripted providers.
pub const PROVIDER: ProviderId = ProviderId::from_static("scripted");

type Response = Box<dyn Fn() -> Result<Snapshot, Error> + Send + Sync>;

/// A provider that follows a script, by time or look by look.
pub struct MockProvider {
    clock: VirtualClock,
    answers: Vec<(Duration, Response)>,
    in_order: bool,
    looks: AtomicUsize,
    poll_takes: Duration,
    advice: PollingDefaults,
}

impl MockProvider {
    /// Answers depend on the time: see [`Script::from`].
    #[must_use]
    pub fn by_time(clock: &VirtualClock) -> Self {
        Self {
            clock: clock.clone(),
            answers: Vec::new(),
            in_order: false,
            looks: AtomicUsize::new(0),
            poll_takes: Duration::ZERO,
            advice: PollingDefaults::new(),
        }
    }

    /// Each look gets the next answer, and the last one again and again: see [`Script::then`].
    #[must_use]
    pub fn in_order(clock: &VirtualClock) -> Self {
        Self { in_order: true, ..Self::by_time(clock) }
    }

    /// From `time` (of the clock) on, looks get `answer`.
    #[must_use]
    pub fn from(
        mut self,
        time: Duration,
        answer: impl Fn() -> Result<Snapshot, Error> + Send + Sync + 'static,
    ) -> Self {
        self.answers.push((time, Box::new(answer)));
        self.answers.sort_by_key(|(time, _)| *time);
        self
    }

    /// The look after those already scripted gets `answer`.
    #[must_use]
    pub fn then(mut self, answer: impl Fn() -> Result<Snapshot, Error> + Send + Sync + 'static) -> Self {
        self.answers.push((Duration::ZERO, Box::new(answer)));
        self
    }

    /// Every look takes this long.
    #[must_use]
    pub fn poll_takes(mut self, time: Duration) -> Self {
        self.poll_takes = time;
        self
    }

    /// What the provider advises about polling.
    #[must_use]
    pub fn polling_defaults(mut self, advice: PollingDefaults) -> Self {
        self.advice = advice;
        self
    }

    /// How many looks there were.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    /// A batch of this provider, named by hand.
    ///
    /// # Panics
    ///
    /// When `id` cannot be an id.
    #[must_use]
    pub fn batch(&self, id: &str) -> Batch {
        Batch::new(PROVIDER, id).expect("a usable id")
    }

    /// A batch of this provider, submitted now.
    ///
    /// # Panics
    ///
    /// When `id` cannot be an id.
    #[must_use]
    pub fn submitted(&self, id: &str) -> Batch {
        self.batch(id).with_submitted_at(self.clock.clock().wall())
    }

    fn answer(&self, look: usize) -> Result<Snapshot, Error> {
        let now = self.clock.elapsed();
        let scripted = if self.in_order {
            self.answers.get(look).or(self.answers.last())
        } else {
            self.answers.iter().rev().find(|(from, _)| *from <= now)
        };
        scripted.map_or_else(|| Ok(queued()), |(_, answer)| answer())
    }
}

impl Provider for MockProvider {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, _batch: &Batch) -> Result<Snapshot, Error> {
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        if !self.poll_takes.is_zero() {
            self.clock.clock().sleep(self.poll_takes).await;
        }
        self.answer(look)
    }

    fn polling_defaults(&self) -> PollingDefaults {
        self.advice
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }
}

/// A batch that has not begun.
#[must_use]
pub fn queued() -> Snapshot {
    Snapshot::new(State::Queued, "queued", Progress::default())
}

/// A batch with `processed` of `total` rows behind it.
#[must_use]
pub fn running(processed: u64, total: u64) -> Snapshot {
    let mut progress = Progress::default();
    (progress.processed, progress.total) = (Some(processed), Some(total));
    Snapshot::new(State::Running, "running", progress)
}

/// A batch that has ended.
#[must_use]
pub fn finished(succeeded: u64, failed: u64) -> Snapshot {
    let total = succeeded + failed;
    let mut progress = Progress::default();
    (progress.total, progress.processed) = (Some(total), Some(total));
    (progress.succeeded, progress.failed) = (Some(succeeded), Some(failed));
    Snapshot::new(State::Finished, "finished", progress)
}

/// A provider that has a bad moment.
#[must_use]
pub fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "the provider cannot answer now").with_provider(PROVIDER).with_http_status(503)
}
