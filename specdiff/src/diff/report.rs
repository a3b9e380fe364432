//! Operations of a page against operations of a spec.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::diff::accepted::Explained;
use crate::diff::claims::{self, Claim};
use crate::diff::difference::{self as class, Change, Class, Difference, Way};
use crate::diff::fields::fields;
use crate::pages::blocks as text;
use crate::pages::budget::Budget;
use crate::pages::load::Document;
use crate::pages::model::{Field, Form, Operation, Page, Unread};
use crate::pages::openapi;
use crate::pages::paths;
use bulkrail_codegen::{Error, Spec, pointer};

/// Headers that every call has; no page of an operation is expected to agree on them.
const COMMON_HEADERS: [&str; 4] = ["authorization", "accept", "content-type", "host"];

/// What came out of a comparison.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// `operationId` of each operation that was compared.
    pub compared: Vec<String>,
    /// Operations that the page describes next to those and the spec leaves out, as method and path.
    pub outside: Vec<String>,
    /// What differs, in the order of the page; explained ones among them, stale explanations last.
    pub differences: Vec<Difference>,
    /// The explanations that explained something.
    pub(crate) used: BTreeSet<usize>,
    /// What the spec says of the fields that the page describes.
    pub(crate) claims: Vec<Claim>,
}

impl Report {
    /// The differences that nobody has explained.
    pub fn unexplained(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.explained.is_none())
    }
}

/// Compares what `page` documents for the operations that it names with `spec`. The name of the spec's file is that of the provider
/// in `explained`.
///
/// # Errors
///
/// When the spec itself cannot be followed: a `$ref` that points nowhere or back to itself.
pub fn diff(spec: &Spec, page: &Page, explained: &Explained) -> Result<Report, Error> {
    let known = openapi::page(&Document::from(spec), Form::OpenApi, &mut Budget::new())
        .map_err(|refusal| refusal.in_file(&spec.file))?;
    let mut report = Report::default();
    let mut unmatched = Vec::new();
    for operation in &page.operations {
        let Some((matched, spelling)) = paths::find(&known, page, operation) else {
            unmatched.push(operation);
            continue;
        };
        let name = matched.name();
        let mut compare = Compare {
            spec,
            page,
            operation: name.clone(),
            known: matched,
            found: Vec::new(),
            silent: security_headers(spec),
        };
        compare.path(operation, spelling);
        compare.operation(operation);
        report.claims.extend(claims::of(&spec.document, matched, operation));
        report.compared.push(name);
        report.differences.append(&mut compare.found);
    }
    for operation in unmatched {
        match report.compared.is_empty() {
            true => report.differences.push(unknown_operation(operation)),
            false => report.outside.push(operation.name()),
        }
    }
    let operation = report.compared.first().cloned().unwrap_or_default();
    report.differences.extend(page.unread.iter().map(|unread| not_read(unread, &operation)));
    let provider = spec.file.file_stem().unwrap_or_default().to_string_lossy();
    let (used, stale) = explained.apply(&provider, page.form, &report.compared, &mut report.differences);
    report.differences = once(report.differences);
    report.differences.extend(stale);
    report.used = used;
    Ok(report)
}

/// A schema that several answers or operations share differs once. It is explained if it is explained for all of them.
fn once(found: Vec<Difference>) -> Vec<Difference> {
    let mut places = BTreeMap::new();
    let mut kept: Vec<Difference> = Vec::new();
    for difference in found {
        let fact = (difference.from.clone(), difference.to.clone());
        // What is broken on the page has no pointer, and is told apart by its text.
        let what = difference.pointer.is_empty().then(|| difference.what.clone());
        match places.entry((difference.pointer.clone(), difference.change, fact, what)) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(difference);
            }
            Entry::Occupied(place) if difference.explained.is_none() => kept[*place.get()].explained = None,
            Entry::Occupied(_) => {}
        }
    }
    kept
}

/// Headers that the spec has among its security schemes.
fn security_headers(spec: &Spec) -> BTreeSet<String> {
    let schemes = spec.document.pointer("/components/securitySchemes").and_then(Value::as_object);
    let names = schemes.into_iter().flatten().filter_map(|(_, scheme)| scheme["name"].as_str());
    names.chain(COMMON_HEADERS).map(str::to_ascii_lowercase).collect()
}

fn unknown_operation(operation: &Operation) -> Difference {
    let name = format!("{} {}", operation.method.to_uppercase(), operation.path);
    Difference {
        pointer: pointer::join("/paths", &operation.path),
        line: None,
        page_line: operation.line,
        operation: name.clone(),
        class: Class::Unknown,
        change: Change::OperationUnknown,
        what: format!("the page describes {name}; the spec has no such operation"),
        from: None,
        to: Some(name),
        explained: None,
    }
}

fn not_read(unread: &Unread, operation: &str) -> Difference {
    Difference {
        pointer: String::new(),
        line: None,
        page_line: unread.line,
        operation: operation.to_owned(),
        class: Class::Unknown,
        change: Change::Unread,
        what: unread.reason.clone(),
        from: None,
        to: None,
        explained: None,
    }
}

/// The comparison of one operation.
pub(crate) struct Compare<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) page: &'a Page,
    pub(crate) operation: String,
    known: &'a Operation,
    pub(crate) found: Vec<Difference>,
    silent: BTreeSet<String>,
}

