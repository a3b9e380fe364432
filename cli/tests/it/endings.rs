//! Exit codes, error documents and error messages.

use serde_json::{Value, json};

use crate::server::{Server, cdq, killb, reap};
use crate::support::{QUICK, Run, TempFile, bulkrail, finish, run};

async fn status(provider: &str, http: u16, body: Value) -> Run {
    let server = Server::always(http, body).await;
    run(["status", provider, "b-1", "--json", "--base-url", &server.url]).await
}

#[tokio::test]
async fn exit_code_of_an_ended_batch_follows_from_its_outcome() {
    let table = [
        ("reap", reap("completed", [5, 5, 5, 0]), 0, "succeeded"),
        ("reap", reap("completed", [5, 5, 3, 1]), 3, "partial"),
        ("reap", reap("completed", [5, 5, 0, 5]), 4, "failed"),
        ("killb", killb("FAILED", [5, 0, 0, 0]), 4, "failed"),
        ("cdq", cdq("CANCELED", "10"), 4, "cancelled"),
        ("cdq", cdq("ARCHIVED", "100"), 4, "unknown"),
    ];
    for (provider, body, code, outcome) in table {
        let server = Server::always(200, body).await;
        for command in ["status", "wait"] {
            let run = run([command, provider, "b-1", "--json", "--base-url", &server.url]).await;
            assert_eq!((run.code, run.stderr.as_str()), (code, ""), "{command} {outcome}");
            assert_eq!(run.document()["outcome"], outcome);
        }
    }
}

#[tokio::test]
async fn exit_code_of_a_refused_poll_follows_from_its_kind() {
    let table = [
        (401, 6, "authentication"),
        (403, 6, "permission"),
        (404, 7, "not_found"),
        (429, 8, "rate_limited"),
        (304, 8, "unavailable"),
        (423, 8, "unavailable"),
        (503, 8, "unavailable"),
        (409, 1, "conflict"),
        (400, 1, "invalid_request"),
        (307, 1, "unsafe_redirect"),
    ];
    for (http, code, kind) in table {
        let body = json!({"code": "1", "message": "no", "parameter": ""});
        let run = status("reap", http, body).await;
        let error = run.error();
        assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{http}");
        assert_eq!((&error["error"]["kind"], &error["error"]["http_status"]), (&json!(kind), &json!(http)));
        assert_eq!((&error["batch"]["id"], &error["error"]["provider"]), (&json!("b-1"), &json!("reap")));
        assert_eq!((&error["polls"], error["error"]["hint"].is_string()), (&json!(1), true), "{http}");
    }
    let undecodable = status("reap", 200, json!([1])).await;
    assert_eq!((undecodable.code, &undecodable.error()["error"]["kind"]), (1, &json!("decode")));
}

#[tokio::test]
async fn response_about_another_batch_is_not_the_outcome_of_this_one() {
    let bodies = [
        ("killb", json!({"jobId": "b-2", "status": "COMPLETED", "totalRows": 1, "successCount": 1})),
        ("reap", json!({"batchId": "b-2", "status": "completed", "totalRecords": 1, "processedRecords": 1})),
        ("cdq", json!({"id": "b-2", "status": "FINISHED"})),
        ("localpayment", json!({"externalId": "b-2", "status": {"code": "200", "description": "COMPLETED"}})),
    ];
    for (provider, body) in bodies {
        let run = status(provider, 200, body.clone()).await;
        let error = run.error()["error"].clone();
        assert_eq!((run.code, &error["kind"], run.stdout.as_str()), (1, &json!("decode"), ""), "{error}");
        assert!(error["message"].as_str().unwrap().contains("b-1 was asked for, and b-2 came"), "{error}");
        let server = Server::always(200, body).await;
        let args = ["wait", provider, "b-1", "--deadline", "300ms", "--json", "--base-url", &server.url];
        let run = crate::support::run(args.into_iter().chain(QUICK)).await;
        let error = run.error()["error"].clone();
        assert_eq!((run.code, &error["kind"]), (8, &json!("unreachable")), "{error}");
        assert!(error["message"].as_str().unwrap().contains("b-2 came"), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("nothing of it was taken over"), "{error}");
    }
}

