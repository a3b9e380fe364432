//! Checks of a CSV file or workbook before it is sent.
//!
//! Fields per kind of account are those of the spec, read from it; nothing about them is written down here but how a
//! column is named.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Read;

use bulkrail_core::check::standards::{ABA, CBU, CLABE, CNPJ, COUNTRY_ALPHA_2, CPF, E164, EMAIL, IBAN, UUID};
use bulkrail_core::check::{
    CellForm, CheckOptions, CheckReport, CheckedRow, ColumnRule, Findings, Level, Place, Repeats, standards,
};
use bulkrail_core::csv::check_cell;
use bulkrail_core::http::Upload;
use bulkrail_core::text::{is_blank, trimmed};
use bulkrail_core::{Error, normal_form};
use calamine::DataRef;

use super::kinds::{DOCUMENT_TYPE, KINDS, Kind};
use super::workbook::{Book, COLUMNS, CSV, REFERENCE, bytes, column_name, in_context, text};
use super::{PROVIDER, Submission};
use crate::submission::{FileFormat, SubmitOptions, wrong_format};

/// Columns, and the standard of those that the spec describes as values of one.
///
/// `phone` has a country prefix in every example; `swiftCode`, `iban` and `cvu` are such values by their names and
/// examples. `routingNumber`, `clabe`, `pixKey` and `documentNumber` depend on other cells.
const RULES: &[ColumnRule] = &[
    ColumnRule::code("account"),
    ColumnRule::code("accountNumber"),
    ColumnRule::code("accountType"),
    ColumnRule::prose("address"),
    ColumnRule::code("alias"),
    ColumnRule::code("aliasType"),
    ColumnRule::code("bankAccountType"),
    ColumnRule::prose("bankAddressCity"),
    ColumnRule::of("bankAddressCountryCode", &COUNTRY_ALPHA_2),
    ColumnRule::prose("bankAddressState"),
    ColumnRule::prose("bankAddressStreet1"),
    ColumnRule::prose("bankAddressStreet2"),
    ColumnRule::code("bankAddressZipCode"),
    ColumnRule::code("bankCode"),
    ColumnRule::prose("bankName"),
    ColumnRule::code("cci"),
    ColumnRule::code("clabe"),
    ColumnRule::code("clabeType"),
    ColumnRule::code("companyDocumentType"),
    ColumnRule::prose("companyName"),
    ColumnRule::of("countryCode", &COUNTRY_ALPHA_2),
    ColumnRule::code("currency"),
    ColumnRule::of("cvu", &CBU),
    ColumnRule::of("documentIssuedCountryCode", &COUNTRY_ALPHA_2),
    ColumnRule::code("documentNumber"),
    ColumnRule::of("email", &EMAIL),
    ColumnRule::code("entityType"),
    ColumnRule::code("externalId"),
    ColumnRule::prose("firstName"),
    ColumnRule::of("iban", &IBAN),
    ColumnRule::prose("lastName"),
    ColumnRule::prose("middleName"),
    ColumnRule::code("network"),
    ColumnRule::code("personDocumentType"),
    ColumnRule::of("phone", &E164),
    ColumnRule::code("pixKey"),
    ColumnRule::code("pixKeyType"),
    ColumnRule::code("routingNumber"),
    ColumnRule::of("swiftCode", &standards::BIC),
    ColumnRule::code("transfiyaAccountType"),
];

/// Columns that every row has, by the types of KillB's client (`BulkRow` in the spec), whatever its kind.
const ALWAYS: &[&str] =
    &["accountType", "countryCode", "documentIssuedCountryCode", "documentNumber", "email", "entityType", "phone"];

/// Columns of which the first with a value identifies an account, with the others of a national account number.
const ACCOUNTS: &[&str] = &["clabe", "cvu", "cci", "pixKey", "iban", "account", "accountNumber", "alias", "address"];

impl Submission {
    /// Checks a CSV file or workbook as far as possible before it is sent. The signature is the same in every provider
    /// module.
    ///
    /// Errors are what [`Submission::prepare`] refuses, all of them. Warnings are the published fields of each kind of
    /// account, standards such as CLABE and E.164, repeated accounts, and damage by spreadsheets. Needs the feature
    /// `xlsx`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the file cannot be read or has another format, or KillB does
    /// not have one of the options.
    pub async fn check(
        file: Upload,
        format: Option<FileFormat>,
        submit: &SubmitOptions,
        options: &CheckOptions,
    ) -> Result<CheckReport, Error> {
        submit.check(&PROVIDER, &[])?;
        let options = options.clone();
        let checked = match format {
            Some(FileFormat::Csv) => file.inspect(move |file, size| check_csv(file, size, &options)).await,
            Some(FileFormat::Xlsx) => file.inspect(move |file, _| check_xlsx(file, &options)).await,
            _ => return Err(wrong_format(&PROVIDER, ".xlsx and .csv")),
        };
        checked.map_err(in_context)
    }
}

