//! Checks of a CSV or JSON file before it is sent.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read};

use bulkrail_core::check::standards::{CNPJ, COUNTRY_ALPHA_3, CPF};
use bulkrail_core::check::{
    CellForm, CheckOptions, CheckReport, CheckedRow, ColumnRule, Findings, Level, Place, Repeats,
};
use bulkrail_core::csv::MAX_BYTES;
use bulkrail_core::http::Upload;
use bulkrail_core::{Error, identifier_or_length};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::batch::{ACCOUNTS, AccountFault, account_faults, is_reference, usage};
use super::raw::types::BatchAccount;
use super::submission::{BYTE_ORDER_MARK, NEITHER, OWN_OPTIONS, Unsent, fault_of_json, row_faults, unsent};
use super::{CSV, PROVIDER, Submission};
use crate::submission::{FileFormat, SubmitOptions, wrong_format};

/// Names of the same fields in a CSV and in JSON.
struct Names {
    rules: &'static [ColumnRule],
    names: [&'static str; 3],
    document_type: &'static str,
    document_id: &'static str,
}

const OF_CSV: Names = Names {
    rules: &[
        ColumnRule::code("externalId"),
        ColumnRule::code("type"),
        ColumnRule::prose("name"),
        ColumnRule::prose("lastName"),
        ColumnRule::code("documentType"),
        ColumnRule::code("documentId"),
    ],
    names: ["name", "lastName", "type"],
    document_type: "documentType",
    document_id: "documentId",
};

const OF_JSON: Names = Names {
    rules: &[
        ColumnRule::code("externalId"),
        ColumnRule::prose("beneficiary.name"),
        ColumnRule::prose("beneficiary.lastName"),
        ColumnRule::prose("beneficiary.lastname"),
        ColumnRule::code("beneficiary.document.type"),
        ColumnRule::code("beneficiary.document.id"),
    ],
    names: ["beneficiary.name", "beneficiary.lastName", "beneficiary.lastname"],
    document_type: "beneficiary.document.type",
    document_id: "beneficiary.document.id",
};

/// Documented kinds of documents, by country. The pages have RFC for Mexico in examples only, which is not a rule.
///
/// Sources: the pages `virtual-account/argentina/request-batch` and `virtual-account/brazil/request-batch` below
/// <https://docs.v3.localpayment.com/request-a-payment/payins/bank-transfer/>.
const DOCUMENTS: &[(&str, &[&str])] = &[("ARG", &["CUIT", "CUIL", "CDI"]), ("BRA", &["CPF", "CNPJ"])];

/// 100 kinds of documents are counted; the pages have six.
const MAX_DOCUMENT_TYPES: usize = 100;

impl Submission {
    /// Checks a file of accounts or a batch as far as possible before it is sent. The signature is the same in every
    /// provider module.
    ///
    /// Errors are what [`Submission::prepare`] refuses, all of them, but for options that are missing. Warnings are the
    /// documents of Argentina and Brazil, check digits of CPF and CNPJ, country codes, repeated beneficiaries, and damage by
    /// spreadsheets. JSON is read as a stream.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the file cannot be read or has another format, or when options
    /// are not allowed with this file.
    pub async fn check(
        file: Upload,
        format: Option<FileFormat>,
        submit: &SubmitOptions,
        options: &CheckOptions,
    ) -> Result<CheckReport, Error> {
        submit.check(&PROVIDER, &["key", "account_number", "country"])?;
        let (submit, options) = (submit.clone(), options.clone());
        let checked = match format {
            Some(FileFormat::Json) => file.inspect(move |file, _| check_json(file, &submit, &options)).await,
            Some(FileFormat::Csv) => file.inspect(move |file, size| check_csv(file, size, &submit, &options)).await,
            _ => return Err(wrong_format(&PROVIDER, ".json and .csv")),
        };
        checked.map_err(|error| error.with_provider(PROVIDER).with_action("checking the file"))
    }
}

fn check_csv(
    file: &mut dyn Read,
    size: u64,
    submit: &SubmitOptions,
    options: &CheckOptions,
) -> Result<CheckReport, Error> {
    let check = RefCell::new(Check::new(options));
    let rows = CSV.read_all(
        file,
        size,
        |row| {
            let check = &mut *check.borrow_mut();
            for (column, rule, reason) in row_faults(row) {
                // The format has an error for a cell that is blank.
                if rule == "empty" || !row.cell(column).trim().is_empty() {
                    let value = row.cell(column);
                    check.findings.add(Place::of_row(row.number(), column), Level::Error, rule, reason, value);
                }
            }
            let cells = row.cells().map(|(name, cell)| (name, cell.trim(), CellForm::Text));
            check.row(&mut CheckedRow::new(row.number(), cells), &OF_CSV);
        },
        |fault| check.borrow_mut().findings.add_csv_fault(fault),
    )?;
    let mut check = check.into_inner();
    check.accounts = rows;
    check.country = submit.country.clone();
    Ok(check.finish())
}

fn check_json(file: &mut dyn Read, submit: &SubmitOptions, options: &CheckOptions) -> Result<CheckReport, Error> {
    let mut file = BufReader::with_capacity(64 * 1024, file.take(MAX_BYTES + 1));
    let start = file.fill_buf().map_err(unreadable)?;
    if start.starts_with(BYTE_ORDER_MARK) {
        file.consume(BYTE_ORDER_MARK.len());
    }
    let mut check = Check::new(options);
    let first = loop {
        match file.fill_buf().map_err(unreadable)?.first() {
            Some(byte) if byte.is_ascii_whitespace() => file.consume(1),
            first => break first.copied(),
        }
    };
    if !matches!(first, Some(b'{' | b'[')) {
        check.findings.add(Place::of_file(), Level::Error, "json", NEITHER, "");
        return Ok(check.findings.into_report(PROVIDER, 0));
    }
    let mut json = serde_json::Deserializer::from_reader(&mut file);
    let read = Document(&mut check).deserialize(&mut json).and_then(|()| json.end());
    if let Err(error) = read {
        if let Some(kind) = error.io_error_kind() {
            return Err(unreadable(kind.into()));
        }
        let reason = format!("line {}, column {}: {}", error.line(), error.column(), fault_of_json(&error));
        check.findings.add(Place::of_file(), Level::Error, "json", reason, "");
    }
    if file.get_ref().limit() == 0 {
        let reason = format!("the file has more than {MAX_BYTES} bytes");
        check.findings.add(Place::of_file(), Level::Error, "file-size", reason, "");
    }
    if first == Some(b'[') {
        check.country = submit.country.clone();
    } else if submit.key.is_some() || submit.account_number.is_some() || submit.country.is_some() {
        return Err(usage(OWN_OPTIONS.to_owned()));
    }
    Ok(check.finish())
}

fn unreadable(error: std::io::Error) -> Error {
    usage(format!("the file cannot be read: {}", error.kind()))
}

/// Check of a batch or of accounts.
struct Check {
    findings: Findings,
    /// Number of accounts so far.
    accounts: u64,
    country: Option<String>,
    references: Repeats,
    beneficiaries: Repeats,
    /// Number of accounts and the first of them, for each kind of document.
    document_types: BTreeMap<String, (u64, u64)>,
}

impl Check {
    fn new(options: &CheckOptions) -> Self {
        Self {
            findings: Findings::new(options),
            accounts: 0,
            country: None,
            references: Repeats::default(),
            beneficiaries: Repeats::default(),
            document_types: BTreeMap::new(),
        }
    }

