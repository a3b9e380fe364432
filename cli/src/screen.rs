//! Lines at the bottom of the terminal that standard error is, drawn again and again. Other output is written above them.
//!
//! The cursor stays at the beginning of the first line. A terminal that becomes narrower wraps the lines, and most keep the
//! cursor where it is in the text: all that was drawn is after it, and is erased.

use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::grid::{can_redraw, stderr_size};

/// 100 ms between two frames.
const TICK: Duration = Duration::from_millis(100);

/// 100 ms for a write of which a signal must not wait: a terminal that was stopped (Ctrl-S) takes none.
const MAX_WRITE: Duration = Duration::from_millis(100);

/// Frames of the sign before a line that changes.
const SPINNER: [&str; 8] = ["⠁", "⠂", "⠄", "⡀", "⢀", "⠠", "⠐", "⠈"];

/// Takes the cursor to the beginning of its line, and erases what is there and below.
const ERASE: &str = "\r\u{1b}[J";

static SCREEN: Mutex<Screen> = Mutex::new(Screen::new());

/// Notified when lines are added or removed.
static CHANGED: Condvar = Condvar::new();

/// Line that is drawn again.
pub(crate) trait DrawnLine: Send + Sync {
    /// Returns the text in at most `width` columns, and how much was left out for that: `left_out` at least.
    fn text(&self, width: usize, left_out: usize) -> (String, usize);

    /// Returns whether the text changes no more.
    fn is_ended(&self) -> bool;
}

/// Parts that are left out of all lines, if of one: those before the message, which are below each other.
const COMMON: usize = 2;

/// Adds a line below the others.
pub(crate) fn add(line: Arc<dyn DrawnLine>) {
    let mut screen = lock();
    screen.lines.push(line);
    if !screen.is_running {
        // Without the thread nothing is drawn, which fails no command.
        screen.is_running = thread::Builder::new().name("progress".to_owned()).spawn(run).is_ok();
    }
    CHANGED.notify_all();
}

/// Erases and removes all lines.
pub(crate) fn clear() {
    let mut screen = lock();
    screen.erase();
    screen.lines.clear();
    CHANGED.notify_all();
}

/// Draws the lines for the last time, and leaves them above the cursor.
pub(crate) fn leave() {
    let mut screen = lock();
    if !screen.lines.is_empty() {
        screen.draw();
        let below = "\r\n".repeat(screen.rows);
        write(&below);
    }
    screen.drawn = None;
    screen.lines.clear();
    CHANGED.notify_all();
}

/// Writes with `write` above the lines. It must write whole lines.
pub(crate) fn above<T>(write: impl FnOnce() -> T) -> T {
    let mut screen = lock();
    let is_drawn = screen.drawn.is_some();
    screen.erase();
    let result = write();
    if is_drawn {
        screen.draw();
    }
    result
}

/// Writes a question, behind which the cursor stays.
pub(crate) fn ask(question: &str) {
    let mut screen = lock();
    screen.is_asking = true;
    write(question);
}

/// Ends a question. The cursor is below it, if the terminal has shown the line break of an answer.
pub(crate) fn end_question(has_line_break: bool) {
    let mut screen = lock();
    if std::mem::take(&mut screen.is_asking) && !has_line_break {
        write("\n");
    }
}

/// Removes the echo of a key such as Ctrl-C, so that the next message begins a line.
pub(crate) fn remove_echo() {
    bounded(|screen| {
        if screen.drawn.is_some() {
            screen.draw();
        } else if std::mem::take(&mut screen.is_asking) {
            write("\n");
        } else if can_redraw() {
            write(ERASE);
        }
    });
}

/// Erases the lines before the process ends.
pub(crate) fn abandon() {
    bounded(|screen| {
        screen.erase();
        screen.lines.clear();
    });
}

/// Changes the screen in a thread of its own, and waits for that a limited time.
#[expect(clippy::disallowed_methods, reason = "the process is about to end: there is nothing to await")]
fn bounded(change: impl FnOnce(&mut Screen) + Send + 'static) {
    let (sender, done) = channel::<()>();
    let changed = thread::Builder::new().spawn(move || {
        let _sender = sender;
        change(&mut lock());
    });
    if changed.is_ok() {
        let _: Result<(), RecvTimeoutError> = done.recv_timeout(MAX_WRITE);
    }
}

/// Draws frames until there are no lines.
#[expect(clippy::disallowed_methods, reason = "a thread of its own, which draws while the others block")]
fn run() {
    let mut screen = lock();
    while !screen.lines.is_empty() {
        screen.draw();
        screen = CHANGED.wait_timeout(screen, TICK).unwrap_or_else(PoisonError::into_inner).0;
    }
    screen.is_running = false;
}

fn lock() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    // A line that cannot be drawn fails no command.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

struct Screen {
    lines: Vec<Arc<dyn DrawnLine>>,
    frame: usize,
    /// Size of the terminal when the lines were drawn, where they are.
    drawn: Option<(usize, usize)>,
    /// Number of lines that are drawn.
    rows: usize,
    is_running: bool,
    is_asking: bool,
}

impl Screen {
    const fn new() -> Self {
        Self { lines: Vec::new(), frame: 0, drawn: None, rows: 0, is_running: false, is_asking: false }
    }

    fn draw(&mut self) {
        if !self.lines.is_empty() {
            let frame = self.frame(stderr_size());
            write(&frame);
        }
    }

