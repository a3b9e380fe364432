//! Writes rows to standard output one by one, as CSV or JSON Lines.

use std::borrow::Cow;
use std::io::{self, BufWriter, Stdout, Write};

use bulkrail::Row;

/// Fields of a row, as in JSON.
const FIELDS: [&str; 5] = ["index", "reference", "outcome", "account_id", "reason"];

/// Writes rows as they come; rows are not held in memory.
pub(crate) enum RowWriter {
    Csv(Box<csv::Writer<Stdout>>),
    JsonLines(BufWriter<Stdout>),
}

impl RowWriter {
    pub(crate) fn csv() -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(io::stdout());
        writer.write_record(FIELDS).map_err(io_error)?;
        Ok(Self::Csv(Box::new(writer)))
    }

    pub(crate) fn json_lines() -> Self {
        Self::JsonLines(BufWriter::new(io::stdout()))
    }

    pub(crate) fn write(&mut self, row: &Row) -> io::Result<()> {
        match self {
            Self::Csv(writer) => {
                let index = row.index.map(|index| index.to_string()).unwrap_or_default();
                let outcome = row.outcome.to_string();
                let cell = |text: &'_ Option<String>| without_formula(text.as_deref().unwrap_or_default()).into_owned();
                let cells = [index, cell(&row.reference), outcome, cell(&row.account_id), cell(&row.reason)];
                writer.write_record(cells).map_err(io_error)
            }
            Self::JsonLines(writer) => {
                serde_json::to_writer(&mut *writer, row)?;
                writer.write_all(b"\n")
            }
        }
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.flush(),
            Self::JsonLines(writer) => writer.flush(),
        }
    }
}

/// Returns `text` with an apostrophe before it where a spreadsheet would run it as a formula.
///
/// Some texts are the provider's, and may come from a form that anyone can fill in.
fn without_formula(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

/// Returns the I/O error in `error`, so that a closed standard output can be told from a full disk.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_formula_quotes_formulas_and_nothing_else() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"] {
            assert_eq!(without_formula(text), format!("'{text}"));
        }
        for text in ["", "ref-1", "a=1", "'=1", "1"] {
            assert_eq!(without_formula(text), text);
        }
    }
}
