//! Commands in terminals of 60, 80 and 120 columns, compared with the screens in `tests/golden`.
//!
//! `BULKRAIL_BLESS=1` writes them anew. What differs from run to run is replaced by signs of the same width.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use bulkrail::time::Clock;
use bulkrail_sandbox::Sandbox;
use tokio::process::Command;

use crate::fixtures::{accounts, people};
use crate::server::{Server, killb};
use crate::support::{QUICK, at, bulkrail};
use crate::terminal::{CTRL_C, Terminal};

/// Directory in which the commands run, as it is shown.
const HOME: &str = "/home/jane/payments/may-26";

/// Port as it is shown.
const PORT: &str = "48417";

/// 9 s: a time of ten seconds takes a column more, and changes the tables.
const MAX_SECONDS: u64 = 9;

/// Terminal session of a user.
struct Session {
    sandbox: Sandbox,
    home: PathBuf,
    width: u16,
    screens: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

impl Session {
    async fn start(width: u16) -> Self {
        let sandbox = Sandbox::builder().seed(4).speed(60.0).start().await.unwrap();
        let home = PathBuf::from(format!("/tmp/bulkrail-{width:03}-{:08}", std::process::id()));
        assert_eq!(home.as_os_str().len(), HOME.len(), "the mask has the same width");
        fs::create_dir_all(&home).unwrap();
        // Two mistakes: a reference that is there twice, and an account without a name.
        let people = people(8).replace("person-3,", "person-2,");
        let people = people.replace("PSE,Person,p7@example.com,Doe,", "PSE,,p7@example.com,,");
        fs::write(home.join("people.csv"), people).unwrap();
        let import: String = (0..30).map(|row| format!("00000000-0000-4000-8000-{row:012},token-{row}\n")).collect();
        fs::write(home.join("import.csv"), format!("externalId,shareToken\n{import}")).unwrap();
        fs::write(home.join("accounts.csv"), accounts(20)).unwrap();
        Self { sandbox, home, width, screens: String::new() }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = at(&self.sandbox, line.split_whitespace().chain(quick(line)));
        command.env("XDG_STATE_HOME", self.home.join("state")).current_dir(&self.home);
        command
    }

    /// Runs a command to its end, and keeps its screen.
    async fn run(&mut self, line: &str) -> String {
        let command = self.command(line);
        self.run_command(line, &command).await
    }

    async fn run_command(&mut self, line: &str, command: &Command) -> String {
        let mut terminal = Terminal::start(command, self.width);
        let code = terminal.end().await;
        let screen = terminal.screen_with(|written| self.masked(&written));
        self.keep(line, &screen);
        if code != 0 {
            writeln!(self.screens, "(exit code {code})").unwrap();
        }
        screen
    }

    fn keep(&mut self, line: &str, screen: &str) {
        let screen: String = screen.lines().map(|line| format!("{}\n", masked_line(line))).collect();
        write!(self.screens, "\n$ bulkrail {line}\n{screen}").unwrap();
    }

    /// Replaces the directory and the port.
    fn masked(&self, written: &str) -> String {
        let port = self.sandbox.port().to_string();
        assert_eq!(port.len(), PORT.len(), "the mask has the same width");
        let written = written.replace(self.home.to_str().unwrap(), HOME);
        let mut masked = String::new();
        let mut rest = &*written.replace(&format!(":{port}"), &format!(":{PORT}"));
        // The demo has a sandbox of its own.
        while let Some((before, after)) = rest.split_once("127.0.0.1:") {
            let digits = after.chars().take_while(char::is_ascii_digit).count();
            let is_port = digits == PORT.len() || after[digits..].starts_with('…');
            let port = if is_port { &PORT[..digits] } else { &after[..digits] };
            write!(masked, "{before}127.0.0.1:{port}").unwrap();
            rest = &after[digits..];
        }
        masked + rest
    }
}

/// Returns options with which a wait polls often.
fn quick<'l>(line: &'l str) -> impl Iterator<Item = &'l str> + use<'l> {
    let is_wait = ["wait", "run", "resume"].iter().any(|command| line.starts_with(command)) && !line.contains("--help");
    QUICK.into_iter().filter(move |_| is_wait)
}

/// Replaces times and numbers of polls, in the same width.
fn masked_line(line: &str) -> String {
    if line.starts_with(" took") {
        return " took     N.N s, N polls".to_owned();
    }
    let mut chars: Vec<char> = line.chars().collect();
    let is_time = |chars: &[char], end: usize| {
        chars.get(end) == Some(&' ')
            && chars.get(end + 1) == Some(&'s')
            && chars.get(end + 2).is_none_or(|next| !next.is_alphanumeric())
    };
    let (mut index, mut time) = (0, None);
    while index < chars.len() {
        let mut end = index;
        while end < chars.len() && (chars[end].is_ascii_digit() || (end > index && chars[end] == '.')) {
            end += 1;
        }
        if end > index && is_time(&chars, end) {
            chars[index..end].iter_mut().filter(|c| c.is_ascii_digit()).for_each(|c| *c = 'N');
            time = Some(index);
        }
        index = end.max(index + 1);
    }
    // A drawn line has the time since its begin in four columns, and a spinner.
    if chars.first().is_some_and(|first| ('⠀'..='⣿').contains(first)) {
        chars[0] = '⠿';
    }
    // The number of polls is the cell before the time at the end.
    if let Some(time) = time.filter(|time| chars[*time..].iter().collect::<String>() == "N.N s") {
        let number = chars[..time].iter().rposition(|c| *c != ' ').unwrap_or_default();
        let first = chars[..number].iter().rposition(|c| *c == ' ').map_or(0, |blank| blank + 1);
        if chars[first..=number].iter().all(char::is_ascii_digit) {
            chars[first..=number].fill(' ');
            chars[number] = 'N';
        }
    }
    chars.into_iter().collect()
}

