//! Signals that stop a command: Ctrl-C, and on Unix SIGTERM and SIGHUP.
//!
//! The first signal asks the command to stop. The second ends it at once, also where a file
//! operation blocks: a thread of its own receives signals.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;
use std::{io, process, thread};

use bulkrail::time::Clock;
use tokio::sync::watch;

use crate::error::CliError;
use crate::screen;

/// 500 ms for the command to report its end after the second signal. Then the process ends.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Exit code of a process that is ended by the second signal.
const INTERRUPTED: i32 = 130;

/// Number of signals that were received.
static RECEIVED: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::channel(0).0);

/// Whether the command stops by itself.
static IS_HANDLED: AtomicBool = AtomicBool::new(false);

/// Returns a future that completes once the command is asked to stop, which the command does by
/// itself. Signals count from now on, polled or not.
pub(crate) fn stop() -> Result<impl Future<Output = ()> + Send + 'static, CliError> {
    let signals = Signals::listen()?;
    Ok(async move { signals.received(1).await })
}

/// Signals of this process.
#[derive(Clone, Copy)]
pub(crate) struct Signals(());

impl Signals {
    /// Begins to receive signals, after which the command stops by itself. Until then the first
    /// signal ends it with an error that says how to go on.
    pub(crate) fn listen() -> Result<Self, CliError> {
        IS_HANDLED.store(true, Ordering::Relaxed);
        Self::receive()
    }

    /// Begins to receive signals for a command that does not stop by itself yet. Until then a signal
    /// ends the process.
    pub(crate) fn receive() -> Result<Self, CliError> {
        static LISTENING: OnceLock<Result<(), io::ErrorKind>> = OnceLock::new();
        let listening = LISTENING.get_or_init(|| spawn().map_err(|error| error.kind()));
        listening.map_err(|kind| CliError::io("signals cannot be received", &kind.into()))?;
        Ok(Self(()))
    }

    /// Returns the number of signals that were received.
    pub(crate) fn count(self) -> usize {
        *RECEIVED.borrow()
    }

    /// Completes once a signal was received that the command does not handle by itself.
    pub(crate) async fn unhandled(self) {
        self.received(1).await;
        if IS_HANDLED.load(Ordering::Relaxed) {
            std::future::pending().await
        }
    }

    /// Completes once `count` signals were received.
    pub(crate) async fn received(self, count: usize) {
        // The sender is never dropped.
        let _ = RECEIVED.subscribe().wait_for(|received| *received >= count).await;
    }
}

/// Starts the thread that receives signals, and returns once it does.
fn spawn() -> io::Result<()> {
    let (ready, is_ready) = std::sync::mpsc::channel();
    let receive = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(async {
                match Receiver::new() {
                    Ok(receiver) => {
                        let _ = ready.send(Ok(()));
                        count(receiver).await;
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
            }),
            Err(error) => drop(ready.send(Err(error))),
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(receive)?;
    is_ready.recv().unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Counts signals, and ends the process after the second.
async fn count(mut receiver: Receiver) {
    loop {
        receiver.recv().await;
        screen::remove_echo();
        RECEIVED.send_modify(|received| *received += 1);
        if *RECEIVED.borrow() > 1 {
            tokio::select! {
                () = Clock::system().sleep(LAST_WORDS) => {}
                () = receiver.recv() => {}
            }
            screen::abandon();
            process::exit(INTERRUPTED);
        }
    }
}

#[cfg(unix)]
struct Receiver {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Receiver {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if may_handle_hang_up() { Some(signal(SignalKind::hangup())?) } else { None },
        })
    }

    async fn recv(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hang_up => {}
        }
    }
}

/// Returns whether SIGHUP may be handled: `nohup` ignores it, and a handler would undo that.
///
/// Only Linux tells whether a signal is ignored. Elsewhere SIGHUP stays as it is: it ends the
/// process, and a submission that is cut off is in the list.
#[cfg(unix)]
fn may_handle_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_hang_up_ignored(&status) == Some(false)
}

/// Returns whether `status`, of `/proc/self/status`, has the first signal (SIGHUP) among those that
/// are ignored.
#[cfg(unix)]
fn is_hang_up_ignored(status: &str) -> Option<bool> {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    Some(u64::from_str_radix(ignored.trim(), 16).ok()? & 1 == 1)
}

#[cfg(not(unix))]
struct Receiver;

#[cfg(not(unix))]
impl Receiver {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn recv(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn hang_up_is_the_lowest_bit_of_the_ignored_signals() {
        assert_eq!(is_hang_up_ignored("Name:\tx\nSigIgn:\t0000000000000001\n"), Some(true));
        assert_eq!(is_hang_up_ignored("SigIgn:\t0000000000001001\n"), Some(true));
        assert_eq!(is_hang_up_ignored("SigIgn:\t0000000000001000\n"), Some(false));
        assert_eq!(is_hang_up_ignored("Name:\tx\n"), None);
    }
}
