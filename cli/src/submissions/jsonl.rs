//! Reads `submitted.jsonl`, in which earlier versions kept what was submitted: one JSON object on
//! each line.
//!
//! | Line | Fields that tell it from the others |
//! |---|---|
//! | a note, before anything was sent | `begun_at` |
//! | the batch document, once the provider had it | `id`, and `note` of the note that it settles |
//! | a submit that failed | `submitted`: false (it does not exist), true (it exists), null (unknown) |
//! | the state of a batch when it was last polled | `batch` |
//!
//! Lines of the first versions have neither `note` nor `begun_at`: a key that was about to be used
//! is `{"provider","key"}`.

use std::io;
use std::path::Path;

use bulkrail::{Batch, ErrorKind, Outcome, ProviderId, State};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::log::Log;
use super::note::Note;
use crate::state::read_tail;

/// Name of the file in the state directory.
pub(super) const FILE: &str = "submitted.jsonl";

/// 256 MiB: about 300,000 submissions. Of a larger file the end is read.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Line of the file.
#[derive(Debug)]
pub(crate) enum OldRecord {
    Begun(Box<Begun>),
    Submitted(Box<Submitted>),
    Failed(Box<Failed>),
    Seen(Box<Seen>),
}

impl OldRecord {
    /// Returns the record in `document`, if it is one.
    pub(crate) fn parse(document: Value) -> Option<Self> {
        let has = |field: &str| document.get(field).is_some();
        if document.get("batch").is_some_and(Value::is_object) {
            serde_json::from_value(document).ok().map(Self::Seen)
        } else if has("submitted") {
            serde_json::from_value(document).ok().map(Self::Failed)
        } else if has("id") && !has("begun_at") {
            serde_json::from_value(document).ok().map(Self::Submitted)
        } else if has("begun_at") || has("key") {
            serde_json::from_value(document).ok().map(Self::Begun)
        } else {
            None
        }
    }
}

/// A batch that was about to be submitted.
#[derive(Debug, Deserialize)]
pub(crate) struct Begun {
    /// Random id of the note; none in lines of the first versions.
    #[serde(default)]
    pub(crate) note: Option<String>,
    #[serde(flatten)]
    pub(crate) order: Note,
}

/// A batch document, and the note that it settles.
#[derive(Debug, Deserialize)]
pub(crate) struct Submitted {
    #[serde(flatten)]
    pub(crate) batch: Batch,
    #[serde(default)]
    pub(crate) note: Option<String>,
}

/// A submit without a batch document.
#[derive(Debug, Deserialize)]
pub(crate) struct Failed {
    #[serde(default)]
    pub(crate) note: Option<String>,
    pub(crate) provider: ProviderId,
    #[serde(default)]
    pub(crate) environment: Option<String>,
    #[serde(default)]
    pub(crate) key: Option<String>,
    /// Whether the provider has the batch; none where that is not known.
    pub(crate) submitted: Option<bool>,
    #[serde(default)]
    pub(crate) error: Option<ErrorKind>,
}

/// State of a batch when it was last polled, or the error of the last poll.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    pub(crate) batch: Batch,
    #[serde(default)]
    pub(crate) state: Option<State>,
    #[serde(default)]
    pub(crate) outcome: Option<Outcome>,
    #[serde(default)]
    pub(crate) provider_status: Option<String>,
    /// Kind of the error that ended the wait.
    #[serde(default)]
    pub(crate) error: Option<ErrorKind>,
    #[serde(default)]
    pub(crate) seen_at: Option<Timestamp>,
}

/// Records of the file, and what was left out.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) log: Log,
    pub(super) warnings: Vec<String>,
}

/// Reads the file; it is empty where there is none. Each submission gets the same record key
/// whenever the same file is read.
pub(super) fn read(file: &Path) -> io::Result<Contents> {
    let tail = read_tail(file, MAX_BYTES)?;
    let mut contents = Contents::default();
    if tail.is_cut {
        let warning = format!("{}: only its last {} MiB are read", file.display(), MAX_BYTES / 1024 / 1024);
        contents.warnings.push(warning);
    }
    let first = if tail.is_cut { None } else { Some(1) };
    for line in lines(&tail.bytes) {
        match line.document.and_then(OldRecord::parse) {
            Some(record) => contents.log.push(record),
            None => contents.warnings.push(skipped(&file.display().to_string(), first.map(|first| first + line.index))),
        }
    }
    let digest = Sha256::digest(&tail.bytes);
    let name: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    contents.log.name_imported(&name);
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
