//! Signals: the first asks a command to stop, the second ends it.

use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail_sandbox::Sandbox;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::fixtures::people;
use crate::lost::BrokenServer;
use crate::proxy::Proxy;
use crate::server::{Server, killb};
use crate::support::{Run, TempFile, bulkrail, finish, signal, state};

async fn pause(milliseconds: u64) {
    Clock::system().sleep(Duration::from_millis(milliseconds)).await;
}

/// Waits until the server has got a request.
async fn requested(server: &Server) {
    while server.requests().is_empty() {
        pause(5).await;
    }
}

async fn end(child: Child) -> Run {
    tokio::select! {
        output = child.wait_with_output() => Run::new(output.unwrap()),
        () = pause(30_000) => panic!("the command does not end"),
    }
}

/// Returns whether a command can be sent SIGHUP. It ignores the signal where the test run does, as under `nohup`.
fn hears_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_none_or(|ignored| ignored & 1 == 0)
}

async fn listed(state: &std::path::Path) -> Vec<Value> {
    let mut list = bulkrail(["list", "--json"]);
    list.env("XDG_STATE_HOME", state);
    finish(list).await.document().as_array().unwrap().clone()
}

#[tokio::test]
async fn first_interrupt_of_a_submit_waits_for_the_response() {
    let sandbox = Sandbox::builder().speed(60.0).start().await.unwrap();
    for (name, command) in [("-INT", "submit"), ("-TERM", "run"), ("-HUP", "submit")] {
        if name == "-HUP" && !hears_hang_up() {
            continue;
        }
        for json in [true, false] {
            let proxy = Proxy::start(&sandbox, 700..701).await;
            let (state, file) = (state(), TempFile::new(&format!("first{name}.csv"), people(3)));
            let args = [command, "killb", file.path()].into_iter().chain(json.then_some("--json"));
            let mut child = proxy.at(&sandbox, args);
            let child = child.env("XDG_STATE_HOME", &state).spawn().unwrap();
            while !proxy.has_sent("/bulk/upload") {
                pause(2).await;
            }
            signal(&child, name).await;
            let run = end(child).await;
            assert_eq!(run.code, 130, "{run:?}");
            let batch = run.document();
            assert!(proxy.has_received(batch["id"].as_str().unwrap()), "{run:?}");
            if json {
                assert_eq!((&run.error()["error"]["kind"], &run.error()["batch"]), (&json!("interrupted"), &batch));
            } else {
                let waiting = "waiting up to 5 s for the response; interrupt again to stop now\nerror: ";
                assert!(run.stderr.starts_with(waiting), "{run:?}");
                assert!(run.stderr.contains("\nresume: bulkrail wait"), "{run:?}");
            }
            let [entry] = &listed(&state).await[..] else { panic!() };
            assert_eq!((&entry["batch"], &entry["phase"]), (&batch, &json!("open")));
        }
    }
}

#[tokio::test]
async fn second_interrupt_of_a_submit_ends_it_at_once() {
    let server = BrokenServer::start_silent().await;
    let (state, file) = (state(), TempFile::new("second.csv", people(3)));
    let mut command = bulkrail(["submit", "killb", file.path(), "--base-url", &server.url]);
    let mut child = command.env("XDG_STATE_HOME", &state).spawn().unwrap();
    let mut messages = BufReader::new(child.stderr.take().unwrap());
    while server.requests().is_empty() {
        pause(5).await;
    }
    signal(&child, "-INT").await;
    let mut line = String::new();
    messages.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("waiting up to 5 s"), "{line}");
    let clock = Clock::system();
    let before = clock.now();
    signal(&child, "-INT").await;
    messages.read_to_string(&mut line).await.unwrap();
    let run = end(child).await;
    assert!(clock.now() - before < Duration::from_secs(4), "it waited");
    assert_eq!((run.code, run.stdout.as_str()), (9, ""));
    assert!(line.contains("stopped before a response came"), "{line}");
    let [entry] = &listed(&state).await[..] else { panic!() };
    assert_eq!((&entry["phase"], &entry["file"]), (&json!("submitting"), &json!(file.path())));
}

#[tokio::test]
async fn first_interrupt_of_a_submit_without_a_response_waits_five_seconds() {
    let server = BrokenServer::start_silent().await;
    let file = TempFile::new("five.csv", people(3));
    let child = bulkrail(["submit", "killb", file.path(), "--json", "--base-url", &server.url]).spawn().unwrap();
    while server.requests().is_empty() {
        pause(5).await;
    }
    let clock = Clock::system();
    let before = clock.now();
    signal(&child, "-TERM").await;
    let run = end(child).await;
    assert!(clock.now() - before >= Duration::from_millis(4_900), "it did not wait");
    assert_eq!((run.code, &run.error()["error"]["kind"]), (9, &json!("outcome_unknown")));
}

