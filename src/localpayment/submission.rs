use std::io::Read;

use bulkrail_core::csv::{CsvFormat, CsvRow, MAX_BYTES};
use bulkrail_core::http::Upload;
use bulkrail_core::{Error, ErrorKind, SubmittedRows, identifier_or_length};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::raw::types::{BatchAccount, Beneficiary, BeneficiaryDocument, BeneficiaryTypeKnown, CreateBatch};
use super::{PROVIDER, batch, split};
use crate::submission::{FileFormat, SubmitOptions, required_file, wrong_format};

/// Columns of a CSV of accounts, a format of this crate: Localpayment documents JSON only. A company does not have a
/// `lastName`.
pub const CSV: CsvFormat = CsvFormat::new(&["externalId", "type", "name", "documentType", "documentId"])
    .with_optional(&["lastName"])
    .with_reference("externalId")
    .converted();

/// Checked batch that is ready to be submitted.
#[derive(Debug, Clone)]
pub struct Submission {
    batch: Box<CreateBatch>,
    rows: SubmittedRows,
}

impl Submission {
    /// Checks a batch; see [`check`](super::check).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the batch breaks a rule; the message names the position of the account.
    pub fn new(batch: CreateBatch) -> Result<Self, Error> {
        super::check(&batch)?;
        let rows = SubmittedRows::new(batch.accounts.iter().map(|account| account.external_id.as_str()));
        Ok(Self { batch: Box::new(batch), rows })
    }

    /// Prepares the submissions of a file. The signature is the same in every provider module.
    ///
    /// The file is a batch as Localpayment documents it (a JSON object), a JSON array of accounts, or a [`CSV`] of
    /// accounts. A file of accounts needs the options `account_number` and `country`; a batch has its own. More than
    /// 5,000 accounts make several submissions.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file is missing, has another format or breaks a rule, when options are missing or
    /// not allowed with this file, or when Localpayment does not have one of them.
    pub async fn prepare(
        file: Option<Upload>,
        format: Option<FileFormat>,
        options: &SubmitOptions,
    ) -> Result<Vec<Self>, Error> {
        options.check(&PROVIDER, &["key", "account_number", "country"])?;
        let file = Document::read(&required_file(&PROVIDER, file)?, format).await?;
        split(file.into_batch(options)?)?.into_iter().map(Self::new).collect()
    }

    /// Returns the rows of `file` that were submitted as the batch `id`: a large file makes several batches.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file has another format or breaks a rule.
    pub async fn rows_of_file(file: Upload, format: Option<FileFormat>, id: &str) -> Result<SubmittedRows, Error> {
        Ok(Document::read(&file, format).await?.rows(id))
    }

    /// Returns the rows of the batch and their references.
    #[must_use]
    pub fn rows(&self) -> &SubmittedRows {
        &self.rows
    }

    /// Returns the batch that is sent.
    #[must_use]
    pub fn batch(&self) -> &CreateBatch {
        &self.batch
    }

    /// Returns the `externalId` of the batch, which is its id.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.batch.external_id
    }
}

/// Reason to refuse options beside a file that has them.
pub(super) const OWN_OPTIONS: &str = "the file has its own externalId, accountNumber and country; key, account number and \
                                      country are for files with accounts only";

/// Content of a file.
enum Document {
    /// A batch as Localpayment documents it.
    Batch(Box<CreateBatch>),
    /// Accounts only.
    Accounts(Vec<BatchAccount>),
}

impl Document {
    async fn read(file: &Upload, format: Option<FileFormat>) -> Result<Self, Error> {
        let parse: fn(&mut dyn Read, u64) -> Result<Self, Error> = match format {
            Some(FileFormat::Json) => parse_json,
            Some(FileFormat::Csv) => parse_csv,
            _ => return Err(wrong_format(&PROVIDER, ".json and .csv")),
        };
        file.inspect(parse).await.map_err(|error| error.with_provider(PROVIDER).with_action("checking the file"))
    }

    /// Returns the batch; `options` complete a file of accounts.
    fn into_batch(self, options: &SubmitOptions) -> Result<CreateBatch, Error> {
        let SubmitOptions { key, account_number, country, .. } = options;
        match self {
            Self::Batch(batch) if key.is_none() && account_number.is_none() && country.is_none() => Ok(*batch),
            Self::Batch(_) => Err(batch::usage(OWN_OPTIONS.to_owned())),
            Self::Accounts(accounts) => {
                let (Some(account_number), Some(country)) = (account_number, country) else {
                    let reason = "a file with accounts only needs an account number and a country";
                    let missing = if account_number.is_none() { "account_number" } else { "country" };
                    return Err(batch::usage(reason.to_owned()).with_parameter(missing));
                };
                let random = || uuid::Uuid::new_v4().to_string();
                Ok(CreateBatch {
                    account_number: account_number.clone(),
                    accounts,
                    country: country.clone(),
                    external_id: key.clone().unwrap_or_else(random),
                    name: None,
                })
            }
        }
    }

