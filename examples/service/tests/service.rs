//! The service against a sandbox, over real sockets and sixty times faster than in reality.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bulkrail::test_util::ScaledClock;
use bulkrail::{AnyClient, killb, reap};
use bulkrail_example_service::serve;
use bulkrail_sandbox::Sandbox;
use reqwest::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const SPEED: u32 = 60;

async fn sandbox() -> Sandbox {
    Sandbox::builder().seed(7).speed(f64::from(SPEED)).start().await.unwrap()
}

fn clients(sandbox: &Sandbox) -> [AnyClient; 2] {
    let secret = |provider, index: usize| sandbox.credentials(provider)[index].1;
    let url = |provider| sandbox.base_url(provider).unwrap();
    let clock = ScaledClock::by(SPEED).clock();
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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/batches", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let (clients, directory) = (clients(sandbox), directory.0.clone());
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
        assert_eq!((status, batches.as_array().unwrap().len()), (StatusCode::CREATED, 1), "{batches}");
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
    format!("/{}/{}", batch["provider"].as_str().unwrap(), batch["id"].as_str().unwrap())
}

fn people() -> String {
    let row = |n| format!("person-{n},PERSON,PSE,Ana,\"Rojas, {n}\",person-{n}@example.com,{n},CO\n");
    let header = "externalId,entityType,accountType,firstName,lastName,email,documentNumber,countryCode\n";
    std::iter::once(header.to_owned()).chain((1000..1040).map(row)).collect()
}

fn applicants() -> String {
    let row = |n| format!("applicant-{n},token-{n}\n");
    std::iter::once("externalId,shareToken\n".to_owned()).chain((0..40).map(row)).collect()
}

#[tokio::test]
async fn files_are_submitted_followed_and_their_failed_rows_retried_once() {
    let (sandbox, directory) = (sandbox().await, Directory::new("retry"));
    let service = Instance::start(&sandbox, &directory).await;
    for (provider, csv) in [("killb", people()), ("reap", applicants())] {
        let batch = service.submit(provider, &csv).await;
        let events = service.events(&batch).await;
        let (name, end) = events.last().unwrap();
        assert_eq!((name.as_str(), &end["report"]["outcome"], &end["error"]), ("end", &"partial".into(), &Value::Null));
        assert_eq!(end["report"]["rows"].as_array().unwrap().len(), 40);
        assert!(events.len() > 1 && events.iter().rev().skip(1).all(|(name, _)| name == "progress"), "{provider}");

        let (status, last) = service.get(&batch).await;
        assert_eq!((status, &last), (StatusCode::OK, end));
        let (_, failed) = service.get(&format!("{batch}/failed")).await;
        let references = |rows: &Value| -> Vec<_> {
            rows.as_array().unwrap().iter().map(|row| row["reference"].as_str().unwrap().to_owned()).collect()
        };
        let failed = references(&failed);
        assert_eq!(Value::from(failed.len()), end["report"]["progress"]["failed"], "{provider}");

        let (status, retried) = service.post(&format!("{batch}/retry"), "").await;
        assert_eq!(status, StatusCode::CREATED, "{retried}");
        let events = service.events(&path(&retried[0])).await;
        let end = &events.last().unwrap().1;
        assert_eq!(references(&end["report"]["rows"]), failed, "the rows of the second batch");
        assert_eq!(end["retry_of"], batch[1..]);
        let (status, refused) = service.post(&format!("{batch}/retry"), "").await;
        assert_eq!((status, &refused["error"]["kind"]), (StatusCode::CONFLICT, &"conflict".into()));
        assert_eq!(sandbox.stats(provider).batches_created, 2);
    }
    service.stop().await;
}

#[tokio::test]
async fn a_refused_file_names_row_and_column_and_leaves_nothing_behind() {
    let (sandbox, directory) = (sandbox().await, Directory::new("refused"));
    let service = Instance::start(&sandbox, &directory).await;
    let (status, refused) = service.post("/reap", "externalId,shareToken\napplicant-1,\n").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("row 2, column shareToken: is empty"), "{message}");
    let (status, refused) = service.post("/reap", "externalId;shareToken\n").await;
    assert_eq!((status, &refused["submitted"]), (StatusCode::UNPROCESSABLE_ENTITY, &Value::Array(Vec::new())));
    assert_eq!(service.post("/nobody", "a\nb\n").await.0, StatusCode::NOT_FOUND);
    assert_eq!(service.get("/reap/unknown").await.0, StatusCode::NOT_FOUND);

    // Under the same key Reap has one batch: the second submission is a conflict.
    assert_eq!(service.post("/reap?key=payroll-1", applicants()).await.0, StatusCode::CREATED);
    let (status, refused) = service.post("/reap?key=payroll-1", applicants()).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    assert!(refused["error"]["hint"].is_string(), "{refused}");
    assert_eq!(sandbox.stats("reap").batches_created, 1);
    service.stop().await;
    let csv = |path: &Path| path.extension().is_some_and(|extension| extension == "csv");
    let files = std::fs::read_dir(&directory.0).unwrap().filter(|file| csv(&file.as_ref().unwrap().path()));
    assert_eq!(files.count(), 2, "the files that were checked and sent");
}

#[tokio::test]
async fn a_batch_that_is_open_at_a_stop_is_waited_for_by_the_next_instance() {
    let (sandbox, directory) = (sandbox().await, Directory::new("resume"));
    let service = Instance::start(&sandbox, &directory).await;
    let batch = service.submit("reap", &applicants()).await;
    let open = service.open_events(&batch).await;
    assert_eq!(service.get(&batch).await.1["is_ended"], false);
    service.stop().await; // It ends the open stream.
    let events = read_events(open).await;
    assert!(events.iter().all(|(name, _)| name == "progress"), "{events:?}");

    #[cfg(unix)]
    for file in std::fs::read_dir(&directory.0).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    let service = Instance::start(&sandbox, &directory).await;
    let events = service.events(&batch).await;
    assert_eq!(events.last().unwrap().1["report"]["outcome"], "partial");
    assert_eq!(sandbox.stats("reap").batches_created, 1);
    service.stop().await;

    // What has ended is kept, and not polled again.
    let polls = sandbox.stats("reap").polls;
    let service = Instance::start(&sandbox, &directory).await;
    let (_, list) = service.get("").await;
    assert_eq!(list[0]["report"]["outcome"], "partial");
    assert_eq!(service.events(&batch).await.len(), 1);
    service.stop().await;
    assert_eq!(sandbox.stats("reap").polls, polls);
}

/// The program itself, with its own clock: it stops on SIGTERM while a batch is open.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_program_stops_on_sigterm_and_keeps_the_open_batch() {
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
    assert_eq!(response.status(), StatusCode::CREATED);
    Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap();
    assert!(program.wait().unwrap().success());
    let log: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(log.last().unwrap().ends_with("stopped"), "{log:?}");
    let (_, key) = sandbox.credentials("reap")[0];
    assert!(!log.iter().any(|line| line.contains(key) || line.contains("token-1")), "{log:?}");

    let service = Instance::start(&sandbox, &directory).await;
    let (_, list) = service.get("").await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["is_ended"]), (1, &Value::Bool(false)));
    service.stop().await;
}
