//! Submits whose response is lost: nothing is submitted twice, and the outcome is reported as
//! unknown.

use std::sync::{Arc, Mutex};

use bulkrail_sandbox::Sandbox;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::fixtures::{accounts, import, people};
use crate::notes::State;
use crate::support::{Run, TempFile, at, bulkrail, run};

/// Server that reads whole requests, writes fixed bytes and closes the connection, or leaves it
/// open without bytes.
pub(crate) struct BrokenServer {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl BrokenServer {
    pub(crate) async fn start(response: &'static str) -> Self {
        Self::with(move |_| Some(response)).await
    }

    /// Leaves every connection open without a response.
    #[cfg(unix)]
    pub(crate) async fn start_silent() -> Self {
        Self::with(|_| None).await
    }

    /// `response` is called with the first line of a request; without a response the connection
    /// stays open.
    async fn with(response: impl Fn(&str) -> Option<&'static str> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let Some(line) = request(&mut socket).await else { continue };
                seen.lock().unwrap().push(line.clone());
                match response(&line) {
                    Some(response) => socket.write_all(response.as_bytes()).await.unwrap(),
                    None => open.push(socket),
                }
            }
        });
        Self { url, requests, task }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for BrokenServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns the first line of a request, once all of it has arrived.
async fn request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        if bytes.len() >= head.len() + 4 + length {
            return String::from_utf8_lossy(&bytes).lines().next().map(str::to_owned);
        }
    }
}

#[tokio::test]
async fn lost_response_of_killb_is_outcome_unknown_and_not_sent_again() {
    let file = TempFile::new("lost-people.csv", people(3));
    for response in [
        "",
        "HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{\"jobId\"",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    ] {
        for command in ["submit", "run"] {
            let server = BrokenServer::start(response).await;
            let run = run([command, "killb", file.path(), "--json", "--base-url", &server.url]).await;
            assert_eq!((run.code, run.stdout.as_str()), (9, ""), "{run:?}");
            assert_eq!(run.error()["error"]["kind"], "outcome_unknown");
            assert_eq!(run.error()["error"]["retryable"], false);
            let hint = "compare its rows with the accounts that exist (`bulkrail compare killb`, or \
                        `compare_with_existing`), or ask KillB for a bulk job of that time, before submitting it again; no \
                        page has a list of jobs";
            assert_eq!(run.error()["error"]["hint"], hint);
            let message = run.error()["error"]["message"].as_str().unwrap().to_owned();
            assert!(
                message.contains("; the submit began at 20") && message.contains("Z, as batch.xlsx, with 3 rows"),
                "{message}"
            );
            assert_eq!(server.requests(), ["POST /api/v2/accounts/bulk/upload HTTP/1.1"]);
        }
    }
}

