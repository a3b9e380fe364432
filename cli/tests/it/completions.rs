//! Completions by Tab in real shells. Those that are not everywhere are tried by `.ci/completions`.

use std::fs;
use std::path::Path;

use tokio::process::Command;

use crate::support::{bulkrail, finish, state};
use crate::terminal::Terminal;

/// What is typed before Tab, and the line that it becomes.
const LINES: [(&str, &str); 9] = [
    ("bulkrail wait kil", "bulkrail wait killb"),
    ("bulkrail submit killb --ke", "bulkrail submit killb --key"),
    ("bulkrail submit killb ./pla", "bulkrail submit killb ./plain.csv"),
    ("bulkrail submit killb su", "bulkrail submit killb sub/"),
    // Names that a shell quotes, from their beginning, and from what it has quoted.
    ("bulkrail submit killb it", r"bulkrail submit killb it\'s.csv"),
    (r"bulkrail submit killb pay\ r", r"bulkrail submit killb pay\ roll.csv"),
    (r"bulkrail submit killb pay\$", r"bulkrail submit killb pay\$roll.csv"),
    ("bulkrail submit killb \"pay r", "bulkrail submit killb \"pay roll.csv\""),
    ("bulkrail wait reap abcd", "bulkrail wait reap abcd-1"),
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
    for name in ["plain.csv", "it's.csv", "pay roll.csv", "pay$roll.csv"] {
        fs::write(directory.join(name), "").unwrap();
    }
    fs::create_dir_all(home.join("state/bulkrail")).unwrap();
    let batch = r#"{"provider":"reap","id":"abcd-1","environment":"sandbox"}"#.to_owned() + "\n";
    fs::write(home.join("state/bulkrail/submitted.jsonl"), batch).unwrap();

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
        let line = |screen: &str| screen.lines().last().map(|line| line.trim_start_matches("ready>").trim().to_owned());
        // Shells add a blank where the word is complete.
        terminal.until(|screen| line(screen).as_deref() == Some(expected)).await;
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
