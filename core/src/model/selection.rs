use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use super::outcome::RowOutcome;
use super::reconciliation::Reconciliation;
use crate::text::{is_blank, trimmed};

/// Selects the rows of a submitted file that go into the next file: those that failed.
///
/// A row is known by its reference; one without a reference by its number. The reconciliation is of the same submitted
/// rows, so that its references are those of the file.
///
/// ```
/// use bulkrail_core::{Progress, Reconciler, Row, RowOutcome, RowSelection, SubmittedRows};
///
/// let mut reconciler = Reconciler::new(&SubmittedRows::new(["a", "b", "c"]));
/// reconciler.push(Row::new(RowOutcome::Succeeded).with_reference("a"));
/// reconciler.push(Row::new(RowOutcome::Failed).with_reference("b"));
/// let reconciliation = reconciler.finish(&Progress::default());
///
/// let failed = RowSelection::new(&reconciliation);
/// assert!(!failed.contains("a", None) && failed.contains("b", None) && !failed.contains("c", None));
/// assert!(failed.with_unaccounted().contains("c", None));
/// ```
#[derive(Clone, Default)]
pub struct RowSelection {
    by_reference: HashMap<String, RowOutcome>,
    /// Rows without a reference.
    by_number: HashMap<u64, RowOutcome>,
    has_unaccounted: bool,
}

/// References may name people: they are counted.
impl fmt::Debug for RowSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowSelection")
            .field("by_reference", &self.by_reference.len())
            .field("by_number", &self.by_number.len())
            .field("has_unaccounted", &self.has_unaccounted)
            .finish()
    }
}

impl RowSelection {
    /// Returns a selection of the rows that failed.
    #[must_use]
    pub fn new(reconciliation: &Reconciliation) -> Self {
        let mut selection = Self::default();
        for row in &reconciliation.rows {
            match (row.reference.as_ref().filter(|reference| !is_blank(reference)), row.index) {
                (Some(reference), _) => insert(selection.by_reference.entry(reference.clone()), row.outcome),
                (None, Some(number)) => insert(selection.by_number.entry(number), row.outcome),
                (None, None) => {}
            }
        }
        selection
    }

    /// Returns a selection that also has the rows of which the provider does not report an outcome.
    ///
    /// They may exist at the provider: find out before you submit them again.
    #[must_use]
    pub fn with_unaccounted(self) -> Self {
        Self { has_unaccounted: true, ..self }
    }

    /// Returns the outcome of a row of the file; `None` where the row is not a part of the batch.
    ///
    /// Blanks around `reference` do not matter. A row without one is unaccounted for where the provider does not list its number, or where its number is
    /// not known.
    #[must_use]
    pub fn outcome(&self, reference: &str, number: Option<u64>) -> Option<RowOutcome> {
        if !is_blank(reference) {
            let known = |reference: &str| self.by_reference.get(reference).copied();
            return known(reference).or_else(|| known(trimmed(reference)));
        }
        let listed = number.and_then(|number| self.by_number.get(&number).copied());
        Some(listed.unwrap_or(RowOutcome::Unaccounted))
    }

    /// Returns whether a row of the file is selected.
    #[must_use]
    pub fn contains(&self, reference: &str, number: Option<u64>) -> bool {
        match self.outcome(reference, number) {
            Some(RowOutcome::Failed) => true,
            Some(RowOutcome::Unaccounted) => self.has_unaccounted,
            _ => false,
        }
    }
}

/// Two rows of one name whose outcomes differ are unaccounted for: which of them is meant is not known.
fn insert<K>(entry: Entry<'_, K, RowOutcome>, outcome: RowOutcome) {
    entry
        .and_modify(|known| {
            if *known != outcome {
                *known = RowOutcome::Unaccounted;
            }
        })
        .or_insert(outcome);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Progress, Reconciler, Row, SubmittedRows};

    #[test]
    fn selection_knows_rows_without_a_reference_by_their_number() {
        let submitted = SubmittedRows::new(["a"]).with_rows(4).with_numbers(vec![2]);
        let mut reconciler = Reconciler::new(&submitted);
        for (number, outcome) in [(3, RowOutcome::Failed), (4, RowOutcome::Failed), (4, RowOutcome::Succeeded)] {
            reconciler.push(Row::new(outcome).with_index(number));
        }
        let selection = RowSelection::new(&reconciler.finish(&Progress::default()));
        assert!(selection.contains("", Some(3)));
        assert_eq!(selection.outcome(" ", Some(4)), Some(RowOutcome::Unaccounted), "two outcomes");
        assert_eq!(selection.outcome("", Some(5)), Some(RowOutcome::Unaccounted), "not listed");
        assert_eq!(selection.outcome("", None), Some(RowOutcome::Unaccounted));
        assert_eq!(selection.outcome("b", Some(3)), None, "a row of another batch");
        assert!(!selection.contains("", Some(5)) && selection.with_unaccounted().contains("", Some(5)));
    }
}
