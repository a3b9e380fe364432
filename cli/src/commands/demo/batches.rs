//! Batches of the demo. Their names are made up, and their addresses are reserved for examples (RFC
//! 2606).

use std::fmt::Write;

use bulkrail::cdq::raw::types::ConfirmationFeature;
use bulkrail::localpayment::raw::types::{
    BatchAccount, Beneficiary, BeneficiaryDocument, BeneficiaryTypeKnown, CreateBatch,
};
use bulkrail::{AnySubmission, Error, SubmitOptions, cdq, killb, localpayment, reap};

const KILLB_ROWS: u32 = 60;
const REAP_ROWS: u32 = 120;
const LOCALPAYMENT_ROWS: u32 = 40;

/// KillB does not publish a template; these are keys of `originalRowData` in its status response.
const KILLB_COLUMNS: &str = "entityType,email,accountType,documentNumber,documentIssuedCountryCode,countryCode,\
                             firstName,lastName,personDocumentType,bankCode,accountNumber,bankAccountType,externalId";

/// Returns a workbook for KillB with one account in each row.
pub(super) async fn killb() -> Result<AnySubmission, Error> {
    let mut csv = format!("{KILLB_COLUMNS}\n");
    for row in 1..=KILLB_ROWS {
        // Writing to a string cannot fail.
        let _ = writeln!(
            csv,
            "PERSON,demo.person{row}@example.com,PSE,{row:010},CO,CO,Demo,Person {row},CC,001,{row:011},savings,\
             demo-person-{row}",
        );
    }
    killb::Submission::from_workbook(killb::Workbook::from_csv(csv).await?).map(AnySubmission::Killb)
}

/// Returns a CSV file for Reap with one applicant in each row.
pub(super) async fn reap() -> Result<AnySubmission, Error> {
    let mut csv = "externalId,shareToken\n".to_owned();
    for row in 1..=REAP_ROWS {
        // Writing to a string cannot fail.
        let _ = writeln!(csv, "00000000-0000-4000-8000-{row:012},demo-share-token-{row}");
    }
    let options = SubmitOptions::default().key("demo-key");
    reap::Submission::from_csv(csv, &options).await.map(AnySubmission::Reap)
}

/// Returns a confirmation of the accounts in a storage of CDQ.
pub(super) fn cdq() -> AnySubmission {
    AnySubmission::Cdq(cdq::Submission::new("demo-storage", [ConfirmationFeature::ConfirmBaInBpStorage]))
}

/// Returns a batch for Localpayment.
pub(super) fn localpayment() -> Result<AnySubmission, Error> {
    let account = |row| BatchAccount {
        address: None,
        beneficiary: Beneficiary {
            document: BeneficiaryDocument { id: "XAXX010101000".to_owned(), type_: "RFC".to_owned() },
            last_name: Some(format!("Person {row}")),
            lastname: None,
            name: "Demo".to_owned(),
            type_: BeneficiaryTypeKnown::Individual.into(),
        },
        external_id: format!("demo-account-{row}"),
    };
    let batch = CreateBatch {
        account_number: "484.484.00000011".to_owned(),
        accounts: (1..=LOCALPAYMENT_ROWS).map(account).collect(),
        country: "MEX".to_owned(),
        external_id: "demo-batch".to_owned(),
        name: None,
    };
    localpayment::Submission::new(batch).map(AnySubmission::Localpayment)
}
