//! One batch has one outcome, whichever command is asked.

use serde_json::{Value, json};

use crate::fixtures::people;
use crate::server::{Server, killb};
use crate::support::{QUICK, TempFile, run};

/// Returns a KillB job of three rows whose counts and listed rows are given.
fn job([succeeded, failed]: [u64; 2], rows: [&str; 3]) -> Value {
    let mut job = killb("COMPLETED", [3, 3, succeeded, failed]);
    let row = |(number, status): (u64, &str)| {
        json!({
            "rowNumber": number + 1,
            "status": status,
            "originalRowData": {"externalId": format!("person-{number}")},
        })
    };
    job["results"] = (1..).zip(rows).map(row).collect();
    job
}

#[tokio::test]
async fn status_wait_rows_and_run_agree_where_rows_contradict_counts() {
    let file = TempFile::new("outcomes-people.csv", people(3));
    let table = [
        (job([3, 0], ["SUCCESS", "SUCCESS", "ERROR"]), "partial", 3, json!([["succeeded", 3, 2], ["failed", 0, 1]])),
        (job([1, 2], ["SUCCESS", "SUCCESS", "SUCCESS"]), "partial", 3, json!([["succeeded", 1, 3], ["failed", 2, 0]])),
        (job([3, 0], ["ERROR", "ERROR", "ERROR"]), "failed", 4, json!([["succeeded", 3, 0], ["failed", 0, 3]])),
        (job([3, 0], ["SUCCESS", "SUCCESS", "PONDERING"]), "partial", 3, json!([["succeeded", 3, 2]])),
        (job([3, 0], ["PONDERING", "PONDERING", "PONDERING"]), "unknown", 4, json!([["succeeded", 3, 0]])),
    ];
    for (job, outcome, code, mismatches) in table {
        let server = Server::always(200, job.clone()).await;
        let url = ["--base-url", &server.url];
        let document = |field: &Value| -> Value {
            let found = field.as_array().unwrap().iter();
            found.map(|found| json!([found["field"], found["reported"], found["listed"]])).collect()
        };
        for command in ["status", "wait"] {
            let run = run([command, "killb", "b-1", "--json"].into_iter().chain(url)).await;
            assert_eq!((run.code, &run.document()["outcome"]), (code, &json!(outcome)), "{command}: {run:?}");
            assert_eq!(document(&run.document()["count_mismatches"]), mismatches, "{command}");
        }
        let text = run(["status", "killb", "b-1"].into_iter().chain(url)).await;
        let shown = text.stdout.lines().filter(|line| line.starts_with(" ! killb counts ")).count();
        assert_eq!(shown, mismatches.as_array().unwrap().len(), "{text:?}");

        let created = json!({"jobId": "b-1", "status": "PENDING"});
        let submitted = Server::start([(201, created), (200, job)]).await;
        let args = ["run", "killb", file.path(), "--json", "--base-url", &submitted.url];
        let ran = run(args.into_iter().chain(QUICK)).await;
        assert_eq!((ran.code, &ran.document()["outcome"]), (code, &json!(outcome)), "{ran:?}");
        assert_eq!(document(&ran.document()["count_mismatches"]), mismatches);
        assert_eq!(ran.document()["rows"].as_array().map(Vec::len), Some(3));

        // Streamed, in memory, and with the submitted rows.
        let options =
            [&["--format", "csv"][..], &["--format", "json"], &["--format", "jsonl", "--submitted", file.path()]];
        for options in options {
            let rows = run(["rows", "killb", "b-1"].into_iter().chain(url).chain(options.iter().copied())).await;
            let notes: Vec<_> = rows.stderr.lines().collect();
            assert_eq!((rows.code, notes.last()), (0, Some(&&*format!("outcome: {outcome}"))), "{rows:?}");
            assert_eq!(notes.len(), mismatches.as_array().unwrap().len() + 1, "{rows:?}");
        }
    }
}

#[tokio::test]
async fn status_wait_rows_and_run_agree_where_rows_confirm_counts() {
    let file = TempFile::new("outcomes-agreeing.csv", people(3));
    for (job, outcome, code) in [
        (job([3, 0], ["SUCCESS", "SUCCESS", "SUCCESS"]), "succeeded", 0),
        (job([2, 1], ["SUCCESS", "ERROR", "SUCCESS"]), "partial", 3),
        (job([0, 3], ["ERROR", "ERROR", "ERROR"]), "failed", 4),
    ] {
        let server = Server::always(200, job.clone()).await;
        let url = ["--base-url", &server.url];
        let submitted = Server::start([(201, json!({"jobId": "b-1", "status": "PENDING"})), (200, job)]).await;
        let run_args = ["run", "killb", file.path(), "--base-url", &submitted.url];
        let calls: [Vec<&str>; 3] = [
            ["status", "killb", "b-1"].into_iter().chain(url).collect(),
            ["wait", "killb", "b-1"].into_iter().chain(url).collect(),
            run_args.into_iter().chain(QUICK).collect(),
        ];
        for call in calls {
            let run = run(call.iter().copied().chain(["--json"])).await;
            let document = run.document();
            assert_eq!((run.code, &document["outcome"]), (code, &json!(outcome)), "{call:?}: {run:?}");
            assert_eq!(document["count_mismatches"], json!([]), "{call:?}");
        }
        let rows = run(["rows", "killb", "b-1", "--json"].into_iter().chain(url)).await;
        assert_eq!((rows.code, rows.stderr.as_str()), (0, ""));
    }
}