#[tokio::test]
async fn hang_up_stops_a_wait_as_a_termination_does() {
    if !hears_hang_up() {
        return;
    }
    let server = Server::always(200, killb("PROCESSING", [9, 3, 3, 0])).await;
    let child = bulkrail(["wait", "killb", "b-1", "--json", "--base-url", &server.url]).spawn().unwrap();
    requested(&server).await;
    signal(&child, "-HUP").await;
    let run = end(child).await;
    assert_eq!((run.code, &run.document()["id"]), (130, &json!("b-1")));
}

#[tokio::test]
async fn hang_up_that_is_ignored_as_by_nohup_stays_ignored() {
    let server = Server::always(200, killb("PROCESSING", [9, 3, 3, 0])).await;
    let wait = format!("trap '' HUP; exec \"$0\" wait killb b-1 --json --base-url {}", server.url);
    let mut command = Command::new("sh");
    command.arg("-c").arg(wait).arg(env!("CARGO_BIN_EXE_bulkrail")).env_clear().env("KILLB_ACCESS_TOKEN", "t");
    command.env("XDG_STATE_HOME", state()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    requested(&server).await;
    signal(&child, "-HUP").await;
    pause(300).await;
    assert!(child.try_wait().unwrap().is_none(), "it still waits");
    signal(&child, "-TERM").await;
    let run = end(child).await;
    assert_eq!((run.code, &run.document()["id"]), (130, &json!("b-1")));
}

/// Standard output is a pipe that is full: the command blocks while it prints.
#[tokio::test]
async fn second_signal_ends_a_command_that_blocks() {
    let server = Server::always(200, {
        let mut job = killb("COMPLETED", [9, 9, 9, 0]);
        job["error"] = json!("x".repeat(1 << 20));
        let row = json!({"status": "SUCCESS", "originalRowData": {"externalId": "x".repeat(100)}});
        job["results"] = vec![row; 2_000].into();
        job
    })
    .await;
    let args = ["rows", "killb", "b-1", "--format", "csv", "--base-url", &server.url];
    let mut child = bulkrail(args).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    requested(&server).await;
    pause(500).await;
    signal(&child, "-INT").await;
    pause(300).await;
    assert!(child.try_wait().unwrap().is_none(), "it blocks");
    signal(&child, "-INT").await;
    let run = end(child).await;
    assert_eq!(run.code, 130);
    drop(stdout);
}

#[tokio::test]
async fn first_interrupt_of_any_command_ends_it_and_says_how_to_go_on() {
    let server = BrokenServer::start_silent().await;
    let pipe = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-pipe.csv", std::process::id()));
    let _ = std::fs::remove_file(&pipe);
    assert!(Command::new("mkfifo").arg(&pipe).status().await.unwrap().success());
    let (pipe, file) = (pipe.to_str().unwrap(), TempFile::new("interrupt-any.csv", people(2)));
    for args in [
        &["check", "killb", pipe][..],
        &["submit", "killb", pipe],
        &["run", "killb", pipe],
        &["wait", "--batch", pipe],
        &["rows", "killb", "b-1", "--base-url", &server.url],
        &["retry", "killb", "b-1", "--submitted", file.path(), "--base-url", &server.url],
        &["compare", "killb", file.path(), "--user", "u-1", "--base-url", &server.url],
    ] {
        let child = bulkrail(args).spawn().unwrap();
        pause(800).await;
        signal(&child, "-INT").await;
        let (clock, run) = (Clock::system(), end(child).await);
        assert!(clock.now() < Duration::from_secs(3), "{args:?}");
        assert_eq!(run.code, 130, "{args:?} {run:?}");
        let goes_on = format!("\nresume: bulkrail {}", args[0]);
        assert!(run.stderr.contains(&goes_on) || args[0] == "rows" || args[0] == "compare", "{args:?} {run:?}");
    }
    std::fs::remove_file(pipe).unwrap();
}

/// Makes a pipe that nobody writes to.
async fn pipe(name: impl AsRef<std::ffi::OsStr>) -> std::path::PathBuf {
    let pipe = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.as_ref());
    let _ = std::fs::remove_file(&pipe);
    assert!(Command::new("mkfifo").arg(&pipe).status().await.unwrap().success());
    pipe
}

#[tokio::test]
async fn first_interrupt_ends_a_command_with_an_argument_that_is_not_unicode() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let name = [std::process::id().to_string().as_bytes(), b"-f\xff.json"].concat();
    let pipe = pipe(OsStr::from_bytes(&name)).await;
    let child = bulkrail([OsStr::new("wait"), OsStr::new("--batch"), pipe.as_os_str()]).spawn().unwrap();
    pause(800).await;
    signal(&child, "-INT").await;
    let run = end(child).await;
    assert_eq!(run.code, 130, "{run:?}");
    assert!(run.stderr.contains("\nresume: bulkrail wait --batch '") && run.stderr.contains('\u{fffd}'), "{run:?}");
    std::fs::remove_file(pipe).unwrap();
}