#[tokio::test]
async fn status_of_a_server_that_is_gone_is_unavailable() {
    let gone = Server::always(200, json!({})).await.url.clone();
    let run = run(["status", "cdq", "b-1", "--json", "--base-url", &gone]).await;
    assert_eq!((run.code, &run.error()["error"]["kind"]), (8, &json!("unavailable")));
}

#[tokio::test]
async fn wait_whose_deadline_passes_without_a_successful_poll_is_unreachable() {
    let server = Server::always(503, json!({})).await;
    let args = ["wait", "reap", "b-1", "--json", "--deadline", "300ms", "--base-url", &server.url];
    let run = run(args.into_iter().chain(QUICK)).await;
    assert_eq!((run.code, run.stdout.as_str()), (8, ""));
    let error = run.error();
    assert_eq!((&error["error"]["kind"], &error["last"]), (&json!("unreachable"), &Value::Null));
    assert_eq!(error["batch"]["id"], "b-1");
    assert!(error["polls"].as_u64() >= Some(1));
}

#[tokio::test]
async fn error_is_followed_by_causes_hint_and_resume_command() {
    let server = Server::always(503, json!({})).await;
    let args = ["wait", "reap", "b-1", "--deadline", "100ms", "--quiet", "--base-url", &server.url];
    let run = run(args.into_iter().chain(QUICK)).await;
    assert_eq!((run.code, run.stdout.as_str()), (8, ""));
    let lines: Vec<_> = run.stderr.lines().collect();
    assert!(lines[0].starts_with("error: reap: "), "{lines:?}");
    assert!(lines[1].starts_with("  caused by: "), "{lines:?}");
    assert_eq!(lines[2], "  hint: its state is unknown; wait for it again, do not submit it again");
    assert_eq!(lines.last(), Some(&&*format!("resume: bulkrail wait reap b-1 --base-url {}", server.url)));
}

#[tokio::test]
async fn response_that_is_not_json_is_reported_with_a_hint() {
    let server = Server::page("<!DOCTYPE html><title>Sign in</title>").await;
    let cause =
        "caused by: reap: reading the status of the batch: the response is not JSON (line 1, column 1) (HTTP 200)";
    let hint = "the response may not be the provider's: check the base URL";
    let batches = "{\"provider\":\"reap\",\"id\":\"b-1\"} {\"provider\":\"reap\",\"id\":\"b-2\"}";
    let batches = TempFile::new("no-json.jsonl", batches);
    for target in [&["reap", "b-1"][..], &["--batch", batches.path()]] {
        let args = ["wait", "--deadline", "100ms", "--base-url", &server.url].into_iter().chain(QUICK);
        let args: Vec<_> = args.chain(target.iter().copied()).collect();
        let text = run(args.clone()).await;
        assert_eq!(text.code, 8);
        assert!(text.stderr.contains(&format!("\n  {cause}")), "{text:?}");
        assert!(text.stderr.contains(&format!("\n  hint: {hint}")), "{text:?}");
        let json = run(args.into_iter().chain(["--json"])).await;
        assert_eq!(json.code, 8);
        let document = if json.stdout.is_empty() { json.error() } else { json.document()[1].clone() };
        let error = &document["error"];
        assert_eq!(error["kind"], "unreachable");
        assert!(error["message"].as_str().unwrap().contains(cause), "{error}");
        assert!(error["hint"].as_str().unwrap().starts_with(hint), "{error}");
        assert!(!format!("{text:?}{json:?}").contains("Sign in"), "{text:?}");
    }
}

#[tokio::test]
async fn missing_credentials_are_named_by_their_variables() {
    let table = [
        ("killb", "KILLB_ACCESS_TOKEN", "KILLB_EMAIL"),
        ("reap", "REAP_API_KEY", "REAP_API_KEY"),
        ("cdq", "CDQ_API_KEY", "CDQ_API_KEY"),
        ("localpayment", "LOCALPAYMENT_ACCESS_TOKEN", "LOCALPAYMENT_USERNAME and LOCALPAYMENT_PASSWORD"),
    ];
    for (provider, removed, named) in table {
        let mut command = bulkrail(["status", provider, "b-1", "--json"]);
        command.env_remove(removed);
        let run = finish(command).await;
        let error = run.error();
        assert_eq!((run.code, &error["error"]["kind"]), (2, &json!("configuration")));
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(named) && message.contains(removed), "{message}");
    }
    let mut command = bulkrail(["status", "killb", "b-1"]);
    command.env_remove("KILLB_ACCESS_TOKEN").env("KILLB_EMAIL", "me@example.com");
    let run = finish(command).await;
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("KILLB_PASSWORD is missing"), "{}", run.stderr);
}

