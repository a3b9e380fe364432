//! What commands do in a terminal: lines that are drawn again, signals from its keys, its size, and its name.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail_sandbox::Sandbox;
use serde_json::Value;
use tokio::process::Command;

use crate::fixtures::{accounts, people};
use crate::lost::BrokenServer;
use crate::server::{Server, killb};
use crate::support::{QUICK, TempFile, at, bulkrail, finish, state};
use crate::terminal::{CTRL_C, Terminal};

/// Begin of a code that steers a terminal.
const ESCAPE: char = '\u{1b}';

/// 3 s for a command that ends at once; a busy machine is slow.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Provider whose batch stays as it is, and which asks for a poll every 43 s.
async fn slow_provider() -> Server {
    Server::always(200, killb("PROCESSING", [900, 300, 298, 2])).await.with_retry_after(43)
}

fn wait(server: &Server) -> Command {
    bulkrail(["wait", "killb", "550e8400", "--interval", "20ms..60s", "--base-url", &server.url])
}

/// Returns whether `written` sets a colour or another attribute of characters.
fn has_attributes(written: &str) -> bool {
    written.split(ESCAPE).skip(1).any(|code| {
        let end = code.find(|c: char| c.is_ascii_alphabetic());
        code.starts_with('[') && end.is_some_and(|end| code[end..].starts_with('m'))
    })
}

#[tokio::test]
async fn attributes_of_help_and_errors_follow_the_variables() {
    for args in [&["--help"][..], &["wiat"]] {
        for (variables, name, expected) in [
            (&[][..], "xterm-256color", true),
            (&[("NO_COLOR", "")], "xterm-256color", true),
            (&[("NO_COLOR", "1")], "xterm-256color", false),
            (&[("NO_COLOR", "0")], "xterm-256color", false),
            (&[("CLICOLOR", "0")], "xterm-256color", false),
            (&[], "dumb", false),
        ] {
            let mut command = bulkrail(args);
            command.envs(variables.iter().copied());
            let mut terminal = Terminal::start_as(name, &command, 80);
            terminal.end().await;
            assert_eq!(has_attributes(&terminal.raw()), expected, "{args:?} {variables:?} {name}: {}", terminal.raw());
        }
        for (variables, expected) in [
            (&[][..], false),
            (&[("CLICOLOR_FORCE", "1")], true),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        ] {
            let mut command = bulkrail(args);
            command.envs(variables.iter().copied());
            let run = finish(command).await;
            assert_eq!(has_attributes(&(run.stdout + &run.stderr)), expected, "{args:?} {variables:?}");
        }
    }
}

#[tokio::test]
async fn drawn_lines_and_tables_have_no_attributes() {
    let server = slow_provider().await;
    for variables in [&[][..], &[("NO_COLOR", "1")]] {
        let mut command = wait(&server);
        command.envs(variables.iter().copied());
        let mut terminal = Terminal::start(&command, 120);
        terminal.until_shown("next poll in ").await;
        terminal.type_keys(CTRL_C).await;
        assert_eq!(terminal.end().await, 130);
        assert!(!has_attributes(&terminal.raw()), "{}", terminal.raw());
    }
}

#[tokio::test]
async fn dumb_terminal_gets_plain_lines() {
    let server = slow_provider().await;
    let mut terminal = Terminal::start_as("dumb", &wait(&server), 80);
    terminal.until_shown("killb: running, 300 of 900 rows, 2 failed, next poll in ").await;
    terminal.type_keys(CTRL_C).await;
    assert_eq!(terminal.end().await, 130);
    assert!(!terminal.raw().contains(ESCAPE), "{}", terminal.raw());
}

#[tokio::test]
async fn line_says_when_the_first_poll_is_due_before_it() {
    let server = slow_provider().await;
    // Of a batch that was just submitted the first poll is not due at once.
    let document =
        |id| format!("{{\"provider\":\"killb\",\"id\":\"{id}\",\"submitted_at\":\"2099-01-01T00:00:00Z\"}}\n");
    let batch = TempFile::new("first-poll.json", document("b-1"));
    let mut command = bulkrail(["wait", "--batch", batch.path(), "--interval", "43s..43s", "--base-url", &server.url]);
    let mut terminal = Terminal::start(&command, 80);
    terminal.until_shown("submitted, next poll in 4").await;
    terminal.type_keys(CTRL_C).await;
    assert_eq!(terminal.end().await, 130);

    let batches = TempFile::new("first-poll.jsonl", document("b-1") + &document("b-2"));
    let set = ["wait", "--batch", batches.path(), "--interval", "43s..43s", "--base-url", &server.url];
    let mut terminal = Terminal::start(&bulkrail(set), 80);
    terminal.until(|screen| screen.contains("2 batches  ") && screen.contains("0 of 2 ended, next poll in 4")).await;
    terminal.type_keys(CTRL_C).await;
    assert_eq!(terminal.end().await, 130);

    // Plain lines say it, too.
    let child = command.spawn().unwrap();
    let mut lines = tokio::io::BufReader::new(child.stderr.unwrap());
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut line).await.unwrap();
    assert_eq!(line, "killb: submitted, next poll in 43 s\n");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn drawn_line_follows_the_width_of_the_terminal() {
    let server = slow_provider().await;
    let mut terminal = Terminal::start(&wait(&server), 120);
    terminal.until(|screen| screen.contains("█") && screen.contains("next poll in ")).await;
    for width in [60, 40, 100, 60] {
        terminal.resize(width);
        terminal.frames(3).await;
        let screen = terminal.screen();
        assert_eq!(screen.lines().count(), 1, "{width}:\n{screen}");
        assert!(screen.chars().count() < usize::from(width), "{width}:\n{screen}");
        assert!(screen.contains("300 of 900"), "{width}:\n{screen}");
    }
    terminal.type_keys(CTRL_C).await;
    assert_eq!(terminal.end().await, 130);
    assert!(!terminal.screen().contains("of 900"), "{}", terminal.screen());
}

