//! Messages on standard error: notes, warnings, errors and the log.
//!
//! A message that cannot be written never fails a command.

use std::io::{self, IsTerminal, Write};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Prints messages as far as `--quiet` and `--verbose` allow.
#[derive(Clone, Copy)]
pub(crate) struct Printer {
    quiet: bool,
    verbose: u8,
}

impl Printer {
    pub(crate) fn new(quiet: bool, verbose: u8) -> Self {
        Self { quiet, verbose }
    }

    /// Prints a message that is not an error.
    pub(crate) fn note(self, message: &str) {
        if !self.quiet {
            error(message);
        }
    }

    /// Returns the same printer; with `json` one without notes, because standard error is for one
    /// error document then.
    pub(crate) fn for_json(self, json: bool) -> Self {
        Self { quiet: self.quiet || json, ..self }
    }

    /// Returns whether to draw progress bars. A log and progress bars would overwrite each other.
    pub(crate) fn draws_progress(self) -> bool {
        !self.quiet && self.verbose == 0 && io::stderr().is_terminal()
    }

    /// Starts the log, if it is wanted. It has our own events only: those of other crates may show
    /// headers.
    pub(crate) fn start_log(self) {
        let level = match self.verbose {
            0 => return,
            1 => Level::DEBUG,
            _ => Level::TRACE,
        };
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
        let ours = Targets::new().with_target("bulkrail", level);
        // Fails only where a log was started already.
        let _ = tracing_subscriber::registry().with(ours).with(lines).try_init();
    }
}

/// Prints a line to standard error, also with `--quiet`.
pub(crate) fn error(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
