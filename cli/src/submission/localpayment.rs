//! Files for Localpayment: JSON as it documents it, and a CSV of our own.

use std::collections::HashMap;
use std::path::Path;

use bulkrail::localpayment::raw::types::{
    BatchAccount, Beneficiary, BeneficiaryDocument, BeneficiaryTypeKnown, CreateBatch,
};
use bulkrail::localpayment::split;
use serde::de::DeserializeOwned;

use super::{extension, in_file, random_key};
use crate::args::Submission;
use crate::failure::Failure;
use crate::input::{content, without_mark};

const COLUMNS: [&str; 6] = ["externalId", "type", "name", "lastName", "documentType", "documentId"];
/// A company has none.
const LAST_NAME: &str = "lastName";

/// What a file for Localpayment holds.
pub(crate) enum Document {
    /// A batch as it is sent.
    Batch(Box<CreateBatch>),
    /// Its accounts only.
    Accounts(Vec<BatchAccount>),
}

impl Document {
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let parse = match extension(file).as_deref() {
            Some("json") => of_json,
            Some("csv") => of_csv,
            _ => return Err(Failure::usage(format!("{}: localpayment takes .json and .csv files", file.display()))),
        };
        let content = content(file)?;
        parse(without_mark(&content)).map_err(Failure::usage).map_err(in_file(file))
    }

    /// The batches to send, with what the command line adds to accounts.
    pub(super) fn batches(self, options: &Submission) -> Result<Vec<CreateBatch>, Failure> {
        let batch = match self {
            Self::Batch(batch) => {
                if options.key.is_some() || options.account_number.is_some() || options.country.is_some() {
                    let reason = "the document has its own externalId, accountNumber and country; --key, \
                                  --account-number and --country are for files with accounts only";
                    return Err(Failure::usage(reason));
                }
                *batch
            }
            Self::Accounts(accounts) => {
                let (Some(account_number), Some(country)) = (&options.account_number, &options.country) else {
                    return Err(Failure::usage("a file with accounts only needs --account-number and --country"));
                };
                CreateBatch {
                    account_number: account_number.clone(),
                    accounts,
                    country: country.clone(),
                    external_id: options.key.clone().unwrap_or_else(random_key),
                    name: None,
                }
            }
        };
        Ok(split(batch)?)
    }

    /// The references of the batch `id`, which may be one of several that the file makes.
    pub(crate) fn references(self, id: &str) -> Vec<String> {
        let base = match &self {
            Self::Batch(batch) => batch.external_id.clone(),
            // The part that `split` adds; the first batch has none.
            Self::Accounts(_) => match id.rsplit_once('-') {
                Some((base, number)) if number.len() < 4 && number.parse().is_ok_and(|number: u32| number > 1) => {
                    base.to_owned()
                }
                _ => id.to_owned(),
            },
        };
        let accounts = match self {
            Self::Batch(batch) => batch.accounts,
            Self::Accounts(accounts) => accounts,
        };
        let references =
            |accounts: &[BatchAccount]| accounts.iter().map(|account| account.external_id.clone()).collect();
        let all = references(&accounts);
        // Only the references matter; the rest is there to be split.
        let bytes = CreateBatch {
            account_number: String::new(),
            accounts,
            country: "MEX".to_owned(),
            external_id: base,
            name: None,
        };
        let parts = split(bytes).unwrap_or_default();
        match parts.iter().find(|part| part.external_id == id) {
            Some(part) if parts.len() > 1 => references(&part.accounts),
            _ => all,
        }
    }
}

fn of_json(text: &[u8]) -> Result<Document, String> {
    match text.trim_ascii_start().first() {
        Some(b'{') => parsed(text).map(|batch| Document::Batch(Box::new(batch))),
        Some(b'[') => parsed(text).map(Document::Accounts),
        _ => Err("this is neither a batch (a JSON object) nor an array of accounts".to_owned()),
    }
}

/// Reads JSON, and says what is wrong with it without quoting it.
fn parsed<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    serde_json::from_slice(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let message = error.to_string();
        // Names of documented fields only; other messages quote values.
        let missing = message.strip_prefix("missing field ").and_then(|rest| rest.split(" at line").next());
        match missing {
            Some(field) => format!("{place}: the field {field} is missing"),
            None if error.is_data() => format!("{place}: this is not what Localpayment documents there"),
            None => format!("{place}: this is no JSON"),
        }
    })
}

fn of_csv(text: &[u8]) -> Result<Document, String> {
    if text.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
        return Err(
            "a quotation mark is opened and not closed (within a cell, put the cell in marks and double it)".to_owned()
        );
    }
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
    let mut places = HashMap::new();
    for (place, name) in header.iter().enumerate() {
        let Some(column) = COLUMNS.into_iter().find(|column| *column == name.trim()) else {
            let comma = if header.len() == 1 { "; what separates cells is a comma" } else { "" };
            return Err(format!("row 1: column {} is not one of {}{comma}", place + 1, COLUMNS.join(", ")));
        };
        if places.insert(column, place).is_some() {
            return Err(format!("row 1: column {column} stands twice"));
        }
    }
    if let Some(missing) = COLUMNS.iter().find(|column| **column != LAST_NAME && !places.contains_key(*column)) {
        return Err(format!("row 1: column {missing} is missing"));
    }
    let mut accounts = Vec::new();
    let mut seen = HashMap::new();
    for (row, record) in (2u64..).zip(reader.records()) {
        let record = record.map_err(|error| unreadable(&error))?;
        let cell = |column: &str| places.get(column).and_then(|place| record.get(*place)).unwrap_or_default().trim();
        let account = account(&cell).map_err(|(column, reason)| format!("row {row}, column {column}: {reason}"))?;
        if let Some(first) = seen.insert(account.external_id.clone(), row) {
            return Err(format!("row {row}, column externalId: the same as in row {first}"));
        }
        accounts.push(account);
    }
    Ok(Document::Accounts(accounts))
}

