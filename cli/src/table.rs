//! Results as people read them.

use std::time::Duration;

use bulkrail::{Batch, Error, Outcome, Progress, Report, Row, RowOutcome};
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

/// What was seen of one batch, in a few lines.
pub(crate) fn report(report: &Report) -> String {
    let snapshot = &report.snapshot;
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    let mut line = |name: &str, value: String| {
        table.add_row([name, &value]);
    };
    let heading = snapshot
        .outcome
        .map_or_else(|| ("state", snapshot.state.to_string()), |outcome| ("outcome", outcome.to_string()));
    line(heading.0, heading.1);
    line("batch", clean(&format!("{} {}", report.batch.provider(), report.batch.id())));
    line("status", clean(&snapshot.provider_status));
    line("rows", rows(&snapshot.progress, snapshot.is_terminal()));
    if let Some(message) = &snapshot.message {
        line("message", clean(message));
    }
    if !snapshot.drift.is_empty() {
        let places: Vec<_> = snapshot.drift.iter().map(|drift| clean(&drift.pointer)).collect();
        line("drift", format!("differs from the documentation at {}", places.join(", ")));
    }
    let looks = if report.polls == 1 { "look" } else { "looks" };
    let took = seconds(report.elapsed);
    line("took", format!("{took}, {} {looks}", report.polls));
    finished(&table)
}

/// The counts as far as the provider gives them.
fn rows(progress: &Progress, ended: bool) -> String {
    let mut parts = Vec::new();
    match (progress.processed, progress.total) {
        (Some(processed), Some(total)) if !ended => parts.push(format!("{processed} of {total} processed")),
        (_, Some(total)) => parts.push(format!("{total} in all")),
        (Some(processed), None) => parts.push(format!("{processed} processed")),
        (None, None) => {}
    }
    let mut count = |count: Option<u64>, what: &str| {
        if let Some(count) = count {
            parts.push(format!("{count} {what}"));
        }
    };
    count(progress.succeeded, "succeeded");
    count(progress.failed, "failed");
    // Before the end these are only the ones that are not done.
    count(progress.unaccounted().filter(|_| ended), "unaccounted for");
    if !parts.is_empty() {
        return parts.join(", ");
    }
    match progress.percent() {
        Some(percent) => format!("no counts; {percent:.0} percent"),
        None => "no counts".to_owned(),
    }
}

/// Several batches, one a line.
pub(crate) fn reports<'a>(reports: impl IntoIterator<Item = &'a Report>) -> String {
    let mut table = framed(["provider", "outcome", "total", "succeeded", "failed", "unaccounted", "polls", "time"]);
    for report in reports {
        let progress = &report.snapshot.progress;
        let outcome = report
            .outcome()
            .map_or_else(|| report.snapshot.state.to_string(), |outcome| format!("{} {outcome}", sign(outcome)));
        table.add_row([
            report.batch.provider().to_string(),
            outcome,
            number(progress.total),
            number(progress.succeeded),
            number(progress.failed),
            number(progress.unaccounted()),
            report.polls.to_string(),
            seconds(report.elapsed),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    finished(&table)
}

/// Each of many batches, one a line: how it ended, or why nobody saw it end.
pub(crate) fn batches(ends: &[(&Batch, &Result<Report, Error>)]) -> String {
    let mut table =
        framed(["provider", "batch", "outcome", "total", "succeeded", "failed", "unaccounted", "polls", "time"]);
    for (batch, end) in ends {
        let (report, outcome) = match end {
            Ok(report) => {
                (Some(report.clone()), report.outcome().map(|outcome| format!("{} {outcome}", sign(outcome))))
            }
            Err(error) => (error.last_report(), Some(format!("? {}", error.kind().as_str()))),
        };
        let progress = report.as_ref().map(|report| report.snapshot.progress).unwrap_or_default();
        let (polls, took) = match end {
            Ok(report) => (report.polls, report.elapsed),
            Err(error) => (error.polls(), error.elapsed()),
        };
        table.add_row([
            batch.provider().to_string(),
            clean(batch.id()),
            outcome.unwrap_or_else(|| text(None)),
            number(progress.total),
            number(progress.succeeded),
            number(progress.failed),
            number(progress.unaccounted()),
            polls.to_string(),
            seconds(took),
        ]);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    finished(&table)
}

/// Each row of a batch, one a line.
pub(crate) fn each_row<'a>(rows: impl IntoIterator<Item = &'a Row>) -> String {
    let mut table = framed(["row", "reference", "outcome", "account", "reason"]);
    for row in rows {
        table.add_row([
            number(row.index),
            text(row.reference.as_deref()),
            row.outcome.to_string(),
            text(row.account_id.as_deref()),
            reason(row),
        ]);
    }
    finished(&table)
}

/// Rows that did not succeed, one a line, no more than people read.
pub(crate) fn unsuccessful<'a>(rows: impl IntoIterator<Item = &'a Row>) -> String {
    let mut table = framed(["row", "reference", "outcome", "reason"]);
    for row in rows {
        let reference = text(row.reference.as_deref());
        table.add_row([number(row.index), reference, row.outcome.to_string(), reason(row)]);
    }
    finished(&table)
}

/// Why a row did not succeed.
pub(crate) fn reason(row: &Row) -> String {
    match &row.reason {
        None if row.outcome == RowOutcome::Unaccounted => "the provider does not say what became of it".to_owned(),
        reason => text(reason.as_deref()),
    }
}

/// A number that may not be known.
pub(crate) fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// A text of a provider that may not be known.
pub(crate) fn text(text: Option<&str>) -> String {
    clean(text.unwrap_or("-"))
}

/// A table with these headings and nothing below them yet.
pub(crate) fn framed<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    let below_headings = LineStyle::none().fill('─').junction('─');
    table.load_style(TableStyle::new().header_separator(below_headings));
    table.set_header(headings);
    table
}

/// The table as text, with nothing at the end of its lines.
pub(crate) fn finished(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A mark that is seen from afar.
pub(crate) fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "✓",
        Outcome::Partial => "!",
        Outcome::Failed | Outcome::Cancelled => "✗",
        _ => "?",
    }
}

/// Seconds to a tenth.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// A text of a provider, without what would steer the terminal.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(shown).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\r\nc\u{9b}d"), "a [2Jb  c d");
    }

    #[test]
    fn counts_are_told_as_far_as_they_are_known() {
        let mut progress = Progress::default();
        assert_eq!(rows(&progress, false), "no counts");
        progress.stated_percent = Some(77.0);
        assert_eq!(rows(&progress, false), "no counts; 77 percent");
        (progress.total, progress.processed) = (Some(100), Some(45));
        (progress.succeeded, progress.failed) = (Some(43), Some(2));
        assert_eq!(rows(&progress, false), "45 of 100 processed, 43 succeeded, 2 failed");
        let ended = "100 in all, 43 succeeded, 2 failed, 55 unaccounted for";
        assert_eq!(rows(&progress, true), ended);
    }
}