#[tokio::test]
async fn lost_response_of_localpayment_prints_the_batch() {
    let file = TempFile::new("lost-accounts.csv", accounts(10));
    let server = BrokenServer::with(|line| {
        Some(if line.starts_with("POST") { "" } else { "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" })
    })
    .await;
    let options = ["--account-number", "1", "--country", "MEX", "--key", "lost-1", "--base-url", &server.url];
    let run = run(["submit", "localpayment", file.path(), "--json"].into_iter().chain(options)).await;
    assert_eq!((run.code, &run.document()["id"]), (9, &json!("lost-1")), "{run:?}");
    assert_eq!(run.error()["batch"], run.document());
    assert_eq!(server.requests().iter().filter(|line| line.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn lost_response_of_cdq_names_storage_and_time_and_is_not_sent_again() {
    let server = BrokenServer::start("").await;
    let args =
        ["submit", "cdq", "--storage-id", "72d6900fce6b326088f5d9d91049e3e6", "--json", "--base-url", &server.url];
    let run = run(args).await;
    assert_eq!((run.code, run.stdout.as_str()), (9, ""), "{run:?}");
    let error = &run.error()["error"];
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("Z, for the storage 72d6900fce6b326088f5d9d91049e3e6"), "{message}");
    assert!(error["hint"].as_str().unwrap().contains("no public call lists jobs"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn interrupted_submit_names_key_or_batch() {
    let killb = TempFile::new("stopped-people.csv", people(3));
    let reap = TempFile::new("stopped-import.csv", import(&["e-1".to_owned()]));
    let localpayment = TempFile::new("stopped-accounts.csv", accounts(10));
    for (args, named, batch) in [
        (&["killb", killb.path()][..], "stopped before a response came", false),
        (&["reap", reap.path(), "--key", "key-1"], "idempotency key key-1", false),
        (
            &["localpayment", localpayment.path(), "--account-number", "1", "--country", "MEX", "--key", "key-2"],
            "key-2",
            true,
        ),
    ] {
        let server = BrokenServer::with(|_| None).await;
        let args = ["submit", "--json", "--base-url", &server.url].into_iter().chain(args.iter().copied());
        let child = bulkrail(args).spawn().unwrap();
        while server.requests().is_empty() {
            bulkrail::time::Clock::system().sleep(std::time::Duration::from_millis(5)).await;
        }
        crate::support::signal(&child, "-INT").await;
        // The second does not wait for a response.
        bulkrail::time::Clock::system().sleep(std::time::Duration::from_millis(200)).await;
        crate::support::signal(&child, "-INT").await;
        let run = Run::new(child.wait_with_output().await.unwrap());
        assert_eq!((run.code, run.stdout.is_empty()), (9, !batch), "{run:?}");
        assert!(run.error()["error"]["message"].as_str().unwrap().contains(named), "{run:?}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn submit_whose_output_cannot_be_written_names_the_batch_and_is_no_error_of_arguments() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let file = TempFile::new("lost-output.csv", import(&["e-1".to_owned()]));
    for (json, code) in [(true, 1), (false, 1)] {
        let mut command = at(&sandbox, ["submit", "reap", file.path()].into_iter().chain(json.then_some("--json")));
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let run = Run::new(command.stdout(full).spawn().unwrap().wait_with_output().await.unwrap());
        assert_eq!(run.code, code, "{run:?}");
        let id = run.stderr.split("submitted: reap batch ").nth(1).unwrap().split_whitespace().next().unwrap();
        assert!(run.stderr.contains("the batch was submitted: do not submit it again"), "{run:?}");
        if json {
            let document: serde_json::Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
            assert_eq!(document["batch"]["id"], id, "{run:?}");
        }
    }
    assert_eq!(sandbox.stats("reap").batches_created, 2);
}

#[tokio::test]
async fn submit_with_a_used_key_is_a_conflict() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let file = TempFile::new("lost-import.csv", import(&["e-1".to_owned()]));
    for key in ["once", r#"a "b" \c"#] {
        conflicts(&sandbox, file.path(), key).await;
    }
    assert_eq!(sandbox.stats("reap").batches_created, 2);
}

/// Submits a file twice under a key.
async fn conflicts(sandbox: &Sandbox, file: &str, key: &str) {
    let submit = || at(sandbox, ["submit", "reap", file, "--key", key, "--json"]);
    let state = State::new();
    let first = state.run(submit()).await;
    assert_eq!((first.code, &first.document()["key"]), (0, &json!(key)));
    let second = state.run(submit()).await;
    assert_eq!((second.code, second.stdout.as_str()), (1, ""));
    assert_eq!(second.error()["error"]["kind"], "conflict");
    assert!(second.error()["error"]["message"].as_str().unwrap().contains(key.split('"').next().unwrap()));
    let wait = format!(
        "it was submitted from here; wait for it: bulkrail wait reap {} ",
        first.document()["id"].as_str().unwrap()
    );
    assert!(second.error()["error"]["hint"].as_str().unwrap().starts_with(&wait), "{second:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn run_that_is_interrupted_while_its_output_cannot_be_written_names_the_batch() {
    let sandbox = Sandbox::builder().speed(60.0).start().await.unwrap();
    for json in [true, false] {
        let proxy = crate::proxy::Proxy::start(&sandbox, 700..701).await;
        let file = TempFile::new("lost-run.csv", people(3));
        let args = ["run", "killb", file.path()].into_iter().chain(json.then_some("--json"));
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let child = proxy.at(&sandbox, args).stdout(full).spawn().unwrap();
        while !proxy.has_sent("/bulk/upload") {
            bulkrail::time::Clock::system().sleep(std::time::Duration::from_millis(2)).await;
        }
        crate::support::signal(&child, "-INT").await;
        let run = Run::new(child.wait_with_output().await.unwrap());
        assert_eq!(run.code, 130, "{run:?}");
        let id = run.stderr.split("submitted: killb batch ").nth(1).unwrap().split_whitespace().next().unwrap();
        assert!(proxy.has_received(id), "{run:?}");
        assert!(run.stderr.contains("and then the command was stopped"), "{run:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn end_that_a_status_saw_is_recorded_although_it_cannot_be_printed() {
    let state = State::new();
    let created = json!({"jobId": "b-1", "status": "PENDING"});
    let ended = crate::server::killb("COMPLETED", [3, 3, 3, 0]);
    let server = crate::server::Server::start([(201, created), (200, ended)]).await;
    let file = TempFile::new("lost-status.csv", people(3));
    assert_eq!(state.run(bulkrail(["submit", "killb", file.path(), "--base-url", &server.url])).await.code, 0);
    let mut status = bulkrail(["status", "killb", "b-1", "--json", "--base-url", &server.url]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = status.env("XDG_STATE_HOME", &state.0).stdout(full).spawn().unwrap();
    let status = Run::new(status.wait_with_output().await.unwrap());
    assert_eq!(status.code, 1, "{status:?}");
    assert_eq!(state.list(&[]).await[0]["phase"], "ended");
}