impl Compare<'_> {
    fn path(&mut self, operation: &Operation, spelt_alike: bool) {
        if !spelt_alike {
            let pointer = text::parent(&self.known.at).unwrap_or_default().to_owned();
            let what = format!("the page writes the path as {}, the spec as {}", operation.path, self.known.path);
            let (from, to) = (Some(self.known.path.clone()), Some(operation.path.clone()));
            self.report(pointer, operation.line, Class::Unknown, Change::Path, what, (from, to));
        }
    }

    fn operation(&mut self, operation: &Operation) {
        let at = self.known.at.clone();
        let named = |field: &&Field| {
            let mut steps = field.pointer.splitn(4, '/').skip(1);
            let (group, name) = (steps.next().unwrap_or_default(), steps.next().unwrap_or_default());
            !(group == "header" && self.silent.contains(&name.to_ascii_lowercase()))
        };
        // The list of parameters is a body of four objects, one for each place that a parameter can be in.
        let grouped = |list: &[Field], known: bool| {
            let groups = ["/path", "/query", "/header", "/cookie"].map(|group| Field {
                schema: if known { pointer::join(&at, "parameters") } else { String::new() },
                complete: true,
                ..Field::new(group, None)
            });
            groups.into_iter().chain(list.iter().filter(named).cloned()).collect::<Vec<_>>()
        };
        let (known, described) = (grouped(&self.known.parameters, true), grouped(&operation.parameters, false));
        fields(self, &known, &described, Way::Parameter, "the parameters");
        self.request(operation);
        self.answers(operation);
    }

    fn request(&mut self, operation: &Operation) {
        let at = pointer::join(&self.known.at, "requestBody");
        match (&self.known.request, &operation.request) {
            (Some(known), Some(described)) => fields(self, known, described, Way::Request, "the request"),
            (None, Some(described)) => {
                let required = described.first().and_then(|body| body.required);
                let class = class::of_added(Way::Request, required);
                let what = "there is a request body on the page, none in the spec".to_owned();
                self.report(at, operation.line, class, Change::BodyAdded, what, (None, Some("body".into())));
            }
            (Some(_), None) if self.is_description() => {
                let what = "there is no request body on the page any more".to_owned();
                let fact = (Some("body".into()), None);
                self.report(at, operation.line, Class::Breaking, Change::BodyRemoved, what, fact);
            }
            _ => {}
        }
    }

    fn answers(&mut self, operation: &Operation) {
        let at = pointer::join(&self.known.at, "responses");
        for (status, described) in &operation.responses {
            let Some(known) = self.known.status(status) else {
                let class = class::of_status(status, true);
                let what = format!("the answer {status} is on the page and not in the spec");
                let line = described.first().and_then(|body| body.line).or(operation.line);
                let pointer = pointer::join(&at, status);
                self.report(pointer, line, class, Change::StatusAdded, what, (None, Some(status.clone())));
                continue;
            };
            let body = &self.known.responses[known.as_str()];
            match (body.is_empty(), described.first()) {
                (true, Some(first)) => {
                    let class = class::of_status(&known, true);
                    let what = format!("the {known} answer has a body on the page, none in the spec");
                    let pointer = pointer::join(&at, &known);
                    let fact = (None, Some("body".to_owned()));
                    self.report(pointer, first.line, class, Change::BodyAdded, what, fact);
                }
                (false, None) if self.is_description() => {
                    let class = class::of_status(&known, false);
                    let what = format!("the {known} answer has no body on the page any more");
                    let pointer = pointer::join(&at, &known);
                    let fact = (Some("body".to_owned()), None);
                    self.report(pointer, operation.line, class, Change::BodyRemoved, what, fact);
                }
                _ => fields(self, body, described, Way::Answer, &format!("the {known} answer")),
            }
        }
        if operation.responses.is_empty() && !self.known.responses.is_empty() {
            let what = "the page documents no answer; it may be cut off".to_owned();
            self.report(at, operation.line, Class::Unknown, Change::Unread, what, (None, None));
        } else if operation.every_status {
            self.missing_answers(operation, &at);
        }
    }

    fn missing_answers(&mut self, operation: &Operation, at: &str) {
        let all: Vec<&String> = operation.responses.keys().collect();
        let covers = |status: &&String, known: &str| {
            let range = |text: &str| text.ends_with("XX");
            let same_range = (range(status) || range(known)) && status[..1] == known[..1];
            *status == known || status.as_str() == "default" || same_range
        };
        let missing = self.known.responses.keys().filter(|known| !all.iter().any(|status| covers(status, known)));
        let missing: Vec<String> =
            missing.filter(|known| !self.known.from_elsewhere.contains(*known)).cloned().collect();
        for status in missing {
            let class = class::of_status(&status, false);
            let what = format!("the answer {status} is not on the page any more");
            let pointer = pointer::join(at, &status);
            self.report(pointer, operation.line, class, Change::StatusRemoved, what, (Some(status), None));
        }
    }

    /// Whether the page is a description, which says all that there is to say.
    fn is_description(&self) -> bool {
        matches!(self.page.form, Form::OpenApi | Form::Markdown)
    }

    pub(crate) fn report(
        &mut self,
        pointer: String,
        page_line: Option<usize>,
        class: Class,
        change: Change,
        what: String,
        (from, to): (Option<String>, Option<String>),
    ) {
        let (line, operation) = (self.spec.line(&pointer), self.operation.clone());
        let explained = None;
        self.found.push(Difference { pointer, line, page_line, operation, class, change, what, from, to, explained });
    }
}
