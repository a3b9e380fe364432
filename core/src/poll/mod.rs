//! The wait: from a batch to its end, for a reason.
//!
//! `Machine` decides and knows no clock, no socket and no provider; [`Snapshots`] does what it says. Every shape of
//! waiting (`.await`, the stream, a loop of one's own) is [`Snapshots`].

mod fleet;
mod machine;
mod observe;
mod options;
mod snapshots;

use std::future::{Future, IntoFuture};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::time::Duration;

pub use fleet::{Fleet, FleetProgress};
use observe::Observer;
pub use observe::Polled;
use options::Options;
pub use options::{FAILURE_BUDGET, LAST_LOOK, LOOK_TIMEOUT, VISIBILITY_GRACE};
pub use snapshots::Snapshots;

use crate::history::Histories;
use crate::schedule::Schedule;
use crate::time::Clock;
use crate::{Batch, Error, Provider, Report};

/// Waits for the end of `batch`.
///
/// ```no_run
/// # async fn example<P: bulkrail::Provider>(client: P, batch: bulkrail::Batch) -> Result<(), bulkrail::Error> {
/// use std::time::Duration;
///
/// let report = bulkrail::wait(&client, batch).deadline(Duration::from_secs(3600)).await?;
/// println!("{:?}", report.outcome());
/// # Ok(())
/// # }
/// ```
#[must_use = "a wait does nothing until it is awaited"]
pub fn wait<P: Provider>(provider: &P, batch: Batch) -> Wait<'_, P> {
    let clock = provider.clock();
    let options = Options::new(provider.advice());
    let histories = Histories::default();
    Wait { provider, batch, rows: None, options, clock, histories, stop: None, observer: None }
}

/// A wait that is being set up. `.await` it for the end, or take its [snapshots](Wait::snapshots).
///
/// It ends when the batch ended, the deadline passed, the caller stopped it, or the provider said something permanent. Nothing else
/// ends it: a refused connection, a 502, a body that breaks off are faults that it rides out.
///
/// # Errors
///
/// - [`Deadline`](crate::ErrorKind::Deadline): the deadline passed, and the batch was seen running.
/// - [`Unreachable`](crate::ErrorKind::Unreachable): the deadline passed, or the failure budget ran out, without a fresh look.
/// - [`Interrupted`](crate::ErrorKind::Interrupted): [`stop_when`](Wait::stop_when) happened.
/// - [`NotFound`](crate::ErrorKind::NotFound), [`Authentication`](crate::ErrorKind::Authentication) and other permanent answers.
///
/// Each carries the batch, the last snapshot, the number of polls, and the fault since the last good look, if there was one.
///
/// # Cancel safety
///
/// Dropping it at any point does nothing to the batch and loses nothing that the batch does not hold; wait again whenever you like.
///
/// # Traces
///
/// At level `DEBUG`, with the target `bulkrail::wait`: a span `wait` with `bulkrail.provider` and `bulkrail.batch.id`; in it an event
/// `poll` a look, with `bulkrail.poll` (its number), `bulkrail.elapsed_ms` and `bulkrail.duration_ms`, and `bulkrail.state`,
/// `bulkrail.rows.processed`, `bulkrail.rows.total` where it was good, `error.type` (the kind) and `http.response.status_code` where it
/// was not; and an event `end` (level `INFO`) with `bulkrail.polls`, `bulkrail.elapsed_ms` and `bulkrail.outcome` or `error.type`.
/// The first time an answer differs from the spec in some way, an event (level `WARN`, target `bulkrail::drift`) tells
/// `bulkrail.drift.pointer`, `bulkrail.drift.kind` and `bulkrail.drift.expected`.
/// Requests appear as events `request` of the target `bulkrail::transport`, with `bulkrail.provider`, `bulkrail.operation`,
/// `http.request.method`, `http.response.status_code` or `error.type`, and `bulkrail.duration_ms`. No bodies, no personal data.
#[must_use = "a wait does nothing until it is awaited"]
pub struct Wait<'a, P> {
    provider: &'a P,
    batch: Batch,
    rows: Option<u64>,
    options: Options,
    clock: Clock,
    histories: Histories,
    stop: Option<Stop<'a>>,
    observer: Option<Observer<'a>>,
}

type Stop<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

impl<'a, P: Provider> Wait<'a, P> {
    /// Gives up `deadline` after the wait began (at most one look later, and that is given [`LAST_LOOK`]). Default: what the provider advises, else
    /// [`Advice::DEADLINE`](crate::Advice::DEADLINE).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = Some(deadline);
        self
    }

    /// Never gives up as long as the provider can be reached.
    pub fn without_deadline(mut self) -> Self {
        self.options.deadline = None;
        self
    }

    /// Bounds for the time between two looks, instead of what the provider advises.
    pub fn interval(mut self, bounds: RangeInclusive<Duration>) -> Self {
        self.options.interval(*bounds.start(), *bounds.end());
        self
    }

    /// Another rule for when to look than the adaptive one, or the same with another [worth](Schedule::worth) of a request. Its bounds are
    /// those of the wait: the provider's advice, or [`Wait::interval`].
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.options.use_schedule(schedule);
        self
    }

    /// How many rows were submitted, for who knows it: with a [history](Wait::history) the first look is then aimed by what batches of that
    /// size took. Otherwise the first look tells, where the provider does.
    pub fn rows(mut self, rows: u64) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Aims by how long earlier batches took, and learns from this one.
    pub fn history(mut self, histories: &Histories) -> Self {
        self.histories = histories.clone();
        self
    }

    /// How long in a row no look may succeed before the wait ends as unreachable. Default: [`FAILURE_BUDGET`].
    pub fn failure_budget(mut self, budget: Duration) -> Self {
        self.options.failure_budget = budget;
        self
    }

    /// Ends the wait as interrupted once `stop` is done, for example `token.cancelled_owned()`. The batch goes on at the provider.
    pub fn stop_when(mut self, stop: impl Future<Output = ()> + Send + 'a) -> Self {
        self.stop = Some(Box::pin(stop));
        self
    }

    /// Calls `observer` after every look, good or bad; for metrics. It runs inside the wait: it must not block.
    pub fn observe(mut self, observer: impl FnMut(&Polled<'_>) + Send + 'a) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Goes by another clock than the provider's; for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Every snapshot as it is seen, the last one at the end.
    pub fn snapshots(self) -> Snapshots<'a, P> {
        Snapshots::new(self)
    }
}

impl<'a, P: Provider> IntoFuture for Wait<'a, P> {
    type Output = Result<Report, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let mut snapshots = self.snapshots();
        Box::pin(async move { snapshots.last().await })
    }
}
