//! Polls of a wait, for the picture of its progress.

use std::time::Duration;

use bulkrail::{PollEvent, Snapshot};

use crate::table;

/// 1,000 polls of one batch are kept: a picture has about as many columns.
const MAX_POLLS: usize = 1_000;

/// 20,000 polls of all batches are kept, about 4 MB, as long as each batch has 20.
const MAX_ALL_POLLS: usize = 20_000;
const MIN_POLLS: usize = 20;

/// One poll.
#[derive(Debug, Clone)]
pub(super) struct Poll {
    /// Number of the poll, from 1.
    pub(super) number: u32,
    /// Time from the beginning of the wait.
    pub(super) elapsed: Duration,
    /// What was seen, or the kind of the error.
    pub(super) result: Result<Seen, &'static str>,
}

/// What a poll saw.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) state: &'static str,
    /// The provider's own word, escaped and cut.
    pub(super) status: String,
    pub(super) processed: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) percent: Option<f64>,
    pub(super) is_terminal: bool,
}

impl Seen {
    fn new(snapshot: &Snapshot) -> Self {
        let progress = &snapshot.progress;
        Self {
            state: snapshot.state.as_str(),
            status: table::clean(&snapshot.provider_status),
            processed: progress.processed,
            total: progress.total,
            percent: progress.percent(),
            is_terminal: snapshot.is_terminal(),
        }
    }
}

/// Polls of one batch. Of many, every second, fourth, and so on is kept, and the last one always.
#[derive(Debug, Clone)]
pub(super) struct PollLog {
    kept: Vec<Poll>,
    /// The last poll, where it is not among those that are kept.
    last: Option<Poll>,
    /// One in `stride` polls is kept.
    stride: u32,
    max: usize,
    pub(super) count: u32,
    pub(super) failures: u32,
}

impl Default for PollLog {
    fn default() -> Self {
        Self::new(1)
    }
}

impl PollLog {
    /// Returns an empty log of one of `batches` batches.
    pub(super) fn new(batches: usize) -> Self {
        let max = (MAX_ALL_POLLS / batches.max(1)).clamp(MIN_POLLS, MAX_POLLS);
        Self { kept: Vec::new(), last: None, stride: 1, max, count: 0, failures: 0 }
    }

    pub(super) fn push(&mut self, event: &PollEvent<'_>) {
        let result = event.result.map(Seen::new).map_err(|error| error.kind().as_str());
        self.push_poll(Poll { number: event.poll, elapsed: event.elapsed, result });
    }

    pub(super) fn push_poll(&mut self, poll: Poll) {
        let is_kept = self.count.is_multiple_of(self.stride);
        self.count += 1;
        self.failures += u32::from(poll.result.is_err());
        if !is_kept {
            self.last = Some(poll);
            return;
        }
        self.last = None;
        self.kept.push(poll);
        if self.kept.len() >= self.max {
            let last = self.kept.last().cloned();
            let mut index = 0;
            self.kept.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.last = last.filter(|last| self.kept.last().is_none_or(|kept| kept.number != last.number));
            self.stride = self.stride.saturating_mul(2);
        }
    }

    /// Returns the polls that are kept, the last one included.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Poll> {
        self.kept.iter().chain(&self.last)
    }

    /// Returns the number of polls of which one is kept.
    pub(super) fn stride(&self) -> u32 {
        self.stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poll_log_keeps_first_and_last_of_any_number_of_polls() {
        for (polls, batches) in [(1, 1), (999, 1), (1_000, 1), (1_001, 1), (54_321, 1), (500, 10_000)] {
            let mut log = PollLog::new(batches);
            for number in 1..=polls {
                let elapsed = Duration::from_secs(number.into());
                let result = if number % 10 == 0 { Err("unavailable") } else { Ok(seen()) };
                log.push_poll(Poll { number, elapsed, result });
            }
            let numbers: Vec<_> = log.iter().map(|poll| poll.number).collect();
            assert_eq!((numbers.first(), numbers.last()), (Some(&1), Some(&polls)), "{polls}");
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{polls}: {numbers:?}");
            let max = if batches == 1 { 1_000 } else { 20 };
            assert!(numbers.len() <= max && numbers.len() >= (max / 2).min(polls as usize), "{polls}");
            assert_eq!((log.count, log.failures), (polls, polls / 10));
        }
    }

    fn seen() -> Seen {
        Seen {
            state: "running",
            status: "RUNNING".to_owned(),
            processed: None,
            total: None,
            percent: None,
            is_terminal: false,
        }
    }
}
