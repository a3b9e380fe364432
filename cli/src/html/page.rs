//! Markup of a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bulkrail::text::{MAX_MESSAGE_CHARS, printable, truncated};
use bulkrail::{Drift, DriftKind, ErrorDocument, ErrorKind, Outcome, ProviderId, RowOutcome, cdq, localpayment};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::picture::{self, duration, grouped, parts};
use super::polls::{Poll, PollLog};
use super::section::{Reason, Rows, Section};
use crate::row_writer::{HEADER, csv_line};
use crate::table;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// 10 reasons are listed; the table has the others.
const MAX_REASONS: usize = 10;

/// Returns the page of `sections`.
pub(super) fn render(sections: &[Section], made_at: Timestamp) -> String {
    let title = title(sections);
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        digest(STYLE),
        digest(SCRIPT),
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) " – bulkrail" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    a.skip href="#content" { "Skip to content" }
                    h1 { (title) }
                    p.soft { "Report of " time datetime=(seconds(made_at)) { (readable(made_at)) } }
                }
                main #content {
                    @if sections.len() > 1 { (overview(sections)) }
                    @if sections.is_empty() { p { "There is no batch to report." } }
                    @for (index, section) in sections.iter().enumerate() { (batch(section, index + 1)) }
                }
                footer {
                    p {
                        "This page has references of people: keep it as you keep the file that was submitted. It sends \
                         nothing and loads nothing. Made by bulkrail " (env!("CARGO_PKG_VERSION")) "."
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// Returns the source of a policy that allows `text` as it stands.
fn digest(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(Sha256::digest(text.as_bytes())))
}

/// Returns a document as the content of a script element, which it cannot end.
pub(super) fn json(document: &impl Serialize) -> Markup {
    // Texts and keys cannot fail to be JSON.
    let json = serde_json::to_string(document).unwrap_or_default();
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    PreEscaped(escaped)
}

/// Returns a text of the provider: without characters that hide or turn what is around them, and cut.
fn message(text: &str) -> String {
    printable(&truncated(text.trim(), MAX_MESSAGE_CHARS)).trim().to_owned()
}

fn provider(section: &Section) -> &str {
    section.provider.as_ref().map_or("unknown", ProviderId::as_str)
}

/// Returns sign, name of the style and word for the end of a batch.
fn verdict(section: &Section) -> (&'static str, &'static str, &'static str) {
    match (section.outcome(), &section.error) {
        (Some(outcome), None) => (table::sign(outcome), outcome.as_str(), outcome.as_str()),
        (_, Some(error)) => match (error.error.kind, &section.batch) {
            (ErrorKind::OutcomeUnknown, _) => ("?", "unseen", "outcome unknown"),
            (_, None) => ("✗", "failed", "submit failed"),
            (ErrorKind::NotFound, _) => ("?", "unseen", "not found"),
            _ => ("?", "unseen", "end not seen"),
        },
        (None, None) => match &section.snapshot {
            Some(snapshot) => ("…", "unseen", snapshot.state.as_str()),
            None => ("…", "unseen", "submitted"),
        },
    }
}

fn badge(section: &Section) -> Markup {
    let (sign, class, word) = verdict(section);
    html! { span.badge.(class) { span aria-hidden="true" { (sign) " " } (word.replace('_', " ")) } }
}

fn title(sections: &[Section]) -> String {
    match sections {
        [] => "No batches".to_owned(),
        [section] => format!("{} batch: {}", provider(section), verdict(section).2.replace('_', " ")),
        sections => {
            let mut words: Vec<(&str, usize)> = Vec::new();
            for section in sections {
                let word = verdict(section).2;
                match words.iter_mut().find(|(known, _)| *known == word) {
                    Some((_, count)) => *count += 1,
                    None => words.push((word, 1)),
                }
            }
            let words = words.iter().map(|(word, count)| format!("{count} {}", word.replace('_', " ")));
            format!("{} batches: {}", sections.len(), words.collect::<Vec<_>>().join(", "))
        }
    }
}

fn overview(sections: &[Section]) -> Markup {
    html! {
        section aria-labelledby="overview" {
            h2 #overview { "All batches" }
            div.scroll tabindex="0" role="region" aria-labelledby="overview" {
                table.overview {
                    thead {
                        tr {
                            th scope="col" { "batch" }
                            th scope="col" { "outcome" }
                            th.number scope="col" { "rows" }
                            th.number scope="col" { "succeeded" }
                            th.number scope="col" { "failed" }
                            th.number scope="col" { "unaccounted" }
                            th scope="col" { "share" }
                        }
                    }
                    tbody {
                        @for (index, section) in sections.iter().enumerate() { (overview_line(section, index + 1)) }
                    }
                }
            }
        }
    }
}

fn overview_line(section: &Section, number: usize) -> Markup {
    let parts = parts(&section.counts, has_ended(section));
    let counts = &section.counts;
    let numbers = [
        ("rows", counts.total),
        ("succeeded", counts.succeeded),
        ("failed", counts.failed),
        ("unaccounted", counts.unaccounted.filter(|_| has_ended(section))),
    ];
    html! {
        tr {
            th scope="row" { a href={ "#batch-" (number) } { (provider(section)) } }
            td { (badge(section)) }
            @for (label, number) in numbers {
                td.number.unknown[number.is_none()] data-label=(label) {
                    (number.map_or_else(|| "–".to_owned(), grouped))
                }
            }
            td.share {
                @if !parts.is_empty() { (picture::bar(&parts, &sentence_of(&parts), "small")) }
                @else if let Some(outcome) = section.outcome() { (picture::whole_bar(outcome, "small")) }
            }
        }
    }
}

fn has_ended(section: &Section) -> bool {
    section.snapshot.as_ref().is_some_and(bulkrail::Snapshot::is_terminal)
}

fn batch(section: &Section, number: usize) -> Markup {
    let id = format!("batch-{number}");
    html! {
        section id=(id) aria-labelledby={ (id) "-heading" } {
            h2 id={ (id) "-heading" } { (provider(section)) " " (badge(section)) }
            @if let Some(batch) = &section.batch { div.id { bdi { (table::clean(batch.id())) } } }
            p.headline { (headline(section)) }
            @if let Some(error) = &section.error { (error_note("The end of the batch was not seen.", error, section)) }
            (outcome_picture(section))
            (next(section))
            @if !section.mismatches.is_empty() {
                div.note {
                    p { strong { "The provider's statements disagree." } }
                    @for mismatch in &section.mismatches { p { (mismatch) } }
                }
            }
            (rows(&section.rows, section, number))
            (progress(section))
            (drift(section))
            (details(section))
        }
    }
}

/// Returns the outcome in a sentence.
fn headline(section: &Section) -> String {
    let counts = &section.counts;
    if !has_ended(section) {
        let processed = section.snapshot.as_ref().and_then(|snapshot| snapshot.progress.processed);
        return match (processed, counts.total, &section.snapshot) {
            (Some(processed), Some(total), _) => {
                format!("{} of {} rows were processed when it was last polled.", grouped(processed), grouped(total))
            }
            (_, _, Some(_)) => "It had not ended when it was last polled.".to_owned(),
            (.., None) if section.batch.is_none() => "Nothing was polled.".to_owned(),
            (.., None) => "It was submitted. Its state was not seen.".to_owned(),
        };
    }
    if let (Some(total), Some(succeeded)) = (counts.total, counts.succeeded) {
        if succeeded == total && section.outcome() == Some(Outcome::Succeeded) {
            return match total {
                1 => "The row succeeded.".to_owned(),
                total => format!("All {} rows succeeded.", grouped(total)),
            };
        }
        let mut text = format!("{} of {} rows succeeded", grouped(succeeded), grouped(total));
        for (count, label) in [(counts.failed, "failed"), (counts.unaccounted, "unaccounted for")] {
            if let Some(count @ 1..) = count {
                text.push_str(&format!(", {} {label}", grouped(count)));
            }
        }
        return text + ".";
    }
    match section.outcome() {
        Some(Outcome::Succeeded) => "The batch succeeded as a whole.",
        Some(Outcome::Failed) => "The batch failed as a whole.",
        Some(Outcome::Cancelled) => "The batch was cancelled.",
        _ => "The batch has ended, and the provider does not report how its rows ended.",
    }
    .to_owned()
}

fn sentence_of(parts: &[picture::Part]) -> String {
    let parts = parts.iter().filter(|part| part.rows > 0);
    parts.map(|part| format!("{} {}", grouped(part.rows), part.label)).collect::<Vec<_>>().join(", ")
}

fn outcome_picture(section: &Section) -> Markup {
    let parts = parts(&section.counts, has_ended(section));
    if parts.is_empty() {
        let Some(outcome) = section.outcome() else { return html! {} };
        return html! {
            figure {
                (picture::whole_bar(outcome, "large"))
                figcaption {
                    @if section.provider == Some(cdq::PROVIDER) { "A job has no rows: it ends as a whole." }
                    @else { "The provider does not count rows." }
                }
            }
        };
    }
    let total: f64 = parts.iter().map(|part| part.rows as f64).sum();
    html! {
        figure {
            (picture::bar(&parts, &format!("Rows: {}", sentence_of(&parts)), "large"))
            ul.legend {
                @for part in parts.iter().filter(|part| part.rows > 0 || part.name != "open") {
                    li {
                        (picture::swatch(part.name))
                        span {
                            strong { (grouped(part.rows)) } " " (part.label)
                            @if part.rows > 0 { span.soft { " " (share(part.rows as f64 / total)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Returns a share in percent, which is never rounded to nothing or everything.
fn share(share: f64) -> String {
    match share * 100.0 {
        percent if percent >= 100.0 => "100 %".to_owned(),
        percent if percent < 0.1 => "< 0.1 %".to_owned(),
        percent if percent > 99.9 => "> 99.9 %".to_owned(),
        percent => format!("{percent:.1} %"),
    }
}

fn error_note(heading: &str, document: &ErrorDocument, section: &Section) -> Markup {
    let error = &document.error;
    let heading = match (error.kind, &section.batch) {
        (ErrorKind::OutcomeUnknown, _) => "It is not known whether the provider has the batch.",
        (_, None) => "The submit failed.",
        _ => heading,
    };
    html! {
        div.note role="note" {
            p { strong { (heading) } }
            p { bdi { (message(&error.message)) } }
            @if let Some(status) = error.http_status { p.soft { "HTTP status " (status) } }
            @if let Some(id) = &error.request_id { p.soft { "request id " bdi { (message(id)) } } }
        }
    }
}

fn next(section: &Section) -> Markup {
    html! {
        @if !section.next.is_empty() {
            div.next {
                h3 { "What to do next" }
                ol {
                    @for step in &section.next {
                        li {
                            (step.text)
                            @if let Some(command) = &step.command { code tabindex="0" { (printable(command)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Content of the download.
#[derive(Serialize)]
struct Download<'a> {
    name: &'a str,
    header: &'a str,
    /// A line for each row, in the order of the table.
    lines: Vec<String>,
}

fn rows(rows: &Rows, section: &Section, number: usize) -> Markup {
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

fn progress(section: &Section) -> Markup {
    let polls = &section.polls;
    let Some(picture) = picture::progress(section) else { return html! {} };
    html! {
        h3 { "Progress" }
        figure {
            div.plot { (picture) }
            figcaption {
                "Each point is a poll: " (grouped(polls.count.into())) " in "
                (duration(section.elapsed.unwrap_or_default()))
                @if polls.failures > 0 { ", of which " (grouped(polls.failures.into())) " failed (rings)" }
                @if polls.stride() > 1 { ". One in " (polls.stride()) " is shown" }
                "."
            }
        }
        (poll_table(polls))
    }
}

fn poll_table(polls: &PollLog) -> Markup {
    html! {
        details {
            summary { "Polls as a table" }
            div.scroll tabindex="0" role="region" aria-label="Polls" {
                table {
                    thead {
                        tr {
                            th.number scope="col" { "poll" }
                            th.number scope="col" { "after" }
                            th scope="col" { "state" }
                            th scope="col" { "the provider's word" }
                            th.number scope="col" { "processed" }
                            th.number scope="col" { "percent" }
                        }
                    }
                    tbody { @for poll in polls.iter() { (poll_line(poll)) } }
                }
            }
        }
    }
}

fn poll_line(poll: &Poll) -> Markup {
    let dash = || "–".to_owned();
    html! {
        tr {
            td.number { (poll.number) }
            td.number { (duration(poll.elapsed)) }
            @match &poll.result {
                Ok(seen) => {
                    td { (seen.state) }
                    td { bdi { (seen.status) } }
                    td.number {
                        (seen.processed.map_or_else(dash, grouped))
                        @if let (Some(_), Some(total)) = (seen.processed, seen.total) { " of " (grouped(total)) }
                    }
                    td.number { (seen.percent.map_or_else(dash, |percent| format!("{percent:.0} %"))) }
                }
                Err(kind) => {
                    td { span.badge.failed { "failed" } }
                    td colspan="3" { (kind.replace('_', " ")) }
                }
            }
        }
    }
}

fn drift(section: &Section) -> Markup {
    let drift = section.snapshot.as_ref().map_or(&[][..], |snapshot| &snapshot.drift);
    html! {
        @if !drift.is_empty() {
            h3 { "Differences from the spec" }
            p.soft {
                "The responses differ from the provider's documentation in these places. They were read nevertheless, \
                 and the outcome takes them into account."
            }
            div.scroll tabindex="0" role="region" aria-label="Differences from the spec" {
                table {
                    thead {
                        tr {
                            th scope="col" { "place in the response" }
                            th scope="col" { "difference" }
                            th scope="col" { "spec" }
                            th scope="col" { "response" }
                            th.number scope="col" { "times" }
                        }
                    }
                    tbody { @for drift in drift { (drift_line(drift)) } }
                }
            }
        }
    }
}

fn drift_line(drift: &Drift) -> Markup {
    let place = match drift.pointer.as_str() {
        "" => "the whole response".to_owned(),
        pointer => table::clean(pointer),
    };
    let kind = match drift.kind {
        DriftKind::UnknownField => "unknown field",
        DriftKind::UnknownValue => "unknown value",
        DriftKind::TypeMismatch => "another type",
        DriftKind::MissingField => "missing field",
        _ => "difference",
    };
    html! {
        tr {
            td { bdi.id { (place) } }
            td { (kind) }
            td { bdi { (table::clean(&drift.expected)) } }
            td { bdi { (table::clean(&drift.found)) } }
            td.number { (grouped(drift.count)) }
        }
    }
}

fn details(section: &Section) -> Markup {
    let (batch, snapshot) = (section.batch.as_ref(), section.snapshot.as_ref());
    let text = |text: Option<&str>| text.map(message).filter(|text| !text.is_empty());
    let environment = text(batch.and_then(|batch| batch.environment()));
    let key = text(batch.and_then(|batch| batch.key()));
    let status = text(snapshot.map(|snapshot| &*snapshot.provider_status));
    let said = text(snapshot.and_then(|snapshot| snapshot.message.as_deref()));
    html! {
        h3 { "Details" }
        dl {
            dt { "provider" } dd { (provider(section)) }
            @if let Some(batch) = batch { dt { "batch" } dd.id { bdi { (table::clean(batch.id())) } } }
            @if let Some(key) = key { dt { "key" } dd.id { bdi { (key) } } }
            @if let Some(environment) = environment { dt { "environment" } dd { bdi { (environment) } } }
            @if let Some(at) = batch.and_then(|batch| batch.submitted_at()) {
                dt { "submitted" } dd { time datetime=(seconds(at)) { (readable(at)) } }
            }
            @if let Some(elapsed) = section.elapsed { dt { "waited" } dd { (duration(elapsed)) } }
            @if section.polls.count > 0 { dt { "polls" } dd { (grouped(section.polls.count.into())) } }
            @if let Some(status) = status { dt { "the provider's word" } dd { bdi { (status) } } }
            @if let Some(said) = said { dt { "the provider's message" } dd { bdi { (said) } } }
        }
    }
}

/// Returns a time to the second, for a machine.
fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn readable(time: Timestamp) -> String {
    time.strftime("%-d %B %Y, %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bulkrail::{Batch, Error, Progress, Report, Row, Snapshot, State, killb, reap};

    use super::*;
    use crate::html::next::{self, Commands};
    use crate::html::polls::Seen;
    use crate::place::{Place, SubmittedFile};

    /// Ends every context of a page, if it is not escaped.
    const HOSTILE: &str =
        "</script><script>alert(1)</script>\"'<img src=x onerror=alert(1)>-->&lt;]]>\u{202e}\u{0}\u{2028}";

    fn hostile_section() -> Section {
        let batch = Batch::new(killb::PROVIDER, "b-1").unwrap().with_key(HOSTILE).with_environment(HOSTILE);
        let progress = Progress::default().with_total(2).with_succeeded(1).with_failed(1);
        let drift = Drift::new(HOSTILE, DriftKind::UnknownField, HOSTILE, HOSTILE);
        let snapshot = Snapshot::new(State::Finished, HOSTILE, progress);
        let snapshot = snapshot.with_message(Some(HOSTILE.to_owned())).with_drift(vec![drift]);
        let mut report = Report::new(batch, snapshot, 3, Duration::from_secs(2));
        let row = Row::new(RowOutcome::Failed).with_reference(HOSTILE).with_account_id(HOSTILE).with_reason(HOSTILE);
        report.rows = Some(vec![Row::new(RowOutcome::Succeeded), row]);
        report.unexpected = Some(vec![HOSTILE.to_owned()]);
        report.duplicates = Some(vec![HOSTILE.to_owned()]);
        let error = Error::new(ErrorKind::Deadline, HOSTILE).with_hint(HOSTILE).with_request_id(HOSTILE);
        let mut section = Section::new(Some(&report.batch), Some(&report)).with_error(&error);
        let seen = Seen {
            state: "running",
            status: table::clean(HOSTILE),
            processed: Some(1),
            total: Some(2),
            percent: Some(50.0),
            is_terminal: false,
        };
        section.polls.push_poll(Poll { number: 1, elapsed: Duration::from_secs(1), result: Ok(seen) });
        let place = Place {
            provider: killb::PROVIDER,
            environment: Some(HOSTILE.to_owned()),
            base_url: Some(HOSTILE.to_owned()),
            insecure_http: false,
            profile: Some(HOSTILE.to_owned()),
            any_environment: false,
        };
        let commands = Commands::new(place, SubmittedFile::Named(HOSTILE.to_owned()));
        section.next = next::steps(&section, &commands);
        section.rows.error = Some(crate::error::document(&error));
        section
    }

    fn page(section: Section) -> String {
        render(&[section], Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn page_escapes_every_text_of_a_provider() {
        let page = page(hostile_section());
        assert!(page.matches("&lt;/script&gt;&lt;script&gt;alert(1)").count() >= 10, "{page}");
        let markup = page.replace(STYLE, "").replace(SCRIPT, "");
        for part in ["<script>alert", "<img", "-->", "]]>", "\u{202e}", "\u{0}", "\u{2028}"] {
            assert!(!markup.contains(part), "{part:?}");
        }
        assert_eq!(page.matches("<script").count(), 2, "the script and the download");
        assert_eq!(page.matches("</script>").count(), 2);
    }

    #[test]
    fn json_cannot_end_its_element_and_keeps_every_text() {
        let PreEscaped(json) = json(&[HOSTILE, "<!--<script>"]);
        assert!(!json.contains(['<', '>', '&', '\u{2028}']), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [HOSTILE, "<!--<script>"]);
    }

    #[test]
    fn download_has_the_lines_of_rows_csv() {
        let mut section = hostile_section();
        section.rows.shown = vec![Row::new(RowOutcome::Failed).with_index(7).with_reason("=HYPERLINK(\"x\")")];
        let page = page(section);
        let (_, rest) = page.split_once("<script type=\"application/json\">").unwrap();
        let (json, _) = rest.split_once("</script>").unwrap();
        let download: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(download["lines"], serde_json::json!(["7,,failed,,\"'=HYPERLINK(\"\"x\"\")\""]));
        assert_eq!(download["header"], HEADER);
        assert_eq!(download["name"], "killb-b-1-unsuccessful.csv");
    }

    #[test]
    fn policy_allows_the_style_and_the_script_of_the_page_and_nothing_else() {
        let page = page(hostile_section());
        let (_, policy) = page.split_once("http-equiv=\"Content-Security-Policy\" content=\"").unwrap();
        let (policy, _) = policy.split_once('"').unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
        // Attributes that a policy with digests refuses.
        let markup = page.replace(SCRIPT, "");
        for attribute in [" style=\"", " onclick=", " src=\"", "javascript:", "url("] {
            assert!(!markup.contains(attribute), "{attribute}");
        }
        assert_eq!(markup.matches(" href=\"").count(), markup.matches(" href=\"#").count(), "links stay in the page");
    }

    #[test]
    fn script_and_style_have_no_end_of_their_element() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("<!--"));
        }
        assert!(!STYLE.contains("@import") && !STYLE.contains("url("));
        for call in ["fetch(", "XMLHttpRequest", "WebSocket", "sendBeacon", "innerHTML", "import(", "eval("] {
            assert!(!SCRIPT.contains(call), "{call}");
        }
    }

    #[test]
    fn page_without_rows_says_why() {
        let batch = Batch::new(reap::PROVIDER, "b-1").unwrap();
        let progress = Progress::default().with_total(5_000).with_succeeded(4_999).with_failed(1);
        let report = Report::new(batch, Snapshot::new(State::Finished, "X", progress), 1, Duration::ZERO);
        let page = page(Section::new(Some(&report.batch), Some(&report)));
        assert!(page.contains("4,999 of 5,000 rows succeeded, 1 failed."), "{page}");
        assert!(page.contains("Reap counts rows and does not list them"), "{page}");
        assert!(!page.contains("<table class=\"rows\""));
    }

    #[test]
    fn share_is_never_rounded_to_nothing_or_everything() {
        for (value, text) in [(1.0, "100 %"), (0.9999, "> 99.9 %"), (0.0002, "< 0.1 %"), (0.125, "12.5 %")] {
            assert_eq!(share(value), text);
        }
    }
}
