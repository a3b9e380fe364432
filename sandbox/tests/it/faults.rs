use std::collections::HashMap;

use bulkrail_sandbox::Faults;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestResponse, TestSandbox, send, try_send, valid_workbook, virtual_accounts};

const REAP_STATUS: &str = "/entity/kyc/import/batch/x";

/// Sends one request and returns its status, or the way in which it failed.
async fn outcome(server: &TestSandbox) -> String {
    let request = server.unauthenticated(Method::GET, "reap", REAP_STATUS);
    match try_send(request).await {
        Err(_) => "closed".to_owned(),
        Ok(response) if serde_json::from_str::<Value>(&response.text).is_ok() => response.status.as_u16().to_string(),
        Ok(response) if response.text.starts_with("<html>") => response.status.as_u16().to_string(),
        Ok(_) => "truncated".to_owned(),
    }
}

#[tokio::test]
async fn flaky_fails_one_request_in_8_in_4_ways_determined_by_seed() {
    let server = TestSandbox::with_faults(1, Faults::Flaky).await;
    let mut outcomes = Vec::new();
    for _ in 0..400 {
        outcomes.push(outcome(&server).await);
    }
    let mut counts = HashMap::<&str, usize>::new();
    for outcome in &outcomes {
        *counts.entry(outcome).or_default() += 1;
    }
    // A request without a key gets a 401 from the provider unless a fault is injected.
    let broken = 400 - counts["401"];
    assert!((30..75).contains(&broken), "{counts:?}");
    for kind in ["502", "503", "truncated", "closed"] {
        assert!(counts.get(kind).is_some_and(|count| *count > 2), "{counts:?}");
    }
    assert_eq!(counts.len(), 5, "{counts:?}");
    assert_eq!(server.sandbox.stats("reap").requests, 400, "the client sent no request twice");

    let again = TestSandbox::with_faults(1, Faults::Flaky).await;
    for expected in &outcomes[..100] {
        assert_eq!(outcome(&again).await, *expected);
    }
}

#[tokio::test]
async fn flaky_errors_have_gateway_headers() {
    let server = TestSandbox::with_faults(1, Faults::Flaky).await;
    let mut responses = HashMap::<u16, TestResponse>::new();
    for _ in 0..200 {
        if let Ok(response) = try_send(server.unauthenticated(Method::GET, "reap", REAP_STATUS)).await {
            responses.entry(response.status.as_u16()).or_insert(response);
        }
    }
    assert_eq!(responses[&502].headers["content-type"], "text/html");
    assert_eq!(responses[&503].headers["retry-after"], "1");
    assert!(responses[&503].json()["code"].is_string());
}

/// Returns the responses to `count` polls without advancing the clock.
async fn burst(server: &TestSandbox, provider: &str, path: &str, count: usize) -> Vec<TestResponse> {
    let mut responses = Vec::new();
    for _ in 0..count {
        responses.push(send(server.unauthenticated(Method::GET, provider, path)).await);
    }
    responses
}

#[tokio::test]
async fn ratelimit_allows_20_requests_then_429_with_headers_of_provider() {
    let server = TestSandbox::with_faults(1, Faults::RateLimit).await;
    for (provider, path) in [
        ("killb", "/api/v2/accounts/bulk/status/x"),
        ("reap", REAP_STATUS),
        ("cdq", "/bankaccounts/jobs?jobId=x"),
        ("localpayment", "/api/virtual-account-batch/x/"),
    ] {
        let responses = burst(&server, provider, path, 25).await;
        let throttled = responses.iter().filter(|response| response.status == 429).count();
        assert_eq!(throttled, 5, "{provider}");
        assert_eq!(server.sandbox.stats(provider).throttled, 5);
        let last = responses.last().unwrap();
        assert!(last.json().is_object());
        if provider == "killb" {
            assert_eq!(last.headers["x-ratelimit-limit"], "20");
            assert_eq!(last.headers["x-ratelimit-remaining"], "0");
            assert_eq!(responses[0].headers["x-ratelimit-remaining"], "19");
            let reset: u64 = last.headers["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
            assert!(reset > 1_700_000_000, "epoch seconds");
            assert!(!last.headers.contains_key("retry-after"));
        } else {
            assert_eq!(last.headers["retry-after"], "1");
            assert!(!last.headers.contains_key("x-ratelimit-limit"));
        }
    }
    server.advance(0.5);
    let responses = burst(&server, "reap", REAP_STATUS, 15).await;
    assert_eq!(responses.iter().filter(|response| response.status == 429).count(), 5);
}

#[tokio::test]
async fn expire_ends_tokens_after_2_s_and_rejects_first_refresh() {
    for (provider, poll, refresh, name) in [
        ("killb", "/api/v2/accounts/bulk/status/x", "/api/v2/auth/refresh", "refreshToken"),
        ("localpayment", "/api/virtual-account-batch/x/", "/api/token/refresh/", "refresh"),
    ] {
        let server = TestSandbox::with_faults(1, Faults::Expire).await;
        let poll = |token: String| send(server.unauthenticated(Method::GET, provider, poll).bearer_auth(token));
        let (access, token) = server.login(provider).await;
        server.advance(1.9);
        assert_eq!(poll(access.clone()).await.status, 404);
        server.advance(0.2);
        assert_eq!(poll(access).await.status, 401);
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let request = server.unauthenticated(Method::POST, provider, refresh);
            statuses.push(send(request.json(&json!({name: token}))).await.status.as_u16());
        }
        assert_eq!(statuses, [401, 200, 200]);
        assert_eq!(server.sandbox.stats(provider).refreshes, 2);
        let (access, _) = server.login(provider).await;
        assert_eq!(poll(access).await.status, 404);
    }
}

