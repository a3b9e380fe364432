use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drift::Drift;
use super::outcome::Outcome;
use super::progress::{CountMismatch, Progress, State};
use crate::text::kept;

/// Result of one poll of a batch. `Debug` leaves out texts of the provider.
///
/// Status word and message are kept up to [`MAX_TEXT_CHARS`](crate::text::MAX_TEXT_CHARS) characters each.
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
    /// The outcome follows from `state` and `progress`; see [`Outcome::from_progress`]. Counts of a finished batch that
    /// contradict each other are mismatches.
    #[must_use]
    pub fn new(state: State, provider_status: impl Into<String>, progress: Progress) -> Self {
        let snapshot = Self {
            state,
            outcome: Outcome::from_progress(state, &progress),
            provider_status: kept(provider_status),
            progress,
            message: None,
            drift: Vec::new(),
            count_mismatches: Vec::new(),
            retry_after: None,
        };
        match state {
            State::Finished => snapshot.with_count_mismatches(progress.contradictions()),
            _ => snapshot,
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
        Self { message: message.map(kept), ..self }
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

    /// Returns the same snapshot with more counts that disagree. One that seemed to have succeeded becomes partial.
    #[must_use]
    pub fn with_count_mismatches(mut self, more: Vec<CountMismatch>) -> Self {
        let mut count_mismatches = std::mem::take(&mut self.count_mismatches);
        for found in more {
            if !count_mismatches.iter().any(|known| known.field == found.field) {
                count_mismatches.push(found);
            }
        }
        let outcome = match self.outcome {
            Some(Outcome::Succeeded) if !count_mismatches.is_empty() => Some(Outcome::Partial),
            outcome => outcome,
        };
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
