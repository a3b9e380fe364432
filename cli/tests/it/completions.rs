//! Completions by Tab in real shells. Those that are not everywhere are tried by `.ci/completions`.

use std::fs;
use std::path::Path;

use tokio::process::Command;

use crate::support::{bulkrail, finish, state};
use crate::terminal::Terminal;

/// What is typed before Tab, and the line that it becomes; `_` is a blank at its end.
const LINES: [(&str, &str); 19] = [
    ("bulkrail wait kil", "bulkrail wait killb_"),
    ("bulkrail submit killb --ke", "bulkrail submit killb --key_"),
    ("bulkrail submit killb ./pla", "bulkrail submit killb ./plain.csv_"),
    ("bulkrail submit killb su", "bulkrail submit killb sub/"),
    ("bulkrail submit killb ~/files/pla", "bulkrail submit killb ~/files/plain.csv_"),
    ("bulkrail submit killb ~/fil", "bulkrail submit killb ~/files/"),
    // Names that a shell quotes, from their beginning, and from what it has quoted.
    ("bulkrail submit killb it", r"bulkrail submit killb it\'s.csv_"),
    (r"bulkrail submit killb pay\ r", r"bulkrail submit killb pay\ roll.csv_"),
    (r"bulkrail submit killb pay\$", r"bulkrail submit killb pay\$roll.csv_"),
    ("bulkrail submit killb \"pay r", "bulkrail submit killb \"pay roll.csv\"_"),
    // Words with characters at which bash splits them, before the one that is completed, and in it.
    ("bulkrail submit --base-url http://x/ killb pla", "bulkrail submit --base-url http://x/ killb plain.csv_"),
    ("bulkrail wait --deadline=30m kil", "bulkrail wait --deadline=30m killb_"),
    ("bulkrail rows --submitted=pla", "bulkrail rows --submitted=plain.csv_"),
    ("bulkrail submit killb co:lo", "bulkrail submit killb co:lon.csv_"),
    ("bulkrail submit killb eq=u", "bulkrail submit killb eq=ual.csv_"),
    ("bulkrail wait reap abcd", "bulkrail wait reap abcd-1_"),
    ("bulkrail forget key", "bulkrail forget key-1_"),
    ("bulkrail wait reap --profile reap-", "bulkrail wait reap --profile reap-ops_"),
    ("bulkrail list --json > pla", "bulkrail list --json > plain.csv_"),
];

/// Checks each line in a session of its own of `shell`, whose `start_file` and `script_file` are below its home.
async fn check(shell: &str, args: &[&str], start_file: (&str, &str), script_file: &str) {
    let home = state();
    let script = finish(bulkrail(["completions", shell])).await.stdout;
    for (file, text) in [start_file, (script_file, &script)] {
        fs::create_dir_all(home.join(file).parent().unwrap()).unwrap();
        fs::write(home.join(file), text).unwrap();
    }
    let directory = home.join("files");
    fs::create_dir_all(directory.join("sub")).unwrap();
    for name in ["plain.csv", "it's.csv", "pay roll.csv", "pay$roll.csv", "co:lon.csv", "eq=ual.csv"] {
        fs::write(directory.join(name), "").unwrap();
    }
    fs::create_dir_all(home.join("state/bulkrail")).unwrap();
    let batch = r#"{"provider":"reap","id":"abcd-1","key":"key-1","environment":"sandbox"}"#.to_owned() + "\n";
    fs::write(home.join("state/bulkrail/submitted.jsonl"), batch).unwrap();

    let profile = |name: &str, provider: &str| {
        format!("[profiles.{name}]\nprovider = \"{provider}\"\nenvironment = \"sandbox\"\n")
    };
    let profiles = profile("reap-ops", "reap") + &profile("reap-other", "killb");
    fs::create_dir_all(home.join(".config/bulkrail")).unwrap();
    fs::write(home.join(".config/bulkrail/config.toml"), profiles).unwrap();

    let programs = Path::new(env!("CARGO_BIN_EXE_bulkrail")).parent().unwrap();
    for (typed, expected) in LINES {
        let mut command = Command::new(shell);
        command.args(args).current_dir(&directory).env_clear();
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display()));
        command.env("HOME", &home).env("XDG_STATE_HOME", home.join("state")).env("LC_ALL", "C.UTF-8");
        let mut terminal = Terminal::start(&command, 100);
        terminal.until_shown("ready>").await;
        terminal.type_keys(typed).await;
        terminal.until_shown(typed).await;
        terminal.type_keys("\t").await;
        terminal.until_line(&format!("ready> {}", expected.replace('_', " "))).await;
    }
}

#[tokio::test]
async fn bash_completes_words_files_and_batches() {
    let start = "PS1='ready> '\n. ~/completions\n";
    check("bash", &["--noprofile", "-i"], (".bashrc", start), "completions").await;
}

#[tokio::test]
#[ignore = "needs zsh: .ci/completions"]
async fn zsh_completes_words_files_and_batches() {
    // In `fpath`, the script is read at the first completion of a session.
    let start = "PS1='ready> '\nfpath=(~/functions $fpath)\nautoload -Uz compinit\ncompinit -u\n";
    check("zsh", &["-i"], (".zshrc", start), "functions/_bulkrail").await;
}

#[tokio::test]
#[ignore = "needs fish: .ci/completions"]
async fn fish_completes_words_files_and_batches() {
    let start = "function fish_prompt; echo 'ready> '; end\nset fish_greeting\n";
    check("fish", &["-i"], (".config/fish/config.fish", start), ".config/fish/completions/bulkrail.fish").await;
}
