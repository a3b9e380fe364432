use std::collections::HashMap;

use bulkrail_sandbox::Faults;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Bench, good_workbook, send, try_send, virtual_accounts};

const REAP_STATUS: &str = "/entity/kyc/import/batch/x";

/// What a client sees of one request: the status, or how it broke.
async fn outcome(bench: &Bench) -> String {
    let request = bench.bare(Method::GET, "reap", REAP_STATUS);
    match try_send(request).await {
        Err(_) => "cut".to_owned(),
        Ok(answer) if serde_json::from_str::<Value>(&answer.text).is_ok() => answer.status.as_u16().to_string(),
        Ok(answer) if answer.text.starts_with("<html>") => answer.status.as_u16().to_string(),
        Ok(_) => "truncated".to_owned(),
    }
}

#[tokio::test]
async fn flaky_breaks_one_request_in_eight_in_four_ways() {
    let bench = Bench::with(1, Faults::Flaky).await;
    let mut outcomes = Vec::new();
    for _ in 0..400 {
        outcomes.push(outcome(&bench).await);
    }
    let mut counts = HashMap::<&str, usize>::new();
    for outcome in &outcomes {
        *counts.entry(outcome).or_default() += 1;
    }
    // Without a key the provider itself answers 401.
    let broken = 400 - counts["401"];
    assert!((30..75).contains(&broken), "{counts:?}");
    for kind in ["502", "503", "truncated", "cut"] {
        assert!(counts.get(kind).is_some_and(|count| *count > 2), "{counts:?}");
    }
    assert_eq!(counts.len(), 5, "{counts:?}");
    assert_eq!(bench.sandbox.stats("reap").requests, 400, "nothing was sent twice");

    let again = Bench::with(1, Faults::Flaky).await;
    for expected in &outcomes[..100] {
        assert_eq!(outcome(&again).await, *expected);
    }
}

#[tokio::test]
async fn flaky_answers_are_what_a_gateway_sends() {
    let bench = Bench::with(1, Faults::Flaky).await;
    let mut seen = HashMap::<u16, Answer>::new();
    for _ in 0..200 {
        if let Ok(answer) = try_send(bench.bare(Method::GET, "reap", REAP_STATUS)).await {
            seen.entry(answer.status.as_u16()).or_insert(answer);
        }
    }
    assert_eq!(seen[&502].headers["content-type"], "text/html");
    assert_eq!(seen[&503].headers["retry-after"], "1");
    assert!(seen[&503].json()["code"].is_string());
}

/// The answers to `count` polls at once, without moving the clock.
async fn burst(bench: &Bench, provider: &str, path: &str, count: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    for _ in 0..count {
        answers.push(send(bench.bare(Method::GET, provider, path)).await);
    }
    answers
}

#[tokio::test]
async fn ratelimit_lets_twenty_through_and_says_when_to_come_back() {
    let bench = Bench::with(1, Faults::RateLimit).await;
    for (provider, path) in [
        ("killb", "/api/v2/accounts/bulk/status/x"),
        ("reap", REAP_STATUS),
        ("cdq", "/bankaccounts/jobs?jobId=x"),
        ("localpayment", "/api/virtual-account-batch/x/"),
    ] {
        let answers = burst(&bench, provider, path, 25).await;
        let throttled = answers.iter().filter(|answer| answer.status == 429).count();
        assert_eq!(throttled, 5, "{provider}");
        assert_eq!(bench.sandbox.stats(provider).throttled, 5);
        let last = answers.last().unwrap();
        assert!(last.json().is_object());
        if provider == "killb" {
            assert_eq!(last.headers["x-ratelimit-limit"], "20");
            assert_eq!(last.headers["x-ratelimit-remaining"], "0");
            assert_eq!(answers[0].headers["x-ratelimit-remaining"], "19");
            let reset: u64 = last.headers["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
            assert!(reset > 1_700_000_000, "epoch seconds");
            assert!(!last.headers.contains_key("retry-after"));
        } else {
            assert_eq!(last.headers["retry-after"], "1");
            assert!(!last.headers.contains_key("x-ratelimit-limit"));
        }
    }
    bench.advance(0.5);
    let answers = burst(&bench, "reap", REAP_STATUS, 15).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 5);
}

