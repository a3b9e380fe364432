//! Checks CSV files before they are sent: in one pass, without holding the file in memory.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::rc::Rc;

use csv::StringRecord;

use crate::error::{Error, ErrorKind};
use crate::model::{SubmittedRows, normal_form};
use crate::text::{is_blank, is_hidden, printable};

/// Default of [`CsvFormat::with_max_rows`], 1,048,575: the rows of a spreadsheet below its header.
pub const MAX_ROWS: u64 = 1_048_575;

/// Default of [`CsvFormat::with_max_bytes`], 256 MiB: a million rows of 250 bytes.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Rules of a provider, or of this project, for a CSV file.
///
/// ```
/// use bulkrail_core::csv::CsvFormat;
///
/// const FORMAT: CsvFormat = CsvFormat::new(&["id", "name"]).with_optional(&["note"]).with_reference("id");
/// let csv = "id,name\na,Ann\nb,Ben\n";
/// let rows = FORMAT.check(&mut csv.as_bytes(), csv.len() as u64)?;
/// assert_eq!(rows.references, ["a", "b"]);
///
/// let csv = "id,name\na,\n";
/// let error = FORMAT.check(&mut csv.as_bytes(), csv.len() as u64).unwrap_err();
/// assert_eq!(error.to_string(), "row 2, column name: is empty");
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CsvFormat {
    required: &'static [&'static str],
    optional: &'static [&'static str],
    reference: Option<&'static str>,
    check_reference: fn(&str) -> Result<(), &'static str>,
    max_rows: u64,
    max_bytes: u64,
    is_converted: bool,
}

