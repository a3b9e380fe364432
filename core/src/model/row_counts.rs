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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Progress;

    #[test]
    fn counts_differ_from_the_rows_by_one() {
        let counts = RowCounts::new(&[Row::new(RowOutcome::Succeeded), Row::new(RowOutcome::Failed)]);
        let fields = |total: u64, succeeded: u64, failed: u64| {
            let progress = Progress::default().with_total(total).with_succeeded(succeeded).with_failed(failed);
            let fields = counts.count_mismatches(&progress).into_iter();
            fields.map(|found| (found.field, found.reported, found.listed)).collect::<Vec<_>>()
        };
        assert!(fields(2, 1, 1).is_empty() && counts.count_mismatches(&Progress::default()).is_empty());
        for (total, succeeded, failed, field, reported, listed) in [
            (1, 1, 1, "total", 1, 2),
            (3, 1, 1, "total", 3, 2),
            (2, 0, 1, "succeeded", 0, 1),
            (2, 2, 1, "succeeded", 2, 1),
            (2, 1, 0, "failed", 0, 1),
            (2, 1, 2, "failed", 2, 1),
        ] {
            assert_eq!(fields(total, succeeded, failed), [(field.into(), reported, listed)]);
        }
    }

    #[test]
    fn outcome_takes_the_higher_count_of_failures_and_of_rows_within_the_total() {
        use RowOutcome::{Failed, Unaccounted};
        let table: [(&[RowOutcome], (u64, u64, u64), Outcome); 5] = [
            (&[Failed], (1, 0, 1), Outcome::Failed),
            (&[Failed], (2, 0, 1), Outcome::Unknown),
            (&[Failed, Unaccounted], (2, 0, 1), Outcome::Unknown),
            (&[Failed, Unaccounted], (2, 0, 2), Outcome::Failed),
            (&[Failed, Failed], (2, 0, 5), Outcome::Failed),
        ];
        for (rows, (total, succeeded, failed), expected) in table {
            let progress = Progress::default().with_total(total).with_succeeded(succeeded).with_failed(failed);
            let rows: Vec<_> = rows.iter().map(|outcome| Row::new(*outcome)).collect();
            // The outcome by counts alone is that of the rows only where both agree.
            let snapshot = Snapshot::new(State::Finished, "done", progress).with_outcome(Outcome::Unknown);
            assert_eq!(RowCounts::new(&rows).outcome(&snapshot), Some(expected), "{rows:?} {progress:?}");
        }
    }
}
