//! The interface between a wait and a provider.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::model::{Batch, ProviderId, Snapshot};
use crate::schedule::IntervalBounds;
use crate::time::Clock;

/// Provider whose batches can be polled. Implement it for your own client to wait on its batches.
///
/// References and smart pointers to a provider are providers too. For a list of different providers use
/// [`DynProvider`].
pub trait Provider: Send + Sync {
    /// Returns the name of the provider, as its batches carry it.
    fn id(&self) -> ProviderId;

    /// Polls `batch` once: one status request without retries and without waiting.
    ///
    /// An error that [is transient](Error::is_transient) does not end a wait; any other error does.
    fn poll<'a>(&'a self, batch: &'a Batch) -> impl Future<Output = Result<Snapshot, Error>> + Send + 'a;

    /// Returns the defaults for polling that the provider's pages advise.
    fn polling_defaults(&self) -> PollingDefaults {
        PollingDefaults::default()
    }

    /// Returns the clock that waits use.
    fn clock(&self) -> Clock {
        Clock::system()
    }

    /// Returns the limit on polls in flight that all waits on this provider share; `None` for no limit.
    ///
    /// Every call returns a clone of one limit. Providers over an [`HttpClient`](crate::http::HttpClient) return
    /// [its limit](crate::http::HttpClient::poll_limit).
    fn poll_limit(&self) -> Option<PollLimit> {
        None
    }
}

/// Dyn-compatible form of [`Provider`]. Every provider implements it.
///
/// `Box<dyn DynProvider>` and `Arc<dyn DynProvider>` are providers themselves:
///
/// ```
/// use std::sync::Arc;
/// use bulkrail_core::{DynProvider, Provider};
///
/// fn ids(providers: &[Arc<dyn DynProvider>]) -> Vec<String> {
///     providers.iter().map(|provider| Provider::id(provider).to_string()).collect()
/// }
/// ```
pub trait DynProvider: Send + Sync {
    /// See [`Provider::id`].
    fn dyn_id(&self) -> ProviderId;

    /// See [`Provider::poll`].
    fn dyn_poll<'a>(&'a self, batch: &'a Batch) -> PollFuture<'a>;

    /// See [`Provider::polling_defaults`].
    fn dyn_polling_defaults(&self) -> PollingDefaults;

    /// See [`Provider::clock`].
    fn dyn_clock(&self) -> Clock;

    /// See [`Provider::poll_limit`].
    fn dyn_poll_limit(&self) -> Option<PollLimit>;
}

/// Future of [`DynProvider::dyn_poll`].
pub type PollFuture<'a> = Pin<Box<dyn Future<Output = Result<Snapshot, Error>> + Send + 'a>>;

impl<P: Provider> DynProvider for P {
    fn dyn_id(&self) -> ProviderId {
        self.id()
    }

    fn dyn_poll<'a>(&'a self, batch: &'a Batch) -> PollFuture<'a> {
        Box::pin(self.poll(batch))
    }

    fn dyn_polling_defaults(&self) -> PollingDefaults {
        self.polling_defaults()
    }

    fn dyn_clock(&self) -> Clock {
        self.clock()
    }

    fn dyn_poll_limit(&self) -> Option<PollLimit> {
        self.poll_limit()
    }
}

impl Provider for dyn DynProvider + '_ {
    fn id(&self) -> ProviderId {
        self.dyn_id()
    }

    fn poll<'a>(&'a self, batch: &'a Batch) -> impl Future<Output = Result<Snapshot, Error>> + Send + 'a {
        self.dyn_poll(batch)
    }

    fn polling_defaults(&self) -> PollingDefaults {
        self.dyn_polling_defaults()
    }

    fn clock(&self) -> Clock {
        self.dyn_clock()
    }

    fn poll_limit(&self) -> Option<PollLimit> {
        self.dyn_poll_limit()
    }
}

macro_rules! forward {
    ($pointer:ty) => {
        impl<P: Provider + ?Sized> Provider for $pointer {
            fn id(&self) -> ProviderId {
                (**self).id()
            }

            fn poll<'a>(&'a self, batch: &'a Batch) -> impl Future<Output = Result<Snapshot, Error>> + Send + 'a {
                (**self).poll(batch)
            }

            fn polling_defaults(&self) -> PollingDefaults {
                (**self).polling_defaults()
            }

            fn clock(&self) -> Clock {
                (**self).clock()
            }

            fn poll_limit(&self) -> Option<PollLimit> {
                (**self).poll_limit()
            }
        }
    };
}

forward!(&P);
forward!(Arc<P>);
forward!(Box<P>);

/// Limit on the polls that are in flight at once. Clones share it.
///
/// The waits, streams and wait sets of one provider share one limit. A poll that is due beyond it waits for its place,
/// in the order in which the polls became due. It is not a request yet: its timeout starts when it is sent. At the
/// deadline of its wait it waits for [`FINAL_POLL_GRACE`](crate::poll::FINAL_POLL_GRACE) more; then the wait ends without
/// it.
///
/// A wait that is dropped frees its place. A stream or set that has begun a poll and is not polled itself keeps it.
///
/// ```
/// use bulkrail_core::PollLimit;
/// use bulkrail_core::test_util::{MockProvider, VirtualClock};
///
/// let clock = VirtualClock::new();
/// let provider = MockProvider::by_time(&clock).poll_limit(PollLimit::new(20));
/// ```
#[derive(Clone)]
pub struct PollLimit(Arc<Semaphore>);

