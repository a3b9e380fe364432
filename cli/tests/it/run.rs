//! `bulkrail run`, and the same in three steps: every submitted row is in the result.

use bulkrail::killb;
use bulkrail_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::fixtures::{BANK_ACCOUNTS, accounts, accounts_json, entities, import, people};
use crate::schema::{check, schemas};
use crate::server::{Server, killb};
use crate::support::{QUICK, TempFile, at, finish};

async fn sandbox() -> Sandbox {
    Sandbox::builder().seed(7).speed(60.0).start().await.unwrap()
}

/// Runs the command, and checks the document against the schema, the counts and what was submitted.
async fn run(sandbox: &Sandbox, args: &[&str], references: &[String]) -> Value {
    let args = ["run", "--json"].into_iter().chain(args.iter().copied()).chain(QUICK);
    let run = finish(at(sandbox, args)).await;
    assert_eq!(run.stderr, "");
    let document = run.document();
    check_result(&document, references).await;
    let code = match document["outcome"].as_str().unwrap() {
        "succeeded" => 0,
        "partial" => 3,
        _ => 4,
    };
    assert_eq!(run.code, code);
    document
}

async fn check_result(document: &Value, references: &[String]) {
    let schemas = schemas().await;
    check(&schemas["result"], document);
    check(&schemas["batch"], &document["batch"]);
    let found: Vec<_> = rows(document).iter().map(|row| row["reference"].as_str().unwrap_or_default()).collect();
    assert_eq!(found, references);
    for row in rows(document) {
        assert!(["succeeded", "failed", "unaccounted"].contains(&row["outcome"].as_str().unwrap()), "{row}");
    }
}

fn rows(document: &Value) -> &[Value] {
    document["rows"].as_array().unwrap()
}

fn count(document: &Value, outcome: &str) -> usize {
    rows(document).iter().filter(|row| row["outcome"] == outcome).count()
}

fn numbered(prefix: &str, count: u32) -> Vec<String> {
    (1..=count).map(|number| format!("{prefix}-{number}")).collect()
}

fn check_counts(document: &Value) {
    for field in ["succeeded", "failed", "unaccounted"] {
        assert_eq!(document["progress"][field], count(document, field), "{field}");
    }
    for field in ["duplicates", "unexpected", "count_mismatches"] {
        assert_eq!(document[field], json!([]), "{field}");
    }
}

#[tokio::test]
async fn run_killb_returns_every_row_of_csv_and_workbook() {
    let sandbox = sandbox().await;
    let csv = TempFile::new("run-people.csv", people(60));
    let workbook = killb::Workbook::from_csv(people(60)).await.unwrap().into_bytes();
    let workbook = TempFile::new("run-people.xlsx", workbook);
    for file in [&csv, &workbook] {
        let document = run(&sandbox, &["killb", file.path()], &numbered("person", 60)).await;
        check_counts(&document);
        assert_eq!(document["outcome"], "partial");
        let failed = rows(&document).iter().find(|row| row["outcome"] == "failed").unwrap();
        assert!(failed["reason"].is_string() && failed["index"].is_u64(), "{failed}");
    }
    assert_eq!(sandbox.stats("killb").batches_created, 2);
}

#[tokio::test]
async fn run_killb_counts_rows_without_references() {
    let sandbox = sandbox().await;
    let file = TempFile::new("run-nameless.csv", "accountType,firstName\nPSE,Ann\nPSE,Ben\n");
    let document = run(&sandbox, &["killb", file.path()], &[String::new(), String::new()]).await;
    assert_eq!(count(&document, "unaccounted"), 0);
}

#[tokio::test]
async fn run_reap_reads_the_entity_of_each_row() {
    let sandbox = sandbox().await;
    let ids = entities(&sandbox, 40).await;
    let file = TempFile::new("run-import.csv", import(&ids));
    let document = run(&sandbox, &["reap", file.path(), "--key", "run-1"], &ids).await;
    check_counts(&document);
    assert_eq!((&document["batch"]["key"], &document["outcome"]), (&json!("run-1"), &json!("partial")));
}