#[tokio::test]
async fn drift_shows_each_kind_and_keeps_terminal_status() {
    let server = TestSandbox::with_faults(1, Faults::Drift).await;
    let upload = "/api/v2/accounts/bulk/upload";
    let job = server.upload("killb", upload, valid_workbook(50)).await.json();
    let path = format!("/api/v2/accounts/bulk/status/{}", job["jobId"].as_str().unwrap());
    let token = server.login("killb").await.0;
    let mut statuses = Vec::new();
    let (mut strings, mut nulls) = (0, 0);
    for _ in 0..100 {
        let request = server.unauthenticated(Method::GET, "killb", &path).bearer_auth(&token);
        let body = send(request).await.json();
        assert!(body["addedLater"].is_string());
        statuses.push(body["status"].as_str().unwrap().to_owned());
        strings += usize::from(body["processedRows"].is_string());
        nulls += usize::from(body["updatedAt"].is_null());
        server.advance(1.0);
    }
    assert_eq!((strings, nulls), (25, 25));
    for batch_status in ["Pending", "PENDING", "Processing", "PROCESSING", "VERIFYING", "Completed", "COMPLETED"] {
        assert!(statuses.iter().any(|status| status == batch_status), "{batch_status} is missing");
    }
    let last_unknown = statuses.iter().rposition(|batch_status| batch_status == "VERIFYING").unwrap();
    let first_terminal =
        statuses.iter().position(|batch_status| batch_status.eq_ignore_ascii_case("COMPLETED")).unwrap();
    assert!(last_unknown < first_terminal, "the unknown status is for running batches");
}

#[tokio::test]
async fn drift_changes_status_of_localpayment_and_cdq() {
    let server = TestSandbox::with_faults(1, Faults::Drift).await;
    server.post("localpayment", "/api/virtual-account-batch", &virtual_accounts("b", 10)).await;
    let (token, _) = server.login("localpayment").await;
    let mut bodies = Vec::new();
    for _ in 0..4 {
        let request = server.unauthenticated(Method::GET, "localpayment", "/api/virtual-account-batch/b/");
        bodies.push(send(request.bearer_auth(&token)).await.json());
    }
    assert!(bodies.iter().any(|body| body["status"]["description"] == "Inprogress"));
    assert!(bodies.iter().any(|body| body["status"]["description"] == "VALIDATING"));
    assert!(bodies.iter().any(|body| body["status"]["code"] == 100));
    assert!(bodies.iter().any(|body| body["comment"].is_null()));

    let job = server.post("cdq", "/bankaccounts/jobs/confirmation", &json!({"storageId": "a"})).await;
    let path = format!("/bankaccounts/jobs?jobId={}", job.json()["id"].as_str().unwrap());
    let mut numbers = 0;
    for _ in 0..4 {
        let body = server.get("cdq", &path).await.json();
        assert!(body["addedLater"].is_string());
        numbers += usize::from(body["progress"].is_number());
    }
    assert_eq!(numbers, 1);
}

#[tokio::test]
async fn outage_fails_polls_alone_for_5_s() {
    let server = TestSandbox::with_faults(1, Faults::Outage).await;
    let mut down = Vec::new();
    for half_second in 0..18 {
        let poll = send(server.unauthenticated(Method::GET, "reap", REAP_STATUS)).await;
        if poll.status == 503 {
            down.push(half_second);
            assert!(poll.json()["code"].is_string());
        } else {
            assert_eq!(poll.status, 401);
        }
        let other = send(server.unauthenticated(Method::GET, "reap", "/entity/x")).await;
        assert_eq!(other.status, 400, "only polls fail");
        server.advance(0.5);
    }
    assert_eq!(down, (4..14).collect::<Vec<_>>());
}
