//! Messages on standard error: notes, warnings, errors and the log.
//!
//! A message that cannot be written never fails a command.

use std::io::{self, Write};

use bulkrail::text::{printable, truncated};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use unicode_width::UnicodeWidthStr;

use crate::grid::{can_redraw, stderr_width, stdout_width, words};
use crate::screen;

/// 4,000 characters of a line are shown: a message of an error with the name of a file.
const MAX_LINE_CHARS: usize = 4_000;

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A line that is drawn again and again, for a terminal.
    Bars,
    /// A line for each change.
    Lines,
    None,
}

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

    /// Prints what may be done next, where a person reads the results.
    pub(crate) fn next_step(self, line: Option<String>) {
        if let Some(line) = line.filter(|_| stdout_width().is_some()) {
            self.note(&line);
        }
    }

    /// Returns the same printer; with `json` one without notes, because standard error is for one
    /// error document then.
    pub(crate) fn for_json(self, json: bool) -> Self {
        Self { quiet: self.quiet || json, ..self }
    }

    /// Returns how to show progress; `json` says whether results are JSON.
    ///
    /// Nothing is shown beside a log, and no lines beside JSON: standard error is for one error
    /// document then.
    pub(crate) fn progress(self, json: bool) -> Progress {
        match (self.quiet || self.verbose > 0, can_redraw()) {
            (true, _) => Progress::None,
            (false, true) => Progress::Bars,
            (false, false) if json => Progress::None,
            (false, false) => Progress::Lines,
        }
    }

    /// Starts the log, if it is wanted. It has our own events only: those of other crates may show
    /// headers.
    pub(crate) fn start_log(self) {
        let level = match self.verbose {
            0 => return,
            1 => Level::DEBUG,
            _ => Level::TRACE,
        };
        let lines = tracing_subscriber::fmt::layer().with_writer(|| Log).with_ansi(false);
        let ours = Targets::new().with_target("bulkrail", level);
        // Fails only where a log was started already.
        let _ = tracing_subscriber::registry().with(ours).with(lines).try_init();
    }
}

/// Prints a message to standard error, also with `--quiet`. Its lines are escaped and cut, and wrapped for a terminal.
pub(crate) fn error(message: &str) {
    // One write: what a person types is not shown between a line and its end.
    let message = fit(&lines(message), stderr_width()) + "\n";
    let _ = screen::above(|| io::stderr().lock().write_all(message.as_bytes()));
}

/// Prints a line of JSON to standard error, also with `--quiet`.
pub(crate) fn document(line: &str) {
    let line = format!("{line}\n");
    let _ = screen::above(|| io::stderr().lock().write_all(line.as_bytes()));
}

/// Returns `message` with each of its lines escaped and cut: also what a caller forgot, such as the name of a file.
pub(crate) fn lines(message: &str) -> String {
    let lines = message.split('\n').map(|line| printable(&truncated(line, MAX_LINE_CHARS)).into_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns `message` with its long lines broken between words, where the width of the terminal is known. A command at the
/// end of a line gets one of its own, which is not broken: it is to be copied.
pub(crate) fn fit(message: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return message.to_owned() };
    let lines = message.split('\n').map(|line| {
        if line.width() <= width {
            return line.to_owned();
        }
        let text = line.trim_start();
        let first = &line[..line.len() - text.len()];
        let next = format!("{first}  ");
        let (text, command) = match text.find(": bulkrail ") {
            Some(end) => (&text[..=end], Some(&text[end + 2..])),
            None => (text, None),
        };
        let words = words(text, width.saturating_sub(next.len()));
        let text = format!("{first}{}", words.join(&format!("\n{next}")));
        command.map_or_else(|| text.clone(), |command| format!("{text}\n{next}{command}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Standard error for the log, whose lines are escaped and cut.
struct Log;

impl Write for Log {
    /// Writes one event: the log gives each as a whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(lines(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_broken_between_words_and_its_command_is_whole() {
        let message = "warning: 1 warning (field-missing 1); to list them: bulkrail check killb people-of-may.csv\n\
                       \x20 hint: check its name, or its directory";
        assert_eq!(fit(message, None), message);
        assert_eq!(fit(message, Some(200)), message);
        let expected = "warning: 1 warning\n  (field-missing 1); to\n  list them:\n  bulkrail check killb people-of-may.csv\n\
                        \x20 hint: check its name,\n    or its directory";
        assert_eq!(fit(message, Some(25)), expected);
    }

    #[test]
    fn lines_are_escaped_and_cut_one_by_one() {
        assert_eq!(lines("a\u{1b}]0;x\u{7}\n  b\u{202e}\n"), "a ]0;x \n  b\\u{202e}\n");
        let long = lines(&format!("{}\nnext", "x".repeat(20_000)));
        assert_eq!(long, format!("{}… (16000 characters cut)\nnext", "x".repeat(4_000)));
    }
}
