use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use jiff::Timestamp;

use crate::time::{Clock, Sleep, TimeSource};

/// Clock of tests whose time passes only while every task sleeps, and then at once.
///
/// Clones share the time. [`VirtualClock::run`] runs a future to completion. Whenever the future cannot go on, the
/// clock jumps to the end of the next sleep.
///
/// ```
/// use std::time::Duration;
/// use bulkrail_core::test_util::VirtualClock;
///
/// let clock = VirtualClock::new();
/// clock.run(clock.clock().sleep(Duration::from_secs(3600)));
/// assert_eq!(clock.elapsed(), Duration::from_secs(3600));
/// ```
#[derive(Clone, Default)]
pub struct VirtualClock(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    /// Number of sleeps made so far.
    sleeps: u64,
    /// Wakers of the sleeps in progress, by end and number.
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

impl VirtualClock {
    /// 2026-01-01T00:00:00Z: the time of day at which virtual time begins.
    pub const BEGINNING: Timestamp = Timestamp::constant(1_767_225_600, 0);

    /// Returns a clock at [`BEGINNING`](Self::BEGINNING).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the clock in the form that clients and waits take.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::new(self.clone())
    }

    /// Returns the time that has passed since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.state().now
    }

    /// Advances the clock without running anything. Sleeps that have ended are noticed by the next [`run`](Self::run).
    pub fn advance(&self, by: Duration) {
        self.state().now += by;
    }

    /// Runs `future` to completion on this thread, and returns its output.
    ///
    /// # Panics
    ///
    /// Panics when the future waits for anything but this clock or a wake-up of its own, such as a socket or a thread.
    pub fn run<F: IntoFuture>(&self, future: F) -> F::Output {
        let mut future = pin!(future.into_future());
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        loop {
            while woken.0.swap(false, Ordering::SeqCst) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return output;
                }
            }
            assert!(self.jump(), "the future waits for something other than the virtual clock");
        }
    }

    /// Jumps to the end of the next sleep and wakes what ends then. Returns `false` when nothing sleeps.
    fn jump(&self) -> bool {
        let due = {
            let mut state = self.state();
            let Some(((end, _), _)) = state.sleepers.first_key_value() else {
                return false;
            };
            state.now = state.now.max(*end);
            let now = state.now;
            let later = state.sleepers.split_off(&(now, u64::MAX));
            std::mem::replace(&mut state.sleepers, later)
        };
        due.into_values().for_each(Waker::wake);
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TimeSource for VirtualClock {
    fn now(&self) -> Duration {
        self.elapsed()
    }

    fn wall(&self) -> Timestamp {
        Self::BEGINNING.checked_add(self.elapsed()).unwrap_or(Timestamp::MAX)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut state = self.state();
        state.sleeps += 1;
        let key = (state.now.saturating_add(duration), state.sleeps);
        Box::pin(Sleeper { clock: self.clone(), key })
    }
}

struct Sleeper {
    clock: VirtualClock,
    key: (Duration, u64),
}

impl Future for Sleeper {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.now >= self.key.0 {
            return Poll::Ready(());
        }
        state.sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.clock.state().sleepers.remove(&self.key);
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Clock that runs a number of times as fast as the system clock: for tests over real sockets with waits of seconds.
///
/// The time of day is that of the system.
///
/// ```
/// use std::time::Duration;
/// use bulkrail_core::test_util::ScaledClock;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let clock = ScaledClock::new(1_000).clock();
/// let start = clock.now();
/// clock.sleep(Duration::from_secs(10)).await; // takes 10 ms
/// assert!(clock.now() - start >= Duration::from_secs(10));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct ScaledClock {
    clock: Clock,
    factor: u32,
}

impl ScaledClock {
    /// Returns a clock `factor` times as fast as the system clock; 0 counts as 1.
    ///
    /// # Panics
    ///
    /// Panics on its first sleep when there is no tokio runtime with time enabled.
    #[must_use]
    pub fn new(factor: u32) -> Self {
        Self { clock: Clock::system(), factor: factor.max(1) }
    }

    /// Returns the clock in the form that clients and waits take.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::new(self.clone())
    }
}

impl TimeSource for ScaledClock {
    fn now(&self) -> Duration {
        self.clock.now() * self.factor
    }

    fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep(duration / self.factor)
    }
}
