use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Batch, Outcome, Row, Snapshot};

/// The result document: a batch, what was last seen of it, and what it took to see it.
///
/// A wait ends with one; a single look gives one too. Serialises to the fields `batch`, `state`, `outcome`, `provider_status`,
/// `progress`, `message`, `polls`, `elapsed_ms`, `drift` and, where rows were asked for, `rows`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Report {
    /// The batch.
    pub batch: Batch,
    /// What was last seen of it.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// Status requests that were answered or failed.
    pub polls: u32,
    /// Time spent so far.
    #[serde(rename = "elapsed_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub elapsed: Duration,
    /// Every row, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Row>>,
}

impl Report {
    /// A report of one look.
    #[must_use]
    pub fn new(batch: Batch, snapshot: Snapshot, polls: u32, elapsed: Duration) -> Self {
        Self { batch, snapshot, polls, elapsed, rows: None }
    }

    /// How the batch ended; `None` while it has not.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.snapshot.outcome
    }
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(elapsed: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