fn check_csv(file: &mut dyn Read, size: u64, options: &CheckOptions) -> Result<CheckReport, Error> {
    let findings = RefCell::new(Findings::new(options));
    let mut rows = Rows::default();
    let count = CSV.read_all(
        file,
        size,
        |row| {
            let cells = row.cells().map(|(name, cell)| (name, cell, CellForm::Text));
            rows.check(&mut CheckedRow::new(row.number(), cells), &mut findings.borrow_mut());
        },
        |fault| findings.borrow_mut().add_csv_fault(fault),
    )?;
    Ok(findings.into_inner().into_report(PROVIDER, count))
}

fn check_xlsx(file: &mut dyn Read, options: &CheckOptions) -> Result<CheckReport, Error> {
    let mut findings = Findings::new(options);
    let bytes = bytes(file)?;
    let mut rows = 0;
    if let Err(error) = check_book(&bytes, &mut rows, &mut findings) {
        findings.set_sheet(None);
        findings.add_error("workbook", error);
    }
    Ok(findings.into_report(PROVIDER, rows))
}

/// Checks the sheets with references; the first one if there are none.
fn check_book(bytes: &[u8], rows: &mut u64, findings: &mut Findings) -> Result<(), Error> {
    let mut book = Book::open(bytes)?;
    let mut headers = Vec::new();
    for name in book.sheets.clone() {
        let mut header = Header::default();
        book.each_cell(&name, |row, position, cell| Ok(header.add(row, position, &text(cell))))?;
        headers.push((name, header));
    }
    let has_references = headers.iter().any(|(_, header)| header.has_reference());
    let mut is_first = true;
    let (headers, others): (Vec<_>, Vec<_>) = headers
        .into_iter()
        .partition(|(_, header)| if has_references { header.has_reference() } else { std::mem::take(&mut is_first) });
    // They have no rows of the batch, but a submit refuses the workbook where one cannot be read.
    for (name, _) in others {
        book.each_cell(&name, |_, _, _| Ok(true))?;
    }
    let mut checks = Rows { has_sheets: headers.len() > 1, ..Rows::default() };
    for (name, header) in headers {
        findings.set_sheet(checks.has_sheets.then(|| name.clone()));
        header.check(findings);
        let mut row = SheetRow::default();
        let mut check = |row: &mut SheetRow, findings: &mut Findings| {
            if !row.cells.is_empty() {
                *rows += 1;
                row.check(&header, &mut checks, findings);
            }
        };
        book.each_cell(&name, |number, position, cell| {
            if Some(number) == header.row {
                return Ok(true);
            }
            if number != row.number {
                check(&mut row, findings);
                row.start(number);
            }
            row.push(position, cell);
            Ok(true)
        })?;
        check(&mut row, findings);
    }
    findings.set_sheet(None);
    if *rows == 0 {
        findings.add(Place::of_file(), Level::Error, "no-rows", "there are no rows below the header", "");
    }
    Ok(())
}

/// First row of a sheet that has cells.
#[derive(Default)]
struct Header {
    row: Option<u32>,
    /// Column at each position; `None` for a name that KillB does not use.
    columns: HashMap<u32, Option<&'static str>>,
    /// Positions where a column is there for the second time.
    repeated: Vec<(u32, &'static str)>,
}

impl Header {
    /// Adds a cell, and returns whether more of the row may follow.
    fn add(&mut self, row: u32, position: u32, name: &str) -> bool {
        if *self.row.get_or_insert(row) != row {
            return false;
        }
        let column = COLUMNS.iter().copied().find(|column| *column == name);
        match column {
            Some(column) if self.columns.values().any(|known| *known == Some(column)) => {
                self.repeated.push((position, column));
            }
            column => {
                self.columns.insert(position, column);
            }
        }
        true
    }

    fn has_reference(&self) -> bool {
        self.columns.values().any(|column| *column == Some(REFERENCE))
    }

