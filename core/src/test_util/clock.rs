use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use jiff::Timestamp;

use crate::time::{Clock, Sleep, TimeSource};

/// Time that passes only when everybody sleeps, and then at once.
///
/// Clones share the time. [`VirtualClock::run`] runs a future to its end; whenever all of it waits, the clock jumps to the next sleeper.
#[derive(Clone, Default)]
pub struct VirtualClock(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    registered: u64,
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

impl VirtualClock {
    /// The moment at which virtual time begins: 2026-01-01T00:00:00Z.
    pub const BEGINNING: Timestamp = Timestamp::constant(1_767_225_600, 0);

    /// A clock at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// As the clock that clients and waits take.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::new(self.clone())
    }

    /// Time passed so far.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.state().now
    }

    /// Lets time pass while nothing runs.
    pub fn advance(&self, by: Duration) {
        self.state().now += by;
    }

    /// Runs `future` to its end, moving time whenever nothing else can happen.
    ///
    /// # Panics
    ///
    /// When the future waits for something that is neither time nor itself: that can never happen here.
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
            assert!(
                self.jump(),
                "the future waits for something that never happens: nobody sleeps, and nothing woke it"
            );
        }
    }

    /// Jumps to the next sleeper and wakes everybody due then; `false` where nobody sleeps.
    fn jump(&self) -> bool {
        let due = {
            let mut state = self.state();
            let Some(((then, _), _)) = state.sleepers.first_key_value() else {
                return false;
            };
            state.now = state.now.max(*then);
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
        state.registered += 1;
        let key = (state.now.saturating_add(duration), state.registered);
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

/// The machine's time, some times faster: for tests over real sockets whose pauses would be seconds.
#[derive(Clone)]
pub struct ScaledClock {
    clock: Clock,
    by: u32,
}

impl ScaledClock {
    /// A clock `by` times as fast as the machine's.
    #[must_use]
    pub fn by(by: u32) -> Self {
        Self { clock: Clock::system(), by: by.max(1) }
    }

    /// As the clock that clients and waits take.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::new(self.clone())
    }
}

impl TimeSource for ScaledClock {
    fn now(&self) -> Duration {
        self.clock.now() * self.by
    }

    fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep(duration / self.by)
    }
}
