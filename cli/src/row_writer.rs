//! Writes rows to standard output one by one, as CSV or JSON Lines.

use std::io::{self, BufWriter, Stdout, Write};

use bulkrail::Row;
use bulkrail::csv::spreadsheet_safe;

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
                let cell =
                    |text: &'_ Option<String>| spreadsheet_safe(text.as_deref().unwrap_or_default()).into_owned();
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

/// Returns the I/O error in `error`, so that a closed standard output is not taken for a full disk.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
