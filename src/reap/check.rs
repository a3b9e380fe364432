//! Checks of a CSV file before it is sent.

use std::cell::RefCell;
use std::io::Read;

use bulkrail_core::Error;
use bulkrail_core::check::standards::UUID;
use bulkrail_core::check::{CellForm, CheckOptions, CheckReport, CheckedRow, ColumnRule, Findings, Repeats};
use bulkrail_core::http::Upload;

use super::{CSV, PROVIDER, Submission};
use crate::submission::{FileFormat, SubmitOptions, wrong_format};

/// Columns of an upload. The page documents `externalId` as the UUID of an existing entity.
const RULES: &[ColumnRule] = &[
    ColumnRule::of("externalId", &UUID),
    ColumnRule::code("shareToken"),
    ColumnRule::code("applicantLevel"),
    ColumnRule::code("cardProcessorPublicToken"),
];

impl Submission {
    /// Checks a CSV file as far as possible before it is sent. The signature is the same in every provider module.
    ///
    /// Errors are what [`Submission::prepare`] refuses, all of them. Warnings are ids that are not UUIDs, share tokens that
    /// are there twice, and damage by spreadsheets.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the file cannot be read or is not CSV, or Reap does not have one
    /// of the options.
    pub async fn check(
        file: Upload,
        format: Option<FileFormat>,
        submit: &SubmitOptions,
        options: &CheckOptions,
    ) -> Result<CheckReport, Error> {
        submit.check(&PROVIDER, &["key"])?;
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
    let mut tokens = Repeats::default();
    let rows = CSV.read_all(
        file,
        size,
        |row| {
            let findings = &mut *findings.borrow_mut();
            let cells = row.cells().map(|(name, cell)| (name, cell, CellForm::Text));
            let mut row = CheckedRow::new(row.number(), cells);
            row.check_cells(RULES, findings);
            let token = row.cell("shareToken");
            // https://reap-ra.readme.io/docs/sumsub-kyc-sharing calls a token single use.
            if !token.is_empty()
                && let Some(first) = tokens.first(&token, row.number())
            {
                let reason = format!("is the token of row {first}, too; a token can be used once");
                row.warn("shareToken", "repeated-token", reason, findings);
            }
        },
        |fault| findings.borrow_mut().add_csv_fault(fault),
    )?;
    Ok(findings.into_inner().into_report(PROVIDER, rows))
}
