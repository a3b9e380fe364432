use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};

use bulkrail_core::Error;
use bulkrail_core::text::trimmed;
use calamine::{Data, DataRef, ExcelDateTime};
use rust_xlsxwriter::{ExcelDateTime as Date, Format, Workbook as Writer, Worksheet, XlsxError};

use super::cell_refs::RowMap;
use super::row_removal::remove_rows;
use super::workbook::{Book, REFERENCE, Sheet, bytes, has_numbers, unwritable, usage};
use crate::retry::Retry;

/// Writes a workbook with the sheets of `file`, without the rows that are not retried.
///
/// Formulas become their values; all else stays as it is. Where that cannot be done with certainty, a workbook with the
/// values alone is written, and the reason is returned, as the end of a sentence that begins with "it".
pub(crate) fn write_retry(file: &mut dyn Read, retry: &mut Retry, to: &mut dyn Write) -> Result<Option<String>, Error> {
    let xlsx = bytes(file)?;
    let plans = plan(&xlsx, retry)?;
    let (written, reason) = match without_rows(&xlsx, &plans) {
        Ok(written) => (written, None),
        Err(reason) => (values(&xlsx, &plans)?, Some(reason)),
    };
    to.write_all(&written).map_err(|error| crate::retry::unwritable(&error))?;
    Ok(reason)
}

/// Rows of a sheet that are removed.
struct SheetPlan {
    name: String,
    /// Numbers from 1, in their order.
    removed: Vec<u32>,
}

/// Decides about each row.
fn plan(xlsx: &[u8], retry: &mut Retry) -> Result<Vec<SheetPlan>, Error> {
    let mut book = Book::open(xlsx)?;
    let names = book.sheets.clone();
    let mut sheets = Vec::new();
    for name in &names {
        sheets.push(Sheet::read(&mut book, name)?);
    }
    let has_references: Vec<_> = sheets.iter().map(|sheet| sheet.references.is_some()).collect();
    let has_numbers = has_numbers(&sheets);
    // As rows are counted: those of the sheets with references, or of the first.
    let mut is_submitted = has_references.clone();
    if !has_references.contains(&true)
        && let Some(first) = is_submitted.first_mut()
    {
        *first = true;
    }
    // Limits of cells are for one pass.
    let mut book = Book::open(xlsx)?;
    let mut plans = Vec::new();
    for (name, is_submitted) in names.into_iter().zip(is_submitted) {
        let mut removed = Vec::new();
        if is_submitted {
            let mut rows = SheetRows::default();
            let mut end_row = |rows: &mut SheetRows| {
                let number = rows.row + 1;
                let reference = rows.text.take().unwrap_or_default();
                if rows.header.is_some_and(|header| header < rows.row) {
                    // Blank rows between rows are not kept.
                    removed.extend(rows.kept_to + 2..number);
                    if !retry.take(&reference, has_numbers.then_some(number.into())) {
                        removed.push(number);
                    }
                }
                rows.kept_to = rows.row;
            };
            book.each_cell(&name, |row, position, value| {
                if rows.header.is_some() && row != rows.row {
                    end_row(&mut rows);
                }
                rows.push(row, position, value);
                Ok(true)
            })?;
            if rows.header.is_some() {
                end_row(&mut rows);
            }
        }
        plans.push(SheetPlan { name, removed });
    }
    Ok(plans)
}

/// State of a pass over the rows of a sheet.
#[derive(Default)]
struct SheetRows {
    /// Number of the row that is read, from 0.
    row: u32,
    /// Number of the first row that is not blank.
    header: Option<u32>,
    /// Column of references.
    reference: Option<u32>,
    /// Reference of the row.
    text: Option<String>,
    /// Number of the row before, from 0.
    kept_to: u32,
}

impl SheetRows {
    fn push(&mut self, row: u32, position: u32, value: &DataRef<'_>) {
        self.row = row;
        let is_header = row == *self.header.get_or_insert(row);
        if !is_header && self.reference != Some(position) {
            return;
        }
        let text = text(&Data::from(value.clone()));
        if !is_header {
            self.text = Some(text);
        } else if text == REFERENCE {
            self.reference = Some(position);
        }
    }
}

/// Returns the workbook without the rows, as it is else; a reason where that is not certain.
fn without_rows(xlsx: &[u8], plans: &[SheetPlan]) -> Result<Vec<u8>, String> {
    if plans.iter().all(|plan| plan.removed.is_empty()) {
        return Ok(xlsx.to_vec());
    }
    let removed = plans.iter().map(|plan| (plan.name.clone(), RowMap::new(plan.removed.clone()))).collect();
    let written = remove_rows(xlsx, removed)?;
    let unequal = |_| "cannot be read again without these rows".to_owned();
    let none: Vec<_> = plans.iter().map(|plan| SheetPlan { name: plan.name.clone(), removed: Vec::new() }).collect();
    let (before, after) = (fingerprint(xlsx, plans).map_err(unequal)?, fingerprint(&written, &none).map_err(unequal)?);
    if before != after {
        return Err("would have other cells without these rows".to_owned());
    }
    Ok(written)
}

/// Returns a number for the cells of the rows that are not removed, and their places.
fn fingerprint(xlsx: &[u8], plans: &[SheetPlan]) -> Result<u64, Error> {
    let mut book = Book::open(xlsx)?;
    let mut hasher = DefaultHasher::new();
    for plan in plans {
        let rows = RowMap::new(plan.removed.clone());
        plan.name.hash(&mut hasher);
        book.each_cell(&plan.name, |row, position, value| {
            if let Some(row) = rows.row(row + 1) {
                (row, position, format!("{:?}", Data::from(value.clone()))).hash(&mut hasher);
            }
            Ok(true)
        })?;
    }
    Ok(hasher.finish())
}

/// Returns a workbook with the values of the rows that are not removed. Values keep their types; formats other than those
/// of dates are not kept.
fn values(xlsx: &[u8], plans: &[SheetPlan]) -> Result<Vec<u8>, Error> {
    let mut book = Book::open(xlsx)?;
    let mut writer = Writer::new();
    for plan in plans {
        let sheet = writer.add_worksheet();
        sheet.set_name(&plan.name).map_err(|_| usage("a sheet has a bad name".to_owned()))?;
        let rows = RowMap::new(plan.removed.clone());
        book.each_cell(&plan.name, |row, position, value| {
            if let Some(row) = rows.row(row + 1) {
                // A sheet has 16,384 columns, as was checked.
                let column = u16::try_from(position).unwrap_or(u16::MAX);
                write(sheet, row - 1, column, &Data::from(value.clone())).map_err(unwritable)?;
            }
            Ok(true)
        })?;
    }
    writer.save_to_buffer().map_err(unwritable)
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
