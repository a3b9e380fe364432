//! Lines of `submitted.jsonl`, one JSON object each.
//!
//! | Line | Fields that tell it from the others |
//! |---|---|
//! | a note, before anything is sent | `begun_at` |
//! | the batch document, once the provider has it | `id`, and `note` of the note that it settles |
//! | a submit that failed | `submitted`: false (it does not exist), true (it exists), null (unknown) |
//! | the state of a batch when it was last polled | `batch` |
//!
//! Lines of earlier versions have neither `note` nor `begun_at`: a key that was about to be used is
//! `{"provider","key"}`.

use bulkrail::{Batch, Outcome, ProviderId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Line of the file.
#[derive(Debug)]
pub(crate) enum Record {
    Begun(Box<Note>),
    Submitted(Box<Submitted>),
    Failed(Box<Failed>),
    Seen(Box<Seen>),
}

impl Record {
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

/// A batch that is about to be submitted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    /// Random id of the note; none in lines of earlier versions.
    #[serde(default)]
    pub(crate) note: Option<String>,
    pub(crate) provider: ProviderId,
    #[serde(default)]
    pub(crate) environment: Option<String>,
    /// Id of the batch, where it is known before it is submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) storage_id: Option<String>,
    #[serde(flatten)]
    pub(crate) file: Option<FileNote>,
    /// Number of the batch, from 1, and how many the file makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) part: Option<[usize; 2]>,
    /// Base URL as it was given, where the environment does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base_url: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) insecure_http: bool,
    #[serde(default)]
    pub(crate) begun_at: Option<Timestamp>,
}

/// File of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileNote {
    /// Absolute path.
    pub(crate) file: String,
    /// Size; unknown for a pipe, which can be read only once.
    #[serde(default)]
    pub(crate) bytes: Option<u64>,
    #[serde(default)]
    pub(crate) sha256: Option<String>,
}

/// A batch document, and the note that it settles.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Submitted {
    #[serde(flatten)]
    pub(crate) batch: Batch,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// A submit without a batch document.
#[derive(Debug, Serialize, Deserialize)]
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
    /// Kind of the error.
    #[serde(default)]
    pub(crate) error: Option<String>,
}

/// State of a batch when it was last polled, or the error of the last poll.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) batch: Batch,
    #[serde(default)]
    pub(crate) state: Option<String>,
    #[serde(default)]
    pub(crate) outcome: Option<Outcome>,
    #[serde(default)]
    pub(crate) provider_status: Option<String>,
    /// Kind of the error that ended the wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(default)]
    pub(crate) seen_at: Option<Timestamp>,
}
