//! The progress of a wait, as a picture and as a table of its polls.

use maud::{Markup, html};

use crate::html::picture::{self, duration, grouped};
use crate::html::polls::{Poll, PollLog};
use crate::html::section::Section;

pub(super) fn progress(section: &Section) -> Markup {
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
                    // 99.6 % of a batch that runs is not all of it.
                    td.number { (seen.percent.map_or_else(dash, |percent| format!("{:.0} %", percent.floor()))) }
                }
                Err(kind) => {
                    td { span.badge.failed { "failed" } }
                    td colspan="3" { (kind.replace('_', " ")) }
                }
            }
        }
    }
}
