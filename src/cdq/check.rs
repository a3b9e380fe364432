//! Checks of a CSV file before it is sent.

use std::cell::RefCell;
use std::io::Read;

use bulkrail_core::Error;
use bulkrail_core::check::standards::{BIC, COUNTRY, IBAN};
use bulkrail_core::check::{
    CellForm, CheckOptions, CheckReport, CheckedRow, ColumnRule, Findings, Level, Place, Repeats,
};
use bulkrail_core::http::Upload;

use super::{CSV, PROVIDER, Submission};
use crate::submission::{FileFormat, SubmitOptions, wrong_format};

const IBAN_COLUMN: &str = "International Account ID";
const BIC_COLUMN: &str = "International Bank ID";
const COUNTRY_COLUMN: &str = "Country Code";
const BANK_COLUMN: &str = "National Bank ID";
const ACCOUNT_COLUMN: &str = "National Account ID";

/// Columns of an upload. The names are those of the
/// [confirmation of a single account](https://developer.cdq.com/apis/bankaccount-data-api/api-v2/bank-account-verification/paths/~1v2~1bankaccounts~1confirm/post),
/// which has an IBAN, a BIC and an ISO country code in these places.
const RULES: &[ColumnRule] = &[
    ColumnRule::of(IBAN_COLUMN, &IBAN),
    ColumnRule::of(BIC_COLUMN, &BIC),
    ColumnRule::of(COUNTRY_COLUMN, &COUNTRY),
    ColumnRule::code(BANK_COLUMN),
    ColumnRule::code(ACCOUNT_COLUMN),
];

impl Submission {
    /// Checks a CSV file as far as possible before it is sent. The signature is the same in every provider module.
    ///
    /// Errors are what [`Submission::prepare`] refuses, all of them. Warnings are IBANs, BICs and country codes that break
    /// their standard, rows that identify no account, repeated accounts, and damage by spreadsheets.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the file cannot be read or is not CSV, or CDQ does not have one
    /// of the options.
    pub async fn check(
        file: Upload,
        format: Option<FileFormat>,
        submit: &SubmitOptions,
        options: &CheckOptions,
    ) -> Result<CheckReport, Error> {
        submit.check(&PROVIDER, &["storage_id", "feature"])?;
        if format != Some(FileFormat::Csv) {
            return Err(wrong_format(&PROVIDER, ".csv"));
        }
        let options = options.clone();
        let checked = file.inspect(move |file, size| check_csv(file, size, &options)).await;
        checked.map_err(|error| error.with_provider(PROVIDER).with_action("checking the file"))
    }
}

fn check_csv(file: &mut dyn Read, size: u64, options: &CheckOptions) -> Result<CheckReport, Error> {
    let findings = RefCell::new(Findings::new(options));
    let mut accounts = Repeats::default();
    let rows = CSV.read_all(
        file,
        size,
        |row| {
            let cells = row.cells().map(|(name, cell)| (name, cell, CellForm::Text));
            check_row(&mut CheckedRow::new(row.number(), cells), &mut accounts, &mut findings.borrow_mut());
        },
        |fault| findings.borrow_mut().add_csv_fault(fault),
    )?;
    Ok(findings.into_inner().into_report(PROVIDER, rows))
}

fn check_row(row: &mut CheckedRow<'_>, accounts: &mut Repeats, findings: &mut Findings) {
    row.check_cells(RULES, findings);
    let [iban, bic, country, bank, account] =
        [IBAN_COLUMN, BIC_COLUMN, COUNTRY_COLUMN, BANK_COLUMN, ACCOUNT_COLUMN].map(|column| row.cell(column));
    let has_bank = !bic.is_empty() || (!bank.is_empty() && !country.is_empty());
    if iban.is_empty() && (account.is_empty() || !has_bank) {
        let reason = "has neither an IBAN, nor an account number with a BIC or with bank and country";
        let place = Place { row: Some(row.number()), column: None };
        findings.add(place, Level::Warning, "account-not-identified", reason, "");
    }
    let is_other_country = country.len() == 2 && iban.get(..2).is_some_and(|of_iban| of_iban != country);
    if is_other_country {
        row.warn(COUNTRY_COLUMN, "iban-country-differs", "is not the country of the IBAN", findings);
    }
    let key = if iban.is_empty() { ["", bic, country, bank, account] } else { [iban, "", "", "", ""] };
    let column = if iban.is_empty() { ACCOUNT_COLUMN } else { IBAN_COLUMN };
    if !(iban.is_empty() && account.is_empty())
        && let Some(first) = accounts.first(&key, row.number())
    {
        row.warn(column, "repeated-account", format!("is the same account as in row {first}"), findings);
    }
}
