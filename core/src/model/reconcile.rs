use std::collections::hash_map::Entry as MapEntry;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use serde::{Deserialize, Serialize};

use super::drift::Drift;
use super::normal_form::normal_form;
use super::outcome::{Outcome, Row, RowOutcome};
use super::progress::{CountMismatch, Progress, State};
use super::row_counts::RowCounts;
use super::snapshot::Snapshot;
use crate::text::is_blank;

/// The rows of a submitted file: how many, and the reference of each row that has one, in file order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubmittedRows {
    /// Number of rows.
    pub rows: u64,
    /// References of the rows that have one.
    pub references: Vec<String>,
    /// Number of the row of each reference, as the provider counts rows; empty where it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<u64>,
}

impl SubmittedRows {
    /// Returns submitted rows that all have a reference.
    #[must_use]
    pub fn new(references: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let references: Vec<_> = references.into_iter().map(Into::into).collect();
        Self { rows: references.len() as u64, references, numbers: Vec::new() }
    }

    /// Returns the same references in a file of `rows` rows, some of which have none.
    #[must_use]
    pub fn with_rows(self, rows: u64) -> Self {
        Self { rows: rows.max(self.references.len() as u64), ..self }
    }

    /// Returns the same rows with the number of the row of each reference, as the provider counts rows.
    #[must_use]
    pub fn with_numbers(self, numbers: Vec<u64>) -> Self {
        Self { numbers, ..self }
    }

    /// Returns whether every row has a reference, and there is at least one row.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.rows > 0 && self.references.len() as u64 == self.rows
    }
}

/// Pairs submitted rows with the rows that the provider lists: by reference.
///
/// A listed reference pairs with the submitted one that is equal to it; else with the only one that has the same
/// [normal form](normal_form); else, where the numbers of submitted rows are known, with the row of the same number,
/// unless another listed row has its reference. A listed row without a reference is paired by its number, too. References
/// that differ are in [`Reconciliation::reference_mismatches`]. Positions in the list never matter.
///
/// ```
/// use bulkrail_core::{Progress, Reconciler, Row, RowOutcome, SubmittedRows};
///
/// let mut reconciler = Reconciler::new(&SubmittedRows::new(["a", "b", "c"]));
/// reconciler.push(Row::new(RowOutcome::Succeeded).with_reference("b"));
///
/// let reconciliation = reconciler.finish(&Progress::default());
/// assert_eq!(reconciliation.rows[1].outcome, RowOutcome::Succeeded);
/// assert_eq!(reconciliation.missing, ["a", "c"]);
/// ```
#[derive(Debug, Default)]
pub struct Reconciler {
    /// Rows in the order of submission, or as they come where the submitted rows are not known.
    rows: Vec<Entry>,
    by_reference: ReferenceIndex,
    /// Numbers of the submitted rows, which are the first of `rows`.
    numbers: Vec<u64>,
    /// Made when the first listed row has none of the submitted references.
    loose: Option<LooseIndex>,
    /// Listed rows that can be paired by their number alone, once all rows are listed.
    only_by_number: Vec<Row>,
    /// Number of submitted rows that have a reference.
    named: usize,
    /// Rows that are not in the submission are taken as they come.
    is_open: bool,
    submitted: u64,
    listed: u64,
    duplicates: Vec<String>,
    unexpected: Vec<Row>,
    reference_mismatches: Vec<ReferenceMismatch>,
}

#[derive(Debug)]
struct Entry {
    reference: Option<String>,
    row: Option<Row>,
    /// Row in the place of one that is not listed, with the reason.
    missing: Option<Box<Row>>,
}

/// Positions of rows by their reference, which is kept in the rows alone.
#[derive(Debug, Default)]
struct ReferenceIndex {
    hash: RandomState,
    by_hash: HashMap<u64, usize, RandomState>,
    /// Rows whose reference has the hash of another one.
    others: Vec<usize>,
}

impl ReferenceIndex {
    fn with_capacity(rows: usize) -> Self {
        let hash = RandomState::default();
        Self { by_hash: HashMap::with_capacity_and_hasher(rows, hash.clone()), hash, others: Vec::new() }
    }