/// Shows each command at `width` columns.
async fn screens(width: u16) -> String {
    let mut session = Session::start(width).await;
    session.run("check killb people.csv").await;
    let people = fs::read_to_string(session.home.join("people.csv")).unwrap();
    fs::write(
        session.home.join("people.csv"),
        people.replacen("person-2,PERSON,PSE,Person,p3", "person-3,PERSON,PSE,Person,p3", 1),
    )
    .unwrap();
    session.run("submit killb people.csv").await;
    session.run("submit reap import.csv --key import-7").await;
    session.run("submit cdq --storage-id storage-1").await;
    session
        .run("submit localpayment accounts.csv --account-number 484.484.00000011 --country MEX --key payroll-7")
        .await;
    session.run("list").await;
    let id = killb_id(&session).await;
    session.run(&format!("wait killb {}", &id[..8])).await;
    session.run("list --open").await;
    session.run("resume").await;
    session.run("list").await;
    session.run("list --open").await;
    session.run("resume").await;
    session.run(&format!("rows killb {}", &id[..8])).await;
    session.run("rows localpayment payroll-7 --submitted accounts.csv --failed").await;
    session.run(&format!("retry killb {} --submitted people.csv --out next.csv", &id[..8])).await;
    session.run("run killb next.csv").await;
    session.run("demo --speed 60").await;
    errors(&mut session).await;
    session.run("--help").await;
    session.run("retry --help").await;
    frames(&mut session).await;
    std::mem::take(&mut session.screens)
}

async fn killb_id(session: &Session) -> String {
    let list = crate::support::finish(session.command("list --json")).await.document();
    list[0]["batch"]["id"].as_str().unwrap().to_owned()
}

async fn errors(session: &mut Session) {
    for line in [
        "wait killb 550e8400 --base-url http://127.0.0.1:1 --deadline 300ms",
        "status killb d619cd58-76d3-4848-a3c4-1a77bd0825ca --base-url http://127.0.0.1:1",
        "status killb d619cd58-76d3-4848-a3c4-1a77bd0825ca --base-url http://127.0.0.1:1 --any-environment",
        "status killb 00000000-0000-0000-0000-000000000000",
        "rows cdq job-1",
        "resume no-such-batch",
        "check killb missing.csv",
        "wait killb",
        "wiat",
    ] {
        session.run(line).await;
    }
    let line = "submit killb people.csv";
    let mut command = session.command(line);
    command.env_remove("KILLB_EMAIL").env_remove("KILLB_PASSWORD");
    session.run_command(line, &command).await;
}

/// Shows frames of the lines of progress, which a slow provider leaves as they are.
async fn frames(session: &mut Session) {
    let server = Server::always(200, killb("PROCESSING", [900, 300, 298, 2])).await.with_retry_after(43);
    // Of a batch that was just submitted the first poll is not due at once.
    let batch = r#"{"provider":"killb","id":"550e8400","submitted_at":"2099-01-01T00:00:00Z"}"#;
    fs::write(session.home.join("batch.json"), batch).unwrap();
    for (line, shown) in [
        ("wait --batch batch.json --interval 43s..43s", "submitted"),
        ("wait killb 550e8400 --interval 20ms..60s", "of 900 rows, 2 failed"),
    ] {
        let mut command = bulkrail(line.split_whitespace());
        command.args(["--base-url", &server.url]).current_dir(&session.home);
        let mut terminal = Terminal::start(&command, session.width);
        let screen = terminal.until(|screen| screen.contains(shown) && screen.contains("next poll in ")).await;
        session.keep(line, &screen);
        terminal.type_keys(CTRL_C).await;
        assert_eq!(terminal.end().await, 130, "{}", terminal.screen());
    }
    let batches: String = (1..=3).map(|id| format!("{{\"provider\":\"killb\",\"id\":\"b-{id}\"}}\n")).collect();
    fs::write(session.home.join("batches.jsonl"), batches).unwrap();
    let line = "wait --batch batches.jsonl --interval 20ms..60s";
    let mut command = bulkrail(line.split_whitespace());
    command.args(["--base-url", &server.url]).current_dir(&session.home);
    let mut terminal = Terminal::start(&command, session.width);
    let screen = terminal.until(|screen| screen.contains("900 of 2700 rows") && screen.contains("next poll in ")).await;
    session.keep(line, &screen);
    terminal.type_keys(CTRL_C).await;
    assert_eq!(terminal.end().await, 130, "{}", terminal.screen());
}

async fn compare(width: u16) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/screens-{width}.txt"));
    for last in [false, false, true] {
        let clock = Clock::system();
        let screens = screens(width).await;
        if std::env::var_os("BULKRAIL_BLESS").is_some() {
            fs::write(&file, &screens).unwrap();
        }
        let golden = fs::read_to_string(&file).unwrap();
        // On a machine that is too slow, times have a digit more: it is tried again.
        if screens != golden && !last && clock.now().as_secs() > MAX_SECONDS {
            continue;
        }
        let differs = screens.lines().zip(golden.lines()).find(|(now, before)| now != before);
        assert!(screens == golden, "{}: {differs:#?}\n{screens}", file.display());
        return;
    }
}

#[tokio::test]
async fn screens_at_60_columns_are_the_golden_ones() {
    compare(60).await;
}

#[tokio::test]
async fn screens_at_80_columns_are_the_golden_ones() {
    compare(80).await;
}

#[tokio::test]
async fn screens_at_120_columns_are_the_golden_ones() {
    compare(120).await;
}
