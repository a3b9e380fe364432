//! Differences from the spec, and what identifies a batch.

use bulkrail::{Drift, DriftKind};
use maud::{Markup, html};

use super::{message, provider, readable, seconds};
use crate::html::picture::{duration, grouped};
use crate::html::section::Section;
use crate::table;

pub(super) fn drift(section: &Section) -> Markup {
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

pub(super) fn details(section: &Section) -> Markup {
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