#[tokio::test]
async fn run_reap_makes_a_key_and_gives_every_row_an_outcome() {
    let sandbox = sandbox().await;
    let file = TempFile::new("run-unknown.csv", import(&numbered("unknown", 12)));
    let document = run(&sandbox, &["reap", file.path()], &numbered("unknown", 12)).await;
    check_counts(&document);
    assert_eq!(count(&document, "unaccounted"), 0);
    assert!(document["batch"]["key"].as_str().unwrap().len() > 30);
}

#[tokio::test]
async fn run_cdq_leaves_every_row_unaccounted() {
    let sandbox = sandbox().await;
    let start =
        ["cdq", "--storage-id", "s-1", "--feature", "confirm-ba-in-bp-storage", "--feature", "data-monitor-refresh"];
    let document = run(&sandbox, &start, &[]).await;
    assert_eq!((&document["outcome"], &document["rows"]), (&json!("succeeded"), &json!([])));
    let file = TempFile::new("run-accounts.csv", BANK_ACCOUNTS);
    let document = run(&sandbox, &["cdq", file.path(), "--storage-id", "s-1"], &[String::new(), String::new()]).await;
    let rows: Vec<_> = rows(&document).iter().map(|row| (&row["index"], &row["outcome"])).collect();
    assert_eq!(rows, [(&json!(2), &json!("unaccounted")), (&json!(3), &json!("unaccounted"))]);
}

#[tokio::test]
async fn run_localpayment_leaves_rows_that_are_not_listed_unaccounted() {
    let sandbox = sandbox().await;
    let csv = TempFile::new("run-lp.csv", accounts(30));
    let options = ["--account-number", "484.484.00000011", "--country", "MEX"];
    let args = |file: &'static [&'static str]| file.iter().copied().chain(options).collect::<Vec<_>>();
    let mut with_key = args(&["--key", "batch-1"]);
    with_key.extend(["localpayment", csv.path()]);
    let document = run(&sandbox, &with_key, &numbered("acc", 30)).await;
    check_counts(&document);
    assert!(count(&document, "unaccounted") > 0, "{document}");
    assert_eq!((&document["batch"]["id"], &document["outcome"]), (&json!("batch-1"), &json!("partial")));

    let array = TempFile::new("run-lp-array.json", accounts_json(12).to_string());
    let mut without_key = args(&[]);
    without_key.extend(["localpayment", array.path()]);
    let document = run(&sandbox, &without_key, &numbered("json", 12)).await;
    assert_eq!(document["batch"]["id"].as_str().map(str::len), Some(36));

    let batch = json!({
        "externalId": "batch-2", "accountNumber": "484.484.00000011", "country": "MEX", "accounts": accounts_json(10),
    });
    let batch = TempFile::new("run-lp-batch.json", batch.to_string());
    let document = run(&sandbox, &["localpayment", batch.path()], &numbered("json", 10)).await;
    assert_eq!(document["batch"]["id"], "batch-2");
}

#[tokio::test]
async fn file_of_more_rows_than_a_batch_takes_makes_several_batches() {
    let sandbox = sandbox().await;
    let file = TempFile::new("run-many.csv", accounts(5001));
    let options = ["--account-number", "484.484.00000011", "--country", "MEX", "--key", "many"];
    let args = ["run", "localpayment", file.path(), "--json"].into_iter().chain(options).chain(QUICK);
    let run = finish(at(&sandbox, args)).await;
    assert_eq!((run.code, run.stderr.as_str()), (3, ""));
    let documents = run.document();
    let documents = documents.as_array().unwrap();
    let ids: Vec<_> = documents.iter().map(|document| &document["batch"]["id"]).collect();
    assert_eq!(ids, ["many", "many-2"]);
    let (first, second) = (numbered("acc", 2500), numbered("acc", 5001).split_off(2500));
    check_result(&documents[0], &first).await;
    check_result(&documents[1], &second).await;

    let options = ["--account-number", "484.484.00000011", "--country", "MEX", "--key", "more"];
    let args = ["submit", "localpayment", file.path(), "--json"].into_iter().chain(options);
    let submitted = finish(at(&sandbox, args)).await;
    assert_eq!(submitted.code, 0, "{submitted:?}");
    let lines = submitted.lines();
    assert_eq!(lines.iter().map(|batch| &batch["id"]).collect::<Vec<_>>(), ["more", "more-2"]);
    // One wait takes all of them; `status` takes one, which the caller has to name.
    let saved = TempFile::new("run-many.jsonl", &submitted.stdout);
    let waited = finish(at(&sandbox, ["wait", "--batch", saved.path(), "--json"].into_iter().chain(QUICK))).await;
    assert!([0, 3, 4].contains(&waited.code), "{waited:?}");
    assert_eq!(waited.document().as_array().map(Vec::len), Some(2));
    let refused = finish(at(&sandbox, ["status", "--batch", saved.path(), "--json"])).await;
    assert_eq!((refused.code, refused.error()["error"]["kind"].as_str()), (2, Some("usage")));
    let args = ["rows", "localpayment", "more-2", "--submitted", file.path(), "--json"];
    let rows = finish(at(&sandbox, args)).await;
    assert_eq!(rows.document().as_array().unwrap().len(), 2501);
}

