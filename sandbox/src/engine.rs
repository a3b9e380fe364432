//! The course of a batch: counters as a pure function of the batch and the virtual time.

use std::ops::Range;

use crate::seed::Seed;

/// About this share of rows fails, picked by their reference.
const ONE_ROW_IN: u64 = 12;

/// How long a provider takes, in virtual milliseconds.
pub(crate) struct Pace {
    /// Between the upload and the first row.
    pub(crate) queue: Range<u64>,
    /// Between the first row and the last one.
    pub(crate) run: Run,
}

pub(crate) enum Run {
    /// The whole batch, whatever its size.
    Span(Range<u64>),
    /// So many rows a second.
    RowsPerSecond(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Queued,
    Running,
    Done,
}

/// A batch seen at one moment. Times are virtual milliseconds.
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

/// What will happen to a batch, settled when it is accepted.
#[derive(Debug)]
pub(crate) struct Plan {
    seed: Seed,
    pub(crate) created: u64,
    pub(crate) queue: u64,
    span: u64,
    pub(crate) rows: u64,
    /// Indexes of the rows that fail, ascending.
    failed: Vec<u64>,
}

impl Plan {
    /// `failures` has one item a row: whether it fails.
    pub(crate) fn new(seed: Seed, created: u64, pace: &Pace, failures: impl Iterator<Item = bool>) -> Self {
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
            queue: seed.text("queue").between(&pace.queue),
            span: match &pace.run {
                Run::Span(range) => seed.text("span").between(range),
                Run::RowsPerSecond(rate) => rows * 1000 / rate,
            },
            rows,
            failed,
        }
    }

    /// When a row is done. Rows are done in order: each somewhere inside its own equal share of the span.
    pub(crate) fn row_done(&self, row: u64) -> u64 {
        const SHARE: u64 = 1 << 16;
        let noise = if row + 1 >= self.rows { SHARE } else { 1 + self.seed.number(row).below(SHARE) };
        let total = u128::from(self.rows.max(1) * SHARE);
        let offset = u128::from(self.span) * u128::from(row * SHARE + noise) / total;
        self.created + self.queue + offset as u64
    }

    pub(crate) fn at(&self, now: u64) -> Snapshot {
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
        let processed = self.done_by(now);
        let done = processed == self.rows;
        let updated = match processed.checked_sub(1) {
            Some(last) => self.row_done(last),
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

    /// Rows done by `now`: a binary search, as `row_done` never falls.
    fn done_by(&self, now: u64) -> u64 {
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.row_done(middle) <= now {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// Whether the row with this reference fails, and why. The same reference meets the same fate in every batch.
pub(crate) fn fate(seed: Seed, reference: &str, reasons: &[&'static str]) -> Option<&'static str> {
    let row = seed.text("fate").text(reference);
    row.one_in(ONE_ROW_IN).then(|| row.text("reason").pick(reasons)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { queue: 1_000..2_000, run: Run::Span(5_000..9_000) };

    #[test]
    fn counters_grow_steadily_and_end_exact() {
        for rows in [1_u64, 2, 7, 100, 20_000] {
            let plan = Plan::new(Seed::new(rows), 50, &PACE, (0..rows).map(|row| row % 3 == 0));
            let mut before = 0;
            for now in (0..12_000).step_by(7) {
                let seen = plan.at(now);
                assert!(seen.processed >= before && seen.failed <= seen.processed);
                assert_eq!(seen.phase == Phase::Queued, seen.started.is_none());
                assert_eq!(seen.phase == Phase::Done, seen.finished.is_some());
                assert!(seen.updated <= now.max(plan.created));
                before = seen.processed;
            }
            let end = plan.at(12_000);
            assert_eq!((end.processed, end.failed), (rows, rows.div_ceil(3)));
            assert_eq!(end.finished, Some(50 + plan.queue + plan.span));
        }
    }

    #[test]
    fn an_empty_batch_is_done_when_it_starts() {
        let plan = Plan::new(Seed::new(1), 0, &PACE, std::iter::empty());
        assert_eq!(plan.at(0).phase, Phase::Queued);
        assert_eq!(plan.at(plan.queue).phase, Phase::Done);
    }

    #[test]
    fn a_rate_sets_the_length() {
        let pace = Pace { queue: 0..1, run: Run::RowsPerSecond(7) };
        let plan = Plan::new(Seed::new(1), 0, &pace, (0..700).map(|_| false));
        assert_eq!(plan.at(99_000).phase, Phase::Running);
        assert_eq!(plan.at(100_000).phase, Phase::Done);
    }

    #[test]
    fn a_reference_always_meets_the_same_fate() {
        let fates =
            |seed| (0..1200).map(|n| fate(Seed::new(seed), &format!("ref-{n}"), &["a", "b"])).collect::<Vec<_>>();
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
        let failed = fates(1).iter().flatten().count();
        assert!((70..130).contains(&failed), "{failed}");
    }
}
