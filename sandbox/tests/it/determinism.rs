use std::time::{Duration, SystemTime};

use bulkrail_sandbox::{Faults, ManualClock};
use reqwest::Method;
use serde_json::json;

use crate::support::{Bench, form, good_workbook, reap_csv, send, virtual_accounts};

/// Every answer of a day with all four providers, as text.
async fn day(seed: u64) -> Vec<String> {
    let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(1_776_904_688);
    let bench = Bench::at(seed, Faults::None, ManualClock::starting_at(epoch)).await;
    let job = bench.upload("killb", "/api/v2/accounts/bulk/upload", good_workbook(60)).await;
    let request = bench.request(Method::POST, "reap", "/entity/kyc/import/batch").await;
    let request = request.header("X-Provider", "sumsub").multipart(form(reap_csv(60)));
    let batch = send(request).await;
    let start = json!({"storageId": "a"});
    let confirmation = bench.post("cdq", "/bankaccounts/jobs/confirmation", &start).await;
    let accounts = virtual_accounts("b", 60);
    let accounts = bench.post("localpayment", "/api/virtual-account-batch", &accounts).await;
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
    let mut answers = vec![job.text, batch.text, confirmation.text, accounts.text];
    for _ in 0..12 {
        for (provider, path) in &polls {
            answers.push(bench.get(provider, path).await.text);
        }
        bench.advance(10.0);
    }
    answers
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answers_to_the_byte() {
    let (first, second, other) = (day(7).await, day(7).await, day(8).await);
    assert_eq!(first, second);
    let same = first.iter().zip(&other).filter(|(a, b)| a == b).count();
    assert_eq!(same, 0, "another seed gives another day");
}

#[tokio::test]
async fn logins_do_not_change_the_ids_of_batches() {
    let job = async |logins: usize| {
        let bench = Bench::new().await;
        for _ in 0..logins {
            bench.login("killb").await;
        }
        let path = "/api/v2/accounts/bulk/upload";
        let answer = bench.upload("killb", path, good_workbook(1)).await.json();
        answer["jobId"].clone()
    };
    assert_eq!(job(0).await, job(3).await);
}
