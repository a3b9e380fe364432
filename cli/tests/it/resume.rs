//! Waits that continue in another process.

use std::process::Stdio;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::server::{Server, reap};
use crate::support::{QUICK, Run, TempFile, bulkrail, run};

fn wait<'a>(server: &'a Server, more: &[&'a str]) -> Vec<&'a str> {
    let args = ["wait", "--base-url", &server.url];
    args.into_iter().chain(QUICK).chain(more.iter().copied()).collect()
}

#[tokio::test]
async fn output_of_a_wait_whose_deadline_passed_is_input_of_the_next() {
    for flag in ["--json", "--jsonl", "--quiet"] {
        let server = Server::always(200, reap("in_progress", [50, 20, 20, 0])).await;
        let first = run(wait(&server, &["reap", "b-1", "--deadline", "150ms", flag])).await;
        assert_eq!(first.code, 5, "{first:?}");
        let batch = json!({"provider": "reap", "id": "b-1", "key": null, "submitted_at": null, "environment": null});
        assert_eq!(first.lines().last(), Some(&batch));
        if flag == "--quiet" {
            assert!(first.stderr.starts_with("error: reap: the deadline passed"), "{first:?}");
            // It can be pasted.
            let resume = format!("\nresume: bulkrail wait reap b-1 --base-url {}\n", server.url);
            assert!(first.stderr.ends_with(&resume), "{first:?}");
        } else {
            let error = first.error();
            assert_eq!((&error["error"]["kind"], &error["batch"]), (&json!("deadline"), &batch));
            assert_eq!(error["last"]["progress"]["processed"], 20);
            assert_eq!(error["error"]["retryable"], true);
        }
        if flag == "--json" {
            assert_eq!(first.document(), batch);
        }

        let server = Server::always(200, reap("completed", [50, 50, 50, 0])).await;
        let file = TempFile::new(&format!("resume{flag}.json"), first.stdout.as_str());
        let second = run(wait(&server, &["--batch", file.path(), "--json"])).await;
        assert_eq!((second.code, &second.document()["batch"]), (0, &batch));
    }
}

#[tokio::test]
async fn wait_reads_any_document_with_a_batch_from_standard_input() {
    let server = Server::always(200, reap("completed", [50, 50, 50, 0])).await;
    let batch = json!({"provider": "reap", "id": "b-2", "key": "k-1", "submitted_at": "2026-01-01T00:00:00Z", "environment": null});
    let texts =
        [batch.to_string(), json!({"batch": batch, "state": "running"}).to_string(), format!("\u{feff}{batch}")];
    for text in texts {
        let mut command = bulkrail(wait(&server, &["--batch", "-", "--json"]));
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).await.unwrap();
        drop(stdin);
        let run = Run::new(child.wait_with_output().await.unwrap());
        assert_eq!((run.code, &run.document()["batch"]), (0, &batch));
    }
    assert!(server.requests().iter().all(|line| line == "GET /entity/kyc/import/batch/b-2"));
}

#[tokio::test]
async fn deadline_error_prints_the_command_with_the_batch_file() {
    let server = Server::always(200, reap("in_progress", [50, 20, 20, 0])).await;
    let file = TempFile::new("resume-file.json", r#"{"provider":"reap","id":"b-3"}"#);
    let run = run(wait(&server, &["--batch", file.path(), "--deadline", "100ms"])).await;
    assert_eq!(run.code, 5);
    let resume = format!("resume: bulkrail wait --batch {} --base-url {}", file.path(), server.url);
    assert_eq!(run.stderr.lines().last(), Some(resume.as_str()));
}

#[tokio::test]
async fn batch_of_one_environment_is_not_asked_for_at_another() {
    let server = Server::always(200, reap("completed", [50, 50, 50, 0])).await;
    let batch = json!({"provider": "reap", "id": "b-3", "environment": "production"});
    let file = TempFile::new("environment.json", batch.to_string());
    let refused = run(wait(&server, &["--batch", file.path()])).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("this is a batch in production, and the client uses http://127.0.0.1:"),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("hint: add --production; or ask here all the same, with --any-env"), "{refused:?}");
    assert!(server.requests().is_empty());
    let forced = run(wait(&server, &["--batch", file.path(), "--any-environment"])).await;
    assert_eq!(forced.code, 0, "{forced:?}");
}
