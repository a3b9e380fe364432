//! The service against a sandbox, over real sockets and sixty times faster than in reality.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulkrail::test_util::ScaledClock;
use bulkrail::time::Clock;
use bulkrail::{AnyClient, killb, reap};
use bulkrail_example_service::serve;
use bulkrail_sandbox::{ManualClock, Sandbox};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const SPEED: u32 = 60;

fn scaled() -> Clock {
    ScaledClock::new(SPEED).clock()
}

async fn sandbox() -> Sandbox {
    Sandbox::builder().seed(7).speed(f64::from(SPEED)).start().await.unwrap()
}

/// Returns clients that wait in the time of `clock`.
fn clients(sandbox: &Sandbox, clock: Clock) -> [AnyClient; 2] {
    let secret = |provider, index: usize| sandbox.credentials(provider)[index].1;
    let url = |provider| sandbox.base_url(provider).unwrap();
    let killb = killb::Client::builder()
        .base_url(url("killb"))
        .credentials(killb::Credentials::login(secret("killb", 0), secret("killb", 1)))
        .clock(clock.clone());
    let reap = reap::Client::builder()
        .base_url(url("reap"))
        .credentials(reap::Credentials::api_key(secret("reap", 0)))
        .clock(clock);
    [killb.build().unwrap().into(), reap.build().unwrap().into()]
}

/// A directory that is removed with its content.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("bulkrail-example-service-{name}-{}", std::process::id())))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running service.
struct Instance {
    url: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Instance {
    async fn start(sandbox: &Sandbox, directory: &Directory) -> Self {
        Self::start_with(clients(sandbox, scaled()), directory).await
    }

    async fn start_with<const N: usize>(clients: [AnyClient; N], directory: &Directory) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/batches", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let directory = directory.0.clone();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let serving = tokio::spawn(async move { serve(listener, &directory, clients, shutdown).await });
        Self { url, stop, serving }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap().unwrap();
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let response = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        let response = reqwest::Client::new().post(format!("{}{path}", self.url)).body(body).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// Submits a file that makes one batch, and returns the path of the batch.
    async fn submit(&self, provider: &str, csv: &str) -> String {
        let (status, batches) = self.post(&format!("/{provider}"), csv.to_owned()).await;
        assert_eq!((status, batches.as_array().unwrap().len()), (StatusCode::ACCEPTED, 1), "{batches}");
        path(&batches[0])
    }

    /// Returns the events of a batch until its end: name and data of each.
    async fn events(&self, path: &str) -> Vec<(String, Value)> {
        read_events(self.open_events(path).await).await
    }

    async fn open_events(&self, path: &str) -> reqwest::Response {
        let response = reqwest::get(format!("{}{path}/events", self.url)).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response
    }
}

/// Reads events to the end of the response.
async fn read_events(response: reqwest::Response) -> Vec<(String, Value)> {
    let text = response.text().await.unwrap();
    let events = text.split("\n\n").filter(|event| event.contains("data: "));
    let field = |event: &str, name: &str| event.lines().find_map(|line| Some(line.strip_prefix(name)?.to_owned()));
    let event = |event| (field(event, "event: ").unwrap(), field(event, "data: ").unwrap());
    events.map(event).map(|(name, data)| (name, serde_json::from_str(&data).unwrap())).collect()
}

fn path(batch: &Value) -> String {
    format!("/{}/{}", batch["provider"].as_str().unwrap(), batch["key"].as_str().unwrap())
}

fn payees() -> String {
    let row = |n| format!("payee-{n},PERSON,PSE,Ana,\"Rojas, {n}\",payee-{n}@example.com,{n},CO\n");
    let header = "externalId,entityType,accountType,firstName,lastName,email,documentNumber,countryCode\n";
    std::iter::once(header.to_owned()).chain((1000..1040).map(row)).collect()
}

fn applicants() -> String {
    let row = |n| format!("applicant-{n},token-{n}\n");
    std::iter::once("externalId,shareToken\n".to_owned()).chain((0..40).map(row)).collect()
}

#[tokio::test]
async fn service_submits_follows_and_retries_failed_rows_once() {
    // Batches progress only when this clock is advanced.
    let clock = ManualClock::new();
    let sandbox = Sandbox::builder().seed(7).clock(clock.clone()).start().await.unwrap();
    let directory = Directory::new("retry");
    let service = Instance::start(&sandbox, &directory).await;
    for (provider, csv) in [("killb", payees()), ("reap", applicants())] {
        let batch = service.submit(provider, &csv).await;
        while sandbox.stats(provider).batches_created < 1 {
            tokio::task::yield_now().await;
        }
        let mut open = service.open_events(&batch).await;
        let first = open.chunk().await.unwrap().unwrap();
        assert!(first.starts_with(b"event: progress\n"), "{first:?}");
        clock.advance(Duration::from_secs(600));
        let events = read_events(open).await;
        let (name, end) = events.last().unwrap();
        assert_eq!(
            (name.as_str(), &end["snapshot"]["outcome"], &end["error"]),
            ("end", &"partial".into(), &Value::Null)
        );
        assert_eq!(end["snapshot"]["progress"]["total"], 40);
        assert!(events.iter().rev().skip(1).all(|(name, _)| name == "progress"), "{events:?}");

        let (status, last) = service.get(&batch).await;
        assert_eq!((status, &last), (StatusCode::OK, end));
        let (_, failed) = service.get(&format!("{batch}/failed")).await;
        let references = |rows: &Value| -> Vec<_> {
            rows.as_array().unwrap().iter().map(|row| row["reference"].as_str().unwrap().to_owned()).collect()
        };
        let failed = references(&failed);
        assert_eq!(Value::from(failed.len()), end["snapshot"]["progress"]["failed"], "{provider}");

        let (status, retried) = service.post(&format!("{batch}/retry"), "").await;
        assert_eq!(status, StatusCode::ACCEPTED, "{retried}");
        let (status, again) = service.post(&format!("{batch}/retry"), "").await;
        assert_eq!((status, path(&again[0])), (StatusCode::ACCEPTED, path(&retried[0])), "it is the same batch");
        let retry = service.open_events(&path(&retried[0])).await;
        while sandbox.stats(provider).batches_created < 2 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(600));
        let events = read_events(retry).await;
        let end = &events.last().unwrap().1;
        assert_eq!(end["snapshot"]["progress"]["total"], failed.len(), "the rows of the second batch");
        assert_eq!(sandbox.stats(provider).batches_created, 2);
    }
    service.stop().await;
}

