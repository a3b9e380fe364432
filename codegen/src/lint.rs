//! The project's own rules for its specs, as `specs/README.md` states them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{Error, Spec, pointer};

const EVIDENCE: [&str; 4] = ["seed", "page", "sdk", "inference"];
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];

/// Everything in `spec` that breaks a rule, in the order of the lines.
#[must_use]
pub fn lint(spec: &Spec) -> Vec<Error> {
    let mut lint = Lint { spec, found: Vec::new() };
    lint.head();
    lint.operations();
    lint.schemas();
    lint.marks();
    lint.references();
    let mut found = lint.found;
    found.sort_by_key(|error| error.line);
    found
}

/// Each operation of a document: its pointer and its value.
pub(crate) fn operations(document: &Value) -> Vec<(String, &Value)> {
    let Some(paths) = document["paths"].as_object() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (path, item) in paths {
        let at = pointer::join("/paths", path);
        let methods = METHODS.iter().filter_map(|method| Some((method, item.get(method)?)));
        found.extend(methods.map(|(method, operation)| (pointer::join(&at, method), operation)));
    }
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
        for (at, schema) in schemas(&self.spec.document) {
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

    /// Marks are optional in most places, but never misspelt.
    fn marks(&mut self) {
        let mut wrong = Vec::new();
        pointer::walk(&self.spec.document, &mut |at, value| {
            if let Some(evidence) = value.get("x-evidence")
                && !EVIDENCE.iter().any(|known| evidence == known)
            {
                wrong.push((pointer::join(at, "x-evidence"), format!("must be one of {}", EVIDENCE.join(", "))));
            }
            if let Some(source) = value.get("x-source")
                && !is_source(source)
            {
                wrong.push((pointer::join(at, "x-source"), "must be an https address, or a list of them".to_owned()));
            }
            for mark in ["x-unknown", "x-contradiction"] {
                if let Some(sentences) = value.get(mark)
                    && !are_sentences(sentences)
                {
                    wrong.push((pointer::join(at, mark), "must be a list of sentences".to_owned()));
                }
            }
        });
        wrong.into_iter().for_each(|(at, reason)| self.report(&at, reason));
    }

    fn must_be_marked(&mut self, at: &str, value: &Value) {
        for mark in ["x-source", "x-evidence"] {
            if value.get(mark).is_none() {
                self.report(at, format!("needs `{mark}`: no fact stands here without its page"));
            }
        }
    }

    fn must_be_described(&mut self, at: &str, value: &Value) {
        let description = value.get("description").and_then(Value::as_str);
        if description.is_none_or(|text| text.trim().is_empty()) {
            self.report(at, "needs a `description`; it becomes the Rust documentation");
        }
    }

    fn references(&mut self) {
        let mut wrong = Vec::new();
        pointer::walk(&self.spec.document, &mut |at, value| {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return;
            };
            if pointer::resolve(&self.spec.document, reference).is_none() {
                wrong.push((pointer::join(at, "$ref"), format!("`{reference}` points at nothing in this file")));
            } else if self.loops(reference) {
                wrong.push((pointer::join(at, "$ref"), format!("`{reference}` leads back to itself")));
            }
        });
        wrong.into_iter().for_each(|(at, reason)| self.report(&at, reason));
    }

    /// Whether following `reference` comes back to it.
    fn loops(&self, reference: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![reference.to_owned()];
        while let Some(next) = open.pop() {
            let Some(target) = pointer::resolve(&self.spec.document, &next) else {
                continue;
            };
            let mut leads_back = false;
            pointer::walk(target, &mut |_, value| {
                if let Some(below) = value.get("$ref").and_then(Value::as_str) {
                    leads_back |= below == reference;
                    if seen.insert(below.to_owned()) {
                        open.push(below.to_owned());
                    }
                }
            });
            if leads_back {
                return true;
            }
        }
        false
    }

    fn report(&mut self, at: &str, reason: impl Into<String>) {
        self.found.push(self.spec.error(at, reason));
    }
}

/// Each schema of a document with its pointer, wherever it stands; those inside others come after them.
fn schemas(document: &Value) -> Vec<(String, &Value)> {
    fn outside<'a>(at: &str, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
        match value {
            Value::Object(map) => {
                for (key, below) in map {
                    let here = pointer::join(at, key);
                    match key.as_str() {
                        "example" | "examples" => {}
                        _ if key.starts_with("x-") => {}
                        "schema" => inside(here, below, found),
                        "schemas" if at == "/components" => inside_each(&here, below, found),
                        _ => outside(&here, below, found),
                    }
                }
            }
            Value::Array(items) => (items.iter().enumerate())
                .for_each(|(index, item)| outside(&pointer::join(at, &index.to_string()), item, found)),
            _ => {}
        }
    }

    fn inside<'a>(at: String, schema: &'a Value, found: &mut Vec<(String, &'a Value)>) {
        found.push((at.clone(), schema));
        for key in ["items", "additionalProperties", "not"] {
            if let Some(below) = schema.get(key) {
                inside(pointer::join(&at, key), below, found);
            }
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            let members = schema.get(key).and_then(Value::as_array).into_iter().flatten();
            for (index, member) in members.enumerate() {
                inside(format!("{at}/{key}/{index}"), member, found);
            }
        }
        if let Some(properties) = schema.get("properties") {
            inside_each(&pointer::join(&at, "properties"), properties, found);
        }
    }

    fn inside_each<'a>(at: &str, schemas: &'a Value, found: &mut Vec<(String, &'a Value)>) {
        for (name, schema) in schemas.as_object().into_iter().flatten() {
            inside(pointer::join(at, name), schema, found);
        }
    }

    let mut found = Vec::new();
    outside("", document, &mut found);
    found
}

/// The name of the component schema at this pointer, if it is one itself and not inside one.
fn component(at: &str) -> Option<&str> {
    at.strip_prefix("/components/schemas/").filter(|name| !name.contains('/'))
}

/// Pointers of the properties that tell the members of a union apart; each is an enum of one word.
fn tags(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, union) in schemas(document) {
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

fn is_source(source: &Value) -> bool {
    let is_address = |value: &Value| value.as_str().is_some_and(|address| address.starts_with("https://"));
    match source {
        Value::Array(list) => !list.is_empty() && list.iter().all(is_address),
        single => is_address(single),
    }
}

fn are_sentences(list: &Value) -> bool {
    let is_sentence = |value: &Value| {
        let text = value.as_str().map(str::trim_end);
        text.is_some_and(|text| text.contains(' ') && text.ends_with(['.', '?']))
    };
    list.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_sentence))
}
