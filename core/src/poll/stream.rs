use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use tracing::{Instrument, Span};

use super::machine::{Machine, Observed, Step};
use super::state::WaitState;
use super::trace::{self, Observer};
use super::wait::{StateObserver, Stop, Wait};
use crate::error::{Error, ErrorKind};
use crate::model::{Batch, Report, Snapshot};
use crate::provider::{DynProvider, PollPlace};
use crate::time::{Clock, Sleep};

/// Every report of a wait: `next().await` in a loop, or a `Stream`.
///
/// A report is returned at once, before the time to the next poll is slept through. The last item is the end: the
/// report of the ended batch, or the error that ended the wait. The stream owns everything it needs:
/// `PollStream<'static>` can be a struct field, a spawned task or the body of a response.
///
/// ```no_run
/// # async fn example<P: bulkrail_core::Provider>(client: P, batch: bulkrail_core::Batch) -> Result<(), bulkrail_core::Error> {
/// let mut reports = bulkrail_core::wait(&client, batch).into_stream();
/// while let Some(report) = reports.next().await {
///     println!("{:?}", report?.snapshot.progress.percent());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct PollStream<'a> {
    /// `None` while the next item is being made, and after the end.
    driver: Option<Box<Driver<'a>>>,
    /// The item that is being made.
    next_item: Option<NextItem<'a>>,
}

type Item = Result<Report, Error>;
type NextItem<'a> = Pin<Box<dyn Future<Output = (Option<Box<Driver<'a>>>, Option<Item>)> + Send + 'a>>;

struct Driver<'a> {
    provider: Arc<dyn DynProvider + 'a>,
    state: WaitState,
    clock: Clock,
    started: Duration,
    stop: Option<Stop<'a>>,
    observer: Option<Observer<'a>>,
    state_observer: Option<StateObserver<'a>>,
    span: Span,
}

impl<'a> PollStream<'a> {
    pub(super) fn new(wait: Wait<'a>) -> Self {
        let Wait { provider, batch, rows, options, clock, history, stop, observer, state_observer } = wait;
        let state = WaitState(Machine::new(&options, history, batch, rows, clock.wall()));
        let started = clock.now();
        let span = trace::span(state.batch());
        let driver = Driver { provider, state, clock, started, stop, observer, state_observer, span };
        Self { driver: Some(Box::new(driver)), next_item: None }
    }

    /// Returns the next report; `None` after the end.
    ///
    /// # Errors
    ///
    /// The error that ended the wait, see [`Wait`]; `None` follows it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the next call continues where the dropped future was.
    pub async fn next(&mut self) -> Option<Item> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Returns the state of the wait between two reports, for example to show when the next poll is
    /// [due](WaitState::due), or to store it before the first poll.
    ///
    /// `None` after the end, and where a call of [`next`](PollStream::next) was dropped before its report. After
    /// failed polls, which make no report, [`Wait::on_state`] has the state.
    ///
    /// ```
    /// use std::time::Duration;
    /// use bulkrail_core::test_util::{MockProvider, VirtualClock, finished};
    ///
    /// let clock = VirtualClock::new();
    /// let provider = MockProvider::in_order(&clock).then(|| Ok(finished(2, 0)));
    /// let wait = bulkrail_core::wait(&provider, provider.submitted("b-1"));
    /// let mut reports = wait.interval(Duration::from_secs(43)..=Duration::from_secs(43)).into_stream();
    ///
    /// let state = reports.state().expect("it has not begun");
    /// assert_eq!(state.due_in(VirtualClock::BEGINNING), Duration::from_secs(43));
    /// assert!(clock.run(reports.next()).is_some_and(|report| report.is_ok()));
    /// assert!(reports.state().is_none());
    /// ```
    #[must_use]
    pub fn state(&self) -> Option<&WaitState> {
        self.driver.as_ref().map(|driver| &driver.state)
    }

    /// Runs to the end.
    pub(super) async fn last(&mut self) -> Item {
        loop {
            match self.next().await {
                Some(Ok(report)) if report.snapshot.is_terminal() => return Ok(report),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(Error::new(ErrorKind::Usage, "the wait has ended already")),
            }
        }
    }
}

impl Stream for PollStream<'_> {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        if self.next_item.is_none() {
            let Some(driver) = self.driver.take() else {
                return Poll::Ready(None);
            };
            self.next_item = Some(Box::pin(driver.next_item()));
        }
        let Some(next_item) = &mut self.next_item else {
            return Poll::Ready(None);
        };
        let (driver, item) = std::task::ready!(next_item.as_mut().poll(context));
        self.next_item = None;
        self.driver = driver;
        Poll::Ready(item)
    }
}

