//! Markup of a page.

mod details;
mod outcome;
mod progress;
mod rows;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bulkrail::text::{MAX_MESSAGE_CHARS, printable, truncated};
use bulkrail::{ErrorDocument, ErrorKind, ProviderId};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::section::Section;
use crate::table;
use details::{details, drift};
use outcome::{headline, outcome_picture, overview};
use progress::progress;
use rows::rows;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Returns the page of `sections`.
pub(in crate::html) fn render(sections: &[Section], made_at: Timestamp) -> String {
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
fn json(document: &impl Serialize) -> Markup {
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
            @if let Some(error) = &section.error { (error_note(error, section)) }
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

fn error_note(document: &ErrorDocument, section: &Section) -> Markup {
    let error = &document.error;
    let heading = match (error.kind, &section.batch) {
        (ErrorKind::OutcomeUnknown, _) => "It is not known whether the provider has the batch.",
        (_, None) => "The submit failed.",
        _ => "The end of the batch was not seen.",
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

    use bulkrail::{Batch, Drift, DriftKind, Error, Progress, Report, Row, RowOutcome, Snapshot, State, killb, reap};

    use super::*;
    use crate::html::next::{self, Commands};
    use crate::html::polls::{Poll, Seen};
    use crate::place::{Place, SubmittedFile};
    use crate::row_writer::HEADER;

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
}
