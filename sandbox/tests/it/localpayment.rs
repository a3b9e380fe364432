use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestSandbox, send, virtual_accounts};

const BATCH: &str = "/api/virtual-account-batch";
const ACCOUNT: &str = "/api/virtual-account";

/// Returns a map from `external_id` to `bank_account` from the CSV of a completed batch.
fn created(end: &Value) -> HashMap<String, String> {
    let csv = end["csvFormatResponse"].as_str().unwrap();
    assert!(csv.starts_with("internal_id,external_id,bank_account\n") && csv.ends_with('\n'));
    let rows = csv.lines().skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!((cells.len(), cells[0].len()), (3, 36));
        (cells[1].to_owned(), cells[2].to_owned())
    })
    .collect()
}

#[tokio::test]
async fn batch_completes_and_csv_omits_failed_accounts() {
    let server = TestSandbox::new().await;
    let (status, accepted) = server.post("localpayment", BATCH, &virtual_accounts("b1", 300)).await.parts();
    assert_eq!(status, 201);
    let in_progress = json!({
        "code": "100",
        "description": "INPROGRESS",
        "detail": "Batch Process Virtual Account in progress",
    });
    assert_eq!(accepted["status"], in_progress);
    assert!(accepted.get("csvFormatResponse").is_none());

    // The path is documented with and without a trailing slash.
    let body = server.get("localpayment", &format!("{BATCH}/b1")).await.json();
    assert_eq!((&body["status"], &body["internalId"]), (&in_progress, &accepted["internalId"]));
    server.advance(4.0);
    let body = server.get("localpayment", &format!("{BATCH}/b1/")).await.json();
    assert_eq!(body["status"], in_progress);
    server.advance(16.0);
    let end = server.get("localpayment", &format!("{BATCH}/b1/")).await.json();
    assert_eq!(
        end["status"],
        json!({
            "code": "200",
            "description": "COMPLETED",
            "detail": "Batch Process Virtual Account completed",
        })
    );
    assert_eq!(end["accountNumber"], "484.484.00000011");
    assert!(end.get("errors").is_none(), "the documented example has no errors");

    let created = created(&end);
    assert!((260..295).contains(&created.len()), "{}", created.len());
    assert!(created.values().all(|clabe| clabe.len() == 18 && clabe.starts_with("646")));
    let comment = end["comment"].as_str().unwrap();
    assert!(comment.starts_with("The batch process is done - The process started at = "));
    assert!(comment.contains(&format!(
        " - Total accounts requested = 300 - Total accounts created = {} - The process finished at = ",
        created.len()
    )));
    assert!(comment.ends_with(" - "));

    for n in 0..300 {
        let id = format!("b1-{n}");
        let account = server.get("localpayment", &format!("{ACCOUNT}/{id}/")).await.json();
        match created.get(&id) {
            Some(clabe) => {
                assert_eq!(account["status"]["code"], "200");
                assert_eq!(account["beneficiary"]["bank"]["account"]["number"], **clabe);
            }
            None => {
                assert_eq!(account["status"]["code"], "300");
                assert_eq!(account["errors"][0], account["status"]);
            }
        }
    }
}

#[tokio::test]
async fn create_batch_rejects_duplicate_external_id_and_fails_duplicate_account() {
    let server = TestSandbox::new().await;
    assert_eq!(server.post("localpayment", BATCH, &virtual_accounts("b1", 10)).await.status, 201);
    let (status, body) = server.post("localpayment", BATCH, &virtual_accounts("b1", 10)).await.parts();
    assert_eq!((status, &body["status"]["code"]), (400, &json!("500")));
    assert_eq!(body["status"]["detail"], "External ID already used");

    // Within a batch only the second account with an `externalId` fails.
    let mut twice = virtual_accounts("b2", 12);
    twice["accounts"][7]["externalId"] = json!("b2-3");
    assert_eq!(server.post("localpayment", BATCH, &twice).await.status, 201);
    server.advance(20.0);
    let end = server.get("localpayment", &format!("{BATCH}/b2")).await.json();
    assert!(!created(&end).contains_key("b2-7"));
    let comment = end["comment"].as_str().unwrap();
    let total = format!("requested = 12 - Total accounts created = {}", created(&end).len());
    assert!(comment.contains(&total), "{comment}");
}