    /// Adds what is to say about the names. They are not repeated: without a header they would be personal data.
    fn check(&self, findings: &mut Findings) {
        let place = Place { row: self.row.map(|row| u64::from(row) + 1), column: None };
        let mut unknown: Vec<_> =
            self.columns.iter().filter(|(_, name)| name.is_none()).map(|(position, _)| *position).collect();
        unknown.sort_unstable();
        for position in unknown {
            let reason = format!("column {} is not one that KillB's responses have", column_name(position));
            findings.add(place, Level::Warning, "unknown-column", reason, "");
        }
        for (position, name) in &self.repeated {
            let reason = format!("column {}: {name} is there twice", column_name(*position));
            // Rows could not be distinguished by it.
            let level = if *name == REFERENCE { Level::Error } else { Level::Warning };
            findings.add(place, level, "duplicate-column", reason, "");
        }
    }
}

/// Row of a sheet, whose memory is used again for the next.
#[derive(Default)]
struct SheetRow {
    number: u32,
    /// Texts of the cells, one behind the other.
    text: String,
    /// Position of each cell, the end of its text, and its form.
    cells: Vec<(u32, usize, CellForm)>,
}

impl SheetRow {
    fn start(&mut self, number: u32) {
        self.number = number;
        self.text.clear();
        self.cells.clear();
    }

    fn push(&mut self, position: u32, cell: &DataRef<'_>) {
        let form = match cell {
            DataRef::Int(_) | DataRef::Float(_) => CellForm::Number,
            DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_) => CellForm::Date,
            DataRef::Bool(_) => CellForm::Boolean,
            DataRef::Error(_) => CellForm::Error,
            _ => CellForm::Text,
        };
        match cell {
            DataRef::String(cell) => self.text.push_str(cell),
            DataRef::SharedString(cell) => self.text.push_str(cell),
            cell => self.text.push_str(&text(cell)),
        }
        self.cells.push((position, self.text.len(), form));
    }

    fn check(&self, header: &Header, rows: &mut Rows, findings: &mut Findings) {
        let number = u64::from(self.number) + 1;
        let mut start = 0;
        let cells = self.cells.iter().filter_map(|(position, end, form)| {
            let cell = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            let name = header.columns.get(position).copied().flatten()?;
            Some((name, cell, *form))
        });
        let mut row = CheckedRow::new(number, cells);
        // As the rows are read.
        let reference = trimmed(row.cell(REFERENCE));
        if !reference.is_empty() {
            if let Err(reason) = check_cell(reference) {
                findings.add(Place::of_row(number, REFERENCE), Level::Error, "control-character", reason, reference);
            }
            if let Some(first) = rows.references.first(&normal_form(reference), number) {
                let reason = rows.of_first("the same value as in", first);
                findings.add(Place::of_row(number, REFERENCE), Level::Error, "duplicate-reference", reason, reference);
            }
        }
        rows.check(&mut row, findings);
    }
}

/// Checks of rows, with what is remembered of those before.
#[derive(Default)]
struct Rows {
    references: Repeats,
    accounts: Repeats,
    /// The rows are in several sheets, so that their numbers are not unique.
    has_sheets: bool,
}

impl Rows {
    /// Returns the reason for a value that was in row `first` before.
    fn of_first(&self, before: &str, first: u64) -> String {
        if self.has_sheets {
            format!("{before} a row before, in this or another sheet")
        } else {
            format!("{before} row {first}")
        }
    }

    fn check(&mut self, row: &mut CheckedRow<'_>, findings: &mut Findings) {
        row.check_cells(RULES, findings);
        for column in ALWAYS.iter().filter(|column| row.cell(column).is_empty()) {
            row.warn(column, "field-missing", "is empty; rows of KillB always have it", findings);
        }
        if !matches!(row.cell("entityType"), "" | "PERSON" | "COMPANY") {
            row.warn("entityType", "value-not-listed", "is neither PERSON nor COMPANY", findings);
        }
        let word = row.cell("accountType");
        match KINDS.get(word) {
            Some(kind) => check_kind(row, kind, findings),
            None if word.is_empty() => {}
            None => row.warn("accountType", "value-not-listed", "is not a kind of account in KillB's pages", findings),
        }
        check_values(row, findings);
        self.check_repeated(row, findings);
    }

    fn check_repeated(&mut self, row: &CheckedRow<'_>, findings: &mut Findings) {
        let Some(column) = ACCOUNTS.iter().find(|column| !row.cell(column).is_empty()) else { return };
        // A postal address in this column may be that of several people.
        if *column == "address" && row.cell("accountType") != "WALLET" {
            return;
        }
        let bank = ["accountType", "bankCode", "bankName", "routingNumber", "swiftCode", "network"];
        let account = (bank.map(|column| row.cell(column)), column, row.cell(column));
        if let Some(first) = self.accounts.first(&account, row.number()) {
            let reason = self.of_first("is the same account as in", first);
            row.warn(column, "repeated-account", reason, findings);
        }
    }
}

