//! Why a command did not do its job, how that is said, and with which exit code it ends.

use std::error::Error as StdError;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::iter::successors;

use bulkrail::{Error, ErrorKind, Report};

use crate::people::complain;
use crate::{exit, output};

/// The end of a command that did not do its job.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something went wrong.
    Error(Box<Said>),
    /// Nobody reads standard output any more; there is nobody to tell.
    NoReader,
}

/// An error and how it is said.
#[derive(Debug)]
pub(crate) struct Said {
    error: Error,
    message: String,
    /// What was last seen of the batch, where the error does not know.
    last: Option<Report>,
    /// Whether the batch document is printed, where that does not follow from the kind of error.
    prints: Option<bool>,
    /// The command that goes on where this one ended.
    resume: Option<String>,
}

impl Failure {
    /// Called with something that cannot work.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Usage, message.into()).into()
    }

    /// Something outside of us is missing or in the way.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Configuration, message.into()).into()
    }

    /// The machine does not give us what we need.
    pub(crate) fn machine(what: &str, error: &io::Error) -> Self {
        Self::configuration(format!("{what}: {error}"))
    }

    /// Whether nobody can tell what became of a submit.
    pub(crate) fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Error(said) if matches!(said.error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Conflict))
    }

    /// What was last seen of the batch before it.
    pub(crate) fn last_report(&self) -> Option<Report> {
        match self {
            Self::Error(said) => said.last.clone().or_else(|| said.error.last_report()),
            Self::NoReader => None,
        }
    }

    /// The same, said as `message`.
    pub(crate) fn said(mut self, message: impl FnOnce(&str) -> String) -> Self {
        if let Self::Error(said) = &mut self {
            said.message = message(&said.message);
        }
        self
    }

    /// The same, with the command that goes on from here, where going on makes sense.
    pub(crate) fn resumed_by(mut self, command: impl FnOnce(ErrorKind) -> String) -> Self {
        if let Self::Error(said) = &mut self
            && matches!(said.error.kind(), ErrorKind::Deadline | ErrorKind::Interrupted | ErrorKind::Unreachable)
        {
            said.resume = Some(command(said.error.kind()));
        }
        self
    }

    /// The same, after the batch was seen as `report` says.
    pub(crate) fn after(mut self, report: Report) -> Self {
        if let Self::Error(said) = &mut self {
            said.last = Some(report);
        }
        self
    }

    /// The same, with the batch document on standard output or not, whatever kind of error it is.
    pub(crate) fn printing_batch(mut self, prints: bool) -> Self {
        if let Self::Error(said) = &mut self {
            said.prints = Some(prints);
        }
        self
    }

    /// Says it, as a document with `json`, and gives the exit code.
    pub(crate) fn report(self, json: bool) -> u8 {
        match self {
            Self::Error(said) => said.report(json),
            Self::NoReader => exit::OTHER,
        }
    }
}

impl Said {
    fn report(self, json: bool) -> u8 {
        let kind = self.error.kind();
        if self.prints.unwrap_or(prints_batch(kind) || kind == ErrorKind::OutcomeUnknown)
            && let Some(batch) = self.error.batch()
        {
            // Whoever does not read it has the id in the message.
            let _ = output::json(batch);
        }
        if json {
            let mut document = self.error.document();
            document.error.message = self.message + &behind(&self.error);
            if let Some(last) = self.last {
                document.polls = last.polls;
                document.last = Some(last);
            }
            match output::line(&document) {
                Ok(line) => complain(line.trim_end()),
                Err(_) => complain(&document.error.message),
            }
        } else {
            complain(&format!("error: {}", self.message));
            causes(&self.error).iter().for_each(|cause| complain(&format!("  because: {cause}")));
            if let Some(help) = help(&self.error) {
                complain(&format!("  help: {help}"));
            }
            if let Some(command) = self.resume {
                complain(&format!("resume: {command}"));
            }
        }
        exit::of_error(kind)
    }
}

/// The error and what is behind it, the nearest cause first.
fn chain(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let error: &(dyn StdError + 'static) = error;
    successors(Some(error), |error| (**error).source())
}

/// What is behind `error`, the nearest first, without what the one before it says as well.
fn causes(error: &Error) -> Vec<String> {
    let mut said = chain(error).map(ToString::to_string).collect::<Vec<_>>();
    said.dedup_by(|cause, before| before.contains(&**cause));
    said.split_off(1)
}

/// The causes and what to do about them, to go on with after the message in the same line; nothing where there is nothing more to say.
pub(crate) fn behind(error: &Error) -> String {
    let causes = causes(error).into_iter().map(|cause| format!("; because: {cause}"));
    causes.chain(help(error).map(|help| format!("; help: {help}"))).collect()
}

/// What to do about an answer that nobody understands. The error itself may not say: to whoever waits it is a reason to look again.
fn help(error: &Error) -> Option<&'static str> {
    let mut kinds = chain(error).filter_map(|error| Some(error.downcast_ref::<Error>()?.kind()));
    let unread = kinds.any(|kind| kind == ErrorKind::Decode);
    unread.then_some(
        "what answered may not be the provider: check the base URL, and what stands between (a proxy, a login page)",
    )
}

/// Whether the batch document goes to standard output, for a later wait to start from.
pub(crate) fn prints_batch(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Deadline | ErrorKind::Interrupted)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        Self::Error(Box::new(Said { error, message, last: None, prints: None, resume: None }))
    }
}

/// From writing results.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::NoReader;
        }
        Self::machine("standard output cannot be written", &error)
    }
}

/// Says what the parser of the command line has to say (help and version, too), and gives the exit code.
pub(crate) fn of_clap(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        // The parser knows whether its reader wants colours (`NO_COLOR`, a terminal that has none).
        return match output::last(error.print().and_then(|()| io::stdout().flush())) {
            Ok(()) => exit::SUCCESS,
            Err(failure) => failure.report(false),
        };
    }
    let json = std::env::args_os()
        .skip(1)
        .take_while(|arg| arg != OsStr::new("--"))
        .any(|arg| arg == OsStr::new("--json") || arg == OsStr::new("--jsonl"));
    if json {
        return Failure::usage(one_line(&error.to_string())).report(true);
    }
    // Standard error is all there is to tell about it.
    let _ = error.print();
    exit::USAGE
}

/// What is wrong, without the usage that the parser writes below.
fn one_line(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let end = message.find("\n\nUsage:").or_else(|| message.find("\n\nFor more"));
    let words: Vec<_> = message[..end.unwrap_or(message.len())].split_whitespace().collect();
    words.join(" ")
}
