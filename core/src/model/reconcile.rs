use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Progress, Row, RowOutcome};
use crate::drift::Drift;

/// Pairs what was submitted with what the provider says of it: by reference, never by position.
///
/// ```
/// use bulkrail::{Ledger, Progress, Row, RowOutcome};
///
/// let mut ledger = Ledger::of(["a", "b", "c"]);
/// let mut row = Row::new(RowOutcome::Succeeded);
/// row.reference = Some("b".to_owned());
/// ledger.record(row);
///
/// let account = ledger.close(&Progress::default());
/// assert_eq!(account.rows[1].outcome, RowOutcome::Succeeded);
/// assert_eq!(account.missing, ["a", "c"]);
/// ```
#[derive(Default)]
pub struct Ledger {
    /// Rows in the order of submission, or as they come where nobody knows what was submitted.
    rows: Vec<Entry>,
    by_reference: HashMap<String, usize>,
    is_open: bool,
    duplicates: Vec<String>,
    foreign: Vec<Row>,
}

struct Entry {
    reference: Option<String>,
    row: Option<Row>,
}

impl Ledger {
    /// A ledger of what was submitted under `references`.
    #[must_use]
    pub fn of(references: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut ledger = Self::default();
        for reference in references {
            let reference = reference.into();
            if ledger.by_reference.contains_key(&reference) {
                ledger.duplicates.push(reference.clone());
            } else {
                ledger.by_reference.insert(reference.clone(), ledger.rows.len());
            }
            ledger.rows.push(Entry { reference: Some(reference), row: None });
        }
        ledger
    }

    /// A ledger of a batch whose submission nobody remembers: the provider's rows are all there is.
    #[must_use]
    pub fn unknown() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Takes in what the provider says about one row.
    pub fn record(&mut self, row: Row) {
        if self.is_open {
            self.rows.push(Entry { reference: row.reference.clone(), row: Some(row) });
            return;
        }
        let place = row.reference.as_ref().and_then(|reference| self.by_reference.get(reference));
        let Some(entry) = place.map(|place| &mut self.rows[*place]) else {
            self.foreign.push(row);
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

    /// The account, held against the provider's own counts.
    #[must_use]
    pub fn close(self, progress: &Progress) -> Account {
        let mut missing = Vec::new();
        let rows: Vec<Row> = self
            .rows
            .into_iter()
            .map(|entry| {
                entry.row.unwrap_or_else(|| {
                    missing.extend(entry.reference.clone());
                    Row { reference: entry.reference, ..Row::new(RowOutcome::Unaccounted) }
                })
            })
            .collect();
        let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count() as u64;
        let counts = [
            ("total", progress.total, rows.len() as u64),
            ("succeeded", progress.succeeded, count(RowOutcome::Succeeded)),
            ("failed", progress.failed, count(RowOutcome::Failed)),
        ];
        let differs = |(what, provider, rows): (&str, Option<u64>, u64)| {
            let provider = provider.filter(|provider| *provider != rows)?;
            Some(Disagreement { what: what.to_owned(), provider, rows })
        };
        let disagreements = counts.into_iter().filter_map(differs).collect();
        let (duplicates, foreign) = (self.duplicates, self.foreign);
        Account { rows, missing, duplicates, foreign, disagreements, drift: Vec::new() }
    }
}

/// What happened to every row, and what does not add up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Account {
    /// Every submitted row, in the order of submission; where nobody knows what was submitted, every row of the provider's.
    pub rows: Vec<Row>,
    /// References that were submitted and of which the provider says nothing. Their rows are `unaccounted`.
    pub missing: Vec<String>,
    /// References that were submitted more than once, or that the provider lists more than once.
    pub duplicates: Vec<String>,
    /// Rows of the provider's that nobody submitted.
    pub foreign: Vec<Row>,
    /// Where the rows add up to something else than the provider's own counts.
    pub disagreements: Vec<Disagreement>,
    /// In what the rows differ from the spec.
    pub drift: Vec<Drift>,
}

impl Account {
    /// The account of rows that differ from the spec, telling it once for each kind to who listens to events.
    #[cfg(any(feature = "killb", feature = "reap"))]
    pub(crate) fn with_drift(self, drift: Vec<Drift>) -> Self {
        drift.iter().for_each(Drift::tell);
        Self { drift, ..self }
    }

    /// Rows that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.outcome == RowOutcome::Failed)
    }

    /// Rows that the provider does not account for. They may exist: find out before you submit them again.
    pub fn unaccounted(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.outcome == RowOutcome::Unaccounted)
    }

    /// The start of the next batch: of the items that were submitted, those that failed.
    ///
    /// `reference` tells an item's reference. Items that the provider does not account for are not among them.
    ///
    /// ```
    /// # use bulkrail::{Ledger, Progress, Row, RowOutcome};
    /// # let mut ledger = Ledger::of(["a", "b"]);
    /// # let mut row = Row::new(RowOutcome::Failed);
    /// # row.reference = Some("b".to_owned());
    /// # ledger.record(row);
    /// # let account = ledger.close(&Progress::default());
    /// let people = [("a", "Ann"), ("b", "Ben")];
    /// let again = account.retry(people, |(reference, _)| *reference);
    /// assert_eq!(again, [("b", "Ben")]);
    /// ```
    pub fn retry<T>(&self, items: impl IntoIterator<Item = T>, reference: impl Fn(&T) -> &str) -> Vec<T> {
        let failed: std::collections::HashSet<_> = self.failed().filter_map(|row| row.reference.as_deref()).collect();
        items.into_iter().filter(|item| failed.contains(reference(item))).collect()
    }
}

/// A count of the provider's that its rows do not add up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Disagreement {
    /// `total`, `succeeded` or `failed`.
    pub what: String,
    /// What the provider says.
    pub provider: u64,
    /// What the rows add up to.
    pub rows: u64,
}