    /// Adds the row that will follow `rows`, unless its reference is there already. Returns whether it is added.
    fn insert(&mut self, reference: &str, rows: &[Entry]) -> bool {
        match self.by_hash.entry(self.hash.hash_one(reference)) {
            MapEntry::Vacant(entry) => {
                entry.insert(rows.len());
                true
            }
            MapEntry::Occupied(_) => {
                let is_new = self.get(reference, rows).is_none();
                if is_new {
                    self.others.push(rows.len());
                }
                is_new
            }
        }
    }

    fn get(&self, reference: &str, rows: &[Entry]) -> Option<usize> {
        let is_same = |position: &usize| rows[*position].reference.as_deref() == Some(reference);
        let first = self.by_hash.get(&self.hash.hash_one(reference)).copied()?;
        Some(first).filter(is_same).or_else(|| self.others.iter().copied().find(is_same))
    }
}

/// Positions of submitted rows by what else than an equal reference pairs them.
#[derive(Debug)]
struct LooseIndex {
    /// `None` where several references have the same normal form.
    by_normal_form: HashMap<String, Option<usize>>,
    by_number: HashMap<u64, usize>,
}

impl LooseIndex {
    fn new(rows: &[Entry], by_reference: &ReferenceIndex, numbers: &[u64]) -> Self {
        let mut index = Self { by_normal_form: HashMap::new(), by_number: HashMap::new() };
        for (position, row) in rows.iter().enumerate() {
            // Of rows with the same reference the first counts.
            let Some(reference) = row.reference.as_deref() else { continue };
            if by_reference.get(reference, rows) != Some(position) {
                continue;
            }
            let of_form = index.by_normal_form.entry(normal_form(reference).into_owned());
            of_form.and_modify(|position| *position = None).or_insert(Some(position));
            if let Some(number) = numbers.get(position) {
                index.by_number.insert(*number, position);
            }
        }
        index
    }
}

impl Reconciler {
    /// Returns a reconciler for `submitted` rows.
    ///
    /// Where some of them have no reference, a listed row that matches no reference counts as one of them.
    #[must_use]
    pub fn new(submitted: &SubmittedRows) -> Self {
        let named = submitted.references.len();
        let mut reconciler = Self {
            rows: Vec::with_capacity(named),
            by_reference: ReferenceIndex::with_capacity(named),
            numbers: submitted.numbers.clone(),
            named,
            is_open: !submitted.is_complete(),
            submitted: submitted.rows,
            ..Self::default()
        };
        for reference in &submitted.references {
            if !reconciler.by_reference.insert(reference, &reconciler.rows) {
                reconciler.duplicates.push(reference.clone());
            }
            reconciler.rows.push(Entry { reference: Some(reference.clone()), row: None, missing: None });
        }
        reconciler
    }

    /// Returns a reconciler for a batch whose submitted rows are not known: every listed row is taken as it comes.
    #[must_use]
    pub fn without_references() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Returns a reconciler for `submitted`, or [`without_references`](Self::without_references) for `None`.
    #[must_use]
    pub fn for_submitted(submitted: Option<&SubmittedRows>) -> Self {
        submitted.map_or_else(Self::without_references, Self::new)
    }

    /// Adds a row that the provider lists.
    pub fn push(&mut self, mut row: Row) {
        self.listed += 1;
        row.cut_texts();
        let exact = row.reference.as_ref().and_then(|reference| self.by_reference.get(reference, &self.rows));
        let position = exact.or_else(|| self.pair_by_normal_form(&mut row));
        if position.is_none() && self.position_by_number(&row).is_some() {
            // Another row that is listed later may have the reference of the submitted row with this number.
            self.only_by_number.push(row);
        } else {
            self.add(row, position);
        }
    }

