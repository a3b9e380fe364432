//! The pass over a file.

use std::collections::HashMap;
use std::io::{self, Read};

use super::cell::{check_cell, is_plain};
use super::fault::CsvFault;
use super::format::CsvFormat;
use super::records::{CsvRecord, FileRecords, Quotes};
use super::row::CsvRow;
use super::usage;
use crate::error::Error;
use crate::model::{SubmittedRows, normal_form};
use crate::text::is_blank;

/// Bytes that some programs put before UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Receives the faults of a file. An error ends the pass.
pub(super) type OnFault<'f> = &'f mut dyn FnMut(CsvFault) -> Result<(), Error>;

impl CsvFormat {
    /// Passes each row without a fault of its own to `on_row`, and each fault to `on_fault`.
    pub(super) fn read_file(
        &self,
        file: &mut dyn Read,
        on_row: impl FnMut(&CsvRow<'_>) -> Result<(), Error>,
        on_fault: OnFault<'_>,
    ) -> Result<SubmittedRows, Error> {
        let mut records = FileRecords::new(file);
        let start = records.peek(3).map_err(unreadable)?;
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || start.contains(&0) {
            on_fault(CsvFault::of_file("encoding", "the file is not UTF-8 (it may be UTF-16); save it as UTF-8"))?;
            return Ok(SubmittedRows::default());
        }
        if start == BYTE_ORDER_MARK {
            if !self.is_converted {
                // The provider would take it for a part of the first column's name.
                let reason = "the file begins with a byte order mark; save it as UTF-8 without one";
                on_fault(CsvFault::of_file("byte-order-mark", reason))?;
            }
            records.skip(BYTE_ORDER_MARK.len());
            // Programs that add one to a file may add it twice.
            if records.peek(BYTE_ORDER_MARK.len()).map_err(unreadable)? == BYTE_ORDER_MARK {
                records.skip(BYTE_ORDER_MARK.len());
            }
        }
        let result = self.read_rows(&mut records, on_row, on_fault);
        // An open quote makes one cell of all rows after it: that is the fault then, whatever else was found.
        let Quotes { misplaced, is_open, .. } = records.finish().map_err(unreadable)?;
        if is_open {
            let reason =
                "a quotation mark is opened and not closed (inside a cell, quote the cell and double the mark)";
            on_fault(CsvFault::of_file("open-quote", reason))?;
        }
        match (result, misplaced) {
            (Ok(rows), Some((row, column))) => {
                let reason = "has a quotation mark that belongs to no quoted cell (quote the cell and double the mark)";
                on_fault(CsvFault::of_row(row, "stray-quote", reason).with_column_number(column))?;
                Ok(rows)
            }
            (result, _) => result,
        }
    }

    fn read_rows(
        &self,
        records: &mut FileRecords<&mut dyn Read>,
        mut on_row: impl FnMut(&CsvRow<'_>) -> Result<(), Error>,
        on_fault: OnFault<'_>,
    ) -> Result<SubmittedRows, Error> {
        let columns = match records.next_record().map_err(unreadable)? {
            Some(Ok(header)) => self.columns(header.iter(), on_fault)?,
            Some(Err(_)) => {
                on_fault(not_utf_8(1))?;
                return Ok(SubmittedRows::default());
            }
            None => {
                on_fault(CsvFault::of_file("no-rows", "the file is empty"))?;
                return Ok(SubmittedRows::default());
            }
        };
        // Without a known column there is nothing to say about the rows: this is another kind of file.
        if columns.iter().all(|name| name.is_empty()) {
            return Ok(SubmittedRows::default());
        }
        let position = |name: &str| columns.iter().position(|column| *column == name);
        let required: Vec<_> = self.required.iter().filter_map(|name| Some((*name, position(name)?))).collect();
        let reference = self.reference.and_then(|name| Some((name, position(name)?)));
        let (mut rows, mut seen) = (SubmittedRows::default(), HashMap::new());
        let mut number = 1;
        while let Some(record) = records.next_record().map_err(unreadable)? {
            number += 1;
            let Ok(record): Result<CsvRecord<'_>, _> = record else {
                rows.rows += 1;
                on_fault(not_utf_8(number))?;
                continue;
            };
            if record.iter().all(is_blank) {
                if !self.is_converted {
                    // It would be sent, and the provider's count of rows would differ from ours.
                    on_fault(CsvFault::of_row(number, "blank-row", "is blank; delete it"))?;
                }
                continue;
            }
            rows.rows += 1;
            if rows.rows > self.max_rows {
                let reason = format!("the file has more than {} rows; split it", self.max_rows);
                on_fault(CsvFault::of_file("too-many-rows", reason))?;
                break;
            }
            if record.len() != columns.len() {
                let reason = format!("has {} cells, but the header has {}", record.len(), columns.len());
                on_fault(CsvFault::of_row(number, "number-of-cells", reason))?;
                continue;
            }
            if !is_plain(record.text()) {
                for (column, cell) in columns.iter().zip(record.iter()) {
                    if let Err(reason) = check_cell(cell) {
                        on_fault(CsvFault::of_row(number, "control-character", reason).with_column(column))?;
                    }
                }
            }
            let is_empty = |position: usize| record.get(position).is_none_or(is_blank);
            for (name, _) in required.iter().filter(|(_, position)| is_empty(*position)) {
                on_fault(CsvFault::of_row(number, "empty", "is empty").with_column(name))?;
            }
            if let Some((name, position)) = reference
                && let Some(value) = record.get(position).filter(|value| !is_blank(value))
            {
                if let Err(reason) = (self.check_reference)(value) {
                    on_fault(CsvFault::of_row(number, "reference", reason).with_column(name))?;
                }
                // By their normal form, because a provider may return them in it.
                let normal = normal_form(value);
                let is_normal = normal == value;
                if let Some((first, was_normal)) = seen.get(&*normal).copied() {
                    let apart = if is_normal && was_normal {
                        ""
                    } else {
                        " (apart from blanks around it, or from how a number is written)"
                    };
                    let reason = format!("the same value as in row {first}{apart}");
                    on_fault(CsvFault::of_row(number, "duplicate-reference", reason).with_column(name))?;
                } else {
                    seen.insert(normal.into_owned(), (number, is_normal));
                }
                rows.references.push(value.to_owned());
                rows.numbers.push(number);
            }
            on_row(&CsvRow { number, columns: &columns, record })?;
        }
        if rows.rows == 0 {
            on_fault(CsvFault::of_file("no-rows", "the file has no rows below its header"))?;
        }
        Ok(rows)
    }

    /// Returns the columns of the header; an empty name in place of one that is unknown or there already.
    pub(super) fn columns<'h>(
        &self,
        header: impl Iterator<Item = &'h str>,
        on_fault: OnFault<'_>,
    ) -> Result<Vec<&'static str>, Error> {
        let known = || self.required.iter().chain(self.optional).copied();
        let mut columns = Vec::new();
        let mut header = (1..).zip(header).peekable();
        while let Some((number, name)) = header.next() {
            let name = if self.is_converted { name.trim() } else { name };
            // The name itself is not repeated: in a file without a header it would be personal data.
            let column = known().find(|column| *column == name).unwrap_or_default();
            let fault = if column.is_empty() {
                let known: Vec<_> = known().collect();
                let comma = if number == 1 && header.peek().is_none() { "; cells are separated by commas" } else { "" };
                let reason = format!("is not one of {} (names are case-sensitive){comma}", known.join(", "));
                Some(CsvFault::of_row(1, "unknown-column", reason))
            } else if columns.contains(&column) {
                Some(CsvFault::of_row(1, "duplicate-column", format!("{column} is there twice")))
            } else {
                None
            };
            columns.push(if fault.is_none() { column } else { "" });
            fault.map_or(Ok(()), |fault| on_fault(fault.with_column_number(number)))?;
        }
        // In a header of unknown names every column would be missing.
        if columns.iter().any(|name| !name.is_empty()) {
            for missing in self.required.iter().filter(|name| !columns.contains(name)) {
                on_fault(CsvFault::of_row(1, "missing-column", format!("column {missing} is missing")))?;
            }
        }
        Ok(columns)
    }
}

pub(super) fn not_utf_8(row: u64) -> CsvFault {
    CsvFault::of_row(row, "encoding", "is not UTF-8")
}

pub(super) fn unreadable(error: io::Error) -> Error {
    usage(format!("the file cannot be read: {}", error.kind()))
}
