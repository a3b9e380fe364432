//! How batches ended: as a line of the overview, a sentence and a picture.

use bulkrail::{Outcome, cdq};
use maud::{Markup, html};

use super::{badge, has_ended, provider};
use crate::html::picture::{self, grouped, parts};
use crate::html::section::Section;

pub(super) fn overview(sections: &[Section]) -> Markup {
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

/// Returns the outcome in a sentence.
pub(super) fn headline(section: &Section) -> String {
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

pub(super) fn outcome_picture(section: &Section) -> Markup {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_is_never_rounded_to_nothing_or_everything() {
        for (value, text) in [(1.0, "100 %"), (0.9999, "> 99.9 %"), (0.0002, "< 0.1 %"), (0.125, "12.5 %")] {
            assert_eq!(share(value), text);
        }
    }
}
