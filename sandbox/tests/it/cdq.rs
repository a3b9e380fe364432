use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Bench, form, send};

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
async fn a_job_runs_to_its_end() {
    let bench = Bench::new().await;
    let uploaded = bench.upload("cdq", "/bankaccounts", CSV.into()).await;
    assert_eq!(uploaded.parts(), (200, json!({})));
    let (status, job) = bench.post("cdq", START, &storage()).await.parts();
    assert_eq!((status, &job["status"], &job["progress"]), (201, &json!("CREATED"), &json!("0")));
    let path = format!("/bankaccounts/jobs?jobId={}", job["id"].as_str().unwrap());
    let mut words = Vec::new();
    let mut before = 0;
    while words.last().map(String::as_str) != Some("FINISHED") {
        let (status, seen) = bench.get("cdq", &path).await.parts();
        assert_eq!(status, 200);
        for key in ["id", "createdAt", "user"] {
            assert_eq!(seen[key], job[key]);
        }
        let progress: u64 = seen["progress"].as_str().unwrap().parse().unwrap();
        let word = seen["status"].as_str().unwrap().to_owned();
        assert!((before..=100).contains(&progress));
        assert_eq!(progress == 100, word == "FINISHED");
        before = progress;
        if words.last() != Some(&word) {
            words.push(word);
        }
        bench.advance(1.0);
        assert!(bench.clock.elapsed().as_secs() <= 62, "it never ends");
    }
    assert_eq!(words, ["CREATED", "SCHEDULED", "RUNNING", "FINISHED"]);
    assert!(bench.clock.elapsed().as_secs() >= 30);
}

#[tokio::test]
async fn errors_have_the_documented_body() {
    let bench = Bench::new().await;
    let key = bench.credential("cdq", 0);
    let get = |path: &str| bench.bare(Method::GET, "cdq", path);
    let post = || bench.bare(Method::POST, "cdq", START).header("X-API-KEY", key);
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
async fn uploads_are_checked() {
    let bench = Bench::new().await;
    for file in ["", "Country Code\nDE\n", &format!("{CSV}too,few\n")] {
        let answer = bench.upload("cdq", "/bankaccounts", file.into()).await;
        assert_eq!(answer.status, 400, "{file}");
    }
    let huge = vec![b'a'; (100 << 20) + 1];
    let request = bench.request(Method::POST, "cdq", "/bankaccounts").await;
    assert_eq!(send(request.multipart(form(huge))).await.status, 413);
}

#[tokio::test]
async fn a_single_account_is_confirmed_unknown_or_a_fraud_case() {
    let bench = Bench::new().await;
    let mut outcomes = [0; 3];
    for n in 0..60 {
        let account = json!({"internationalBankAccountIdentifier": format!("DE{n:020}")});
        let request = json!({"bankAccount": account});
        let (status, body) = bench.post("cdq", "/v2/bankaccounts/confirm", &request).await.parts();
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
    let answer = bench.post("cdq", "/v2/bankaccounts/confirm", &bic_only).await;
    assert_eq!(answer.status, 400);
}
