//! Clocks. Only this module reads the system clock or sleeps; the rest of the code uses a [`Clock`].

#![expect(clippy::disallowed_methods, reason = "the only module that reads the system clock or sleeps")]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// Future returned by [`TimeSource::sleep`].
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Source of time for a [`Clock`]. Implement it to control time in tests, or use the `VirtualClock` of `test_util`.
pub trait TimeSource: Send + Sync + 'static {
    /// Returns the time since a fixed moment. It never decreases.
    fn now(&self) -> Duration;

    /// Returns the time of day, for timestamps. It may jump.
    fn wall(&self) -> Timestamp;

    /// Returns a future that completes once `duration` has passed. Dropping it cancels the sleep.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// Clock of clients and waits. Clones share one [`TimeSource`].
#[derive(Clone)]
pub struct Clock(Arc<dyn TimeSource>);

impl Clock {
    /// Returns a clock that reads `source`.
    pub fn new(source: impl TimeSource) -> Self {
        Self(Arc::new(source))
    }

    /// Returns the system clock. It sleeps with tokio's timer, so a wait needs a tokio runtime with time enabled.
    #[must_use]
    pub fn system() -> Self {
        Self::new(System(tokio::time::Instant::now()))
    }

    /// Returns the time since a fixed moment. It never decreases.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.now()
    }

    /// Returns the time of day. It may jump.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        self.0.wall()
    }

    /// Returns a future that completes once `duration` has passed.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.0.sleep(duration)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

struct System(tokio::time::Instant);

impl TimeSource for System {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}
