//! What the demo submits. Nobody in it exists, and its addresses belong to nobody (RFC 2606).

use std::fmt::Write;

use bulkrail::localpayment::raw::types::{
    BatchAccount, Beneficiary, BeneficiaryDocument, BeneficiaryTypeKnown, CreateBatch,
};
use bulkrail::{Error, killb};

const KILLB_ROWS: u32 = 60;
const REAP_ROWS: u32 = 120;
const LOCALPAYMENT_ROWS: u32 = 40;

/// KillB publishes no template; these are keys of `originalRowData` in its status answer.
const KILLB_COLUMNS: &str = "entityType,email,accountType,documentNumber,documentIssuedCountryCode,countryCode,firstName,lastName,\
                             personDocumentType,bankCode,accountNumber,bankAccountType,externalId";

/// A workbook for KillB, one account a row.
pub(super) fn killb() -> Result<killb::Workbook, Error> {
    let mut csv = format!("{KILLB_COLUMNS}\n");
    for row in 1..=KILLB_ROWS {
        // Writing to a string cannot fail.
        let _ = writeln!(
            csv,
            "PERSON,demo.person{row}@example.com,PSE,{row:010},CO,CO,Demo,Person {row},CC,001,{row:011},savings,demo-person-{row}",
        );
    }
    killb::Workbook::from_csv(csv)
}

/// A CSV file for Reap, one person a row.
pub(super) fn reap() -> String {
    let mut csv = "externalId,shareToken\n".to_owned();
    for row in 1..=REAP_ROWS {
        // Writing to a string cannot fail.
        let _ = writeln!(csv, "demo-person-{row},demo-share-token-{row}");
    }
    csv
}

/// A batch for Localpayment.
pub(super) fn localpayment() -> CreateBatch {
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
    CreateBatch {
        account_number: "484.484.00000011".to_owned(),
        accounts: (1..=LOCALPAYMENT_ROWS).map(account).collect(),
        country: "MEX".to_owned(),
        external_id: "demo-batch".to_owned(),
        name: None,
    }
}
