//! `bulkrail wait` for several batches.

use std::collections::HashSet;

use bulkrail::Batch;
use bulkrail_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::fixtures::{accounts, people};
use crate::schema::{check, schemas};
use crate::server::{Server, reap};
use crate::support::{QUICK, Run, TempFile, at, bulkrail, finish, run};

/// Submits batches to `sandbox`, and returns them, with one that does not exist, as a file and as
/// documents.
async fn batches(sandbox: &Sandbox, name: &str) -> (TempFile, Vec<Value>) {
    let killb = TempFile::new(&format!("{name}-people.csv"), people(3));
    let localpayment = TempFile::new(&format!("{name}-accounts.csv"), accounts(10));
    let calls = [
        &["submit", "killb", killb.path()][..],
        &["submit", "cdq", "--storage-id", "storage-1"],
        &["submit", "localpayment", localpayment.path(), "--account-number", "484.484.00000011", "--country", "MEX"],
        &["submit", "cdq", "--storage-id", "storage-2"],
    ];
    let mut lines = Vec::new();
    for call in calls {
        let submitted = finish(at(sandbox, call.iter().copied().chain(["--json"]))).await;
        assert_eq!(submitted.code, 0, "{submitted:?}");
        lines.push(submitted.document());
    }
    lines.insert(
        2,
        json!({"provider": "cdq", "id": "no-such-job", "key": null, "submitted_at": null, "environment": null}),
    );
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    (TempFile::new(&format!("{name}.jsonl"), text), lines)
}

