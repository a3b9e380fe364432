//! Many waits that share one account's request limit.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tracing::{Instrument, Span};

use super::machine::{Machine, Seen};
use super::observe;
use super::options::Options;
use super::snapshots::look;
use crate::history::Histories;
use crate::schedule::{Budget, Schedule};
use crate::time::Clock;
use crate::{Batch, Error, ErrorKind, Provider, Report, Snapshot};

/// Looks under way at once. A look takes a fraction of a second, so this feeds any documented limit, and bounds the connections.
const IN_FLIGHT: usize = 64;

/// What looks are worth changes with time, but not much within a second; to ask it of every batch for every request would cost more.
const ORDER_LASTS: Duration = Duration::from_secs(1);

/// Waits for many batches of one account at once: one request budget for all, each request spent on the look that is worth most.
///
/// ```
/// use std::time::Duration;
/// use bulkrail::testing::{Script, VirtualClock, finished, running};
/// use bulkrail::wait::Fleet;
///
/// let clock = VirtualClock::new();
/// let provider = Script::by_time(&clock)
///     .from(Duration::ZERO, || Ok(running(1, 10)))
///     .from(Duration::from_secs(60), || Ok(finished(10, 0)));
///
/// let mut fleet = Fleet::new(&provider).requests_per_second(5.0);
/// for number in 0..100 {
///     fleet.add(provider.batch(&format!("b-{number}")))?;
/// }
/// let mut ended = 0;
/// while let Some((batch, end)) = clock.run(fleet.next()) {
///     assert!(end.is_ok(), "{batch}");
///     ended += 1;
/// }
/// assert_eq!(ended, 100);
/// # Ok::<(), bulkrail::Error>(())
/// ```
///
/// # Fairness and failure
///
/// A batch that fails, or cannot be seen, ends alone; the others go on. Answered with "too many requests", all of them pause as long as
/// the provider asks, and go on at half the rate; the rate recovers within a minute. A batch added twice is looked at once.
pub struct Fleet<'a, P> {
    provider: &'a P,
    clock: Clock,
    began: Duration,
    options: Options,
    histories: Histories,
    budget: Budget,
    waits: Vec<Option<Waiting>>,
    places: HashMap<String, usize>,
    /// Batches whose look is due, with what it is worth, and those whose look comes later, with when.
    due: Vec<(f64, usize)>,
    /// Have become due since that was put in order.
    arrived: Vec<usize>,
    ordered: Duration,
    later: BinaryHeap<Reverse<(Duration, usize)>>,
    in_flight: FuturesUnordered<Look<'a>>,
    /// Once stopped: all before this place have been handed over.
    stopped: Option<usize>,
    /// What has ended already.
    past: FleetProgress,
}

struct Waiting {
    machine: Machine,
    /// Added at; times of the machine count from there.
    began: Duration,
    span: Span,
    seen: Option<Snapshot>,
}

/// Which batch it was of, how long it took, what it came to.
type Landed = (usize, Duration, Result<Snapshot, Error>);
type Look<'a> = Pin<Box<dyn Future<Output = Landed> + Send + 'a>>;

/// How far a [`Fleet`] is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetProgress {
    /// Batches added.
    pub batches: usize,
    /// Batches that have ended, well or not.
    pub ended: usize,
    /// Rows dealt with, of the batches that say so.
    pub rows_processed: u64,
    /// Rows in all, of the batches that say so.
    pub rows_total: u64,
}

impl FleetProgress {
    fn add(&mut self, seen: &Snapshot) {
        self.rows_processed += seen.progress.processed.unwrap_or(0);
        self.rows_total += seen.progress.total.unwrap_or(0);
    }
}

impl<'a, P: Provider> Fleet<'a, P> {
    /// A fleet without batches. Budget, schedule and deadline are what the provider advises.
    #[must_use]
    pub fn new(provider: &'a P) -> Self {
        let (clock, advice) = (provider.clock(), provider.advice());
        Self {
            provider,
            began: clock.now(),
            clock,
            options: Options::new(advice),
            histories: Histories::default(),
            budget: Budget::new(advice.requests_per_second),
            waits: Vec::new(),
            places: HashMap::new(),
            due: Vec::new(),
            arrived: Vec::new(),
            ordered: Duration::ZERO,
            later: BinaryHeap::new(),
            in_flight: FuturesUnordered::new(),
            stopped: None,
            past: FleetProgress::default(),
        }
    }