#[tokio::test]
async fn expire_ends_tokens_after_two_seconds_and_refuses_one_refresh() {
    for (provider, poll, refresh, name) in [
        ("killb", "/api/v2/accounts/bulk/status/x", "/api/v2/auth/refresh", "refreshToken"),
        ("localpayment", "/api/virtual-account-batch/x/", "/api/token/refresh/", "refresh"),
    ] {
        let bench = Bench::with(1, Faults::Expire).await;
        let poll = |token: String| send(bench.bare(Method::GET, provider, poll).bearer_auth(token));
        let (access, token) = bench.login(provider).await;
        bench.advance(1.9);
        assert_eq!(poll(access.clone()).await.status, 404);
        bench.advance(0.2);
        assert_eq!(poll(access).await.status, 401);
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let request = bench.bare(Method::POST, provider, refresh);
            statuses.push(send(request.json(&json!({name: token}))).await.status.as_u16());
        }
        assert_eq!(statuses, [401, 200, 200]);
        assert_eq!(bench.sandbox.stats(provider).refreshes, 2);
        let (access, _) = bench.login(provider).await;
        assert_eq!(poll(access).await.status, 404);
    }
}

#[tokio::test]
async fn drift_shows_in_every_way_and_hides_no_end() {
    let bench = Bench::with(1, Faults::Drift).await;
    let upload = "/api/v2/accounts/bulk/upload";
    let job = bench.upload("killb", upload, good_workbook(50)).await.json();
    let path = format!("/api/v2/accounts/bulk/status/{}", job["jobId"].as_str().unwrap());
    let token = bench.login("killb").await.0;
    let mut words = Vec::new();
    let (mut strings, mut nulls) = (0, 0);
    for _ in 0..100 {
        let request = bench.bare(Method::GET, "killb", &path).bearer_auth(&token);
        let body = send(request).await.json();
        assert!(body["addedLater"].is_string());
        words.push(body["status"].as_str().unwrap().to_owned());
        strings += usize::from(body["processedRows"].is_string());
        nulls += usize::from(body["updatedAt"].is_null());
        bench.advance(1.0);
    }
    assert_eq!((strings, nulls), (25, 25));
    for word in ["Pending", "PENDING", "Processing", "PROCESSING", "VERIFYING", "Completed", "COMPLETED"] {
        assert!(words.iter().any(|seen| seen == word), "{word} never seen");
    }
    let last_unknown = words.iter().rposition(|word| word == "VERIFYING").unwrap();
    let first_end = words.iter().position(|word| word.eq_ignore_ascii_case("COMPLETED")).unwrap();
    assert!(last_unknown < first_end, "the unknown word is for running batches");
}

#[tokio::test]
async fn drift_reaches_every_provider() {
    let bench = Bench::with(1, Faults::Drift).await;
    bench.post("localpayment", "/api/virtual-account-batch", &virtual_accounts("b", 10)).await;
    let (token, _) = bench.login("localpayment").await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let request = bench.bare(Method::GET, "localpayment", "/api/virtual-account-batch/b/");
        seen.push(send(request.bearer_auth(&token)).await.json());
    }
    assert!(seen.iter().any(|body| body["status"]["description"] == "Inprogress"));
    assert!(seen.iter().any(|body| body["status"]["description"] == "VALIDATING"));
    assert!(seen.iter().any(|body| body["status"]["code"] == 100));
    assert!(seen.iter().any(|body| body["comment"].is_null()));

    let job = bench.post("cdq", "/bankaccounts/jobs/confirmation", &json!({"storageId": "a"})).await;
    let path = format!("/bankaccounts/jobs?jobId={}", job.json()["id"].as_str().unwrap());
    let mut numbers = 0;
    for _ in 0..4 {
        let body = bench.get("cdq", &path).await.json();
        assert!(body["addedLater"].is_string());
        numbers += usize::from(body["progress"].is_number());
    }
    assert_eq!(numbers, 1);
}

#[tokio::test]
async fn outage_takes_the_status_calls_away_for_five_seconds() {
    let bench = Bench::with(1, Faults::Outage).await;
    let mut down = Vec::new();
    for half_second in 0..18 {
        let poll = send(bench.bare(Method::GET, "reap", REAP_STATUS)).await;
        if poll.status == 503 {
            down.push(half_second);
            assert!(poll.json()["code"].is_string());
        } else {
            assert_eq!(poll.status, 401);
        }
        let other = send(bench.bare(Method::GET, "reap", "/entity/x")).await;
        assert_eq!(other.status, 400, "only status calls are out");
        bench.advance(0.5);
    }
    assert_eq!(down, (4..14).collect::<Vec<_>>());
}
