use std::borrow::Cow;
use std::fmt;

use super::usage;
use crate::error::Error;

/// Fault of a CSV file: a rule of its [`CsvFormat`](super::CsvFormat) that it breaks. It never holds a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CsvFault {
    /// Number of the row, with the header as row 1; `None` for the file as a whole.
    pub row: Option<u64>,
    /// Name of the column, where it is a known one.
    pub column: Option<&'static str>,
    /// Number of a column, from 1, where its name is not known.
    pub column_number: Option<u64>,
    /// Stable identifier of the rule, such as `empty`.
    pub rule: &'static str,
    /// End of a sentence such as "is empty"; a whole sentence for the file as a whole.
    pub reason: Cow<'static, str>,
}

impl CsvFault {
    pub(super) fn of_file(rule: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { row: None, column: None, column_number: None, rule, reason: reason.into() }
    }

    pub(super) fn of_row(row: u64, rule: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { row: Some(row), ..Self::of_file(rule, reason) }
    }

    pub(super) fn with_column(self, column: &'static str) -> Self {
        Self { column: Some(column).filter(|name| !name.is_empty()), ..self }
    }

    pub(super) fn with_column_number(self, number: u64) -> Self {
        Self { column_number: Some(number), ..self }
    }

    pub(super) fn into_error(self) -> Error {
        usage(self.to_string())
    }
}

impl fmt::Display for CsvFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, .. } = self;
        match (self.row, self.column, self.column_number) {
            (Some(row), Some(column), _) => write!(f, "row {row}, column {column}: {reason}"),
            (Some(row), None, Some(column)) => write!(f, "row {row}, column {column}: {reason}"),
            (Some(row), None, None) => write!(f, "row {row}: {reason}"),
            (None, ..) => f.write_str(reason),
        }
    }
}