/// The account in a row, or the column that is wrong and why.
fn account<'a>(cell: &impl Fn(&str) -> &'a str) -> Result<BatchAccount, (&'static str, &'static str)> {
    let type_ = match cell("type") {
        "INDIVIDUAL" => BeneficiaryTypeKnown::Individual,
        "COMPANY" => BeneficiaryTypeKnown::Company,
        _ => return Err(("type", "must be INDIVIDUAL or COMPANY")),
    };
    let is_needed = |column: &&str| *column != LAST_NAME || type_ == BeneficiaryTypeKnown::Individual;
    if let Some(column) = COLUMNS.into_iter().filter(is_needed).find(|column| cell(column).is_empty()) {
        return Err((column, "is empty"));
    }
    let external_id = cell("externalId");
    if !external_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(("externalId", "must be letters, digits and hyphens"));
    }
    Ok(BatchAccount {
        address: None,
        beneficiary: Beneficiary {
            document: BeneficiaryDocument { id: cell("documentId").to_owned(), type_: cell("documentType").to_owned() },
            last_name: Some(cell(LAST_NAME).to_owned()).filter(|name| !name.is_empty()),
            lastname: None,
            name: cell("name").to_owned(),
            type_: type_.into(),
        },
        external_id: external_id.to_owned(),
    })
}

/// What is wrong with a CSV, without quoting it.
pub(crate) fn unreadable(error: &csv::Error) -> String {
    let row = error.position().map_or_else(String::new, |position| format!("row {}: ", position.record() + 1));
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!("{row}is not UTF-8"),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{row}has {len} cells, but the header has {expected_len}")
        }
        csv::ErrorKind::Io(error) => format!("the file cannot be read: {error}"),
        _ => format!("{row}is not CSV"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(rows: &[&str]) -> Result<Document, String> {
        of_csv(format!("externalId,type,name,lastName,documentType,documentId\n{}\n", rows.join("\n")).as_bytes())
    }

    #[test]
    fn a_row_is_an_account() {
        let Ok(Document::Accounts(accounts)) = csv(&["a-1,INDIVIDUAL,Ann,Doe,RFC,X1", "a-2,COMPANY,Firm,,RFC,X2"])
        else {
            panic!("no accounts");
        };
        let json = serde_json::to_value(&accounts).unwrap();
        let expected = serde_json::json!([
            {"externalId": "a-1", "beneficiary":
                {"type": "INDIVIDUAL", "name": "Ann", "lastName": "Doe", "document": {"type": "RFC", "id": "X1"}}},
            {"externalId": "a-2", "beneficiary":
                {"type": "COMPANY", "name": "Firm", "document": {"type": "RFC", "id": "X2"}}},
        ]);
        assert_eq!(json, expected);
    }

    #[test]
    fn what_is_wrong_is_named_by_row_and_column() {
        let good = "a-1,INDIVIDUAL,Ann,Doe,RFC,X1";
        for (rows, expected) in [
            (&[good, good][..], "row 3, column externalId: the same as in row 2"),
            (&[good, "a_2,COMPANY,CANARY,,RFC,X"], "row 3, column externalId: must be letters, digits and hyphens"),
            (&["a-2,INDIVIDUAL,CANARY,,RFC,X"], "row 2, column lastName: is empty"),
            (&["a-2,CANARY,B,,RFC,X"], "row 2, column type: must be INDIVIDUAL or COMPANY"),
            (&["a-2,COMPANY,CANARY"], "row 2: has 3 cells, but the header has 6"),
        ] {
            assert_eq!(csv(rows).err().as_deref(), Some(expected));
        }
        for (text, expected) in [
            (&b"externalId,type,name,documentType\n"[..], "row 1: column documentId is missing"),
            (
                b"externalId,CANARY\n",
                "row 1: column 2 is not one of externalId, type, name, lastName, documentType, documentId",
            ),
            (b"externalId,name,name\n", "row 1: column name stands twice"),
            (
                b"externalId;type\n",
                "row 1: column 1 is not one of externalId, type, name, lastName, documentType, documentId; what \
                 separates cells is a comma",
            ),
        ] {
            assert_eq!(of_csv(text).err().as_deref(), Some(expected));
        }
    }

    #[test]
    fn json_is_not_quoted_either() {
        for (text, expected) in [
            (r#"{"externalId":"CANARY"}"#, "line 1, column 23: the field `accountNumber` is missing"),
            (r#"["CANARY"]"#, "line 1, column 9: this is not what Localpayment documents there"),
            (r#"[CANARY"#, "line 1, column 2: this is no JSON"),
            ("CANARY", "this is neither a batch (a JSON object) nor an array of accounts"),
        ] {
            assert_eq!(of_json(text.as_bytes()).err().as_deref(), Some(expected));
        }
    }

    #[test]
    fn each_of_several_batches_finds_its_own_rows_again() {
        let rows: Vec<_> = (1..=5001).map(|row| format!("a-{row},COMPANY,Firm,,RFC,X")).collect();
        let rows: Vec<_> = rows.iter().map(String::as_str).collect();
        let find = |id| csv(&rows).ok().map(|document| document.references(id)).unwrap_or_default();
        let (first, second) = (find("payroll"), find("payroll-2"));
        assert_eq!((first.len(), second.len()), (2500, 2501));
        assert_eq!((first.first(), second.last()), (Some(&"a-1".to_owned()), Some(&"a-5001".to_owned())));
    }
}
