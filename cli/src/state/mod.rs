//! The user's state directory: how long batches took (`history.json`), and what was submitted
//! (`bulkrail.redb`).
//!
//! Nothing in it can fail a command or hang it: what is not a regular file is not opened, and every
//! operation has a time limit.

mod files;
mod history;
mod holder;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulkrail::time::Clock;

pub(crate) use files::{exists, make_private, private, read_tail};
pub(crate) use history::HistoryStore;
pub(crate) use holder::lock_as_holder;

use crate::printer;

/// 2 s for an operation on a file of the state directory. A local disk needs milliseconds; a disk
/// that hangs must not hang the command.
///
/// An operation that the kernel itself cannot interrupt (a frozen local file system) still delays
/// the end of the process, after everything is printed.
const FILE_TIMEOUT: Duration = Duration::from_secs(2);

/// State directory of this process. Clones share it.
#[derive(Clone)]
pub(crate) struct StateDir(Arc<Inner>);

struct Inner {
    directory: Option<PathBuf>,
    timeout: Duration,
    /// An operation did not end in time. No other is begun: each would cost as much time.
    is_hung: AtomicBool,
    /// Files that a warning was printed about.
    warned: Mutex<Vec<&'static str>>,
}

impl StateDir {
    /// Returns the directory that the environment names, if there is one.
    pub(crate) fn from_env() -> Self {
        Self::new(directory(), FILE_TIMEOUT)
    }

    fn new(directory: Option<PathBuf>, timeout: Duration) -> Self {
        Self(Arc::new(Inner { directory, timeout, is_hung: false.into(), warned: Mutex::default() }))
    }

    /// Returns the path of the file `name`, if there is a state directory.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.0.directory.as_ref()?.join(name))
    }

    /// Runs file operations on a thread that may block, for as long as the limit allows.
    ///
    /// Operations that take longer are left behind: the process ends without them.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        self.run_within(self.0.timeout, work).await
    }

    /// Does the same, for as long as `timeout` allows.
    pub(crate) async fn run_within<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        if self.0.is_hung.load(Ordering::Relaxed) {
            return Err(hung());
        }
        tokio::select! {
            done = tokio::task::spawn_blocking(work) => done.unwrap_or_else(|error| Err(io::Error::other(error))),
            () = Clock::system().sleep(timeout) => {
                self.0.is_hung.store(true, Ordering::Relaxed);
                Err(hung())
            }
        }
    }

    /// Prints the first warning of this process about the file `name`, also with `--quiet` and
    /// `--json`: what could not be noted can be lost.
    pub(crate) fn warn(&self, name: &'static str, warning: &str) {
        let mut warned = self.0.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if !warned.contains(&name) {
            warned.push(name);
            printer::error(&format!("warning: {warning}"));
        }
    }
}

/// Returns the name of this process for others: `bulkrail submit`.
pub(crate) fn program() -> String {
    let command = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    format!("bulkrail {}", command.unwrap_or_default())
}

fn hung() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the disk did not respond in time")
}

fn directory() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let directory = match variable("XDG_STATE_HOME") {
        Some(directory) => directory,
        None if cfg!(windows) => variable("LOCALAPPDATA")?,
        None => std::env::home_dir().filter(|home| home.is_absolute())?.join(".local/state"),
    };
    Some(directory.join("bulkrail"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn operation_that_blocks_is_left_behind_and_no_other_is_begun() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let state = StateDir::new(None, Duration::from_millis(50));
        let (release, blocked) = mpsc::channel::<()>();
        runtime.block_on(async {
            assert_eq!(state.run(|| Ok(7)).await.unwrap(), 7);
            let hung = state.run(move || blocked.recv().map_err(io::Error::other)).await;
            assert_eq!(hung.unwrap_err().kind(), io::ErrorKind::TimedOut);
            let next = state.run(|| -> io::Result<()> { panic!("it was begun") }).await;
            assert_eq!(next.unwrap_err().kind(), io::ErrorKind::TimedOut);
        });
        // Returns although the operation still blocks.
        runtime.shutdown_background();
        drop(release);
    }
}
