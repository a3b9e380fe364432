//! The one module that reads clocks and sleeps. Everything else asks a [`Clock`].

#![expect(clippy::disallowed_methods, reason = "the place for them")]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// A future that a [`TimeSource`] hands out: done when the time has passed.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where time comes from. The library's own reads the machine's clocks; tests bring one they move by hand.
pub trait TimeSource: Send + Sync + 'static {
    /// Time since a fixed moment; never goes back.
    fn now(&self) -> Duration;

    /// The time of day, for stamps that people read. It may jump.
    fn wall(&self) -> Timestamp;

    /// Ends once `duration` has passed. Dropping it is harmless.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// A shared [`TimeSource`].
#[derive(Clone)]
pub struct Clock(Arc<dyn TimeSource>);

impl Clock {
    /// A clock that reads `source`.
    pub fn new(source: impl TimeSource) -> Self {
        Self(Arc::new(source))
    }

    /// The machine's clocks, sleeping on tokio's timer.
    #[must_use]
    pub fn system() -> Self {
        Self::new(System(tokio::time::Instant::now()))
    }

    /// Time since a fixed moment.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.now()
    }

    /// The time of day.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        self.0.wall()
    }

    /// Waits for `duration`.
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
