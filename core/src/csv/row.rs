use super::records::CsvRecord;
use super::usage;
use crate::error::Error;

/// One row of a checked CSV file.
#[derive(Debug)]
pub struct CsvRow<'r> {
    pub(super) number: u64,
    pub(super) columns: &'r [&'static str],
    pub(super) record: CsvRecord<'r>,
}

impl CsvRow<'_> {
    /// Returns the number of the row; the header is row 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the cell in `column`, empty where the file does not have the column.
    #[must_use]
    pub fn cell(&self, column: &str) -> &str {
        let position = self.columns.iter().position(|name| *name == column);
        position.and_then(|position| self.record.get(position)).unwrap_or_default()
    }

    /// Returns the known columns of the file, with the cell in each.
    pub fn cells(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.columns.iter().copied().zip(self.record.iter()).filter(|(name, _)| !name.is_empty())
    }

    /// Returns the error for a cell: `reason` is the end of a sentence such as "is empty".
    #[must_use]
    pub fn error(&self, column: &str, reason: &str) -> Error {
        usage(format!("row {}, column {column}: {reason}", self.number))
    }
}
