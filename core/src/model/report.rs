use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::drift::Drift;
use super::outcome::{Outcome, Row, RowOutcome};
use super::reconciliation::{Reconciliation, ReferenceMismatch};
use super::snapshot::Snapshot;

/// Result document: a batch, its last snapshot, and the polls and time it took.
///
/// A wait ends with one. Serialises to the fields `batch`, `state`, `outcome`, `provider_status`, `progress`,
/// `message`, `polls`, `elapsed_ms`, `drift`, `count_mismatches` and, where rows were read, `rows`, `unexpected`,
/// `reference_mismatches` and `duplicates`. References may name people: `Debug` counts them.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Report {
    /// Batch that was polled.
    pub batch: Batch,
    /// Last snapshot of the batch.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// Number of status requests that got a response or failed.
    pub polls: u32,
    /// Time since the wait began; in JSON in milliseconds.
    #[serde(rename = "elapsed_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub elapsed: Duration,
    /// Every row, where rows were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Row>>,
    /// References that the provider lists and that were not submitted, where rows were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unexpected: Option<Vec<String>>,
    /// References that were paired although they differ, where rows were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_mismatches: Option<Vec<ReferenceMismatch>>,
    /// References that were submitted or listed more than once, where rows were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<Vec<String>>,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |references: &Option<Vec<String>>| references.as_ref().map(Vec::len);
        f.debug_struct("Report")
            .field("batch", &self.batch)
            .field("snapshot", &self.snapshot)
            .field("polls", &self.polls)
            .field("elapsed", &self.elapsed)
            .field("rows", &self.rows)
            .field("unexpected", &count(&self.unexpected))
            .field("reference_mismatches", &self.reference_mismatches.as_ref().map(Vec::len))
            .field("duplicates", &count(&self.duplicates))
            .finish()
    }
}

impl Report {
    /// Returns the report of `snapshot` after `polls` status requests in `elapsed` time.
    #[must_use]
    pub fn new(batch: Batch, snapshot: Snapshot, polls: u32, elapsed: Duration) -> Self {
        Self {
            batch,
            snapshot,
            polls,
            elapsed,
            rows: None,
            unexpected: None,
            reference_mismatches: None,
            duplicates: None,
        }
    }

    /// Returns the same report with every row, and with the outcome that follows from counts and rows.
    ///
    /// See [`Reconciliation::outcome`]; drift of the rows is added to that of the polls.
    #[must_use]
    pub fn reconciled(mut self, reconciliation: Reconciliation) -> Self {
        self.snapshot = self.snapshot.reconciled(&reconciliation);
        Drift::merge(&mut self.snapshot.drift, &reconciliation.drift);
        let name = |row: &Row| row.reference.clone().unwrap_or_default();
        self.unexpected = Some(reconciliation.unexpected.iter().map(name).collect());
        self.reference_mismatches = Some(reconciliation.reference_mismatches);
        self.duplicates = Some(reconciliation.duplicates);
        self.rows = Some(reconciliation.rows);
        self
    }

    /// Returns the rows that failed; empty where rows were not read.
    pub fn failed_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten().filter(|row| row.outcome == RowOutcome::Failed)
    }

    /// Returns the rows of which the provider does not report an outcome; empty where rows were not read.
    pub fn unaccounted_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten().filter(|row| row.outcome == RowOutcome::Unaccounted)
    }

    /// Returns the outcome of the batch; `None` while it has not ended.
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
