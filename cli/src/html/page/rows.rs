//! The rows that did not succeed.

use bulkrail::{RowOutcome, localpayment};
use maud::{Markup, html};
use serde::Serialize;

use super::{has_ended, json, message, provider};
use crate::html::picture::grouped;
use crate::html::section::{Reason, Rows, Section};
use crate::row_writer::{HEADER, csv_line};
use crate::table;

/// 10 reasons are listed; the table has the others.
const MAX_REASONS: usize = 10;

/// Content of the download.
#[derive(Serialize)]
struct Download<'a> {
    name: &'a str,
    header: &'a str,
    /// A line for each row, in the order of the table.
    lines: Vec<String>,
}

pub(super) fn rows(rows: &Rows, section: &Section, number: usize) -> Markup {
    let unsuccessful = rows.shown.len() + rows.omitted;
    if unsuccessful == 0 {
        return html! {
            @if let Some(note) = missing_rows(rows, section) {
                h3 { "Rows that did not succeed" }
                p { (note) }
                @if let Some(error) = &rows.error { p.soft { bdi { (message(&error.error.message)) } } }
            }
        };
    }
    let has_account = rows.shown.iter().any(|row| row.account_id.is_some());
    let outcomes = [RowOutcome::Failed, RowOutcome::Unaccounted];
    let download =
        Download { name: &file_name(section), header: HEADER, lines: rows.shown.iter().map(csv_line).collect() };
    let id = format!("rows-{number}");
    html! {
        div data-rows {
            h3 id=(id) { "Rows that did not succeed" }
            (reasons(&rows.reasons, unsuccessful))
            div.controls hidden {
                label.grow { "Filter by any text" input type="search" autocomplete="off" spellcheck="false"; }
                label {
                    "Outcome"
                    select autocomplete="off" {
                        option value="" { "all" }
                        @for outcome in outcomes { option value=(outcome) { (outcome) } }
                    }
                }
                button type="button" { "Download CSV" }
                span role="status" { }
            }
            @if rows.omitted > 0 {
                p.note {
                    "The page has the first " (grouped(rows.shown.len() as u64)) " of "
                    (grouped(unsuccessful as u64)) " rows. bulkrail rows prints all of them."
                }
            }
            table.rows aria-labelledby=(id) {
                colgroup {
                    col.c-row; col.c-reference; col.c-outcome;
                    @if has_account { col.c-account; }
                    col;
                }
                thead {
                    tr {
                        th scope="col" { "row" }
                        th scope="col" { "reference" }
                        th scope="col" { "outcome" }
                        @if has_account { th scope="col" { "account" } }
                        th scope="col" { "reason" }
                    }
                }
                // Few elements: a browser opens 5,000 rows in half of the time.
                tbody {
                    @for row in &rows.shown {
                        tr data-outcome=(row.outcome) {
                            td.row { (table::number(row.index)) }
                            td.reference { (table::text(row.reference.as_deref())) }
                            td.outcome.(style(row.outcome)) { (row.outcome) }
                            @if has_account { td.account { (table::text(row.account_id.as_deref())) } }
                            td.reason { (table::reason(row)) }
                        }
                    }
                }
            }
            script type="application/json" { (json(&download)) }
        }
    }
}

fn style(outcome: RowOutcome) -> &'static str {
    match outcome {
        RowOutcome::Succeeded => "succeeded",
        RowOutcome::Failed => "failed",
        _ => "unaccounted",
    }
}

/// Returns why the page has no rows although some did not succeed.
fn missing_rows(rows: &Rows, section: &Section) -> Option<String> {
    let counts = &section.counts;
    let unsuccessful = counts.failed.unwrap_or(0) > 0 || counts.unaccounted.unwrap_or(0) > 0;
    if rows.error.is_some() {
        return Some("The rows could not be read.".to_owned());
    }
    if !unsuccessful || !has_ended(section) {
        return None;
    }
    let why = if rows.are_read {
        "The provider lists the rows that succeeded only."
    } else if section.only_counts_rows() {
        "Reap counts rows and does not list them: with the file that was submitted, the entity of each row is read."
    } else if rows.missing.is_some() && section.provider == Some(localpayment::PROVIDER) {
        "Localpayment lists the accounts that it created: the other rows are those of the file that was submitted."
    } else {
        "The rows were not read."
    };
    Some(match &rows.missing {
        Some(missing) => format!(
            "{why} {} Under \u{201c}What to do next\u{201d} is the command that reads them.",
            table::clean(missing)
        ),
        None => why.to_owned(),
    })
}

fn reasons(reasons: &[Reason], unsuccessful: usize) -> Markup {
    let all: u64 = reasons.iter().take(MAX_REASONS).map(|reason| reason.rows).sum();
    let others = (unsuccessful as u64).saturating_sub(all);
    let max = reasons.first().map_or(1, |reason| reason.rows.max(1));
    // A reason for each row says no more than the table.
    if reasons.len() == unsuccessful && unsuccessful > 1 {
        return html! {};
    }
    html! {
        ul.reasons {
            @for reason in reasons.iter().take(MAX_REASONS) {
                li {
                    span { bdi data-reason { (reason.text) } }
                    svg.bar.small aria-hidden="true" {
                        rect.part.(style(reason.outcome)) height="100%"
                            width=(format!("{:.1}%", (reason.rows as f64 * 100.0 / max as f64).max(2.0))) {}
                    }
                    span.number { (grouped(reason.rows)) }
                }
            }
            @if others > 0 {
                li { span { "other reasons" } svg.bar.small aria-hidden="true" {} span.number { (grouped(others)) } }
            }
        }
    }
}

/// Returns the name of the download: provider and id, as far as every system takes their characters.
fn file_name(section: &Section) -> String {
    let id = section.batch.as_ref().map_or("", |batch| batch.id());
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let id: String = id.chars().take(64).map(plain).collect();
    format!("{}-{id}-unsuccessful.csv", provider(section))
}
