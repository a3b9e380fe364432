//! Every request that the library can make and the command does not, at a sandbox.
//!
//! `.ci/requests-judge` has it send them through a proxy that compares them with the specs: `REQUESTS_JUDGE_URL` is its
//! address, with a sandbox behind it.

use std::path::Path;
use std::time::Duration;

use bulkrail::cdq::raw::types::{BankAccount, ConfirmBankAccount};
use bulkrail::killb::CreateAccount;
use bulkrail::localpayment::raw::types::CreateVirtualAccount;
use bulkrail::reap::raw::types::{CreateEntity, EntityTypeKnown};
use bulkrail::{Provider, cdq, killb, localpayment, reap};
use bulkrail_sandbox::Sandbox;
use serde_json::{Value, json};

/// An account of a second is ready in some milliseconds.
const SPEED: f64 = 100.0;

/// Address and credentials of a provider, which are the same in every sandbox.
struct At<'s> {
    url: String,
    secrets: Vec<&'s str>,
}

/// Returns a provider at the proxy, else at `sandbox`.
fn at<'s>(sandbox: &'s Sandbox, provider: &str) -> At<'s> {
    let url = match std::env::var("REQUESTS_JUDGE_URL") {
        Ok(proxy) => format!("{proxy}/{provider}"),
        Err(_) => sandbox.base_url(provider).unwrap(),
    };
    At { url, secrets: sandbox.credentials(provider).iter().map(|(_, secret)| *secret).collect() }
}

async fn sandbox() -> Sandbox {
    Sandbox::builder().speed(SPEED).start().await.unwrap()
}

/// Returns the request body that the spec shows for each kind of account.
fn kinds_of_accounts() -> Vec<CreateAccount> {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/killb.yaml");
    let spec = bulkrail_codegen::Spec::load(spec).unwrap().document;
    let body = &spec["paths"]["/api/v2/accounts"]["post"]["requestBody"]["content"]["application/json"];
    let examples = body["examples"].as_object().unwrap().values();
    examples.map(|example| serde_json::from_value(example["value"].clone()).unwrap()).collect()
}

#[tokio::test]
async fn killb_takes_every_request_of_the_library() {
    let sandbox = sandbox().await;
    let At { url, secrets } = at(&sandbox, "killb");
    let credentials = killb::Credentials::login(secrets[0], secrets[1]);
    let client = killb::Client::builder().base_url(url).credentials(credentials).build().unwrap();

    let mut created = Vec::new();
    for (number, mut account) in kinds_of_accounts().into_iter().enumerate() {
        // It is unique. The examples repeat it.
        account.external_id = account.external_id.map(|_| format!("judged-{number}"));
        created.push(client.create_account(&account).await.unwrap());
    }
    assert!(created.len() > 20, "only {} examples", created.len());
    let mut shortest = kinds_of_accounts().remove(0);
    (shortest.user_id, shortest.external_id) = (None, None);
    created.push(client.create_account(&shortest).await.unwrap());

    let last = created.last().unwrap();
    let user_id = last.user_id.clone();
    let read = client.raw().get_account(&last.id).await.unwrap().into_inner();
    assert_eq!(read.id, last.id);
    assert!(client.accounts_of_user(&user_id).await.unwrap().iter().any(|account| account.id == last.id));
    assert!(!client.banks("CO").await.unwrap().is_empty());
    assert!(!client.raw().list_banks(None).await.unwrap().into_inner().is_empty());
    assert!(client.template().await.unwrap().len() > 1_000);
    for kinds in [&[][..], &["PSE"], &["PSE", "ACH"]] {
        assert!(client.export_accounts(kinds).await.unwrap().len() > 1_000);
    }
    client.delete_account(&last.id).await.unwrap();
}

#[tokio::test]
async fn reap_takes_every_request_of_the_library() {
    let sandbox = sandbox().await;
    let At { url, secrets } = at(&sandbox, "reap");
    let credentials = reap::Credentials::api_key(secrets[0]);
    let client = reap::Client::builder().base_url(url).credentials(credentials).build().unwrap();
    for (number, type_) in [EntityTypeKnown::Individual, EntityTypeKnown::Business].into_iter().enumerate() {
        let external_id = format!("judged-{number}");
        let entity = CreateEntity { external_id, type_: type_.into(), verification_mode: None };
        let created = client.raw().create_entity(&entity).await.unwrap().into_inner();
        assert_eq!(client.raw().get_entity(&created.id).await.unwrap().into_inner().id, created.id);
    }
}

#[tokio::test]
async fn cdq_takes_every_request_of_the_library() {
    let sandbox = sandbox().await;
    let At { url, secrets } = at(&sandbox, "cdq");
    let credentials = cdq::Credentials::api_key(secrets[0]);
    let client = cdq::Client::builder().base_url(url).credentials(credentials).build().unwrap();
    // One of each documented way to name an account.
    for account in [
        json!({"internationalBankAccountIdentifier": "CH8800781619278412000"}),
        json!({"nationalBankAccountIdentifier": "619278412000", "internationalBankIdentifier": "KBSGCH22XXX"}),
        json!({"bankCountryCode": "CH", "nationalBankIdentifier": "00781", "nationalBankAccountIdentifier": "619278412000"}),
    ] {
        let bank_account: BankAccount = serde_json::from_value(account).unwrap();
        client.raw().confirm_bank_account(&ConfirmBankAccount { bank_account }).await.unwrap();
    }
    let csv = "International Account ID,International Bank ID,Country Code,National Bank ID,National Account ID\n\
               CH8800781619278412000,,,,\n";
    client.upload_accounts(csv.as_bytes().to_vec()).await.unwrap();
}

#[tokio::test]
async fn localpayment_takes_every_request_of_the_library() {
    let sandbox = sandbox().await;
    let At { url, secrets } = at(&sandbox, "localpayment");
    let credentials = localpayment::Credentials::login(secrets[0], secrets[1]);
    let client = localpayment::Client::builder().base_url(url).credentials(credentials).build().unwrap();

    let document = json!({"type": "RFC", "id": "EXTF900101NI1"});
    let account = json!({
        "externalId": "judged-1", "accountNumber": "484.484.00000011", "country": "MEX", "currency": "MXN",
        "beneficiary": {"type": "INDIVIDUAL", "name": "Ana", "lastName": "Doe", "document": document},
    });
    let account: CreateVirtualAccount = serde_json::from_value(account).unwrap();
    client.raw().create_virtual_account(&account).await.unwrap();
    let is_completed = async || {
        let account = client.raw().get_virtual_account("judged-1").await.unwrap().into_inner();
        let account: Value = serde_json::to_value(account).unwrap();
        account["status"]["description"] == "COMPLETED"
    };
    while !is_completed().await {
        client.clock().sleep(Duration::from_millis(20)).await;
    }
    client.disable_account("judged-1").await.unwrap();
    client.enable_account("judged-1").await.unwrap();
}
