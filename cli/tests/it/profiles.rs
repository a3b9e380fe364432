//! Profiles of the configuration file.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail_sandbox::Sandbox;
use tokio::process::Command;

use crate::fixtures::people;
use crate::server::{Server, reap};
use crate::support::{QUICK, Run, TempFile, bulkrail, finish, signal, state};

/// Configuration file, and a state directory.
struct Home {
    config: PathBuf,
    state: PathBuf,
}

impl Home {
    fn new(config: &str) -> Self {
        let state = state();
        fs::create_dir_all(&state).unwrap();
        let file = state.join("config.toml");
        fs::write(&file, config).unwrap();
        Self { config: file, state }
    }

    /// Returns the command without any variable of a provider.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = bulkrail(args);
        command.env_clear().env("XDG_STATE_HOME", &self.state).env("BULKRAIL_CONFIG", &self.config);
        command.env("PATH", "/usr/bin:/bin");
        command
    }

    async fn run(&self, args: &[&str]) -> Run {
        finish(self.command(args)).await
    }
}

/// Returns a file with a profile `ops` of KillB at `url`.
fn killb_at(url: &str, source: &str) -> String {
    format!("[profiles.ops]\nprovider = \"killb\"\nbase_url = \"{url}\"\n{source}\n")
}

#[tokio::test]
async fn profile_has_address_and_credentials_and_is_noted_for_list_and_resume() {
    let sandbox = Sandbox::builder().speed(20.0).start().await.unwrap();
    let [(_, email), (_, password)] = sandbox.credentials("killb")[..] else { panic!() };
    let source = "credentials = { KILLB_EMAIL = \"OPS_EMAIL\", KILLB_PASSWORD = \"OPS_SECRET\" }";
    let home = Home::new(&killb_at(&sandbox.base_url("killb").unwrap(), source));
    let file = TempFile::new("profile.csv", people(5));
    let command = |args: &[&str]| {
        let mut command = home.command(args);
        command.env("OPS_EMAIL", email).env("OPS_SECRET", password);
        finish(command)
    };
    let submitted = command(&["submit", "killb", file.path(), "--profile", "ops"]).await;
    assert_eq!(submitted.code, 0, "{submitted:?}");
    assert!(submitted.stderr.contains("wait: bulkrail wait killb") && submitted.stderr.contains("--profile ops"));
    let list = home.run(&["list", "--json"]).await.document();
    assert_eq!(list[0]["profile"], "ops");
    assert!(list[0]["advice"].as_str().unwrap().ends_with("--profile ops"), "{list}");
    assert!(home.run(&["list"]).await.stdout.contains("    profile: ops\n"));
    let without = home.run(&[&["resume", "--json"][..], &QUICK].concat()).await;
    assert_eq!(without.code, 2);
    let message = without.document()[0]["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "profile ops: the variable that it names for KILLB_EMAIL is not set");
    let resumed = command(&[&["resume", "--json"][..], &QUICK].concat()).await;
    assert!(resumed.document()[0]["outcome"].is_string(), "{resumed:?}");
}

#[tokio::test]
async fn options_come_before_the_profile_and_the_profile_before_variables() {
    let (of_profile, of_option) = (
        Server::always(200, reap("in_progress", [1, 0, 0, 0])).await,
        Server::always(200, reap("in_progress", [1, 0, 0, 0])).await,
    );
    let url = &of_profile.url;
    let home = Home::new(&format!("[profiles.r]\nprovider = \"reap\"\nbase_url = \"{url}\"\n"));
    let run = |args: &'static [&'static str], more: Vec<(&'static str, String)>| {
        let mut command = home.command(args);
        command.env("REAP_API_KEY", "k").env("REAP_BASE_URL", "http://127.0.0.1:9").envs(more);
        finish(command)
    };
    assert_eq!(run(&["status", "reap", "b-1", "--profile", "r"], vec![]).await.code, 0);
    let variable = vec![("BULKRAIL_PROFILE", "r".to_owned())];
    assert_eq!(run(&["status", "reap", "b-1"], variable.clone()).await.code, 0);
    assert_eq!(of_profile.requests().len(), 2);
    let mut command = home.command(&["status", "reap", "b-1", "--profile", "r", "--base-url", &of_option.url]);
    command.env("REAP_API_KEY", "k");
    assert_eq!(finish(command).await.code, 0);
    assert_eq!((of_profile.requests().len(), of_option.requests().len()), (2, 1));
    let other = run(&["status", "killb", "b-1"], variable).await;
    assert!(other.code == 2 && other.stderr.contains("the profile r is of reap, and this is about killb"), "{other:?}");
    let unknown = run(&["status", "reap", "b-1", "--profile", "x"], vec![]).await;
    assert!(unknown.code == 2 && unknown.stderr.contains("hint: its profiles: r"), "{unknown:?}");
    // Without a profile a file that cannot be read does not matter.
    fs::write(&home.config, "hunter2").unwrap();
    assert_eq!(run(&["status", "reap", "b-1"], vec![]).await.code, 8);
}

#[tokio::test]
async fn profile_of_another_provider_is_refused_before_its_credentials_are_read() {
    let home = Home::new(&killb_at(
        "https://x.example",
        "credentials = { KILLB_EMAIL = \"UNSET_A\", KILLB_PASSWORD = \"UNSET_B\" }",
    ));
    for command in ["status", "wait", "rows"] {
        let refused = home.run(&[command, "reap", "b-1", "--profile", "ops"]).await;
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("the profile ops is of killb, and this is about reap"), "{refused:?}");
    }
}