    fn rows(self, id: &str) -> SubmittedRows {
        let (base, accounts) = match self {
            Self::Batch(batch) => (batch.external_id, batch.accounts),
            Self::Accounts(accounts) => {
                let parts = accounts.len().div_ceil(*batch::ACCOUNTS.end());
                let base = batch::numbered(id, parts).map_or(id, |(base, _)| base);
                (base.to_owned(), accounts)
            }
        };
        let rows =
            |accounts: &[BatchAccount]| SubmittedRows::new(accounts.iter().map(|account| account.external_id.as_str()));
        let all = rows(&accounts);
        // Only the references matter; the other fields have any valid value.
        let whole = CreateBatch {
            account_number: String::new(),
            accounts,
            country: "MEX".to_owned(),
            external_id: base,
            name: None,
        };
        let parts = split(whole).unwrap_or_default();
        match parts.iter().find(|part| part.external_id == id) {
            Some(part) if parts.len() > 1 => rows(&part.accounts),
            _ => all,
        }
    }
}

/// Which some programs put before UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reason to refuse a file that begins as neither of the documents.
pub(super) const NEITHER: &str = "this is neither a batch (a JSON object) nor an array of accounts";

/// Difference between a file and what would be sent of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsent {
    /// A field would be dropped.
    Field,
    /// A list would be sent as an object: its values by their positions.
    List,
}

impl Unsent {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Field => "Localpayment does not document this field; it would not be sent",
            Self::List => "this is a list, where Localpayment documents an object",
        }
    }

    /// Returns the identifier of the rule, for a check of the file.
    #[cfg_attr(not(feature = "check"), expect(dead_code, reason = "for checks only"))]
    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::Field => "unknown-field",
            Self::List => "not-as-documented",
        }
    }
}

/// Returns what is wrong with JSON, without values: only names of documented fields are repeated.
pub(super) fn fault_of_json(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let missing = message.strip_prefix("missing field ").and_then(|rest| rest.split(" at line").next());
    match missing {
        Some(field) => format!("the field {field} is missing"),
        None if error.is_data() => "this is not what Localpayment documents there".to_owned(),
        None => "this is not JSON".to_owned(),
    }
}

fn parse_json(file: &mut dyn Read, _: u64) -> Result<Document, Error> {
    let text = read_json(file)?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    match text.trim_ascii_start().first() {
        Some(b'{') => parse(text).map(|batch| Document::Batch(Box::new(batch))),
        Some(b'[') => parse(text).map(Document::Accounts),
        _ => Err(usage(NEITHER.to_owned())),
    }
}