    /// Checks an account of a JSON file, given as its text: a field that is there twice is seen in it alone.
    fn account(&mut self, text: &str) {
        self.accounts += 1;
        let number = self.accounts;
        let parsed: BatchAccount = match serde_json::from_str(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let place = Place { row: Some(number), column: None };
                self.findings.add(place, Level::Error, "not-as-documented", fault_of_json(&error), "");
                return;
            }
        };
        let given: Value = serde_json::from_str(text).unwrap_or_default();
        let kept = serde_json::to_value(&parsed).unwrap_or_default();
        unsent(&given, &kept, String::new(), &mut |pointer, unsent| {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            self.findings.add(Place::of_row(number, &field), Level::Error, unsent.rule(), unsent.reason(), "");
        });
        for AccountFault { field, rule, reason } in account_faults(&parsed) {
            self.findings.add(Place::of_row(number, field), Level::Error, rule, reason, "");
        }
        if let Some(first) = self.references.first(&parsed.external_id, number) {
            let reason = format!("the same as that of account {first}");
            let place = Place::of_row(number, "externalId");
            self.findings.add(place, Level::Error, "duplicate-reference", reason, &parsed.external_id);
        }
        let beneficiary = &parsed.beneficiary;
        let cells = [
            ("externalId", parsed.external_id.as_str()),
            ("beneficiary.name", &beneficiary.name),
            ("beneficiary.lastName", beneficiary.last_name.as_deref().unwrap_or_default()),
            ("beneficiary.lastname", beneficiary.lastname.as_deref().unwrap_or_default()),
            ("beneficiary.document.type", &beneficiary.document.type_),
            ("beneficiary.document.id", &beneficiary.document.id),
        ];
        let cells = cells.map(|(name, cell)| (name, cell, CellForm::Text));
        self.row(&mut CheckedRow::new(number, cells), &OF_JSON);
    }