#[tokio::test]
async fn submit_names_row_and_column_of_an_invalid_file_and_keeps_nothing_of_it() {
    let (sandbox, directory) = (sandbox().await, Directory::new("refused"));
    let service = Instance::start(&sandbox, &directory).await;
    let (status, refused) = service.post("/reap", "externalId,shareToken\napplicant-1,\n").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("row 2, column shareToken: is empty"), "{message}");
    let (status, refused) = service.post("/reap", "externalId;shareToken\n").await;
    assert_eq!((status, &refused["error"]["kind"]), (StatusCode::UNPROCESSABLE_ENTITY, &"usage".into()));
    assert_eq!(service.post("/other", "a\nb\n").await.0, StatusCode::NOT_FOUND);
    assert_eq!(service.get("/reap/unknown").await.0, StatusCode::NOT_FOUND);

    // The same key with the same file is the same batch; another file is refused.
    for _ in 0..2 {
        assert_eq!(service.post("/reap?key=payroll-1", applicants()).await.0, StatusCode::ACCEPTED);
    }
    let (status, refused) = service.post("/reap?key=payroll-1", "externalId,shareToken\na-1,t-1\n").await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    let (status, refused) = service.post("/reap?key=..%2Fpayroll", applicants()).await;
    assert_eq!((status, &refused["error"]["parameter"]), (StatusCode::UNPROCESSABLE_ENTITY, &"key".into()));
    assert_eq!(service.events("/reap/payroll-1").await.last().unwrap().0, "end");
    assert_eq!(sandbox.stats("reap").batches_created, 1);
    service.stop().await;
    let csv = |path: &Path| path.extension().is_some_and(|extension| extension == "csv");
    let files = std::fs::read_dir(&directory.0).unwrap().filter(|file| csv(&file.as_ref().unwrap().path()));
    assert_eq!(files.count(), 1, "the file that was checked and sent");
}

#[tokio::test]
async fn service_resumes_open_batches_after_a_stop() {
    let (sandbox, directory) = (sandbox().await, Directory::new("resume"));
    // With the system's clock the first poll is a minute away.
    let service = Instance::start_with(clients(&sandbox, Clock::system()), &directory).await;
    let batch = service.submit("reap", &applicants()).await;
    let open = service.open_events(&batch).await;
    assert!(["ordered", "submitting", "waiting"].map(Value::from).contains(&service.get(&batch).await.1["phase"]));
    service.stop().await; // It ends the open stream.
    let events = read_events(open).await;
    assert!(!events.is_empty() && events.iter().all(|(name, _)| name == "progress"), "{events:?}");

    #[cfg(unix)]
    for file in std::fs::read_dir(&directory.0).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    let service = Instance::start(&sandbox, &directory).await;
    let events = service.events(&batch).await;
    assert_eq!(events.last().unwrap().1["snapshot"]["outcome"], "partial");
    assert_eq!(sandbox.stats("reap").batches_created, 1);
    service.stop().await;

    // What has ended is kept, and not polled again.
    let polls = sandbox.stats("reap").polls;
    let service = Instance::start(&sandbox, &directory).await;
    let (_, list) = service.get("").await;
    assert_eq!(list[0]["snapshot"]["outcome"], "partial");
    assert_eq!(service.events(&batch).await.len(), 1);
    service.stop().await;
    assert_eq!(sandbox.stats("reap").polls, polls);
}

