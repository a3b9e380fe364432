use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drift::Drift;
use super::outcome::Outcome;
use super::reconcile::{CountMismatch, Reconciliation, RowCounts};

/// State of a batch, in words that mean the same for every provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum State {
    /// Accepted and not started.
    Queued,
    /// In progress.
    Running,
    /// Processed to the end. That is not success: see [`Outcome`].
    Finished,
    /// Failed as a whole.
    Failed,
    /// Cancelled before every row was processed.
    Cancelled,
    /// The provider's status word is not documented, is missing, or says that the state is not known. Not terminal:
    /// a wait continues. `unrecognised` in JSON.
    #[serde(rename = "unrecognised")]
    Unknown,
}

impl State {
    /// Returns whether the batch has ended.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }

    /// Returns the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unrecognised",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Progress of a batch in rows. `None` means that the provider does not report the count, never zero.
///
/// ```
/// let progress = bulkrail_core::Progress::default().with_total(100).with_processed(40);
/// assert_eq!(progress.percent(), Some(40.0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Counts", into = "Document")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "Document"))]
#[non_exhaustive]
pub struct Progress {
    /// Number of rows in the batch.
    pub total: Option<u64>,
    /// Number of rows processed so far.
    pub processed: Option<u64>,
    /// Number of rows that succeeded.
    pub succeeded: Option<u64>,
    /// Number of rows that failed.
    pub failed: Option<u64>,
    /// Percentage that the provider reports, where it gives one instead of counts.
    pub stated_percent: Option<f64>,
}

impl Progress {
    /// Returns the same progress in a batch of `total` rows; `None` where the provider does not report it.
    #[must_use]
    pub fn with_total(self, total: impl Into<Option<u64>>) -> Self {
        Self { total: total.into(), ..self }
    }

    /// Returns the same progress with `processed` rows processed; `None` where the provider does not report it.
    #[must_use]
    pub fn with_processed(self, processed: impl Into<Option<u64>>) -> Self {
        Self { processed: processed.into(), ..self }
    }

    /// Returns the same progress with `succeeded` rows succeeded; `None` where the provider does not report it.
    #[must_use]
    pub fn with_succeeded(self, succeeded: impl Into<Option<u64>>) -> Self {
        Self { succeeded: succeeded.into(), ..self }
    }

    /// Returns the same progress with `failed` rows failed; `None` where the provider does not report it.
    #[must_use]
    pub fn with_failed(self, failed: impl Into<Option<u64>>) -> Self {
        Self { failed: failed.into(), ..self }
    }

    /// Returns the same progress with the percentage that the provider reports, from 0 to 100.
    #[must_use]
    pub fn with_stated_percent(self, percent: impl Into<Option<f64>>) -> Self {
        Self { stated_percent: percent.into(), ..self }
    }

    /// Returns the number of rows that are reported neither as succeeded nor as failed: `total - succeeded - failed`
    /// where all three are known, and 0 where they add up to more than the total.
    #[must_use]
    pub fn unaccounted(&self) -> Option<u64> {
        let known = self.succeeded?.saturating_add(self.failed?);
        Some(self.total?.saturating_sub(known))
    }

    /// Returns the percentage from 0 to 100: the provider's own figure, else `processed` of `total`.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        let percent = match (self.stated_percent, self.processed, self.total) {
            (Some(stated), ..) if stated.is_finite() => stated,
            (_, Some(processed), Some(total)) if total > 0 => processed as f64 * 100.0 / total as f64,
            _ => return None,
        };
        Some(percent.clamp(0.0, 100.0))
    }
}

/// [`Progress`] as it is serialised, with the values that follow from it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Progress"))]
struct Document {
    total: Option<u64>,
    processed: Option<u64>,
    succeeded: Option<u64>,
    failed: Option<u64>,
    unaccounted: Option<u64>,
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 100.0)))]
    percent: Option<f64>,
}

impl From<Progress> for Document {
    fn from(progress: Progress) -> Self {
        Self {
            total: progress.total,
            processed: progress.processed,
            succeeded: progress.succeeded,
            failed: progress.failed,
            unaccounted: progress.unaccounted(),
            percent: progress.percent(),
        }
    }
}

/// [`Progress`] as it is deserialised.
#[derive(Deserialize)]
struct Counts {
    total: Option<u64>,
    processed: Option<u64>,
    succeeded: Option<u64>,
    failed: Option<u64>,
    percent: Option<f64>,
}

