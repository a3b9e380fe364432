use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::drift::Drift;
use super::outcome::{Outcome, Row, RowOutcome};
use super::progress::{CountMismatch, State};
use super::row_counts::RowCounts;
use super::snapshot::Snapshot;

/// The outcome of every row of a batch, and where the provider's statements disagree.
///
/// References may name people: `Debug` counts them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Reconciliation {
    /// Every submitted row, in the order of submission; where that is not known, every row that the provider lists.
    pub rows: Vec<Row>,
    /// Number of rows that the provider lists.
    #[serde(default)]
    pub listed: u64,
    /// References that were submitted and that the provider does not list. Their rows are `unaccounted`.
    pub missing: Vec<String>,
    /// References that were submitted more than once, or that the provider lists more than once.
    pub duplicates: Vec<String>,
    /// Rows that the provider lists and that were not submitted.
    pub unexpected: Vec<Row>,
    /// Counts that differ from what the rows add up to.
    pub count_mismatches: Vec<CountMismatch>,
    /// References that were paired although they differ.
    #[serde(default)]
    pub reference_mismatches: Vec<ReferenceMismatch>,
    /// Differences of the rows from the spec.
    pub drift: Vec<Drift>,
}

impl Reconciliation {
    /// Returns the same reconciliation with the differences of its rows from the spec.
    #[must_use]
    pub fn with_drift(self, drift: Vec<Drift>) -> Self {
        Self { drift, ..self }
    }

    /// Returns the rows that failed.
    pub fn failed_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.outcome == RowOutcome::Failed)
    }

    /// Returns the rows of which the provider does not report an outcome.
    ///
    /// They may exist: find out before you submit them again.
    pub fn unaccounted_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.outcome == RowOutcome::Unaccounted)
    }

    /// Returns those of the submitted `items` whose rows failed: the start of the next batch.
    ///
    /// `reference` returns the reference of an item. Items whose rows are unaccounted for are not returned.
    ///
    /// ```
    /// # use bulkrail_core::{Progress, Reconciler, Row, RowOutcome, SubmittedRows};
    /// # let mut reconciler = Reconciler::new(&SubmittedRows::new(["a", "b"]));
    /// # reconciler.push(Row::new(RowOutcome::Failed).with_reference("b"));
    /// # let reconciliation = reconciler.finish(&Progress::default());
    /// let people = [("a", "Ann"), ("b", "Ben")];
    /// let again = reconciliation.retryable_rows(people, |(reference, _)| *reference);
    /// assert_eq!(again, [("b", "Ben")]);
    /// ```
    pub fn retryable_rows<T>(&self, items: impl IntoIterator<Item = T>, reference: impl Fn(&T) -> &str) -> Vec<T> {
        let failed: HashSet<_> = self.failed_rows().filter_map(|row| row.reference.as_deref()).collect();
        items.into_iter().filter(|item| failed.contains(reference(item))).collect()
    }

    /// Returns the outcome of the batch by its counts *and* these rows; see [`RowCounts::outcome`].
    ///
    /// A success has no row that was not submitted and did not succeed.
    /// Where the provider lists no rows its counts decide; submitted rows beyond them are unaccounted for. A total that
    /// it does not report is the number of submitted rows.
    #[must_use]
    pub fn outcome(&self, snapshot: &Snapshot) -> Option<Outcome> {
        let progress = &snapshot.progress;
        if self.listed == 0
            && snapshot.state == State::Finished
            && progress.total.or(progress.succeeded).or(progress.failed).is_some()
        {
            let total = progress.total.unwrap_or(0).max(self.rows.len() as u64);
            return if Some(total) == progress.total || self.rows.is_empty() {
                snapshot.outcome
            } else {
                Outcome::from_progress(State::Finished, &progress.with_total(total))
            };
        }
        match RowCounts::new(&self.rows).outcome(snapshot) {
            // The mismatches may be of a later snapshot than `snapshot`. A row that was not submitted failed at the
            // provider all the same.
            Some(Outcome::Succeeded)
                if !self.rows.is_empty() && !self.count_mismatches.is_empty()
                    || self.unexpected.iter().any(|row| row.outcome != RowOutcome::Succeeded) =>
            {
                Some(Outcome::Partial)
            }
            outcome => outcome,
        }
    }
}

/// What rows say about a batch.
impl Snapshot {
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
}

impl fmt::Debug for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconciliation")
            .field("rows", &self.rows)
            .field("listed", &self.listed)
            .field("missing", &self.missing.len())
            .field("duplicates", &self.duplicates.len())
            .field("unexpected", &self.unexpected)
            .field("count_mismatches", &self.count_mismatches)
            .field("reference_mismatches", &self.reference_mismatches.len())
            .field("drift", &self.drift)
            .finish()
    }
}