impl CsvFormat {
    /// Returns a format whose columns are `required`, with a value in every row.
    #[must_use]
    pub const fn new(required: &'static [&'static str]) -> Self {
        Self {
            required,
            optional: &[],
            reference: None,
            check_reference: |_| Ok(()),
            max_rows: MAX_ROWS,
            max_bytes: MAX_BYTES,
            is_converted: false,
        }
    }

    /// Returns the same format with columns that may be there.
    #[must_use]
    pub const fn with_optional(self, optional: &'static [&'static str]) -> Self {
        Self { optional, ..self }
    }

    /// Returns the same format with the column whose values must differ, by which rows are distinguished.
    #[must_use]
    pub const fn with_reference(self, reference: &'static str) -> Self {
        Self { reference: Some(reference), ..self }
    }

    /// Returns the column whose values must differ, if there is one.
    #[must_use]
    pub const fn reference(&self) -> Option<&'static str> {
        self.reference
    }

    /// Returns the same format with a check of each reference. The error is the end of a sentence such as "is empty".
    #[must_use]
    pub const fn with_reference_check(self, check_reference: fn(&str) -> Result<(), &'static str>) -> Self {
        Self { check_reference, ..self }
    }

    /// Returns the same format for files of at most `max_rows` rows. Default: [`MAX_ROWS`].
    #[must_use]
    pub const fn with_max_rows(self, max_rows: u64) -> Self {
        Self { max_rows, ..self }
    }

    /// Returns the same format for files of at most `max_bytes` bytes. Default: [`MAX_BYTES`].
    #[must_use]
    pub const fn with_max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// Returns the same format for files that are converted before they are sent.
    ///
    /// A byte order mark, and blanks around the names of columns, are then allowed, and blank rows are left out.
    #[must_use]
    pub const fn converted(self) -> Self {
        Self { is_converted: true, ..self }
    }

    /// Checks a file of `size` bytes, and returns its rows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`], naming row (the header is row 1) and column, never a value.
    pub fn check(&self, file: &mut dyn Read, size: u64) -> Result<SubmittedRows, Error> {
        self.read(file, size, |_| Ok(()))
    }

    /// Checks as [`CsvFormat::check`], and calls `on_row` with each row that conforms to the format.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] as for [`CsvFormat::check`], and the error of `on_row`.
    pub fn read(
        &self,
        file: &mut dyn Read,
        size: u64,
        on_row: impl FnMut(&CsvRow<'_>) -> Result<(), Error>,
    ) -> Result<SubmittedRows, Error> {
        if size > self.max_bytes {
            return Err(usage(format!("the file has {size} bytes; the limit is {}", self.max_bytes)));
        }
        // A pipe or device has no size.
        let mut file = file.take(self.max_bytes.saturating_add(1));
        let result = self.read_file(&mut file, on_row);
        if file.limit() == 0 {
            return Err(usage(format!("the file has more than {} bytes", self.max_bytes)));
        }
        result
    }

    fn read_file(
        &self,
        file: &mut dyn Read,
        on_row: impl FnMut(&CsvRow<'_>) -> Result<(), Error>,
    ) -> Result<SubmittedRows, Error> {
        let misplaced = Rc::new(Cell::new(None));
        let mut quoted = QuoteCheck { file, position: Position::default(), misplaced: Rc::clone(&misplaced) };
        let mut start = Vec::new();
        quoted.by_ref().take(3).read_to_end(&mut start).map_err(unreadable)?;
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || start.contains(&0) {
            return Err(usage("the file is not UTF-8 (it may be UTF-16); save it as UTF-8".to_owned()));
        }
        if start == b"\xef\xbb\xbf" {
            if !self.is_converted {
                // The provider would take it for a part of the first column's name.
                let reason = "the file begins with a byte order mark; save it as UTF-8 without one";
                return Err(usage(reason.to_owned()));
            }
            start.clear();
            quoted.position = Position::default();
        }
        let result = self.read_rows(start.chain(&mut quoted), on_row);
        // An open quote makes one cell of all rows after it: that is the fault then, whatever else was found.
        io::copy(&mut quoted, &mut io::sink()).map_err(unreadable)?;
        if quoted.position.state == QuoteState::Quoted {
            let reason =
                "a quotation mark is opened and not closed (inside a cell, quote the cell and double the mark)";
            return Err(usage(reason.to_owned()));
        }
        match (result, misplaced.get()) {
            (Ok(_), Some((row, column))) => {
                let reason = "has a quotation mark that belongs to no quoted cell (quote the cell and double the mark)";
                Err(usage(format!("row {row}, column {column}: {reason}")))
            }
            (result, _) => result,
        }
    }

    fn read_rows(
        &self,
        file: impl Read,
        mut on_row: impl FnMut(&CsvRow<'_>) -> Result<(), Error>,
    ) -> Result<SubmittedRows, Error> {
        // Blank rows may have any length.
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
        let columns = self.columns(reader.headers().map_err(|error| invalid(&error))?)?;
        let position = |name: &str| columns.iter().position(|column| *column == name);
        let required: Vec<_> = self.required.iter().filter_map(|name| Some((*name, position(name)?))).collect();
        let reference = self.reference.and_then(|name| Some((name, position(name)?)));
        let (mut rows, mut seen) = (SubmittedRows::default(), HashMap::new());
        let mut record = StringRecord::new();
        let mut number = 1;
        while reader.read_record(&mut record).map_err(|error| invalid(&error))? {
            number += 1;
            if record.iter().all(is_blank) {
                if self.is_converted {
                    continue;
                }
                // It would be sent, and the provider's count of rows would differ from ours.
                return Err(usage(format!("row {number}: is blank; delete it")));
            }
            rows.rows += 1;
            if rows.rows > self.max_rows {
                return Err(usage(format!("the file has more than {} rows; split it", self.max_rows)));
            }
            if record.len() != columns.len() {
                let (cells, expected) = (record.len(), columns.len());
                return Err(usage(format!("row {number}: has {cells} cells, but the header has {expected}")));
            }
            for (column, cell) in columns.iter().zip(&record) {
                check_cell(cell).map_err(|reason| usage(format!("row {number}, column {column}: {reason}")))?;
            }
            let is_empty = |position: usize| record.get(position).is_none_or(is_blank);
            if let Some((name, _)) = required.iter().find(|(_, position)| is_empty(*position)) {
                return Err(usage(format!("row {number}, column {name}: is empty")));
            }
            if let Some((name, position)) = reference
                && let Some(value) = record.get(position).filter(|value| !is_blank(value))
            {
                (self.check_reference)(value)
                    .map_err(|reason| usage(format!("row {number}, column {name}: {reason}")))?;
                // By their normal form, because a provider may return them in it.
                let normal = normal_form(value);
                let is_normal = normal == value;
                if let Some((first, was_normal)) = seen.insert(normal.into_owned(), (number, is_normal)) {
                    let apart = if is_normal && was_normal {
                        ""
                    } else {
                        " (apart from blanks around it, or from how a number is written)"
                    };
                    return Err(usage(format!("row {number}, column {name}: the same value as in row {first}{apart}")));
                }
                rows.references.push(value.to_owned());
                rows.numbers.push(number);
            }
            on_row(&CsvRow { number, columns: &columns, record: &record })?;
        }
        if rows.rows == 0 {
            return Err(usage("the file has no rows below its header".to_owned()));
        }
        Ok(rows)
    }

    /// Returns the columns of the header.
    fn columns(&self, header: &StringRecord) -> Result<Vec<&'static str>, Error> {
        let known = || self.required.iter().chain(self.optional).copied();
        let mut columns = Vec::new();
        for (number, name) in (1..).zip(header) {
            let name = if self.is_converted { name.trim() } else { name };
            // The name itself is not repeated: in a file without a header it would be personal data.
            let Some(column) = known().find(|column| *column == name) else {
                let known: Vec<_> = known().collect();
                let comma = if header.len() == 1 { "; cells are separated by commas" } else { "" };
                return Err(usage(format!(
                    "row 1, column {number}: is not one of {} (names are case-sensitive){comma}",
                    known.join(", ")
                )));
            };
            if columns.contains(&column) {
                return Err(usage(format!("row 1, column {number}: {column} is there twice")));
            }
            columns.push(column);
        }
        match self.required.iter().find(|name| !columns.contains(name)) {
            Some(missing) => Err(usage(format!("row 1: column {missing} is missing"))),
            None => Ok(columns),
        }
    }
}

/// One row of a checked CSV file.
#[derive(Debug)]
pub struct CsvRow<'r> {
    number: u64,
    columns: &'r [&'static str],
    record: &'r StringRecord,
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

    /// Returns the columns of the file, with the cell in each.
    pub fn cells(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.columns.iter().copied().zip(self.record)
    }

    /// Returns the error for a cell: `reason` is the end of a sentence such as "is empty".
    #[must_use]
    pub fn error(&self, column: &str, reason: &str) -> Error {
        usage(format!("row {}, column {column}: {reason}", self.number))
    }
}