impl FusedStream for PollStream<'_> {
    fn is_terminated(&self) -> bool {
        self.driver.is_none() && self.next_item.is_none()
    }
}

impl std::fmt::Debug for PollStream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PollStream { .. }")
    }
}

impl Driver<'_> {
    /// The driver is boxed: a future holds its arguments twice.
    async fn next_item(mut self: Box<Self>) -> (Option<Box<Self>>, Option<Item>) {
        loop {
            let observed = match self.state.0.step(self.now()) {
                Step::SleepUntil(then) => {
                    let sleep = self.clock.sleep(then.saturating_sub(self.now()));
                    match unless_stopped(&mut self.stop, sleep).await {
                        Some(()) => continue,
                        None => self.end(Machine::interrupted),
                    }
                }
                Step::Poll => self.poll().await,
            };
            match observed {
                Observed::Nothing => {}
                Observed::Running(report) => return (Some(self), Some(Ok(report))),
                Observed::End(end) => return (None, Some(end)),
            }
        }
    }

    async fn poll(&mut self) -> Observed {
        let begun = self.now();
        let _place = match self.place(begun).await {
            Ok(place) => place,
            Err(end) => return end,
        };
        let sent = self.now();
        let limit = self.clock.sleep(self.state.0.poll_until(begun, sent).saturating_sub(sent));
        let poll = poll_until(&*self.provider, self.state.0.batch(), limit).instrument(self.span.clone());
        match unless_stopped(&mut self.stop, poll).await {
            Some(result) => self.observe(sent, result),
            None => self.end(Machine::interrupted),
        }
    }

    /// Returns the place of the next poll within the limit of the provider, or the end of the wait.
    async fn place(&mut self, begun: Duration) -> Result<PollPlace, Observed> {
        if let Some(place) = PollPlace::try_take(&*self.provider) {
            return Ok(place);
        }
        let end = self.state.0.ends_by(begun).map(|end| self.clock.sleep(end.saturating_sub(begun)));
        let place = place_until(&*self.provider, end);
        match unless_stopped(&mut self.stop, place).await {
            Some(Some(place)) => Ok(place),
            Some(None) => Err(self.end(Machine::expired)),
            None => Err(self.end(Machine::interrupted)),
        }
    }

    fn observe(&mut self, sent: Duration, result: Result<Snapshot, Error>) -> Observed {
        let now = self.now();
        let Self { state, observer, state_observer, span, clock, .. } = self;
        let machine = &mut state.0;
        let observed =
            span.in_scope(|| trace::observe(machine, now, now.saturating_sub(sent), result, observer.as_mut()));
        if let Observed::Running(_) | Observed::Nothing = &observed {
            // The clock of the wait does not jump; the time of day of a stored state follows it.
            machine.synchronise(now, clock.wall());
            if let Some(observer) = state_observer {
                observer(state);
            }
        }
        observed
    }

    /// Ends the wait without a poll.
    fn end(&mut self, end: fn(&mut Machine, Duration) -> Error) -> Observed {
        let now = self.now();
        let end = Err(end(&mut self.state.0, now));
        self.span.in_scope(|| trace::end(&end));
        Observed::End(end)
    }

    fn now(&self) -> Duration {
        self.clock.now().saturating_sub(self.started)
    }
}

/// Returns the next place within the limit of `provider`; `None` when `end` completes first.
pub(super) async fn place_until(provider: &(dyn DynProvider + '_), mut end: Option<Sleep>) -> Option<PollPlace> {
    if let Some(place) = PollPlace::try_take(provider) {
        return Some(place);
    }
    let mut place = PollPlace::take(provider);
    std::future::poll_fn(|context| {
        if let Poll::Ready(place) = place.as_mut().poll(context) {
            return Poll::Ready(Some(place));
        }
        match &mut end {
            Some(end) => end.as_mut().poll(context).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

/// Polls once; cut off when `limit` completes.
pub(super) async fn poll_until(
    provider: &(dyn DynProvider + '_),
    batch: &Batch,
    limit: impl Future<Output = ()>,
) -> Result<Snapshot, Error> {
    let mut poll = provider.dyn_poll(batch);
    let mut limit = pin!(limit);
    std::future::poll_fn(|context| {
        if let Poll::Ready(result) = poll.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        std::task::ready!(limit.as_mut().poll(context));
        Poll::Ready(Err(Error::new(ErrorKind::Unavailable, "the poll took too long")))
    })
    .await
}

/// Runs `future` to its end, unless `stop` completes first (`None`).
async fn unless_stopped<T>(stop: &mut Option<Stop<'_>>, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        if let Some(stop) = stop
            && stop.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(None);
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}
