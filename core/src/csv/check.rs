//! The pass over a file.

use std::collections::HashMap;
use std::io::{self, Read};

use super::cell::{check_cell, is_plain};
use super::format::CsvFormat;
use super::records::{CsvRecord, FileRecords, Quotes};
use super::row::CsvRow;
use super::usage;
use crate::error::Error;
use crate::model::{SubmittedRows, normal_form};
use crate::text::is_blank;

/// Bytes that some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl CsvFormat {
    pub(super) fn read_file(
        &self,
        file: &mut dyn Read,
        on_row: impl FnMut(&CsvRow<'_>) -> Result<(), Error>,
    ) -> Result<SubmittedRows, Error> {
        let mut records = FileRecords::new(file);
        let start = records.peek(3).map_err(unreadable)?;
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || start.contains(&0) {
            return Err(usage("the file is not UTF-8 (it may be UTF-16); save it as UTF-8".to_owned()));
        }
        if start == BYTE_ORDER_MARK {
            if !self.is_converted {
                // The provider would take it for a part of the first column's name.
                let reason = "the file begins with a byte order mark; save it as UTF-8 without one";
                return Err(usage(reason.to_owned()));
            }
            records.skip(BYTE_ORDER_MARK.len());
            // Programs that add one to a file may add it twice.
            if records.peek(BYTE_ORDER_MARK.len()).map_err(unreadable)? == BYTE_ORDER_MARK {
                records.skip(BYTE_ORDER_MARK.len());
            }
        }
        let result = self.read_rows(&mut records, on_row);
        // An open quote makes one cell of all rows after it: that is the fault then, whatever else was found.
        let Quotes { misplaced, is_open, .. } = records.finish().map_err(unreadable)?;
        if is_open {
            let reason =
                "a quotation mark is opened and not closed (inside a cell, quote the cell and double the mark)";
            return Err(usage(reason.to_owned()));
        }
        match (result, misplaced) {
            (Ok(_), Some((row, column))) => {
                let reason = "has a quotation mark that belongs to no quoted cell (quote the cell and double the mark)";
                Err(usage(format!("row {row}, column {column}: {reason}")))
            }
            (result, _) => result,
        }
    }

    fn read_rows(
        &self,
        records: &mut FileRecords<&mut dyn Read>,
        mut on_row: impl FnMut(&CsvRow<'_>) -> Result<(), Error>,
    ) -> Result<SubmittedRows, Error> {
        let columns = match records.next_record().map_err(unreadable)? {
            Some(header) => self.columns(header.map_err(|_| not_utf_8(1))?.iter())?,
            None => self.columns(std::iter::empty())?,
        };
        let position = |name: &str| columns.iter().position(|column| *column == name);
        let required: Vec<_> = self.required.iter().filter_map(|name| Some((*name, position(name)?))).collect();
        let reference = self.reference.and_then(|name| Some((name, position(name)?)));
        let (mut rows, mut seen) = (SubmittedRows::default(), HashMap::new());
        let mut number = 1;
        while let Some(record) = records.next_record().map_err(unreadable)? {
            number += 1;
            let record: CsvRecord<'_> = record.map_err(|_| not_utf_8(number))?;
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
            if !is_plain(record.text()) {
                for (column, cell) in columns.iter().zip(record.iter()) {
                    check_cell(cell).map_err(|reason| usage(format!("row {number}, column {column}: {reason}")))?;
                }
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
            on_row(&CsvRow { number, columns: &columns, record })?;
        }
        if rows.rows == 0 {
            return Err(usage("the file has no rows below its header".to_owned()));
        }
        Ok(rows)
    }

    /// Returns the columns of the header.
    fn columns<'h>(&self, header: impl Iterator<Item = &'h str>) -> Result<Vec<&'static str>, Error> {
        let known = || self.required.iter().chain(self.optional).copied();
        let mut columns = Vec::new();
        let mut header = (1..).zip(header).peekable();
        while let Some((number, name)) = header.next() {
            let name = if self.is_converted { name.trim() } else { name };
            // The name itself is not repeated: in a file without a header it would be personal data.
            let Some(column) = known().find(|column| *column == name) else {
                let known: Vec<_> = known().collect();
                let comma = if number == 1 && header.peek().is_none() { "; cells are separated by commas" } else { "" };
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

fn not_utf_8(row: u64) -> Error {
    usage(format!("row {row}: is not UTF-8"))
}

fn unreadable(error: io::Error) -> Error {
    usage(format!("the file cannot be read: {}", error.kind()))
}
