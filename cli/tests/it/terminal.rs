//! Runs the built command in a pseudo-terminal, and shows what a user sees.

use std::num::NonZeroU16;
use std::time::Duration;

use bulkrail::time::Clock;
use pty_process::{Pty, Size, open};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use vt100::Parser;

/// 200 rows: nothing that a test prints is scrolled away.
const ROWS: u16 = 200;

/// 60 s for an output that is expected; a busy machine is slow.
const LIMIT: Duration = Duration::from_secs(60);

/// Key that asks a command to stop.
pub(crate) const CTRL_C: &str = "\u{3}";

/// Terminal in which a command runs.
pub(crate) struct Terminal {
    pty: Pty,
    child: Child,
    parser: Parser,
    /// All that was written.
    pub(crate) written: Vec<u8>,
    width: u16,
}

fn parser(width: u16) -> Parser {
    let size = |number| NonZeroU16::new(number).unwrap();
    Parser::new(size(ROWS), size(width), 0)
}

impl Terminal {
    /// Starts the command in a terminal of `width` columns.
    pub(crate) fn start(command: &Command, width: u16) -> Self {
        Self::start_as("xterm-256color", command, width)
    }

    /// Starts the command in a terminal with the name `name`.
    pub(crate) fn start_as(name: &str, command: &Command, width: u16) -> Self {
        let command = command.as_std();
        let mut run = pty_process::Command::new(command.get_program()).args(command.get_args()).env_clear();
        run = run.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", name);
        if let Some(directory) = command.get_current_dir() {
            run = run.current_dir(directory);
        }
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(ROWS, width)).unwrap();
        let child = run.kill_on_drop(true).spawn(pts).unwrap();
        Self { pty, child, parser: parser(width), written: Vec::new(), width }
    }

    /// Reads what is written next; false at the end.
    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = tokio::select! {
            // Linux reports the end as an error.
            read = self.pty.read(&mut bytes) => read.unwrap_or_default(),
            () = Clock::system().sleep(LIMIT) => panic!("nothing is written any more:\n{}", self.screen()),
        };
        self.parser.process(&bytes[..read]);
        self.written.extend_from_slice(&bytes[..read]);
        read > 0
    }

    /// Reads until `is_there` holds for the screen.
    pub(crate) async fn until(&mut self, is_there: impl Fn(&str) -> bool) -> String {
        let (clock, screen) = (Clock::system(), self.screen());
        let mut screen = screen;
        while !is_there(&screen) {
            assert!(clock.now() < LIMIT && self.read().await, "it is not shown:\n{screen}");
            screen = self.screen();
        }
        screen
    }

    /// Reads until `text` is on the screen, and returns the screen.
    pub(crate) async fn until_shown(&mut self, text: &str) -> String {
        self.until(|screen| screen.contains(text)).await
    }

    /// Reads until the cursor follows `line`, from the beginning of its row.
    #[cfg(target_os = "linux")]
    pub(crate) async fn until_line(&mut self, line: &str) {
        loop {
            let (row, column) = self.parser.screen().cursor_position();
            let shown = self.parser.screen().rows(0, self.width).nth(row.into()).unwrap_or_default();
            // Blanks at the end are not in it.
            let before: String = shown.chars().chain(std::iter::repeat(' ')).take(column.into()).collect();
            if before == line {
                return;
            }
            assert!(self.read().await, "the line is {before:?}, not {line:?}");
        }
    }

    /// Reads until `count` more frames of a line were drawn.
    pub(crate) async fn frames(&mut self, count: usize) {
        let frames = |written: &[u8]| written.iter().filter(|byte| **byte == b'\r').count();
        let before = frames(&self.written);
        while frames(&self.written) < before + count * 2 {
            assert!(self.read().await, "it ends:\n{}", self.screen());
        }
    }

    /// Types `keys`.
    pub(crate) async fn type_keys(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).await.unwrap();
    }

    /// Makes the terminal wider or narrower.
    pub(crate) fn resize(&mut self, width: u16) {
        self.pty.resize(Size::new(ROWS, width)).unwrap();
        let size = |number| NonZeroU16::new(number).unwrap();
        self.parser.set_size(size(ROWS), size(width));
        self.width = width;
    }

    /// Reads to the end of the command, and returns its exit code. The terminal must be as it was before.
    pub(crate) async fn end(&mut self) -> i32 {
        while self.read().await {}
        let code = self.child.wait().await.unwrap().code().expect("an exit code, not a signal");
        let screen = self.parser.screen();
        assert!(!screen.hide_cursor() && !screen.alternate_screen(), "{}", self.screen());
        assert_eq!(screen.cursor_position().1, 0, "it ends within a line:\n{}", self.screen());
        let (row, shown) = (usize::from(screen.cursor_position().0), self.screen());
        assert!(shown.lines().count() <= row, "the prompt overwrites a line:\n{shown}");
        assert!(!shown.contains("panicked"), "{shown}");
        code
    }

    /// Returns what is on the screen.
    pub(crate) fn screen(&self) -> String {
        shown(&self.parser, self.width)
    }

    /// Returns what would be on the screen if the command had written something else in the place of what `change`
    /// replaces.
    pub(crate) fn screen_with(&self, change: impl FnOnce(String) -> String) -> String {
        let written = change(String::from_utf8(self.written.clone()).unwrap());
        let mut parser = parser(self.width);
        parser.process(written.as_bytes());
        shown(&parser, self.width)
    }

    /// Returns all that was written as text, with its codes.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.written).into_owned()
    }
}

/// Returns the rows of the screen without blanks at their ends, and without empty ones at its end.
fn shown(parser: &Parser, width: u16) -> String {
    let rows: Vec<_> = parser.screen().rows(0, width).collect();
    let rows = rows.join("\n");
    rows.lines().map(|row| format!("{}\n", row.trim_end())).collect::<String>().trim_end().to_owned()
}