#[tokio::test]
async fn create_batch_rejects_invalid_requests_with_code_300() {
    let server = TestSandbox::new().await;
    let mut broken = virtual_accounts("b", 10);
    broken["accounts"][2]["beneficiary"] = json!({"type": "INDIVIDUAL", "name": "Ana"});
    let (status, body) = server.post("localpayment", BATCH, &broken).await.parts();
    assert_eq!((status, &body["status"]["code"]), (400, &json!("300")));
    assert_eq!(body["status"]["description"], "REJECTED");
    let details: Vec<_> =
        (body["errors"].as_array().unwrap().iter()).map(|error| error["detail"].as_str().unwrap()).collect();
    assert_eq!(
        details,
        [
            "Invalid param + [accounts[2].beneficiary.document.type] + [Is mandatory]",
            "Invalid param + [accounts[2].beneficiary.document.id] + [Is mandatory]",
            "Invalid param + [accounts[2].beneficiary.lastName] + [Is mandatory]",
        ]
    );

    let mut requests = vec![json!({}), virtual_accounts("b", 9), virtual_accounts("b", 5001)];
    for (key, value) in [("country", "MXN"), ("country", "CHL"), ("externalId", "a b"), ("accountNumber", "")] {
        let mut request = virtual_accounts("b", 10);
        request[key] = json!(value);
        requests.push(request);
    }
    // The document type is not one of Argentina.
    let mut argentine = virtual_accounts("b", 10);
    argentine["country"] = json!("ARG");
    requests.push(argentine);
    for request in requests {
        let (status, body) = server.post("localpayment", BATCH, &request).await.parts();
        assert_eq!((status, &body["status"]["code"]), (400, &json!("300")));
    }
    assert_eq!(server.post("localpayment", BATCH, &virtual_accounts("b", 5000)).await.status, 201);
}

#[tokio::test]
async fn create_account_succeeds_after_same_external_id_failed_in_batch() {
    let server = TestSandbox::new().await;
    server.post("localpayment", BATCH, &virtual_accounts("b", 100)).await;
    server.advance(20.0);
    let end = server.get("localpayment", &format!("{BATCH}/b")).await.json();
    let created = created(&end);
    let failed = (0..100).map(|n| format!("b-{n}")).find(|id| !created.contains_key(id));
    let failed = failed.expect("one of a hundred fails");

    let mut request = virtual_accounts("x", 1)["accounts"][0].clone();
    request["accountNumber"] = json!("484.484.00000011");
    request["country"] = json!("MEX");
    request["externalId"] = json!(failed);
    let (status, body) = server.post("localpayment", ACCOUNT, &request).await.parts();
    assert_eq!((status, &body["status"]["code"]), (201, &json!("100")));
    assert_eq!(body["errors"], json!([]));
    assert_eq!((&body["currency"], &body["beneficiary"]["lastname"]), (&json!("MXN"), &json!("Paz")));
    server.advance(2.0);
    let account = server.get("localpayment", &format!("{ACCOUNT}/{failed}")).await.json();
    assert_eq!(account["status"]["description"], "COMPLETED");

    let duplicate = server.post("localpayment", ACCOUNT, &request).await;
    assert_eq!((duplicate.status.as_u16(), &duplicate.json()["status"]["code"]), (400, &json!("500")));
}

#[tokio::test]
async fn access_token_expires_after_5_min_and_refresh_token_after_24_h() {
    let server = TestSandbox::new().await;
    let poll = |token: &str| {
        let request = server.unauthenticated(Method::GET, "localpayment", "/api/virtual-account-batch/none/");
        send(request.bearer_auth(token))
    };
    let (access, refresh) = server.login("localpayment").await;
    assert_eq!(access.split('.').count(), 3);
    assert_eq!(poll(&access).await.status, 404);
    server.advance(299.0);
    assert_eq!(poll(&access).await.status, 404);
    server.advance(1.0);
    let (status, body) = poll(&access).await.parts();
    assert_eq!((status, &body["status"]["description"]), (401, &json!("REJECTED")));

    for path in ["/api/token/refresh", "/api/token/refresh/"] {
        let request = server.unauthenticated(Method::POST, "localpayment", path);
        let refreshed = send(request.json(&json!({"refresh": refresh}))).await.json();
        assert!(refreshed["refresh"].is_string());
        assert_eq!(poll(refreshed["access"].as_str().unwrap()).await.status, 404);
    }
    server.advance(24.0 * 3600.0);
    let request = server.unauthenticated(Method::POST, "localpayment", "/api/token/refresh/");
    let rejected = send(request.json(&json!({"refresh": refresh}))).await;
    assert_eq!(rejected.parts(), (401, json!({"detail": "Token is expired"})));
}

#[tokio::test]
async fn errors_have_documented_schema() {
    let server = TestSandbox::new().await;
    let request = server.unauthenticated(Method::POST, "localpayment", "/api/token/");
    let wrong = send(request.json(&json!({"username": "a", "password": "b"}))).await;
    let body = json!({"detail": "No active account found with the given credentials"});
    assert_eq!(wrong.parts(), (401, body));

    let request = server.unauthenticated(Method::GET, "localpayment", "/api/virtual-account-batch/x");
    assert!(send(request).await.json()["status"]["detail"].is_string());
    for path in ["/api/virtual-account-batch/none", "/api/virtual-account/none/", "/nowhere"] {
        let (status, body) = server.get("localpayment", path).await.parts();
        assert_eq!((status, &body["status"]["description"]), (404, &json!("REJECTED")));
        assert!(body["status"]["code"].is_string());
    }
}
