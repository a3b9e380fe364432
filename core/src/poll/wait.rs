use std::future::{Future, IntoFuture};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::history::DurationHistory;
use super::options::WaitOptions;
use super::state::WaitState;
use super::stream::PollStream;
use super::trace::{Observer, PollEvent};
use crate::error::Error;
use crate::model::{Batch, Report};
use crate::provider::{DynProvider, Provider};
use crate::schedule::Schedule;
use crate::time::Clock;

/// Polls `batch` until it reaches a terminal state, a deadline or a permanent error.
///
/// The wait owns its provider; a reference is a provider too.
///
/// ```no_run
/// # async fn example<P: bulkrail_core::Provider>(client: P, batch: bulkrail_core::Batch) -> Result<(), bulkrail_core::Error> {
/// use std::time::Duration;
///
/// let report = bulkrail_core::wait(&client, batch).deadline(Duration::from_secs(3600)).await?;
/// println!("{:?}", report.outcome());
/// # Ok(())
/// # }
/// ```
pub fn wait<'a>(provider: impl Provider + 'a, batch: Batch) -> Wait<'a> {
    let clock = provider.clock();
    let options = WaitOptions::new(&provider);
    Wait {
        provider: Arc::new(provider),
        batch,
        rows: None,
        options,
        clock,
        history: None,
        stop: None,
        observer: None,
        state_observer: None,
    }
}

/// Builder and future of one wait. `.await` it for the final report, or turn it [into a stream](Wait::into_stream).
///
/// `'a` is the lifetime of its provider, stop signal and observer: `Wait<'static>` where they are owned.
///
/// A wait ends when the batch ended, the deadline passed, the caller stopped it, or an error is permanent.
///
/// A refused connection, a 502, a body that breaks off or a response about another batch are transient: the wait
/// continues within its [failure budget](Wait::failure_budget). A certificate that is not accepted is permanent.
///
/// An unknown host, a port that does not speak TLS and a proxy that cannot be used are permanent until the provider was
/// reached: by a poll of this wait, or by a submission within the last
/// [`VISIBILITY_GRACE`](super::VISIBILITY_GRACE). Then they are transient.
///
/// # Errors
///
/// - [`Deadline`](crate::ErrorKind::Deadline): the deadline passed, and recent polls did not see
///   the batch end.
/// - [`Unreachable`](crate::ErrorKind::Unreachable): the deadline passed, or the failure budget ran out, without a
///   recent successful poll.
/// - [`Interrupted`](crate::ErrorKind::Interrupted): [`stop_when`](Wait::stop_when) completed.
/// - [`NotFound`](crate::ErrorKind::NotFound), [`Authentication`](crate::ErrorKind::Authentication) and other
///   permanent errors; [`Unavailable`](crate::ErrorKind::Unavailable) for those of connections, see
///   [`ConnectorError::is_permanent`](crate::http::ConnectorError::is_permanent).
///
/// Each carries the batch, the last snapshot, the number of polls, and the last transient error as its source.
///
/// # Many waits
///
/// The polls in flight of all waits on one client are [limited](crate::http::Limits::max_polls_in_flight). A poll beyond
/// the limit waits for its place. The deadline of its wait is kept: after a last
/// [`FINAL_POLL_GRACE`](super::FINAL_POLL_GRACE) the wait ends without that poll.
///
/// The first polls of waits that begin together are spread by a hash of the batch id: over a tenth of the first interval,
/// or over the shortest interval, 1 s at most, where they are due at once or at a bound. So 10,000 waits do not send
/// 10,000 requests in one moment. Bounds come first: with one interval for all (`interval(t..=t)`) only the limit remains.
///
/// A [`WaitSet`](super::WaitSet) also keeps to a request rate.
///
/// # Cancel safety
///
/// Cancel safe: dropping it at any point does nothing to the batch. Everything needed to wait again is in the batch.
///
/// # Traces
///
/// | Level, target | Span or event | Fields |
/// |---|---|---|
/// | `DEBUG`, `bulkrail::wait` | span `wait` | `bulkrail.provider`, `bulkrail.batch.id` |
/// | `DEBUG`, `bulkrail::wait` | event `poll`, in the span | `bulkrail.poll` (its number), `bulkrail.elapsed_ms`, `bulkrail.duration_ms`; if it succeeded `bulkrail.state`, `bulkrail.rows.processed`, `bulkrail.rows.total`; if it failed `error.type` (the kind), `http.response.status_code` |
/// | `INFO`, `bulkrail::wait` | event `end`, in the span | `bulkrail.polls`, `bulkrail.elapsed_ms`, `bulkrail.outcome` or `error.type` |
/// | `WARN`, `bulkrail::drift` | event for each new kind of difference | `bulkrail.drift.pointer`, `bulkrail.drift.kind`, `bulkrail.drift.expected` |
/// | `DEBUG`, `bulkrail::http` | event `request` | `bulkrail.provider`, `bulkrail.operation`, `http.request.method`, `http.response.status_code` or `error.type`, `bulkrail.duration_ms` |
///
/// Bodies and personal data are never traced.
#[must_use = "a wait does nothing until it is awaited or polled as a stream"]
pub struct Wait<'a> {
    pub(super) provider: Arc<dyn DynProvider + 'a>,
    pub(super) batch: Batch,
    pub(super) rows: Option<u64>,
    pub(super) options: WaitOptions,
    pub(super) clock: Clock,
    pub(super) history: Option<DurationHistory>,
    pub(super) stop: Option<Stop<'a>>,
    pub(super) observer: Option<Observer<'a>>,
    pub(super) state_observer: Option<StateObserver<'a>>,
}

