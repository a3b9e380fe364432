use std::collections::hash_map::Entry as MapEntry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;

use super::normal_form::normal_form;
use super::outcome::{Row, RowOutcome};
use super::progress::Progress;
use super::reconciliation::{Reconciliation, ReferenceMismatch};
use super::row_counts::RowCounts;
use super::submitted_rows::SubmittedRows;
use crate::text::is_blank;

/// Pairs submitted rows with the rows that the provider lists: by reference.
///
/// A listed reference pairs with the submitted one that is equal to it. Once all rows are listed, the others pair with the
/// only one that has the same [normal form](normal_form), if no listed reference is equal to it; else, where the numbers of
/// submitted rows are known, with the row of the same number, unless another listed row has its reference. A listed row
/// without a reference is paired by its number, too. References that differ are in
/// [`Reconciliation::reference_mismatches`]. Positions in the list never matter.
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
#[derive(Default)]
pub struct Reconciler {
    /// Rows in the order of submission, or as they come where the submitted rows are not known.
    rows: Vec<Entry>,
    by_reference: ReferenceIndex,
    /// Numbers of the submitted rows, which are the first of `rows`.
    numbers: Vec<u64>,
    /// Made when the first listed row has none of the submitted references.
    loose: Option<LooseIndex>,
    /// Listed rows that pair with no equal reference, but may in another way once all rows are listed.
    unequal: Vec<Row>,
    /// Number of submitted rows that have a reference.
    named: usize,
    /// Rows that are not in the submission are taken as they come, but for those that are listed again.
    is_open: bool,
    open: ListedAgain,
    submitted: u64,
    listed: u64,
    duplicates: Vec<String>,
    unexpected: Vec<Row>,
    reference_mismatches: Vec<ReferenceMismatch>,
}

struct Entry {
    reference: Option<String>,
    row: Option<Row>,
    paired_by: Pairing,
    /// Row in the place of one that is not listed, with the reason.
    missing: Option<Box<Row>>,
}

/// What a listed row was paired by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pairing {
    Reference,
    NormalForm,
    Number,
}

impl Entry {
    fn new(reference: Option<String>, row: Option<Row>) -> Self {
        Self { reference, row, paired_by: Pairing::Reference, missing: None }
    }
}

impl Row {
    /// Notes that the provider lists the row again, as `other`.
    fn contradict(&mut self, other: &Self) {
        let is_one = |(one, other)| one == other;
        let difference = match self.account_id.as_ref().zip(other.account_id.as_ref()).is_none_or(is_one) {
            _ if self.outcome != other.outcome => "outcomes",
            true => return,
            false => "accounts",
        };
        self.outcome = RowOutcome::Unaccounted;
        self.reason = Some(format!("the provider lists it more than once, with different {difference}"));
    }
}

/// Finds out which rows are listed again, without the rows themselves: a batch may have millions.
#[derive(Default)]
struct ListedAgain {
    hash: RandomState,
    seen: HashSet<u64>,
}

impl ListedAgain {
    /// Returns whether `value` was here before.
    fn push(&mut self, value: impl Hash) -> bool {
        !self.seen.insert(self.hash.hash_one(value))
    }
}

/// Positions of rows by their reference, which is kept in the rows alone.
#[derive(Default)]
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

impl fmt::Debug for Reconciler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Reconciler");
        debug.field("submitted", &self.submitted).field("listed", &self.listed).finish_non_exhaustive()
    }
}

