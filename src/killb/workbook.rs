use std::io::Cursor;
use std::sync::OnceLock;

use calamine::{Data, Range, Reader, SheetType, Xlsx};
use rust_xlsxwriter::Workbook as Writer;
use serde_json::Value;

use super::raw::types;
use super::{PROVIDER, raw};
use crate::transport::{Upload, check_quotes};
use crate::{Error, ErrorKind};

/// The column that comes back with each result, and so the one to tell rows apart by.
const REFERENCE: &str = "externalId";

/// What Excel can hold in one sheet, with the header.
const MAX_ROWS: usize = 1_048_575;

/// A workbook to upload: one sheet, one account a row.
///
/// KillB publishes neither the columns nor a limit; the keys of `originalRowData` in its status answers are the best hint there is, and
/// are what columns may be called here. Cells are written as text, so that codes keep their leading zeros.
///
/// ```
/// let workbook = bulkrail::killb::Workbook::of_csv("entityType,externalId,accountType\nPERSON,ref-1,PSE\n")?;
/// assert_eq!(workbook.references(), ["ref-1"]);
/// let error = bulkrail::killb::Workbook::of_csv("externalId,acountType\nref-1,PSE\n").unwrap_err();
/// assert!(error.to_string().contains("row 1, column 2: is not documented"));
/// # Ok::<(), bulkrail::Error>(())
/// ```
#[derive(Clone)]
pub struct Workbook {
    bytes: Vec<u8>,
    rows: usize,
    references: Vec<String>,
}

impl Workbook {
    /// A workbook of typed rows; `row_number` is left out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when there is no row, or a reference (`externalId`) stands twice; the row is named.
    pub fn of_rows(rows: &[types::BulkRow]) -> Result<Self, Error> {
        let table = rows.iter().map(|row| match serde_json::to_value(row) {
            Ok(Value::Object(map)) => columns().iter().map(|name| cell(map.get(*name))).collect(),
            _ => Vec::new(),
        });
        Self::build(columns(), table.collect())
    }

    /// A workbook of a CSV file with a header line.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when it cannot be read, is not UTF-8, has a column that is not documented or one twice, a row of another
    /// length, no row, or a reference twice; row and column are named.
    pub fn of_csv(csv: impl Into<Upload>) -> Result<Self, Error> {
        let csv = csv.into();
        check_quotes(&csv)?;
        let mut reader = csv::ReaderBuilder::new().from_reader(csv.reader()?);
        let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
        let mut names = Vec::new();
        for (number, name) in (1..).zip(header.iter().map(|name| name.trim_start_matches('\u{feff}').trim())) {
            // The name itself is not repeated: in a file without a header it would be somebody's data.
            let Some(known) = columns().iter().find(|known| **known == name) else {
                let columns = columns().join(", ");
                let comma = if header.len() == 1 { "; what separates cells is a comma" } else { "" };
                return Err(usage(format!(
                    "row 1, column {number}: is not documented; the columns are {columns}{comma}"
                )));
            };
            if names.contains(known) {
                return Err(usage(format!("row 1, column {number}: {known} stands twice")));
            }
            names.push(*known);
        }
        let rows: Result<Vec<Vec<String>>, _> =
            reader.records().map(|record| record.map(|record| record.iter().map(str::to_owned).collect())).collect();
        Self::build(&names, rows.map_err(|error| unreadable(&error))?)
    }

    /// An existing workbook, as given. Every sheet whose first row names a column `externalId` is read, since KillB's results come from all
    /// sheets; where none does, the first sheet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when it is no `.xlsx`, or these sheets have no row below the header.
    pub fn read(xlsx: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let bytes = xlsx.into();
        let broken = || usage("this is no readable .xlsx workbook".to_owned());
        let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(&bytes)).map_err(|_| broken())?;
        let names = book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
        let names: Vec<_> = names.map(|sheet| sheet.name.clone()).collect();
        let sheets = names.iter().map(|name| Ok(Sheet::of(&book.worksheet_range(name).map_err(|_| broken())?)));
        let mut sheets = sheets.collect::<Result<Vec<_>, Error>>()?;
        if sheets.iter().any(|sheet| sheet.references.is_some()) {
            sheets.retain(|sheet| sheet.references.is_some());
        } else {
            sheets.truncate(1);
        }
        let rows = sheets.iter().map(|sheet| sheet.rows).sum();
        if rows == 0 {
            return Err(usage("there are no rows below the header".to_owned()));
        }
        let references = sheets.into_iter().filter_map(|sheet| sheet.references).flatten().collect();
        Ok(Self { bytes, rows, references })
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The `externalId`s in it, in their order, for [`Client::account`](super::Client::account).
    #[must_use]
    pub fn references(&self) -> &[String] {
        &self.references
    }

