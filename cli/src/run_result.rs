//! A batch from its submission to an account of its rows.

use bulkrail::{Reconciliation, CountMismatch, Outcome, Report, Row, RowOutcome, cdq};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{account, table};

/// Rows in a table for people; more than that nobody reads.
const SHOWN: usize = 50;

/// The result document. `run` adds to the rows what does not add up.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Result")]
pub(crate) struct Accounted {
    #[serde(flatten)]
    pub(crate) report: Report,
    /// `run` only: references that were submitted more than once, or that the provider lists more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicates: Option<Vec<String>>,
    /// `run` only: rows of the provider's that nobody submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    unexpected: Option<Vec<Row>>,
    /// `run` only: where the rows add up to something else than the provider's own counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    count_mismatches: Option<Vec<CountMismatch>>,
    #[serde(skip)]
    doubts: Vec<String>,
}

impl Accounted {
    /// A batch that ended as `report` says, and the account of its rows.
    ///
    /// Where the provider's counts are all good and some row is not, the rows are believed.
    pub(crate) fn new(mut report: Report, account: Reconciliation) -> Self {
        let doubts = account::doubts(&report.batch, &account);
        let good = account.rows.iter().all(|row| row.outcome == RowOutcome::Succeeded);
        // A job of CDQ's succeeds as a whole; it has no rows to believe.
        if report.outcome() == Some(Outcome::Succeeded) && !good && *report.batch.provider() != cdq::PROVIDER {
            report.snapshot.outcome = Some(Outcome::Partial);
        }
        report.rows = Some(account.rows);
        Self {
            report,
            duplicates: Some(account.duplicates),
            unexpected: Some(account.unexpected),
            count_mismatches: Some(account.count_mismatches),
            doubts,
        }
    }

    /// As people read it.
    pub(crate) fn text(&self) -> String {
        let mut text = table::report(&self.report);
        let batch = &self.report.batch;
        if *batch.provider() == cdq::PROVIDER {
            text.push_str("\n CDQ does not say what became of each account.\n");
            return text;
        }
        let bad = || {
            let rows = self.report.rows.iter().flatten();
            rows.filter(|row| row.outcome != RowOutcome::Succeeded)
        };
        let count = bad().count();
        if count > 0 {
            text.push_str("\n Rows that did not succeed:\n\n");
            text.push_str(&table::unsuccessful(bad().take(SHOWN)));
        }
        if let Some(more @ 1..) = count.checked_sub(SHOWN) {
            let id = crate::values::quoted(batch.id());
            text.push_str(&format!(" and {more} more: use bulkrail rows {} {id} --submitted FILE\n", batch.provider()));
        }
        if !self.doubts.is_empty() {
            text.push('\n');
        }
        for doubt in &self.doubts {
            text.push_str(&format!(" ! {doubt}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bulkrail::{Batch, Reconciler, Progress, Snapshot, State, killb};

    use super::*;

    fn accounted(submitted: u64, listed: u64) -> Accounted {
        let mut progress = Progress::default();
        (progress.total, progress.succeeded, progress.failed) = (Some(listed), Some(listed), Some(0));
        let mut reconciler = Reconciler::new((0..submitted).map(|row| format!("ref-{row}")));
        for number in 0..listed {
            let mut row = Row::new(RowOutcome::Succeeded);
            row.reference = Some(format!("ref-{number}"));
            reconciler.push(row);
        }
        let report = Report::new(
            Batch::new(killb::PROVIDER, "b-1").unwrap(),
            Snapshot::new(State::Finished, "COMPLETED", progress),
            1,
            Duration::ZERO,
        );
        Accounted::new(report, reconciler.finish(&progress))
    }

    #[test]
    fn a_batch_with_rows_missing_has_not_succeeded() {
        assert_eq!(accounted(3, 3).report.outcome(), Some(Outcome::Succeeded));
        let short = accounted(3, 2);
        assert_eq!(short.report.outcome(), Some(Outcome::Partial));
        let text = short.text();
        for part in ["ref-2", "unaccounted", "! killb counts 2 in all, but the rows add up to 3"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_long_table_is_cut() {
        let text = accounted(60, 3).text();
        assert_eq!(text.lines().filter(|line| line.contains("ref-")).count(), SHOWN);
        assert!(text.contains(" and 7 more: use bulkrail rows killb b-1"), "{text}");
    }
}
