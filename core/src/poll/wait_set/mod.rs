//! Many waits that share the request limit of one account.

mod polls;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use tracing::Span;

use super::history::DurationHistory;
use super::machine::Machine;
use super::options::WaitOptions;
use super::state::{WaitState, check_provider};
use super::trace::{self, Observer, PollEvent};
use super::wait::StateObserver;
use crate::error::Error;
use crate::model::{Batch, BatchId, Report, Snapshot};
use crate::provider::{DynProvider, NextPlace, Provider};
use crate::schedule::{Budget, Schedule};
use crate::time::{Clock, Sleep};

/// Waits for many batches of one account: one request budget for all, spent on the most valuable poll first.
///
/// The set owns its provider; a reference is a provider too. `'a` is the lifetime of provider and observer. It is a
/// `Stream` of batches with their results, and [`next`](WaitSet::next) returns the next one.
///
/// ```
/// use std::time::Duration;
/// use bulkrail_core::test_util::{MockProvider, VirtualClock, finished, running};
/// use bulkrail_core::WaitSet;
///
/// let clock = VirtualClock::new();
/// let provider = MockProvider::by_time(&clock)
///     .from(Duration::ZERO, || Ok(running(1, 10)))
///     .from(Duration::from_secs(60), || Ok(finished(10, 0)));
///
/// let mut set = WaitSet::new(&provider).requests_per_second(5.0);
/// for number in 0..100 {
///     set.add(provider.batch(&format!("b-{number}")))?;
/// }
/// let mut ended = 0;
/// while let Some((batch, end)) = clock.run(set.next()) {
///     assert!(end.is_ok(), "{batch}");
///     ended += 1;
/// }
/// assert_eq!(ended, 100);
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
///
/// # Fairness and failure
///
/// A batch that fails, or cannot be polled, ends alone; the others continue. After "too many requests" all of them
/// pause as long as the provider asks and continue at half the rate; the rate recovers within a minute. A batch that is
/// added twice is polled once.
#[must_use = "a wait set does nothing until it is polled"]
pub struct WaitSet<'a> {
    provider: Arc<dyn DynProvider + 'a>,
    clock: Clock,
    started: Duration,
    options: WaitOptions,
    history: DurationHistory,
    budget: Budget,
    observer: Option<Observer<'a>>,
    state_observer: Option<StateObserver<'a>>,
    /// One slot per batch ever added; `None` once it has ended or was removed.
    waits: Vec<Option<Box<Waiting>>>,
    slots: HashMap<String, usize>,
    open: usize,
    /// Batches whose poll is due, with its priority, the highest last.
    due: Vec<(f64, usize)>,
    /// Batches that became due after `due` was sorted.
    newly_due: Vec<usize>,
    /// Batches that are due, and wait until fewer polls of failing batches are in flight.
    held_back: Vec<usize>,
    sorted_at: Duration,
    /// Batches whose poll is due later, by time.
    later: BinaryHeap<Reverse<(Duration, usize)>>,
    /// When each wait ends even without a last poll, because the budget has no request left for it.
    expiries: BinaryHeap<Reverse<(Duration, usize)>>,
    in_flight: FuturesUnordered<InFlight<'a>>,
    failing_in_flight: usize,
    /// Place that the next poll waits for, within the limit of the provider.
    next_place: Option<NextPlace>,
    /// Mean duration of the last polls in seconds.
    latency: f64,
    /// Once stopped: the slot from which the remaining waits are returned.
    stopped: Option<usize>,
    /// Timer for the next action, and the time it is set to.
    timer: Option<(Duration, Sleep)>,
    /// Totals of the batches that have ended.
    past: WaitSetProgress,
}

struct Waiting {
    state: WaitState,
    /// Time when the batch was added.
    added: Duration,
    /// Time that the wait had taken before it was added.
    before: Duration,
    span: Span,
    /// The last poll failed.
    is_failing: bool,
    is_in_flight: bool,
}

impl Waiting {
    fn machine(&self) -> &Machine {
        &self.state.0
    }

    /// Returns the time of the wait at the time `now` of the set.
    fn time(&self, now: Duration) -> Duration {
        now.saturating_sub(self.added).saturating_add(self.before)
    }

    /// Returns the time of the set at the time `then` of the wait.
    fn set_time(&self, then: Duration) -> Duration {
        self.added.saturating_add(then.saturating_sub(self.before))
    }
}

/// A completed poll.
struct Completed {
    slot: usize,
    was_failing: bool,
    duration: Duration,
    result: Result<Snapshot, Error>,
}