    /// How many requests a second all looks together may take. Default:
    /// [`Advice::requests_per_second`](crate::Advice::requests_per_second).
    #[must_use]
    pub fn requests_per_second(mut self, rate: f64) -> Self {
        self.budget = Budget::new(rate);
        self
    }

    /// As [`Wait::deadline`](super::Wait::deadline), for each batch from when it is added.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = Some(deadline);
        self
    }

    /// As [`Wait::interval`](super::Wait::interval).
    #[must_use]
    pub fn interval(mut self, bounds: std::ops::RangeInclusive<Duration>) -> Self {
        self.options.interval(*bounds.start(), *bounds.end());
        self
    }

    /// As [`Wait::schedule`](super::Wait::schedule).
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.options.use_schedule(schedule);
        self
    }

    /// As [`Wait::history`](super::Wait::history).
    #[must_use]
    pub fn history(mut self, histories: &Histories) -> Self {
        self.histories = histories.clone();
        self
    }

    /// Adds a batch; one that is in it already stays as it is, and is looked at once for all who added it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when it is a batch of another provider.
    pub fn add(&mut self, batch: Batch) -> Result<(), Error> {
        self.insert(batch, None)
    }

    /// [`Fleet::add`] for who knows how many `rows` were submitted, see [`Wait::rows`](super::Wait::rows). Small batches are then looked at
    /// first; with a thousand batches at once that saves a third of the lag.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn add_with_rows(&mut self, batch: Batch, rows: u64) -> Result<(), Error> {
        self.insert(batch, Some(rows))
    }

    fn insert(&mut self, batch: Batch, rows: Option<u64>) -> Result<(), Error> {
        if *batch.provider() != self.provider.id() {
            let reason = format!("this is a batch of {}, not of {}", batch.provider(), self.provider.id());
            return Err(Error::new(ErrorKind::Usage, reason).with_batch(batch));
        }
        if self.places.contains_key(batch.id()) {
            return Ok(());
        }
        self.places.insert(batch.id().to_owned(), self.waits.len());
        let span = observe::span(&batch);
        let machine = Machine::new(self.options, self.histories.clone(), batch, rows, self.clock.wall());
        let began = self.now();
        self.later.push(Reverse((began + machine.next_look(), self.waits.len())));
        self.waits.push(Some(Waiting { machine, began, span, seen: None }));
        Ok(())
    }

    /// Stops all waits: from now on [`Fleet::next`] hands over at once, one after the other, what has not ended, each with an error of kind
    /// [`Interrupted`](ErrorKind::Interrupted) that holds the batch and what was last seen of it. The batches go on at the provider.
    pub fn stop(&mut self) {
        self.stopped = self.stopped.or(Some(0));
        self.in_flight.clear();
    }

    /// How far all of them are.
    #[must_use]
    pub fn progress(&self) -> FleetProgress {
        let mut progress = FleetProgress { batches: self.waits.len(), ..self.past };
        self.waits.iter().flatten().filter_map(|waiting| waiting.seen.as_ref()).for_each(|seen| progress.add(seen));
        progress
    }

    /// The next batch to end, and how; `None` when all have. More batches may be added at any time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<(Batch, Result<Report, Error>)> {
        loop {
            if self.past.ended == self.waits.len() {
                return None;
            }
            if let Some(from) = self.stopped {
                return self.interrupted(from);
            }
            let pause = self.start_looks();
            if let Some((place, took, seen)) = self.landed(pause).await
                && let Some(end) = self.seen(place, took, seen)
            {
                return Some(end);
            }
        }
    }

    /// Starts every look that is due and can be afforded; says how long until the next one may be.
    fn start_looks(&mut self) -> Option<Duration> {
        let now = self.now();
        while let Some(Reverse((due, place))) = self.later.peek().copied()
            && due <= now
        {
            self.later.pop();
            self.arrived.push(place);
        }
        self.order(now);
        while self.in_flight.len() < IN_FLIGHT && !self.due.is_empty() {
            if !self.budget.take(now) {
                return Some(self.budget.wait(now).max(Duration::from_millis(1)));
            }
            if let Some((_, place)) = self.due.pop() {
                self.start(place);
            }
            self.order(now);
        }
        if self.in_flight.len() >= IN_FLIGHT {
            return None;
        }
        let Reverse((next, _)) = self.later.peek()?;
        Some(next.saturating_sub(now).max(Duration::from_millis(1)))
    }

    /// Puts what is due in order of worth, the most last; while there is more due than the budget affords, once a second.
    fn order(&mut self, now: Duration) {
        let stale = self.due.is_empty() || now >= self.ordered.saturating_add(ORDER_LASTS);
        if !stale || (self.due.is_empty() && self.arrived.is_empty()) {
            return;
        }
        let due = self.due.drain(..).map(|(_, place)| place).chain(self.arrived.drain(..));
        let mut due: Vec<_> = due
            .filter_map(|place| {
                let waiting = self.waits[place].as_ref()?;
                Some((waiting.machine.worth(now.saturating_sub(waiting.began)), place))
            })
            .collect();
        due.sort_by(|(one, place), (other, after)| one.total_cmp(other).then(after.cmp(place)));
        self.due = due;
        self.ordered = now;
    }

    fn start(&mut self, place: usize) {
        let Some(Some(waiting)) = self.waits.get(place) else { return };
        let (provider, batch) = (self.provider, waiting.machine.batch().clone());
        let now = self.now().saturating_sub(waiting.began);
        let limit = self.clock.sleep(waiting.machine.look_until(now).saturating_sub(now));
        let (span, clock, asked) = (waiting.span.clone(), self.clock.clone(), self.clock.now());
        self.in_flight.push(Box::pin(async move {
            let seen = look(provider, &batch, limit).instrument(span).await;
            (place, clock.now().saturating_sub(asked), seen)
        }));
    }

    /// The next look to come back, or nothing after `pause`.
    async fn landed(&mut self, pause: Option<Duration>) -> Option<Landed> {
        let mut sleep = pause.map(|pause| self.clock.sleep(pause));
        let in_flight = &mut self.in_flight;
        std::future::poll_fn(move |context| {
            if !in_flight.is_empty()
                && let Poll::Ready(landed) = pin!(in_flight.next()).poll(context)
            {
                return Poll::Ready(landed);
            }
            match &mut sleep {
                Some(sleep) => sleep.as_mut().poll(context).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn seen(
        &mut self,
        place: usize,
        took: Duration,
        look: Result<Snapshot, Error>,
    ) -> Option<(Batch, Result<Report, Error>)> {
        let now = self.now();
        if let Err(error) = &look
            && error.kind() == ErrorKind::RateLimited
        {
            self.budget.throttled(now, error.retry_after());
        }
        let waiting = self.waits.get_mut(place)?.as_mut()?;
        if let Ok(snapshot) = &look {
            waiting.seen = Some(snapshot.clone());
        }
        let Waiting { machine, began, span, .. } = waiting;
        let elapsed = now.saturating_sub(*began);
        let end = match span.in_scope(|| observe::seen(machine, elapsed, took, look, None)) {
            Seen::Running(_) | Seen::Nothing => {
                self.later.push(Reverse((*began + machine.next_look(), place)));
                return None;
            }
            Seen::End(end) => end,
        };
        Some((self.remove(place)?, end))
    }

    /// The first batch at `from` or after it that has not ended.
    fn interrupted(&mut self, from: usize) -> Option<(Batch, Result<Report, Error>)> {
        let place = (from..self.waits.len()).find(|place| self.waits[*place].is_some())?;
        self.stopped = Some(place);
        let now = self.now();
        let Waiting { machine, began, span, .. } = self.waits[place].as_mut()?;
        let end = Err(machine.interrupted(now.saturating_sub(*began)));
        span.in_scope(|| observe::end(&end));
        Some((self.remove(place)?, end))
    }

    /// Closes the books on a batch that has ended.
    fn remove(&mut self, place: usize) -> Option<Batch> {
        let Waiting { machine, seen, .. } = self.waits[place].take()?;
        self.past.ended += 1;
        seen.iter().for_each(|seen| self.past.add(seen));
        let batch = machine.batch().clone();
        self.places.remove(batch.id());
        Some(batch)
    }

    fn now(&self) -> Duration {
        self.clock.now().saturating_sub(self.began)
    }
}
