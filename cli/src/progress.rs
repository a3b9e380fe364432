//! Progress of waits on standard error: one line that is drawn again, or a line for each change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulkrail::poll::WaitState;
use bulkrail::time::Clock;
use bulkrail::{BatchId, ErrorKind, Snapshot, WaitSetProgress, jiff::Timestamp};
use unicode_width::UnicodeWidthStr;

use crate::grid::cut;
use crate::printer::{self, Progress};
use crate::screen::{self, DrawnLine};
use crate::table;

/// 10 s at least between two lines of which only the numbers differ.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// 15 s after which a poll that was due is not waited for any more: a poll takes up to 10 s.
const MAX_POLL: Duration = Duration::from_secs(15);

/// 1 s to the next poll at least, for it to be shown: a shorter time could not be read.
const MIN_SHOWN_INTERVAL: Duration = Duration::from_secs(1);

/// 20 columns for the bar itself; a narrow terminal has none.
const BAR: usize = 20;

/// Progress of several batches or waits.
pub(crate) struct Bars {
    mode: Progress,
}

impl Bars {
    pub(crate) fn new(mode: Progress) -> Self {
        Self { mode }
    }

    /// Adds a line with the label `label`.
    pub(crate) fn add(&self, label: &str) -> Bar {
        let line = Shared { line: Arc::default(), clock: Clock::system() };
        line.lock().label = label.to_owned();
        line.lock().message = "submitted".to_owned();
        if self.mode == Progress::Bars {
            screen::add(Arc::new(line.clone()));
        }
        Bar { line, prints_lines: self.mode == Progress::Lines }
    }

    /// Removes all lines that are drawn.
    pub(crate) fn clear(&self) {
        if self.mode == Progress::Bars {
            screen::clear();
        }
    }

    /// Leaves the lines as they are, above what follows.
    pub(crate) fn leave(&self) {
        if self.mode == Progress::Bars {
            screen::leave();
        }
    }
}

/// Progress of one batch, or of one wait for many batches.
pub(crate) struct Bar {
    line: Shared,
    prints_lines: bool,
}

impl Bar {
    /// Shows when the first poll of a wait is due, `state` being that of the wait before it.
    pub(crate) fn begin(&self, state: &WaitState) {
        self.line.see(state);
        let line = self.line.lock();
        if !line.due.is_empty() {
            let message = line.message.clone();
            self.print(line, message);
        }
    }

    /// Returns an observer of a wait that knows when its next poll is due, and calls `observer`.
    pub(crate) fn observer(
        &self,
        mut observer: impl FnMut(&WaitState) + Send + 'static,
    ) -> impl FnMut(&WaitState) + Send + 'static {
        let (line, prints_lines) = (self.line.clone(), self.prints_lines);
        move |state| {
            if line.see(state) && prints_lines {
                let text = line.lock().text(usize::MAX, None, line.clock.wall());
                printer::error(&text);
            }
            observer(state);
        }
    }

    /// Returns a handle to the line, for the task of a wait set.
    pub(crate) fn line(&self) -> Shared {
        self.line.clone()
    }

    /// Shows the progress of `batches` batches in several wait sets.
    pub(crate) fn show_all<'a>(&self, batches: usize, sets: impl IntoIterator<Item = &'a WaitSetProgress>) {
        let mut all = WaitSetProgress::default();
        for set in sets {
            all.ended += set.ended;
            all.rows_processed += set.rows_processed;
            all.rows_total += set.rows_total;
        }
        let mut message = format!("{} of {batches} ended", all.ended);
        if all.rows_total > 0 {
            message.push_str(&format!(", {} of {} rows", all.rows_processed, all.rows_total));
        }
        let mut line = self.line.lock();
        let processed = (all.rows_total > 0).then_some(all.rows_processed);
        line.set(message, all.ended * 100 / batches.max(1), processed, self.line.clock.now());
        line.is_ended = all.ended >= batches;
        self.print(line, all.ended.to_string());
    }

    /// Shows a snapshot.
    pub(crate) fn show(&self, snapshot: &Snapshot) {
        let progress = &snapshot.progress;
        let state = snapshot
            .outcome
            .map_or_else(|| snapshot.state.to_string(), |outcome| format!("{} {outcome}", table::sign(outcome)));
        let mut message = state.clone();
        match (progress.processed, progress.total, progress.percent()) {
            (Some(processed), Some(total), _) => message.push_str(&format!(", {processed} of {total} rows")),
            (None, Some(total), _) => message.push_str(&format!(", {total} rows")),
            (.., Some(percent)) => message.push_str(&format!(", {percent:.0} %")),
            _ => {}
        }
        if let Some(failed) = progress.failed.filter(|failed| *failed > 0) {
            message.push_str(&format!(", {failed} failed"));
        }
        let mut line = self.line.lock();
        if snapshot.is_terminal() {
            if let Some(unaccounted) = progress.unaccounted().filter(|unaccounted| *unaccounted > 0) {
                message.push_str(&format!(", {unaccounted} unaccounted for"));
            }
            line.set(message, 100, None, self.line.clock.now());
            line.is_ended = true;
        } else {
            // Rounded down: a full bar is for batches that have ended.
            let percent = progress.percent().unwrap_or_default().floor();
            line.set(message, percent as usize, progress.processed, self.line.clock.now());
            self.print(line, state);
        }
    }

    /// Prints the line, where none is drawn: when `state` changes, and for numbers every 10 s.
    fn print(&self, mut line: MutexGuard<'_, Line>, state: String) {
        let now = self.line.clock.now();
        let is_due = line
            .printed
            .as_ref()
            .is_none_or(|(at, before)| *before != state || now.saturating_sub(*at) >= LINE_INTERVAL);
        if self.prints_lines && is_due && !line.is_ended {
            line.printed = Some((now, state));
            let text = line.text(usize::MAX, None, self.line.clock.wall());
            drop(line);
            printer::error(&text);
        }
    }
}