#[tokio::test]
async fn profiles_complete_by_their_names() {
    let home = Home::new(&killb_at("https://x.example", "credential_command = [\"touch\", \"ran\"]"));
    for words in
        [&["--", "bulkrail", "wait", "--profile", "o"][..], &["--", "bulkrail", "config", "check", "--profile", ""]]
    {
        let mut command = home.command(words);
        command.env("COMPLETE", "bash").env("_CLAP_IFS", "\n");
        command.env("_CLAP_COMPLETE_INDEX", (words.len() - 2).to_string());
        let completed = finish(command).await;
        assert_eq!(completed.stdout.trim_end(), "ops", "{words:?} {completed:?}");
    }
}

#[tokio::test]
async fn config_check_says_what_is_missing_and_shows_no_value() {
    let home = Home::new(&format!(
        "[profiles.a]\nprovider = \"reap\"\nenvironment = \"sandbox\"\ncredentials = {{ REAP_API_KEY = \"A_KEY\" }}\n\
         [profiles.b]\nprovider = \"cdq\"\nenvironment = \"production\"\n\
         credential_command = [\"sh\", \"-c\", \"echo '{{\\\"CDQ_API_KEY\\\":\\\"hunter2\\\"}}'; echo hunter2 >&2\"]\n{}",
        killb_at("https://x.example", "credential_command = [\"sh\", \"-c\", \"echo hunter2\"]")
    ));
    let checked = home.run(&["config", "check"]).await;
    assert_eq!(checked.code, 2, "{checked:?}");
    for part in [
        "the variable that it names for REAP_API_KEY is not set",
        "the command prints them",
        "did not print a JSON object",
    ] {
        assert!(checked.stdout.contains(part), "{part}: {checked:?}");
    }
    assert!(!format!("{checked:?}").contains("hunter2"), "{checked:?}");
    assert!(!checked.stdout.contains("A_KEY is"), "it may be a secret that was put in its place: {checked:?}");
    let one = home.run(&["config", "check", "--profile", "b"]).await;
    assert_eq!(one.code, 0, "{one:?}");
    fs::write(&home.config, "[profiles.a]\nprovider = \"reap\"\nbase_url = \"http://reap.example\"\n").unwrap();
    let mut command = home.command(&["config", "check"]);
    command.env("REAP_API_KEY", "hunter2");
    let plain = finish(command).await;
    assert!(plain.code == 2 && plain.stdout.contains("http://reap.example: "), "{plain:?}");
    fs::write(&home.config, "[profiles.a]\nprovider = \"reap\"\nenvironment = \"sandbox\"\napi_key = \"hunter2\"\n")
        .unwrap();
    let refused = home.run(&["config", "check"]).await;
    let place = format!("error: {}:4:1: unknown key; ", home.config.display());
    assert!(refused.code == 2 && refused.stderr.starts_with(&place), "{refused:?}");
    assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
}

#[tokio::test]
async fn file_that_names_a_command_is_not_writable_by_others() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new(&killb_at("https://x.example", "credential_command = [\"true\"]"));
    fs::set_permissions(&home.config, fs::Permissions::from_mode(0o666)).unwrap();
    let refused = home.run(&["config", "check"]).await;
    assert!(refused.code == 2 && refused.stderr.contains("other users may write to it"), "{refused:?}");
}

#[tokio::test]
async fn interrupt_ends_a_credential_command_that_hangs() {
    let source = "credential_command = [\"sleep\", \"60\"]";
    let home = Home::new(&killb_at("http://127.0.0.1:9", source));
    let file = TempFile::new("profile-hang.csv", people(1));
    for args in [
        &["config", "check"][..],
        &["status", "killb", "b-1", "--profile", "ops"],
        &["submit", "killb", file.path(), "--profile", "ops", "--json"],
    ] {
        let clock = Clock::system();
        let child = home.command(args).spawn().unwrap();
        clock.sleep(Duration::from_millis(700)).await;
        signal(&child, "-INT").await;
        let started = clock.now();
        let run = Run::new(child.wait_with_output().await.unwrap());
        assert!(clock.now() - started < Duration::from_secs(3), "{args:?}");
        assert_eq!(run.code, 130, "{args:?} {run:?}");
    }
}

#[tokio::test]
async fn batch_of_another_environment_than_the_profile_needs_another_profile() {
    let home = Home::new(&killb_at("http://127.0.0.1:1", "credentials = { KILLB_ACCESS_TOKEN = \"OPS_TOKEN\" }"));
    for environment in ["sandbox", "production", "http://127.0.0.1:2"] {
        let batch = format!(r#"{{"provider":"killb","id":"b-1","environment":"{environment}"}}"#);
        let batch = TempFile::new("profile-other.json", batch);
        let mut command = home.command(&["status", "--batch", batch.path(), "--profile", "ops"]);
        command.env("OPS_TOKEN", "t");
        let run = finish(command).await;
        assert_eq!(run.code, 2, "{run:?}");
        let hint = "hint: choose another --profile; or ask here all the same, with --any-environment";
        assert!(run.stderr.contains(hint), "{run:?}");
    }
}
