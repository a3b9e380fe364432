//! Reading the rows of an uploaded workbook.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use calamine::{Data, DataRef, Reader, SheetType, Xlsx};
use zip::ZipArchive;

/// Known columns: the keys of `originalRowData` except `rowNumber`.
pub(super) const COLUMNS: [&str; 40] = [
    "entityType",
    "email",
    "phone",
    "accountType",
    "documentNumber",
    "documentIssuedCountryCode",
    "countryCode",
    "firstName",
    "middleName",
    "lastName",
    "companyName",
    "personDocumentType",
    "companyDocumentType",
    "bankCode",
    "accountNumber",
    "clabe",
    "bankAccountType",
    "externalId",
    "routingNumber",
    "bankName",
    "swiftCode",
    "iban",
    "address",
    "currency",
    "network",
    "cvu",
    "aliasType",
    "alias",
    "bankAddressStreet1",
    "bankAddressStreet2",
    "bankAddressCity",
    "bankAddressState",
    "bankAddressZipCode",
    "bankAddressCountryCode",
    "account",
    "transfiyaAccountType",
    "clabeType",
    "pixKeyType",
    "pixKey",
    "cci",
];

/// Maximum number of rows in all sheets.
const MAX_ROWS: usize = 100_000;

/// Maximum number of cells in known columns: 100,000 rows with ten columns. A million texts take
/// about 60 MB.
const MAX_CELLS: usize = 1_000_000;

/// Maximum size of all texts: 32 MiB. Many cells may refer to one long text.
const MAX_TEXT_BYTES: usize = 32 * 1024 * 1024;

/// Maximum length of the name of a sheet in Excel. Each row of a response has it.
const MAX_SHEET_NAME_CHARS: usize = 31;

/// Maximum length of a cell in Excel.
const MAX_CELL_CHARS: usize = 32_767;

/// Maximum size of one part of the archive after decompression: 40 MiB. A sheet with a million cells
/// has about 35 MB, and the reader keeps the whole part with the texts in memory.
const MAX_PART_BYTES: u64 = 40 * 1024 * 1024;

/// Maximum size of all parts after decompression.
const MAX_DECOMPRESSED_BYTES: u64 = 128 * 1024 * 1024;

/// Row with at least one cell that is not blank.
pub(super) struct Row {
    /// Row number in the spreadsheet: the header row of a sheet is 1, the first data row 2.
    pub(super) number: u32,
    pub(super) sheet: Arc<str>,
    /// Column and text of each cell that is not blank, in the order of `COLUMNS`.
    pub(super) cells: Vec<(&'static str, Box<str>)>,
}

impl Row {
    pub(super) fn cell(&self, column: &str) -> Option<&str> {
        let cell = self.cells.iter().find(|(name, _)| *name == column)?;
        Some(&cell.1)
    }
}

/// Reads the rows of all sheets; the error is a message for the client.
///
/// Cells are read one by one, so that memory grows with their number and not with their positions.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Row>, String> {
    check_parts(bytes)?;
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| NOT_A_WORKBOOK)?;
    let sheets = workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let sheets: Vec<String> = sheets.map(|sheet| sheet.name.clone()).collect();
    let mut rows = Rows::default();
    for name in sheets {
        rows.read_sheet(&mut workbook, name)?;
    }
    match rows.has_header {
        true => Ok(rows.rows),
        false => Err("The file has no header row with known columns".to_owned()),
    }
}

const NOT_A_WORKBOOK: &str = "The file is not an Excel workbook";

/// Checks the sizes of the parts by decompressing them: the sizes in the archive may be wrong.
fn check_parts(bytes: &[u8]) -> Result<(), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| NOT_A_WORKBOOK)?;
    let mut total = 0;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|_| NOT_A_WORKBOOK)?.take(MAX_PART_BYTES + 1);
        let size = io::copy(&mut part, &mut io::sink()).map_err(|_| NOT_A_WORKBOOK)?;
        total += size;
        if size > MAX_PART_BYTES || total > MAX_DECOMPRESSED_BYTES {
            let name = part.get_ref().name().unwrap_or_default();
            let name: String = name.chars().take(100).collect();
            return Err(format!("The part '{name}' of the file is too large after decompression"));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    cells: usize,
    text_bytes: usize,
    has_header: bool,
}

impl Rows {
    fn read_sheet(&mut self, workbook: &mut Xlsx<Cursor<&[u8]>>, name: String) -> Result<(), String> {
        if name.chars().count() > MAX_SHEET_NAME_CHARS {
            return Err(format!("The name of a sheet is longer than {MAX_SHEET_NAME_CHARS} characters"));
        }
        let unreadable = |_| format!("The sheet '{name}' cannot be read");
        let mut reader = workbook.worksheet_cells_reader(&name).map_err(unreadable)?;
        let sheet: Arc<str> = name.as_str().into();
        // Row of the header, and index into `COLUMNS` for each known column of the sheet.
        let (mut header, mut columns) = (None, BTreeMap::new());
        while let Some(cell) = reader.next_cell().map_err(unreadable)? {
            let (row, column) = cell.get_position();
            let at = || format!("The sheet '{name}', row {}, column {}", row + 1, column + 1);
            let Some(text) = cell_text(cell.get_value()).map_err(|reason| format!("{}: {reason}", at()))? else {
                continue;
            };
            if row == *header.get_or_insert(row) {
                let known = COLUMNS.iter().position(|known| **known == *text);
                columns.extend(known.map(|known| (column, known)));
                self.has_header |= known.is_some();
                continue;
            }
            let Some(column) = columns.get(&column) else { continue };
            let number = row + 1;
            if self.rows.last().is_none_or(|last| last.number != number || !Arc::ptr_eq(&last.sheet, &sheet)) {
                if self.rows.len() == MAX_ROWS {
                    return Err(format!("{}: the file has more than {MAX_ROWS} rows", at()));
                }
                self.rows.push(Row { number, sheet: Arc::clone(&sheet), cells: Vec::new() });
            }
            self.cells += 1;
            if self.cells > MAX_CELLS {
                return Err(format!("{}: the file has more than {MAX_CELLS} cells", at()));
            }
            self.text_bytes += text.len();
            if self.text_bytes > MAX_TEXT_BYTES {
                return Err(format!("{}: the file has more than {MAX_TEXT_BYTES} bytes of text", at()));
            }
            if let Some(row) = self.rows.last_mut() {
                row.insert(*column, text);
            }
        }
        Ok(())
    }
}

impl Row {
    /// Adds a cell in the order of `COLUMNS`.
    fn insert(&mut self, column: usize, text: Box<str>) {
        let order = |name: &str| COLUMNS.iter().position(|known| *known == name);
        let index = self.cells.partition_point(|(name, _)| order(name) <= Some(column));
        self.cells.insert(index, (COLUMNS[column], text));
    }
}

/// Returns the trimmed text of a cell, or `None` if it is blank; the error is a reason.
///
/// Numbers become text too: every value of `originalRowData` is a string.
fn cell_text(cell: &DataRef<'_>) -> Result<Option<Box<str>>, String> {
    let other;
    let text = match cell {
        DataRef::String(text) => text.as_str(),
        DataRef::SharedString(text) => text,
        cell => {
            other = Data::from(cell.clone()).to_string();
            &other
        }
    };
    if text.len() > MAX_CELL_CHARS && text.chars().count() > MAX_CELL_CHARS {
        return Err(format!("the text is longer than {MAX_CELL_CHARS} characters"));
    }
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.into()))
}

#[cfg(test)]
mod tests;