fn by_number_order(row: &Row) -> impl Ord {
    (row.reference.as_deref().filter(|reference| !is_blank(reference)), row.outcome as u8)
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
            reconciler.rows.push(Entry::new(Some(reference.clone()), None));
        }
        reconciler
    }

    /// Returns a reconciler for a batch whose submitted rows are not known: every listed row is taken as it comes.
    ///
    /// A row that is listed again with the same reference, number, outcome and account counts once.
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
        let equal = row.reference.as_ref().and_then(|reference| self.by_reference.get(reference, &self.rows));
        if equal.is_none() && (self.by_normal_form(&row).is_some() || self.by_number(&row).is_some()) {
            // Another row that is listed later may have the reference of the submitted one.
            self.unequal.push(row);
        } else {
            self.add(row, equal);
        }
    }

    fn add(&mut self, row: Row, position: Option<usize>) {
        let Some(entry) = position.map(|position| &mut self.rows[position]) else {
            if self.is_open {
                self.add_open(row);
            } else {
                self.unexpected.push(row);
            }
            return;
        };
        let Some(known) = &mut entry.row else {
            entry.row = Some(row);
            return;
        };
        known.contradict(&row);
        self.duplicates.extend(row.reference);
    }

    /// Adds a row that is not compared with a submitted one, unless the very same row is there.
    fn add_open(&mut self, row: Row) {
        if let Some(reference) = row.reference.as_ref().filter(|reference| !is_blank(reference)) {
            let is_same = self.open.push((reference, row.index, row.outcome, &row.account_id));
            if self.open.push(reference) {
                self.duplicates.push(reference.clone());
            }
            if is_same {
                return;
            }
        }
        self.rows.push(Entry::new(row.reference.clone(), Some(row)));
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

    fn by_normal_form(&mut self, row: &Row) -> Option<usize> {
        let listed = row.reference.as_ref().filter(|listed| !is_blank(listed))?;
        self.loose_index().by_normal_form.get(&*normal_form(listed)).copied().flatten()
    }

    fn by_number(&mut self, row: &Row) -> Option<usize> {
        self.loose_index().by_number.get(&row.index?).copied()
    }

    fn loose_index(&mut self) -> &LooseIndex {
        self.loose.get_or_insert_with(|| LooseIndex::new(&self.rows[..self.named], &self.by_reference, &self.numbers))
    }

    /// Pairs a row with the submitted one at `position`, gives it the submitted reference and notes both. Returns whether it
    /// is paired: the submitted one may be paired already.
    fn pair(&mut self, row: &mut Row, position: usize, paired_by: Pairing) -> bool {
        let entry = &mut self.rows[position];
        let is_again = paired_by == Pairing::NormalForm && entry.paired_by == Pairing::NormalForm;
        let Some(submitted) = entry.reference.clone().filter(|_| entry.row.is_none() || is_again) else { return false };
        entry.paired_by = paired_by;
        let listed = row.reference.replace(submitted.clone()).filter(|listed| !is_blank(listed));
        if let Some(listed) = listed {
            self.reference_mismatches.push(ReferenceMismatch { submitted, listed });
        }
        true
    }

    /// Pairs the rows whose reference is not equal to a submitted one.
    fn pair_unequal(&mut self) {
        let mut left = Vec::new();
        for mut row in std::mem::take(&mut self.unequal) {
            match self.by_normal_form(&row) {
                Some(position) if self.pair(&mut row, position, Pairing::NormalForm) => self.add(row, Some(position)),
                _ => left.push(row),
            }
        }
        // Of several rows of one number the order decides, which must not be that of the list. Rows without a reference
        // come first: they say nothing else than the number.
        left.sort_by(|one, other| by_number_order(one).cmp(&by_number_order(other)));
        for mut row in left {
            let numbered = self.by_number(&row);
            let position = numbered.filter(|position| self.pair(&mut row, *position, Pairing::Number));
            if let (Some(numbered), None) = (numbered, position) {
                // A second row of the same number may be another one: it is kept as it is.
                let entry = &mut self.rows[numbered];
                let known = entry.row.as_mut().filter(|_| entry.paired_by == Pairing::Number);
                known.into_iter().for_each(|known| known.contradict(&row));
            }
            self.add(row, position);
        }
    }

    /// Returns the reconciliation, compared with the provider's own counts in `progress`.
    ///
    /// Submitted rows that the provider does not list are `unaccounted`: with their reference where it is known,
    /// else as rows without one.
    #[must_use]
    pub fn finish(mut self, progress: &Progress) -> Reconciliation {
        self.pair_unequal();
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

#[cfg(test)]
mod tests {
    use std::fmt;

    use proptest::prelude::*;

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

    /// Returns all that does not depend on the order of the list.
    fn facts(
        submitted: &SubmittedRows,
        listed: &[(Option<&str>, Option<u64>, RowOutcome)],
    ) -> impl PartialEq + fmt::Debug {
        let mut reconciler = Reconciler::new(submitted);
        for (reference, number, outcome) in listed {
            reconciler.push(row(*reference, *outcome).with_index(*number));
        }
        let Reconciliation { rows, mut duplicates, unexpected, missing, mut reference_mismatches, .. } =
            reconciler.finish(&Progress::default());
        duplicates.sort_unstable();
        reference_mismatches
            .sort_unstable_by(|one, other| (&one.submitted, &one.listed).cmp(&(&other.submitted, &other.listed)));
        let mut rows: Vec<_> = rows.into_iter().map(|row| (row.reference, row.outcome as u8)).collect();
        // Rows that were submitted without a reference are taken as they are listed.
        rows[submitted.references.len()..].sort_unstable();
        let unexpected = unexpected.into_iter().map(|row| (row.reference, row.index, row.outcome as u8));
        let mut unexpected: Vec<_> = unexpected.collect();
        unexpected.sort_unstable();
        (rows, duplicates, unexpected, missing, reference_mismatches)
    }

    proptest! {
        #[test]
        fn order_of_the_list_does_not_matter(
            (listed, shuffled) in prop::collection::vec(
                (
                    prop::sample::select(&[None, Some("a"), Some("a "), Some(" A"), Some("b"), Some("1.0"), Some("1")][..]),
                    prop::option::of(1..4u64),
                    prop::sample::select(&[RowOutcome::Succeeded, RowOutcome::Failed][..]),
                ),
                0..6,
            )
            .prop_flat_map(|listed| (Just(listed.clone()), Just(listed).prop_shuffle())),
            rows in 3..6u64,
            is_numbered in any::<bool>(),
        ) {
            let submitted = SubmittedRows::new(["a ", "b", "1"]).with_rows(rows);
            let submitted = if is_numbered { submitted.with_numbers(vec![1, 2, 3]) } else { submitted };
            prop_assert_eq!(facts(&submitted, &listed), facts(&submitted, &shuffled));
        }
    }

    #[test]
    fn row_that_is_listed_again_counts_once_although_the_submitted_rows_are_not_known() {
        use RowOutcome::{Failed, Succeeded};
        let mut reconciler = Reconciler::without_references();
        let listed = [
            (Some("a"), Some(2), Succeeded),
            (Some("a"), Some(2), Succeeded),
            (Some("b"), Some(3), Succeeded),
            (Some("b"), Some(3), Failed),
            (Some("c"), Some(4), Failed),
            (Some("c"), Some(5), Failed),
            (None, Some(6), Failed),
            (None, Some(6), Failed),
            (Some(" "), None, Succeeded),
            (Some(" "), None, Succeeded),
        ];
        for (reference, number, outcome) in listed {
            reconciler.push(row(reference, outcome).with_index(number));
        }
        let progress = Progress::default().with_total(9).with_succeeded(4).with_failed(5);
        let found = reconciler.finish(&progress);
        assert_eq!((found.rows.len(), found.listed, found.count_mismatches.len()), (9, 10, 0), "{found:?}");
        assert_eq!(found.duplicates, ["a", "b", "c"]);
    }

    #[test]
    fn row_without_a_reference_wins_over_another_reference_of_the_same_number_wherever_it_is_listed() {
        use RowOutcome::{Failed, Succeeded, Unaccounted};
        let submitted = SubmittedRows::new(["a", "b"]).with_numbers(vec![2, 3]);
        for (unnamed, named, expected) in [(Failed, Failed, Failed), (Failed, Succeeded, Unaccounted)] {
            let listed = [(None, unnamed), (Some("x"), named)];
            for order in [[0, 1], [1, 0]] {
                let mut reconciler = Reconciler::new(&submitted);
                for (reference, outcome) in order.map(|index| listed[index]) {
                    reconciler.push(row(reference, outcome).with_index(3));
                }
                let found = reconciler.finish(&Progress::default());
                assert_eq!((found.rows[1].outcome, found.missing.len()), (expected, 1));
                assert_eq!(found.unexpected[0].reference.as_deref(), Some("x"), "{order:?}");
                assert!(found.reference_mismatches.is_empty(), "{found:?}");
            }
        }
    }

    #[test]
    fn equal_reference_wins_over_the_same_normal_form_wherever_it_is_listed() {
        use RowOutcome::{Failed, Succeeded, Unaccounted};
        for listed in [[("a", Failed), ("a ", Succeeded)], [("a ", Succeeded), ("a", Failed)]] {
            let mut reconciler = Reconciler::new(&SubmittedRows::new(["a "]));
            listed.into_iter().for_each(|(reference, outcome)| reconciler.push(row(Some(reference), outcome)));
            let found = reconciler.finish(&Progress::default());
            assert_eq!((found.rows[0].outcome, found.unexpected[0].outcome), (Succeeded, Failed));
            assert!(found.duplicates.is_empty() && found.reference_mismatches.is_empty(), "{found:?}");
        }
        // Two of the same normal form are the same row twice, two of one number may be different ones.
        let numbered = SubmittedRows::new(["a ", "b"]).with_numbers(vec![2, 3]);
        for (second, duplicates, unexpected) in
            [(row(Some("a"), Failed), 1, 0), (row(Some("x"), Failed).with_index(2), 0, 1)]
        {
            let mut reconciler = Reconciler::new(&numbered);
            reconciler.push(Row { outcome: Succeeded, ..second.clone() });
            reconciler.push(second);
            let found = reconciler.finish(&Progress::default());
            assert_eq!((found.rows[0].outcome, found.missing.len()), (Unaccounted, 1));
            assert_eq!((found.duplicates.len(), found.unexpected.len()), (duplicates, unexpected), "{found:?}");
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
    fn row_that_is_listed_twice_with_two_accounts_is_unaccounted() {
        let listed = |account: Option<&str>| {
            let mut row = row(Some("a"), RowOutcome::Succeeded);
            row.account_id = account.map(str::to_owned);
            row
        };
        let table = [
            (Some("x"), Some("x"), true),
            (Some("x"), None, true),
            (None, Some("x"), true),
            (Some("x"), Some("y"), false),
        ];
        for (first, second, is_one) in table {
            let mut reconciler = Reconciler::new(&SubmittedRows::new(["a"]));
            [first, second].into_iter().for_each(|account| reconciler.push(listed(account)));
            let found = reconciler.finish(&Progress::default());
            let expected = if is_one { RowOutcome::Succeeded } else { RowOutcome::Unaccounted };
            assert_eq!((found.rows[0].outcome, found.duplicates.len()), (expected, 1), "{first:?} {second:?}");
            let reason = found.rows[0].reason.as_deref();
            assert_eq!(reason.is_some_and(|reason| reason.ends_with("with different accounts")), !is_one);
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
}
