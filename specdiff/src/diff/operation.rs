//! Compares one operation of a page with the same operation of a spec.

use std::collections::BTreeSet;

use bulkrail_codegen::{Spec, pointer};
use serde_json::Value;

use crate::diff::collector::Collector;
use crate::diff::difference::{Change, Class, Difference, Direction, class_of_added_field, class_of_status};
use crate::diff::fields::compare_fields;
use crate::pages::model::{Field, Operation, PageFormat};
use crate::pages::names::parent;

/// Headers of every call. Pages need not document them.
const COMMON_HEADERS: [&str; 4] = ["authorization", "accept", "content-type", "host"];

/// Returns the differences between `page`, an operation on a page of `format`, and `known`, the
/// same in the spec.
///
/// `same_path` is whether both write the path alike.
pub(crate) fn compare_operation(
    spec: &Spec,
    known: &Operation,
    page: &Operation,
    format: PageFormat,
    same_path: bool,
) -> Vec<Difference> {
    let collector = Collector { spec, page_format: format, operation: known.name(), differences: Vec::new() };
    let mut diff = OperationDiff { collector, known, page };
    if !same_path {
        diff.path();
    }
    diff.parameters();
    diff.request();
    diff.responses();
    diff.collector.differences
}

struct OperationDiff<'a> {
    collector: Collector<'a>,
    known: &'a Operation,
    page: &'a Operation,
}

impl OperationDiff<'_> {
    fn path(&mut self) {
        let pointer = parent(&self.known.spec_pointer).unwrap_or_default().to_owned();
        let message = format!("the path is {} on the page, {} in the spec", self.page.path, self.known.path);
        let states = (Some(self.known.path.clone()), Some(self.page.path.clone()));
        self.add(pointer, Class::Unknown, Change::Path, message, states);
    }

    fn parameters(&mut self) {
        let ignored = ignored_headers(self.collector.spec);
        let is_compared = |field: &&Field| {
            let mut segments = field.pointer.splitn(4, '/').skip(1);
            let (location, name) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
            !(location == "header" && ignored.contains(&name.to_ascii_lowercase()))
        };
        // Parameters are compared as a body of four objects, one for each location.
        let as_body = |list: &[Field], schema_pointer: &str| {
            let locations = ["/path", "/query", "/header", "/cookie"].map(|location| Field {
                schema_pointer: schema_pointer.to_owned(),
                lists_fields: true,
                ..Field::new(location, None)
            });
            locations.into_iter().chain(list.iter().filter(is_compared).cloned()).collect::<Vec<_>>()
        };
        let known = as_body(&self.known.parameters, &pointer::join(&self.known.spec_pointer, "parameters"));
        let on_page = as_body(&self.page.parameters, "");
        compare_fields(&mut self.collector, &known, &on_page, Direction::Parameter, "the parameters");
    }

    fn request(&mut self) {
        let pointer = pointer::join(&self.known.spec_pointer, "requestBody");
        match (&self.known.request, &self.page.request) {
            (Some(known), Some(page)) => {
                compare_fields(&mut self.collector, known, page, Direction::Request, "the request");
            }
            (None, Some(page)) => {
                let class = class_of_added_field(Direction::Request, page.first().and_then(|body| body.required));
                let message = "there is a request body on the page, none in the spec".to_owned();
                self.add(pointer, class, Change::BodyAdded, message, (None, Some("body".into())));
            }
            (Some(_), None) if self.is_description() => {
                let message = "the request body is missing on the page".to_owned();
                self.add(pointer, Class::Breaking, Change::BodyRemoved, message, (Some("body".into()), None));
            }
            _ => {}
        }
    }

    fn responses(&mut self) {
        let responses = pointer::join(&self.known.spec_pointer, "responses");
        for (status, page) in &self.page.responses {
            let Some(key) = self.known.matching_status(status) else {
                let class = class_of_status(status, true);
                let message = format!("the response {status} is on the page and not in the spec");
                let line = page.first().and_then(|body| body.line).or(self.page.line);
                let pointer = pointer::join(&responses, status);
                let states = (None, Some(status.clone()));
                self.collector.add(pointer, line, class, Change::StatusAdded, message, states);
                continue;
            };
            let known = &self.known.responses[key.as_str()];
            let pointer = pointer::join(&responses, &key);
            match (known.is_empty(), page.first()) {
                (true, Some(first)) => {
                    let class = class_of_status(&key, true);
                    let message = format!("the {key} response has a body on the page, none in the spec");
                    let states = (None, Some("body".to_owned()));
                    self.collector.add(pointer, first.line, class, Change::BodyAdded, message, states);
                }
                (false, None) if self.is_description() => {
                    let class = class_of_status(&key, false);
                    let message = format!("the body of the {key} response is missing on the page");
                    self.add(pointer, class, Change::BodyRemoved, message, (Some("body".to_owned()), None));
                }
                _ => {
                    let body = format!("the {key} response");
                    compare_fields(&mut self.collector, known, page, Direction::Response, &body);
                }
            }
        }
        if self.page.responses.is_empty() && !self.known.responses.is_empty() {
            let message = "the page documents no response; it may be incomplete".to_owned();
            self.add(responses, Class::Unknown, Change::ParseWarning, message, (None, None));
        } else if self.page.lists_all_statuses {
            self.missing_responses(&responses);
        }
    }

    fn missing_responses(&mut self, responses: &str) {
        let covers = |status: &str, known: &str| {
            let is_range = |text: &str| text.ends_with("XX");
            let same_range = (is_range(status) || is_range(known)) && status[..1] == known[..1];
            status == known || status == "default" || same_range
        };
        for status in self.known.responses.keys() {
            let on_page = self.page.responses.keys().any(|page| covers(page, status));
            if !on_page && !self.known.from_other_page.contains(status) {
                let class = class_of_status(status, false);
                let message = format!("the response {status} is missing on the page");
                let pointer = pointer::join(responses, status);
                self.add(pointer, class, Change::StatusRemoved, message, (Some(status.clone()), None));
            }
        }
    }

    /// Returns whether the page is an OpenAPI description, from whose silence everything can be
    /// concluded.
    fn is_description(&self) -> bool {
        matches!(self.collector.page_format, PageFormat::OpenApi | PageFormat::Markdown)
    }

    /// Adds a difference on the first line of the operation.
    fn add(
        &mut self,
        pointer: String,
        class: Class,
        change: Change,
        message: String,
        states: (Option<String>, Option<String>),
    ) {
        self.collector.add(pointer, self.page.line, class, change, message, states);
    }
}

/// Returns the common headers and those of the security schemes, in lower case.
fn ignored_headers(spec: &Spec) -> BTreeSet<String> {
    let schemes = spec.document.pointer("/components/securitySchemes").and_then(Value::as_object);
    let names = schemes.into_iter().flatten().filter_map(|(_, scheme)| scheme["name"].as_str());
    names.chain(COMMON_HEADERS).map(str::to_ascii_lowercase).collect()
}