type InFlight<'a> = Pin<Box<dyn Future<Output = Completed> + Send + 'a>>;

/// Progress of a [`WaitSet`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitSetProgress {
    /// Number of batches that were added and not removed.
    pub batches: usize,
    /// Number of batches that have ended, with a report or an error.
    pub ended: usize,
    /// Rows processed, of the batches that report it.
    pub rows_processed: u64,
    /// Rows in total, of the batches that report it.
    pub rows_total: u64,
}

impl WaitSetProgress {
    fn add(&mut self, snapshot: &Snapshot) {
        self.rows_processed = self.rows_processed.saturating_add(snapshot.progress.processed.unwrap_or(0));
        self.rows_total = self.rows_total.saturating_add(snapshot.progress.total.unwrap_or(0));
    }
}

impl<'a> WaitSet<'a> {
    /// Returns an empty set. Request rate, interval bounds and deadline are the provider's polling defaults;
    /// the schedule is adaptive.
    pub fn new(provider: impl Provider + 'a) -> Self {
        let (clock, defaults) = (provider.clock(), provider.polling_defaults());
        Self {
            provider: Arc::new(provider),
            started: clock.now(),
            clock,
            options: defaults.into(),
            history: DurationHistory::default(),
            budget: Budget::new(defaults.requests_per_second),
            observer: None,
            state_observer: None,
            waits: Vec::new(),
            slots: HashMap::new(),
            open: 0,
            due: Vec::new(),
            newly_due: Vec::new(),
            held_back: Vec::new(),
            sorted_at: Duration::ZERO,
            later: BinaryHeap::new(),
            expiries: BinaryHeap::new(),
            in_flight: FuturesUnordered::new(),
            failing_in_flight: 0,
            next_place: None,
            latency: 0.0,
            stopped: None,
            timer: None,
            past: WaitSetProgress::default(),
        }
    }

    /// Sets the number of requests per second that all polls together may take.
    ///
    /// As many polls are in flight as the rate needs at the latency seen: 64 at least, and 512 at most, which is 2,000
    /// requests per second at 200 ms. The [limit of the client](crate::http::Limits::max_polls_in_flight) applies, too.
    ///
    /// Default: [`PollingDefaults::requests_per_second`](crate::PollingDefaults::requests_per_second) of the provider.
    pub fn requests_per_second(mut self, rate: f64) -> Self {
        self.budget = Budget::new(rate).with_burst(self.budget.burst());
        self
    }

    /// Sets how many seconds of requests may be sent at once after a time without any; see [`Budget::with_burst`].
    ///
    /// Default: [`Budget::BURST`].
    pub fn burst(mut self, seconds: f64) -> Self {
        self.budget = self.budget.with_burst(seconds);
        self
    }