impl PollLimit {
    /// Returns a limit of `max` polls; 0 counts as 1.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self(Arc::new(Semaphore::new(max.clamp(1, Semaphore::MAX_PERMITS))))
    }
}

impl std::fmt::Debug for PollLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PollLimit").field("free", &self.0.available_permits()).finish()
    }
}

/// Future of a place.
pub(crate) type NextPlace = Pin<Box<dyn Future<Output = PollPlace> + Send>>;

/// Place of one poll within the limit of its provider. Dropping it frees the place.
pub(crate) struct PollPlace {
    _permit: Option<OwnedSemaphorePermit>,
}

impl PollPlace {
    /// Takes a place if one is free and no other poll waits for it.
    pub(crate) fn try_take(provider: &(dyn DynProvider + '_)) -> Option<Self> {
        match provider.dyn_poll_limit() {
            Some(PollLimit(limit)) => limit.try_acquire_owned().ok().map(|permit| Self { _permit: Some(permit) }),
            None => Some(Self { _permit: None }),
        }
    }

    /// Waits for a place, after the polls that wait already.
    pub(crate) fn take(provider: &(dyn DynProvider + '_)) -> NextPlace {
        let limit = provider.dyn_poll_limit();
        Box::pin(async move {
            let permit = match limit {
                // The semaphore is never closed.
                Some(PollLimit(limit)) => limit.acquire_owned().await.ok(),
                None => None,
            };
            Self { _permit: permit }
        })
    }
}

/// Intervals, time limits and request rate of polling: what the provider's pages advise, else the defaults of this crate.
///
/// ```
/// use std::time::Duration;
/// use bulkrail_core::PollingDefaults;
///
/// const DEFAULTS: PollingDefaults = PollingDefaults::new().with_deadline(Duration::from_secs(30 * 60));
/// assert_eq!(DEFAULTS.requests_per_second, PollingDefaults::REQUESTS_PER_SECOND);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PollingDefaults {
    /// Time from our own submission to the first poll.
    pub initial_delay: Duration,
    /// Shortest time between two polls.
    pub min_interval: Duration,
    /// Longest time between two polls.
    pub max_interval: Duration,
    /// Time after which a wait gives up.
    pub deadline: Duration,
    /// Time after which a wait cuts one poll off, with all of its requests.
    pub poll_timeout: Duration,
    /// Requests per second that the polls of all batches of an account may take together.
    pub requests_per_second: f64,
    /// Whether responses state progress while a batch runs. The first poll then comes earlier: it predicts the end.
    pub reports_progress: bool,
}

impl PollingDefaults {
    /// 1 s: the smallest batches end within seconds, and providers allow far more than one request a second.
    pub const INITIAL_DELAY: Duration = Duration::from_secs(1);
    /// 1 s, for the same reason.
    pub const MIN_INTERVAL: Duration = Duration::from_secs(1);
    /// 5 min: the longest interval where progress shows that the end is far; without progress it stays within 2 min.
    pub const MAX_INTERVAL: Duration = IntervalBounds::DEFAULT_MAX;
    /// 1 h: batches take from seconds to about an hour.
    pub const DEADLINE: Duration = Duration::from_secs(60 * 60);
    /// 45 s for one poll: the request timeout (30 s, [`Limits::REQUEST_TIMEOUT`](crate::http::Limits::REQUEST_TIMEOUT))
    /// and a token refresh on the way.
    pub const POLL_TIMEOUT: Duration = Duration::from_secs(45);
    /// 5 requests per second: well under what public APIs allow, and enough for 300 batches a minute.
    pub const REQUESTS_PER_SECOND: f64 = 5.0;

    /// Returns the defaults for a provider whose pages do not advise anything.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            initial_delay: Self::INITIAL_DELAY,
            min_interval: Self::MIN_INTERVAL,
            max_interval: Self::MAX_INTERVAL,
            deadline: Self::DEADLINE,
            poll_timeout: Self::POLL_TIMEOUT,
            requests_per_second: Self::REQUESTS_PER_SECOND,
            reports_progress: false,
        }
    }

    /// Returns the same defaults with another request rate.
    #[must_use]
    pub const fn with_requests_per_second(self, requests_per_second: f64) -> Self {
        Self { requests_per_second, ..self }
    }

    /// Returns the same defaults with a first poll after `initial_delay` and intervals from `min_interval` to
    /// `max_interval`.
    #[must_use]
    pub const fn with_delays(self, initial_delay: Duration, min_interval: Duration, max_interval: Duration) -> Self {
        Self { initial_delay, min_interval, max_interval, ..self }
    }

    /// Returns the same defaults for a provider whose responses state progress while a batch runs.
    #[must_use]
    pub const fn with_progress(self) -> Self {
        Self { reports_progress: true, ..self }
    }

    /// Returns the same defaults with another deadline.
    #[must_use]
    pub const fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Returns the same defaults for a provider whose polls may take `poll_timeout`, such as one with the rows in its
    /// status responses.
    #[must_use]
    pub const fn with_poll_timeout(self, poll_timeout: Duration) -> Self {
        Self { poll_timeout, ..self }
    }
}

impl Default for PollingDefaults {
    fn default() -> Self {
        Self::new()
    }
}
