//! Texts of a provider, and names of files, in every output: escaped, and cut for people.

use serde_json::{Value, json};

use crate::server::{Server, killb};
use crate::support::{TempFile, run};

const HOSTILE: &str = "\u{1b}]52;c;x\u{7}\u{9b}31m\u{202e}a\u{200b}b\u{2028}c\u{e0041}d\re";

fn job(text: &str) -> Value {
    let mut job = killb("COMPLETED", [2, 2, 1, 1]);
    job["error"] = json!(text);
    job["results"] = json!([
        {"rowNumber": 2, "status": "SUCCESS", "accountId": text, "originalRowData": {"externalId": "p-1"}},
        {"rowNumber": 3, "status": "ERROR", "error": text, "originalRowData": {"externalId": "p-2"}},
    ]);
    job
}

/// Returns whether a terminal could obey or hide a part of `text`.
fn is_raw(text: &str) -> bool {
    text.chars().any(|c| c != '\n' && (c.is_control() || bulkrail::text::is_hidden(c)))
}

#[tokio::test]
async fn texts_of_a_provider_reach_no_output_raw() {
    let server = Server::always(200, job(HOSTILE)).await;
    for args in [
        &["status"][..],
        &["status", "-vv"],
        &["status", "--json"],
        &["wait", "--jsonl"],
        &["rows", "--format", "csv"],
        &["rows", "--format", "jsonl"],
        &["rows", "--format", "json"],
    ] {
        let (command, flags) = args.split_first().unwrap();
        let all = [command, "killb", "b-1", "--base-url", &server.url].into_iter().chain(flags.iter().copied());
        let run = run(all).await;
        assert!(!is_raw(&run.stdout) && !is_raw(&run.stderr), "{args:?}: {run:?}");
        assert!(run.stdout.contains("52;c;x"), "{args:?}: {run:?}");
    }
    let document = run(["status", "killb", "b-1", "--json", "--base-url", &server.url]).await.document();
    assert_eq!(document["message"], HOSTILE, "JSON keeps the value");
}

#[tokio::test]
async fn long_texts_are_cut_for_people_and_in_json_at_the_documented_limit() {
    let long = "x".repeat(200_000);
    let server = Server::always(200, job(&long)).await;
    let table = run(["status", "killb", "b-1", "--base-url", &server.url]).await;
    assert!(
        table.stdout.contains("x… (199700 characters cut)") && table.stdout.len() < 5_000,
        "{}",
        table.stdout.len()
    );
    let document = run(["status", "killb", "b-1", "--json", "--base-url", &server.url]).await.document();
    let kept = bulkrail::text::truncated(&long, bulkrail::text::MAX_TEXT_CHARS);
    assert_eq!(document["message"], *kept);
    let csv = run(["rows", "killb", "b-1", "--format", "csv", "--base-url", &server.url]).await;
    assert!(csv.stdout.lines().all(|line| line.len() < 33_000), "a cell of a spreadsheet");
}

#[tokio::test]
async fn names_of_files_and_arguments_reach_standard_error_escaped() {
    for args in
        [&["submit", "reap", HOSTILE][..], &["wait", "--batch", HOSTILE], &["specs", "lint", HOSTILE], &[HOSTILE]]
    {
        let run = run(args.iter().copied()).await;
        assert_eq!(run.code, 2, "{run:?}");
        assert!(!is_raw(&run.stderr) && run.stderr.contains("31m"), "{run:?}");
    }
}

#[tokio::test]
async fn submit_warns_of_reap_ids_that_are_not_uuids() {
    let server = Server::always(201, json!({"batchId": "784d4045-c900-4050-aad6-8fe4c8d2fb16"})).await;
    let submit = async |id: &str| {
        let file = TempFile::new("texts-reap.csv", format!("externalId,shareToken\n{id},t\n"));
        run(["submit", "reap", file.path(), "--base-url", &server.url]).await
    };
    let other = submit("applicant-1").await;
    assert_eq!(other.code, 0, "{other:?}");
    assert!(other.stderr.contains("warning: column externalId: 1 of 1 cells are not UUIDs"), "{other:?}");
    assert!(!submit("784d4045-c900-4050-aad6-8fe4c8d2fb16").await.stderr.contains("UUID"));
}

#[tokio::test]
async fn json_run_has_the_warning_of_reap_ids_that_are_not_uuids_in_its_document() {
    let sandbox = bulkrail_sandbox::Sandbox::builder().speed(60.0).start().await.unwrap();
    let file = TempFile::new("texts-run-reap.csv", "externalId,shareToken\napplicant-1,t\n");
    let args = ["run", "reap", file.path(), "--json"].into_iter().chain(crate::support::QUICK);
    let run = crate::support::finish(crate::support::at(&sandbox, args)).await;
    assert_eq!(run.stderr, "", "{run:?}");
    let warning = run.document()["warnings"][0].as_str().unwrap().to_owned();
    assert!(warning.contains("1 of 1 cells are not UUIDs"), "{warning}");
}
