//! `bulkrail demo`.

use serde_json::Value;

use crate::support::{bulkrail, finish};

async fn demo(args: &[&str]) -> crate::support::Run {
    // The demo does not need credentials.
    let mut command = bulkrail(["demo", "--speed", "60"].iter().chain(args));
    command.env_clear();
    finish(command).await
}

#[tokio::test]
async fn demo_prints_four_documents_with_different_outcomes() {
    let run = demo(&["--json"]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let reports = run.document();
    let field = |pointer: &str| -> Vec<Value> {
        let reports = reports.as_array().unwrap().iter();
        reports.map(|report| report.pointer(pointer).unwrap().clone()).collect()
    };
    assert_eq!(field("/batch/provider"), ["killb", "reap", "cdq", "localpayment"]);
    assert_eq!(field("/outcome"), ["partial", "partial", "succeeded", "partial"]);
    assert_eq!(field("/progress/total"), [60.into(), 120.into(), Value::Null, 40.into()]);
    let unaccounted = reports.pointer("/3/progress/unaccounted").unwrap();
    assert!(unaccounted.as_u64() > Some(0));
}

#[tokio::test]
async fn demo_prints_a_table_and_the_rows_that_failed() {
    let run = demo(&[]).await;
    assert_eq!(run.code, 0);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    let failed = run.stdout.lines().filter(|line| line.contains("demo-person-")).count();
    assert_eq!(failed, 7, "{}", run.stdout);
    for part in ["! partial", "✓ succeeded", "User is under age", "demo-account-", "Reap counts them"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(!run.stdout.contains('\u{1b}'));
}

#[cfg(unix)]
#[tokio::test]
async fn demo_stops_on_interrupt() {
    use tokio::io::{AsyncBufReadExt, BufReader};

    use crate::support::{Run, signal};

    // The log says when it has begun.
    let mut child = bulkrail(["demo", "--json", "--speed", "0.01", "-v"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    stderr.next_line().await.unwrap().unwrap();
    signal(&child, "-INT").await;
    let mut last = String::new();
    while let Some(line) = stderr.next_line().await.unwrap() {
        last = line;
    }
    let error: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(error["error"]["kind"], "interrupted");
    let run = Run::new(child.wait_with_output().await.unwrap());
    assert_eq!((run.code, run.stdout.as_str()), (130, ""));
}