    fn erase(&mut self) {
        if self.drawn.take().is_some() {
            write(ERASE);
        }
    }

    /// Returns what draws the lines in a terminal of `size`, columns and rows.
    fn frame(&mut self, size: (usize, usize)) -> String {
        let mut frame = String::from(if self.drawn == Some(size) { "\r" } else { ERASE });
        // The last column stays free: a terminal may wrap a line that fills it.
        let width = size.0.saturating_sub(3);
        let texts = self.texts(width, size.1);
        for (number, text) in texts.iter().enumerate() {
            frame.push_str(if number == 0 { "" } else { "\u{1b}[K\r\n" });
            frame.push_str(text);
        }
        frame.push_str("\u{1b}[J");
        if texts.len() > 1 {
            frame.push_str(&format!("\u{1b}[{}A", texts.len() - 1));
        }
        frame.push('\r');
        self.frame = (self.frame + 1) % SPINNER.len();
        (self.drawn, self.rows) = (Some(size), texts.len());
        frame
    }

    /// Returns the lines, with the number of those for which `height` rows have no place: of batches that have ended first.
    fn texts(&self, width: usize, height: usize) -> Vec<String> {
        let left_out = self.lines.iter().map(|line| line.text(width, 0).1).max().unwrap_or_default().min(COMMON);
        let text = |line: &Arc<dyn DrawnLine>| {
            let sign = if line.is_ended() { " " } else { SPINNER[self.frame] };
            format!("{sign} {}", line.text(width, left_out).0)
        };
        // A row stays free for the cursor of the next prompt.
        let rows = height.saturating_sub(1).max(1);
        if self.lines.len() <= rows {
            return self.lines.iter().map(text).collect();
        }
        let shown = rows - 1;
        let mut order: Vec<_> = (0..self.lines.len()).collect();
        order.sort_by_key(|index| self.lines[*index].is_ended());
        order.truncate(shown);
        order.sort_unstable();
        let mut texts: Vec<_> = order.into_iter().map(|index| text(&self.lines[index])).collect();
        texts.push(format!("  and {} more", self.lines.len() - shown));
        texts
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    struct Fixed(&'static str, bool);

    impl DrawnLine for Fixed {
        fn text(&self, width: usize, left_out: usize) -> (String, usize) {
            let texts = [format!("bar {}", self.0), self.0.to_owned()];
            let level = (left_out..texts.len()).find(|level| texts[*level].len() <= width).unwrap_or(1);
            (texts[level].chars().take(width).collect(), level)
        }

        fn is_ended(&self) -> bool {
            self.1
        }
    }

    fn screen(lines: impl IntoIterator<Item = Fixed>) -> Screen {
        let lines = lines.into_iter().map(|line| Arc::new(line) as Arc<dyn DrawnLine>);
        Screen { lines: lines.collect(), ..Screen::new() }
    }

    fn terminal(columns: u16, rows: u16) -> vt100::Parser {
        vt100::Parser::new(NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap(), 100)
    }

    fn shown(terminal: &vt100::Parser) -> Vec<String> {
        let rows = terminal.screen().rows(0, terminal.screen().size().1.get()).map(|row| row.trim_end().to_owned());
        let rows: Vec<_> = rows.collect();
        let used = rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1);
        rows[..used].to_vec()
    }

    #[test]
    fn frames_replace_each_other_and_keep_what_is_above() {
        let mut screen = screen([Fixed("one", false), Fixed("two", true)]);
        let mut terminal = terminal(40, 10);
        terminal.process(b"before\r\n");
        for spinner in &SPINNER[..3] {
            terminal.process(screen.frame((40, 10)).as_bytes());
            assert_eq!(shown(&terminal), ["before", &format!("{spinner} bar one"), "  bar two"]);
            assert_eq!(terminal.screen().cursor_position(), (1, 0));
        }
        terminal.process(ERASE.as_bytes());
        assert_eq!(shown(&terminal), ["before"]);
    }

    #[test]
    fn frame_in_another_size_leaves_nothing_of_the_one_before() {
        let mut screen = screen([Fixed("012345678", false), Fixed("two", true)]);
        screen.frame((40, 10));
        // As a terminal wraps the lines anew when it becomes narrower: the cursor stays where it is in the text.
        let mut narrow = terminal(12, 10);
        narrow.process("before\r\n⠁ bar 012345\r\n678\r\n  bar two\u{1b}[2A\r".as_bytes());
        narrow.process(screen.frame((12, 10)).as_bytes());
        // What is left out of one is left out of both.
        assert_eq!(shown(&narrow), ["before", "⠂ 012345678", "  two"]);
    }

    #[test]
    fn lines_for_which_a_low_terminal_has_no_place_are_counted() {
        let names = ["a", "b", "c", "d", "e", "f"];
        let mut screen = screen(names.into_iter().map(|name| Fixed(name, name < "d")));
        let mut terminal = terminal(40, 5);
        for _ in 0..3 {
            terminal.process(screen.frame((40, 5)).as_bytes());
            let shown = shown(&terminal);
            let lines: Vec<_> = shown.iter().map(|line| line.chars().skip(2).collect::<String>()).collect();
            assert_eq!(lines, ["bar d", "bar e", "bar f", "and 3 more"]);
        }
    }
}