/// Line that the drawing, the wait and its observer share.
#[derive(Clone)]
pub(crate) struct Shared {
    line: Arc<Mutex<Line>>,
    /// One for all times of the line: each clock counts from its own zero.
    clock: Clock,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes when the next poll of a wait is due, and whether the last one failed. Returns whether it is the first that
    /// did.
    pub(crate) fn see(&self, state: &WaitState) -> bool {
        let now = self.clock.wall();
        self.lock().see(state, now)
    }
}

impl DrawnLine for Shared {
    fn text(&self, width: usize, left_out: usize) -> (String, usize) {
        let (elapsed, now) = (self.clock.now(), self.clock.wall());
        self.lock().fitted(width, left_out, Some(elapsed), now)
    }

    fn is_ended(&self) -> bool {
        self.lock().is_ended
    }
}

/// What is shown of a wait.
#[derive(Default)]
struct Line {
    label: String,
    message: String,
    percent: usize,
    /// Time and number of rows when rows were first seen to be processed.
    first: Option<(Duration, u64)>,
    /// Rows in a second.
    rate: Option<f64>,
    /// When the next poll of each batch is due.
    due: HashMap<BatchId, Timestamp>,
    /// Kind of the error of the last poll of each batch, where that failed.
    faults: HashMap<BatchId, ErrorKind>,
    is_ended: bool,
    /// When it was last printed, with which state.
    printed: Option<(Duration, String)>,
}

impl Line {
    fn set(&mut self, message: String, percent: usize, processed: Option<u64>, now: Duration) {
        (self.message, self.percent) = (message, percent.min(100));
        let Some(processed) = processed else {
            self.rate = None;
            return;
        };
        let (since, before) = *self.first.get_or_insert((now, processed));
        let seconds = now.saturating_sub(since).as_secs_f64();
        let rows = processed.saturating_sub(before);
        self.rate = (seconds > 0.0 && rows > 0).then(|| rows as f64 / seconds);
    }

    fn see(&mut self, state: &WaitState, now: Timestamp) -> bool {
        let is_first = match state.fault() {
            Some(fault) => {
                self.faults.insert(state.batch().batch_id(), fault.kind()).is_none() && self.faults.len() == 1
            }
            None => {
                self.faults.remove(&state.batch().batch_id());
                false
            }
        };
        let has_ended = state.snapshot().is_some_and(Snapshot::is_terminal);
        if has_ended || state.due_in(now) < MIN_SHOWN_INTERVAL {
            self.due.remove(&state.batch().batch_id());
        } else {
            self.due.insert(state.batch().batch_id(), state.due());
        }
        is_first
    }

