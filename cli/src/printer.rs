//! What goes to standard error for people to read. That it cannot be written never fails a command.

use std::io::{self, IsTerminal, Write};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How much the people at standard error want to read.
#[derive(Clone, Copy)]
pub(crate) struct People {
    quiet: bool,
    verbose: u8,
}

impl People {
    pub(crate) fn new(quiet: bool, verbose: u8) -> Self {
        Self { quiet, verbose }
    }

    /// Says something that is good to know and no error.
    pub(crate) fn tell(self, message: &str) {
        if !self.quiet {
            complain(message);
        }
    }

    /// Says what is in the way of nothing; beside a document (`json`), which stands alone on standard error, in the log only.
    pub(crate) fn warn(self, warning: &str, json: bool) {
        if json {
            tracing::warn!("{warning}");
        } else {
            self.tell(&format!("warning: {warning}"));
        }
    }

    /// Whether to draw progress bars. A log and bars would paint over each other.
    pub(crate) fn want_bars(self) -> bool {
        !self.quiet && self.verbose == 0 && io::stderr().is_terminal()
    }

    /// Turns the log on, where it is wanted. It has our own events only: other crates' may show headers.
    pub(crate) fn start_log(self) {
        let level = match self.verbose {
            0 => return,
            1 => Level::DEBUG,
            _ => Level::TRACE,
        };
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
        let ours = Targets::new().with_target("bulkrail", level);
        // Fails only where there is a log already.
        let _ = tracing_subscriber::registry().with(ours).with(lines).try_init();
    }
}

/// Writes a line to standard error, whatever people want to read.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
