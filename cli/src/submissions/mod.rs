//! Submissions from this machine, in `submitted.jsonl` of the state directory: each is noted before
//! it is sent, settled after, and updated with what is seen of its batch.
//!
//! The file is only appended to. A failure to write it never fails a command; it is a warning.

mod advice;
mod document;
mod log;
mod note;
mod record;

use std::io;
use std::path::Path;

use bulkrail::time::Clock;
use bulkrail::{Batch, ErrorKind, Report};
use serde::Serialize;
use serde_json::Value;

pub(crate) use document::{Listed, Phase};
pub(crate) use log::{Entry, Log};
pub(crate) use note::Target;
pub(crate) use record::{Note, Record};

use crate::output;
use crate::state::{StateDir, append, read_tail};
use record::{Failed, Seen, Submitted};

/// Name of the file in the state directory.
const FILE: &str = "submitted.jsonl";

/// 16 MiB: about 20,000 submissions. Of a larger file the end is read.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The file of submissions.
#[derive(Clone)]
pub(crate) struct Submissions(StateDir);

/// How a submit ended that did not return the batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubmitEnd {
    /// The provider does not have the batch.
    Refused,
    /// The provider has a batch under the key.
    Exists,
    /// It is not known whether the provider has the batch.
    Unknown,
}

/// Records of the file, and what was left out.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) log: Log,
    pub(crate) warnings: Vec<String>,
}

impl Submissions {
    pub(crate) fn new(state: &StateDir) -> Self {
        Self(state.clone())
    }

    /// Notes what is about to be submitted. The note is on the disk when this returns.
    pub(crate) async fn begin(&self, note: &Note) {
        self.add(note).await;
    }

    /// Settles `note` with the batch that it became.
    pub(crate) async fn settle(&self, note: &Note, batch: &Batch) {
        self.add(&Submitted { batch: batch.clone(), note: note.note.clone() }).await;
    }

    /// Records why `note` has no batch.
    pub(crate) async fn fail(&self, note: &Note, end: SubmitEnd, error: ErrorKind) {
        let submitted = match end {
            SubmitEnd::Refused => Some(false),
            SubmitEnd::Exists => Some(true),
            SubmitEnd::Unknown => None,
        };
        self.add(&Failed {
            note: note.note.clone(),
            provider: note.provider.clone(),
            environment: note.environment.clone(),
            key: note.key.clone(),
            submitted,
            error: Some(error.as_str().to_owned()),
        })
        .await;
    }

    async fn add(&self, record: &impl Serialize) {
        let Some(file) = self.0.path(FILE) else { return };
        let (path, line) = (file.clone(), output::line(record));
        let added = self.0.run(move || append(&path, &line?, true)).await;
        if let Err(error) = added {
            self.0.warn(FILE, &format!("the submission is not recorded in {}: {error}", file.display()));
        }
    }

    /// Records what was last seen of the batches that were submitted from here.
    pub(crate) async fn see(&self, ends: impl IntoIterator<Item = BatchEnd>) {
        let ends: Vec<_> = ends.into_iter().collect();
        let Some(file) = self.0.path(FILE).filter(|_| !ends.is_empty()) else { return };
        let (path, now) = (file.clone(), Clock::system().wall());
        let add = move || {
            let log = read(&path)?.log;
            let mut lines = String::new();
            for BatchEnd { batch, report, error } in ends.into_iter().filter(|end| log.has(&end.batch)) {
                let snapshot = report.map(|report| report.snapshot);
                lines.push_str(&output::line(&Seen {
                    batch,
                    state: snapshot.as_ref().map(|snapshot| snapshot.state.to_string()),
                    outcome: snapshot.as_ref().and_then(|snapshot| snapshot.outcome),
                    provider_status: snapshot.map(|snapshot| snapshot.provider_status),
                    error: error.map(|kind| kind.as_str().to_owned()),
                    seen_at: Some(now),
                })?);
            }
            if lines.is_empty() { Ok(()) } else { append(&path, &lines, false) }
        };
        if let Err(error) = self.0.run(add).await {
            self.0.warn(FILE, &format!("the state of the batch is not recorded in {}: {error}", file.display()));
        }
    }

    /// Reads the file; it is empty where there is none.
    pub(crate) async fn read(&self) -> io::Result<Contents> {
        let Some(file) = self.0.path(FILE) else { return Ok(Contents::default()) };
        self.0.run(move || read(&file)).await
    }

    /// Returns whether `file` is the file of submissions.
    pub(crate) fn is_at(&self, file: &Path) -> bool {
        file.file_name().is_some_and(|name| name == FILE) && self.0.path(FILE).is_some_and(|path| is_same(&path, file))
    }
}

fn is_same(path: &Path, other: &Path) -> bool {
    let (path, other) = (path.canonicalize(), other.canonicalize());
    path.is_ok_and(|path| other.is_ok_and(|other| path == other))
}

/// What a command saw last of a batch.
pub(crate) struct BatchEnd {
    batch: Batch,
    report: Option<Report>,
    error: Option<ErrorKind>,
}

impl BatchEnd {
    /// Returns what was seen of `batch` by a client of `environment`: the last report, and the error
    /// that the wait ended with. A batch named by hand has no environment of its own.
    ///
    /// Returns nothing where the provider was not asked.
    pub(crate) fn new(
        batch: &Batch,
        environment: &str,
        report: Option<Report>,
        error: Option<ErrorKind>,
    ) -> Option<Self> {
        let says_something = [ErrorKind::Deadline, ErrorKind::Unreachable, ErrorKind::NotFound];
        if report.is_none() && !error.is_some_and(|kind| says_something.contains(&kind)) {
            return None;
        }
        let batch = match batch.environment() {
            Some(_) => batch.clone(),
            None => batch.clone().with_environment(environment),
        };
        Some(Self { batch, report, error })
    }
}

fn read(file: &Path) -> io::Result<Contents> {
    let tail = read_tail(file, MAX_BYTES)?;
    let mut contents = Contents::default();
    if tail.is_cut {
        let warning = format!("{}: only its last {} MiB are read", file.display(), MAX_BYTES / 1024 / 1024);
        contents.warnings.push(warning);
    }
    let first = if tail.is_cut { None } else { Some(1) };
    for line in lines(&tail.bytes) {
        match line.document.and_then(Record::parse) {
            Some(record) => contents.log.push(record),
            None => contents.warnings.push(skipped(&file.display().to_string(), first.map(|first| first + line.index))),
        }
    }
    Ok(contents)
}

/// Line of a file of JSON Lines.
pub(crate) struct Line {
    /// Number of lines before it.
    pub(crate) index: usize,
    /// None where the line is not JSON.
    pub(crate) document: Option<Value>,
}

/// Returns the lines that are not empty. One that was torn does not spoil the others.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = Line> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.map(|(index, line)| Line { index, document: serde_json::from_slice(line).ok() })
}

/// Returns the warning about a line that cannot be read.
pub(crate) fn skipped(file: &str, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{file}: line {line} is not a document; it is skipped"),
        None => format!("{file}: a line is not a document; it is skipped"),
    }
}
