//! Writes rows to standard output one by one, as CSV or JSON Lines.

use std::borrow::Cow;
use std::io::{self, BufWriter, Stdout, Write};

use bulkrail::Row;
use bulkrail::csv::spreadsheet_safe;
use bulkrail::text::truncated;

use crate::output;

/// Header of the CSV: the fields of a row, as in JSON.
pub(crate) const HEADER: &str = "index,reference,outcome,account_id,reason";

/// Writes rows as they come; rows are not held in memory.
pub(crate) enum RowWriter {
    Csv(BufWriter<Stdout>),
    JsonLines(BufWriter<Stdout>),
}

impl RowWriter {
    pub(crate) fn csv() -> io::Result<Self> {
        let mut writer = BufWriter::new(io::stdout());
        writeln!(writer, "{HEADER}")?;
        Ok(Self::Csv(writer))
    }

    pub(crate) fn json_lines() -> Self {
        Self::JsonLines(BufWriter::new(io::stdout()))
    }

    pub(crate) fn write(&mut self, row: &Row) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writeln!(writer, "{}", csv_line(row)),
            Self::JsonLines(writer) => output::write_line(writer, row),
        }
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(writer) | Self::JsonLines(writer) => writer.flush(),
        }
    }
}

/// 32,000 characters of a text are written: a cell of a spreadsheet has at most 32,767. JSON has more of it.
pub(crate) const MAX_CELL_CHARS: usize = 32_000;

/// Returns a row as a line of CSV, without the line break.
pub(crate) fn csv_line(row: &Row) -> String {
    let index = row.index.map(|index| index.to_string()).unwrap_or_default();
    let cell = |text: &Option<String>| csv_cell(text.as_deref().unwrap_or_default());
    [index, cell(&row.reference), row.outcome.to_string(), cell(&row.account_id), cell(&row.reason)].join(",")
}

/// Returns a cell with a text of the provider. It is quoted unless it is plain in every locale's CSV.
fn csv_cell(text: &str) -> String {
    let text = truncated(text, MAX_CELL_CHARS);
    let safe = spreadsheet_safe(&text);
    let is_plain = |c: char| c.is_alphanumeric() || (c == ' ' || "-_./:@+#()".contains(c));
    if safe.chars().all(is_plain) && matches!(safe, Cow::Borrowed(_)) && safe.trim() == safe {
        return safe.into_owned();
    }
    format!("\"{}\"", safe.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use bulkrail::RowOutcome;

    use super::*;

    #[test]
    fn csv_line_quotes_and_disarms_every_cell_that_is_not_plain() {
        let row = Row::new(RowOutcome::Failed).with_index(2).with_reference("ref-1").with_account_id("=1+1");
        let row = row.with_reason("bad;=1, \"x\"\u{1b}[2J\r\u{202e}");
        assert_eq!(csv_line(&row), r#"2,ref-1,failed,"'=1+1","bad;'=1, ""x"" [2J \u{202e}""#);
        assert_eq!(csv_line(&Row::new(RowOutcome::Succeeded)), ",,succeeded,,");
        assert!(csv_cell(&"x".repeat(200_000)).ends_with("x… (168000 characters cut)\""));
        for (text, cell) in [("", ""), ("José Núñez 山田", "José Núñez 山田"), (" a", "\" a\""), ("a;b", "\"a;b\"")]
        {
            assert_eq!(csv_cell(text), cell);
        }
    }
}
