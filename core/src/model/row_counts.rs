use super::outcome::{Outcome, Row, RowOutcome};
use super::progress::{CountMismatch, Progress, State};
use super::snapshot::Snapshot;

/// Number of rows by outcome, enough to decide the outcome of a batch without holding its rows in memory.
///
/// ```
/// use bulkrail_core::{Outcome, Progress, RowCounts, RowOutcome, Snapshot, State};
///
/// let mut counts = RowCounts::default();
/// counts.push(RowOutcome::Succeeded);
/// counts.push(RowOutcome::Failed);
///
/// let progress = Progress::default().with_total(2).with_succeeded(2).with_failed(0);
/// let snapshot = Snapshot::new(State::Finished, "COMPLETED", progress).with_row_counts(&counts);
/// assert_eq!(snapshot.outcome, Some(Outcome::Partial));
/// assert_eq!(snapshot.count_mismatches.len(), 2);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowCounts {
    /// Number of rows that succeeded.
    pub succeeded: u64,
    /// Number of rows that failed.
    pub failed: u64,
    /// Number of rows of which the provider does not report an outcome.
    pub unaccounted: u64,
}

impl RowCounts {
    /// Returns the counts of `rows`.
    #[must_use]
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let mut counts = Self::default();
        rows.into_iter().for_each(|row| counts.push(row.outcome));
        counts
    }

    /// Adds a row.
    pub fn push(&mut self, outcome: RowOutcome) {
        match outcome {
            RowOutcome::Succeeded => self.succeeded += 1,
            RowOutcome::Failed => self.failed += 1,
            RowOutcome::Unaccounted => self.unaccounted += 1,
        }
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.succeeded + self.failed + self.unaccounted
    }

    /// Returns the counts in `progress` that differ from what the rows add up to.
    #[must_use]
    pub fn count_mismatches(&self, progress: &Progress) -> Vec<CountMismatch> {
        let counts = [
            ("total", progress.total, self.total()),
            ("succeeded", progress.succeeded, self.succeeded),
            ("failed", progress.failed, self.failed),
        ];
        let mismatch = |(field, reported, listed): (&str, Option<u64>, u64)| {
            let reported = reported.filter(|reported| *reported != listed)?;
            Some(CountMismatch::new(field, reported, listed))
        };
        counts.into_iter().filter_map(mismatch).collect()
    }

    /// Returns the outcome of the batch by its counts *and* these rows: the rule by which rows overrule counts.
    ///
    /// The lower count of successes is believed, the rest is unaccounted for, and statements that disagree are never
    /// a success. A batch that failed or was cancelled as a whole stays so. Where the provider neither counts nor lists
    /// rows, `snapshot` alone decides.
    #[must_use]
    pub fn outcome(&self, snapshot: &Snapshot) -> Option<Outcome> {
        let by_counts = snapshot.outcome?;
        let progress = &snapshot.progress;
        let counts_nothing = (progress.total, progress.succeeded, progress.failed) == (None, None, None);
        let lists_nothing = self.unaccounted == self.total();
        if snapshot.state != State::Finished || self.total() == 0 || (counts_nothing && lists_nothing) {
            return Some(by_counts);
        }
        let total = self.total().max(progress.total.unwrap_or(0));
        let succeeded = progress.succeeded.map_or(self.succeeded, |reported| reported.min(self.succeeded));
        let failed = self.failed.max(progress.failed.unwrap_or(0)).min(total - succeeded.min(total));
        let believed = Progress::default().with_total(total).with_succeeded(succeeded).with_failed(failed);
        match Outcome::from_progress(State::Finished, &believed) {
            Some(Outcome::Succeeded)
                if !(self.count_mismatches(progress).is_empty() && snapshot.count_mismatches.is_empty()) =>
            {
                Some(Outcome::Partial)
            }
            outcome => outcome,
        }
    }
}
