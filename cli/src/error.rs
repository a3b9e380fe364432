//! Errors of commands: their messages, their documents and their exit codes.

use std::error::Error as StdError;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::iter::successors;

use bulkrail::{Batch, Error, ErrorDocument, ErrorKind, Report};

use crate::grid::stderr_width;
use crate::{exit, output, printer};

/// Error that ends a command.
#[derive(Debug)]
pub(crate) enum CliError {
    /// An error to print.
    Error(Box<Details>),
    /// The reader of standard output has closed it: nothing is printed.
    OutputClosed,
}

/// An error and what is printed with it.
#[derive(Debug)]
pub(crate) struct Details {
    error: Error,
    /// Last report of the batch, where the error does not have it.
    last: Option<Report>,
    /// Number of polls, where the error does not have it.
    polls: Option<u32>,
    /// Whether the batch document is printed, where that does not follow from the kind of the
    /// error.
    prints_batch: Option<bool>,
    /// Command that continues where this one ended.
    resume: Option<String>,
    /// Exit code, where that does not follow from the kind of the error.
    code: Option<u8>,
}

impl CliError {
    /// Returns an error for arguments that cannot work.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Usage, message.into()).into()
    }

    /// Returns an error for a missing or malformed setting.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Configuration, message.into()).into()
    }

    /// Returns an error for a failed call of the operating system.
    pub(crate) fn io(message: &str, error: &io::Error) -> Self {
        Self::configuration(format!("{message}: {error}"))
    }

    /// Returns the error, if there is one to print.
    pub(crate) fn error(&self) -> Option<&Error> {
        match self {
            Self::Error(details) => Some(&details.error),
            Self::OutputClosed => None,
        }
    }

    /// Returns the last report of the batch.
    pub(crate) fn last_report(&self) -> Option<Report> {
        match self {
            Self::Error(details) => details.last.clone().or_else(|| details.error.last_report()),
            Self::OutputClosed => None,
        }
    }

    /// Adds the batch that it is about.
    pub(crate) fn with_batch(self, batch: &Batch) -> Self {
        self.map_error(|error| error.with_batch(batch.clone()))
    }

    /// Adds what to do next.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        self.map_error(|error| error.with_hint(hint.into()))
    }

    /// Replaces the reason in the message.
    pub(crate) fn map_reason(self, reason: impl FnOnce(&str) -> String) -> Self {
        self.map_error(|error| error.map_reason(reason))
    }

    /// Adds the command that continues, for kinds of errors after which continuing makes sense.
    pub(crate) fn with_resume(mut self, command: impl FnOnce(ErrorKind) -> String) -> Self {
        if let Self::Error(details) = &mut self
            && matches!(details.error.kind(), ErrorKind::Deadline | ErrorKind::Interrupted | ErrorKind::Unreachable)
        {
            details.resume = Some(command(details.error.kind()));
        }
        self
    }

    /// Adds the last report of the batch.
    pub(crate) fn with_last(mut self, report: Report) -> Self {
        if let Self::Error(details) = &mut self {
            details.polls = Some(report.polls);
            details.last = Some(report);
        }
        self
    }

    /// Sets the number of polls.
    pub(crate) fn with_polls(mut self, polls: u32) -> Self {
        if let Self::Error(details) = &mut self {
            details.polls = Some(polls);
        }
        self
    }

    /// Sets whether the batch document is printed, whatever the kind of the error.
    pub(crate) fn with_batch_printed(mut self, prints_batch: bool) -> Self {
        if let Self::Error(details) = &mut self {
            details.prints_batch = Some(prints_batch);
        }
        self
    }

    fn map_error(self, map: impl FnOnce(Error) -> Error) -> Self {
        match self {
            Self::Error(details) => Self::Error(Box::new(Details { error: map(details.error), ..*details })),
            Self::OutputClosed => Self::OutputClosed,
        }
    }

    /// Prints the error, as a document with `json`, and returns the exit code.
    pub(crate) fn print(self, json: bool) -> u8 {
        let code = self.exit_code();
        if let Self::Error(details) = self {
            details.print(json);
        }
        code
    }

    /// Returns the exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Error(details) => details.code.unwrap_or_else(|| exit::of_error(details.error.kind())),
            Self::OutputClosed => exit::OTHER,
        }
    }
}

impl Details {
    fn print(self, json: bool) {
        let kind = self.error.kind();
        if self.prints_batch.unwrap_or(prints_batch(kind) || kind == ErrorKind::OutcomeUnknown)
            && let Some(batch) = self.error.batch()
        {
            // Where it cannot be printed, the message has the id.
            let _ = output::json(batch);
        }
        if json {
            let mut document = document(&self.error);
            document.polls = self.polls.unwrap_or(document.polls);
            document.last = self.last.or(document.last);
            match output::line(&document) {
                Ok(line) => printer::document(line.trim_end()),
                Err(_) => printer::error(&document.error.message),
            }
        } else {
            print_lines(&self.error);
            if let Some(command) = self.resume {
                printer::error(&format!("resume: {command}"));
            }
        }
    }
}

