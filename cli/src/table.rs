//! Reports and rows as tables.

use std::time::Duration;

use bulkrail::check::CheckReport;
use bulkrail::killb::ComparedRow;
use bulkrail::text::{printable, truncated};
use bulkrail::{Batch, CountMismatch, Drift, Error, Outcome, Progress, Report, Row, RowOutcome};
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle};

use crate::grid::{Grid, stdout_width};

/// Returns the report of one batch, a line for each of its parts, and its mismatches below.
pub(crate) fn report(report: &Report) -> String {
    let snapshot = &report.snapshot;
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    if let Some(width) = stdout_width() {
        // A message is wrapped, not cut.
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
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
        line("drift", format!("differs from the spec at {}", places(&snapshot.drift)));
    }
    let polls = if report.polls == 1 { "poll" } else { "polls" };
    line("took", format!("{}, {} {polls}", seconds(report.elapsed), report.polls));
    let mut text = lines(&table);
    for (number, mismatch) in mismatches(report).iter().enumerate() {
        let gap = if number == 0 { "\n" } else { "" };
        text.push_str(&format!("{gap} ! {mismatch}\n"));
    }
    text
}

/// Returns the places of the differences. A pointer to the whole response is empty.
fn places(drift: &[Drift]) -> String {
    let place = |drift: &Drift| match drift.pointer.as_str() {
        "" => "the whole response".to_owned(),
        pointer => clean(pointer),
    };
    drift.iter().map(place).collect::<Vec<_>>().join(", ")
}

/// Returns a line for each count and each reference in which the provider's statements disagree.
pub(crate) fn mismatches(report: &Report) -> Vec<String> {
    let Report { batch, snapshot, .. } = report;
    let mut lines: Vec<_> = snapshot.count_mismatches.iter().map(|found| count_mismatch(batch, found)).collect();
    let listed =
        [("lists more than once", &report.duplicates), ("lists rows that were not submitted", &report.unexpected)];
    for (problem, references) in listed {
        let references = references.as_deref().unwrap_or_default();
        if !references.is_empty() {
            lines.push(format!("{} {problem}: {}", batch.provider(), abbreviated(references)));
        }
    }
    lines
}

fn count_mismatch(batch: &Batch, CountMismatch { field, reported, listed, .. }: &CountMismatch) -> String {
    let field = if field == "total" { "in all".to_owned() } else { format!("as {field}") };
    format!("{} counts {reported} {field}, but the rows add up to {listed}", batch.provider())
}

/// Returns the first ten references and the number of the others.
fn abbreviated(references: &[String]) -> String {
    const MAX_LISTED: usize = 10;
    let listed = references.iter().take(MAX_LISTED).map(|reference| match reference.as_str() {
        "" => "(no reference)".to_owned(),
        reference => clean(reference),
    });
    let mut text = listed.collect::<Vec<_>>().join(", ");
    if let Some(more @ 1..) = references.len().checked_sub(MAX_LISTED) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// Returns the counts that the provider reports.
fn rows(progress: &Progress, ended: bool) -> String {
    let mut parts = Vec::new();
    match (progress.processed, progress.total) {
        (Some(processed), Some(total)) if !ended => parts.push(format!("{processed} of {total} processed")),
        (_, Some(total)) => parts.push(format!("{total} in all")),
        (Some(processed), None) => parts.push(format!("{processed} processed")),
        (None, None) => {}
    }
    let mut count = |count: Option<u64>, label: &str| {
        if let Some(count) = count {
            parts.push(format!("{count} {label}"));
        }
    };
    count(progress.succeeded, "succeeded");
    count(progress.failed, "failed");
    // Before the end these are the rows that are not processed yet.
    count(progress.unaccounted().filter(|_| ended), "unaccounted for");
    if !parts.is_empty() {
        return parts.join(", ");
    }
    match progress.percent() {
        Some(percent) => format!("no counts; {percent:.0} percent"),
        None => "no counts".to_owned(),
    }
}

/// Returns the reports of several batches, one on each line.
pub(crate) fn reports<'a>(reports: impl IntoIterator<Item = &'a Report>) -> String {
    let mut table = framed(["provider", "outcome", "total", "succeeded", "failed", "unaccounted", "polls", "time"]);
    table = table.with_numbers_from(2).with_titles(1).with_droppable(&["polls", "time"]);
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
    finished(&table)
}

/// Returns the ends of many batches, one on each line: the outcome, or the kind of the error.
pub(crate) fn batches(ends: &[(&Batch, &Result<Report, Error>)]) -> String {
    let mut table =
        framed(["provider", "batch", "outcome", "total", "succeeded", "failed", "unaccounted", "polls", "time"]);
    table = table.with_numbers_from(3).with_titles(2).with_droppable(&["polls", "time"]);
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
    finished(&table)
}

/// Returns every row of a batch, one on each line.
pub(crate) fn each_row<'a>(rows: impl IntoIterator<Item = &'a Row>) -> String {
    let mut table = framed(["row", "reference", "outcome", "account", "reason"]);
    table = table.with_note().with_cuttable(&["reference", "account"]);
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

/// Returns each row beside its account. Each further account of a row has a line of its own.
pub(crate) fn compared<'a>(rows: impl IntoIterator<Item = &'a ComparedRow>) -> String {
    let mut table = framed(["row", "reference", "accounts", "account", "created"]);
    table = table.with_cuttable(&["reference", "account"]).with_droppable(&["created"]);
    for row in rows {
        let (index, reference) = (number(row.index), clean(&row.reference));
        if row.accounts.is_empty() {
            table.add_row([index.as_str(), &reference, "0", "-", "-"]);
        }
        for account in &row.accounts {
            let created = account.created_at.map_or_else(|| "-".to_owned(), |created| created.to_string());
            let accounts = row.accounts.len().to_string();
            table.add_row([index.clone(), reference.clone(), accounts, clean(&account.id), created]);
        }
    }
    finished(&table)
}