pub(super) type StateObserver<'a> = Box<dyn FnMut(&WaitState) + Send + 'a>;

pub(super) type Stop<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

impl<'a> Wait<'a> {
    /// Sets the time after which the wait ends, counted from its start.
    ///
    /// A last poll is made then, which may take up to [`FINAL_POLL_GRACE`](super::FINAL_POLL_GRACE), also where the polls
    /// of a large batch take minutes. Default:
    /// [`PollingDefaults::deadline`](crate::PollingDefaults::deadline) of the provider.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options = self.options.deadline(deadline);
        self
    }

    /// Removes the deadline: the wait ends only by the batch, a permanent error, the failure budget or
    /// [`stop_when`](Wait::stop_when).
    pub fn without_deadline(mut self) -> Self {
        self.options = self.options.without_deadline();
        self
    }

    /// Sets the shortest and longest time between two polls, instead of what the provider advises.
    pub fn interval(mut self, bounds: RangeInclusive<Duration>) -> Self {
        self.options = self.options.interval(bounds);
        self
    }

    /// Sets the schedule. Default: [`Schedule::adaptive`].
    ///
    /// The interval bounds stay those of the wait.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.options = self.options.schedule(schedule);
        self
    }

    /// Sets how many rows were submitted, if it is known.
    ///
    /// With a [history](Wait::history) the first poll is then timed by the durations of batches of that size. Without
    /// it, the first poll reads the number, where the provider reports it.
    pub fn rows(mut self, rows: u64) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Uses the durations of earlier batches to time polls, and adds the duration of this one.
    pub fn history(mut self, history: &DurationHistory) -> Self {
        self.history = Some(history.clone());
        self
    }

    /// Sets the time without a successful poll after which the wait ends as unreachable.
    ///
    /// Default: [`FAILURE_BUDGET`](super::FAILURE_BUDGET).
    pub fn failure_budget(mut self, budget: Duration) -> Self {
        self.options = self.options.failure_budget(budget);
        self
    }

    /// Ends the wait as interrupted once `stop` completes, for example `token.cancelled_owned()`.
    ///
    /// The batch continues at the provider.
    pub fn stop_when(mut self, stop: impl Future<Output = ()> + Send + 'a) -> Self {
        self.stop = Some(Box::pin(stop));
        self
    }

    /// Calls `observer` after every poll, successful or not; for metrics. It runs inside the wait and must not block.
    pub fn on_poll(mut self, observer: impl FnMut(&PollEvent<'_>) + Send + 'a) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Calls `observer` with the state of the wait after every poll that has not ended it, to store it.
    ///
    /// It runs inside the wait and must not block. A state that was stored goes on with
    /// [`WaitSet::resume`](super::WaitSet::resume) or [`WaitState::poll`].
    pub fn on_state(mut self, observer: impl FnMut(&WaitState) + Send + 'a) -> Self {
        self.state_observer = Some(Box::new(observer));
        self
    }

    /// Sets another clock than the provider's; for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns a stream of every report, the last one at the end of the wait.
    pub fn into_stream(self) -> PollStream<'a> {
        PollStream::new(self)
    }
}

impl<'a> IntoFuture for Wait<'a> {
    type Output = Result<Report, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let mut stream = self.into_stream();
        Box::pin(async move { stream.last().await })
    }
}

impl std::fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wait").field("batch", &self.batch).finish_non_exhaustive()
    }
}