/// Prints the message, a line for each cause, and the hint.
pub(crate) fn print_lines(error: &Error) {
    printer::error(&format!("error: {error}"));
    causes(error).iter().for_each(|cause| printer::error(&format!("  caused by: {cause}")));
    if let Some(hint) = error.hint() {
        printer::error(&format!("  hint: {hint}"));
    }
}

/// Returns the error document, with the causes in its message.
pub(crate) fn document(error: &Error) -> ErrorDocument {
    let mut document = error.document();
    for cause in causes(error) {
        document.error.message.push_str(&format!("; caused by: {cause}"));
    }
    document
}

/// Returns the causes of `error`, the nearest first. One whose text is part of the one before it is
/// left out.
fn causes(error: &Error) -> Vec<String> {
    let error: &(dyn StdError + 'static) = error;
    let mut chain: Vec<_> = successors(Some(error), |error| (**error).source()).map(ToString::to_string).collect();
    chain.dedup_by(|cause, before| before.contains(&**cause));
    chain.split_off(1)
}

/// Returns whether the batch document goes to standard output, for a later wait to start from.
pub(crate) fn prints_batch(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Deadline | ErrorKind::Interrupted)
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        Self::Error(Box::new(Details { error, last: None, polls: None, prints_batch: None, resume: None, code: None }))
    }
}

/// For errors of writing to standard output.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        let mut error = Self::io("standard output cannot be written", &error);
        if let Self::Error(details) = &mut error {
            // The arguments are not wrong, and a batch may have been submitted.
            details.code = Some(exit::OTHER);
        }
        error
    }
}

/// Prints the result of parsing the command line (help and version included), and returns the exit
/// code.
pub(crate) fn print_clap(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        // clap decides about colours (`NO_COLOR`, no terminal).
        return match output::last(error.print().and_then(|()| io::stdout().flush())) {
            Ok(()) => exit::SUCCESS,
            Err(error) => CliError::from(error).print(false),
        };
    }
    let args: Vec<_> = std::env::args_os().skip(1).take_while(|arg| arg != OsStr::new("--")).collect();
    if asks_for_json(&args) {
        return from_clap(&error.to_string()).print(true);
    }
    let text = error.render().to_string();
    if printer::fit(&printer::lines(&text), stderr_width()) == text {
        // An error of writing to standard error cannot be reported.
        let _ = error.print();
    } else {
        // It repeats an argument that would steer the terminal, or is wider than that.
        printer::error(text.trim_end());
    }
    exit::USAGE
}

/// Returns whether the arguments of a command line that cannot be parsed ask for JSON.
fn asks_for_json(args: &[OsString]) -> bool {
    let is_one_of = |arg: &OsString, words: &[&str]| words.iter().any(|word| arg == OsStr::new(word));
    args.iter().any(|arg| is_one_of(arg, &["--json", "--jsonl", "--format=json", "--format=jsonl"]))
        || args.windows(2).any(|pair| is_one_of(&pair[0], &["--format"]) && is_one_of(&pair[1], &["json", "jsonl"]))
}

/// Returns the error in the text that clap prints: its message and its tip, without the usage
/// below.
fn from_clap(text: &str) -> CliError {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let end = text.find("\n\nUsage:").or_else(|| text.find("\n\nFor more")).unwrap_or(text.len());
    let on_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text[..end].split_once("\n\n  tip: ") {
        Some((message, tip)) => CliError::usage(on_one_line(message)).with_hint(on_one_line(tip)),
        None => CliError::usage(on_one_line(&text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_error_becomes_message_and_hint() {
        let text =
            "error: invalid value 'x'\n  [possible values: a, b]\n\n  tip: a similar value exists: 'a'\n\nUsage: y";
        let CliError::Error(details) = from_clap(text) else { panic!("no error") };
        let error = details.error;
        assert_eq!(error.to_string(), "invalid value 'x' [possible values: a, b]");
        assert_eq!(error.hint(), Some("a similar value exists: 'a'"));
    }

    #[test]
    fn clap_error_is_a_document_where_any_option_asks_for_json() {
        let asks = |line: &str| asks_for_json(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for json in
            ["status --json", "wait --jsonl", "rows --format json", "rows --format jsonl x", "rows --format=json"]
        {
            assert!(asks(json), "{json}");
        }
        for text in ["rows --format csv", "rows json", "rows --format", "rows --format x json"] {
            assert!(!asks(text), "{text}");
        }
    }

    #[test]
    fn document_names_each_cause_once() {
        let cause = Error::new(ErrorKind::Unavailable, "the connection was reset");
        let error = Error::new(ErrorKind::Unreachable, "the deadline passed").with_source(cause);
        let document = document(&error);
        assert_eq!(document.error.message, "the deadline passed; caused by: the connection was reset");
        assert!(document.error.hint.is_some_and(|hint| hint.contains("wait for it again")));
        let same = Error::new(ErrorKind::Unavailable, "a: b").with_source(Error::new(ErrorKind::Unavailable, "b"));
        assert!(causes(&same).is_empty());
    }
}
