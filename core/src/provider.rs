//! What a wait has to know about a provider.

use std::future::Future;
use std::time::Duration;

use crate::time::Clock;
use crate::{Batch, Error, ProviderId, Snapshot};

/// Something that has batches which can be looked at. The four clients implement it; implement it for your own to wait on it too.
pub trait Provider: Send + Sync {
    /// Its name, as batches carry it.
    fn id(&self) -> ProviderId;

    /// One look at `batch`: one request, no retries, no waiting.
    ///
    /// An error that [is transient](Error::is_transient) does not end a wait; any other does.
    fn look<'a>(&'a self, batch: &'a Batch) -> impl Future<Output = Result<Snapshot, Error>> + Send + 'a;

    /// What its pages advise about polling.
    fn advice(&self) -> Advice {
        Advice::default()
    }

    /// The clock that waits go by.
    fn clock(&self) -> Clock {
        Clock::system()
    }
}

/// How often to look, as the provider's pages advise, or as we think fit where they are silent.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Advice {
    /// From our submission to the first look.
    pub first_delay: Duration,
    /// The shortest time between two looks.
    pub min_interval: Duration,
    /// The longest time between two looks.
    pub max_interval: Duration,
    /// When a wait gives up, if the caller does not say.
    pub deadline: Duration,
    /// How many requests a second the looks at all batches of an account may take.
    pub requests_per_second: f64,
}

impl Advice {
    /// 1 s: the smallest batches end within seconds, and no provider's limit is near one request a second.
    pub const FIRST_DELAY: Duration = Duration::from_secs(1);
    /// 1 s, for the same reason.
    pub const MIN_INTERVAL: Duration = Duration::from_secs(1);
    /// 5 min: as long as the schedule goes where progress shows that the end is far; without progress it stays within 2 min.
    pub const MAX_INTERVAL: Duration = crate::schedule::Bounds::MAX_GAP;
    /// 1 h: batches take from seconds to about an hour.
    pub const DEADLINE: Duration = Duration::from_secs(60 * 60);

    /// 5 a second, where no page says more: well under what any public API allows, and 300 batches a minute.
    pub const REQUESTS_PER_SECOND: f64 = 5.0;

    /// The same advice with another rate.
    #[must_use]
    pub const fn with_requests_per_second(self, requests_per_second: f64) -> Self {
        Self { requests_per_second, ..self }
    }

    /// The same advice with other delays: `first_delay`, then from `min_interval` to `max_interval`.
    #[must_use]
    pub const fn with_delays(self, first_delay: Duration, min_interval: Duration, max_interval: Duration) -> Self {
        Self { first_delay, min_interval, max_interval, ..self }
    }

    /// The same advice with another deadline.
    #[must_use]
    pub const fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The defaults, where a provider's pages are silent.
    #[must_use]
    pub const fn silent() -> Self {
        Self {
            first_delay: Self::FIRST_DELAY,
            min_interval: Self::MIN_INTERVAL,
            max_interval: Self::MAX_INTERVAL,
            deadline: Self::DEADLINE,
            requests_per_second: Self::REQUESTS_PER_SECOND,
        }
    }
}

impl Default for Advice {
    fn default() -> Self {
        Self::silent()
    }
}
