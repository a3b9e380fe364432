//! Many waits that share one account's request limit.

mod turns;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use tracing::Span;

use super::machine::Machine;
use super::observe;
use super::options::Options;
use crate::history::Histories;
use crate::schedule::{Budget, Schedule};
use crate::time::Clock;
use crate::{Batch, Error, ErrorKind, Provider, Report, Snapshot};

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
    waits: Vec<Option<Box<Waiting>>>,
    places: HashMap<String, usize>,
    /// Batches whose look is due, with what it is worth, and those whose look comes later, with when.
    due: Vec<(f64, usize)>,
    /// Have become due since that was put in order.
    arrived: Vec<usize>,
    /// Are due, and wait until fewer looks at failing batches are under way.
    held_back: Vec<usize>,
    ordered: Duration,
    later: BinaryHeap<Reverse<(Duration, usize)>>,
    /// When each is given up, seen or not: the budget may have no request left for it.
    given_up: BinaryHeap<Reverse<(Duration, usize)>>,
    in_flight: FuturesUnordered<Look<'a>>,
    failing_in_flight: usize,
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
    /// The last look failed.
    is_failing: bool,
    is_in_flight: bool,
}

/// Which batch it was of and whether that was failing, how long it took, what it came to.
type Landed = (usize, bool, Duration, Result<Snapshot, Error>);
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
        self.rows_processed = self.rows_processed.saturating_add(seen.progress.processed.unwrap_or(0));
        self.rows_total = self.rows_total.saturating_add(seen.progress.total.unwrap_or(0));
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
            held_back: Vec::new(),
            ordered: Duration::ZERO,
            later: BinaryHeap::new(),
            given_up: BinaryHeap::new(),
            in_flight: FuturesUnordered::new(),
            failing_in_flight: 0,
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

    /// As [`Wait::deadline`](super::Wait::deadline), for each batch from when it is added; it holds even where no request is left for a last
    /// look.
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
    /// first; with a thousand batches at once, in the benchmark's `linear` workload, that saves a third of the lag.
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
        let place = self.waits.len();
        self.later.push(Reverse((began.saturating_add(machine.next_look()), place)));
        self.given_up.extend(machine.ends_by().map(|by| Reverse((began.saturating_add(by), place))));
        let waiting = Waiting { machine, began, span, seen: None, is_failing: false, is_in_flight: false };
        self.waits.push(Some(Box::new(waiting)));
        Ok(())
    }

    /// Stops all waits: from now on [`Fleet::next`] hands over at once, one after the other, what has not ended, each with an error of kind
    /// [`Interrupted`](ErrorKind::Interrupted) that holds the batch and what was last seen of it. The batches go on at the provider.
    ///
    /// ```no_run
    /// # use std::future::Future;
    /// # async fn example<P: bulkrail::Provider>(mut fleet: bulkrail::wait::Fleet<'_, P>, shutdown: impl Future<Output = ()>) {
    /// let mut shutdown = std::pin::pin!(shutdown);
    /// let mut is_stopped = false;
    /// loop {
    ///     tokio::select! {
    ///         end = fleet.next() => match end {
    ///             Some((batch, end)) => println!("{batch}: {:?}", end.map(|report| report.outcome())),
    ///             None => break,
    ///         },
    ///         () = &mut shutdown, if !is_stopped => {
    ///             fleet.stop();
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
            if let Some(end) = self.expired() {
                return Some(end);
            }
            let pause = self.start_looks();
            if let Some((place, was_failing, took, seen)) = self.landed(self.pause(pause)).await {
                self.failing_in_flight -= usize::from(was_failing);
                if let Some(end) = self.seen(place, took, seen) {
                    return Some(end);
                }
            }
        }
    }

    fn now(&self) -> Duration {
        self.clock.now().saturating_sub(self.began)
    }
}
