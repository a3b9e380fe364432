use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::drift::Drift;

/// Where a batch stands, in words that mean the same for every provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum State {
    /// Accepted, not begun.
    Queued,
    /// Being worked on.
    Running,
    /// Worked through to the end. That is not success: see [`Outcome`].
    Finished,
    /// Failed as a whole.
    Failed,
    /// Ended before its end.
    Cancelled,
    /// The provider's word is not in its table, or says nothing. Not an end: a wait goes on.
    Unrecognised,
}

impl State {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }

    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unrecognised => "unrecognised",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a batch is, in rows. `None` is "the provider does not say", never zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Counts", into = "Document")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "Document"))]
#[non_exhaustive]
pub struct Progress {
    /// Rows in the batch.
    pub total: Option<u64>,
    /// Rows dealt with so far.
    pub processed: Option<u64>,
    /// Rows that worked.
    pub succeeded: Option<u64>,
    /// Rows that failed.
    pub failed: Option<u64>,
    /// The provider's own percentage, where it gives one instead of counts.
    pub stated_percent: Option<f64>,
}

impl Progress {
    /// Rows that the provider accounts for neither as succeeded nor as failed: `total - succeeded - failed`, where all three are
    /// known (and 0 where they add up to more than the total).
    #[must_use]
    pub fn unaccounted(&self) -> Option<u64> {
        let known = self.succeeded?.saturating_add(self.failed?);
        Some(self.total?.saturating_sub(known))
    }

    /// How far, from 0 to 100: the provider's own figure, else `processed` of `total`.
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

/// [`Progress`] as it is written: with what follows from it.
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

/// [`Progress`] as it is read back.
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

/// What one look at a batch says.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Snapshot {
    /// Where it stands.
    pub state: State,
    /// How it ended; `None` while it has not.
    pub outcome: Option<Outcome>,
    /// The provider's own status word, unchanged. Empty where the answer had none.
    pub provider_status: String,
    /// How far it is.
    pub progress: Progress,
    /// The provider's own text about the batch. May name people: it is left out of `Debug`.
    pub message: Option<String>,
    /// In what the answer differed from the spec.
    pub drift: Vec<Drift>,
    /// How long the provider asked to be left alone (`Retry-After` on a good answer).
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl Snapshot {
    /// A look that found `state`, said in the provider's word `provider_status`. The outcome follows from `state` and `progress`;
    /// see [`Outcome::judge`].
    #[must_use]
    pub fn new(state: State, provider_status: impl Into<String>, progress: Progress) -> Self {
        Self {
            state,
            outcome: Outcome::judge(state, &progress),
            provider_status: provider_status.into(),
            progress,
            message: None,
            drift: Vec::new(),
            retry_after: None,
        }
    }

    /// Whether nothing more will happen to the batch.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.state.is_end()
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
