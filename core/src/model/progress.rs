use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// Processed to the end. That is not success: see [`Outcome`](super::Outcome).
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

    /// Returns the counts of a finished batch that contradict each other.
    pub(super) fn contradictions(&self) -> Vec<CountMismatch> {
        let Some(done) = self.succeeded.map(|succeeded| succeeded.saturating_add(self.failed.unwrap_or(0))) else {
            return Vec::new();
        };
        let counts = [("total", self.total), ("processed", self.processed)];
        let less = counts.into_iter().filter_map(|(field, count)| Some((field, count.filter(|count| *count < done)?)));
        less.map(|(field, count)| CountMismatch::new(field, count, done)).collect()
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
        // Reading JSON may change the last bit of a number.
        let is_counted = match (counted.percent(), counts.percent) {
            (Some(counted), Some(percent)) => (counted - percent).abs() <= 1e-9,
            (counted, percent) => counted == percent,
        };
        Self { stated_percent: counts.percent.filter(|_| !is_counted), ..counted }
    }
}

/// Count that the provider reports and that disagrees with its rows or another part of its response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CountMismatch {
    /// Name of the count: `total`, `processed`, `succeeded` or `failed`.
    pub field: String,
    /// Count that the provider reports.
    pub reported: u64,
    /// Count that its rows add up to.
    pub listed: u64,
}

impl CountMismatch {
    /// Returns the mismatch of the count `field`.
    #[must_use]
    pub fn new(field: impl Into<String>, reported: u64, listed: u64) -> Self {
        Self { field: field.into(), reported, listed }
    }
}
