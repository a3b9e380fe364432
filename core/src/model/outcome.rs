use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Progress, State};

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Outcome {
    /// Every row.
    Succeeded,
    /// Some rows failed, or the provider does not account for them.
    Partial,
    /// The batch failed, or no row succeeded.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It ended, but nobody can tell how.
    Unknown,
}

impl Outcome {
    /// What `state` and the counts say together; `None` while the batch has not ended.
    ///
    /// A finished batch has succeeded only when every row is known to have succeeded. One without rows, without counts, or with
    /// counts that contradict each other is [`Outcome::Unknown`]: somebody has to look.
    ///
    /// ```
    /// use bulkrail::{Outcome, Progress, State};
    ///
    /// let mut progress = Progress::default();
    /// (progress.total, progress.succeeded, progress.failed) = (Some(1000), Some(990), Some(5));
    /// assert_eq!(Outcome::judge(State::Finished, &progress), Some(Outcome::Partial));
    /// ```
    #[must_use]
    pub fn judge(state: State, progress: &Progress) -> Option<Self> {
        match state {
            State::Failed => Some(Self::Failed),
            State::Cancelled => Some(Self::Cancelled),
            State::Finished => Some(Self::by_rows(progress)),
            State::Queued | State::Running | State::Unrecognised => None,
        }
    }

    fn by_rows(progress: &Progress) -> Self {
        match (progress.total, progress.succeeded, progress.failed) {
            (Some(0), ..) => Self::Unknown,
            (Some(total), Some(succeeded), failed) if succeeded == total && failed.unwrap_or(0) == 0 => Self::Succeeded,
            (Some(total), Some(succeeded), _) if succeeded > total => Self::Unknown,
            (_, Some(0), Some(failed)) if failed > 0 => Self::Failed,
            (Some(_), Some(0), _) => Self::Failed,
            (Some(_), Some(_), _) => Self::Partial,
            (Some(total), None, Some(failed)) if failed >= total => Self::Failed,
            (_, _, Some(failed)) if failed > 0 => Self::Partial,
            _ => Self::Unknown,
        }
    }

    /// The word used in JSON.
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

/// How one row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum RowOutcome {
    /// It worked.
    Succeeded,
    /// It failed.
    Failed,
    /// The provider does not say.
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

/// What happened to one row. Its texts may name people: `Debug` leaves them out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Row {
    /// Its position, as the provider counts (KillB: the spreadsheet row), where it says.
    pub index: Option<u64>,
    /// Your reference for it, where the provider gives it back.
    pub reference: Option<String>,
    /// How it ended.
    pub outcome: RowOutcome,
    /// The account that was made of it.
    pub account_id: Option<String>,
    /// Why it failed, in the provider's words.
    pub reason: Option<String>,
}

impl Row {
    /// A row of which only the outcome is known; set the rest.
    #[must_use]
    pub fn new(outcome: RowOutcome) -> Self {
        Self { index: None, reference: None, outcome, account_id: None, reason: None }
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
    fn a_finished_batch_is_judged_by_its_rows() {
        use Outcome::*;
        let table = [
            ((Some(100), Some(98), Some(2)), Partial),
            ((Some(19), Some(19), Some(0)), Succeeded),
            ((Some(19), Some(19), None), Succeeded),
            ((Some(1000), Some(990), Some(5)), Partial), // five rows never processed
            ((Some(5), Some(4), Some(0)), Partial),
            ((Some(5), Some(0), Some(5)), Failed),
            ((Some(5), Some(0), Some(0)), Failed),
            ((Some(5), Some(0), None), Failed),
            ((Some(5), None, Some(5)), Failed),
            ((Some(5), None, Some(1)), Partial),
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
            let found = Outcome::judge(State::Finished, &progress);
            assert_eq!(found, Some(expected), "total {total:?} succeeded {succeeded:?} failed {failed:?}");
        }
    }

    #[test]
    fn only_an_ended_batch_has_an_outcome() {
        let progress = Progress::default();
        for state in [State::Queued, State::Running, State::Unrecognised] {
            assert_eq!(Outcome::judge(state, &progress), None);
        }
        assert_eq!(Outcome::judge(State::Failed, &progress), Some(Outcome::Failed));
        assert_eq!(Outcome::judge(State::Cancelled, &progress), Some(Outcome::Cancelled));
    }
}
