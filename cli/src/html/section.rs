//! What a page says about one batch.

use std::collections::HashMap;
use std::time::Duration;

use bulkrail::{Batch, Error, ErrorDocument, Outcome, ProviderId, Report, Row, RowCounts, RowOutcome, Snapshot, reap};

use super::is_unsuccessful;
use super::next::Step;
use super::polls::PollLog;
use crate::row_writer::MAX_CELL_CHARS;
use crate::{error, table};

/// 20,000 rows of a batch are on the page: a browser opens them in a few seconds. 5,000 take less than one.
const MAX_ROWS: usize = 20_000;

/// 32 MiB of texts of these rows: 20,000 rows have 4 MiB, unless their texts are unusually long.
const MAX_ROW_BYTES: usize = 32 * 1024 * 1024;

/// 1,000 different reasons are counted, in case that each row has its own.
const MAX_REASONS: usize = 1_000;

/// What a page says about one batch.
pub(super) struct Section {
    pub(super) provider: Option<ProviderId>,
    pub(super) batch: Option<Batch>,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) counts: Counts,
    /// Time of the wait; `None` where the batch was polled only once.
    pub(super) elapsed: Option<Duration>,
    /// Lines for each way in which the provider's statements disagree.
    pub(super) mismatches: Vec<String>,
    /// Why the end was not seen.
    pub(super) error: Option<ErrorDocument>,
    pub(super) rows: Rows,
    pub(super) polls: PollLog,
    pub(super) next: Vec<Step>,
}

/// Rows that did not succeed.
#[derive(Default)]
pub(super) struct Rows {
    /// Whether rows were read.
    pub(super) are_read: bool,
    /// Why they were not read, although they are listed.
    pub(super) error: Option<ErrorDocument>,
    /// Sentence that says why they are not known, where the provider does not list them.
    pub(super) missing: Option<String>,
    pub(super) shown: Vec<Row>,
    /// Number of rows beyond the limits.
    pub(super) omitted: usize,
    /// Each reason with its number of rows, the most frequent first.
    pub(super) reasons: Vec<Reason>,
}

/// Reason of rows that did not succeed.
pub(super) struct Reason {
    pub(super) text: String,
    pub(super) outcome: RowOutcome,
    pub(super) rows: u64,
}

/// Number of rows by outcome; `None` where it is not known.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) total: Option<u64>,
    pub(super) succeeded: Option<u64>,
    pub(super) failed: Option<u64>,
    pub(super) unaccounted: Option<u64>,
}

impl Counts {
    fn new(report: &Report) -> Self {
        let progress = &report.snapshot.progress;
        let listed = RowCounts::new(report.rows.iter().flatten());
        // Rows say more than counts, unless only a part of them is listed.
        if listed.total() > 0 && listed.total() >= progress.total.unwrap_or(0) {
            let succeeded = progress.succeeded.map_or(listed.succeeded, |counted| counted.min(listed.succeeded));
            return Self {
                total: Some(listed.total()),
                succeeded: Some(succeeded),
                failed: Some(listed.failed),
                unaccounted: Some(listed.total() - succeeded - listed.failed),
            };
        }
        // The lower count of successes is believed where the counts disagree.
        let at_most = progress.total.zip(progress.failed).map(|(total, failed)| total.saturating_sub(failed));
        Self {
            total: progress.total,
            succeeded: progress.succeeded.map(|counted| counted.min(at_most.unwrap_or(counted))),
            failed: progress.failed,
            unaccounted: progress.unaccounted(),
        }
    }
}

impl Section {
    /// Returns the section of a batch with what was last seen of it.
    pub(super) fn new(batch: Option<&Batch>, last: Option<&Report>) -> Self {
        let rows = last.and_then(|report| report.rows.as_ref());
        let polled = last.filter(|report| report.elapsed > Duration::ZERO);
        Self {
            provider: batch.map(|batch| batch.provider().clone()),
            batch: batch.cloned(),
            snapshot: last.map(|report| report.snapshot.clone()),
            counts: last.map(Counts::new).unwrap_or_default(),
            elapsed: polled.map(|report| report.elapsed),
            mismatches: last.map(table::mismatches).unwrap_or_default(),
            error: None,
            rows: rows.map(|rows| Rows::new(rows)).unwrap_or_default(),
            polls: PollLog::default(),
            next: Vec::new(),
        }
    }

    /// Returns the same section with the error that came before the end of the batch.
    pub(super) fn with_error(mut self, error: &Error) -> Self {
        self.provider = self.provider.or_else(|| error.provider().cloned());
        if error.elapsed() > Duration::ZERO {
            self.elapsed = Some(error.elapsed());
        }
        Self { error: Some(error::document(error)), ..self }
    }

    /// Returns the same section with the reason why its rows could not be read.
    pub(super) fn with_unread_rows(mut self, error: &Error) -> Self {
        self.rows.error = Some(error::document(error));
        self
    }