    /// Returns that polls fail, if they do.
    fn fault_text(&self) -> Option<String> {
        let kind = self.faults.values().next()?.as_str().replace('_', " ");
        Some(match self.faults.len() {
            1 => format!("the last poll failed ({kind})"),
            count => format!("the last polls of {count} batches failed ({kind})"),
        })
    }

    /// Returns the line in `width` columns. What does not fit is left out, the least important first.
    fn text(&self, width: usize, elapsed: Option<Duration>, now: Timestamp) -> String {
        self.fitted(width, 0, elapsed, now).0
    }

    /// Returns the same without the first `left_out` parts at least, and the number of those that are left out.
    fn fitted(&self, width: usize, left_out: usize, elapsed: Option<Duration>, now: Timestamp) -> (String, usize) {
        let drawn = elapsed.is_some();
        let label = if drawn { format!("{:13}", self.label) } else { format!("{}:", self.label) };
        let full = self.percent * BAR / 100;
        let bar = format!(" {}{}", "█".repeat(full), "░".repeat(BAR - full));
        let elapsed = elapsed.map(|elapsed| format!(" {:>4}", time(elapsed))).unwrap_or_default();
        let rate = self.rate.filter(|_| !self.is_ended).map(|rate| format!(", {}", rows_in_time(rate)));
        let due = self.due_text(now).filter(|_| !self.is_ended).map(|due| format!(", {due}"));
        let (rate, due) = (rate.unwrap_or_default(), due.unwrap_or_default());
        let fault = self.fault_text().filter(|_| !self.is_ended).map(|fault| format!(", {fault}")).unwrap_or_default();
        let message = &format!("{}{fault}", self.message);
        let gap = if drawn { "  " } else { " " };
        let variants = [
            format!("{label}{}{elapsed}{gap}{message}{rate}{due}", if drawn { &*bar } else { "" }),
            format!("{label}{elapsed}{gap}{message}{rate}{due}"),
            format!("{label} {message}{rate}{due}"),
            format!("{} {message}{rate}{due}", self.label),
            format!("{} {message}{due}", self.label),
            format!("{message}{due}"),
            format!("{} {message}", self.label),
        ];
        let last = variants.len() - 1;
        let fits = |index: &usize| variants[*index].width() <= width;
        let index = (left_out.min(last)..=last).find(fits).unwrap_or(last);
        (cut(&variants[index], width).into_owned(), index)
    }

    /// Returns when the next poll is due.
    fn due_text(&self, now: Timestamp) -> Option<String> {
        let is_current = |due: &&Timestamp| **due + MAX_POLL > now;
        let due = *self.due.values().filter(is_current).min()?;
        let left = Duration::try_from(due.duration_since(now)).unwrap_or_default();
        // Rounded up: 0 s would be now.
        let left = Duration::from_secs(left.as_millis().div_ceil(1_000) as u64);
        Some(if left.is_zero() { "polling".to_owned() } else { format!("next poll in {}", time(left)) })
    }
}

/// Returns a time in its two largest units.
fn time(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds @ 100..6_000 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3_600)),
    }
}

