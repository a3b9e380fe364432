use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tracing::{Instrument, Span};

use super::machine::{Machine, Seen, Step};
use super::observe::{self, Observer};
use super::{Stop, Wait};
use crate::time::Clock;
use crate::{Batch, Error, ErrorKind, Provider, Report};

/// Every snapshot of a wait as it is seen: `next().await` in a loop, or a [`Stream`].
///
/// A snapshot is handed over at once, before the time to the next look is slept through. The last item is the end: a report of the
/// ended batch, or the error that ended the wait.
///
/// ```no_run
/// # async fn example<P: bulkrail::Provider>(client: P, batch: bulkrail::Batch) -> Result<(), bulkrail::Error> {
/// let mut snapshots = bulkrail::wait(&client, batch).snapshots();
/// while let Some(report) = snapshots.next().await {
///     println!("{:?}", report?.snapshot.progress.percent());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Snapshots<'a, P> {
    /// `None` while the next item is being made by the stream, and after the end.
    wait: Option<Running<'a, P>>,
    /// The item that the stream is making.
    making: Option<Making<'a, P>>,
}

type Item = Option<Result<Report, Error>>;
type Making<'a, P> = Pin<Box<dyn Future<Output = (Option<Running<'a, P>>, Item)> + Send + 'a>>;

struct Running<'a, P> {
    provider: &'a P,
    batch: Batch,
    machine: Machine,
    clock: Clock,
    began: Duration,
    stop: Option<Stop<'a>>,
    observer: Option<Observer<'a>>,
    span: Span,
}

impl<'a, P: Provider> Snapshots<'a, P> {
    pub(super) fn new(wait: Wait<'a, P>) -> Self {
        let Wait { provider, batch, rows, options, clock, histories, stop, observer } = wait;
        let machine = Machine::new(options, histories, batch.clone(), rows, clock.wall());
        let began = clock.now();
        let span = observe::span(&batch);
        let running = Running { provider, batch, machine, clock, began, stop, observer, span };
        Self { wait: Some(running), making: None }
    }

    /// The next snapshot; `None` after the end.
    ///
    /// # Errors
    ///
    /// What ended the wait, see [`Wait`]; nothing follows it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the next call goes on where it was.
    pub async fn next(&mut self) -> Option<Result<Report, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Runs to the end.
    pub(super) async fn last(&mut self) -> Result<Report, Error> {
        loop {
            match self.next().await {
                Some(Ok(report)) if report.snapshot.is_end() => return Ok(report),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(Error::new(ErrorKind::Usage, "the wait has ended already")),
            }
        }
    }
}

impl<P: Provider> Stream for Snapshots<'_, P> {
    type Item = Result<Report, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.making.is_none() {
            let Some(running) = self.wait.take() else {
                return Poll::Ready(None);
            };
            self.making = Some(Box::pin(running.item()));
        }
        let Some(making) = &mut self.making else {
            return Poll::Ready(None);
        };
        let (wait, item) = std::task::ready!(making.as_mut().poll(context));
        self.making = None;
        self.wait = wait;
        Poll::Ready(item)
    }
}

impl<P: Provider> Running<'_, P> {
    async fn item(mut self) -> (Option<Self>, Item) {
        loop {
            let seen = match self.machine.step(self.now()) {
                Step::SleepUntil(then) => {
                    let sleep = self.clock.sleep(then.saturating_sub(self.now()));
                    match first(&mut self.stop, sleep).await {
                        Some(()) => continue,
                        None => self.interrupted(),
                    }
                }
                Step::LookUntil(then) => {
                    let asked = self.now();
                    let limit = self.clock.sleep(then.saturating_sub(asked));
                    let look = look(self.provider, &self.batch, limit).instrument(self.span.clone());
                    match first(&mut self.stop, look).await {
                        Some(seen) => self.seen(asked, seen),
                        None => self.interrupted(),
                    }
                }
            };
            match seen {
                Seen::Nothing => {}
                Seen::Running(report) => return (Some(self), Some(Ok(report))),
                Seen::End(end) => return (None, Some(end)),
            }
        }
    }

    fn seen(&mut self, asked: Duration, look: Result<crate::Snapshot, Error>) -> Seen {
        let now = self.now();
        let Self { machine, observer, span, .. } = self;
        span.in_scope(|| observe::seen(machine, now, now.saturating_sub(asked), look, observer.as_mut()))
    }

    fn interrupted(&mut self) -> Seen {
        let end = Err(self.machine.interrupted(self.now()));
        self.span.in_scope(|| observe::end(&end));
        Seen::End(end)
    }

    fn now(&self) -> Duration {
        self.clock.now().saturating_sub(self.began)
    }
}

/// One look, cut off when `limit` is done.
pub(super) async fn look<P: Provider>(
    provider: &P,
    batch: &Batch,
    limit: impl Future<Output = ()>,
) -> Result<crate::Snapshot, Error> {
    let mut look = pin!(provider.look(batch));
    let mut limit = pin!(limit);
    std::future::poll_fn(|context| {
        if let Poll::Ready(seen) = look.as_mut().poll(context) {
            return Poll::Ready(seen);
        }
        std::task::ready!(limit.as_mut().poll(context));
        Poll::Ready(Err(Error::new(ErrorKind::Unavailable, "the look took too long")))
    })
    .await
}

/// Runs `work` to its end, unless `stop` is done first (`None`).
async fn first<T>(stop: &mut Option<Stop<'_>>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        if let Some(stop) = stop
            && stop.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(None);
        }
        work.as_mut().poll(context).map(Some)
    })
    .await
}