    fn add(&mut self, row: Row, position: Option<usize>) {
        let Some(entry) = position.map(|position| &mut self.rows[position]) else {
            if self.is_open {
                self.rows.push(Entry { reference: row.reference.clone(), row: Some(row), missing: None });
            } else {
                self.unexpected.push(row);
            }
            return;
        };
        let Some(known) = &mut entry.row else {
            entry.row = Some(row);
            return;
        };
        self.duplicates.extend(row.reference);
        if known.outcome != row.outcome {
            known.outcome = RowOutcome::Unaccounted;
            known.reason = Some("the provider lists it more than once, with different outcomes".to_owned());
        }
    }

    /// Adds the reason why the provider does not report the outcome of a submitted row, which stays missing.
    ///
    /// `row` has the reference as it was submitted. Its outcome becomes [`RowOutcome::Unaccounted`]. The row does not count
    /// as listed, and a listed one overrules it.
    pub fn push_missing(&mut self, row: Row) {
        let position = row.reference.as_ref().and_then(|reference| self.by_reference.get(reference, &self.rows));
        if let Some(position) = position {
            self.rows[position].missing = Some(Box::new(Row { outcome: RowOutcome::Unaccounted, ..row }));
        }
    }

    /// Pairs a row by its reference in its normal form.
    fn pair_by_normal_form(&mut self, row: &mut Row) -> Option<usize> {
        let listed = row.reference.as_ref().filter(|listed| !is_blank(listed))?;
        let position = self.loose_index().by_normal_form.get(&*normal_form(listed)).copied().flatten()?;
        self.pair_loosely(row, position)
    }

    fn position_by_number(&mut self, row: &Row) -> Option<usize> {
        self.loose_index().by_number.get(&row.index?).copied()
    }

    fn loose_index(&mut self) -> &LooseIndex {
        self.loose.get_or_insert_with(|| LooseIndex::new(&self.rows[..self.named], &self.by_reference, &self.numbers))
    }

    /// Pairs a row whose reference is not equal to the submitted one, gives it the submitted one and notes both.
    fn pair_loosely(&mut self, row: &mut Row, position: usize) -> Option<usize> {
        let entry = self.rows.get(position).filter(|entry| entry.row.is_none())?;
        let submitted = entry.reference.clone()?;
        let listed = row.reference.replace(submitted.clone()).filter(|listed| !is_blank(listed));
        if let Some(listed) = listed {
            self.reference_mismatches.push(ReferenceMismatch { submitted, listed });
        }
        Some(position)
    }

    /// Returns the reconciliation, compared with the provider's own counts in `progress`.
    ///
    /// Submitted rows that the provider does not list are `unaccounted`: with their reference where it is known,
    /// else as rows without one.
    #[must_use]
    pub fn finish(mut self, progress: &Progress) -> Reconciliation {
        for mut row in std::mem::take(&mut self.only_by_number) {
            let position = self.position_by_number(&row).and_then(|position| self.pair_loosely(&mut row, position));
            self.add(row, position);
        }
        let mut missing = Vec::new();
        let mut rows: Vec<Row> = std::mem::take(&mut self.rows)
            .into_iter()
            .map(|entry| {
                entry.row.unwrap_or_else(|| {
                    missing.extend(entry.reference.clone());
                    let unexplained = || Row { reference: entry.reference, ..Row::new(RowOutcome::Unaccounted) };
                    entry.missing.map_or_else(unexplained, |row| *row)
                })
            })
            .collect();
        let unnamed = self.submitted.saturating_sub(rows.len() as u64);
        rows.extend((0..unnamed).map(|_| Row::new(RowOutcome::Unaccounted)));
        let count_mismatches = RowCounts::new(&rows).count_mismatches(progress);
        let Self { duplicates, unexpected, reference_mismatches, listed, .. } = self;
        Reconciliation {
            rows,
            listed,
            missing,
            duplicates,
            unexpected,
            count_mismatches,
            reference_mismatches,
            drift: Vec::new(),
        }
    }
}

