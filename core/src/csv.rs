//! Checks a CSV file before it is sent, row by row, without holding it in memory.

use std::io::Read;

use super::Upload;
use crate::{Error, ErrorKind};

/// What a provider's pages say about its CSV.
pub(crate) struct Table {
    /// Columns that must be there, with a value in every row.
    pub(crate) required: &'static [&'static str],
    /// Columns that may be there.
    pub(crate) optional: &'static [&'static str],
    /// Column whose values must differ, if any.
    pub(crate) reference: Option<&'static str>,
    pub(crate) max_rows: u64,
    pub(crate) max_bytes: u64,
}

impl Table {
    /// Holds `csv` against the rules; returns the references, in their order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`], naming row (the header is row 1) and column, never a value.
    pub(crate) fn check(&self, csv: &Upload) -> Result<Vec<String>, Error> {
        let size = csv.size()?;
        if size > self.max_bytes {
            return Err(usage(format!("the file has {size} bytes; the provider takes {}", self.max_bytes)));
        }
        // The reader would skip it, and the provider would not.
        let mut start = Vec::new();
        csv.reader()?.take(3).read_to_end(&mut start).ok();
        if start == b"\xef\xbb\xbf" {
            return Err(usage("the file begins with a byte order mark; save it as UTF-8 without one".to_owned()));
        }
        check_quotes(csv)?;
        let mut reader = csv::ReaderBuilder::new().from_reader(csv.reader()?);
        let unreadable = |error: csv::Error| usage(csv_reason(&error));
        let header = reader.headers().map_err(unreadable)?.clone();
        self.check_header(&header)?;
        let place = |name: &str| header.iter().position(|column| column == name);
        let required: Vec<_> = self.required.iter().filter_map(|name| Some((*name, place(name)?))).collect();
        let reference = self.reference.and_then(place);
        let mut references = Vec::new();
        let mut seen = std::collections::HashMap::new();
        for (number, record) in (2u64..).zip(reader.records()) {
            let record = record.map_err(unreadable)?;
            if number - 1 > self.max_rows {
                return Err(usage(format!("the file has more than {} rows; split it", self.max_rows)));
            }
            let empty = |(_, column): &&(&str, usize)| record.get(*column).is_none_or(|cell| cell.trim().is_empty());
            if let Some((name, _)) = required.iter().find(empty) {
                return Err(usage(format!("row {number}, column {name}: is empty")));
            }
            if let Some(value) = reference.and_then(|column| record.get(column)) {
                if let Some(first) = seen.insert(value.to_owned(), number) {
                    let name = self.reference.unwrap_or_default();
                    return Err(usage(format!("row {number}, column {name}: the same value as in row {first}")));
                }
                references.push(value.to_owned());
            }
        }
        if reader.position().record() <= 1 {
            return Err(usage("the file has no rows below its header".to_owned()));
        }
        Ok(references)
    }

    fn check_header(&self, header: &csv::StringRecord) -> Result<(), Error> {
        let known = || self.required.iter().chain(self.optional);
        for (index, name) in header.iter().enumerate() {
            if !known().any(|column| *column == name) {
                let columns: Vec<_> = known().copied().collect();
                let comma = if header.len() == 1 { "; what separates cells is a comma" } else { "" };
                return Err(usage(format!(
                    "row 1: column {} is not one of {} (names are case-sensitive){comma}",
                    index + 1,
                    columns.join(", ")
                )));
            }
            if header.iter().position(|other| other == name) != Some(index) {
                return Err(usage(format!("row 1: column {name} stands twice")));
            }
        }
        match self.required.iter().find(|name| !header.iter().any(|column| column == **name)) {
            Some(missing) => Err(usage(format!("row 1: column {missing} is missing"))),
            None => Ok(()),
        }
    }
}

/// Refuses a file in which a cell is opened and never closed: all rows after it would count as a part of that cell.
pub(crate) fn check_quotes(csv: &Upload) -> Result<(), Error> {
    let (mut reader, mut piece, mut quotes) = (csv.reader()?, [0; 8192], 0);
    while let Ok(read @ 1..) = reader.read(&mut piece) {
        quotes += memchr::memchr_iter(b'"', &piece[..read]).count();
    }
    if quotes % 2 == 0 {
        return Ok(());
    }
    Err(usage(
        "a quotation mark is opened and not closed (within a cell, put the cell in marks and double it)".to_owned(),
    ))
}

/// What is wrong with a CSV, without quoting it.
pub(crate) fn csv_reason(error: &csv::Error) -> String {
    let row = error.position().map_or_else(String::new, |position| format!("row {}: ", position.record() + 1));
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!("{row}is not UTF-8"),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{row}has {len} cells, but the header has {expected_len}")
        }
        csv::ErrorKind::Io(error) => format!("the file cannot be read: {}", error.kind()),
        _ => format!("{row}is not CSV"),
    }
}

fn usage(reason: String) -> Error {
    Error::new(ErrorKind::Usage, reason)
}
