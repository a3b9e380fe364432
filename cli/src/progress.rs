//! Progress bars on standard error.

use std::cell::RefCell;
use std::time::Duration;

use bulkrail::{Snapshot, WaitSetProgress};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::table;

/// 100 ms between two frames of a spinner.
const TICK: Duration = Duration::from_millis(100);

/// One line at any width of the terminal: the message is cut where it does not fit.
const TEMPLATE: &str = "{spinner} {prefix:13} {bar:20} {elapsed:>3}  {wide_msg}";

/// Progress bars, one for each batch; none where they are not drawn.
pub(crate) struct Bars {
    screen: Option<MultiProgress>,
    bars: RefCell<Vec<ProgressBar>>,
}

impl Bars {
    pub(crate) fn new(drawn: bool) -> Self {
        Self { screen: drawn.then(MultiProgress::new), bars: RefCell::default() }
    }

    /// Adds a bar with the label `label`.
    pub(crate) fn add(&self, label: &str) -> Bar {
        let Some(screen) = &self.screen else {
            return Bar(ProgressBar::hidden());
        };
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = screen.add(ProgressBar::new(100));
        bar.set_style(style);
        bar.set_prefix(label.to_owned());
        bar.set_message("submitted");
        bar.enable_steady_tick(TICK);
        self.bars.borrow_mut().push(bar.clone());
        Bar(bar)
    }

    /// Removes all bars. A bar that is only dropped would be drawn again.
    pub(crate) fn clear(&self) {
        for bar in self.bars.borrow_mut().drain(..) {
            bar.finish_and_clear();
        }
        if let Some(screen) = &self.screen {
            let _ = screen.clear();
        }
    }
}

/// Progress bar of one batch, or of one wait for many batches.
pub(crate) struct Bar(ProgressBar);

impl Bar {
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
        self.0.set_position((all.ended * 100 / batches.max(1)) as u64);
        self.0.set_message(message);
    }

    /// Shows a snapshot.
    pub(crate) fn show(&self, snapshot: &Snapshot) {
        let progress = &snapshot.progress;
        let mut message = snapshot
            .outcome
            .map_or_else(|| snapshot.state.to_string(), |outcome| format!("{} {outcome}", table::sign(outcome)));
        match (progress.processed, progress.total, progress.percent()) {
            (Some(processed), Some(total), _) => message.push_str(&format!(", {processed} of {total} rows")),
            (None, Some(total), _) => message.push_str(&format!(", {total} rows")),
            (.., Some(percent)) => message.push_str(&format!(", {percent:.0} %")),
            _ => {}
        }
        if let Some(failed) = progress.failed.filter(|failed| *failed > 0) {
            message.push_str(&format!(", {failed} failed"));
        }
        if snapshot.is_terminal() {
            if let Some(unaccounted) = progress.unaccounted().filter(|unaccounted| *unaccounted > 0) {
                message.push_str(&format!(", {unaccounted} unaccounted for"));
            }
            self.0.set_position(100);
            self.0.finish_with_message(message);
        } else {
            // Rounded down: a full bar is for batches that have ended.
            let percent = progress.percent().unwrap_or_default().floor();
            self.0.set_position(percent as u64);
            self.0.set_message(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use bulkrail::{Outcome, Progress, State};
    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// Terminal of 60 columns that records what is written.
    #[derive(Debug, Clone, Default)]
    struct NarrowTerminal(Arc<Mutex<Vec<String>>>);

    impl NarrowTerminal {
        fn record(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push(text.to_owned());
            Ok(())
        }
    }

    impl TermLike for NarrowTerminal {
        fn width(&self) -> u16 {
            60
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.record(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.record(text)
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bar_takes_one_line_in_a_narrow_terminal() {
        let terminal = NarrowTerminal::default();
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bars = Bars { screen: Some(MultiProgress::with_draw_target(target)), bars: RefCell::default() };
        let progress = Progress::default().with_total(5000).with_processed(5000).with_succeeded(4000).with_failed(900);
        let snapshot = Snapshot::new(State::Finished, "COMPLETED", progress).with_outcome(Outcome::Partial);
        bars.add("localpayment").show(&snapshot);
        let written = terminal.0.lock().unwrap();
        assert!(written.iter().any(|text| text.contains("! partial, 5000")), "{written:?}");
        assert!(written.iter().all(|text| text.chars().count() <= 60), "{written:?}");
    }
}