/// Returns `text` as the content of a CSV cell that neither a spreadsheet runs as a formula nor a terminal obeys.
///
/// An apostrophe is put before a text that begins with the sign of a formula: `=`, `+`, `-`, `@`, the minus sign, or one of
/// their small and full-width forms. Blanks, invisible characters, quotation marks and control characters before the sign
/// do not matter. The same holds for what follows a separator of some locale (`;`, `|`, tab, line break). Control
/// characters, also line breaks, then become blanks, and hidden characters are shown as their code. This follows the
/// advice of OWASP on CSV injection; a writer also quotes the cell.
///
/// ```
/// use bulkrail_core::csv::spreadsheet_safe;
///
/// assert_eq!(spreadsheet_safe("=1+1"), "'=1+1");
/// assert_eq!(spreadsheet_safe("\u{a0} =1+1"), "'\u{a0} =1+1");
/// assert_eq!(spreadsheet_safe("a;=1+1"), "a;'=1+1");
/// assert_eq!(spreadsheet_safe("a=1"), "a=1");
/// ```
#[must_use]
pub fn spreadsheet_safe(text: &str) -> Cow<'_, str> {
    let is_separator = |c: char| matches!(c, ';' | '|' | '\t' | '\n' | '\r');
    let mut safe = String::new();
    for part in text.split_inclusive(is_separator) {
        let content = part.strip_suffix(is_separator).unwrap_or(part);
        if content.trim_start_matches(is_before_a_sign).starts_with(is_sign) {
            safe.push('\'');
        }
        safe.push_str(part);
    }
    // A tab or line break at the beginning itself begins a formula in some spreadsheets.
    if safe.starts_with(['\t', '\r', '\n']) {
        safe.insert(0, '\'');
    }
    match printable(&safe) {
        Cow::Borrowed(shown) if shown == text => Cow::Borrowed(text),
        Cow::Borrowed(_) => Cow::Owned(safe),
        Cow::Owned(shown) => Cow::Owned(shown),
    }
}