#[tokio::test]
async fn malformed_credential_is_named_by_its_variable() {
    let mut command = bulkrail(["status", "reap", "b-1"]);
    command.env("REAP_BASE_URL", "http://127.0.0.1:1").env("REAP_API_KEY", "CANARY\nkey");
    let run = finish(command).await;
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("\n  hint: the credentials are in REAP_API_KEY\n"), "{}", run.stderr);
    assert!(!run.stderr.contains("REAP_BASE_URL") && !run.stderr.contains("CANARY"), "{}", run.stderr);
}

#[tokio::test]
async fn plain_http_to_another_host_is_refused_and_the_variable_named() {
    let mut command = bulkrail(["status", "reap", "b-1", "--json"]);
    command.env("REAP_BASE_URL", "http://reap.example");
    let run = finish(command).await;
    let error = run.error();
    assert_eq!((run.code, &error["error"]["kind"]), (2, &json!("configuration")));
    assert_eq!(error["error"]["hint"], "the base URL is in REAP_BASE_URL");
}

#[cfg(unix)]
#[tokio::test]
async fn interrupted_wait_prints_the_batch_and_an_error_document() {
    use tokio::io::{AsyncBufReadExt, BufReader};

    use crate::support::signal;

    let server = Server::always(200, killb("PROCESSING", [9, 3, 3, 0])).await;
    let mut child = bulkrail(["wait", "killb", "b-1", "--jsonl", "--base-url", &server.url]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&first).unwrap()["state"], "running");
    signal(&child, "-INT").await;
    let batch: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!((&batch["provider"], &batch["id"]), (&json!("killb"), &json!("b-1")));
    assert_eq!(lines.next_line().await.unwrap(), None);
    let run = Run::new(child.wait_with_output().await.unwrap());
    assert_eq!(run.code, 130);
    let error = run.error();
    assert_eq!(error["error"]["kind"], "interrupted");
    assert_eq!(error["last"]["progress"]["processed"], 3);
}

#[cfg(unix)]
#[tokio::test]
async fn terminated_wait_prints_the_batch_and_nothing_else() {
    use std::time::Duration;

    use crate::support::signal;

    for flag in ["--json", "--quiet"] {
        let server = Server::always(200, killb("PROCESSING", [9, 3, 3, 0])).await;
        let child = bulkrail(["wait", "killb", "b-1", flag, "--base-url", &server.url]).spawn().unwrap();
        while server.requests().is_empty() {
            bulkrail::time::Clock::system().sleep(Duration::from_millis(5)).await;
        }
        signal(&child, "-TERM").await;
        let run = Run::new(child.wait_with_output().await.unwrap());
        assert_eq!(run.code, 130);
        assert_eq!(run.document()["id"], "b-1");
        if flag == "--json" {
            assert_eq!(run.error()["error"]["kind"], "interrupted");
        } else {
            assert!(
                run.stderr.contains(&format!("resume: bulkrail wait killb b-1 --base-url {}\n", server.url)),
                "{}",
                run.stderr
            );
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn closed_standard_output_is_not_reported() {
    for args in [&["schema"][..], &["completions", "bash"], &["--help"]] {
        let mut child = bulkrail(args).spawn().unwrap();
        drop(child.stdout.take());
        let run = Run::new(child.wait_with_output().await.unwrap());
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{args:?}");
    }
    let server = Server::always(200, killb("PROCESSING", [9, 3, 3, 0])).await;
    let args = ["wait", "killb", "b-1", "--jsonl", "--base-url", &server.url];
    let mut child = bulkrail(args.into_iter().chain(QUICK)).spawn().unwrap();
    drop(child.stdout.take());
    let run = Run::new(child.wait_with_output().await.unwrap());
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let server = Server::always(200, killb("COMPLETED", [9, 9, 8, 1])).await;
    let mut child = bulkrail(["wait", "killb", "b-1", "--json", "--base-url", &server.url]).spawn().unwrap();
    drop(child.stdout.take());
    let run = Run::new(child.wait_with_output().await.unwrap());
    assert_eq!((run.code, run.stderr.as_str()), (3, ""));
}