fn wait<'a>(file: &'a TempFile, more: &[&'a str]) -> Vec<&'a str> {
    ["wait", "--batch", file.path()].into_iter().chain(QUICK).chain(more.iter().copied()).collect()
}

#[tokio::test]
async fn wait_for_many_ends_one_that_is_not_found_alone() {
    let sandbox = Sandbox::builder().speed(200.0).start().await.unwrap();
    let (file, lines) = batches(&sandbox, "many").await;
    let schemas = schemas().await;

    let json = finish(at(&sandbox, wait(&file, &["--json"]))).await;
    assert_eq!((json.code, json.stderr.as_str()), (7, ""), "{json:?}");
    let documents = json.document();
    let documents = documents.as_array().unwrap();
    let named: Vec<_> = documents.iter().map(|document| document["batch"].clone()).collect();
    assert_eq!(named, lines);
    for (place, document) in documents.iter().enumerate() {
        check(&schemas[if place == 2 { "error" } else { "result" }], document);
    }
    assert_eq!(documents[2]["error"]["kind"], "not_found");
    assert_eq!(documents[1]["outcome"], "succeeded");

    let lines_run = finish(at(&sandbox, wait(&file, &["--jsonl"]))).await;
    assert_eq!((lines_run.code, lines_run.stderr.as_str()), (7, ""));
    let ids = |values: &[Value]| values.iter().map(|value| value["id"].to_string()).collect::<HashSet<_>>();
    let seen: Vec<_> = lines_run.lines().iter().map(|line| line["batch"].clone()).collect();
    assert_eq!((seen.len(), ids(&seen)), (lines.len(), ids(&lines)));

    let shown = finish(at(&sandbox, wait(&file, &[]))).await;
    assert_eq!(shown.code, 7);
    let table: Vec<_> = shown.stdout.lines().collect();
    assert_eq!(table.len(), 2 + lines.len(), "{}", shown.stdout);
    assert!(table[4].contains("no-such-job") && table[4].contains("not_found"), "{}", shown.stdout);
    // Beside lines of progress: standard error is not a terminal.
    let progress = format!("{} batches: ", lines.len());
    let errors: Vec<_> = shown.stderr.lines().filter(|line| !line.starts_with(&progress)).collect();
    assert!(errors[0].starts_with("error: cdq: ") && errors[1].starts_with("  hint: check the id"), "{errors:?}");
    assert_eq!(errors.len(), 2, "{errors:?}");

    // An array of results is a file of batches too.
    let array = TempFile::new("many-array.json", json.stdout.as_str());
    let again = finish(at(&sandbox, wait(&array, &["--json"]))).await;
    assert_eq!((again.code, again.document().as_array().unwrap().len()), (7, lines.len()));
}

#[tokio::test]
async fn wait_for_many_prints_the_batches_whose_deadline_passed() {
    let server = Server::always(200, reap("in_progress", [50, 20, 20, 0])).await;
    let text = "{\"provider\":\"reap\",\"id\":\"b-1\"}\n{\"provider\":\"reap\",\"id\":\"b-2\"}\n";
    let file = TempFile::new("slow.jsonl", text);
    let options = ["--base-url", server.url.as_str(), "--deadline", "200ms"];
    let text = run(wait(&file, &options)).await;
    assert_eq!(text.code, 5, "{text:?}");
    let (table, open) = text.stdout.split_at(text.stdout.find('{').unwrap());
    assert_eq!(table.lines().count(), 4, "{table}");
    let open: Vec<Batch> = open.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(open.iter().map(Batch::id).collect::<Vec<_>>(), ["b-1", "b-2"]);
    let resume = format!("resume: bulkrail wait --batch {} --base-url {}", file.path(), server.url);
    assert_eq!(text.stderr.lines().last(), Some(resume.as_str()));

    let json = run(wait(&file, &options).into_iter().chain(["--json"])).await;
    assert_eq!((json.code, json.stderr.as_str()), (5, ""));
    assert_eq!(json.document()[1]["error"]["kind"], "deadline");
    assert_eq!(json.document()[1]["last"]["progress"]["processed"], 20);
}

#[tokio::test]
async fn exit_code_of_many_is_that_of_the_worst_outcome() {
    let file = TempFile::new(
        "outcomes.jsonl",
        "[{\"provider\":\"reap\",\"id\":\"b-1\"},{\"provider\":\"reap\",\"id\":\"b-2\"}]",
    );
    for (second, code) in [([5, 5, 5, 0], 0), ([5, 5, 3, 2], 3), ([5, 5, 0, 5], 4)] {
        let good = (200, reap("completed", [5, 5, 5, 0]));
        let server = Server::start([good, (200, reap("completed", second))]).await;
        let run = run(wait(&file, &["--base-url", &server.url, "--json"])).await;
        assert_eq!((run.code, run.stderr.as_str()), (code, ""));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn interrupted_wait_for_many_prints_the_batches_that_have_not_ended() {
    use std::time::Duration;

    for flag in ["--json", "--jsonl", "--quiet"] {
        let server =
            Server::start([(200, reap("completed", [5, 5, 5, 0])), (200, reap("in_progress", [50, 20, 20, 0]))]).await;
        let text: String = (1..=3).map(|id| format!("{{\"provider\":\"reap\",\"id\":\"b-{id}\"}}\n")).collect();
        let file = TempFile::new(&format!("stopped{flag}.jsonl"), text);
        let drift = TempFile::new(&format!("stopped{flag}.drift"), "");
        let more = ["--base-url", &server.url, "--drift-report", drift.path(), flag];
        let child = bulkrail(wait(&file, &more)).spawn().unwrap();
        while server.requests().len() < 6 {
            bulkrail::time::Clock::system().sleep(Duration::from_millis(5)).await;
        }
        crate::support::signal(&child, "-INT").await;
        let run = Run::new(child.wait_with_output().await.unwrap());
        assert_eq!(run.code, 130, "{run:?}");
        let reported = std::fs::read_to_string(drift.path()).unwrap();
        assert_eq!(reported.lines().count(), 3, "the drift of polls before the interrupt is reported too: {reported}");
        let open: Vec<_> =
            run.lines().into_iter().filter(|line| line.is_object() && line.get("state").is_none()).collect();
        assert_eq!(open.len(), 2, "{run:?}");
        assert!(open.iter().all(|batch| batch["provider"] == "reap"), "{run:?}");
        assert_eq!(run.lines().len(), if flag == "--quiet" { 2 } else { 3 });
        if flag == "--quiet" {
            assert!(run.stderr.contains("2 of 3 batches have not ended"), "{run:?}");
        } else {
            assert_eq!(run.error()["error"]["kind"], "interrupted");
        }
    }
}

#[tokio::test]
async fn batch_of_another_environment_is_refused_with_the_option_to_use_and_not_asked_for() {
    let server = Server::always(200, reap("completed", [5, 5, 5, 0])).await;
    let other = |id: &str| json!({"provider": "reap", "id": id, "environment": "production"});
    let good = json!({"provider": "reap", "id": "b-3", "environment": server.url});
    let only = TempFile::new("elsewhere.jsonl", format!("{}\n{}\n", other("b-1"), other("b-2")));
    let mixed = TempFile::new("mixed.jsonl", format!("{}\n{good}\n", other("b-1")));
    for (file, requests) in [(&only, 0), (&mixed, 1)] {
        let waited = run(wait(file, &["--base-url", &server.url, "--json"])).await;
        assert_eq!((waited.code, waited.stderr.as_str()), (2, ""), "{waited:?}");
        let refused = waited.document()[0].clone();
        assert_eq!((&refused["error"]["kind"], &refused["batch"]["id"]), (&json!("usage"), &json!("b-1")));
        assert!(refused["error"]["hint"].as_str().unwrap().starts_with("add --production; or "), "{refused}");
        assert_eq!(server.requests().len(), requests, "{waited:?}");
    }
}