/// Returns rows that did not succeed, one on each line.
pub(crate) fn unsuccessful<'a>(rows: impl IntoIterator<Item = &'a Row>) -> String {
    let mut table = framed(["row", "reference", "outcome", "reason"]).with_note().with_cuttable(&["reference"]);
    for row in rows {
        let reference = text(row.reference.as_deref());
        table.add_row([number(row.index), reference, row.outcome.to_string(), reason(row)]);
    }
    finished(&table)
}

/// Returns what a check has found, one finding after the other; empty if nothing was found.
///
/// Reasons, with their rules, and values are wrapped at `width`. Rows, columns and levels are not.
pub(crate) fn findings(report: &CheckReport, width: u16) -> String {
    if report.findings.is_empty() {
        return String::new();
    }
    let has_values = report.findings.iter().any(|finding| finding.value.is_some());
    let mut headings = vec!["row", "column", "level", "reason"];
    if has_values {
        headings.push("value");
    }
    let mut table = wrapped(headings);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    for finding in &report.findings {
        let row = number(finding.row);
        let mut cells = vec![
            finding.sheet.as_ref().map_or_else(|| row.clone(), |sheet| format!("{}!{row}", clean(sheet))),
            text(finding.column.as_deref()),
            finding.level.to_string(),
            // Not cut: it may end in the list of the names of columns.
            format!("{} ({})", printable(&finding.reason), finding.rule),
        ];
        if has_values {
            cells.push(text(finding.value.as_deref()));
        }
        table.add_row(cells);
    }
    for column in table.column_iter_mut().take(3) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    format!("{}\n", lines(&table))
}

/// Returns the reason why a row did not succeed.
pub(crate) fn reason(row: &Row) -> String {
    match &row.reason {
        None if row.outcome == RowOutcome::Unaccounted => "the provider does not report an outcome".to_owned(),
        reason => text(reason.as_deref()),
    }
}

/// Returns a number, or a dash.
pub(crate) fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// Returns a text of the provider, or a dash.
pub(crate) fn text(text: Option<&str>) -> String {
    clean(text.unwrap_or("-"))
}

/// Returns a table with these headings and without rows, whose long cells are cut.
pub(crate) fn framed<const N: usize>(headings: [&'static str; N]) -> Grid {
    Grid::new(headings)
}

/// Returns a table with these headings and without rows, whose cells can be wrapped.
fn wrapped<'h>(headings: impl IntoIterator<Item = &'h str>) -> Table {
    let mut table = Table::new();
    let below_headings = LineStyle::none().fill('─').junction('─');
    table.load_style(TableStyle::new().header_separator(below_headings));
    table.set_header(headings.into_iter().collect::<Vec<_>>());
    table
}

/// Returns the table as text.
pub(crate) fn finished(table: &Grid) -> String {
    table.text()
}

/// Returns the table as text, without blanks at the ends of lines.
fn lines(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Returns the sign before an outcome.
pub(crate) fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "✓",
        Outcome::Partial => "!",
        Outcome::Failed | Outcome::Cancelled => "✗",
        _ => "?",
    }
}

/// Returns the time in seconds, to a tenth.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// 300 characters of a text are shown in a cell; JSON has more of it.
const MAX_CELL_CHARS: usize = 300;

/// Returns a text of the provider as the content of a cell: escaped, and cut where it is long.
pub(crate) fn clean(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}').trim();
    printable(&truncated(text, MAX_CELL_CHARS)).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_escapes_a_text_and_cuts_it() {
        assert_eq!(clean("\u{feff} a\u{1b}[2Jb\r\nc\u{9b}d\u{202e} "), "a [2Jb  c d\\u{202e}");
        let long = clean(&"x".repeat(200_000));
        assert_eq!(long, format!("{}… (199700 characters cut)", "x".repeat(300)));
    }

    #[test]
    fn places_names_the_whole_response_where_the_pointer_is_empty() {
        use bulkrail::DriftKind;
        let drift = |pointer: &str| Drift::new(pointer, DriftKind::TypeMismatch, "JSON", "text");
        assert_eq!(places(&[drift(""), drift("/message")]), "the whole response, /message");
    }

    #[test]
    fn rows_shows_the_counts_that_are_known() {
        assert_eq!(rows(&Progress::default(), false), "no counts");
        let percent = Progress::default().with_stated_percent(77.0);
        assert_eq!(rows(&percent, false), "no counts; 77 percent");
        let progress = percent.with_total(100).with_processed(45).with_succeeded(43).with_failed(2);
        assert_eq!(rows(&progress, false), "45 of 100 processed, 43 succeeded, 2 failed");
        let ended = "100 in all, 43 succeeded, 2 failed, 55 unaccounted for";
        assert_eq!(rows(&progress, true), ended);
    }

    #[test]
    fn abbreviated_lists_ten_references_without_control_characters() {
        let references: Vec<_> = (0..12).map(|number| format!("r{number}")).collect();
        assert_eq!(abbreviated(&references), "r0, r1, r2, r3, r4, r5, r6, r7, r8, r9 and 2 more");
        assert_eq!(abbreviated(&["a\u{1b}".to_owned()]), "a");
        assert_eq!(abbreviated(&[String::new()]), "(no reference)");
    }
}
