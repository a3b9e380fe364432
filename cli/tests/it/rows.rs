//! `bulkrail rows`.

use serde_json::{Value, json};

use crate::fixtures::people;
use crate::server::{Server, killb, localpayment_completed};
use crate::support::{Run, TempFile, run};

fn job() -> Value {
    let mut job = killb("COMPLETED", [4, 4, 2, 2]);
    let link = json!({"externalId": "=HYPERLINK(\"x\")"});
    job["results"] = json!([
        {"rowNumber": 2, "status": "SUCCESS", "accountId": "a,1", "originalRowData": link},
        {"rowNumber": 3, "status": "ERROR", "error": "@SUM(1)", "originalRowData": {"externalId": "+1"}},
        {"rowNumber": 4, "status": "ERROR", "error": "\tsays \"no\",\nthen", "originalRowData": {"externalId": "-2"}},
        {"rowNumber": 5, "status": "SUCCESS", "accountId": "\r=1", "originalRowData": {"externalId": "plain"}},
    ]);
    job
}

async fn rows(body: Value, args: &[&str]) -> Run {
    let server = Server::always(200, body).await;
    run(["rows", "--base-url", &server.url].into_iter().chain(args.iter().copied())).await
}

#[tokio::test]
async fn rows_csv_quotes_formulas() {
    // Streamed, and reconciled.
    let file = TempFile::new("rows-formulas.csv", "externalId\n\"=HYPERLINK(\"\"x\"\")\"\n+1\n-2\nplain\n");
    for more in [&[][..], &["--submitted", file.path()], &["--format", "csv"]] {
        let args: Vec<_> = ["killb", "b-1"].iter().chain(more).copied().collect();
        let run = rows(job(), &args).await;
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let expected = concat!(
            "index,reference,outcome,account_id,reason\n",
            "2,\"'=HYPERLINK(\"\"x\"\")\",succeeded,\"a,1\",\n",
            "3,\"'+1\",failed,,\"'@SUM(1)\"\n",
            "4,\"'-2\",failed,,\"' says \"\"no\"\", then\"\n",
            "5,plain,succeeded,\"' '=1\",\n",
        );
        assert_eq!(run.stdout, expected);
    }
}

#[tokio::test]
async fn rows_json_has_texts_unchanged() {
    let lines = rows(job(), &["killb", "b-1", "--format", "jsonl"]).await;
    assert_eq!((lines.code, lines.stderr.as_str()), (0, ""));
    assert_eq!(
        lines.lines()[1],
        json!({
            "index": 3, "reference": "+1", "outcome": "failed", "account_id": null, "reason": "@SUM(1)",
        })
    );
    for flags in [&["--json"][..], &["--format", "json"]] {
        let args: Vec<_> = ["killb", "b-1"].iter().chain(flags).copied().collect();
        let array = rows(job(), &args).await;
        assert_eq!(array.document(), Value::from(lines.lines()));
    }
}

#[tokio::test]
async fn rows_failed_names_what_it_leaves_out() {
    let mut body = job();
    body["results"][0]["status"] = json!("PONDERING");
    for format in ["csv", "jsonl", "json"] {
        let run = rows(body.clone(), &["killb", "b-1", "--failed", "--format", format]).await;
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("@SUM(1)") && !run.stdout.contains("plain"), "{}", run.stdout);
        assert!(run.stderr.contains("not shown: 1 row that is unaccounted for"), "{}", run.stderr);
        assert!(run.stderr.contains("killb counts 2 as succeeded, but the rows add up to 1"), "{}", run.stderr);
        assert!(run.stderr.contains("\noutcome: partial\n"), "{}", run.stderr);
    }
}

#[tokio::test]
async fn rows_lists_submitted_rows_that_the_provider_does_not() {
    let file = TempFile::new("rows-people.csv", people(2));
    let mut body = killb("COMPLETED", [1, 1, 1, 0]);
    body["results"] = json!([{"rowNumber": 3, "status": "SUCCESS", "originalRowData": {"externalId": "person-2"}}]);
    let run = rows(body, &["killb", "b-1", "--submitted", file.path(), "--json"]).await;
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("killb counts 1 in all"), "{}", run.stderr);
    let outcomes: Vec<_> = run.document().as_array().unwrap().iter().map(|row| row["outcome"].clone()).collect();
    assert_eq!(outcomes, ["unaccounted", "succeeded"]);

    let array: Value = ["e-2", "e-1", "e-3"]
        .iter()
        .map(|id| {
            json!({
                "externalId": id,
                "beneficiary": {"type": "COMPANY", "name": "Firm", "document": {"type": "RFC", "id": "X"}},
            })
        })
        .collect();
    let file = TempFile::new("rows-accounts.json", array.to_string());
    let run = rows(localpayment_completed(), &["localpayment", "b-1", "--submitted", file.path(), "--json"]).await;
    let outcomes: Vec<_> = run.document().as_array().unwrap().iter().map(|row| row["outcome"].clone()).collect();
    assert_eq!(outcomes, ["succeeded", "succeeded", "unaccounted"]);
    let run = rows(localpayment_completed(), &["localpayment", "b-1", "--json"]).await;
    assert!(run.stderr.contains("--submitted"), "{}", run.stderr);
}

#[tokio::test]
async fn rows_of_a_running_batch_are_printed_with_a_note() {
    let mut body = killb("PROCESSING", [9, 1, 1, 0]);
    body["results"] = json!([{"rowNumber": 2, "status": "SUCCESS"}]);
    for format in ["csv", "json"] {
        let run = rows(body.clone(), &["killb", "b-1", "--format", format]).await;
        assert_eq!(run.code, 0);
        assert!(run.stderr.starts_with("the batch has not ended"), "{}", run.stderr);
        let quiet = rows(body.clone(), &["killb", "b-1", "--format", format, "--quiet"]).await;
        assert_eq!(quiet.stderr, "");
    }
}

#[tokio::test]
async fn rows_refuses_providers_that_do_not_list_rows() {
    for (provider, field, part) in [("cdq", "message", "does not list rows"), ("reap", "hint", "--submitted")] {
        let run = run(["rows", provider, "b-1", "--json"]).await;
        assert_eq!((run.code, run.stdout.as_str()), (2, ""));
        assert!(run.error()["error"][field].as_str().unwrap().contains(part), "{run:?}");
    }
}

#[tokio::test]
async fn rows_of_a_response_that_breaks_off_end_with_an_error() {
    let server = crate::lost::BrokenServer::start(
        "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n\
        {\"status\":\"COMPLETED\",\"results\":[{\"rowNumber\":2,\"status\":\"SUCCESS\"},",
    )
    .await;
    let run = run(["rows", "killb", "b-1", "--format", "jsonl", "--base-url", &server.url]).await;
    assert_eq!((run.code, run.lines().len()), (8, 1), "{run:?}");
    assert_eq!(run.error()["error"]["kind"], "unavailable");
}
