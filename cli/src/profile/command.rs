//! Commands that print credentials, as the `credential_process` of other tools.

use std::fmt;
use std::io::{self, IsTerminal};
use std::process::Stdio;
use std::time::Duration;

use bulkrail::secrecy::SecretString;
use bulkrail::time::Clock;
use serde_json::{Map, Value};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// 60 s for a command: a password manager may wait for a touch or a PIN.
const TIMEOUT: Duration = Duration::from_secs(60);

/// 64 KiB of output: an access token has a few KiB at most.
const MAX_BYTES: u64 = 64 * 1024;

/// Why a command did not give credentials. It never has a part of the output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    NotStarted(io::ErrorKind),
    TimedOut,
    Failed(Option<i32>),
    TooLong,
    NotJson,
    NotText(String),
    OtherField,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the credential command ")?;
        match self {
            Self::NotStarted(kind) => write!(f, "cannot be started: {kind}"),
            Self::TimedOut => write!(f, "did not end within {} s", TIMEOUT.as_secs()),
            Self::Failed(Some(code)) => write!(f, "ended with exit code {code}"),
            Self::Failed(None) => f.write_str("was ended by a signal"),
            Self::TooLong => write!(f, "printed more than {} KiB", MAX_BYTES / 1024),
            Self::NotJson => f.write_str("did not print a JSON object"),
            Self::NotText(name) => write!(f, "printed a {name} that is not a text, or is empty"),
            Self::OtherField => f.write_str("printed a field that is not the name of a credential of the provider"),
        }
    }
}

/// Runs a command without a shell, and returns the fields of the JSON object that it prints.
///
/// Its messages are shown where standard error is a terminal, and nowhere else.
pub(super) async fn run(words: &[String], names: &[&str]) -> Result<Vec<(String, SecretString)>, Reason> {
    run_within(words, names, TIMEOUT).await
}

async fn run_within(
    words: &[String],
    names: &[&str],
    timeout: Duration,
) -> Result<Vec<(String, SecretString)>, Reason> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Reason::NotStarted(io::ErrorKind::NotFound));
    };
    let messages = if io::stderr().is_terminal() { Stdio::inherit() } else { Stdio::null() };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(messages).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| Reason::NotStarted(error.kind()))?;
    let Some(output) = child.stdout.take() else { return Err(Reason::NotJson) };
    let finish = async {
        let mut bytes = Vec::new();
        let read = output.take(MAX_BYTES + 1).read_to_end(&mut bytes).await;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Reason::TooLong);
        }
        let status = child.wait().await.map_err(|error| Reason::NotStarted(error.kind()))?;
        match (status.success(), read) {
            (true, Ok(_)) => parse(&bytes, names),
            (true, Err(error)) => Err(Reason::NotStarted(error.kind())),
            (false, _) => Err(Reason::Failed(status.code())),
        }
    };
    tokio::select! {
        finished = finish => finished,
        () = Clock::system().sleep(timeout) => Err(Reason::TimedOut),
    }
}

fn parse(output: &[u8], names: &[&str]) -> Result<Vec<(String, SecretString)>, Reason> {
    let fields: Map<String, Value> = serde_json::from_slice(output).map_err(|_| Reason::NotJson)?;
    let mut secrets = Vec::new();
    for (name, value) in fields {
        if !names.contains(&name.as_str()) {
            return Err(Reason::OtherField);
        }
        match value {
            Value::String(secret) if !secret.is_empty() => secrets.push((name, SecretString::from(secret))),
            _ => return Err(Reason::NotText(name)),
        }
    }
    Ok(secrets)
}

#[cfg(all(test, unix))]
mod tests {
    use bulkrail::secrecy::ExposeSecret;

    use super::*;

    async fn run(script: &str) -> Result<Vec<(String, String)>, Reason> {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        let secrets = run_within(&words, &["A", "B"], Duration::from_millis(500)).await?;
        Ok(secrets.into_iter().map(|(name, secret)| (name, secret.expose_secret().to_owned())).collect())
    }

    #[tokio::test]
    async fn command_prints_credentials_or_a_reason_without_its_output() {
        let secrets = run(r#"echo '{"A":"x","B":"y z"}'"#).await.unwrap();
        assert_eq!(secrets, [("A".to_owned(), "x".to_owned()), ("B".to_owned(), "y z".to_owned())]);
        for (script, reason) in [
            ("exit 3", Reason::Failed(Some(3))),
            ("kill -9 $$", Reason::Failed(None)),
            ("echo hunter2", Reason::NotJson),
            ("echo '[]'", Reason::NotJson),
            (r#"echo '{"A":7}'"#, Reason::NotText("A".to_owned())),
            (r#"echo '{"A":""}'"#, Reason::NotText("A".to_owned())),
            (r#"echo '{"hunter2":"x"}'"#, Reason::OtherField),
            ("head -c 70000 /dev/zero", Reason::TooLong),
            ("sleep 30", Reason::TimedOut),
        ] {
            let found = run(script).await.unwrap_err();
            assert_eq!(found, reason, "{script}");
            assert!(!found.to_string().contains("hunter2"), "{found}");
        }
        let missing = super::run(&["/does/not/exist".to_owned()], &[]).await.unwrap_err();
        assert_eq!(missing, Reason::NotStarted(io::ErrorKind::NotFound));
    }

    #[tokio::test]
    async fn command_takes_its_words_as_they_are() {
        let words = ["/bin/echo", r#"{"A":"$HOME; `id`"}"#].map(str::to_owned);
        let secrets = super::run(&words, &["A"]).await.unwrap();
        assert_eq!(secrets[0].1.expose_secret(), "$HOME; `id`");
    }
}
