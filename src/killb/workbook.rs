use std::collections::HashMap;
use std::io::{Cursor, Read};

use bulkrail_core::csv::CsvFormat;
use bulkrail_core::http::Upload;
use bulkrail_core::{Error, ErrorKind, SubmittedRows};
use calamine::{Data, Range, Reader, SheetType, Xlsx};
use rust_xlsxwriter::Workbook as Writer;
use serde_json::Value;

use super::PROVIDER;
use super::raw::types;

/// Column of the caller's own references: KillB returns it with each row.
const REFERENCE: &str = "externalId";

/// 1,048,575 rows: the rows of an Excel sheet below the header.
const MAX_ROWS: usize = 1_048_575;

/// Columns of a workbook: the keys of `originalRowData` in KillB's status response (`BulkRow` in the spec).
pub const COLUMNS: &[&str] = &[
    "account",
    "accountNumber",
    "accountType",
    "address",
    "alias",
    "aliasType",
    "bankAccountType",
    "bankAddressCity",
    "bankAddressCountryCode",
    "bankAddressState",
    "bankAddressStreet1",
    "bankAddressStreet2",
    "bankAddressZipCode",
    "bankCode",
    "bankName",
    "cci",
    "clabe",
    "clabeType",
    "companyDocumentType",
    "companyName",
    "countryCode",
    "currency",
    "cvu",
    "documentIssuedCountryCode",
    "documentNumber",
    "email",
    "entityType",
    "externalId",
    "firstName",
    "iban",
    "lastName",
    "middleName",
    "network",
    "personDocumentType",
    "phone",
    "pixKey",
    "pixKeyType",
    "routingNumber",
    "swiftCode",
    "transfiyaAccountType",
];

/// Format of a CSV file that is converted into a workbook.
const CSV: CsvFormat = CsvFormat::new(&[]).with_optional(COLUMNS).with_reference(REFERENCE).converted();

/// Workbook (`.xlsx`) to submit, with one account per row.
///
/// KillB publishes neither the columns nor a limit. The keys of `originalRowData` in its status responses are the best
/// evidence of the columns, so other columns are refused. Cells are written as text, so codes keep their leading zeros.
///
/// ```
/// # async fn example() -> Result<(), bulkrail::Error> {
/// use bulkrail::killb::Workbook;
///
/// let workbook = Workbook::from_csv("entityType,externalId,accountType\nPERSON,ref-1,PSE\n").await?;
/// assert_eq!(workbook.submitted_rows().references, ["ref-1"]);
/// let error = Workbook::from_csv("externalId,acountType\nref-1,PSE\n").await.unwrap_err();
/// assert!(error.to_string().contains("row 1, column 2: is not one of"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Workbook {
    bytes: Vec<u8>,
    rows: SubmittedRows,
}

impl Workbook {
    /// Makes a workbook of typed rows. Their `row_number` is not written.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when `rows` is empty or too long for a sheet, or two rows have the same `externalId`; the
    /// message names the row.
    pub fn from_rows(rows: &[types::BulkRow]) -> Result<Self, Error> {
        let table = rows.iter().map(|row| match serde_json::to_value(row) {
            Ok(Value::Object(map)) => COLUMNS.iter().map(|name| cell(map.get(*name))).collect(),
            _ => Vec::new(),
        });
        let table: Vec<Vec<String>> = table.collect();
        let references = references(&table)?;
        write(COLUMNS, &table).map(|bytes| Self { bytes, rows: references.with_rows(table.len() as u64) })
    }

    /// Makes a workbook of a CSV file with a header line.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file cannot be read or breaks a rule; the message names row and column. The rules:
    /// UTF-8, known columns without repetition, rows as long as the header, at least one row, unique references.
    pub async fn from_csv(csv: impl Into<Upload>) -> Result<Self, Error> {
        let convert = |file: &mut dyn Read, size: u64| {
            let (mut names, mut table) = (Vec::new(), Vec::new());
            let rows = CSV.read(file, size, |row| {
                if names.is_empty() {
                    names = row.cells().map(|(name, _)| name).collect();
                }
                table.push(row.cells().map(|(_, cell)| cell.to_owned()).collect());
                Ok(())
            })?;
            write(&names, &table).map(|bytes| Self { bytes, rows })
        };
        csv.into().inspect(convert).await.map_err(in_context)
    }

    /// Reads the rows of an existing workbook, which is submitted unchanged.
    ///
    /// Reads every sheet whose first row has a cell `externalId`, because KillB returns the rows of all sheets. If none
    /// has it, the rows of the first sheet are counted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file cannot be read, is not an `.xlsx` workbook, or does not have a row below a
    /// header.
    pub async fn from_xlsx(xlsx: impl Into<Upload>) -> Result<Self, Error> {
        let read = |file: &mut dyn Read, _: u64| {
            let mut bytes = Vec::new();
            let unreadable = |error: std::io::Error| usage(format!("the file cannot be read: {}", error.kind()));
            file.read_to_end(&mut bytes).map_err(unreadable)?;
            let rows = rows(&bytes)?;
            Ok(Self { bytes, rows })
        };
        xlsx.into().inspect(read).await.map_err(in_context)
    }

