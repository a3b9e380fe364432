//! Compares one operation of a page with the same operation of a spec.

use std::collections::BTreeSet;

use bulkrail_codegen::{Spec, pointer};
use serde_json::Value;

use crate::diff::collector::Collector;
use crate::diff::difference::{Change, Class, Difference, Direction, class_of_added_field, class_of_status};
use crate::diff::fields::compare_fields;
use crate::diff::pairing::{Pair, Relation};
use crate::diff::{notices, transport};
use crate::pages::model::{Field, Operation, Page, PageFormat};
use crate::pages::names::parameter_pointer;

/// Headers of every call. Pages need not document them.
const COMMON_HEADERS: [&str; 4] = ["authorization", "accept", "content-type", "host"];

/// Headers of a sample call that say nothing about the operation.
const HEADERS_OF_THE_CLIENT: [&str; 6] =
    ["accept-encoding", "accept-language", "cache-control", "connection", "content-length", "user-agent"];

/// Returns the differences between the operations of a pair. `known_page` is the spec as a page.
pub(crate) fn compare_operation(spec: &Spec, known_page: &Page, page: &Page, pair: &Pair<'_>) -> Vec<Difference> {
    let Pair { known, page: described, relation } = *pair;
    let collector = Collector::new(spec, page, &known.name());
    let mut diff = OperationDiff { collector, known, page: described };
    diff.relation(relation);
    let servers = &known_page.servers;
    transport::compare_paths(&mut diff.collector, servers, known, described, relation);
    transport::compare_addresses(&mut diff.collector, servers, described);
    transport::compare_auth(&mut diff.collector, known, described, page.is_description());
    let deprecation = (known.deprecated, described.deprecated);
    notices::compare_deprecation(
        &mut diff.collector,
        deprecation,
        &known.spec_pointer,
        described.line,
        "the operation",
    );
    notices::compare_polling(&mut diff.collector, known, described);
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
    /// Adds the difference between the methods and paths, unless the page only has another notation
    /// of the path.
    fn relation(&mut self, relation: Relation) {
        let address = |operation: &Operation| format!("{} {}", operation.method.to_uppercase(), operation.path);
        let (from, to) = (address(self.known), address(self.page));
        let name = self.known.name();
        let (change, message, states) = match relation {
            Relation::Same { .. } => return,
            Relation::Moved => (
                Change::OperationMoved,
                format!("{name} moved: it is {to} on the page, {from} in the spec"),
                (from, to),
            ),
            Relation::OtherMethod => {
                let (from, to) = (self.known.method.to_uppercase(), self.page.method.to_uppercase());
                let message = format!("the method of {name} is {to} on the page, {from} in the spec");
                (Change::Method, message, (from, to))
            }
        };
        let states = (Some(states.0), Some(states.1));
        self.add(self.known.spec_pointer.clone(), Class::Breaking, change, message, states);
    }

    fn parameters(&mut self) {
        let ignored = ignored_headers(self.collector.spec);
        let is_compared = |field: &&Field| {
            let mut segments = field.pointer.splitn(4, '/').skip(1);
            let (location, name) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
            let is_ignored = location == "header" && ignored.contains(&name.to_ascii_lowercase());
            !is_ignored && !transport::is_listed_credential(self.known, location, name)
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
        self.headers_of_call(&ignored);
        self.query_of_call();
    }

    /// Adds the query parameters of the sample call that neither the spec nor a list of the page has.
    fn query_of_call(&mut self) {
        let Some(call) = &self.page.call else { return };
        for name in call.query_names().collect::<BTreeSet<_>>() {
            let wanted = parameter_pointer("query", name);
            let is_listed = |list: &[Field]| list.iter().any(|field| field.pointer == wanted);
            if is_listed(&self.known.parameters) || is_listed(&self.page.parameters) {
                continue;
            }
            let message = format!("the sample call of the page has the query parameter `{name}`, the spec does not");
            let pointer = pointer::join(&self.known.spec_pointer, "parameters");
            let states = (None, Some(name.to_owned()));
            self.collector.add(pointer, call.line, Class::Breaking, Change::ParameterAdded, message, states);
        }
    }

    /// Adds the headers of the sample call that neither the spec nor a list of the page has.
    fn headers_of_call(&mut self, ignored: &BTreeSet<String>) {
        let Some(call) = &self.page.call else { return };
        let is_listed = |list: &[Field], name: &str| {
            let names = list.iter().filter_map(|field| field.pointer.strip_prefix("/header/"));
            names.into_iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        let mut seen = BTreeSet::new();
        for name in call.header_names() {
            let lower = name.to_ascii_lowercase();
            let is_known = ignored.contains(&lower) || HEADERS_OF_THE_CLIENT.contains(&lower.as_str());
            let is_listed = is_listed(&self.known.parameters, name) || is_listed(&self.page.parameters, name);
            if is_known || is_listed || !seen.insert(lower) {
                continue;
            }
            let message = format!("the sample call of the page has the header `{name}`, the spec does not");
            let pointer = pointer::join(&self.known.spec_pointer, "parameters");
            let states = (None, Some(name.to_owned()));
            self.collector.add(pointer, call.line, Class::Breaking, Change::ParameterAdded, message, states);
        }
    }

    fn request(&mut self) {
        let pointer = pointer::join(&self.known.spec_pointer, "requestBody");
        match (&self.known.request, self.page.request.as_ref().filter(|page| self.is_body(page))) {
            (Some(known), Some(page)) => {
                compare_fields(&mut self.collector, known, page, Direction::Request, "the request");
                for types in &self.page.request_types {
                    let known = self.known.request_types.first();
                    transport::compare_media_types(&mut self.collector, known, types, "the request");
                }
            }
            (None, Some(page)) => {
                // A rendered page does not say whether the body is required. Its fields say it.
                let has_required = || page.iter().any(|field| field.required == Some(true)).then_some(true);
                let required = page.first().and_then(|body| body.required).or_else(has_required);
                let class = class_of_added_field(Direction::Request, required);
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
            // A range beside its single statuses stands for the others.
            let is_rest = status.ends_with("XX")
                && !self.known.responses.contains_key(status)
                && self.page.responses.keys().any(|other| other != status && other[..1] == status[..1]);
            let Some(key) = self.known.matching_status(status).filter(|_| !is_rest) else {
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
            // A sample call asks for a media type without naming the status.
            let types = self.page.response_types.get(status);
            let accepted = || self.page.response_types.get("2XX").filter(|_| status.starts_with('2'));
            if let Some(types) = types.or_else(accepted) {
                let known = self.known.response_types.get(&key);
                let body = format!("the {key} response");
                transport::compare_media_types(&mut self.collector, known, types, &body);
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
        let all = &self.known.responses;
        // A range on the page stands for the single statuses of the spec, and the other way round,
        // unless the spec has both.
        let covers = |status: &str, known: &str| {
            let is_range = |text: &str| text.ends_with("XX");
            let same_range = (is_range(status) || is_range(known)) && status[..1] == known[..1];
            status == known || (!all.contains_key(status) && (status == "default" || same_range))
        };
        for status in self.known.responses.keys() {
            let on_page = self.page.responses.keys().any(|page| covers(page, status));
            if !on_page && (self.collector.is_whole_api || !self.known.from_other_page.contains(status)) {
                let class = class_of_status(status, false);
                let message = format!("the response {status} is missing on the page");
                let pointer = pointer::join(responses, status);
                self.add(pointer, class, Change::StatusRemoved, message, (Some(status.clone()), None));
            }
        }
    }

    /// Returns whether `body` has any field. Only in a description is a body without fields none.
    fn is_body(&self, body: &[Field]) -> bool {
        !self.is_description() || !body.is_empty() || self.known.request.as_ref().is_some_and(Vec::is_empty)
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
