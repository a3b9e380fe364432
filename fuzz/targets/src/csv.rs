//! The validator of CSV files, beside the crate `csv` and a naive validator.

use std::io::{self, Read};

use bulkrail_core::csv::{CsvFault, CsvFormat, CsvRecords};
use bulkrail_core::text::is_blank;
use bulkrail_core::{Error, ErrorKind, normal_form};

use crate::{check_message, chunks, within};

/// Rows that a file may have.
const MAX_ROWS: u64 = 200;

/// Text in the cells of some seeds, which no message may repeat.
const CANARY: &str = "CANARY";

const REQUIRED: &[&str] = &["id", "name"];
const OPTIONAL: &[&str] = &["note", "amount"];

const STRICT: CsvFormat = CsvFormat::new(REQUIRED)
    .with_optional(OPTIONAL)
    .with_reference("id")
    .with_reference_check(check_reference)
    .with_max_rows(MAX_ROWS);

fn check_reference(reference: &str) -> Result<(), &'static str> {
    if reference.len() > 40 { Err("is longer than 40 bytes") } else { Ok(()) }
}

/// Faults, rows and cells are those of a naive validator over the crate `csv`, however the file is read; a copy has the
/// same rows, and no message has a value.
pub fn csv_validator(data: &[u8]) {
    for (format, is_converted) in [(STRICT, false), (STRICT.converted(), true)] {
        let whole = read_all(format, data, &mut &*data);
        let (chunks, mut next, mut has_interrupted) = (chunks(data), 0, false);
        let mut slow = Slow { chunks: &chunks, next: &mut next, rest: &[], has_interrupted: &mut has_interrupted };
        assert_eq!(read_all(format, data, &mut slow), whole, "read slowly");
        check(format, data, &whole);
        copy(format, data, &whole);
        if let Some(expected) = expected(data, is_converted) {
            let of_cells: Vec<_> = whole.faults.iter().filter(|fault| !is_about_bytes(fault)).map(place).collect();
            assert_eq!(of_cells, expected.faults);
            assert_eq!(whole.rows, expected.rows);
            assert_eq!(whole.cells, expected.cells);
        }
    }
    records(data);
}

/// Cells of a row, each with its column.
type Cells = Vec<(&'static str, String)>;

/// What is read of a file.
#[derive(Debug, PartialEq)]
struct FileContent {
    faults: Vec<CsvFault>,
    rows: u64,
    /// Numbers of rows, and their cells.
    cells: Vec<(u64, Cells)>,
}

fn read_all(format: CsvFormat, data: &[u8], file: &mut dyn Read) -> FileContent {
    let (mut faults, mut cells) = (Vec::new(), Vec::new());
    let rows = format.read_all(
        file,
        data.len() as u64,
        |row| cells.push((row.number(), row.cells().map(|(name, cell)| (name, cell.to_owned())).collect())),
        |fault| faults.push(fault),
    );
    let rows = rows.expect("a file that can be read");
    FileContent { faults, rows, cells }
}

/// Reads a file in chunks, and is interrupted now and then.
struct Slow<'c, 's> {
    chunks: &'s [&'c [u8]],
    next: &'s mut usize,
    rest: &'c [u8],
    has_interrupted: &'s mut bool,
}

impl Read for Slow<'_, '_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            *self.has_interrupted = !*self.has_interrupted;
            if *self.has_interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.rest = self.chunks.get(*self.next).copied().unwrap_or_default();
            *self.next += 1;
        }
        self.rest.read(to)
    }
}

/// The first fault is the error of a check.
fn check(format: CsvFormat, data: &[u8], read: &FileContent) {
    let checked = within(64 * data.len() + 512 * 1024, || format.check(&mut &*data, data.len() as u64));
    for fault in &read.faults {
        check_message(&fault.to_string());
        assert!(!fault.to_string().contains(CANARY), "{fault}");
    }
    match checked {
        Ok(rows) => {
            assert_eq!(read.faults, []);
            assert_eq!((rows.rows, rows.references.len()), (read.rows, rows.numbers.len()));
            let has_reference = |cells: &Cells| cells.iter().any(|(name, cell)| *name == "id" && !is_blank(cell));
            let found: Vec<_> =
                read.cells.iter().filter(|(_, cells)| has_reference(cells)).map(|(number, _)| *number).collect();
            assert_eq!(rows.numbers, found, "numbers of the rows with a reference");
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Usage);
            let is_known = read.faults.iter().any(|fault| fault.to_string() == error.to_string());
            assert!(is_known, "{error} is not one of {:?}", read.faults);
        }
    }
}

/// A copy of all rows has the same cells. A file without a fault can be copied.
fn copy(format: CsvFormat, data: &[u8], read: &FileContent) {
    let copy = |file: &[u8]| -> Result<(u64, Vec<u8>), Error> {
        let mut to = Vec::new();
        let rows = format.copy_rows(&mut &*file, file.len() as u64, &mut to, |_| true)?;
        Ok((rows, to))
    };
    let copied = copy(data);
    if read.faults.is_empty() {
        let (rows, to) = copied.expect("a copy of a file without a fault");
        let again = read_all(format, &to, &mut &*to);
        assert_eq!((rows, again.rows, again.faults.len()), (read.rows, read.rows, 0));
        let cells = |read: &FileContent| read.cells.iter().map(|(_, cells)| cells.clone()).collect::<Vec<_>>();
        assert_eq!(cells(&again), cells(read), "cells of a copy");
        assert_eq!(copy(&to).expect("a copy of a copy").1, to, "a copy of a copy");
    } else if let Err(error) = copied {
        check_message(&error.to_string());
        assert!(!error.to_string().contains(CANARY), "{error}");
    }
}