    /// The `.xlsx` itself.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn build(names: &[&str], rows: Vec<Vec<String>>) -> Result<Self, Error> {
        if rows.is_empty() {
            return Err(usage("there are no rows".to_owned()));
        }
        if rows.len() > MAX_ROWS {
            return Err(usage(format!("{} rows are more than a sheet can hold ({MAX_ROWS})", rows.len())));
        }
        let references = references(names, &rows)?;
        let unwritable = |_| usage("a cell is longer than Excel allows (32,767 characters)".to_owned());
        let mut book = Writer::new();
        let sheet = book.add_worksheet();
        let header = names.iter().map(|name| (*name).to_owned()).collect();
        for (number, row) in (0..).zip(std::iter::once(&header).chain(&rows)) {
            for (column, value) in (0..).zip(row) {
                if !value.is_empty() {
                    sheet.write_string(number, column, value).map_err(unwritable)?;
                }
            }
        }
        let bytes = book.save_to_buffer().map_err(unwritable)?;
        Ok(Self { bytes, rows: rows.len(), references })
    }
}

impl From<Workbook> for Upload {
    fn from(workbook: Workbook) -> Self {
        Self::bytes(workbook.bytes)
    }
}

impl std::fmt::Debug for Workbook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workbook").field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// One sheet of an existing workbook.
struct Sheet {
    /// Those below the header that are not blank.
    rows: usize,
    /// Of the rows that have one; `None` where the header has no such column.
    references: Option<Vec<String>>,
}

impl Sheet {
    fn of(cells: &Range<Data>) -> Self {
        let mut lines = cells.rows();
        let column = lines.next().and_then(|header| header.iter().position(|name| text(name) == REFERENCE));
        let lines: Vec<_> = lines.filter(|row| row.iter().any(|cell| !text(cell).is_empty())).collect();
        let references = column.map(|column| {
            let references = lines.iter().filter_map(|row| Some(text(row.get(column)?)));
            references.filter(|text| !text.is_empty()).collect()
        });
        Self { rows: lines.len(), references }
    }
}

/// The documented row keys, from the spec.
fn columns() -> &'static [&'static str] {
    static COLUMNS: OnceLock<Vec<&'static str>> = OnceLock::new();
    COLUMNS.get_or_init(|| {
        let schemas: Value = serde_json::from_str(raw::SCHEMAS).unwrap_or_default();
        let keys = schemas["BulkRow"]["properties"].as_object().into_iter().flat_map(|keys| keys.keys());
        keys.filter(|key| *key != "rowNumber").map(|key| &*key.clone().leak()).collect()
    })
}

fn references(names: &[&str], rows: &[Vec<String>]) -> Result<Vec<String>, Error> {
    let Some(column) = names.iter().position(|name| *name == REFERENCE) else { return Ok(Vec::new()) };
    let mut seen = std::collections::HashMap::new();
    for (index, reference) in rows.iter().map(|row| &row[column]).enumerate().filter(|(_, text)| !text.is_empty()) {
        if let Some(first) = seen.insert(reference, index) {
            return Err(usage(format!(
                "row {}, column {REFERENCE}: the same reference as in row {}; results could not be told apart",
                index + 2,
                first + 2
            )));
        }
    }
    Ok(rows.iter().map(|row| row[column].clone()).filter(|text| !text.is_empty()).collect())
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn text(cell: &Data) -> String {
    cell.to_string().trim().to_owned()
}

fn unreadable(error: &csv::Error) -> Error {
    usage(crate::transport::csv_reason(error))
}

fn usage(reason: String) -> Error {
    Error::new(ErrorKind::Usage, reason).with_provider(PROVIDER).with_action("making the workbook")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workbook of these sheets, as CSV.
    fn xlsx(sheets: &[&str]) -> Vec<u8> {
        let mut book = Writer::new();
        for rows in sheets {
            let sheet = book.add_worksheet();
            for (number, row) in (0..).zip(rows.lines()) {
                for (column, cell) in (0..).zip(row.split(',')) {
                    sheet.write_string(number, column, cell).unwrap();
                }
            }
        }
        book.save_to_buffer().unwrap()
    }

    #[test]
    fn every_sheet_with_references_is_read() {
        let people = "externalId,accountType\nref-1,PSE\nref-2,PSE";
        let more = "accountType,externalId\nPSE,ref-3\n,\nPSE,";
        let notes = "How to fill in\nOne account a row";
        for (sheets, rows, references) in [
            (&[people, more][..], 4, &["ref-1", "ref-2", "ref-3"][..]),
            (&[notes, people, ""], 2, &["ref-1", "ref-2"]),
            (&[notes, notes], 1, &[]),
        ] {
            let book = Workbook::read(xlsx(sheets)).unwrap();
            assert_eq!(book.rows(), rows);
            assert_eq!(book.references(), references);
        }
    }

    #[test]
    fn a_table_with_semicolons_is_told_of_commas() {
        let error = |csv: &'static str| Workbook::of_csv(csv).unwrap_err().to_string();
        assert!(error("externalId;accountType\nref-1;PSE\n").contains("separates cells is a comma"));
        assert!(!error("externalId,acountType\nref-1,PSE\n").contains("comma"));
    }

    #[test]
    fn a_workbook_without_rows_is_refused() {
        for sheets in [&[""][..], &["externalId"], &["externalId", "notes\nnote"]] {
            let error = Workbook::read(xlsx(sheets)).unwrap_err();
            assert!(error.to_string().contains("no rows below the header"), "{error}");
        }
    }
}
