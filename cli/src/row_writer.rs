//! Rows on standard output as they come, one a line.

use std::borrow::Cow;
use std::io::{self, BufWriter, Stdout, Write};

use bulkrail::Row;

/// The fields of a row, as documents have them.
const FIELDS: [&str; 5] = ["index", "reference", "outcome", "account_id", "reason"];

/// Writes rows one by one; nothing is kept.
pub(crate) enum Sheet {
    Csv(Box<csv::Writer<Stdout>>),
    Lines(BufWriter<Stdout>),
}

impl Sheet {
    pub(crate) fn csv() -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(io::stdout());
        writer.write_record(FIELDS).map_err(of_csv)?;
        Ok(Self::Csv(Box::new(writer)))
    }

    pub(crate) fn lines() -> Self {
        Self::Lines(BufWriter::new(io::stdout()))
    }

    pub(crate) fn write(&mut self, row: &Row) -> io::Result<()> {
        match self {
            Self::Csv(writer) => {
                let index = row.index.map(|index| index.to_string()).unwrap_or_default();
                let outcome = row.outcome.to_string();
                let cell = |text: &'_ Option<String>| harmless(text.as_deref().unwrap_or_default()).into_owned();
                let cells = [index, cell(&row.reference), outcome, cell(&row.account_id), cell(&row.reason)];
                writer.write_record(cells).map_err(of_csv)
            }
            Self::Lines(writer) => {
                serde_json::to_writer(&mut *writer, row)?;
                writer.write_all(b"\n")
            }
        }
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.flush(),
            Self::Lines(writer) => writer.flush(),
        }
    }
}

/// A text that a spreadsheet would run as a formula, made one that it shows. Providers write some of these texts, and what they write
/// may come from whoever filled in a form.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

/// So that a reader that has gone away is told from a disk that is full.
fn of_csv(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_made_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        for text in ["", "ref-1", "a=1", "'=1", "1"] {
            assert_eq!(harmless(text), text);
        }
    }
}