/// Returns a number of rows in a second, or in a minute where that is less than one.
fn rows_in_time(rate: f64) -> String {
    if rate >= 10.0 {
        format!("{rate:.0} rows/s")
    } else if rate >= 1.0 {
        format!("{rate:.1} rows/s")
    } else {
        format!("{:.0} rows/min", (rate * 60.0).max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use bulkrail::{Batch, Outcome, State, killb};

    use super::*;

    #[test]
    fn bar_takes_one_line_in_a_narrow_terminal() {
        let progress =
            bulkrail::Progress::default().with_total(5000).with_processed(5000).with_succeeded(4000).with_failed(900);
        let snapshot = Snapshot::new(State::Finished, "COMPLETED", progress).with_outcome(Outcome::Partial);
        let bar = Bars::new(Progress::None).add("localpayment");
        bar.show(&snapshot);
        for width in [57, 77, 117] {
            let (text, _) = DrawnLine::text(&bar.line, width, 0);
            assert!(text.contains("! partial, 5000"), "{text}");
            assert!(text.chars().count() <= width, "{text}");
        }
        assert!(bar.line.is_ended());
    }

    /// Line of a batch whose next poll is due in `due` seconds.
    fn line(message: &str, rate: Option<f64>, due: i64) -> (Line, Timestamp) {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut line = Line { label: "localpayment".to_owned(), message: message.to_owned(), ..Line::default() };
        (line.percent, line.rate) = (45, rate);
        line.due.insert(Batch::new(killb::PROVIDER, "b").unwrap().batch_id(), now + Duration::from_secs(due as u64));
        (line, now)
    }

    #[test]
    fn line_leaves_out_what_does_not_fit() {
        let (line, now) = line("running, 450 of 1000 rows, 2 failed", Some(12.3), 43);
        let at = |width: usize| line.text(width - 3, Some(Duration::from_secs(71)), now);
        assert_eq!(
            at(120),
            "localpayment  █████████░░░░░░░░░░░ 71 s  running, 450 of 1000 rows, 2 failed, 12 rows/s, next poll in 43 s"
        );
        assert_eq!(at(80), "localpayment running, 450 of 1000 rows, 2 failed, next poll in 43 s");
        assert_eq!(at(60), "running, 450 of 1000 rows, 2 failed, next poll in 43 s");
        assert_eq!(at(40), "localpayment running, 450 of 1000 ro…");
        let plain = line.text(usize::MAX, None, now);
        assert_eq!(plain, "localpayment: running, 450 of 1000 rows, 2 failed, 12 rows/s, next poll in 43 s");
    }

    #[test]
    fn line_says_when_the_next_poll_is_due() {
        for (due, text) in
            [(43, "running, next poll in 43 s"), (0, "running, polling"), (150, "running, next poll in 3 min")]
        {
            let (line, now) = line("running", None, due);
            assert!(line.text(80, None, now).ends_with(text), "{due}: {}", line.text(80, None, now));
            assert!(!line.text(80, None, now + Duration::from_secs(due as u64 + 20)).contains("poll"), "long ago");
        }
    }

    #[test]
    fn line_says_that_polls_fail_until_one_succeeds() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let secret = |_: &str| Some("secret".to_owned().into());
        let options = bulkrail::http::HttpOptions::default();
        let client = bulkrail::AnyClient::from_variables(&bulkrail::reap::PROVIDER, secret, options).unwrap();
        let options = bulkrail::poll::WaitOptions::new(&client);
        let mut state = WaitState::new(Batch::new(killb::PROVIDER, "b").unwrap(), &options, now);
        let (mut line, _) = line("running", None, 43);
        let mut poll = |result| {
            state.observe(now, result);
            let is_first = line.see(&state, now);
            (is_first, line.text(200, None, now))
        };
        let fault = || Err(bulkrail::Error::new(ErrorKind::RateLimited, "CANARY"));
        let (is_first, text) = poll(fault());
        assert!(is_first && text.contains("running, the last poll failed (rate limited), next poll in "), "{text}");
        assert!(!poll(fault()).0, "it is said once");
        let running = Snapshot::new(State::Running, "X", bulkrail::Progress::default());
        let (is_first, text) = poll(Ok(running));
        assert!(!is_first && !text.contains("failed"), "{text}");
    }

    #[test]
    fn line_has_the_rate_since_rows_were_first_processed() {
        let mut line = Line::default();
        let seconds = Duration::from_secs;
        for (processed, now, expected) in
            [(10, 100, None), (10, 110, None), (110, 110, Some(10.0)), (130, 220, Some(1.0))]
        {
            line.set("running".to_owned(), 0, Some(processed), seconds(now));
            assert_eq!(line.rate, expected);
        }
        let shown = [(12.3, "12 rows/s"), (1.0, "1.0 rows/s"), (0.5, "30 rows/min"), (0.001, "1 rows/min")];
        shown.iter().for_each(|(rate, text)| assert_eq!(rows_in_time(*rate), *text));
    }

    #[test]
    fn bar_measures_its_rate_with_one_clock() {
        let bar = Bars::new(Progress::None).add("killb");
        let snapshot = |processed| {
            let progress = bulkrail::Progress::default().with_total(100).with_processed(processed);
            Snapshot::new(State::Running, "PROCESSING", progress)
        };
        bar.show(&snapshot(10));
        while bar.line.clock.now() < Duration::from_millis(20) {
            std::thread::yield_now();
        }
        bar.show(&snapshot(20));
        let rate = bar.line.lock().rate.unwrap();
        assert!(rate > 0.0 && rate < 1_000.0, "{rate}");
    }
}