type Place = (Option<u64>, Option<&'static str>, Option<u64>, &'static str);

fn place(fault: &CsvFault) -> Place {
    (fault.row, fault.column, fault.column_number, fault.rule)
}

/// Returns whether a fault is one of quotation marks or encoding, which the crate `csv` does not report.
fn is_about_bytes(fault: &CsvFault) -> bool {
    ["open-quote", "stray-quote", "byte-order-mark"].contains(&fault.rule)
}

/// What is expected of a file.
struct Expected {
    faults: Vec<Place>,
    rows: u64,
    cells: Vec<(u64, Cells)>,
}

/// Returns the records that the crate `csv` reads.
fn csv_records(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let records = reader.records().map(|record| record.expect("UTF-8"));
    records.map(|record| record.iter().map(str::to_owned).collect()).collect()
}

/// Returns what a naive validator says; `None` for what the crate `csv` does not read.
fn expected(data: &[u8], is_converted: bool) -> Option<Expected> {
    let text = std::str::from_utf8(data).ok()?;
    if text.bytes().take(3).any(|byte| byte == 0) {
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.starts_with('\u{feff}') {
        return None;
    }
    let records = csv_records(text);
    let mut expected = Expected { faults: Vec::new(), rows: 0, cells: Vec::new() };
    if records.is_empty() {
        expected.faults.push((None, None, None, "no-rows"));
        return Some(expected);
    }
    let mut columns: Vec<&'static str> = Vec::new();
    for (position, name) in records.first().into_iter().flatten().enumerate() {
        let name = if is_converted { name.trim() } else { name };
        let known = REQUIRED.iter().chain(OPTIONAL).copied().find(|known| *known == name);
        let rule = match known {
            None => "unknown-column",
            Some(name) if columns.contains(&name) => "duplicate-column",
            Some(name) => {
                columns.push(name);
                continue;
            }
        };
        columns.push("");
        expected.faults.push((Some(1), None, Some(position as u64 + 1), rule));
    }
    let has_known = columns.iter().any(|name| !name.is_empty());
    if !has_known {
        return Some(expected);
    }
    let missing = REQUIRED.iter().filter(|name| !columns.contains(name));
    expected.faults.extend(missing.map(|_| (Some(1), None, None, "missing-column")));
    let mut seen: Vec<String> = Vec::new();
    for (number, record) in (2..).zip(records.iter().skip(1)) {
        let mut fault = |column, rule| expected.faults.push((Some(number), column, None, rule));
        if record.iter().all(|cell| is_blank(cell)) {
            if !is_converted {
                fault(None, "blank-row");
            }
            continue;
        }
        expected.rows += 1;
        if expected.rows > MAX_ROWS {
            expected.faults.push((None, None, None, "too-many-rows"));
            break;
        }
        if record.len() != columns.len() {
            fault(None, "number-of-cells");
            continue;
        }
        let is_refused = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
        for (name, _) in columns.iter().zip(record).filter(|(_, cell)| cell.contains(is_refused)) {
            fault(Some(*name).filter(|name| !name.is_empty()), "control-character");
        }
        let cell = |name: &str| columns.iter().position(|column| *column == name).map(|position| &*record[position]);
        for name in REQUIRED.iter().filter(|name| cell(name).is_some_and(is_blank)) {
            fault(Some(name), "empty");
        }
        if let Some(id) = cell("id").filter(|id| !is_blank(id)) {
            if id.len() > 40 {
                fault(Some("id"), "reference");
            }
            let normal = normal_form(id).into_owned();
            if seen.contains(&normal) {
                fault(Some("id"), "duplicate-reference");
            } else {
                seen.push(normal);
            }
        }
        let cells = columns.iter().copied().zip(record.iter().cloned()).filter(|(name, _)| !name.is_empty());
        expected.cells.push((number, cells.collect()));
    }
    if expected.rows == 0 {
        expected.faults.push((None, None, None, "no-rows"));
    }
    Some(expected)
}

/// Records of a text in a response are those of the crate `csv`, also where its line breaks are escapes.
fn records(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let all = |mut records: CsvRecords<'_>| {
        let mut found: Vec<Vec<String>> = Vec::new();
        while let Some(record) = records.next_record() {
            assert_eq!(record.len(), record.iter().count());
            found.push(record.iter().map(str::to_owned).collect());
        }
        assert!(records.next_record().is_none(), "a record after the end");
        found
    };
    let found = all(CsvRecords::new(text));
    let without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !without_mark.starts_with('\u{feff}') {
        assert_eq!(found, csv_records(without_mark));
        if !without_mark.contains(['"', '\\']) {
            let escaped = without_mark.replace('\n', r"\n").replace('\r', r"\r");
            assert_eq!(all(CsvRecords::from_escaped_lines(&escaped)), found, "with escaped line breaks");
        }
    }
    all(CsvRecords::from_escaped_lines(text));
}
