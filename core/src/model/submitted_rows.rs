use std::fmt;

use serde::{Deserialize, Serialize};

/// The rows of a submitted file: how many, and the reference of each row that has one, in file order.
///
/// References may name people: `Debug` counts them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl fmt::Debug for SubmittedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SubmittedRows");
        debug.field("rows", &self.rows).field("references", &self.references.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
