//! The project's own rules for its specs, as `specs/README.md` states them.

mod constraints;
mod conventions;
mod evidence;
mod references;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::{Schema, component, operations, schemas};
use crate::{Error, Spec, pointer};

/// Everything in `spec` that breaks a rule, in the order of the lines.
#[must_use]
pub fn lint(spec: &Spec) -> Vec<Error> {
    let mut lint = Lint { spec, found: Vec::new() };
    lint.head();
    lint.operations();
    lint.schemas();
    lint.marks();
    lint.narrow();
    lint.shape();
    lint.references();
    let mut found = lint.found;
    found.sort_by_key(|error| error.line);
    found
}

struct Lint<'a> {
    spec: &'a Spec,
    found: Vec<Error>,
}

impl Lint<'_> {
    fn head(&mut self) {
        let document = &self.spec.document;
        if document["openapi"] != "3.0.3" {
            self.report("/openapi", "must be 3.0.3");
        }
        for key in ["title", "version"] {
            if document["info"][key].as_str().unwrap_or_default().is_empty() {
                self.report("/info", format!("needs a `{key}`"));
            }
        }
        for (index, server) in document["servers"].as_array().into_iter().flatten().enumerate() {
            if !server["url"].as_str().unwrap_or_default().starts_with("https://") {
                self.report(&format!("/servers/{index}"), "needs an https `url`");
            }
            if server["description"].as_str().unwrap_or_default().is_empty() {
                self.report(&format!("/servers/{index}"), "needs a `description` such as sandbox or production");
            }
        }
    }

    fn operations(&mut self) {
        let mut ids = BTreeSet::new();
        for (at, operation) in operations(&self.spec.document) {
            match operation["operationId"].as_str() {
                None => self.report(&at, "needs an `operationId`; it becomes the Rust method"),
                Some(id) if !is_snake_case(id) => self.report(&at, format!("operationId `{id}` must be snake_case")),
                Some(id) if !ids.insert(id) => self.report(&at, format!("operationId `{id}` is used twice")),
                Some(_) => {}
            }
            self.must_be_marked(&at, operation);
            self.must_be_described(&at, operation);
            let responses = operation["responses"].as_object();
            if !responses.is_some_and(|responses| responses.keys().any(|status| status.starts_with('2'))) {
                self.report(&at, "needs at least one 2xx response");
            }
        }
    }

    fn schemas(&mut self) {
        let tags = tags(&self.spec.document);
        for Schema { at, value: schema, .. } in schemas(&self.spec.document) {
            match component(&at) {
                Some(name) => {
                    if !name.starts_with(|first: char| first.is_ascii_uppercase()) || name.contains(['_', '-']) {
                        self.report(&at, "the name must be UpperCamelCase; it becomes the Rust type");
                    }
                    self.must_be_marked(&at, schema);
                    self.must_be_described(&at, schema);
                }
                None => self.must_be_small(&at, schema, tags.contains(&at)),
            }
            self.required_exists(&at, schema);
        }
    }

    /// What has a name in Rust needs one here.
    fn must_be_small(&mut self, at: &str, schema: &Value, is_tag: bool) {
        if schema.get("properties").is_some_and(Value::is_object) {
            self.report(at, "an object must be a component schema of its own, used by $ref");
        }
        if schema.get("enum").is_some() && !is_tag {
            self.report(at, "an enum must be a component schema of its own, used by $ref; the build opens only those");
        }
    }

    fn required_exists(&mut self, at: &str, schema: &Value) {
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if schema["properties"].get(name).is_none() {
                self.report(&format!("{at}/required"), format!("`{name}` is required but is no property"));
            }
        }
    }

    fn report(&mut self, at: &str, reason: impl Into<String>) {
        self.found.push(self.spec.error(at, reason));
    }
}

/// Pointers of the properties that tell the members of a union apart; each is an enum of one word.
fn tags(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for union in schemas(document).into_iter().map(|schema| schema.value) {
        let Some(tag) = union.pointer("/discriminator/propertyName").and_then(Value::as_str) else {
            continue;
        };
        let members = union["oneOf"].as_array().into_iter().flatten();
        let members = members.filter_map(|member| member["$ref"].as_str()?.strip_prefix('#'));
        found.extend(members.map(|member| pointer::join(&format!("{member}/properties"), tag)));
    }
    found
}

fn is_snake_case(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
