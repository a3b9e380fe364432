//! Wrong arguments, help, version and completions.

use crate::support::{TempFile, bulkrail, finish, run};

#[tokio::test]
async fn arguments_that_cannot_work_are_refused_before_anything_is_sent() {
    let garbage = TempFile::new("garbage.json", "KEY=value\n");
    let stranger = TempFile::new("stranger.json", r#"{"provider":"stranger","id":"b-1"}"#);
    let climbing = TempFile::new("climbing.json", r#"{"provider":"reap","id":"../x"}"#);
    let several = TempFile::new("several.jsonl", r#"{"provider":"reap","id":"b-1"} {"provider":"cdq","id":"b-1"}"#);
    let calls: &[&[&str]] = &[
        &["wait", "reap", "b-1", "--interval", "5s..1s"],
        &["wait", "reap", "b-1", "--interval", "5s"],
        &["wait", "reap", "b-1", "--deadline", "soon"],
        &["wait", "reap", "b-1", "--lag-per-request", "0"],
        &["wait", "reap", "b-1", "--lag-per-request", "NaN"],
        &["wait", "reap", "b-1", "--lag-per-request", "soon"],
        &["wait", "reap", "b-1", "--lag-per-request", "9m"],
        &["wait", "reap", "b-1", "--worth", "2"],
        &["wait", "--batch", several.path(), "--base-url", "http://127.0.0.1:1"],
        &["status", "--batch", several.path()],
        &["rows", "--batch", several.path()],
        &["wait", "reap", "b-1", "--deadline", "-5s"],
        &["wait", "reap", "../x"],
        &["status", "reap", ""],
        &["status", "reap", "a b"],
        &["status", "unknown", "b-1"],
        &["status", "reap"],
        &["wait"],
        &["wait", "reap", "b-1", "--batch", "x.json"],
        &["wait", "reap", "b-1", "--base-url", "http://127.0.0.1:1", "--production"],
        &["wait", "--batch", "no-such-file.json"],
        &["wait", "--batch", garbage.path()],
        &["wait", "--batch", stranger.path()],
        &["wait", "--batch", climbing.path()],
        &["wait", "--batch", "-"],
        &["frobnicate"],
        &["submit", "reap"],
        &["submit", "unknown", "x.csv"],
        &["submit", "reap", "no-such-file.csv"],
        &["submit", "killb", "people.csv", "--key", "k"],
        &["submit", "reap", "import.csv", "--storage-id", "s"],
        &["submit", "reap", "import.csv", "--key", ""],
        &["submit", "cdq"],
        &["submit", "cdq", "--storage-id", "s", "--feature", "nonsense"],
        &["run", "cdq", "--storage-id", "s", "--country", "MEX"],
        &["run", "localpayment", "accounts.csv", "--deadline", "soon"],
        &["rows", "killb"],
        &["rows", "cdq", "job-1"],
        &["rows", "reap", "b-1"],
        &["rows", "killb", "b-1", "--submitted", "no-such-file.csv"],
        &["rows", "killb", "b-1", "--format", "xlsx"],
        &["demo", "--speed", "0"],
        &["demo", "--speed", "1e18"],
        &["sandbox", "--faults", "nonsense"],
        &["sandbox", "--port", "70000"],
    ];
    for call in calls {
        let text = run(call.iter().copied()).await;
        assert_eq!((text.code, text.stdout.as_str()), (2, ""), "{call:?}");
        assert!(text.stderr.starts_with("error: "), "{call:?}: {}", text.stderr);

        let json = run(call.iter().copied().chain(["--json"])).await;
        assert_eq!((json.code, json.stdout.as_str()), (2, ""), "{call:?}");
        let error = json.error();
        assert_eq!(error["error"]["kind"], "usage", "{call:?}");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains("Usage:"), "{message}");
    }
}

#[tokio::test]
async fn deadline_that_is_too_long_is_refused_with_the_maximum() {
    let run = run(["wait", "reap", "b-1", "--deadline", "9999999d"]).await;
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("'9999999d'") && run.stderr.contains("365d at most"), "{}", run.stderr);
}

#[tokio::test]
async fn help_of_every_command_has_examples() {
    for command in [
        "demo",
        "sandbox",
        "check",
        "submit",
        "status",
        "wait",
        "rows",
        "run",
        "list",
        "specs",
        "schema",
        "completions",
    ] {
        let help = run([command, "--help"]).await;
        assert_eq!((help.code, help.stderr.as_str()), (0, ""));
        let example = format!("\n  bulkrail {command}");
        assert!(help.stdout.contains("\nExamples:\n"), "{command}: {}", help.stdout);
        assert!(help.stdout.contains(&example), "{command}: {}", help.stdout);
    }
    let help = run(["--help"]).await;
    assert!(help.stdout.contains("\nExamples:\n  bulkrail demo"), "{}", help.stdout);
    assert!(run(["wait", "--help"]).await.stdout.contains("KILLB_BASE_URL"));
    for command in ["lint", "show", "diff", "suggest"] {
        let help = run(["specs", command, "--help"]).await;
        assert_eq!((help.code, help.stderr.as_str()), (0, ""));
        assert!(help.stdout.contains(&format!("\nExamples:\n  bulkrail specs {command}")), "{help:?}");
    }
    let path = run(["specs", "--help"]).await.stdout;
    for step in ["specs diff", "specs/accepted-differences.yaml", "BULKRAIL_BLESS=1", "specs/surface", "CHANGELOG.md"] {
        assert!(path.contains(step), "{step}: {path}");
    }
}

#[tokio::test]
async fn help_has_colours_unless_no_color_is_set() {
    for (no_color, expected) in [(None, true), (Some("1"), false)] {
        let mut command = bulkrail(["wait", "--help"]);
        // Stands in for a terminal.
        command.env("CLICOLOR_FORCE", "1").envs(no_color.map(|value| ("NO_COLOR", value)));
        let help = finish(command).await;
        assert_eq!((help.code, help.stdout.contains('\u{1b}')), (0, expected), "{no_color:?}");
    }
    assert!(!run(["wait", "--help"]).await.stdout.contains('\u{1b}'));
}

#[tokio::test]
async fn version_is_printed() {
    let version = run(["--version"]).await;
    assert_eq!((version.code, version.stderr.as_str()), (0, ""));
    assert_eq!(version.stdout, format!("bulkrail {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(["completions", shell]).await;
        assert_eq!((script.code, script.stderr.as_str()), (0, ""));
        assert!(script.stdout.contains("bulkrail"), "{shell}");
    }
    let mut complete = bulkrail(["--", "bulkrail", "wait", "--dead"]);
    complete.env("COMPLETE", "bash").env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_INDEX", "2");
    let words = finish(complete).await;
    assert_eq!((words.code, words.stdout.trim()), (0, "--deadline"), "{words:?}");
}

#[tokio::test]
async fn completions_have_the_batches_of_the_list() {
    let state = crate::support::state();
    std::fs::create_dir_all(state.join("bulkrail")).unwrap();
    let line =
        |id: &str| serde_json::json!({"provider": "reap", "id": id, "environment": "sandbox"}).to_string() + "\n";
    std::fs::write(state.join("bulkrail/submitted.jsonl"), line("abcd-1") + &line("abcd-2") + &line("other")).unwrap();
    for (words, index) in [(&["wait", "reap", "abcd"][..], "3"), (&["resume", "abcd"], "2"), (&["forget", "abcd"], "2")]
    {
        let mut complete = bulkrail(["--", "bulkrail"].iter().chain(words));
        complete.env("XDG_STATE_HOME", &state);
        complete.env("COMPLETE", "bash").env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_INDEX", index);
        let found = finish(complete).await;
        let mut found: Vec<_> = found.stdout.lines().collect();
        found.sort_unstable();
        assert_eq!(found, ["abcd-1", "abcd-2"], "{words:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn words_that_are_not_unicode_are_completed_beside() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let words = ["--", "bulkrail", "retry", "killb", "--submitted"].map(OsStr::new);
    let words = words.into_iter().chain([OsStr::from_bytes(b"caf\xe9.csv"), OsStr::new("abcd")]);
    let mut complete = bulkrail(words);
    complete.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "5");
    let found = finish(complete).await;
    assert_eq!((found.code, found.stderr.as_str()), (0, ""), "{found:?}");
}

#[tokio::test]
async fn help_that_is_not_printed_to_a_terminal_is_wrapped_as_paragraphs() {
    // Whose source lines are longer.
    for (command, broken) in [
        ("submit", "Where another process has the list\nfor 10 s, nothing is sent"),
        ("compare", "KillB has no list of batches, but a list of\nthe accounts of a user."),
    ] {
        let help = run([command, "--help"]).await.stdout;
        assert!(help.contains(broken), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[tokio::test]
async fn help_has_topics_and_man_writes_a_page_for_each_command() {
    let codes = run(["help", "exit-codes"]).await;
    assert_eq!((codes.code, codes.stderr.as_str()), (0, ""));
    assert!(codes.stdout.starts_with("Exit codes:\n    0  ") && codes.stdout.contains("\n  130  interrupted\n"));
    let variables = run(["help", "environment"]).await.stdout;
    for name in ["KILLB_EMAIL", "REAP_API_KEY", "BULKRAIL_CONFIG", "HTTPS_PROXY", "XDG_STATE_HOME", "NO_COLOR", "TERM"]
    {
        assert!(variables.contains(&format!("  {name}")) || variables.contains(&format!(", {name}")), "{name}");
    }
    assert_eq!(run(["exit-codes"]).await.stdout, codes.stdout);
    let dir = crate::support::state().join("man");
    let man = run(["man", dir.to_str().unwrap()]).await;
    assert_eq!((man.code, man.stdout.as_str(), man.stderr.as_str()), (0, "", ""));
    for page in ["bulkrail.1", "bulkrail-retry.1", "bulkrail-specs-lint.1", "bulkrail-config-check.1"] {
        let text = std::fs::read_to_string(dir.join(page)).unwrap();
        assert!(text.contains(".TH ") && text.contains("SYNOPSIS"), "{page}");
        // Commands are to be copied: neither hyphens nor filled lines.
        assert!(text.contains("\n.nh\n") && !text.contains(".SH EXTRA"), "{page}");
    }
    assert!(!dir.join("bulkrail-exit-codes.1").exists());
    assert!(run(["man"]).await.stdout.contains(".TH bulkrail 1"));
}

#[tokio::test]
async fn command_that_is_proposed_for_an_id_that_begins_with_a_hyphen_works() {
    let server = crate::server::Server::always(503, serde_json::json!({})).await;
    let args = ["wait", "killb", "--deadline", "100ms", "--interval", "20ms..100ms", "--base-url", &server.url];
    let first = run(args.into_iter().chain(["--", "-dash-key"])).await;
    let resume = first.stderr.lines().find_map(|line| line.strip_prefix("resume: bulkrail ")).unwrap();
    assert_eq!(resume, format!("wait killb --base-url {} -- -dash-key", server.url));
    let again =
        run(["--quiet"].into_iter().chain(resume.replace(" --base", " --deadline 100ms --base").split(' '))).await;
    assert_eq!((first.code, again.code), (8, 8), "{again:?}");
}
