use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestSandbox, form, send};

const START: &str = "/bankaccounts/jobs/confirmation";
const CSV: &str = "Country Code,International Account ID,International Bank ID,National Bank ID,National Account ID\n\
                   DE,DE02120300000000202051,BYLADEM1001,,\n";

fn storage() -> Value {
    json!({
        "storageId": "72d6900fce6b326088f5d9d91049e3e6",
        "featuresOn": ["CONFIRM_BA_IN_BP_STORAGE"],
    })
}

#[tokio::test]
async fn job_goes_through_each_status_and_finishes_at_100_percent() {
    let server = TestSandbox::new().await;
    let uploaded = server.upload("cdq", "/bankaccounts", CSV.into()).await;
    assert_eq!(uploaded.parts(), (200, json!({})));
    let (status, job) = server.post("cdq", START, &storage()).await.parts();
    assert_eq!((status, &job["status"], &job["progress"]), (201, &json!("CREATED"), &json!("0")));
    let path = format!("/bankaccounts/jobs?jobId={}", job["id"].as_str().unwrap());
    let mut statuses = Vec::new();
    let mut previous = 0;
    while statuses.last().map(String::as_str) != Some("FINISHED") {
        let (status, body) = server.get("cdq", &path).await.parts();
        assert_eq!(status, 200);
        for key in ["id", "createdAt", "user"] {
            assert_eq!(body[key], job[key]);
        }
        let progress: u64 = body["progress"].as_str().unwrap().parse().unwrap();
        let batch_status = body["status"].as_str().unwrap().to_owned();
        assert!((previous..=100).contains(&progress));
        assert_eq!(progress == 100, batch_status == "FINISHED");
        previous = progress;
        if statuses.last() != Some(&batch_status) {
            statuses.push(batch_status);
        }
        server.advance(1.0);
        assert!(server.clock.elapsed().as_secs() <= 62, "still running");
    }
    assert_eq!(statuses, ["CREATED", "SCHEDULED", "RUNNING", "FINISHED"]);
    assert!(server.clock.elapsed().as_secs() >= 30);
}

#[tokio::test]
async fn errors_have_documented_body() {
    let server = TestSandbox::new().await;
    let key = server.credential("cdq", 0);
    let get = |path: &str| server.unauthenticated(Method::GET, "cdq", path);
    let post = || server.unauthenticated(Method::POST, "cdq", START).header("X-API-KEY", key);
    for (request, path, status, error) in [
        (get("/bankaccounts/jobs?jobId=x"), "/bankaccounts/jobs", 401, "UNAUTHORIZED"),
        (get("/bankaccounts/jobs").header("X-API-KEY", "wrong"), "/bankaccounts/jobs", 401, "UNAUTHORIZED"),
        (get("/bankaccounts/jobs").header("X-API-KEY", key), "/bankaccounts/jobs", 400, "BAD_REQUEST"),
        (get("/bankaccounts/jobs?jobId=x").header("X-API-KEY", key), "/bankaccounts/jobs", 404, "NOT_FOUND"),
        (
            get("/bankaccounts/jobs?jobId=x").header("X-API-KEY", key).header("Accept", "text/html"),
            "/bankaccounts/jobs",
            406,
            "NOT_ACCEPTABLE",
        ),
        (post().json(&json!({})), START, 400, "BAD_REQUEST"),
        (post().json(&json!({"storageId": "a", "featuresOn": ["OTHER"]})), START, 400, "BAD_REQUEST"),
        (post().body("{"), START, 400, "BAD_REQUEST"),
        (get("/nowhere").header("X-API-KEY", key), "/nowhere", 404, "NOT_FOUND"),
        (get(START).header("X-API-KEY", key), START, 405, "METHOD_NOT_ALLOWED"),
    ] {
        let (code, body) = send(request).await.parts();
        assert_eq!((code, &body["error"]), (status, &json!(error)));
        assert_eq!((&body["path"], &body["status"]), (&json!(path), &json!(status.to_string())));
        assert!(body["id"].is_string() && body["timestamp"].is_string() && body["message"].is_string());
    }
}

#[tokio::test]
async fn upload_rejects_invalid_csv_and_file_over_100_mb() {
    let server = TestSandbox::new().await;
    for file in ["", "Country Code\nDE\n", &format!("{CSV}too,few\n")] {
        let response = server.upload("cdq", "/bankaccounts", file.into()).await;
        assert_eq!(response.status, 400, "{file}");
    }
    let too_large = vec![b'a'; (100 << 20) + 1];
    let request = server.request(Method::POST, "cdq", "/bankaccounts").await;
    assert_eq!(send(request.multipart(form(too_large))).await.status, 413);
}

#[tokio::test]
async fn confirm_returns_confirmed_unknown_and_fraud_case() {
    let server = TestSandbox::new().await;
    let mut outcomes = [0; 3];
    for n in 0..60 {
        let account = json!({"internationalBankAccountIdentifier": format!("DE{n:020}")});
        let request = json!({"bankAccount": account});
        let (status, body) = server.post("cdq", "/v2/bankaccounts/confirm", &request).await.parts();
        assert_eq!((status, &body["bankAccountRequest"]), (200, &account));
        let outcome = if body.get("associatedFraudCases").is_some() {
            0
        } else if body.get("bankAccountConfirmed").is_some() {
            assert!(body["trustScore"].is_string() && body["lastPaymentAt"].is_string());
            1
        } else {
            2
        };
        outcomes[outcome] += 1;
    }
    assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
    let bic_only = json!({"bankAccount": {"internationalBankIdentifier": "BYLADEM1001"}});
    let response = server.post("cdq", "/v2/bankaccounts/confirm", &bic_only).await;
    assert_eq!(response.status, 400);
}
