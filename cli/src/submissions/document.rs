//! Documents of `bulkrail list --json`.

use std::time::Duration;

use bulkrail::{Batch, Outcome, ProviderId};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::advice::{Advice, advice};
use super::entry::Entry;
use super::log::Log;

/// How far a submission has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// It was begun, and it is not known whether the provider has the batch.
    Submitting,
    /// The provider has the batch, and its end was not seen.
    Open,
    /// The end of the batch was seen.
    Ended,
    /// A wait ended without the end of the batch: at its deadline, or because the provider could
    /// not be reached.
    GaveUp,
}

/// Submission in the list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Listed {
    pub(crate) batch: ListedBatch,
    pub(crate) phase: Phase,
    /// Outcome of a batch that has ended.
    pub(crate) outcome: Option<Outcome>,
    /// The provider's own word for the state, when the batch was last polled.
    pub(crate) provider_status: Option<String>,
    /// Path of the file that was submitted.
    pub(crate) file: Option<String>,
    /// Profile of the configuration file that it was submitted with.
    pub(crate) profile: Option<String>,
    /// Time since the submission, in milliseconds.
    #[serde(rename = "age_ms", serialize_with = "millis")]
    #[schemars(rename = "age_ms", with = "Option<u64>")]
    pub(crate) age: Option<Duration>,
    /// Says what to do next. A command in it is its end, and works as it is.
    #[schemars(with = "String")]
    pub(crate) advice: Advice,
    #[serde(skip)]
    pub(crate) part: Option<[usize; 2]>,
    #[serde(skip)]
    pub(crate) storage_id: Option<String>,
}

/// Batch document of which the id may not be known.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ListedBatch {
    #[schemars(with = "String")]
    pub(crate) provider: ProviderId,
    /// Id of the batch; null while only a key or a file is known.
    pub(crate) id: Option<String>,
    /// Idempotency key or external reference, where there is one.
    pub(crate) key: Option<String>,
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(crate) submitted_at: Option<Timestamp>,
    /// `production`, `sandbox`, or the origin of a custom base URL.
    pub(crate) environment: Option<String>,
}

impl Log {
    /// Returns every submission, the oldest first.
    pub(crate) fn listed(&self, now: Timestamp) -> Vec<Listed> {
        self.entries().iter().map(|entry| self.listed_entry(entry, now)).collect()
    }

    /// Returns one of its submissions as it is listed.
    pub(crate) fn listed_entry(&self, entry: &Entry, now: Timestamp) -> Listed {
        let age = entry.at().map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default());
        let note = entry.note();
        Listed {
            batch: ListedBatch {
                provider: entry.provider.clone(),
                id: entry.id.clone(),
                key: entry.key.clone(),
                submitted_at: entry.batch.as_ref().and_then(Batch::submitted_at),
                environment: entry.environment.clone(),
            },
            phase: entry.phase,
            outcome: entry.outcome,
            provider_status: entry.provider_status.clone(),
            file: note.file.as_ref().map(|file| file.file.clone()),
            profile: note.profile.clone(),
            age,
            advice: advice(self, entry, age),
            part: note.part,
            storage_id: note.storage_id.clone(),
        }
    }
}

fn millis<S: serde::Serializer>(age: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)).serialize(to)
}
