//! Files that a run leaves in the state directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulkrail::DurationHistory;
use bulkrail::time::Clock;
use bulkrail_durable::{Filter, RedbStore, Store};
use fs4::FileExt;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::fixtures::people;
use crate::server::{Server, killb};
use crate::support::{QUICK, Run, TempFile, bulkrail, finish};

/// State directory that is removed when dropped.
struct State(PathBuf);

impl State {
    fn new(name: &str) -> Self {
        let name = format!("{}-state-{name}", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join("bulkrail/history.json")
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns a wait for a batch that was submitted just now, and the file with the batch.
fn waiting(state: &State, server: &Server, more: &[&str]) -> (Command, TempFile) {
    // The duration of a batch is known only with the time of its submission.
    let batch = json!({"provider": "killb", "id": "b-1", "submitted_at": Clock::system().wall().to_string()});
    let batch = TempFile::new(&format!("history-{}.json", server.url.replace(['/', ':'], "-")), batch.to_string());
    let args = ["wait", "--batch", batch.path(), "--json", "--base-url", &server.url];
    let mut command = bulkrail(args.into_iter().chain(QUICK).chain(more.iter().copied()));
    command.env("XDG_STATE_HOME", &state.0);
    (command, batch)
}

async fn wait(state: &State, more: &[&str]) -> Run {
    let server =
        Server::start([(200, killb("PROCESSING", [9, 3, 3, 0])), (200, killb("COMPLETED", [9, 9, 9, 0]))]).await;
    let (command, _batch) = waiting(state, &server, more);
    let run = finish(command).await;
    assert_eq!(run.code, 0, "{run:?}");
    run
}

/// Returns the number of finished batches in the history.
fn finished(state: &State) -> usize {
    let kept: Value = serde_json::from_str(&fs::read_to_string(state.file()).unwrap()).unwrap();
    kept["killb"]["finished"].as_array().unwrap().len()
}

#[tokio::test]
async fn wait_stores_durations_in_a_private_file() {
    let state = State::new("kept");
    assert_eq!(wait(&state, &[]).await.stderr, "");
    let first = fs::read_to_string(state.file()).unwrap();
    DurationHistory::default().import(&first).unwrap();
    assert!(serde_json::from_str::<Value>(&first).unwrap()["killb"].is_object());
    assert!(!first.contains("b-1"), "{first}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state.file()), 0o600);
        assert_eq!(mode(state.file().parent().unwrap()), 0o700);
    }
    wait(&state, &["--lag-per-request", "500ms"]).await;
    assert_ne!(fs::read_to_string(state.file()).unwrap(), first);
    let left = fs::read_dir(state.file().parent().unwrap()).unwrap();
    let mut left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["history.json", "history.lock"], "drafts are gone");
}

#[tokio::test]
async fn runs_at_the_same_time_all_add_to_the_history() {
    let state = State::new("at-once");
    let server = Server::always(200, killb("PROCESSING", [9, 3, 3, 0])).await;
    let (mut slow, _batch) = waiting(&state, &server, &[]);
    let slow = slow.spawn().unwrap();
    while server.requests().is_empty() {
        Clock::system().sleep(Duration::from_millis(5)).await;
    }
    // This one begins and ends while the first is under way.
    wait(&state, &[]).await;
    assert_eq!(finished(&state), 1);
    server.respond_with(200, killb("COMPLETED", [9, 9, 9, 0]));
    assert_eq!(Run::new(slow.wait_with_output().await.unwrap()).code, 0);
    assert_eq!(finished(&state), 2);

    tokio::join!(wait(&state, &[]), wait(&state, &[]), wait(&state, &[]));
    assert_eq!(finished(&state), 5);
}

#[tokio::test]
async fn wait_succeeds_without_the_lock_of_the_history() {
    let state = State::new("locked");
    wait(&state, &[]).await;
    let lock = fs::File::open(state.file().with_file_name("history.lock")).unwrap();
    FileExt::lock(&lock).unwrap();
    assert_eq!(wait(&state, &[]).await.stderr, "");
    assert_eq!(finished(&state), 2);
    drop(lock);
    fs::remove_file(state.file().with_file_name("history.lock")).unwrap();
    fs::create_dir(state.file().with_file_name("history.lock")).unwrap();
    assert_eq!(wait(&state, &[]).await.stderr, "");
    assert_eq!(finished(&state), 3);
}

#[tokio::test]
async fn no_history_neither_reads_nor_writes_the_file() {
    let state = State::new("alone");
    wait(&state, &["--no-history"]).await;
    assert!(!state.0.exists());
    wait(&state, &[]).await;
    let kept = fs::read(state.file()).unwrap();
    wait(&state, &["--no-history"]).await;
    assert_eq!(fs::read(state.file()).unwrap(), kept);
}

#[tokio::test]
async fn history_that_cannot_be_read_is_ignored_and_only_logged() {
    let state = State::new("garbage");
    fs::create_dir_all(state.file().parent().unwrap()).unwrap();
    for garbage in [&b"KEY=value"[..], b"[]", b"{\"killb\":7}", b"\xff\xfe"] {
        fs::write(state.file(), garbage).unwrap();
        assert!(wait(&state, &["-v"]).await.stderr.contains("is ignored"));
        fs::write(state.file(), garbage).unwrap();
        assert_eq!(wait(&state, &[]).await.stderr, "");
        DurationHistory::default().import(&fs::read_to_string(state.file()).unwrap()).unwrap();
    }
    fs::remove_file(state.file()).unwrap();
    fs::create_dir(state.file()).unwrap();
    assert!(wait(&state, &["-v"]).await.stderr.contains("is ignored"));
    assert_eq!(wait(&state, &[]).await.stderr, "");
}

#[tokio::test]
async fn run_stores_history_and_submissions_and_the_demo_does_not() {
    let sandbox = bulkrail_sandbox::Sandbox::builder().speed(200.0).start().await.unwrap();
    let state = State::new("run");
    let mut demo = bulkrail(["demo", "--json", "--speed", "100"]);
    demo.env("XDG_STATE_HOME", &state.0);
    assert_eq!(finish(demo).await.code, 0);
    assert!(!state.0.exists());

    let file = TempFile::new("history-people.csv", people(3));
    let mut run = crate::support::at(&sandbox, ["run", "killb", file.path(), "--json"].into_iter().chain(QUICK));
    run.env("XDG_STATE_HOME", &state.0);
    let run = finish(run).await;
    assert!(run.document()["outcome"].is_string(), "{run:?}");
    assert!(state.file().exists());
    // The submission is recorded too, for the case that the process is killed.
    let store = RedbStore::read_only(state.file().with_file_name("bulkrail.redb")).await.unwrap();
    let records = store.page("bulkrail", Filter::All, None, 10).await.unwrap();
    let [record] = &records[..] else { panic!("{records:?}") };
    let record: Value = serde_json::from_str(&record.document).unwrap();
    let note = &record["order"];
    assert!(note["begun_at"].is_string() && note["file"] == file.path(), "{note}");
    let seen = &record["phase"]["ended"]["report"];
    assert_eq!(seen["batch"], run.document()["batch"]);
    assert_eq!(seen["outcome"], run.document()["outcome"]);
}

#[cfg(unix)]
#[tokio::test]
async fn history_that_is_a_pipe_is_neither_read_nor_replaced() {
    let state = State::new("pipe");
    fs::create_dir_all(state.file().parent().unwrap()).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(state.file()).status().unwrap().success());
    assert!(wait(&state, &["-v"]).await.stderr.contains("it is not a file"));
    assert!(!fs::metadata(state.file()).unwrap().is_file(), "it is still there");
}