#[tokio::test]
async fn documents_appear_above_a_drawn_line_and_are_whole() {
    let server = Server::start((1..20).map(|done| (200, killb("PROCESSING", [20, done, done, 0])))).await;
    let args = ["wait", "killb", "550e8400", "--jsonl", "--interval", "20ms..40ms", "--base-url", &server.url];
    let mut terminal = Terminal::start(&bulkrail(args), 1_000);
    terminal.until_shown("19 of 20 rows").await;
    terminal.type_keys(CTRL_C).await;
    assert_eq!(terminal.end().await, 130);
    let screen = terminal.screen();
    let documents: Vec<Value> =
        screen.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{screen}"))).collect();
    assert!(documents.len() > 15, "{screen}");
}

#[tokio::test]
async fn lines_of_several_batches_fit_and_are_left_above_the_table() {
    let mut terminal = Terminal::start(&bulkrail(["demo", "--speed", "60"]), 60);
    assert_eq!(terminal.end().await, 0);
    let screen = terminal.screen();
    for provider in ["killb", "reap", "cdq", "localpayment"] {
        let drawn = screen.lines().filter(|line| line.trim_start().starts_with(provider)).count();
        assert!(drawn >= 1, "{provider}:\n{screen}");
    }
    assert!(screen.lines().all(|line| line.chars().count() <= 60), "{screen}");
    // One line of each: frames do not stay.
    assert_eq!(screen.lines().filter(|line| line.contains("of 60 rows")).count(), 1, "{screen}");
}

/// Begins to read a named pipe: the command waits for what is never written.
async fn opened(pipe: &Path) -> tokio::net::unix::pipe::Sender {
    let clock = Clock::system();
    loop {
        // It fails until the command has opened the pipe, too.
        match tokio::net::unix::pipe::OpenOptions::new().open_sender(pipe) {
            Ok(sender) => return sender,
            Err(error) => assert!(clock.now() < Duration::from_secs(30), "{}: it is not read: {error}", pipe.display()),
        }
        clock.sleep(Duration::from_millis(5)).await;
    }
}

fn pipe(name: &str) -> PathBuf {
    let pipe = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    let _ = fs::remove_file(&pipe);
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    pipe
}

/// Presses Ctrl-C, after which the command must end at once, and returns its screen.
async fn interrupted(terminal: &mut Terminal, what: &str) -> String {
    terminal.type_keys(CTRL_C).await;
    let clock = Clock::system();
    let code = terminal.end().await;
    let screen = terminal.screen();
    assert!(clock.now() < AT_ONCE, "{what}:\n{screen}");
    assert_eq!(code, 130, "{what}:\n{screen}");
    assert!(!screen.contains("^C"), "{what}:\n{screen}");
    assert!(screen.lines().any(|line| line.starts_with("error: ")), "{what}:\n{screen}");
    assert!(!screen.lines().any(|line| line.starts_with('⠿') || line.contains("next poll")), "{what}:\n{screen}");
    screen
}

#[tokio::test]
async fn first_ctrl_c_stops_a_command_that_reads_a_pipe_and_leaves_the_terminal_as_it_was() {
    let pipe = pipe("ctrl-c.csv");
    let path = pipe.to_str().unwrap();
    for args in
        [&["check", "killb", path][..], &["submit", "killb", path], &["run", "killb", path], &["wait", "--batch", path]]
    {
        let mut terminal = Terminal::start(&bulkrail(args), 100);
        let _writer = opened(&pipe).await;
        let screen = interrupted(&mut terminal, &args.join(" ")).await;
        assert!(screen.contains(&format!("resume: bulkrail {}", args[0])), "{screen}");
    }
    fs::remove_file(pipe).unwrap();
}

