use std::collections::HashMap;
use std::io::{Cursor, Read};

use bulkrail_core::csv::{CsvFormat, check_cell};
use bulkrail_core::http::Upload;
use bulkrail_core::text::{is_blank, trimmed};
use bulkrail_core::{Error, ErrorKind, SubmittedRows, normal_form};
use calamine::{Data, DataRef, Reader, SheetType, Xlsx};
use rust_xlsxwriter::{Workbook as Writer, XlsxError};

use super::PROVIDER;
use super::archive::ArchiveLimits;
use super::raw::types;

/// Column of the caller's own references: KillB returns it with each row.
pub(super) const REFERENCE: &str = "externalId";

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

/// 64 MiB: a million rows of twenty short cells are about 50 MB.
const MAX_WORKBOOK_BYTES: u64 = 64 * 1024 * 1024;

/// 10 million cells, blank ones too: a quarter of a million rows with all 40 columns.
const MAX_CELLS: usize = 10_000_000;

/// Format of a CSV file that is converted into a workbook.
pub(crate) const CSV: CsvFormat = CsvFormat::new(&[]).with_optional(COLUMNS).with_reference(REFERENCE).converted();

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
        if rows.is_empty() {
            return Err(usage("there are no rows".to_owned()));
        }
        if rows.len() > MAX_ROWS {
            return Err(usage(format!("{} rows are more than a sheet can hold ({MAX_ROWS})", rows.len())));
        }
        let numbered = || {
            let references = (2..).zip(rows).filter_map(|(number, row)| Some((number, row.external_id.as_deref()?)));
            references.filter(|(_, reference)| !is_blank(reference))
        };
        {
            let (numbers, references): (Vec<u64>, Vec<&str>) = numbered().unzip();
            check_unique(&references, &numbers)?;
        }
        let mut table = Table::new();
        table.push(COLUMNS.iter().copied())?;
        for row in rows {
            table.push(cells(row).into_iter().map(|cell| cell.as_deref().unwrap_or_default()))?;
        }
        let bytes = table.into_xlsx()?;
        // After the sheet, which needs the most memory.
        let references = SubmittedRows::new(numbered().map(|(_, reference)| reference));
        Ok(Self { bytes, rows: references.with_rows(rows.len() as u64) })
    }

    /// Makes a workbook of a CSV file with a header line.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file cannot be read or breaks a rule; the message names row and column. The rules:
    /// UTF-8, known columns without repetition, rows as long as the header, at least one row, unique references.
    pub async fn from_csv(csv: impl Into<Upload>) -> Result<Self, Error> {
        let convert = |file: &mut dyn Read, size: u64| {
            let (mut table, mut written, mut numbers) = (Table::new(), 1, Vec::new());
            let rows = CSV.read(file, size, |row| {
                if written == 1 {
                    table.push(row.cells().map(|(name, _)| name))?;
                }
                table.push(row.cells().map(|(_, cell)| cell))?;
                written += 1;
                // Blank rows are left out, so that rows have other numbers in the workbook.
                if !is_blank(row.cell(REFERENCE)) {
                    numbers.push(written);
                }
                Ok(())
            })?;
            Ok(Self { bytes: table.into_xlsx()?, rows: rows.with_numbers(numbers) })
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
    /// [`ErrorKind::Usage`] when the file cannot be read, is not an `.xlsx` workbook, is larger than 64 MiB (1 GiB
    /// decompressed, 10 million cells, 128 MiB of shared texts, 16 MiB of XML in a cell, 1,048,576 rows in a sheet), does
    /// not have a row below a header, or has a reference or the column of references twice.
    pub async fn from_xlsx(xlsx: impl Into<Upload>) -> Result<Self, Error> {
        let read = |file: &mut dyn Read, _: u64| {
            let bytes = bytes(file)?;
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

/// Reads the rows of an existing workbook, within the limits of [`Workbook::from_xlsx`].
pub(super) async fn rows_of_xlsx(xlsx: Upload) -> Result<SubmittedRows, Error> {
    xlsx.inspect(|file, _| rows(&bytes(file)?)).await.map_err(in_file)
}

/// Reads the rows of a CSV file, with the numbers that they have in the workbook of [`Workbook::from_csv`].
pub(super) async fn rows_of_csv(csv: Upload) -> Result<SubmittedRows, Error> {
    let read = |file: &mut dyn Read, size: u64| {
        let (mut written, mut numbers) = (1, Vec::new());
        let rows = CSV.read(file, size, |row| {
            written += 1;
            if !is_blank(row.cell(REFERENCE)) {
                numbers.push(written);
            }
            Ok(())
        })?;
        Ok(rows.with_numbers(numbers))
    };
    csv.inspect(read).await.map_err(in_file)
}

fn in_file(error: Error) -> Error {
    error.with_provider(PROVIDER).with_action("reading the rows of the file")
}

/// Workbook that is written row by row, with texts alone.
struct Table {
    book: Writer,
    rows: u32,
}

impl Table {
    fn new() -> Self {
        let mut book = Writer::new();
        book.add_worksheet();
        Self { book, rows: 0 }
    }

    fn push<'r>(&mut self, cells: impl Iterator<Item = &'r str>) -> Result<(), Error> {
        let sheet = self.book.worksheet_from_index(0).map_err(unwritable)?;
        for (column, cell) in (0..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            sheet.write_string(self.rows, column, cell).map_err(unwritable)?;
        }
        self.rows += 1;
        Ok(())
    }

    fn into_xlsx(mut self) -> Result<Vec<u8>, Error> {
        self.book.save_to_buffer().map_err(unwritable)
    }
}

pub(super) fn unwritable(_: XlsxError) -> Error {
    usage("a cell is longer than Excel allows (32,767 characters)".to_owned())
}

/// Returns the cells of a row in the order of [`COLUMNS`].
fn cells(row: &types::BulkRow) -> [&Option<String>; COLUMNS.len()] {
    [
        &row.account,
        &row.account_number,
        &row.account_type,
        &row.address,
        &row.alias,
        &row.alias_type,
        &row.bank_account_type,
        &row.bank_address_city,
        &row.bank_address_country_code,
        &row.bank_address_state,
        &row.bank_address_street1,
        &row.bank_address_street2,
        &row.bank_address_zip_code,
        &row.bank_code,
        &row.bank_name,
        &row.cci,
        &row.clabe,
        &row.clabe_type,
        &row.company_document_type,
        &row.company_name,
        &row.country_code,
        &row.currency,
        &row.cvu,
        &row.document_issued_country_code,
        &row.document_number,
        &row.email,
        &row.entity_type,
        &row.external_id,
        &row.first_name,
        &row.iban,
        &row.last_name,
        &row.middle_name,
        &row.network,
        &row.person_document_type,
        &row.phone,
        &row.pix_key,
        &row.pix_key_type,
        &row.routing_number,
        &row.swift_code,
        &row.transfiya_account_type,
    ]
}

/// Returns the bytes of a workbook.
pub(super) fn bytes(file: &mut dyn Read) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let unreadable = |error: std::io::Error| usage(format!("the file cannot be read: {}", error.kind()));
    file.take(MAX_WORKBOOK_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_WORKBOOK_BYTES {
        return Err(usage(format!("the workbook is larger than {} MiB", MAX_WORKBOOK_BYTES / (1024 * 1024))));
    }
    Ok(bytes)
}

/// Returns why a file cannot be a workbook, from how it begins: one is a ZIP archive.
fn not_a_workbook(file: &[u8]) -> Option<&'static str> {
    match file {
        [] => Some("the file is empty"),
        [b'P', b'K', ..] => None,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Some(
            "this is not a readable .xlsx workbook but one with a password, or of the old format: save it as .xlsx",
        ),
        _ => Some("this is not a readable .xlsx workbook; the extension of a text with comma-separated cells is .csv"),
    }
}

fn invalid() -> Error {
    usage("this is not a readable .xlsx workbook".to_owned())
}

/// Existing workbook, within the limits of [`Workbook::from_xlsx`].
pub(super) struct Book<'x> {
    book: Xlsx<Cursor<&'x [u8]>>,
    /// Names of the sheets with cells, in their order.
    pub(super) sheets: Vec<String>,
    /// Number of cells read so far, blank ones too.
    cells: usize,
}

impl<'x> Book<'x> {
    pub(super) fn open(xlsx: &'x [u8]) -> Result<Self, Error> {
        let limits = ArchiveLimits::new(MAX_CELLS as u64);
        if let Some(reason) = not_a_workbook(xlsx) {
            return Err(usage(reason.to_owned()));
        }
        limits.check(xlsx).map_err(|limit| limit.map_or_else(invalid, usage))?;
        let book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(xlsx)).map_err(|_| invalid())?;
        let sheets = book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
        let sheets = sheets.map(|sheet| sheet.name.clone()).collect();
        Ok(Self { book, sheets, cells: 0 })
    }

    /// Passes the cells of a sheet that are not empty to `on_cell`, with row and column from 0, until it returns false.
    ///
    /// They are read as a stream: memory does not grow with their positions.
    pub(super) fn each_cell(
        &mut self,
        name: &str,
        mut on_cell: impl FnMut(u32, u32, &DataRef<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut last = None;
        let mut reader = self.book.worksheet_cells_reader(name).map_err(|_| invalid())?;
        while let Some(cell) = reader.next_cell().map_err(|_| invalid())? {
            let (row, position) = cell.get_position();
            // A sheet ends at XFD1048576.
            if row > MAX_ROWS as u32 || position >= 16_384 {
                let (row, column) = (row.saturating_add(1), column_name(position));
                return Err(usage(format!(
                    "sheet {name:?}, row {row}, column {column}: a sheet ends at row 1048576, column XFD"
                )));
            }
            self.cells += 1;
            if self.cells > MAX_CELLS {
                let (row, column) = (row + 1, column_name(position));
                return Err(usage(format!(
                    "sheet {name:?}, row {row}, column {column}: the workbook has more than {MAX_CELLS} cells"
                )));
            }
            let value = cell.get_value();
            let is_empty = match value {
                DataRef::Empty => true,
                DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => is_blank(text),
                DataRef::SharedString(text) => is_blank(text),
                _ => false,
            };
            if is_empty {
                continue;
            }
            // Rows in another order would be counted twice, and a cell that is there twice read twice.
            if last.is_some_and(|last| (row, position) <= last) {
                return Err(invalid());
            }
            last = Some((row, position));
            if !on_cell(row, position, value)? {
                break;
            }
        }
        Ok(())
    }
}

/// Returns the rows of a workbook.
fn rows(xlsx: &[u8]) -> Result<SubmittedRows, Error> {
    let mut book = Book::open(xlsx)?;
    let mut sheets = Vec::new();
    for name in book.sheets.clone() {
        sheets.push(Sheet::read(&mut book, &name)?);
    }
    let has_numbers = has_numbers(&sheets);
    if sheets.iter().any(|sheet| sheet.references.is_some()) {
        sheets.retain(|sheet| sheet.references.is_some());
    } else {
        sheets.truncate(1);
    }
    let rows = sheets.iter().map(|sheet| sheet.rows).sum();
    if rows == 0 {
        return Err(usage("there are no rows below the header".to_owned()));
    }
    // A repetition within one sheet is named by its rows.
    let numbers = if sheets.len() == 1 { sheets[0].numbers.clone() } else { Vec::new() };
    let references: Vec<_> = sheets.into_iter().filter_map(|sheet| sheet.references).flatten().collect();
    check_unique(&references, &numbers)?;
    let numbers = if has_numbers { numbers } else { Vec::new() };
    Ok(SubmittedRows::new(references).with_rows(rows).with_numbers(numbers))
}

/// Returns whether a row number belongs to one row of the workbook: one sheet at most has rows.
///
/// Sheets without references count, too: KillB may return their rows, and the number is all that those are paired by.
pub(super) fn has_numbers(sheets: &[Sheet]) -> bool {
    sheets.iter().filter(|sheet| sheet.rows > 0).count() <= 1
}

/// Sheet of an existing workbook.
pub(super) struct Sheet {
    /// Number of rows below the header that are not blank.
    rows: u64,
    /// References of the rows that have one; `None` when the header does not have the column.
    pub(super) references: Option<Vec<String>>,
    /// Row number of each of them; the first row of a sheet is 1.
    numbers: Vec<u64>,
}

impl Sheet {
    pub(super) fn read(book: &mut Book<'_>, name: &str) -> Result<Self, Error> {
        let mut sheet = Self { rows: 0, references: None, numbers: Vec::new() };
        let (mut header, mut last, mut column) = (None, 0, None);
        book.each_cell(name, |row, position, cell| {
            let header = *header.get_or_insert(row);
            if row != header && row != last {
                sheet.rows += 1;
                last = row;
            }
            if row != header && column != Some(position) {
                return Ok(true);
            }
            let text = text(cell);
            if row == header {
                if text == REFERENCE {
                    if column.is_some() {
                        let (row, column) = (row + 1, column_name(position));
                        return Err(usage(format!(
                            "sheet {name:?}, row {row}, column {column}: {REFERENCE} is there twice"
                        )));
                    }
                    column = Some(position);
                    sheet.references = Some(Vec::new());
                }
                return Ok(true);
            }
            check_cell(&text)
                .map_err(|reason| usage(format!("sheet {name:?}, row {}, column {REFERENCE}: {reason}", row + 1)))?;
            sheet.references.get_or_insert_default().push(text);
            sheet.numbers.push(u64::from(row) + 1);
            Ok(true)
        })?;
        Ok(sheet)
    }
}

/// Refuses references of which two are the same in their normal form, because KillB may return them in it.
///
/// `numbers` has the row of each, and is empty where they are in several sheets.
fn check_unique(references: &[impl AsRef<str>], numbers: &[u64]) -> Result<(), Error> {
    let mut seen = HashMap::new();
    for (index, reference) in references.iter().enumerate() {
        let Some(first) = seen.insert(normal_form(reference.as_ref()), index) else { continue };
        return Err(usage(match (numbers.get(index), numbers.get(first)) {
            (Some(row), Some(first)) => format!("row {row}, column {REFERENCE}: the same value as in row {first}"),
            _ => format!("column {REFERENCE}: the same value is there twice"),
        }));
    }
    Ok(())
}

/// Returns the name of the column at `position`: A, B, ..., AA.
pub(super) fn column_name(position: u32) -> String {
    let last = char::from(b'A' + (position % 26) as u8);
    match position / 26 {
        0 => last.to_string(),
        before => format!("{}{last}", column_name(before - 1)),
    }
}

pub(super) fn text(cell: &DataRef<'_>) -> String {
    trimmed(&Data::from(cell.clone()).to_string()).to_owned()
}

pub(super) fn in_context(error: Error) -> Error {
    error.with_provider(PROVIDER).with_action("making the workbook")
}

pub(super) fn usage(reason: String) -> Error {
    in_context(Error::new(ErrorKind::Usage, reason))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

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
    fn workbook_with_rows_in_two_sheets_has_no_row_numbers() {
        let accounts = "accountType,externalId\nPSE,ref-1\nPSE,\nPSE,ref-3";
        for (sheets, numbers) in [
            (&[accounts][..], &[2, 4][..]),
            (&[accounts, ""], &[2, 4]),
            (&["accountType", accounts], &[2, 4]),
            (&[accounts, "accountType\nPSE"], &[]),
            (&["accountType\nPSE", accounts], &[]),
            (&[accounts, "externalId\nref-5"], &[]),
        ] {
            assert_eq!(super::rows(&xlsx(sheets)).unwrap().numbers, numbers, "{sheets:?}");
        }
    }

    #[test]
    fn columns_are_those_of_the_spec() {
        let schemas: Value = serde_json::from_str(super::super::raw::SCHEMAS).unwrap();
        let keys = schemas["BulkRow"]["properties"].as_object().unwrap().keys();
        assert_eq!(keys.filter(|key| *key != "rowNumber").collect::<Vec<_>>(), COLUMNS);
    }

    #[test]
    fn cells_of_a_typed_row_are_in_the_order_of_the_columns() {
        let named: serde_json::Map<_, _> = COLUMNS.iter().map(|name| ((*name).to_owned(), (*name).into())).collect();
        let row = serde_json::from_value(named.into()).unwrap();
        assert_eq!(cells(&row).map(|cell| cell.as_deref().unwrap()), COLUMNS);
    }

    #[test]
    fn workbook_without_rows_is_refused() {
        for sheets in [&[""][..], &["externalId"], &["externalId", "notes\nnote"]] {
            let error = super::rows(&xlsx(sheets)).unwrap_err();
            assert!(error.to_string().contains("no rows below the header"), "{error}");
        }
    }

    #[test]
    fn workbook_with_one_far_cell_is_read_in_little_memory() {
        let mut book = Writer::new();
        let sheet = book.add_worksheet();
        sheet.write_string(0, 0, "externalId").unwrap();
        sheet.write_string(1, 0, "ref-1").unwrap();
        sheet.write_blank(1_048_575, 16_383, &rust_xlsxwriter::Format::new().set_bold()).unwrap();
        let blank = super::rows(&book.save_to_buffer().unwrap()).unwrap();
        assert_eq!((blank.rows, &*blank.references), (1, &["ref-1".to_owned()][..]));
        let sheet = book.worksheet_from_index(0).unwrap();
        sheet.write_string(1_048_575, 16_383, "stray").unwrap();
        let stray = super::rows(&book.save_to_buffer().unwrap()).unwrap();
        assert_eq!((stray.rows, stray.references.len()), (2, 1), "a row without a reference");
    }

    /// Returns a workbook of one reference, with `rows` below it as XML.
    fn xlsx_with(rows: &str) -> Vec<u8> {
        use std::io::Write;
        let book = xlsx(&["externalId\nref-1"]);
        let mut parts = zip::ZipArchive::new(Cursor::new(&book[..])).unwrap();
        let mut written = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for index in 0..parts.len() {
            let mut part = parts.by_index(index).unwrap();
            let (name, mut content) = (part.name().unwrap().into_owned(), String::new());
            part.read_to_string(&mut content).unwrap();
            if name.ends_with("sheet1.xml") {
                content = content.replace("</sheetData>", &format!("{rows}</sheetData>"));
            }
            written.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            written.write_all(content.as_bytes()).unwrap();
        }
        written.finish().unwrap().into_inner()
    }

    #[test]
    fn workbook_with_a_cell_beyond_the_last_column_is_refused_also_where_it_is_blank() {
        let blank = format!("<row r=\"3\">{}</row>", "<c/>".repeat(16_385));
        let error = super::rows(&xlsx_with(&blank)).unwrap_err();
        assert!(error.to_string().contains("sheet \"Sheet1\", row 3, column XFE: a sheet ends at"), "{error}");
    }

    #[test]
    fn workbook_with_a_cell_twice_or_in_another_order_is_refused() {
        let cell = |cell: &str| format!("<c r=\"{cell}\"><v>1</v></c>");
        let row =
            |cells: &[&str]| format!("<row r=\"3\">{}</row>", cells.iter().map(|name| cell(name)).collect::<String>());
        assert_eq!(super::rows(&xlsx_with(&row(&["A3", "B3"]))).unwrap().rows, 2);
        for rows in [row(&["A3", "A3"]), row(&["B3", "A3"]), row(&["A3"]).repeat(2)] {
            let error = super::rows(&xlsx_with(&rows)).unwrap_err();
            assert!(error.to_string().contains("not a readable .xlsx workbook"), "{error}");
        }
    }

    #[test]
    fn date_without_a_value_is_a_blank_cell() {
        let row = |value: &str| format!("<row r=\"3\"><c r=\"A3\" t=\"d\"><v>{value}</v></c></row>");
        let read = |value| super::rows(&xlsx_with(&row(value))).unwrap();
        assert_eq!((read("").rows, read(" ").rows, read("2026-01-01").rows), (1, 1, 2));
        assert!(read("").references.iter().all(|reference| !is_blank(reference)));
    }

    #[test]
    fn workbook_whose_references_could_not_be_distinguished_is_refused() {
        for (sheets, expected) in [
            (&["externalId,externalId\na,b"][..], "sheet \"Sheet1\", row 1, column B: externalId is there twice"),
            (&["externalId\na\nb\na "], "row 4, column externalId: the same value as in row 2"),
            (
                &["externalId\na\u{2028}b"],
                "row 2, column externalId: has a line break (is a quotation mark there by mistake?)",
            ),
            (&["externalId\n123\n123.0"], "row 3, column externalId: the same value as in row 2"),
            (&["externalId\na", "externalId\nb\na"], "column externalId: the same value is there twice"),
        ] {
            let error = super::rows(&xlsx(sheets)).unwrap_err();
            assert!(error.to_string().ends_with(expected), "{error}");
        }
    }
}
