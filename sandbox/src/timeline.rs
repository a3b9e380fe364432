//! Progress of a batch as a pure function of the batch and the batch time.

use std::ops::Range;

use crate::seed::Seed;

/// Average number of rows per failing row.
const FAILURE_ONE_IN: u64 = 12;

/// Durations of a provider's batches, in milliseconds of batch time.
pub(crate) struct Timing {
    /// Time from the upload to the start of processing.
    pub(crate) queue: Range<u64>,
    /// Time from the start of processing to the last row.
    pub(crate) processing: ProcessingTime,
}

pub(crate) enum ProcessingTime {
    /// Time for the whole batch, independent of its size.
    Total(Range<u64>),
    RowsPerSecond(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Queued,
    Running,
    Done,
}

/// State of a batch at a given time. Times are milliseconds of batch time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    pub(crate) processed: u64,
    pub(crate) failed: u64,
    pub(crate) started: Option<u64>,
    pub(crate) finished: Option<u64>,
    pub(crate) updated: u64,
}

impl Snapshot {
    pub(crate) fn succeeded(&self) -> u64 {
        self.processed - self.failed
    }
}

/// Times and failing rows of a batch, fixed when it is accepted.
#[derive(Debug)]
pub(crate) struct Timeline {
    seed: Seed,
    pub(crate) created: u64,
    pub(crate) queue: u64,
    processing: u64,
    pub(crate) rows: u64,
    /// Indexes of the failing rows, ascending.
    failed: Vec<u64>,
}

impl Timeline {
    /// Creates the timeline of a batch; `failures` has one item per row: whether it fails.
    pub(crate) fn new(seed: Seed, created: u64, timing: &Timing, failures: impl Iterator<Item = bool>) -> Self {
        let mut rows = 0;
        let mut failed = Vec::new();
        for fails in failures {
            if fails {
                failed.push(rows);
            }
            rows += 1;
        }
        Self {
            seed,
            created,
            queue: seed.derive("queue").in_range(&timing.queue),
            processing: match &timing.processing {
                ProcessingTime::Total(range) => seed.derive("span").in_range(range),
                ProcessingTime::RowsPerSecond(rate) => rows * 1000 / rate,
            },
            rows,
            failed,
        }
    }

    /// Returns the time at which a row is processed.
    ///
    /// Rows are processed in order. The processing time is divided into one equal slot per row,
    /// and each row is processed somewhere within its slot.
    pub(crate) fn row_processed_at(&self, row: u64) -> u64 {
        const SLOT: u64 = 1 << 16;
        let jitter = if row + 1 >= self.rows { SLOT } else { 1 + self.seed.derive_index(row).below(SLOT) };
        let total = u128::from(self.rows.max(1) * SLOT);
        let offset = u128::from(self.processing) * u128::from(row * SLOT + jitter) / total;
        self.created + self.queue + offset as u64
    }

    pub(crate) fn snapshot(&self, now: u64) -> Snapshot {
        let started = self.created + self.queue;
        if now < started {
            return Snapshot {
                phase: Phase::Queued,
                processed: 0,
                failed: 0,
                started: None,
                finished: None,
                updated: self.created,
            };
        }
        let processed = self.rows_processed_by(now);
        let done = processed == self.rows;
        let updated = match processed.checked_sub(1) {
            Some(last) => self.row_processed_at(last),
            None => started,
        };
        Snapshot {
            phase: if done { Phase::Done } else { Phase::Running },
            processed,
            failed: self.failed.partition_point(|row| *row < processed) as u64,
            started: Some(started),
            finished: done.then_some(updated),
            updated,
        }
    }

    /// Returns the number of rows processed by `now`.
    ///
    /// A binary search works because `row_processed_at` never decreases from row to row.
    fn rows_processed_by(&self, now: u64) -> u64 {
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.row_processed_at(middle) <= now {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// Returns the reason why the row with this reference fails, or `None` if it succeeds.
///
/// The same reference has the same result in every batch.
pub(crate) fn failure_reason(seed: Seed, reference: &str, reasons: &[&'static str]) -> Option<&'static str> {
    let row = seed.derive("fate").derive(reference);
    row.one_in(FAILURE_ONE_IN).then(|| row.derive("reason").choose(reasons)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing { queue: 1_000..2_000, processing: ProcessingTime::Total(5_000..9_000) };

    #[test]
    fn snapshot_counters_never_decrease_and_add_up_at_end() {
        for rows in [1_u64, 2, 7, 100, 20_000] {
            let timeline = Timeline::new(Seed::new(rows), 50, &TIMING, (0..rows).map(|row| row % 3 == 0));
            let mut previous = 0;
            for now in (0..12_000).step_by(7) {
                let snapshot = timeline.snapshot(now);
                assert!(snapshot.processed >= previous && snapshot.failed <= snapshot.processed);
                assert_eq!(snapshot.phase == Phase::Queued, snapshot.started.is_none());
                assert_eq!(snapshot.phase == Phase::Done, snapshot.finished.is_some());
                assert!(snapshot.updated <= now.max(timeline.created));
                previous = snapshot.processed;
            }
            let end = timeline.snapshot(12_000);
            assert_eq!((end.processed, end.failed), (rows, rows.div_ceil(3)));
            assert_eq!(end.finished, Some(50 + timeline.queue + timeline.processing));
        }
    }

    #[test]
    fn empty_batch_is_done_when_processing_starts() {
        let timeline = Timeline::new(Seed::new(1), 0, &TIMING, std::iter::empty());
        assert_eq!(timeline.snapshot(0).phase, Phase::Queued);
        assert_eq!(timeline.snapshot(timeline.queue).phase, Phase::Done);
    }

    #[test]
    fn rows_per_second_sets_processing_time() {
        let timing = Timing { queue: 0..1, processing: ProcessingTime::RowsPerSecond(7) };
        let timeline = Timeline::new(Seed::new(1), 0, &timing, (0..700).map(|_| false));
        assert_eq!(timeline.snapshot(99_000).phase, Phase::Running);
        assert_eq!(timeline.snapshot(100_000).phase, Phase::Done);
    }

    #[test]
    fn failure_reason_depends_on_seed_and_reference_alone() {
        let reasons = |seed| {
            let row = |n| failure_reason(Seed::new(seed), &format!("ref-{n}"), &["a", "b"]);
            (0..1200).map(row).collect::<Vec<_>>()
        };
        assert_eq!(reasons(1), reasons(1));
        assert_ne!(reasons(1), reasons(2));
        let failed = reasons(1).iter().flatten().count();
        assert!((70..130).contains(&failed), "{failed}");
    }
}