    /// Checks the values of an account.
    fn row(&mut self, row: &mut CheckedRow<'_>, names: &Names) {
        let findings = &mut self.findings;
        row.check_cells(names.rules, findings);
        let (type_, id) = (row.cell(names.document_type), row.cell(names.document_id));
        // The older page for Brazil: CPF of a person, CNPJ of a company.
        match type_ {
            "CPF" => row.check(names.document_id, &CPF, findings),
            "CNPJ" => row.check(names.document_id, &CNPJ, findings),
            _ => {}
        }
        // Two accounts may have one document, such as the generic RFC; then the names differ.
        let beneficiary = (type_, id, names.names.map(|column| row.cell(column)));
        if !id.is_empty()
            && let Some(first) = self.beneficiaries.first(&beneficiary, row.number())
        {
            let reason = format!("is the same beneficiary as in row {first}");
            row.warn(names.document_id, "repeated-account", reason, findings);
        }
        if let Some((count, _)) = self.document_types.get_mut(type_) {
            *count += 1;
        } else if self.document_types.len() < MAX_DOCUMENT_TYPES {
            self.document_types.insert(type_.to_owned(), (1, row.number()));
        }
    }

    /// Checks a field of a batch but for its accounts.
    fn field(&mut self, name: &str, value: &Value) {
        let mut error = |rule, reason: &str| {
            self.findings.add(Place { row: None, column: Some(name) }, Level::Error, rule, reason, "");
        };
        match (name, value) {
            ("externalId", Value::String(id)) if is_reference(id) => {}
            ("externalId", Value::String(_)) => error("reference", "must be letters, digits and hyphens"),
            ("country", Value::String(country)) => self.country = Some(country.clone()),
            ("accountNumber", Value::String(_)) | ("name", Value::String(_) | Value::Null) => {}
            ("externalId" | "country" | "accountNumber" | "name", _) => error("not-as-documented", "must be a text"),
            (_, Value::Null) => {}
            _ => error(Unsent::Field.rule(), Unsent::Field.reason()),
        }
    }

    fn finish(mut self) -> CheckReport {
        let findings = &mut self.findings;
        let (min, max) = (ACCOUNTS.start(), ACCOUNTS.end());
        if self.accounts < *min as u64 {
            let reason = format!("a batch has {min} to {max} accounts, this one {}", self.accounts);
            findings.add(Place::of_file(), Level::Error, "number-of-accounts", reason, "");
        }
        if let Some(country) = &self.country {
            let place = Place { row: None, column: Some("country") };
            if country.len() != 3 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
                let reason = "must be three capital letters (ISO 3166-1 alpha-3), such as MEX";
                findings.add(place, Level::Error, "country-code", reason, country);
            } else if let Err(fault) = COUNTRY_ALPHA_3.check(country) {
                findings.add(place, Level::Warning, fault.rule, fault.reason, country);
            }
        }
        let documented = DOCUMENTS.iter().find(|(country, _)| Some(*country) == self.country.as_deref());
        if let Some((country, types)) = documented {
            for (type_, (count, first)) in &self.document_types {
                if !types.contains(&type_.as_str()) && !type_.is_empty() {
                    let reason = format!(
                        "{count} accounts, the first in row {first}, have a kind of document that is not documented for \
                         {country} ({})",
                        types.join(", ")
                    );
                    findings.add(Place::of_file(), Level::Warning, "document-type", reason, type_);
                }
            }
        }
        self.findings.into_report(PROVIDER, self.accounts)
    }
}

/// Reads a batch or an array of accounts, one account at a time.
struct Document<'c>(&'c mut Check);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch or an array of accounts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut accounts: A) -> Result<(), A::Error> {
        while let Some(account) = accounts.next_element::<Box<RawValue>>()? {
            self.0.account(account.get());
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen = Vec::new();
        while let Some(name) = fields.next_key::<String>()? {
            let known = ["externalId", "accountNumber", "country", "name", "accounts"];
            let Some(known) = known.into_iter().find(|known| *known == name) else {
                let value = fields.next_value::<Value>()?;
                self.0.field(&identifier_or_length(&name), &value);
                continue;
            };
            if seen.contains(&known) {
                fields.next_value::<IgnoredAny>()?;
                let place = Place { row: None, column: Some(known) };
                self.0.findings.add(place, Level::Error, "duplicate-field", "is there twice", "");
                continue;
            }
            seen.push(known);
            if known == "accounts" {
                fields.next_value_seed(Accounts(self.0))?;
            } else {
                let value = fields.next_value::<Value>()?;
                self.0.field(known, &value);
            }
        }
        for missing in ["externalId", "accountNumber", "country", "accounts"] {
            if !seen.contains(&missing) {
                let place = Place { row: None, column: Some(missing) };
                self.0.findings.add(place, Level::Error, "missing-field", "is missing", "");
            }
        }
        Ok(())
    }
}

/// Reads the accounts of a batch.
struct Accounts<'c>(&'c mut Check);

impl<'de> DeserializeSeed<'de> for Accounts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(Document(self.0))
    }
}