#[tokio::test]
async fn run_prints_the_rows_that_failed() {
    let sandbox = sandbox().await;
    let file = TempFile::new("run-read.csv", people(60));
    let mut command = at(&sandbox, ["run", "killb", file.path()].into_iter().chain(QUICK));
    // This state directory cannot be created, because it is below a file, and a warning says so.
    command.env("XDG_STATE_HOME", concat!(env!("CARGO_BIN_EXE_bulkrail"), "/state"));
    let run = finish(command).await;
    assert_eq!(run.code, 3, "{run:?}");
    // Beside lines of progress: standard error is not a terminal.
    let messages = run.stderr.lines().filter(|line| !line.starts_with("killb: "));
    let [warning, submitted] = &messages.collect::<Vec<_>>()[..] else { panic!("{run:?}") };
    assert!(warning.starts_with("warning: the submission is not recorded in "), "{warning}");
    assert!(submitted.starts_with("submitted: killb batch ") && submitted.ends_with(", 60 rows"), "{submitted}");
    for part in [" outcome  partial\n", " Rows that did not succeed:\n", "failed", "person-"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(!run.stdout.contains("succeeded\n"), "{}", run.stdout);
}

#[tokio::test]
async fn run_reports_rows_that_contradict_the_submission() {
    let mut job = killb("COMPLETED", [3, 3, 3, 0]);
    let row = |reference: &str| json!({"status": "SUCCESS", "originalRowData": {"externalId": reference}});
    job["results"] = json!([row("person-1"), row("person-1"), row("stranger")]);
    let created = json!({"jobId": "b-1", "status": "PENDING"});
    let file = TempFile::new("run-doubt.csv", people(3));
    let server = Server::start([(201, created.clone()), (200, job.clone())]).await;
    let args = ["run", "killb", file.path(), "--base-url", &server.url];
    let run = crate::support::run(args.into_iter().chain(QUICK)).await;
    assert_eq!(run.code, 3, "{run:?}");
    for part in ["partial", "person-2", "unaccounted", "more than once: person-1", "not submitted: stranger"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    let server = Server::start([(201, created), (200, job)]).await;
    let args = ["run", "killb", file.path(), "--json", "--base-url", &server.url];
    let run = crate::support::run(args.into_iter().chain(QUICK)).await;
    let document = run.document();
    check_result(&document, &numbered("person", 3)).await;
    assert_eq!((&document["duplicates"], &document["unexpected"]), (&json!(["person-1"]), &json!(["stranger"])));
}

#[tokio::test]
async fn run_that_does_not_see_the_end_prints_the_batch() {
    let file = TempFile::new("run-early.csv", people(3));
    let created = json!({"jobId": "b-1", "status": "PENDING"});
    for (response, code, kind) in [
        ((200, killb("PROCESSING", [3, 1, 1, 0])), 5, "deadline"),
        ((503, json!({})), 8, "unreachable"),
        ((403, json!({})), 6, "permission"),
    ] {
        let server = Server::start([(201, created.clone()), response]).await;
        let args = ["run", "killb", file.path(), "--json", "--deadline", "300ms", "--base-url", &server.url];
        let run = crate::support::run(args.into_iter().chain(QUICK)).await;
        assert_eq!((run.code, &run.error()["error"]["kind"]), (code, &json!(kind)), "{run:?}");
        assert_eq!((&run.document()["id"], &run.error()["batch"]), (&json!("b-1"), &run.document()));
    }
}

#[tokio::test]
async fn run_json_has_drift_of_submit_polls_and_rows_with_counts() {
    let file = TempFile::new("run-drift.csv", people(2));
    let created = json!({"jobId": "b-1", "status": "PENDING", "message": "m", "addedToSubmit": 1, "addedLater": 1});
    let mut running = killb("PROCESSING", [2, 1, 1, 0]);
    running["addedLater"] = json!(1);
    running["addedToPoll"] = json!(1);
    let mut ended = killb("COMPLETED", [2, 2, 2, 0]);
    ended["addedLater"] = json!(1);
    let row =
        |reference: &str| json!({"status": "SUCCESS", "addedToRow": 1, "originalRowData": {"externalId": reference}});
    ended["results"] = json!([row("person-1"), row("person-2")]);
    let server = Server::start([(201, created), (200, running), (200, ended)]).await;
    let report = TempFile::new("run-drift.jsonl", "");
    let args = ["run", "killb", file.path(), "--json", "--base-url", &server.url, "--drift-report", report.path()];
    let run = crate::support::run(args.into_iter().chain(QUICK)).await;
    assert_eq!(run.code, 0, "{run:?}");
    let document = run.document();
    check_result(&document, &numbered("person", 2)).await;
    let count = |pointer: &str| {
        let drift = document["drift"].as_array().unwrap();
        let found: Vec<_> = drift.iter().filter(|drift| drift["pointer"] == pointer).collect();
        assert_eq!(found.len(), 1, "{pointer}: {drift:?}");
        found[0]["count"].as_u64().unwrap()
    };
    assert_eq!((count("/addedToSubmit"), count("/addedToPoll"), count("/results/*/addedToRow")), (1, 1, 2));
    // The submit, two polls and the response with the rows.
    assert_eq!(count("/addedLater"), 4);
    let text = std::fs::read_to_string(report.path()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let operations: Vec<_> = lines.map(|line| line["operation"].as_str().unwrap().to_owned()).collect();
    assert_eq!(operations, ["submit", "status", "rows"]);
}

#[tokio::test]
async fn help_names_every_outcome_of_exit_code_4() {
    let help = crate::support::run(["--help"]).await.stdout;
    let line = help.lines().find(|line| line.trim_start().starts_with("4  ")).unwrap().to_owned();
    for outcome in ["failed", "cancelled", "unknown"] {
        assert!(line.contains(outcome), "{outcome}: {line}");
    }
}

#[tokio::test]
async fn run_whose_rows_cannot_be_read_keeps_the_outcome() {
    let file = TempFile::new("run-noread.csv", people(3));
    let created = json!({"jobId": "b-1", "status": "PENDING"});
    let ended = (200, killb("COMPLETED", [3, 3, 3, 0]));
    // A poll that sees the end reads the rows too; the rows are read once more to be reconciled.
    let server = Server::start([(201, created), ended.clone(), ended, (403, json!({}))]).await;
    let args = ["run", "killb", file.path(), "--json", "--base-url", &server.url];
    let run = crate::support::run(args.into_iter().chain(QUICK)).await;
    assert_eq!((run.code, &run.document()["id"]), (6, &json!("b-1")), "{run:?}");
    check(&schemas().await["error"], &run.error());
    assert_eq!(run.error()["last"]["outcome"], "succeeded");
}

#[tokio::test]
async fn submit_then_wait_then_rows_agree() {
    let sandbox = sandbox().await;
    let ids = entities(&sandbox, 15).await;
    let files = [
        ("killb", TempFile::new("steps-people.csv", people(15)), &[][..]),
        ("reap", TempFile::new("steps-import.csv", import(&ids)), &[]),
        (
            "localpayment",
            TempFile::new("steps-accounts.csv", accounts(15)),
            &["--account-number", "484.484.00000011", "--country", "MEX"],
        ),
    ];
    for (provider, file, options) in &files {
        let args = ["submit", provider, file.path(), "--json"].into_iter().chain(options.iter().copied());
        let submitted = finish(at(&sandbox, args)).await;
        assert_eq!((submitted.code, submitted.stderr.as_str()), (0, ""));
        check(&schemas().await["batch"], &submitted.document());
        let batch = TempFile::new(&format!("steps-{provider}.json"), &submitted.stdout);
        let wait = ["wait", "--batch", batch.path(), "--json"].into_iter().chain(QUICK);
        let waited = finish(at(&sandbox, wait)).await;
        assert!([0, 3].contains(&waited.code), "{waited:?}");
        let rows = finish(at(&sandbox, ["rows", "--batch", batch.path(), "--submitted", file.path(), "--json"])).await;
        assert_eq!((rows.code, rows.stderr.as_str()), (0, ""));
        let rows = rows.document();
        let succeeded = rows.as_array().unwrap().iter().filter(|row| row["outcome"] == "succeeded").count();
        assert_eq!(
            (rows.as_array().unwrap().len(), &json!(succeeded)),
            (15, &waited.document()["progress"]["succeeded"])
        );
        assert_eq!(sandbox.stats(provider).batches_created, 1);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn killed_wait_continues_from_the_saved_batch() {
    let sandbox = Sandbox::builder().seed(7).speed(20.0).start().await.unwrap();
    let file = TempFile::new("killed-people.csv", people(20));
    let submitted = finish(at(&sandbox, ["submit", "killb", file.path(), "--json"])).await;
    let batch = TempFile::new("killed-batch.json", &submitted.stdout);
    let wait = || at(&sandbox, ["wait", "--batch", batch.path(), "--json"].into_iter().chain(QUICK));
    let mut child = wait().spawn().unwrap();
    while sandbox.stats("killb").polls == 0 {
        bulkrail::time::Clock::system().sleep(std::time::Duration::from_millis(5)).await;
    }
    crate::support::signal(&child, "-KILL").await;
    assert_eq!(child.wait().await.unwrap().code(), None);
    let resumed = finish(wait()).await;
    assert!([0, 3].contains(&resumed.code), "{resumed:?}");
    assert_eq!(resumed.document()["progress"]["total"], 20);
    assert_eq!(sandbox.stats("killb").batches_created, 1);
}

/// Returns the command that runs a file of two batches at `server`.
fn run_two<'a>(file: &'a TempFile, server: &'a Server, more: &[&'a str]) -> tokio::process::Command {
    let account = ["--account-number", "484.484.00000011", "--country", "MEX", "--key", "two"];
    let args = ["run", "localpayment", file.path(), "--base-url", &server.url].into_iter().chain(account);
    crate::support::bulkrail(args.chain(QUICK).chain(more.iter().copied()))
}

#[tokio::test]
async fn run_of_several_batches_prints_every_error() {
    let file = TempFile::new("run-two.csv", accounts(5001));
    let accepted = |id| (200, json!({"externalId": id, "status": {"code": "100", "description": "INPROGRESS"}}));
    for json in [true, false] {
        let responses = [accepted("two"), accepted("two-2"), (403, json!({}))];
        let server = Server::start(responses).await;
        let run = finish(run_two(&file, &server, if json { &["--json"] } else { &["--quiet"] })).await;
        assert_eq!(run.code, 6, "{run:?}");
        if json {
            // One document; the batches of both are on standard output.
            let error: Value = serde_json::from_str(&run.stderr).unwrap();
            assert_eq!(error["batch"]["id"], "two", "{run:?}");
            let batches = run.document();
            assert_eq!([&batches[0]["id"], &batches[1]["id"]], ["two", "two-2"], "{run:?}");
        } else {
            assert_eq!(run.stderr.matches("error: localpayment: ").count(), 2, "{run:?}");
        }
    }
}

#[tokio::test]
async fn refused_second_batch_says_that_one_was_submitted() {
    let file = TempFile::new("run-second.csv", accounts(5001));
    let accepted = (200, json!({"externalId": "two", "status": {"code": "100", "description": "INPROGRESS"}}));
    let server = Server::start([accepted, (403, json!({}))]).await;
    let run = finish(run_two(&file, &server, &[])).await;
    assert_eq!(run.code, 6, "{run:?}");
    assert!(run.stderr.contains("(batch 2 of 2; 1 before it was submitted)"), "{run:?}");
}
