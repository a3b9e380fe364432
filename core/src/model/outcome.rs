use std::fmt;

use serde::{Deserialize, Serialize};

use super::progress::{Progress, State};
use crate::text::kept;

/// Outcome of a batch that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Outcome {
    /// Every row succeeded.
    Succeeded,
    /// Some rows succeeded; others failed or are unaccounted for.
    Partial,
    /// The batch failed as a whole, or every row is known to have failed.
    Failed,
    /// The batch was cancelled.
    Cancelled,
    /// The batch ended, but the response does not say how.
    Unknown,
}

impl Outcome {
    /// Returns the outcome that `state` and the counts say together; `None` while the batch has not ended.
    ///
    /// A finished batch has succeeded only when every row is known to have succeeded, and has failed only when every
    /// row is known to have failed. It is [`Outcome::Unknown`] without rows or counts, and where no row is known to have
    /// succeeded and some are unaccounted for. Counts that add up to more than the total are never a success.
    ///
    /// ```
    /// use bulkrail_core::{Outcome, Progress, State};
    ///
    /// let progress = Progress::default().with_total(1000).with_succeeded(990).with_failed(5);
    /// assert_eq!(Outcome::from_progress(State::Finished, &progress), Some(Outcome::Partial));
    /// ```
    #[must_use]
    pub fn from_progress(state: State, progress: &Progress) -> Option<Self> {
        match state {
            State::Failed => Some(Self::Failed),
            State::Cancelled => Some(Self::Cancelled),
            State::Finished => Some(Self::from_counts(progress)),
            State::Queued | State::Running | State::Unknown => None,
        }
    }

    fn from_counts(progress: &Progress) -> Self {
        match (progress.total, progress.succeeded, progress.failed) {
            (Some(0), ..) => Self::Unknown,
            (Some(total), Some(succeeded), failed) if succeeded == total && failed.unwrap_or(0) == 0 => Self::Succeeded,
            (Some(total), Some(succeeded), _) if succeeded > total => Self::Unknown,
            (Some(total), None | Some(0), Some(failed)) if failed >= total => Self::Failed,
            (None, Some(0), Some(failed)) if failed > 0 => Self::Failed,
            (Some(_), Some(1..), _) | (None, Some(1..), Some(1..)) => Self::Partial,
            _ => Self::Unknown,
        }
    }

    /// Returns the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Outcome of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum RowOutcome {
    /// The row succeeded.
    Succeeded,
    /// The row failed.
    Failed,
    /// The provider does not report an outcome.
    Unaccounted,
}

impl fmt::Display for RowOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unaccounted => "unaccounted",
        })
    }
}

/// One row of a batch. Its texts may name people: `Debug` leaves them out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Row {
    /// Position of the row as the provider counts it (KillB: the spreadsheet row), where it says.
    pub index: Option<u64>,
    /// Your reference for the row, where the provider returns it.
    pub reference: Option<String>,
    /// Outcome of the row.
    pub outcome: RowOutcome,
    /// Id of the account that was created from the row.
    pub account_id: Option<String>,
    /// Reason of the failure, in the provider's words.
    pub reason: Option<String>,
}

impl Row {
    /// Returns a row of which only the outcome is known.
    #[must_use]
    pub fn new(outcome: RowOutcome) -> Self {
        Self { index: None, reference: None, outcome, account_id: None, reason: None }
    }

    /// Returns the same row at position `index`, as the provider counts it.
    #[must_use]
    pub fn with_index(self, index: impl Into<Option<u64>>) -> Self {
        Self { index: index.into(), ..self }
    }

    /// Returns the same row with your reference for it.
    #[must_use]
    pub fn with_reference(self, reference: impl Into<String>) -> Self {
        Self { reference: Some(kept(reference)), ..self }
    }

    /// Returns the same row with the id of the account that was created from it.
    #[must_use]
    pub fn with_account_id(self, account_id: impl Into<String>) -> Self {
        Self { account_id: Some(kept(account_id)), ..self }
    }

    /// Returns the same row with the reason of its failure, of which
    /// [`MAX_TEXT_CHARS`](crate::text::MAX_TEXT_CHARS) characters are kept.
    #[must_use]
    pub fn with_reason(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(kept(reason)), ..self }
    }
}

impl Row {
    /// Cuts texts that were assigned instead of set by the methods above.
    pub(super) fn cut_texts(&mut self) {
        for text in [&mut self.reference, &mut self.account_id, &mut self.reason] {
            *text = text.take().map(kept);
        }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("index", &self.index).field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcome_of_a_finished_batch_follows_from_its_counts() {
        use Outcome::*;
        let table = [
            ((Some(100), Some(98), Some(2)), Partial),
            ((Some(19), Some(19), Some(0)), Succeeded),
            ((Some(19), Some(19), None), Succeeded),
            ((Some(1000), Some(990), Some(5)), Partial), // five rows never processed
            ((Some(5), Some(4), Some(0)), Partial),
            ((Some(5), Some(0), Some(5)), Failed),
            ((Some(5), Some(0), Some(0)), Unknown), // all unaccounted for
            ((Some(5), Some(0), Some(3)), Unknown),
            ((Some(5), Some(0), None), Unknown),
            ((Some(5), None, Some(5)), Failed),
            ((Some(5), None, Some(1)), Unknown), // no row is known to have succeeded
            ((None, Some(0), Some(3)), Failed),
            ((None, Some(3), Some(1)), Partial),
            ((None, Some(3), Some(0)), Unknown), // of how many?
            ((Some(0), Some(0), Some(0)), Unknown),
            ((Some(5), Some(6), Some(0)), Unknown), // contradicts itself
            ((Some(5), Some(5), Some(1)), Partial),
            ((Some(5), None, Some(0)), Unknown),
            ((None, None, None), Unknown),
        ];
        for ((total, succeeded, failed), expected) in table {
            let progress = Progress { total, succeeded, failed, ..Progress::default() };
            let found = Outcome::from_progress(State::Finished, &progress);
            assert_eq!(found, Some(expected), "total {total:?} succeeded {succeeded:?} failed {failed:?}");
        }
    }

    #[test]
    fn outcome_exists_only_for_an_ended_batch() {
        let progress = Progress::default();
        for state in [State::Queued, State::Running, State::Unknown] {
            assert_eq!(Outcome::from_progress(state, &progress), None);
        }
        assert_eq!(Outcome::from_progress(State::Failed, &progress), Some(Outcome::Failed));
        assert_eq!(Outcome::from_progress(State::Cancelled, &progress), Some(Outcome::Cancelled));
    }
}
