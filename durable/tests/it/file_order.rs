//! Orders that are files.

use std::fmt::Write as _;
use std::path::PathBuf;

use bulkrail::test_util::{MockConnector, MockResponse};
use bulkrail::{AnyClient, SubmitOptions, cdq, killb, localpayment, reap};
use bulkrail_core::{Batch, Error, ErrorKind, Provider};
use bulkrail_durable::{FileOrder, Submitter};
use serde_json::{Value, json};

fn connector() -> MockConnector {
    let connector = MockConnector::new();
    connector.respond_with(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let id = body["externalId"].as_str().unwrap_or("b-1");
        MockResponse::json(200, json!({"batchId": id, "jobId": id, "id": id, "externalId": id}))
    });
    connector
}

fn clients(connector: &MockConnector) -> [AnyClient; 4] {
    let killb = killb::Client::builder().credentials(killb::Credentials::access_token("t"));
    let reap = reap::Client::builder().credentials(reap::Credentials::api_key("k"));
    let cdq = cdq::Client::builder().credentials(cdq::Credentials::api_key("k"));
    let localpayment = localpayment::Client::builder().credentials(localpayment::Credentials::access_token("t"));
    [
        killb.connector(connector.clone()).build().unwrap().into(),
        reap.connector(connector.clone()).build().unwrap().into(),
        cdq.connector(connector.clone()).build().unwrap().into(),
        localpayment.connector(connector.clone()).build().unwrap().into(),
    ]
}

/// Submits as a service does.
async fn submit(client: &AnyClient, order: &FileOrder, key: &str) -> Result<Batch, Error> {
    Submitter::submit(client, order, key).await
}

fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Returns a CSV of `count` accounts.
fn accounts(count: usize) -> String {
    let mut csv = "externalId,type,name,lastName,documentType,documentId\n".to_owned();
    (0..count).for_each(|row| writeln!(csv, "a-{row},COMPANY,Firm,,RFC,X{row}").unwrap());
    csv
}

#[tokio::test]
async fn file_that_has_changed_since_it_was_ordered_is_not_submitted() {
    let connector = connector();
    let [_, reap, ..] = clients(&connector);
    let path = file("changed.csv", "externalId,shareToken\nent-1,token-1\n");
    let order = FileOrder::new(&path).await.unwrap();
    let stored: FileOrder = serde_json::from_str(&serde_json::to_string(&order).unwrap()).unwrap();
    assert_eq!(stored, order);
    file("changed.csv", "externalId,shareToken\nent-1,token-2\n");
    for result in [
        submit(&reap, &order, "k-1").await.map(drop),
        Submitter::reconcile(&reap, &order, "k-1", &Batch::new(reap.id(), "b-1").unwrap()).await.map(drop),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.to_string().contains("changed.csv has changed"), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(submit(&reap, &order, "k-1").await.unwrap_err().kind(), ErrorKind::Usage);
    assert!(connector.requests().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn key_of_the_order_is_the_key_of_the_batch_where_the_provider_has_one() {
    let connector = connector();
    let [killb, reap, cdq, localpayment] = clients(&connector);
    let csv = file("key.csv", "externalId,shareToken\nent-1,token-1\n");
    let list = file("key-accounts.csv", &accounts(10));
    let options = SubmitOptions::default().account_number("484.484.00000011").country("MEX");
    let people = file("key-people.csv", "externalId,accountType\np-1,SPEI\n");
    for (client, order, key, expected) in [
        (&reap, FileOrder::new(&csv).await.unwrap(), "k-1", Some("k-1")),
        (&localpayment, FileOrder::new(&list).await.unwrap().options(options), "k-2", Some("k-2")),
        (&cdq, FileOrder::without_file(SubmitOptions::default().storage_id("s-1")), "k-3", None),
        (&killb, FileOrder::new(&people).await.unwrap(), "k-4", None),
    ] {
        let [(prepared, order)] = &order.batches(&client.id(), key).await.unwrap()[..] else { panic!("{key}") };
        assert_eq!(prepared, key);
        let batch = submit(client, order, key).await.unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(batch.key(), expected, "{key}");
    }
}

#[tokio::test]
async fn file_of_several_batches_is_an_order_for_each_with_its_own_key() {
    let connector = connector();
    let [.., localpayment] = clients(&connector);
    let path = file("several.csv", &accounts(6_000));
    let options = SubmitOptions::default().account_number("484.484.00000011").country("MEX");
    let order = FileOrder::new(&path).await.unwrap().options(options);
    let whole = submit(&localpayment, &order, "k").await.unwrap_err();
    assert!(whole.kind() == ErrorKind::Usage && whole.hint().is_some_and(|hint| hint.contains("batches")), "{whole}");
    let orders = order.batches(&localpayment.id(), "k").await.unwrap();
    assert_eq!(orders.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["k", "k-2"]);
    let other = submit(&localpayment, &orders[1].1, "k").await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Usage, "the key of another part: {other}");
    assert!(connector.requests().is_empty(), "nothing was sent yet");
    for (key, order) in &orders {
        let stored: FileOrder = serde_json::from_str(&serde_json::to_string(order).unwrap()).unwrap();
        assert_eq!(submit(&localpayment, &stored, key).await.unwrap().id(), key);
    }
    let sent = connector.requests();
    let rows = sent.iter().map(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        body["accounts"].as_array().unwrap().len()
    });
    assert_eq!(rows.collect::<Vec<_>>(), [3_000, 3_000]);
}

#[tokio::test]
async fn batch_document_with_an_id_of_its_own_needs_it_as_its_key() {
    let connector = connector();
    let [.., localpayment] = clients(&connector);
    let account = |row: usize| {
        let document = json!({"type": "RFC", "id": format!("X{row}")});
        json!({"externalId": format!("a-{row}"), "beneficiary": {"type": "COMPANY", "name": "Firm", "document": document}})
    };
    let accounts: Vec<_> = (0..10).map(account).collect();
    let batch =
        json!({"externalId": "own-1", "accountNumber": "484.484.00000011", "country": "MEX", "accounts": accounts});
    let order = FileOrder::new(file("own.json", &batch.to_string())).await.unwrap();
    let error = submit(&localpayment, &order, "k-1").await.unwrap_err();
    assert!(error.kind() == ErrorKind::Usage && error.to_string().contains("own-1"), "{error}");
    assert!(connector.requests().is_empty());
    assert_eq!(submit(&localpayment, &order, "own-1").await.unwrap().id(), "own-1");
}