/// Returns whether a spreadsheet begins a formula with the character, or may take it for one that does.
fn is_sign(c: char) -> bool {
    matches!(
        c,
        '=' | '+'
            | '-'
            | '@'
            | '\u{2212}'
            | '\u{fe62}'
            | '\u{fe63}'
            | '\u{fe66}'
            | '\u{fe6b}'
            | '\u{ff0b}'
            | '\u{ff0d}'
            | '\u{ff1d}'
            | '\u{ff20}'
    )
}

/// Returns whether a spreadsheet may skip the character before a sign, or a reader does not see it.
fn is_before_a_sign(c: char) -> bool {
    c == '"' || c.is_whitespace() || c.is_control() || is_hidden(c)
}

/// Checks a cell of any column.
///
/// # Errors
///
/// The end of a sentence such as "has a line break", when the cell has a line break or another control character than a
/// tab.
pub fn check_cell(cell: &str) -> Result<(), &'static str> {
    // A quotation mark that is closed some rows later makes one cell of those rows.
    if cell.contains(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']) {
        return Err("has a line break (is a quotation mark there by mistake?)");
    }
    if cell.contains(|c: char| c.is_control() && c != '\t') {
        return Err("has a control character");
    }
    Ok(())
}

/// Follows the quotation marks of a file while it is read, and notes the first one that RFC 4180 does not allow.
struct QuoteCheck<'f> {
    file: &'f mut dyn Read,
    position: Position,
    /// Row and column of it.
    misplaced: Rc<Cell<Option<(u64, u64)>>>,
}

/// Position in a CSV file.
struct Position {
    state: QuoteState,
    row: u64,
    column: u64,
}

impl Default for Position {
    fn default() -> Self {
        Self { state: QuoteState::CellStart, row: 1, column: 1 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum QuoteState {
    CellStart,
    Unquoted,
    Quoted,
    /// Behind a quotation mark in a quoted cell: the end of the cell, or the first half of a doubled mark.
    QuotedEnd,
}

impl Read for QuoteCheck<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use QuoteState::{CellStart, Quoted, QuotedEnd, Unquoted};
        let read = self.file.read(buffer)?;
        let Position { state, row, column } = &mut self.position;
        for byte in &buffer[..read] {
            *state = match (*state, byte) {
                (CellStart | QuotedEnd, b'"') => Quoted,
                (Quoted, b'"') => QuotedEnd,
                (Quoted, _) => Quoted,
                (_, b',') => {
                    *column += 1;
                    CellStart
                }
                (_, b'\n' | b'\r') => {
                    // An empty line is not a row.
                    let is_empty = *state == CellStart && *column == 1;
                    (*row, *column) = (*row + u64::from(!is_empty), 1);
                    CellStart
                }
                (QuotedEnd, _) | (Unquoted, b'"') => {
                    if self.misplaced.get().is_none() {
                        self.misplaced.set(Some((*row, *column)));
                    }
                    Unquoted
                }
                (CellStart | Unquoted, _) => Unquoted,
            };
        }
        Ok(read)
    }
}

/// Returns the error for a file that is not CSV, without quoting it.
fn invalid(error: &csv::Error) -> Error {
    let row = error.position().map_or_else(String::new, |position| format!("row {}: ", position.record() + 1));
    usage(match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!("{row}is not UTF-8"),
        csv::ErrorKind::Io(error) => format!("the file cannot be read: {}", error.kind()),
        _ => format!("{row}is not CSV"),
    })
}

