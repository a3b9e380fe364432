//! `bulkrail sandbox`, and the command against a sandbox.

use bulkrail::{cdq, killb};
use bulkrail_sandbox::{Faults, Sandbox};
use serde_json::json;

use crate::support::{self, QUICK, TempFile, bulkrail, finish};

fn at(sandbox: &Sandbox, args: &[&str]) -> tokio::process::Command {
    support::at(sandbox, args.iter().copied().chain(QUICK))
}

async fn start_cdq(sandbox: &Sandbox) -> String {
    let client = cdq::Client::builder()
        .base_url(sandbox.base_url("cdq").unwrap())
        .credentials(cdq::Credentials::api_key(sandbox.credentials("cdq")[0].1))
        .build()
        .unwrap();
    client.start("storage", &[]).await.unwrap().id().to_owned()
}

#[tokio::test]
async fn wait_needs_only_addresses_and_credentials_in_the_environment() {
    let sandbox = Sandbox::builder().speed(100.0).start().await.unwrap();
    let id = start_cdq(&sandbox).await;
    let run = finish(at(&sandbox, &["wait", "cdq", &id, "--json"])).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(run.document()["outcome"], "succeeded");
    assert!(sandbox.stats("cdq").polls >= 2);
}

#[tokio::test]
async fn wait_logs_in_with_email_and_password() {
    let sandbox = Sandbox::builder().speed(1000.0).start().await.unwrap();
    let credentials = sandbox.credentials("killb");
    let client = killb::Client::builder()
        .base_url(sandbox.base_url("killb").unwrap())
        .credentials(killb::Credentials::login(credentials[0].1, credentials[1].1))
        .build()
        .unwrap();
    // One row lacks a name, the other one has an unknown kind: both fail.
    let workbook = killb::Workbook::from_csv("accountType\nPSE\nnonsense\n").await.unwrap();
    let batch = client.upload(workbook).await.unwrap();
    let run = finish(at(&sandbox, &["wait", "killb", batch.id(), "--json"])).await;
    assert_eq!(run.code, 4);
    let result = run.document();
    assert_eq!((&result["outcome"], &result["progress"]["failed"]), (&json!("failed"), &json!(2)));
}

#[tokio::test]
async fn run_killb_returns_the_rows_of_every_sheet() {
    let mut book = rust_xlsxwriter::Workbook::new();
    for sheet in ["first", "second"] {
        let cells = [["accountType", "externalId"], ["PSE", &format!("{sheet}-1")], ["PSE", &format!("{sheet}-2")]];
        let sheet = book.add_worksheet();
        for (number, row) in (0..).zip(cells) {
            sheet.write_row(number, 0, row).unwrap();
        }
    }
    let file = TempFile::new("sheets.xlsx", book.save_to_buffer().unwrap());
    let sandbox = Sandbox::builder().speed(200.0).start().await.unwrap();
    let run = finish(at(&sandbox, &["run", "killb", file.path(), "--json"])).await;
    let result = run.document();
    assert_eq!((&result["unexpected"], &result["progress"]["total"]), (&json!([]), &json!(4)), "{result}");
    let references: Vec<_> = result["rows"].as_array().unwrap().iter().map(|row| row["reference"].clone()).collect();
    assert_eq!(references, ["first-1", "first-2", "second-1", "second-2"]);
}

#[tokio::test]
async fn sandbox_on_a_port_in_use_hints_at_a_free_port() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let run = finish(bulkrail(["sandbox", "--port", &sandbox.port().to_string()])).await;
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("\n  hint: without --port it takes a port that is free\n"), "{}", run.stderr);
}

#[tokio::test]
async fn wait_succeeds_at_a_provider_that_drifts() {
    let sandbox = Sandbox::builder().speed(60.0).faults(Faults::Drift).start().await.unwrap();
    let id = start_cdq(&sandbox).await;
    let run = finish(at(&sandbox, &["wait", "cdq", &id, "--json"])).await;
    assert_eq!((run.code, &run.document()["outcome"]), (0, &json!("succeeded")));
    assert_ne!(run.document()["drift"], json!([]));
}

#[cfg(unix)]
#[tokio::test]
async fn sandbox_prints_exports_and_runs_until_interrupted() {
    use std::collections::HashMap;

    use tokio::io::{AsyncBufReadExt, BufReader};

    use crate::support::{Run, signal};

    let mut child = bulkrail(["sandbox", "--speed", "20", "--faults", "drift"]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut variables = HashMap::new();
    while variables.len() < 10 {
        let line = stdout.next_line().await.unwrap().unwrap();
        let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
        variables.insert(name.to_owned(), value.to_owned());
    }
    let mut command = bulkrail(["status", "reap", "unknown", "--json"]);
    command.env_clear().envs(&variables);
    let run = finish(command).await;
    assert_eq!((run.code, &run.error()["error"]["code"]), (7, &json!("0701020100")));
    signal(&child, "-TERM").await;
    assert_eq!(stdout.next_line().await.unwrap(), None);
    let run = Run::new(child.wait_with_output().await.unwrap());
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("faults drift"), "{}", run.stderr);
    // No lines are above where they went to a file.
    assert!(run.stderr.contains("Read the lines that it printed in another shell"), "{}", run.stderr);
}

#[tokio::test]
async fn sandbox_on_a_port_in_use_is_an_error() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let run = finish(bulkrail(["sandbox", "--port", &sandbox.port().to_string()])).await;
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.starts_with("error: the sandbox cannot listen on port"), "{}", run.stderr);
}