    /// Sets the deadline as [`Wait::deadline`](super::Wait::deadline), for each batch from when it is added.
    ///
    /// It holds even where the budget has no request left for a last poll. Batches already in the set keep theirs.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options = self.options.deadline(deadline);
        self
    }

    /// Removes the deadline: a batch ends only by itself, a permanent error or the failure budget.
    pub fn without_deadline(mut self) -> Self {
        self.options = self.options.without_deadline();
        self
    }

    /// Sets the interval bounds as [`Wait::interval`](super::Wait::interval).
    pub fn interval(mut self, bounds: RangeInclusive<Duration>) -> Self {
        self.options = self.options.interval(bounds);
        self
    }

    /// Sets the schedule as [`Wait::schedule`](super::Wait::schedule).
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.options = self.options.schedule(schedule);
        self
    }

    /// Sets the duration history as [`Wait::history`](super::Wait::history).
    pub fn history(mut self, history: &DurationHistory) -> Self {
        self.history = history.clone();
        self
    }

    /// Sets the failure budget as [`Wait::failure_budget`](super::Wait::failure_budget).
    pub fn failure_budget(mut self, budget: Duration) -> Self {
        self.options = self.options.failure_budget(budget);
        self
    }

    /// Calls `observer` after every poll of any batch; see [`Wait::on_poll`](super::Wait::on_poll).
    pub fn on_poll(mut self, observer: impl FnMut(&PollEvent<'_>) + Send + 'a) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Calls `observer` with the state of a batch after every poll that has not ended its wait, to store it.
    ///
    /// It runs inside the set and must not block. A state that was stored goes on with [`resume`](WaitSet::resume).
    pub fn on_state(mut self, observer: impl FnMut(&WaitState) + Send + 'a) -> Self {
        self.state_observer = Some(Box::new(observer));
        self
    }

    /// Sets another clock than the provider's; for tests. Call it before batches are added.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.started = clock.now();
        self.clock = clock;
        self
    }

    /// Adds a batch. A batch that is in the set already is left unchanged.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it is a batch of another provider.
    pub fn add(&mut self, batch: Batch) -> Result<(), Error> {
        self.insert(batch, None)
    }

    /// Adds a batch of `rows` rows; see [`Wait::rows`](super::Wait::rows).
    ///
    /// Small batches are then polled first. With a thousand batches at once, that saves a third of the lag (measured in
    /// `benches/schedule`, workload `linear`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it is a batch of another provider.
    pub fn add_with_rows(&mut self, batch: Batch, rows: u64) -> Result<(), Error> {
        self.insert(batch, Some(rows))
    }

    /// Adds a batch whose wait was stored, and goes on with it. A batch that is in the set already is left unchanged.
    ///
    /// The wait keeps its deadline, intervals, schedule and failure budget, not those of the set; the history is that of
    /// the set. A poll that is overdue is made as soon as the request rate allows. A wait whose deadline has passed in the
    /// meantime gets its last poll, however long that takes. Time in which no process ran does not count for its failure
    /// budget.
    ///
    /// ```
    /// use std::sync::Mutex;
    /// use bulkrail_core::WaitSet;
    /// use bulkrail_core::poll::WaitState;
    /// use bulkrail_core::test_util::{MockProvider, VirtualClock, finished, running};
    ///
    /// let clock = VirtualClock::new();
    /// let provider = MockProvider::in_order(&clock).then(|| Ok(running(1, 2))).then(|| Ok(finished(2, 0)));
    /// let stored = Mutex::new(String::new());
    ///
    /// let store = |state: &WaitState| *stored.lock().unwrap() = serde_json::to_string(state).unwrap();
    /// let mut set = WaitSet::new(&provider).on_state(store);
    /// set.add(provider.submitted("b-1"))?;
    /// # {
    /// #     let mut next = std::pin::pin!(set.next());
    /// #     clock.run(std::future::poll_fn(|context| {
    /// #         let _ = next.as_mut().poll(context);
    /// #         if stored.lock().unwrap().is_empty() { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    /// #     }));
    /// # }
    /// // ... polls once, and the process ends ...
    /// drop(set);
    ///
    /// let mut set = WaitSet::new(&provider);
    /// set.resume(serde_json::from_str(&stored.lock().unwrap()).unwrap())?;
    /// let (batch, end) = clock.run(set.next()).expect("a batch");
    /// assert_eq!((batch.id(), end?.polls), ("b-1", 2));
    /// # Ok::<(), bulkrail_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it is a batch of another provider.
    pub fn resume(&mut self, state: WaitState) -> Result<(), Error> {
        check_provider(state.batch(), &self.provider.dyn_id())?;
        if !self.slots.contains_key(state.batch().id()) {
            let mut state = state.history(&self.history);
            state.0.set_poll_timeout(self.options.poll_timeout);
            let before = state.0.resume(self.clock.wall());
            let ends_by = if state.0.is_over(before) { None } else { state.0.ends_by(before) };
            self.push(state, before, ends_by);
        }
        Ok(())
    }

    fn insert(&mut self, batch: Batch, rows: Option<u64>) -> Result<(), Error> {
        check_provider(&batch, &self.provider.dyn_id())?;
        if !self.slots.contains_key(batch.id()) {
            let history = Some(self.history.clone());
            let machine = Machine::new(&self.options, history, batch, rows, self.clock.wall());
            let ends_by = machine.ends_by(Duration::ZERO);
            self.push(WaitState(machine), Duration::ZERO, ends_by);
        }
        Ok(())
    }

    /// Adds a wait that has taken the time `before` already, and ends by `ends_by`, even without a last poll.
    fn push(&mut self, state: WaitState, before: Duration, ends_by: Option<Duration>) {
        let slot = self.waits.len();
        self.slots.insert(state.batch().id().to_owned(), slot);
        let (added, span, is_failing) = (self.now(), trace::span(state.batch()), state.fault().is_some());
        let waiting = Waiting { state, added, before, span, is_failing, is_in_flight: false };
        self.later.push(Reverse((waiting.set_time(waiting.machine().next_poll()), slot)));
        self.expiries.extend(ends_by.map(|by| Reverse((waiting.set_time(by), slot))));
        self.waits.push(Some(Box::new(waiting)));
        self.open += 1;
    }

    /// Removes a batch without waiting for its end, and returns it. The batch continues at the provider.
    pub fn remove(&mut self, id: &BatchId) -> Option<Batch> {
        let slot = self.slot(id)?;
        let waiting = self.waits[slot].take()?;
        self.slots.remove(id.id());
        self.open -= 1;
        Some(waiting.state.batch().clone())
    }

    /// Returns the last snapshot of a batch that has not ended; `None` before its first successful poll.
    #[must_use]
    pub fn snapshot(&self, id: &BatchId) -> Option<&Snapshot> {
        self.state(id)?.snapshot()
    }

    /// Returns the state of a batch that has not ended, to store it.
    ///
    /// To store it after every poll, use [`on_state`](WaitSet::on_state).
    #[must_use]
    pub fn state(&self, id: &BatchId) -> Option<&WaitState> {
        Some(&self.waits[self.slot(id)?].as_ref()?.state)
    }

    /// Returns the number of batches that have not ended.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open
    }

    /// Returns whether all batches have ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Takes the next free place of a request from the budget of the set, and returns the time until then.
    ///
    /// It is for other requests on the same account, such as a submit: sleep so long, and send it. See
    /// [`Budget::reserve`].
    #[must_use = "the request is to be sent after this time"]
    pub fn reserve(&mut self) -> Duration {
        self.budget.reserve(self.now())
    }

    /// Records that another request on the same account was refused with "too many requests": all polls pause for
    /// `retry_after`, and continue at half the rate.
    pub fn throttled(&mut self, retry_after: Option<Duration>) {
        self.budget.throttled(self.now(), retry_after);
    }

    /// Returns the batches that have not ended, in the order in which they were added.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.waits.iter().flatten().map(|waiting| waiting.state.batch())
    }

    fn slot(&self, id: &BatchId) -> Option<usize> {
        let slot = *self.slots.get(id.id())?;
        (self.waits.get(slot)?.as_ref()?.state.batch().provider() == id.provider()).then_some(slot)
    }

    /// Stops all waits.
    ///
    /// From now on [`WaitSet::next`] returns at once, one after the other, the batches that have not ended, each with
    /// an error of kind [`Interrupted`](crate::ErrorKind::Interrupted) that holds the last snapshot. The batches continue at
    /// the provider.
    ///
    /// ```no_run
    /// # use std::future::Future;
    /// # async fn example(mut set: bulkrail_core::WaitSet<'_>, shutdown: impl Future<Output = ()>) {
    /// let mut shutdown = std::pin::pin!(shutdown);
    /// let mut is_stopped = false;
    /// loop {
    ///     tokio::select! {
    ///         end = set.next() => match end {
    ///             Some((batch, end)) => println!("{batch}: {:?}", end.map(|report| report.outcome())),
    ///             None => break,
    ///         },
    ///         () = &mut shutdown, if !is_stopped => {
    ///             set.stop();
    ///             is_stopped = true;
    ///         }
    ///     }
    /// }
    /// # }
    /// ```
    pub fn stop(&mut self) {
        self.stopped = self.stopped.or(Some(0));
        self.in_flight.clear();
        self.failing_in_flight = 0;
        self.next_place = None;
    }

    /// Returns the progress of all batches together.
    #[must_use]
    pub fn progress(&self) -> WaitSetProgress {
        let mut progress = WaitSetProgress { batches: self.past.ended + self.open, ..self.past };
        let snapshots = self.waits.iter().flatten().filter_map(|waiting| waiting.state.snapshot());
        snapshots.for_each(|snapshot| progress.add(snapshot));
        progress
    }

    /// Returns the next batch to end, with its report or error; `None` when all have ended.
    ///
    /// More batches may be added at any time.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<(Batch, Result<Report, Error>)> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn now(&self) -> Duration {
        self.clock.now().saturating_sub(self.started)
    }
}

impl Stream for WaitSet<'_> {
    type Item = (Batch, Result<Report, Error>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.open == 0 {
                return Poll::Ready(None);
            }
            if let Some(from) = self.stopped {
                return Poll::Ready(self.interrupted(from));
            }
            if let Some(end) = self.expired() {
                return Poll::Ready(Some(end));
            }
            let pause = self.start_polls(context);
            let pause = self.until_next_expiry(pause);
            match self.poll_completed(context, pause) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {}
                Poll::Ready(Some(completed)) => {
                    if let Some(end) = self.observe(completed) {
                        return Poll::Ready(Some(end));
                    }
                }
            }
        }
    }
}

impl std::fmt::Debug for WaitSet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaitSet").field("progress", &self.progress()).finish_non_exhaustive()
    }
}