fn unreadable(error: io::Error) -> Error {
    usage(format!("the file cannot be read: {}", error.kind()))
}

fn usage(reason: String) -> Error {
    Error::new(ErrorKind::Usage, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: CsvFormat = CsvFormat::new(&["id", "name"])
        .with_optional(&["note"])
        .with_reference("id")
        .with_reference_check(|id| if id.contains('/') { Err("has a slash") } else { Ok(()) })
        .with_max_rows(3)
        .with_max_bytes(90);

    fn check(format: CsvFormat, csv: &[u8]) -> Result<Vec<String>, String> {
        let rows = format.check(&mut &*csv, csv.len() as u64);
        rows.map(|rows| rows.references).map_err(|error| error.to_string())
    }

    #[test]
    fn csv_format_names_row_and_column_of_each_fault() {
        let table: &[(&str, &str)] = &[
            ("", "row 1: column id is missing"),
            ("id,name\n", "the file has no rows below its header"),
            ("id\na\n", "row 1: column name is missing"),
            ("id,CANARY\n", "row 1, column 2: is not one of id, name, note (names are case-sensitive)"),
            (
                "id;name\na;b\n",
                "row 1, column 1: is not one of id, name, note (names are case-sensitive); cells are separated by commas",
            ),
            ("id,name,id\na,b,c\n", "row 1, column 3: id is there twice"),
            (" id,name\n", "row 1, column 1: is not one of id, name, note (names are case-sensitive)"),
            ("id,name\na,b\nb,\n", "row 3, column name: is empty"),
            ("id,name\na,b\n,\n", "row 3: is blank; delete it"),
            (
                "id,name\na,\"b\nc,d\ne,f\"\n",
                "row 2, column name: has a line break (is a quotation mark there by mistake?)",
            ),
            ("id,name\na,b\nx/y,b\n", "row 3, column id: has a slash"),
            ("id,name\na,b\na,c\n", "row 3, column id: the same value as in row 2"),
            ("id,name\na,b,c\n", "row 2: has 3 cells, but the header has 2"),
            ("id,name\na\n", "row 2: has 1 cells, but the header has 2"),
            ("id,name\na,b\n   \n", "row 3: is blank; delete it"),
            ("id,name\na,b\n\u{200b},\u{a0}\n", "row 3: is blank; delete it"),
            ("id,name\na,\u{200b}\n", "row 2, column name: is empty"),
            (
                "id,name\na,b\na ,c\n",
                "row 3, column id: the same value as in row 2 (apart from blanks around it, or from how a number is written)",
            ),
            (
                "id,name\n12.0,b\n12,c\n",
                "row 3, column id: the same value as in row 2 (apart from blanks around it, or from how a number is written)",
            ),
            ("id,name\na,b\u{0}c\n", "row 2, column name: has a control character"),
            ("id,name\na,b\u{9b}c\n", "row 2, column name: has a control character"),
            ("id,name\na,b\u{2028}c\n", "row 2, column name: has a line break (is a quotation mark there by mistake?)"),
            (
                "id,name\n\na,b\nc,d\"e\nf,g\"h\n",
                "row 3, column 2: has a quotation mark that belongs to no quoted cell (quote the cell and double the mark)",
            ),
            (
                "id,name\n\"a\"b,c\n",
                "row 2, column 1: has a quotation mark that belongs to no quoted cell (quote the cell and double the mark)",
            ),
            ("i\0d\0,\0", "the file is not UTF-8 (it may be UTF-16); save it as UTF-8"),
            (
                "id,name\na,\"b\nb,c\n",
                "a quotation mark is opened and not closed (inside a cell, quote the cell and double the mark)",
            ),
            ("id,name\na,b\nb,b\nc,b\nd,b\n", "the file has more than 3 rows; split it"),
            ("\u{feff}id,name\na,b\n", "the file begins with a byte order mark; save it as UTF-8 without one"),
        ];
        for (csv, expected) in table {
            assert_eq!(check(FORMAT, csv.as_bytes()), Err((*expected).to_owned()), "{csv:?}");
        }
        let long = format!("id,name\na,{}\n", "b".repeat(90));
        assert_eq!(check(FORMAT, long.as_bytes()), Err("the file has 101 bytes; the limit is 90".to_owned()));
        assert_eq!(check(FORMAT, b"id,name\na,\xff\n"), Err("row 2: is not UTF-8".to_owned()));
        let utf_16 = Err("the file is not UTF-8 (it may be UTF-16); save it as UTF-8".to_owned());
        assert_eq!(check(FORMAT, b"\xff\xfei\0d\0"), utf_16);
        assert_eq!(check(FORMAT, b"\"id\",\"name\"\r\n\"a\"\"b\",\"c, d\"\r\n"), Ok(vec!["a\"b".to_owned()]));
    }

    #[test]
    fn csv_format_reads_no_more_than_its_limit_of_a_file_that_never_ends() {
        let error = FORMAT.check(&mut "id,name\n".as_bytes().chain(io::repeat(b'a')), 0).unwrap_err();
        assert_eq!(error.to_string(), "the file has more than 90 bytes");
    }

    #[test]
    fn csv_format_of_converted_files_allows_a_byte_order_mark_and_blanks_around_names() {
        let csv = "\u{feff}id, name \na,b\n".as_bytes();
        assert_eq!(check(FORMAT.converted(), csv), Ok(vec!["a".to_owned()]));
        assert_eq!(check(FORMAT, b"name,note,id\nb,,a\n"), Ok(vec!["a".to_owned()]));
    }

    #[test]
    fn csv_format_of_converted_files_leaves_blank_rows_out() {
        let csv = b"id,name\na,b\n,\n , \n  \nc,d\n,\n";
        let rows = FORMAT.converted().check(&mut &csv[..], csv.len() as u64).unwrap();
        assert_eq!((rows.rows, rows.references, rows.numbers), (2, vec!["a".to_owned(), "c".to_owned()], vec![2, 6]));
    }

    #[test]
    fn spreadsheet_safe_disarms_formulas_and_nothing_else() {
        let table = [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "' '=1"),
            ("\r=1", "' '=1"),
            ("\n=1", "' '=1"),
            ("\u{b}=1", "' =1"),
            (" =1", "' =1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\u{200b}=1", "'\\u{200b}=1"),
            ("\u{202e}=1", "'\\u{202e}=1"),
            ("\u{e0041}=1", "'\\u{e0041}=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{2212}1", "'\u{2212}1"),
            ("\"=1", "'\"=1"),
            ("a;=1", "a;'=1"),
            ("a; =1", "a;' =1"),
            ("a\n=1", "a '=1"),
            ("a\u{1b}[2Jb\u{9b}", "a [2Jb "),
            ("a\rb\u{202e}", "a b\\u{202e}"),
            ("\nplain", "' plain"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ];
        for (text, expected) in table {
            assert_eq!(spreadsheet_safe(text), expected, "{text:?}");
        }
        for text in ["", "ref-1", "a=1", "'=1", "1", "a; b", "x@example.com", "Ann-Marie"] {
            assert_eq!(spreadsheet_safe(text), text);
        }
    }
}