#[tokio::test]
async fn submit_reports_a_lost_response_as_unknown_outcome_and_keeps_it() {
    // A provider that closes each connection when it has read a part of the request.
    let provider = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", provider.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = provider.accept().await.unwrap();
            connection.read_u8().await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let client = move || {
        let credentials = killb::Credentials::access_token("token");
        killb::Client::builder().base_url(url.clone()).credentials(credentials).clock(scaled()).build().unwrap().into()
    };
    let directory = Directory::new("lost");
    let service = Instance::start_with([client()], &directory).await;
    let batch = service.submit("killb", &payees()).await;
    let (name, end) = service.events(&batch).await.pop().unwrap();
    assert_eq!((name.as_str(), &end["error"]["error"]["kind"]), ("end", &"outcome_unknown".into()), "{end}");
    assert!(end["error"]["error"]["hint"].is_string(), "{end}");
    service.stop().await;

    let service = Instance::start_with([client()], &directory).await;
    let (_, list) = service.get("").await;
    assert_eq!((&list[0]["phase"], &list[0]["error"]["error"]["kind"]), (&"gave_up".into(), &"outcome_unknown".into()));
    service.stop().await;
    assert_eq!(requests.load(Ordering::SeqCst), 1, "it is not sent again");
}

#[tokio::test]
async fn stop_awaits_the_submit_that_is_under_way() {
    // A provider that responds only when it is allowed to.
    let provider = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", provider.local_addr().unwrap());
    let (received, is_received) = oneshot::channel();
    let (allow, is_allowed) = oneshot::channel();
    let provider = tokio::spawn(async move {
        let (mut connection, _) = provider.accept().await.unwrap();
        connection.read_u8().await.unwrap();
        received.send(()).unwrap();
        is_allowed.await.unwrap();
        let body = r#"{"batchId":"784d4045-c900-4050-aad6-8fe4c8d2fb16"}"#;
        let head = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n", body.len());
        connection.write_all((head + body).as_bytes()).await.unwrap();
        connection // Open until the response was read.
    });
    let client = reap::Client::builder().base_url(url).credentials(reap::Credentials::api_key("key")).build().unwrap();
    let directory = Directory::new("disconnect");
    let service = Instance::start_with([client.clone().into()], &directory).await;
    let batch = service.submit("reap", &applicants()).await;
    is_received.await.unwrap();
    assert_eq!(service.get(&batch).await.1["phase"], "submitting");
    let stopping = tokio::spawn(service.stop());
    tokio::task::yield_now().await;
    allow.send(()).unwrap();
    stopping.await.unwrap();
    drop(provider.await.unwrap());

    let service = Instance::start_with([client.into()], &directory).await;
    let (_, kept) = service.get(&batch).await;
    assert_eq!(
        (&kept["phase"], &kept["batch"]["id"]),
        (&"waiting".into(), &"784d4045-c900-4050-aad6-8fe4c8d2fb16".into())
    );
    service.stop().await;
}

/// The program itself, with its own clock: it stops on SIGTERM while a batch is open.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn program_stops_on_sigterm_and_keeps_the_open_batch() {
    let (sandbox, directory) = (sandbox().await, Directory::new("program"));
    let mut program = Command::new(env!("CARGO_BIN_EXE_bulkrail-example-service"))
        .envs(sandbox.credentials("reap").iter().copied())
        .env("REAP_BASE_URL", sandbox.base_url("reap").unwrap())
        .env("SERVICE_ADDRESS", "127.0.0.1:0")
        .env("SERVICE_DIRECTORY", &directory.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let address = lines.find_map(|line| Some(line.unwrap().split_once("address=")?.1.to_owned())).unwrap();
    let url = format!("http://{address}/batches/reap");
    let response = reqwest::Client::new().post(url).body(applicants()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap();
    assert!(program.wait().unwrap().success());
    let log: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(log.last().unwrap().ends_with("stopped"), "{log:?}");
    let (_, key) = sandbox.credentials("reap")[0];
    assert!(!log.iter().any(|line| line.contains(key) || line.contains("token-1")), "{log:?}");

    let service = Instance::start(&sandbox, &directory).await;
    let (_, list) = service.get("").await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(service.events(&path(&list[0])).await.last().unwrap().1["phase"], "ended");
    service.stop().await;
}
