//! Files to submit. Their names are made up.

use bulkrail::reap;
use bulkrail::reap::raw::types::{CreateEntity, EntityTypeKnown};
use bulkrail_sandbox::Sandbox;
use serde_json::{Value, json};

/// Returns complete rows of KillB, of which a check has nothing to say.
pub(crate) fn people(rows: u32) -> String {
    let row = |row| {
        format!(
            "person-{row},PERSON,PSE,Person,p{row}@example.com,Doe,+576015555555,X{row},CO,PASSPORT,CO,10203{row:03},001,\
             savings\n"
        )
    };
    "externalId,entityType,accountType,firstName,email,lastName,phone,documentNumber,documentIssuedCountryCode,\
     personDocumentType,countryCode,accountNumber,bankCode,bankAccountType\n"
        .chars()
        .chain((1..=rows).map(row).collect::<String>().chars())
        .collect()
}

pub(crate) fn import(references: &[String]) -> String {
    let rows: String = references.iter().map(|reference| format!("{reference},token-of-{reference}\n")).collect();
    format!("externalId,shareToken\n{rows}")
}

pub(crate) fn accounts(rows: u32) -> String {
    let rows: String =
        (1..=rows).map(|row| format!("acc-{row},INDIVIDUAL,Jane,Doe {row},RFC,XAXX010101000\n")).collect();
    format!("externalId,type,name,lastName,documentType,documentId\n{rows}")
}

pub(crate) fn accounts_json(rows: u32) -> Value {
    let document = json!({"id": "XAXX010101000", "type": "RFC"});
    let beneficiary =
        |row| json!({"type": "INDIVIDUAL", "name": "Jane", "lastName": format!("Doe {row}"), "document": document});
    (1..=rows).map(|row| json!({"externalId": format!("json-{row}"), "beneficiary": beneficiary(row)})).collect()
}

pub(crate) const BANK_ACCOUNTS: &str = "\
International Account ID,International Bank ID,Country Code,National Bank ID,National Account ID
DE02,BANKDEFF,DE,,
DE03,BANKDEFF,DE,,
";

/// Creates entities for Reap's rows, and returns their ids.
pub(crate) async fn entities(sandbox: &Sandbox, count: u32) -> Vec<String> {
    let client = reap::Client::builder()
        .base_url(sandbox.base_url("reap").unwrap())
        .credentials(reap::Credentials::api_key(sandbox.credentials("reap")[0].1))
        .build()
        .unwrap();
    let mut ids = Vec::new();
    for number in 0..count {
        let entity = CreateEntity {
            external_id: format!("entity-{number}"),
            type_: EntityTypeKnown::Individual.into(),
            verification_mode: None,
        };
        ids.push(client.raw().create_entity(&entity).await.unwrap().into_inner().id);
    }
    ids
}