/// Reference that the provider lists in a form other than the submitted one. It may name a person: `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReferenceMismatch {
    /// Reference that was submitted.
    pub submitted: String,
    /// Reference that the provider lists.
    pub listed: String,
}

impl fmt::Debug for ReferenceMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceMismatch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Progress, Reconciler, SubmittedRows};

    #[test]
    fn outcome_of_counts_without_total_and_rows_is_by_the_number_of_submitted_rows() {
        let found = Reconciler::new(&SubmittedRows::new(["a", "b", "c"])).finish(&Progress::default());
        let table = [
            (Some(3), Some(0), Outcome::Succeeded),
            (Some(3), None, Outcome::Succeeded),
            (Some(2), Some(0), Outcome::Partial),
            (Some(2), Some(1), Outcome::Partial),
            (Some(0), Some(3), Outcome::Failed),
            (Some(0), Some(0), Outcome::Unknown),
            (Some(4), Some(0), Outcome::Unknown), // more than were submitted
        ];
        for (succeeded, failed, expected) in table {
            let progress = Progress::default().with_succeeded(succeeded).with_failed(failed);
            let snapshot = Snapshot::new(State::Finished, "ready", progress);
            assert_eq!(found.outcome(&snapshot), Some(expected), "{succeeded:?} {failed:?}");
        }
    }

    #[test]
    fn outcome_believes_the_lower_count_of_successes() {
        use RowOutcome::{Failed, Succeeded, Unaccounted};
        let table: [(&[RowOutcome], (u64, u64, u64), Outcome); 8] = [
            (&[Succeeded, Succeeded], (2, 2, 0), Outcome::Succeeded),
            (&[Succeeded, Failed], (2, 2, 0), Outcome::Partial),
            (&[Succeeded, Succeeded], (2, 1, 1), Outcome::Partial),
            (&[Succeeded, Succeeded], (3, 2, 0), Outcome::Partial),
            (&[Failed, Failed], (2, 1, 1), Outcome::Failed),
            (&[Failed, Unaccounted], (2, 0, 1), Outcome::Unknown),
            (&[Unaccounted, Unaccounted], (2, 2, 0), Outcome::Unknown),
            (&[Succeeded, Succeeded], (1, 1, 0), Outcome::Partial),
        ];
        for (rows, (total, succeeded, failed), expected) in table {
            let progress = Progress::default().with_total(total).with_succeeded(succeeded).with_failed(failed);
            let mut reconciler = Reconciler::without_references();
            rows.iter().for_each(|outcome| reconciler.push(Row::new(*outcome)));
            let found = reconciler.finish(&progress);
            let snapshot = Snapshot::new(State::Finished, "done", progress);
            assert_eq!(found.outcome(&snapshot), Some(expected), "{rows:?} {progress:?}");
            let counted = snapshot.clone().with_row_counts(&RowCounts::new(&found.rows));
            assert_eq!(counted, snapshot.reconciled(&found), "{rows:?} {progress:?}");
        }
    }

    #[test]
    fn outcome_with_an_unexpected_row_that_did_not_succeed_is_not_a_success() {
        let snapshot = Snapshot::new(State::Finished, "COMPLETED", Progress::default());
        for (unexpected, expected) in [
            (RowOutcome::Succeeded, Outcome::Succeeded),
            (RowOutcome::Failed, Outcome::Partial),
            (RowOutcome::Unaccounted, Outcome::Partial),
        ] {
            let mut reconciler = Reconciler::new(&SubmittedRows::new(["a"]));
            reconciler.push(Row::new(RowOutcome::Succeeded).with_reference("a"));
            reconciler.push(Row::new(unexpected).with_reference("x"));
            assert_eq!(reconciler.finish(&Progress::default()).outcome(&snapshot), Some(expected));
        }
    }

    #[test]
    fn debug_counts_references() {
        let mut reconciler = Reconciler::new(&SubmittedRows::new(["CANARY ", "CANARY-2", "CANARY-2"]));
        for reference in ["CANARY", "CANARY-3"] {
            reconciler.push(Row::new(RowOutcome::Failed).with_reference(reference));
        }
        let shown = format!("{reconciler:?} {:?}", SubmittedRows::new(["CANARY"]));
        let found = reconciler.finish(&Progress::default());
        let snapshot = Snapshot::new(State::Finished, "COMPLETED", Progress::default());
        let batch = crate::Batch::new(crate::ProviderId::from_static("killb"), "b-1").unwrap();
        let report = crate::Report::new(batch, snapshot, 1, std::time::Duration::ZERO).reconciled(found.clone());
        let shown = format!("{shown} {:?} {report:?} {found:?}", crate::RowSelection::new(&found));
        assert!(!shown.contains("CANARY"), "{shown}");
        assert!(shown.contains("missing: 1") || shown.contains("missing: 2"), "{shown}");
    }

    #[test]
    fn reconciled_snapshot_without_listed_rows_has_the_outcome_of_its_counts_and_no_mismatch() {
        let progress = Progress::default().with_total(2).with_succeeded(2).with_failed(0);
        let snapshot = Snapshot::new(State::Finished, "COMPLETED", progress);
        let empty = Reconciler::without_references().finish(&progress);
        assert_eq!(snapshot.clone().reconciled(&empty), snapshot);
        let mut reconciler = Reconciler::without_references();
        reconciler.push(Row::new(RowOutcome::Succeeded));
        let short = snapshot.reconciled(&reconciler.finish(&progress));
        assert_eq!((short.outcome, short.count_mismatches.len()), (Some(Outcome::Partial), 2));
    }

    #[test]
    fn outcome_of_a_batch_without_rows_or_that_failed_stays() {
        let mut snapshot = Snapshot::new(State::Finished, "FINISHED", Progress::default());
        snapshot.outcome = Some(Outcome::Succeeded);
        assert_eq!(Reconciliation::default().outcome(&snapshot), Some(Outcome::Succeeded));
        let silent = Reconciler::new(&SubmittedRows::new(["a"])).finish(&Progress::default());
        assert_eq!(silent.outcome(&snapshot), Some(Outcome::Succeeded), "the provider neither counts nor lists rows");
        let mut reconciler = Reconciler::without_references();
        reconciler.push(Row::new(RowOutcome::Succeeded));
        let found = reconciler.finish(&Progress::default());
        let failed = Snapshot::new(State::Failed, "FAILED", Progress::default());
        assert_eq!(found.outcome(&failed), Some(Outcome::Failed));
        let running = Snapshot::new(State::Running, "RUNNING", Progress::default());
        assert_eq!(found.outcome(&running), None);
    }

    #[test]
    fn outcome_is_not_a_success_where_the_counts_contradict_each_other_although_the_rows_agree() {
        let progress = Progress::default().with_total(2).with_processed(1).with_succeeded(2).with_failed(0);
        let snapshot = Snapshot::new(State::Finished, "COMPLETED", progress);
        let rows =
            [Row::new(RowOutcome::Succeeded).with_reference("a"), Row::new(RowOutcome::Succeeded).with_reference("b")];
        let counted = snapshot.clone().with_row_counts(&RowCounts::new(&rows));
        assert_eq!((counted.outcome, counted.count_mismatches.len()), (Some(Outcome::Partial), 1));
        let mut reconciler = Reconciler::without_references();
        rows.into_iter().for_each(|row| reconciler.push(row));
        assert_eq!(snapshot.reconciled(&reconciler.finish(&progress)), counted);
    }

    #[test]
    fn outcome_of_a_batch_without_listed_rows_follows_from_its_counts_and_the_submitted_rows() {
        let outcome = |submitted: usize| {
            let progress = Progress::default().with_total(2).with_succeeded(2).with_failed(0);
            let references = (0..submitted).map(|row| row.to_string());
            let found = Reconciler::new(&SubmittedRows::new(references)).finish(&progress);
            found.outcome(&Snapshot::new(State::Finished, "done", progress))
        };
        assert_eq!(outcome(2), Some(Outcome::Succeeded), "the same outcome as a wait");
        assert_eq!(outcome(3), Some(Outcome::Partial), "one more was submitted than the provider counts");
    }

    #[test]
    fn failed_rows_alone_are_retryable() {
        let mut reconciler = Reconciler::new(&SubmittedRows::new(["a", "b", "c", "d"]));
        reconciler.push(Row::new(RowOutcome::Succeeded).with_reference("a"));
        reconciler.push(Row::new(RowOutcome::Failed).with_reference("b"));
        reconciler.push(Row::new(RowOutcome::Unaccounted).with_reference("c"));
        let found = reconciler.finish(&Progress::default());
        assert_eq!(found.retryable_rows(["a", "b", "c", "d", "e"], |reference| reference), ["b"]);
        assert_eq!((found.failed_rows().count(), found.unaccounted_rows().count()), (1, 2));
    }

    #[test]
    fn outcome_is_not_a_success_where_the_rows_differ_from_the_counts_of_another_snapshot() {
        let progress = |total| Progress::default().with_total(total).with_succeeded(2).with_failed(0);
        let outcome = |total: u64| {
            let mut reconciler = Reconciler::without_references();
            (0..2).for_each(|_| reconciler.push(Row::new(RowOutcome::Succeeded)));
            let found = reconciler.finish(&progress(total));
            found.outcome(&Snapshot::new(State::Finished, "done", progress(2)))
        };
        assert_eq!((outcome(2), outcome(3)), (Some(Outcome::Succeeded), Some(Outcome::Partial)));
    }
}