    /// Returns the same section with the reason why its rows are not known.
    pub(super) fn with_missing_rows(mut self, reason: String) -> Self {
        self.rows.missing = Some(reason);
        self
    }

    /// Returns the outcome of the batch, if its end was seen.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.snapshot.as_ref().and_then(|snapshot| snapshot.outcome)
    }

    /// Returns whether the provider counts rows and does not list them.
    pub(super) fn only_counts_rows(&self) -> bool {
        self.provider == Some(reap::PROVIDER)
    }
}

impl Rows {
    fn new(rows: &[Row]) -> Self {
        let mut unsuccessful = Self { are_read: true, ..Self::default() };
        let (mut bytes, mut reasons) = (0, HashMap::new());
        for row in rows.iter().filter(|row| is_unsuccessful(row.outcome)) {
            let reason = (table::reason(row), row.outcome);
            if reasons.len() < MAX_REASONS || reasons.contains_key(&reason) {
                *reasons.entry(reason).or_insert(0) += 1;
            }
            bytes += size(row);
            if unsuccessful.shown.len() < MAX_ROWS && bytes <= MAX_ROW_BYTES {
                unsuccessful.shown.push(row.clone());
            } else {
                unsuccessful.omitted += 1;
            }
        }
        unsuccessful.reasons =
            reasons.into_iter().map(|((text, outcome), rows)| Reason { text, outcome, rows }).collect();
        unsuccessful.reasons.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.text.cmp(&b.text)));
        unsuccessful
    }
}

/// Returns how many bytes of texts a row adds to the download.
fn size(row: &Row) -> usize {
    let texts = [&row.reference, &row.account_id, &row.reason];
    // A character has up to four bytes.
    texts.iter().map(|text| text.as_deref().map_or(0, |text| text.len().min(4 * MAX_CELL_CHARS))).sum()
}

#[cfg(test)]
mod tests {
    use bulkrail::{Progress, State, killb};

    use super::*;

    fn report(progress: Progress, rows: Option<Vec<Row>>) -> Report {
        let batch = Batch::new(killb::PROVIDER, "b-1").unwrap();
        let mut report = Report::new(batch, Snapshot::new(State::Finished, "COMPLETED", progress), 2, Duration::ZERO);
        report.rows = rows;
        report
    }

    #[test]
    fn counts_are_those_of_the_rows_unless_some_are_not_listed() {
        let progress = Progress::default().with_total(3).with_succeeded(2).with_failed(0);
        let counts = |total, succeeded, failed, unaccounted| Counts {
            total: Some(total),
            succeeded: Some(succeeded),
            failed: Some(failed),
            unaccounted: Some(unaccounted),
        };
        let succeeded = || Row::new(RowOutcome::Succeeded);
        let rows = [
            (None, counts(3, 2, 0, 1)),
            (Some(vec![]), counts(3, 2, 0, 1)),
            (Some(vec![succeeded(), succeeded()]), counts(3, 2, 0, 1)),
            (Some(vec![succeeded(), Row::new(RowOutcome::Failed), Row::new(RowOutcome::Failed)]), counts(3, 1, 2, 0)),
            // The lower count of successes is believed.
            (Some(vec![succeeded(), succeeded(), succeeded()]), counts(3, 2, 0, 1)),
            (
                Some(
                    [succeeded(), succeeded()].into_iter().chain(vec![Row::new(RowOutcome::Unaccounted); 2]).collect(),
                ),
                counts(4, 2, 0, 2),
            ),
        ];
        for (rows, expected) in rows {
            assert_eq!(Counts::new(&report(progress, rows)), expected);
        }
        let too_many = Progress::default().with_total(12).with_succeeded(11).with_failed(3);
        assert_eq!(Counts::new(&report(too_many, None)), counts(12, 9, 3, 0));
    }

    #[test]
    fn rows_have_limits_and_every_row_is_counted() {
        let row = |reason: &str| Row::new(RowOutcome::Failed).with_reason(reason);
        let mut rows: Vec<_> = (0..MAX_ROWS + 5).map(|_| row("bad")).collect();
        rows.push(row("rare"));
        let found = Rows::new(&rows);
        assert_eq!((found.shown.len(), found.omitted), (MAX_ROWS, 6));
        let reasons: Vec<_> = found.reasons.iter().map(|reason| (&*reason.text, reason.rows)).collect();
        assert_eq!(reasons, [("bad", MAX_ROWS as u64 + 5), ("rare", 1)]);
        let long = row(&"x".repeat(60_000));
        let found = Rows::new(&vec![long; 700]);
        assert_eq!(found.shown.len(), MAX_ROW_BYTES / 60_000);
        assert_eq!(found.shown.len() + found.omitted, 700);
    }
}
