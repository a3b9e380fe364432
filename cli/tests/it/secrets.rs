//! Secrets and submitted data never appear in output.

use serde_json::json;

use crate::server::{Server, killb};
use crate::support::{QUICK, TempFile, bulkrail, finish};

const CANARY: &str = "CANARY-5f2c";
const SECRETS: [&str; 7] = [
    "KILLB_EMAIL",
    "KILLB_PASSWORD",
    "KILLB_ACCESS_TOKEN",
    "REAP_API_KEY",
    "CDQ_API_KEY",
    "LOCALPAYMENT_USERNAME",
    "LOCALPAYMENT_PASSWORD",
];

#[tokio::test]
async fn secrets_of_the_environment_do_not_appear_in_output() {
    // A provider that repeats what it was sent in its free texts. (Its codes and status words are
    // shown as they come.)
    let echo = json!({"code": "1", "message": CANARY, "detail": CANARY, "status": {"detail": CANARY}});
    let responses = [
        (200, json!({"accessToken": CANARY, "access": CANARY, "status": 7})),
        (200, json!([CANARY])),
        (400, echo.clone()),
        (401, echo.clone()),
        (500, echo.clone()),
        (302, echo),
    ];
    for provider in ["killb", "reap", "cdq", "localpayment"] {
        for (number, (http, body)) in responses.iter().enumerate() {
            let server = Server::always(*http, body.clone()).await;
            let flags = [&["--json", "-vv"][..], &["-v"]][number % 2];
            let args = ["wait", provider, "b-1", "--deadline", "20ms", "--base-url", &server.url];
            let mut command = bulkrail(args.into_iter().chain(QUICK).chain(flags.iter().copied()));
            command.envs(SECRETS.map(|name| (name, CANARY)));
            let run = finish(command).await;
            assert_ne!(run.code, 0);
            assert!(run.stderr.contains("bulkrail::http"), "no log: {}", run.stderr);
            assert!(!format!("{run:?}").contains(CANARY), "{provider} {http}: {run:?}");
        }
    }
}

#[tokio::test]
async fn malformed_secrets_do_not_appear_in_output() {
    let server = Server::always(200, killb("COMPLETED", [1, 1, 1, 0])).await;
    let broken = format!("{CANARY}\nx");
    for provider in ["killb", "reap", "cdq", "localpayment"] {
        let mut command = bulkrail(["status", provider, "b-1", "--json", "-v", "--base-url", &server.url]);
        command.envs(
            ["KILLB_ACCESS_TOKEN", "REAP_API_KEY", "CDQ_API_KEY", "LOCALPAYMENT_ACCESS_TOKEN"]
                .map(|name| (name, &broken)),
        );
        let run = finish(command).await;
        assert_eq!(run.code, 2, "{run:?}");
        assert!(!format!("{run:?}").contains(CANARY), "{run:?}");
    }
}

#[tokio::test]
async fn credentials_in_a_base_url_are_refused_and_not_shown() {
    for url in [format!("https://user:{CANARY}@reap.example"), format!("user:{CANARY}@reap.example/x")] {
        for more in [None, Some("--json")] {
            let args = ["status", "reap", "b-1", "--base-url", &url];
            let run = finish(bulkrail(args.into_iter().chain(more))).await;
            assert_eq!(run.code, 2);
            assert!(run.stderr.contains("the value of --base-url holds credentials"), "{run:?}");
            assert!(!format!("{run:?}").contains(CANARY), "{run:?}");
        }
    }
}

/// A command that was stopped repeats its arguments.
#[cfg(unix)]
#[tokio::test]
async fn credentials_in_a_base_url_are_not_shown_by_an_interrupt() {
    let pipe = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-secret-pipe", std::process::id()));
    let _ = std::fs::remove_file(&pipe);
    assert!(tokio::process::Command::new("mkfifo").arg(&pipe).status().await.unwrap().success());
    let url = format!("https://user:{CANARY}@reap.example");
    let mut child = bulkrail(["wait", "--batch", pipe.to_str().unwrap(), "--base-url", &url]).spawn().unwrap();
    bulkrail::time::Clock::system().sleep(std::time::Duration::from_millis(800)).await;
    if child.try_wait().unwrap().is_none() {
        crate::support::signal(&child, "-INT").await;
    }
    let run = crate::support::Run::new(child.wait_with_output().await.unwrap());
    assert_ne!(run.code, 0);
    assert!(!format!("{run:?}").contains(CANARY), "{run:?}");
    std::fs::remove_file(pipe).unwrap();
}

#[tokio::test]
async fn submitted_data_does_not_appear_in_output() {
    let files = [
        (
            "killb",
            TempFile::new("secret.csv", format!("externalId,firstName,accountType\n{CANARY},{CANARY},PSE\n")),
            &[][..],
        ),
        ("reap", TempFile::new("secret-import.csv", format!("externalId,shareToken\n{CANARY},{CANARY}\n")), &[]),
        (
            "cdq",
            TempFile::new("secret-cdq.csv", format!("International Account ID,Country Code\n{CANARY},DE\n")),
            &["--storage-id", "s-1"],
        ),
        (
            "localpayment",
            TempFile::new("secret-lp.csv", {
                let rows = (0..10).map(|row| format!("{CANARY}-{row},COMPANY,{CANARY},,RFC,{CANARY}\n"));
                format!("externalId,type,name,lastName,documentType,documentId\n{}", rows.collect::<String>())
            }),
            &["--account-number", CANARY, "--country", "MEX", "--key", "k"],
        ),
    ];
    let echo = json!({"code": "1", "message": CANARY, "detail": CANARY, "status": {"detail": CANARY}});
    for (provider, file, options) in &files {
        for (number, http) in [400, 401, 403, 404, 409, 302].into_iter().enumerate() {
            let server = Server::always(http, echo.clone()).await;
            let flags = [&["--json", "-vv"][..], &["-v"]][number % 2];
            let command = ["submit", "run"][number % 2];
            let args = [command, provider, file.path(), "--base-url", &server.url];
            let mut command = bulkrail(args.into_iter().chain(options.iter().copied()).chain(flags.iter().copied()));
            command.envs(SECRETS.map(|name| (name, CANARY)));
            let run = finish(command).await;
            assert_ne!(run.code, 0);
            assert!(run.stderr.contains("bulkrail::http"), "no log: {}", run.stderr);
            assert!(!format!("{run:?}").contains(CANARY), "{provider} {http}: {run:?}");
        }
    }
}