#[tokio::test]
async fn first_ctrl_c_stops_a_command_that_waits_for_a_response() {
    let server = BrokenServer::start_silent().await;
    let file = TempFile::new("ctrl-c-response.csv", people(2));
    let batches = TempFile::new(
        "ctrl-c-response.jsonl",
        "{\"provider\":\"killb\",\"id\":\"b-1\"}\n{\"provider\":\"killb\",\"id\":\"b-2\"}\n",
    );
    for args in [
        &["status", "killb", "b-1"][..],
        &["wait", "killb", "b-1", QUICK[0], QUICK[1]],
        &["wait", "--batch", batches.path(), QUICK[0], QUICK[1]],
        &["rows", "killb", "b-1"],
        &["rows", "killb", "b-1", "--format", "csv"],
        &["retry", "killb", "b-1", "--submitted", file.path()],
        &["compare", "killb", file.path(), "--user", "u-1"],
    ] {
        let requests = server.requests().len();
        let command = bulkrail(args.iter().copied().chain(["--base-url", &server.url]));
        let mut terminal = Terminal::start(&command, 100);
        while server.requests().len() == requests {
            Clock::system().sleep(Duration::from_millis(5)).await;
        }
        interrupted(&mut terminal, &args.join(" ")).await;
    }
}

#[tokio::test]
async fn second_ctrl_c_ends_a_submit_at_once() {
    let server = BrokenServer::start_silent().await;
    let file = TempFile::new("ctrl-c-submit.csv", people(2));
    for command in ["submit", "run"] {
        let requests = server.requests().len();
        let mut terminal = Terminal::start(&bulkrail([command, "killb", file.path(), "--base-url", &server.url]), 100);
        while server.requests().len() == requests {
            Clock::system().sleep(Duration::from_millis(5)).await;
        }
        terminal.type_keys(CTRL_C).await;
        terminal.until_shown("waiting up to 5 s for the response; interrupt again to stop now").await;
        terminal.type_keys(CTRL_C).await;
        let clock = Clock::system();
        assert_eq!(terminal.end().await, 9, "{}", terminal.screen());
        assert!(clock.now() < AT_ONCE && !terminal.screen().contains("^C"), "{}", terminal.screen());
        assert!(terminal.screen().contains("\n  hint: "), "{}", terminal.screen());
    }
}

#[tokio::test]
async fn first_ctrl_c_stops_waits_for_batches_that_were_submitted() {
    let sandbox = Sandbox::builder().seed(4).speed(0.05).start().await.unwrap();
    let (state, file) = (state(), TempFile::new("ctrl-c-wait.csv", people(3)));
    let command = |args: &[&str]| {
        let mut command = at(&sandbox, args.iter().copied());
        command.env("XDG_STATE_HOME", &state);
        command
    };
    for (args, shown) in [
        (&["run", "killb", file.path(), QUICK[0], QUICK[1]][..], "of 3 rows"),
        (&["resume", QUICK[0], QUICK[1]], "0 of 1 ended, 0 of 3 rows"),
        (&["demo", "--speed", "0.05"], "of 60 rows"),
    ] {
        let mut terminal = Terminal::start(&command(args), 100);
        terminal.until_shown(shown).await;
        let screen = interrupted(&mut terminal, &args.join(" ")).await;
        let goes_on = if args[0] == "demo" { "run it again" } else { "resume: bulkrail " };
        assert!(screen.contains(goes_on), "{screen}");
    }
    let list = finish(command(&["list", "--json"])).await.document();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["phase"]), (1, &Value::from("open")));
}

#[tokio::test]
async fn question_of_a_retry_ends_with_its_line_whatever_key_is_pressed() {
    let sandbox = Sandbox::builder().seed(4).speed(60.0).start().await.unwrap();
    let (state, file) = (state(), TempFile::new("question.csv", accounts(20)));
    let command = |args: &[&str]| {
        let mut command = at(&sandbox, args.iter().copied());
        command.env("XDG_STATE_HOME", &state);
        command
    };
    let run = ["run", "localpayment", file.path(), "--account-number", "484.484.00000011", "--country", "MEX", "--key"];
    let run = finish(command(&[&run[..], &["question-1"], &QUICK].concat())).await;
    assert!(run.stdout.contains("2 unaccounted for"), "{run:?}");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-question-next.csv", std::process::id()));
    let out = out.to_str().unwrap();
    let retry = ["retry", "localpayment", "question-1", "--submitted", file.path(), "--out", out, "--force"];
    for (keys, code, shown) in [
        (CTRL_C, 130, "Include them? [y/N] ^C\nerror: it was stopped before the file was written\n"),
        ("\u{4}", 0, "Include them? [y/N]\nleft out: 2 rows are unaccounted for"),
        ("n\n", 0, "Include them? [y/N] n\nleft out: 2 rows are unaccounted for"),
        ("y\n", 0, "Include them? [y/N] y\nwritten: "),
    ] {
        let mut terminal = Terminal::start(&command(&retry), 200);
        terminal.until_shown("Include them? [y/N]").await;
        terminal.type_keys(keys).await;
        assert_eq!(terminal.end().await, code, "{}", terminal.screen());
        let screen = terminal.screen().lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>();
        assert!(screen.contains(shown), "{keys:?}:\n{screen}");
    }
    let _ = fs::remove_file(out);
}