/// Returns the bytes of a file, within the limit of a CSV file.
pub(super) fn read_json(file: &mut dyn Read) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    let unreadable = |error: std::io::Error| usage(format!("the file cannot be read: {}", error.kind()));
    file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(usage(format!("the file has more than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

/// Parses JSON that is sent as it is: a field that would be dropped is an error. Errors do not quote values.
fn parse<T: DeserializeOwned + Serialize>(text: &[u8]) -> Result<T, Error> {
    let parsed: T = serde_json::from_slice(text).map_err(|error| {
        usage(format!("line {}, column {}: {}", error.line(), error.column(), fault_of_json(&error)))
    })?;
    let given: Value = serde_json::from_slice(text).unwrap_or_default();
    let kept = serde_json::to_value(&parsed).unwrap_or_default();
    let mut first = None;
    unsent(&given, &kept, String::new(), &mut |pointer, unsent| {
        first.get_or_insert((pointer, unsent));
    });
    match first {
        Some((pointer, unsent)) => Err(usage(format!("{pointer}: {}", unsent.reason()))),
        None => Ok(parsed),
    }
}

/// Calls `on_unsent` with the JSON pointer of each value of `given` that is not in `kept` as it is.
pub(super) fn unsent(given: &Value, kept: &Value, pointer: String, on_unsent: &mut dyn FnMut(String, Unsent)) {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            for (name, value) in given {
                match kept.get(name) {
                    None if value.is_null() => {}
                    None => on_unsent(format!("{pointer}/{}", identifier_or_length(name)), Unsent::Field),
                    Some(kept) if value.is_object() || value.is_array() => {
                        unsent(value, kept, format!("{pointer}/{}", identifier_or_length(name)), on_unsent);
                    }
                    Some(_) => {}
                }
            }
        }
        (Value::Array(given), Value::Array(kept)) => {
            for (index, (given, kept)) in given.iter().zip(kept).enumerate() {
                unsent(given, kept, format!("{pointer}/{index}"), on_unsent);
            }
        }
        // serde takes the values of a list for the fields of a struct.
        (Value::Array(_), Value::Object(_)) => on_unsent(pointer, Unsent::List),
        _ => {}
    }
}

fn parse_csv(file: &mut dyn Read, size: u64) -> Result<Document, Error> {
    let mut accounts = Vec::new();
    CSV.read(file, size, |row| {
        accounts.push(parse_row(row)?);
        Ok(())
    })?;
    Ok(Document::Accounts(accounts))
}

/// Returns column, rule and reason of each rule that a row breaks, beyond those of [`CSV`].
pub(super) fn row_faults(row: &CsvRow<'_>) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let cell = |column: &str| row.cell(column).trim();
    let fault = |is_broken: bool, column, rule, reason| is_broken.then_some((column, rule, reason));
    let is_known = ["INDIVIDUAL", "COMPANY"].contains(&cell("type"));
    let has_no_last_name = cell("type") == "INDIVIDUAL" && cell("lastName").is_empty();
    let is_reference = batch::is_reference(cell("externalId"));
    [
        fault(!is_known, "type", "beneficiary-type", "must be INDIVIDUAL or COMPANY"),
        fault(has_no_last_name, "lastName", "empty", "is empty"),
        fault(!is_reference, "externalId", "reference", "must be letters, digits and hyphens"),
    ]
    .into_iter()
    .flatten()
}

fn parse_row(row: &CsvRow<'_>) -> Result<BatchAccount, Error> {
    if let Some((column, _, reason)) = row_faults(row).next() {
        return Err(row.error(column, reason));
    }
    let cell = |column: &str| row.cell(column).trim();
    let type_ = match cell("type") {
        "COMPANY" => BeneficiaryTypeKnown::Company,
        _ => BeneficiaryTypeKnown::Individual,
    };
    let document = BeneficiaryDocument { id: cell("documentId").to_owned(), type_: cell("documentType").to_owned() };
    Ok(BatchAccount {
        address: None,
        beneficiary: Beneficiary {
            document,
            last_name: Some(cell("lastName").to_owned()).filter(|name| !name.is_empty()),
            lastname: None,
            name: cell("name").to_owned(),
            type_: type_.into(),
        },
        external_id: cell("externalId").to_owned(),
    })
}

fn usage(reason: String) -> Error {
    Error::new(ErrorKind::Usage, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse_json(&mut text.as_bytes(), 0).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn json_with_a_field_that_would_be_dropped_is_refused_with_its_pointer() {
        let account = |extra: &str, name: &str| {
            format!(
                r#"[{{"externalId":"a-0"{extra},"beneficiary":{{"type":"INDIVIDUAL","name":"Ana","{name}":"Rojas","document":{{"type":"RFC","id":"X0"}}}}}}]"#
            )
        };
        assert_eq!(refused(&account("", "lastName")), "");
        assert!(refused(&account(r#","email":"x@example.com""#, "lastName")).starts_with("/0/email: "));
        assert!(refused(&account("", "lastNme")).starts_with("/0/beneficiary/lastNme: "));
        assert!(refused(&account(r#","ana@example.com":1"#, "lastName")).starts_with("/0/(a text of 15 bytes): "));
        assert_eq!(refused(&account(r#","address":null"#, "lastName")), "", "null says nothing");
    }

    #[test]
    fn json_file_is_read_up_to_its_limit() {
        let read = |len: u64| read_json(&mut std::io::repeat(b' ').take(len));
        assert_eq!(read(MAX_BYTES).unwrap().len() as u64, MAX_BYTES);
        assert!(read(MAX_BYTES + 1).unwrap_err().to_string().contains("the file has more than"));
    }

    #[test]
    fn rows_of_a_batch_whose_id_ends_in_a_number_are_its_own() {
        let accounts = |count: usize| -> Vec<BatchAccount> {
            let json = |n: usize| {
                let document = serde_json::json!({"type": "RFC", "id": "X0"});
                let holder = serde_json::json!({
                    "type": "INDIVIDUAL", "name": "Ana", "lastName": "Rojas", "document": document,
                });
                serde_json::json!({"externalId": format!("a-{n}"), "beneficiary": holder})
            };
            (0..count).map(|n| serde_json::from_value(json(n)).expect("an account")).collect()
        };
        let rows = |count: usize, id: &str| Document::Accounts(accounts(count)).rows(id).references;
        assert_eq!(rows(12, "x").len(), 12);
        // Parts of 5,000 accounts at most: `x`, and `x-2`.
        let (first, second) = (rows(6_000, "x"), rows(6_000, "x-2"));
        assert_eq!((first.len(), second.len()), (3_000, 3_000));
        assert_eq!((&*first[0], &*second[0]), ("a-0", "a-3000"));
        // A number that `split` does not give is part of the id of the first batch.
        for id in ["x-1", "x-0", "x-1234", "x-y"] {
            assert_eq!(rows(6_000, id), first, "{id}");
        }
    }
}
