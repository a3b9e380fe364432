//! Runs the built command.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulkrail_sandbox::Sandbox;
use serde_json::Value;
use tokio::process::Command;

/// Options of waits that poll every few milliseconds.
pub(crate) const QUICK: [&str; 2] = ["--interval", "20ms..100ms"];

/// Exit code and output of a command.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn new(output: Output) -> Self {
        let run = Self {
            code: output.status.code().expect("an exit code, not a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }

    /// Returns standard output, which must be one line of JSON.
    pub(crate) fn document(&self) -> Value {
        only_line(&self.stdout)
    }

    /// Returns standard error, which must be one line of JSON.
    pub(crate) fn error(&self) -> Value {
        only_line(&self.stderr)
    }

    /// Returns each line of standard output.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn only_line(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.ends_with('\n'), "{text}");
    serde_json::from_str(text).unwrap()
}

/// Returns a new state directory: tests share neither history nor submissions.
///
/// Directories of earlier runs are removed.
pub(crate) fn state() -> PathBuf {
    static STATES: LazyLock<PathBuf> = LazyLock::new(|| {
        let states = Path::new(env!("CARGO_TARGET_TMPDIR")).join("states");
        let old = std::fs::read_dir(&states).into_iter().flatten().flatten().filter(|state| {
            let changed = state.metadata().and_then(|state| state.modified());
            changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > Duration::from_secs(3_600)))
        });
        old.for_each(|state| drop(std::fs::remove_dir_all(state.path())));
        states.join(uuid::Uuid::new_v4().to_string())
    });
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    STATES.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string())
}

/// Returns the command in an environment that has credentials for every provider and nothing else.
pub(crate) fn bulkrail<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bulkrail"));
    command
        .args(args)
        .env_clear()
        .env("XDG_STATE_HOME", state())
        .env("KILLB_ACCESS_TOKEN", "test-token")
        .env("REAP_API_KEY", "test-key")
        .env("CDQ_API_KEY", "test-key")
        .env("LOCALPAYMENT_ACCESS_TOKEN", "test-token")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Returns the command with the sandbox's credentials and addresses in its environment.
pub(crate) fn at<'a>(sandbox: &Sandbox, args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = bulkrail(args);
    command.env_clear().env("XDG_STATE_HOME", state());
    for provider in Sandbox::PROVIDERS {
        let variable = format!("{}_BASE_URL", provider.to_ascii_uppercase());
        command.env(variable, sandbox.base_url(provider).unwrap());
        command.envs(sandbox.credentials(provider).iter().copied());
    }
    command
}

/// Runs the command to its end.
pub(crate) async fn run<'a>(args: impl IntoIterator<Item = &'a str>) -> Run {
    finish(bulkrail(args)).await
}

/// Runs the command to its end, which must come within 30 s.
pub(crate) async fn finish(command: Command) -> Run {
    finish_within(command, Duration::from_secs(30)).await
}

/// Runs the command to its end, which must come within `limit`.
pub(crate) async fn finish_within(mut command: Command, limit: Duration) -> Run {
    let clock = bulkrail::time::Clock::system();
    tokio::select! {
        output = command.output() => Run::new(output.unwrap()),
        () = clock.sleep(limit) => panic!("the command does not end: {command:?}"),
    }
}

/// File that is removed when dropped.
pub(crate) struct TempFile(std::path::PathBuf);

impl TempFile {
    /// Returns a new file, although another test may use the same name.
    pub(crate) fn new(name: &str, text: impl AsRef<[u8]>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("{}-{number}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Sends a signal, such as `-INT`, to a running command.
#[cfg(unix)]
pub(crate) async fn signal(child: &tokio::process::Child, signal: &str) {
    let pid = child.id().expect("it runs").to_string();
    let sent = Command::new("kill").args([signal, &pid]).status().await.unwrap();
    assert!(sent.success());
}
