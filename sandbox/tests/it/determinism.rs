use std::time::{Duration, SystemTime};

use bulkrail_sandbox::{Faults, ManualClock};
use reqwest::Method;
use serde_json::json;

use crate::support::{TestSandbox, form, reap_csv, send, valid_workbook, virtual_accounts};

/// Returns every response body of one run with all four providers.
async fn record_responses(seed: u64) -> Vec<String> {
    let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(1_776_904_688);
    let server = TestSandbox::with_clock(seed, Faults::None, ManualClock::starting_at(epoch)).await;
    let job = server.upload("killb", "/api/v2/accounts/bulk/upload", valid_workbook(60)).await;
    let request = server.request(Method::POST, "reap", "/entity/kyc/import/batch").await;
    let request = request.header("X-Provider", "sumsub").multipart(form(reap_csv(60)));
    let batch = send(request).await;
    let start = json!({"storageId": "a"});
    let confirmation = server.post("cdq", "/bankaccounts/jobs/confirmation", &start).await;
    let accounts = virtual_accounts("b", 60);
    let accounts = server.post("localpayment", "/api/virtual-account-batch", &accounts).await;
    let id = |text: &str, key: &str| {
        let body: serde_json::Value = serde_json::from_str(text).unwrap();
        body[key].as_str().unwrap().to_owned()
    };
    let polls = [
        ("killb", format!("/api/v2/accounts/bulk/status/{}", id(&job.text, "jobId"))),
        ("reap", format!("/entity/kyc/import/batch/{}", id(&batch.text, "batchId"))),
        ("cdq", format!("/bankaccounts/jobs?jobId={}", id(&confirmation.text, "id"))),
        ("localpayment", "/api/virtual-account-batch/b/".to_owned()),
    ];
    let mut responses = vec![job.text, batch.text, confirmation.text, accounts.text];
    for _ in 0..12 {
        for (provider, path) in &polls {
            responses.push(server.get(provider, path).await.text);
        }
        server.advance(10.0);
    }
    responses
}

#[tokio::test]
async fn same_seed_gives_byte_identical_responses() {
    let (first, second, other) = (record_responses(7).await, record_responses(7).await, record_responses(8).await);
    assert_eq!(first, second);
    let same = first.iter().zip(&other).filter(|(a, b)| a == b).count();
    assert_eq!(same, 0, "another seed changes every response");
}

#[tokio::test]
async fn logins_do_not_change_batch_ids() {
    let job = async |logins: usize| {
        let server = TestSandbox::new().await;
        for _ in 0..logins {
            server.login("killb").await;
        }
        let path = "/api/v2/accounts/bulk/upload";
        let response = server.upload("killb", path, valid_workbook(1)).await.json();
        response["jobId"].clone()
    };
    assert_eq!(job(0).await, job(3).await);
}
