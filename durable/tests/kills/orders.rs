//! Orders: files that each provider accepts. Their names are made up.

use std::path::{Path, PathBuf};

use bulkrail::{SubmitOptions, killb};
use serde::{Deserialize, Serialize};

/// Order as the child gets it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Planned {
    pub(crate) key: String,
    pub(crate) path: PathBuf,
    pub(crate) options: SubmitOptions,
    /// `submit` has returned in an earlier process.
    pub(crate) is_accepted: bool,
}

/// Writes the file of an order into `folder`, and returns the order with the content of the file.
pub(crate) async fn order(provider: &str, folder: &Path, number: usize) -> (Planned, Vec<u8>) {
    let key = format!("{provider}-{number:05}");
    let (extension, content) = match provider {
        "killb" => ("xlsx", workbook(&key).await),
        "reap" => ("csv", format!("externalId,shareToken\n{key},token-of-{key}\n").into_bytes()),
        "cdq" => ("csv", bank_accounts(number).into_bytes()),
        _ => ("csv", accounts(&key).into_bytes()),
    };
    let path = folder.join(format!("{key}.{extension}"));
    std::fs::write(&path, &content).unwrap();
    let options = match provider {
        "cdq" => SubmitOptions::default().storage_id(&key),
        "localpayment" => SubmitOptions::default().account_number("484.484.00000011").country("MEX"),
        _ => SubmitOptions::default(),
    };
    (Planned { key, path, options, is_accepted: false }, content)
}

async fn workbook(key: &str) -> Vec<u8> {
    let csv = format!(
        "externalId,entityType,accountType,firstName,email,lastName,phone,documentNumber,documentIssuedCountryCode,\
         personDocumentType,countryCode,accountNumber,bankCode,bankAccountType\n\
         {key},PERSON,PSE,Person,p@example.com,Doe,+576015555555,X1,CO,PASSPORT,CO,10203001,001,savings\n"
    );
    killb::Workbook::from_csv(csv.into_bytes()).await.unwrap().into_bytes()
}

fn bank_accounts(number: usize) -> String {
    format!(
        "International Account ID,International Bank ID,Country Code,National Bank ID,National Account ID\n\
         DE{number:05},BANKDEFF,DE,,\n"
    )
}

/// Localpayment takes 10 accounts at least.
fn accounts(key: &str) -> String {
    let row = |row| format!("{key}-{row},INDIVIDUAL,Jane,Doe {row},RFC,XAXX010101000\n");
    let rows: String = (1..=10).map(row).collect();
    format!("externalId,type,name,lastName,documentType,documentId\n{rows}")
}
