use std::io::{Read, Write};

use bulkrail_core::Error;
use bulkrail_core::text::trimmed;
use calamine::{Data, ExcelDateTime};
use rust_xlsxwriter::{ExcelDateTime as Date, Format, Workbook as Writer, Worksheet, XlsxError};

use super::workbook::{Book, REFERENCE, Sheet, bytes, unwritable, usage};
use crate::retry::Retry;

/// Writes a workbook with the sheets of `file`, without the rows that are not retried.
///
/// A sheet whose rows are not submitted is written as it is. Values keep their types; formulas become their values, and
/// formats other than those of dates are not kept.
pub(crate) fn write_retry(file: &mut dyn Read, retry: &mut Retry, to: &mut dyn Write) -> Result<(), Error> {
    let xlsx = bytes(file)?;
    let mut book = Book::open(&xlsx)?;
    let names = book.sheets.clone();
    let mut has_references = Vec::new();
    for name in &names {
        has_references.push(Sheet::read(&mut book, name)?.references.is_some());
    }
    // As rows are counted: those of the sheets with references, or of the first.
    let mut is_submitted = has_references.clone();
    if !has_references.contains(&true)
        && let Some(first) = is_submitted.first_mut()
    {
        *first = true;
    }
    // Rows of different sheets have the same numbers.
    let has_numbers = is_submitted.iter().filter(|is_submitted| **is_submitted).count() == 1;
    // Limits of cells are for one pass.
    let mut book = Book::open(&xlsx)?;
    let mut writer = Writer::new();
    for (name, is_submitted) in names.iter().zip(is_submitted) {
        let sheet = writer.add_worksheet().set_name(name).map_err(|_| usage("a sheet has a bad name".to_owned()))?;
        let mut copy = SheetCopy { sheet, row: Vec::new(), number: 0, header: None, reference: None, written: 0 };
        let mut end_row = |copy: &mut SheetCopy<'_>| {
            let reference = copy.reference.and_then(|column| copy.row.iter().find(|(position, _)| *position == column));
            let reference = reference.map(|(_, value)| text(value)).unwrap_or_default();
            let number = has_numbers.then_some(u64::from(copy.number) + 1);
            let is_header = copy.header == Some(copy.number);
            copy.end_row(!is_submitted || is_header || retry.take(&reference, number))
        };
        book.each_cell(name, |row, position, value| {
            if row != copy.number && !copy.row.is_empty() {
                end_row(&mut copy)?;
            }
            copy.push(row, position, Data::from(value.clone()), is_submitted);
            Ok(true)
        })?;
        if !copy.row.is_empty() {
            end_row(&mut copy)?;
        }
    }
    let written = writer.save_to_buffer().map_err(unwritable)?;
    to.write_all(&written).map_err(|error| crate::retry::unwritable(&error))
}

/// Sheet that is written while another is read.
struct SheetCopy<'w> {
    sheet: &'w mut Worksheet,
    /// Cells of the row that is read, with their columns.
    row: Vec<(u32, Data)>,
    /// Its number, from 0.
    number: u32,
    /// Number of the first row that is not blank.
    header: Option<u32>,
    /// Column of references.
    reference: Option<u32>,
    /// Number of the next row that is written.
    written: u32,
}

impl SheetCopy<'_> {
    fn push(&mut self, row: u32, position: u32, value: Data, is_submitted: bool) {
        self.number = row;
        let header = *self.header.get_or_insert(row);
        if row == header && self.row.is_empty() {
            self.written = row;
        } else if !is_submitted && self.row.is_empty() {
            // Blank rows of another sheet stay.
            self.written = row;
        }
        if row == header && text(&value) == REFERENCE {
            self.reference = Some(position);
        }
        self.row.push((position, value));
    }

    fn end_row(&mut self, is_kept: bool) -> Result<(), Error> {
        let row = std::mem::take(&mut self.row);
        if is_kept {
            for (position, value) in &row {
                // A sheet has 16,384 columns, as was checked.
                let column = u16::try_from(*position).unwrap_or(u16::MAX);
                write(self.sheet, self.written, column, value).map_err(unwritable)?;
            }
            self.written += 1;
        }
        Ok(())
    }
}

/// Returns a cell as the reader of rows does.
fn text(value: &Data) -> String {
    trimmed(&value.to_string()).to_owned()
}

fn write(sheet: &mut Worksheet, row: u32, column: u16, value: &Data) -> Result<(), XlsxError> {
    match value {
        Data::Empty => {}
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => {
            sheet.write_string(row, column, text)?;
        }
        // Excel has one type of number.
        Data::Int(number) => {
            sheet.write_number(row, column, *number as f64)?;
        }
        Data::Float(number) => {
            sheet.write_number(row, column, *number)?;
        }
        Data::Bool(value) => {
            sheet.write_boolean(row, column, *value)?;
        }
        Data::DateTime(date) => write_date(sheet, row, column, date)?,
        Data::Error(error) => {
            sheet.write_string(row, column, error.to_string())?;
        }
    }
    Ok(())
}

fn write_date(sheet: &mut Worksheet, row: u32, column: u16, date: &ExcelDateTime) -> Result<(), XlsxError> {
    if date.is_duration() {
        sheet.write_number_with_format(row, column, date.as_f64(), &Format::new().set_num_format("[h]:mm:ss"))?;
        return Ok(());
    }
    let (year, month, day, hour, minute, second, milli) = date.to_ymd_hms_milli();
    let written = Date::from_ymd(year, month, day)?.and_hms_milli(hour.into(), minute, second, milli)?;
    let is_day = (hour, minute, second, milli) == (0, 0, 0, 0);
    let format = if is_day { "yyyy-mm-dd" } else { "yyyy-mm-dd hh:mm:ss" };
    sheet.write_datetime_with_format(row, column, &written, &Format::new().set_num_format(format))?;
    Ok(())
}