/// The outcome of every row of a batch, and where the provider's statements disagree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
            // The mismatches may be of a later snapshot than `snapshot`.
            Some(Outcome::Succeeded) if !self.rows.is_empty() && !self.count_mismatches.is_empty() => {
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

/// Reference that the provider lists in a form other than the submitted one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReferenceMismatch {
    /// Reference that was submitted.
    pub submitted: String,
    /// Reference that the provider lists.
    pub listed: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(reference: Option<&str>, outcome: RowOutcome) -> Row {
        Row { reference: reference.map(str::to_owned), ..Row::new(outcome) }
    }

    #[test]
    fn reconciler_counts_submitted_rows_without_a_reference() {
        let submitted = SubmittedRows::new(["a", "b"]).with_rows(4);
        let mut reconciler = Reconciler::new(&submitted);
        reconciler.push(row(Some("a"), RowOutcome::Succeeded));
        reconciler.push(row(None, RowOutcome::Succeeded));
        let found = reconciler.finish(&Progress::default());
        let references: Vec<_> = found.rows.iter().map(|row| row.reference.as_deref()).collect();
        assert_eq!(references, [Some("a"), Some("b"), None, None]);
        assert_eq!(found.unaccounted_rows().count(), 2);
        assert_eq!(found.missing, ["b"]);
    }

    #[test]
    fn reconciler_cuts_texts_that_were_assigned() {
        let mut long = Row::new(RowOutcome::Failed).with_reference("a");
        long.reason = Some("x".repeat(5_000_000));
        let mut reconciler = Reconciler::without_references();
        reconciler.push(long);
        let reason = reconciler.finish(&Progress::default()).rows.remove(0).reason.unwrap();
        assert!(reason.len() < 2 * crate::text::MAX_TEXT_CHARS, "{}", reason.len());
    }

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
    fn reconciler_pairs_references_by_normal_form_and_shows_both() {
        let submitted = SubmittedRows::new([" a ", "1230000000000000.0", "b", "B"]);
        let mut reconciler = Reconciler::new(&submitted);
        for listed in ["a", "1230000000000000", "B", "b"] {
            reconciler.push(row(Some(listed), RowOutcome::Succeeded));
        }
        let found = reconciler.finish(&Progress::default());
        assert_eq!((found.missing.len(), found.unexpected.len()), (0, 0));
        let references: Vec<_> = found.rows.iter().filter_map(|row| row.reference.as_deref()).collect();
        assert_eq!(references, [" a ", "1230000000000000.0", "b", "B"]);
        let mismatches: Vec<_> =
            found.reference_mismatches.iter().map(|found| (&*found.submitted, &*found.listed)).collect();
        assert_eq!(mismatches, [(" a ", "a"), ("1230000000000000.0", "1230000000000000")]);
    }

    #[test]
    fn reconciler_pairs_rows_without_a_reference_by_row_number() {
        let submitted = SubmittedRows::new(["a", "b", "c"]).with_numbers(vec![2, 3, 4]);
        let mut reconciler = Reconciler::new(&submitted);
        reconciler.push(row(None, RowOutcome::Failed).with_index(3));
        reconciler.push(row(Some(" "), RowOutcome::Succeeded).with_index(2));
        reconciler.push(row(None, RowOutcome::Succeeded).with_index(9));
        reconciler.push(row(None, RowOutcome::Succeeded));
        let found = reconciler.finish(&Progress::default());
        let rows: Vec<_> = found.rows.iter().map(|row| (row.reference.as_deref(), row.outcome)).collect();
        let expected =
            [(Some("a"), RowOutcome::Succeeded), (Some("b"), RowOutcome::Failed), (Some("c"), RowOutcome::Unaccounted)];
        assert_eq!(rows, expected);
        assert_eq!((found.unexpected.len(), found.reference_mismatches.len()), (2, 0));
    }

    #[test]
    fn outcome_is_not_a_success_where_the_counts_contradict_each_other_although_the_rows_agree() {
        let progress = Progress::default().with_total(2).with_processed(1).with_succeeded(2).with_failed(0);
        let snapshot = Snapshot::new(State::Finished, "COMPLETED", progress);
        let rows = [row(Some("a"), RowOutcome::Succeeded), row(Some("b"), RowOutcome::Succeeded)];
        let counted = snapshot.clone().with_row_counts(&RowCounts::new(&rows));
        assert_eq!((counted.outcome, counted.count_mismatches.len()), (Some(Outcome::Partial), 1));
        let mut reconciler = Reconciler::without_references();
        rows.into_iter().for_each(|row| reconciler.push(row));
        assert_eq!(snapshot.reconciled(&reconciler.finish(&progress)), counted);
    }

    #[test]
    fn reconciler_pairs_by_row_number_only_where_no_listed_row_has_the_reference() {
        // The file has lost its first row since it was submitted.
        let submitted = SubmittedRows::new(["b", "c"]).with_numbers(vec![2, 3]);
        let listed = [("a", 2), ("b", 3), ("c", 4)];
        let permuted = [[0, 1, 2], [2, 1, 0], [1, 0, 2]];
        for order in permuted {
            let mut reconciler = Reconciler::new(&submitted);
            for (reference, number) in order.map(|index| listed[index]) {
                let outcome = if reference == "a" { RowOutcome::Failed } else { RowOutcome::Succeeded };
                reconciler.push(row(Some(reference), outcome).with_index(Some(number)));
            }
            let found = reconciler.finish(&Progress::default());
            assert!(found.rows.iter().all(|row| row.outcome == RowOutcome::Succeeded), "{found:?}");
            assert_eq!(found.unexpected.len(), 1, "the row that the file does not have");
            assert!(found.duplicates.is_empty() && found.reference_mismatches.is_empty(), "{found:?}");
        }
    }

    #[test]
    fn reconciler_pairs_ambiguous_normal_forms_by_row_number_only() {
        let submitted = SubmittedRows::new(["a ", " a", "c"]).with_numbers(vec![2, 3, 4]);
        let listed = |number: Option<u64>| row(Some("a"), RowOutcome::Failed).with_index(number);
        let mut reconciler = Reconciler::new(&submitted);
        reconciler.push(listed(None));
        reconciler.push(listed(Some(3)));
        reconciler.push(listed(Some(3)));
        let found = reconciler.finish(&Progress::default());
        let outcomes: Vec<_> = found.rows.iter().map(|row| row.outcome).collect();
        assert_eq!(outcomes, [RowOutcome::Unaccounted, RowOutcome::Failed, RowOutcome::Unaccounted]);
        assert_eq!(found.unexpected.len(), 2, "without a number, and a second one of the same number");
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
    fn submitted_rows_have_as_many_rows_as_references_at_least() {
        let rows = |rows| SubmittedRows::new(["a", "b"]).with_rows(rows);
        assert_eq!([0, 1, 2, 3].map(|count| rows(count).rows), [2, 2, 2, 3]);
        assert_eq!([1, 2, 3].map(|count| rows(count).is_complete()), [true, true, false]);
        assert!(!SubmittedRows::default().is_complete() && !SubmittedRows::default().with_rows(3).is_complete());
        assert!(SubmittedRows::new(["a"]).is_complete());
        let mut fewer = rows(2);
        fewer.rows = 1;
        assert!(!fewer.is_complete(), "statements that contradict each other");
    }

    /// Returns number of rows, listed, unaccounted, unexpected and missing rows of a batch of `rows` rows with the
    /// references "0", "1" ..., of which rows with other references or none are listed, too.
    fn numbers(rows: u64, references: u64, listed: &[Option<&str>]) -> [u64; 5] {
        let submitted = SubmittedRows::new((0..references).map(|row| row.to_string())).with_rows(rows);
        let mut reconciler = Reconciler::new(&submitted);
        listed.iter().for_each(|reference| reconciler.push(row(*reference, RowOutcome::Succeeded)));
        let found = reconciler.finish(&Progress::default());
        let unaccounted = found.unaccounted_rows().count();
        let counts =
            [found.rows.len(), unaccounted, found.unexpected.len(), found.missing.len()].map(|count| count as u64);
        [counts[0], found.listed, counts[1], counts[2], counts[3]]
    }

    #[test]
    fn reconciler_counts_rows_at_the_edges() {
        let (zero, one, none) = (Some("0"), Some("1"), None);
        assert_eq!(numbers(0, 0, &[]), [0, 0, 0, 0, 0]);
        assert_eq!(numbers(0, 0, &[zero]), [1, 1, 0, 0, 0], "submitted rows that are not known are taken as they come");
        assert_eq!(numbers(1, 1, &[]), [1, 0, 1, 0, 1]);
        assert_eq!(numbers(1, 1, &[zero]), [1, 1, 0, 0, 0]);
        assert_eq!(numbers(1, 1, &[zero, zero]), [1, 2, 0, 0, 0]);
        assert_eq!(numbers(1, 1, &[zero, one]), [1, 2, 0, 1, 0]);
        assert_eq!(numbers(1, 1, &[none]), [1, 1, 1, 1, 1]);
        assert_eq!(numbers(2, 1, &[]), [2, 0, 2, 0, 1]);
        assert_eq!(numbers(2, 1, &[zero]), [2, 1, 1, 0, 0]);
        assert_eq!(numbers(2, 1, &[zero, none]), [2, 2, 0, 0, 0]);
        assert_eq!(numbers(2, 1, &[none, none]), [3, 2, 1, 0, 1], "one more than were submitted");
        assert_eq!(numbers(3, 0, &[none]), [3, 1, 2, 0, 0]);
    }

    #[test]
    fn reconciler_reports_a_row_that_is_listed_twice_and_believes_neither_of_two_outcomes() {
        use RowOutcome::{Failed, Succeeded, Unaccounted};
        let table = [
            (Succeeded, Succeeded, Succeeded),
            (Failed, Failed, Failed),
            (Succeeded, Failed, Unaccounted),
            (Failed, Succeeded, Unaccounted),
            (Unaccounted, Succeeded, Unaccounted),
        ];
        for (first, second, expected) in table {
            let mut reconciler = Reconciler::new(&SubmittedRows::new(["a", "b"]));
            reconciler.push(row(Some("a"), first));
            reconciler.push(row(Some("b"), Succeeded));
            reconciler.push(row(Some("a"), second));
            let found = reconciler.finish(&Progress::default());
            assert_eq!([found.rows[0].outcome, found.rows[1].outcome], [expected, Succeeded], "{first:?} {second:?}");
            assert_eq!(found.duplicates, ["a"]);
            let reason = found.rows[0].reason.as_deref();
            assert_eq!(reason.is_some_and(|reason| reason.contains("more than once")), first != second);
            assert_eq!((found.listed, found.unexpected.len(), found.missing.len()), (3, 0, 0));
        }
    }

    #[test]
    fn reason_of_a_missing_row_is_kept_unless_the_row_is_listed() {
        let because = |reference: &str| {
            let mut row = row(Some(reference), RowOutcome::Failed);
            row.reason = Some(format!("not read: {reference}"));
            row
        };
        let mut reconciler = Reconciler::new(&SubmittedRows::new(["a", "b", "c"]));
        reconciler.push_missing(because("a"));
        reconciler.push_missing(because("b"));
        reconciler.push_missing(because("other"));
        reconciler.push(row(Some("b"), RowOutcome::Succeeded));
        let found = reconciler.finish(&Progress::default());
        let rows: Vec<_> = found.rows.iter().map(|row| (row.outcome, row.reason.as_deref())).collect();
        let (succeeded, unaccounted) = (RowOutcome::Succeeded, RowOutcome::Unaccounted);
        assert_eq!(rows, [(unaccounted, Some("not read: a")), (succeeded, None), (unaccounted, None)]);
        assert_eq!((found.listed, found.missing), (1, vec!["a".to_owned(), "c".to_owned()]));
    }

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
    fn failed_rows_alone_are_retryable() {
        let mut reconciler = Reconciler::new(&SubmittedRows::new(["a", "b", "c", "d"]));
        reconciler.push(row(Some("a"), RowOutcome::Succeeded));
        reconciler.push(row(Some("b"), RowOutcome::Failed));
        reconciler.push(row(Some("c"), RowOutcome::Unaccounted));
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