impl From<Counts> for Progress {
    fn from(counts: Counts) -> Self {
        let counted = Self {
            total: counts.total,
            processed: counts.processed,
            succeeded: counts.succeeded,
            failed: counts.failed,
            stated_percent: None,
        };
        let stated_percent = if counted.percent() == counts.percent { None } else { counts.percent };
        Self { stated_percent, ..counted }
    }
}

/// Result of one poll of a batch. `Debug` leaves out texts of the provider.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Snapshot {
    /// State of the batch.
    pub state: State,
    /// Outcome of the batch; `None` while it has not ended.
    pub outcome: Option<Outcome>,
    /// The provider's own status word, unchanged. Empty where the response had none.
    pub provider_status: String,
    /// Progress of the batch.
    pub progress: Progress,
    /// The provider's own text about the batch. It may name people.
    pub message: Option<String>,
    /// Differences of the responses from the spec.
    pub drift: Vec<Drift>,
    /// Counts that differ from another statement of the same response.
    #[serde(default)]
    pub count_mismatches: Vec<CountMismatch>,
    /// Time before which the provider asks not to be polled again (`Retry-After` of a successful response).
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl Snapshot {
    /// Returns a snapshot of a batch in `state`, with the provider's own word for it.
    ///
    /// The outcome follows from `state` and `progress`; see [`Outcome::from_progress`].
    #[must_use]
    pub fn new(state: State, provider_status: impl Into<String>, progress: Progress) -> Self {
        Self {
            state,
            outcome: Outcome::from_progress(state, &progress),
            provider_status: provider_status.into(),
            progress,
            message: None,
            drift: Vec::new(),
            count_mismatches: Vec::new(),
            retry_after: None,
        }
    }

    /// Returns the same snapshot with the outcome that the provider states in a word instead of counts.
    #[must_use]
    pub fn with_outcome(self, outcome: Outcome) -> Self {
        Self { outcome: Some(outcome), ..self }
    }

    /// Returns the same snapshot with the provider's own text about the batch.
    #[must_use]
    pub fn with_message(self, message: Option<String>) -> Self {
        Self { message, ..self }
    }

    /// Returns the same snapshot with the differences of its response from the spec.
    #[must_use]
    pub fn with_drift(self, drift: Vec<Drift>) -> Self {
        Self { drift, ..self }
    }

    /// Returns the same snapshot with the time before which the provider asks not to be polled again.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// Returns the same snapshot with counts that disagree. One that seemed to have succeeded becomes partial.
    #[must_use]
    pub fn with_count_mismatches(self, count_mismatches: Vec<CountMismatch>) -> Self {
        let outcome = match self.outcome {
            Some(Outcome::Succeeded) if !count_mismatches.is_empty() => Some(Outcome::Partial),
            outcome => outcome,
        };
        Self { outcome, count_mismatches, ..self }
    }

    /// Returns the same snapshot with the outcome and the mismatches of its rows; see
    /// [`Reconciliation::outcome`](super::Reconciliation::outcome).
    #[must_use]
    pub fn reconciled(self, reconciliation: &Reconciliation) -> Self {
        let outcome = reconciliation.outcome(&self);
        // A list without rows says nothing about the counts; the outcome is by counts then, too.
        let found = if reconciliation.rows.is_empty() { &[] } else { &reconciliation.count_mismatches[..] };
        self.with_rows_considered(outcome, found)
    }

    /// Returns the same snapshot with the outcome and the mismatches of rows that were counted; see
    /// [`RowCounts::outcome`](super::RowCounts::outcome).
    #[must_use]
    pub fn with_row_counts(self, counts: &RowCounts) -> Self {
        let outcome = counts.outcome(&self);
        let found = if counts.total() == 0 { Vec::new() } else { counts.count_mismatches(&self.progress) };
        self.with_rows_considered(outcome, &found)
    }

    fn with_rows_considered(self, outcome: Option<Outcome>, found: &[CountMismatch]) -> Self {
        let mut count_mismatches = self.count_mismatches;
        for found in found {
            if !count_mismatches.iter().any(|known| known.field == found.field) {
                count_mismatches.push(found.clone());
            }
        }
        Self { outcome, count_mismatches, ..self }
    }

    /// Returns whether the batch has ended.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.state.is_terminal()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("state", &self.state)
            .field("outcome", &self.outcome)
            .field("progress", &self.progress)
            .field("drift", &self.drift.len())
            .finish_non_exhaustive()
    }
}