    /// Returns the number of rows in the workbook, and the `externalId` of each row that has one.
    #[must_use]
    pub fn submitted_rows(&self) -> SubmittedRows {
        self.rows.clone()
    }

    /// Returns the bytes of the `.xlsx`.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl From<Workbook> for Upload {
    fn from(workbook: Workbook) -> Self {
        Self::from_bytes(workbook.bytes)
    }
}

impl std::fmt::Debug for Workbook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workbook").field("rows", &self.rows.rows).finish_non_exhaustive()
    }
}

fn write(names: &[&str], rows: &[Vec<String>]) -> Result<Vec<u8>, Error> {
    if rows.is_empty() {
        return Err(usage("there are no rows".to_owned()));
    }
    if rows.len() > MAX_ROWS {
        return Err(usage(format!("{} rows are more than a sheet can hold ({MAX_ROWS})", rows.len())));
    }
    let unwritable = |_| usage("a cell is longer than Excel allows (32,767 characters)".to_owned());
    let mut book = Writer::new();
    let sheet = book.add_worksheet();
    let header = names.iter().map(|name| (*name).to_owned()).collect();
    for (number, row) in (0..).zip(std::iter::once(&header).chain(rows)) {
        for (column, value) in (0..).zip(row) {
            if !value.is_empty() {
                sheet.write_string(number, column, value).map_err(unwritable)?;
            }
        }
    }
    book.save_to_buffer().map_err(unwritable)
}

fn rows(xlsx: &[u8]) -> Result<SubmittedRows, Error> {
    let invalid = || usage("this is not a readable .xlsx workbook".to_owned());
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(xlsx)).map_err(|_| invalid())?;
    let names = book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names: Vec<_> = names.map(|sheet| sheet.name.clone()).collect();
    let sheets = names.iter().map(|name| Ok(Sheet::new(&book.worksheet_range(name).map_err(|_| invalid())?)));
    let mut sheets = sheets.collect::<Result<Vec<_>, Error>>()?;
    if sheets.iter().any(|sheet| sheet.references.is_some()) {
        sheets.retain(|sheet| sheet.references.is_some());
    } else {
        sheets.truncate(1);
    }
    let rows = sheets.iter().map(|sheet| sheet.rows).sum::<usize>();
    if rows == 0 {
        return Err(usage("there are no rows below the header".to_owned()));
    }
    let references = sheets.into_iter().filter_map(|sheet| sheet.references).flatten();
    Ok(SubmittedRows::new(references).with_rows(rows as u64))
}

/// Sheet of an existing workbook.
struct Sheet {
    /// Number of rows below the header that are not blank.
    rows: usize,
    /// References of the rows that have one; `None` when the header does not have the column.
    references: Option<Vec<String>>,
}

impl Sheet {
    fn new(cells: &Range<Data>) -> Self {
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

/// Returns the references of typed rows, whose columns are [`COLUMNS`].
fn references(rows: &[Vec<String>]) -> Result<SubmittedRows, Error> {
    let column = COLUMNS.iter().position(|name| *name == REFERENCE).unwrap_or_default();
    let mut seen = HashMap::new();
    let references = rows.iter().filter_map(|row| row.get(column)).enumerate().filter(|(_, text)| !text.is_empty());
    for (index, reference) in references.clone() {
        if let Some(first) = seen.insert(reference, index) {
            let (row, first) = (index + 2, first + 2);
            return Err(usage(format!("row {row}, column {REFERENCE}: the same value as in row {first}")));
        }
    }
    Ok(SubmittedRows::new(references.map(|(_, reference)| reference)))
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

fn in_context(error: Error) -> Error {
    error.with_provider(PROVIDER).with_action("making the workbook")
}

fn usage(reason: String) -> Error {
    in_context(Error::new(ErrorKind::Usage, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a workbook of these sheets, each given as CSV.
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
    fn workbook_reads_every_sheet_with_references() {
        let accounts = "externalId,accountType\nref-1,PSE\nref-2,PSE";
        let more = "accountType,externalId\nPSE,ref-3\n,\nPSE,";
        let notes = "How to fill in\nOne account a row";
        for (sheets, rows, references) in [
            (&[accounts, more][..], 4, &["ref-1", "ref-2", "ref-3"][..]),
            (&[notes, accounts, ""], 2, &["ref-1", "ref-2"]),
            (&[notes, notes], 1, &[]),
        ] {
            let found = super::rows(&xlsx(sheets)).unwrap();
            assert_eq!(found.rows, rows);
            assert_eq!(found.references, references);
        }
    }

    #[test]
    fn columns_are_those_of_the_spec() {
        let schemas: Value = serde_json::from_str(super::super::raw::SCHEMAS).unwrap();
        let keys = schemas["BulkRow"]["properties"].as_object().unwrap().keys();
        assert_eq!(keys.filter(|key| *key != "rowNumber").collect::<Vec<_>>(), COLUMNS);
    }

    #[test]
    fn workbook_without_rows_is_refused() {
        for sheets in [&[""][..], &["externalId"], &["externalId", "notes\nnote"]] {
            let error = super::rows(&xlsx(sheets)).unwrap_err();
            assert!(error.to_string().contains("no rows below the header"), "{error}");
        }
    }
}
