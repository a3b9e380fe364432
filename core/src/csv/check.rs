//! The pass over a file.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::rc::Rc;

use csv::StringRecord;

use super::cell::check_cell;
use super::format::CsvFormat;
use super::quotes::{Position, QuoteCheck, QuoteState};
use super::row::CsvRow;
use super::usage;
use crate::error::Error;
use crate::model::{SubmittedRows, normal_form};
use crate::text::is_blank;

impl CsvFormat {
    pub(super) fn read_file(
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