/// Checks a row against the published fields of its kind.
fn check_kind(row: &CheckedRow<'_>, kind: &Kind, findings: &mut Findings) {
    if kind.columns.is_empty() {
        return;
    }
    let word = row.cell("accountType");
    let document_type = match row.cell("entityType") {
        "COMPANY" => "companyDocumentType",
        _ => "personDocumentType",
    };
    for column in &kind.required {
        let column = if *column == DOCUMENT_TYPE { document_type } else { column };
        if row.cell(column).is_empty() && !ALWAYS.contains(&column) {
            row.warn(column, "field-missing", format!("is empty; {word} needs it"), findings);
        }
    }
    // The pages say so of the fields of PSE, and KillB's client of all kinds with a company name.
    if kind.columns.contains("companyName") && row.cell("companyName").is_empty() {
        for column in ["firstName", "lastName"].into_iter().filter(|column| row.cell(column).is_empty()) {
            row.warn(column, "field-missing", "is empty, and so is companyName", findings);
        }
    }
    for (column, words) in &kind.words {
        let cell = row.cell(column);
        if !cell.is_empty() && !words.iter().any(|word| word == cell) {
            row.warn(column, "value-not-listed", format!("is not one of {}", words.join(", ")), findings);
        }
    }
    for (column, _) in row.cells() {
        let is_of_row = ALWAYS.contains(&column) || column == REFERENCE || column.ends_with("DocumentType");
        if !is_of_row && !kind.is_open && !kind.columns.contains(column) {
            row.warn(column, "field-not-of-kind", format!("is not a field of {word}"), findings);
        }
    }
}

/// Checks values whose standard depends on other cells.
fn check_values(row: &CheckedRow<'_>, findings: &mut Findings) {
    let kind = row.cell("accountType");
    // https://docs.killb.com/guides/accounts/bank-accounts has the digits of each type.
    match row.cell("clabeType") {
        "" | "CLABE" => row.check("clabe", &CLABE, findings),
        "DEBIT_CARD" => check_digits(row, "clabe", 16..=16, findings),
        "PHONE_NUMBER" => check_digits(row, "clabe", 10..=10, findings),
        _ => {}
    }
    if matches!(row.cell("clabeType"), "DEBIT_CARD" | "PHONE_NUMBER") && row.cell("bankCode").is_empty() {
        row.warn("bankCode", "field-missing", "is empty; this clabeType needs it", findings);
    }
    match kind {
        "ACH" | "WIRE" => row.check("routingNumber", &ABA, findings),
        "CCI" => check_digits(row, "cci", 20..=20, findings),
        // By KillB's client 22 characters, CR and 20 digits: the IBAN of Costa Rica.
        "SINPE" if row.cell("accountNumber").starts_with("CR") => row.check("accountNumber", &IBAN, findings),
        "SINPE" if !row.cell("accountNumber").is_empty() => {
            row.warn("accountNumber", "sinpe-account", "is not CR and 20 digits", findings);
        }
        "SPI" | "SPI_PY" => check_digits(row, "accountNumber", 2..=14, findings),
        _ => {}
    }
    // https://www.bcb.gov.br/content/estabilidadefinanceira/pix/API-DICT.html has the forms of the keys.
    match row.cell("pixKeyType") {
        "CPF" => row.check("pixKey", &CPF, findings),
        "CNPJ" => row.check("pixKey", &CNPJ, findings),
        "EMAIL" => row.check("pixKey", &EMAIL, findings),
        "PHONE" => row.check("pixKey", &E164, findings),
        "RANDOM" => row.check("pixKey", &UUID, findings),
        _ => {}
    }
    if row.cell("aliasType") == "EMAIL" {
        row.check("alias", &EMAIL, findings);
    }
    if row.cell("personDocumentType") == "CPF" {
        row.check("documentNumber", &CPF, findings);
    }
    if row.cell("companyDocumentType") == "CNPJ" {
        row.check("documentNumber", &CNPJ, findings);
    }
}

fn check_digits(
    row: &CheckedRow<'_>,
    column: &'static str,
    count: std::ops::RangeInclusive<usize>,
    findings: &mut Findings,
) {
    let cell = row.cell(column);
    if cell.is_empty() || is_blank(cell) {
        return;
    }
    let (min, max) = (count.start(), count.end());
    let wanted = if min == max { min.to_string() } else { format!("{min} to {max}") };
    if !cell.bytes().all(|byte| byte.is_ascii_digit()) {
        row.warn(column, "digits", format!("is not {wanted} digits"), findings);
    } else if !count.contains(&cell.len()) {
        row.warn(column, "digits", format!("has {} digits instead of {wanted}", cell.len()), findings);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_column_has_a_rule_in_the_order_of_the_columns() {
        assert!(RULES.iter().map(|rule| rule.name).eq(COLUMNS.iter().copied()));
        let known: HashSet<_> = COLUMNS.iter().copied().collect();
        assert!(ALWAYS.iter().chain(ACCOUNTS).all(|column| known.contains(column)));
    }
}
