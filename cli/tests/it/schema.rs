//! Documents conform to the output of `bulkrail schema`.

use serde_json::{Value, json};

use crate::server::{Server, cdq, killb, localpayment_completed, reap};
use crate::support::{QUICK, run};

pub(crate) async fn schemas() -> Value {
    let run = run(["schema"]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    run.document()
}

#[track_caller]
pub(crate) fn check(schema: &Value, document: &Value) {
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let validator = jsonschema::validator_for(schema).unwrap();
    let problems: Vec<_> = validator.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?} in {document}");
}

#[tokio::test]
async fn result_documents_conform_to_the_schema() {
    let schemas = schemas().await;
    let mut drifting = reap("verifying", [50, 40, 40, 0]);
    drifting["processedRecords"] = json!("40");
    let bodies = [
        ("killb", killb("COMPLETED", [100, 100, 98, 2])),
        ("reap", reap("in_progress", [100, 45, 43, 2])),
        ("reap", drifting),
        ("cdq", cdq("RUNNING", "77")),
        ("localpayment", localpayment_completed()),
    ];
    for (provider, body) in bodies {
        let server = Server::always(200, body).await;
        let run = run(["status", provider, "b-1", "--json", "--base-url", &server.url]).await;
        let result = run.document();
        check(&schemas["result"], &result);
        check(&schemas["batch"], &result["batch"]);
    }
}

#[tokio::test]
async fn error_documents_and_lines_conform_to_the_schema() {
    let schemas = schemas().await;
    let server = Server::always(200, killb("PROCESSING", [9, 3, 3, 0])).await;
    let deadline = ["wait", "killb", "b-1", "--jsonl", "--deadline", "100ms"];
    let args = deadline.into_iter().chain(["--base-url", &server.url]).chain(QUICK);
    let stopped = run(args).await;
    check(&schemas["error"], &stopped.error());
    let lines = stopped.lines();
    let (batch, results) = lines.split_last().unwrap();
    check(&schemas["batch"], batch);
    assert!(!results.is_empty());
    for result in results {
        check(&schemas["result"], result);
    }

    let usage = run(["wait", "unknown", "b-1", "--json"]).await;
    check(&schemas["error"], &usage.error());
    let server = Server::always(404, json!({"code": "0701020100", "message": "m", "parameter": "p"})).await;
    let missing = run(["status", "reap", "b-1", "--json", "--base-url", &server.url]).await;
    check(&schemas["error"], &missing.error());
}

#[tokio::test]
async fn rows_and_differences_conform_to_the_schema() {
    let schemas = schemas().await;
    let mut body = killb("COMPLETED", [2, 2, 1, 1]);
    body["results"] =
        json!([{"rowNumber": 2, "status": "SUCCESS", "accountId": "a"}, {"rowNumber": 3, "status": "ERROR"}]);
    let server = Server::always(200, body).await;
    let rows = run(["rows", "killb", "b-1", "--json", "--base-url", &server.url]).await;
    assert_eq!(rows.document().as_array().unwrap().len(), 2);
    check(&schemas["rows"], &rows.document());

    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/pages/killb/create-account.txt");
    let diff = run(["specs", "diff", "reap", page, "--json"]).await;
    assert!(!diff.document()["differences"].as_array().unwrap().is_empty());
    check(&schemas["specs_diff"], &diff.document());
}

#[tokio::test]
async fn result_schema_has_the_warnings_of_a_run() {
    assert_eq!(schemas().await["result"]["properties"]["warnings"]["type"], "array");
}

#[tokio::test]
async fn schema_refuses_other_documents() {
    let schemas = schemas().await;
    for name in ["batch", "result", "error", "list", "check", "compare", "rows", "specs_diff"] {
        let validator = jsonschema::validator_for(&schemas[name]).unwrap();
        assert!(!validator.is_valid(&json!({})), "{name}");
    }
}
