//! Result of `bulkrail run`: a report with every row, as text.

use bulkrail::{Report, Row, RowOutcome, cdq};

use crate::table;
use crate::values::quoted;

/// 50 rows are shown in a table; the others are read with `bulkrail rows`.
const MAX_SHOWN: usize = 50;

/// A report whose rows were read.
pub(crate) struct RunResult {
    pub(crate) report: Report,
}

impl RunResult {
    /// Returns the text that is printed without `--json`.
    pub(crate) fn text(&self) -> String {
        let mut text = table::report(&self.report);
        let batch = &self.report.batch;
        if *batch.provider() == cdq::PROVIDER {
            text.push_str("\n CDQ does not report an outcome of each account.\n");
            return text;
        }
        let unsuccessful: Vec<&Row> = self.unsuccessful().collect();
        if !unsuccessful.is_empty() {
            text.push_str("\n Rows that did not succeed:\n\n");
            text.push_str(&table::unsuccessful(unsuccessful.iter().copied().take(MAX_SHOWN)));
        }
        if let Some(more @ 1..) = unsuccessful.len().checked_sub(MAX_SHOWN) {
            let id = quoted(batch.id());
            text.push_str(&format!(" and {more} more: use bulkrail rows {} {id} --submitted FILE\n", batch.provider()));
        }
        text
    }

    fn unsuccessful(&self) -> impl Iterator<Item = &Row> {
        self.report.rows.iter().flatten().filter(|row| row.outcome != RowOutcome::Succeeded)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bulkrail::{Batch, Outcome, Progress, Reconciler, Snapshot, State, SubmittedRows, killb};

    use super::*;

    fn result(submitted: u64, listed: u64) -> RunResult {
        let progress = Progress::default().with_total(listed).with_succeeded(listed).with_failed(0);
        let mut reconciler = Reconciler::new(&SubmittedRows::new((0..submitted).map(|row| format!("ref-{row}"))));
        for number in 0..listed {
            reconciler.push(Row::new(RowOutcome::Succeeded).with_reference(format!("ref-{number}")));
        }
        let snapshot = Snapshot::new(State::Finished, "COMPLETED", progress);
        let report = Report::new(Batch::new(killb::PROVIDER, "b-1").unwrap(), snapshot, 1, Duration::ZERO);
        RunResult { report: report.reconciled(reconciler.finish(&progress)) }
    }

    #[test]
    fn run_result_shows_missing_rows_and_mismatches() {
        assert_eq!(result(3, 3).report.outcome(), Some(Outcome::Succeeded));
        let short = result(3, 2);
        assert_eq!(short.report.outcome(), Some(Outcome::Partial));
        let text = short.text();
        for part in ["ref-2", "unaccounted", "! killb counts 2 in all, but the rows add up to 3"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn run_result_shows_fifty_rows_and_counts_the_others() {
        let text = result(60, 3).text();
        assert_eq!(text.lines().filter(|line| line.contains("ref-")).count(), MAX_SHOWN);
        assert!(text.contains(" and 7 more: use bulkrail rows killb b-1"), "{text}");
    }
}
