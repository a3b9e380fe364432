//! Example bodies of the providers' pages, and their outcomes.

use serde_json::{Value, json};

use crate::server::{Server, cdq, killb, localpayment_completed, reap};
use crate::support::{QUICK, run};

/// Runs `status`, and checks the number of its requests.
async fn status(provider: &str, body: Value) -> (i32, Value) {
    // The rows of a finished KillB job are read by a second request.
    let requests = if provider == "killb" && body["status"] == "COMPLETED" { 2 } else { 1 };
    let server = Server::always(200, body).await;
    let run = run(["status", provider, "b-1", "--base-url", &server.url, "--json"]).await;
    assert_eq!(run.stderr, "");
    assert_eq!(server.requests().len(), requests);
    (run.code, run.document())
}

fn counts(progress: &Value) -> [Option<u64>; 5] {
    ["total", "processed", "succeeded", "failed", "unaccounted"].map(|field| progress[field].as_u64())
}

#[tokio::test]
async fn status_of_killb_completed_with_two_failed_rows_is_partial() {
    let (code, result) = status("killb", killb("COMPLETED", [100, 100, 98, 2])).await;
    assert_eq!(code, 3);
    assert_eq!((&result["state"], &result["outcome"]), (&json!("finished"), &json!("partial")));
    assert_eq!(counts(&result["progress"]), [Some(100), Some(100), Some(98), Some(2), Some(0)]);
    let batch = json!({"provider": "killb", "id": "b-1", "key": null, "submitted_at": null});
    assert_eq!(result["batch"], batch);
    assert_eq!((&result["polls"], &result["drift"]), (&json!(1), &json!([])));
    assert_eq!(result["provider_status"], "COMPLETED");
    assert_eq!(result["count_mismatches"], json!([]));
    assert!(result["elapsed_ms"].is_u64());
    assert!(result.get("rows").is_none() && result.get("unexpected").is_none());
}

#[tokio::test]
async fn status_of_reap_completed_without_failures_is_succeeded() {
    let (code, result) = status("reap", reap("completed", [19, 19, 19, 0])).await;
    assert_eq!((code, &result["state"], &result["outcome"]), (0, &json!("finished"), &json!("succeeded")));
    assert_eq!(counts(&result["progress"]), [Some(19), Some(19), Some(19), Some(0), Some(0)]);
}

#[tokio::test]
async fn status_of_reap_in_progress_is_running() {
    let (code, result) = status("reap", reap("in_progress", [100, 45, 43, 2])).await;
    assert_eq!((code, &result["state"], &result["outcome"]), (0, &json!("running"), &Value::Null));
    assert_eq!(counts(&result["progress"]), [Some(100), Some(45), Some(43), Some(2), Some(55)]);
    assert_eq!(result["progress"]["percent"], 45.0);
}

#[tokio::test]
async fn status_of_reap_pending_is_queued() {
    let (code, result) = status("reap", reap("pending", [50, 0, 0, 0])).await;
    assert_eq!((code, &result["state"], &result["outcome"]), (0, &json!("queued"), &Value::Null));
    assert_eq!(counts(&result["progress"])[..2], [Some(50), Some(0)]);
}

#[tokio::test]
async fn status_of_an_undocumented_word_is_unrecognised() {
    let (code, result) = status("reap", reap("verifying", [50, 40, 40, 0])).await;
    assert_eq!((code, &result["state"], &result["outcome"]), (0, &json!("unrecognised"), &Value::Null));
    assert_eq!((&result["provider_status"], &result["drift"][0]["found"]), (&json!("verifying"), &json!("verifying")));
}

#[tokio::test]
async fn status_of_cdq_running_has_a_percentage_and_no_counts() {
    let (code, result) = status("cdq", cdq("RUNNING", "77")).await;
    assert_eq!((code, &result["state"]), (0, &json!("running")));
    assert_eq!(counts(&result["progress"]), [None; 5]);
    assert_eq!(result["progress"]["percent"], 77.0);
}

#[tokio::test]
async fn status_of_localpayment_completed_counts_its_rows() {
    let (code, result) = status("localpayment", localpayment_completed()).await;
    assert_eq!((code, &result["state"], &result["outcome"]), (0, &json!("finished"), &json!("succeeded")));
    assert_eq!(counts(&result["progress"]), [Some(2), Some(2), Some(2), Some(0), Some(0)]);
}

#[tokio::test]
async fn wait_continues_after_a_502_and_an_unknown_status_word() {
    let server = Server::start([
        (200, reap("pending", [50, 0, 0, 0])),
        (502, json!("<html>")),
        (200, reap("in_progress", [50, 20, 20, 0])),
        (200, reap("verifying", [50, 40, 40, 0])),
        (200, reap("completed", [50, 50, 50, 0])),
    ])
    .await;
    let args = ["wait", "reap", "b-1", "--json", "--base-url", &server.url];
    let run = run(args.into_iter().chain(QUICK)).await;
    assert_eq!(run.code, 0, "{run:?}");
    let result = run.document();
    assert_eq!((&result["outcome"], &result["polls"]), (&json!("succeeded"), &json!(5)));
    assert_eq!(result["drift"][0]["found"], "verifying");
    assert_eq!(server.requests()[0], "GET /entity/kyc/import/batch/b-1");
}

#[tokio::test]
async fn status_and_wait_print_text_without_a_progress_bar_outside_a_terminal() {
    let server = Server::always(200, killb("COMPLETED", [100, 100, 98, 2])).await;
    for command in ["status", "wait"] {
        let run = run([command, "killb", "b-1", "--base-url", &server.url]).await;
        assert_eq!(run.code, 3);
        assert_eq!(run.stderr, "");
        for part in ["partial", "killb b-1", "COMPLETED", "98 succeeded, 2 failed, 0 unaccounted for"] {
            assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
        }
    }
}

#[tokio::test]
async fn status_removes_control_characters_from_texts_of_the_provider() {
    let mut body = killb("COMPLETED", [1, 1, 1, 0]);
    body["error"] = json!("\u{1b}[2J\u{1b}]0;title\u{7}gotcha");
    let server = Server::always(200, body).await;
    let run = run(["status", "killb", "b-1", "--base-url", &server.url]).await;
    assert!(run.stdout.contains("gotcha"), "{run:?}");
    assert!(!run.stdout.contains(|c: char| c.is_control() && c != '\n'), "{:?}", run.stdout);
}

#[tokio::test]
async fn wait_jsonl_prints_each_snapshot_and_the_end_last() {
    let server = Server::start([
        (200, killb("PENDING", [100, 0, 0, 0])),
        (200, killb("PROCESSING", [100, 60, 59, 1])),
        (200, killb("COMPLETED", [100, 100, 98, 2])),
    ])
    .await;
    let args = ["wait", "killb", "b-1", "--jsonl", "--base-url", &server.url];
    let run = run(args.into_iter().chain(QUICK)).await;
    assert_eq!((run.code, run.stderr.as_str()), (3, ""));
    let states: Vec<_> = run.lines().iter().map(|line| line["state"].clone()).collect();
    assert_eq!(states, ["queued", "running", "finished"]);
    assert_eq!(run.lines()[2]["outcome"], "partial");
}
