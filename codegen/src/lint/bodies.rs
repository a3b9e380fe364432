//! Request bodies and responses that the generator supports.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::document::operations;
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;

/// Methods that the HTTP client has.
const METHODS: [&str; 6] = ["get", "put", "post", "delete", "head", "patch"];

pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    let mut bodies = Bodies { spec, errors, seen: BTreeSet::new() };
    for (pointer, operation) in operations(&spec.document) {
        let method = pointer.rsplit('/').next().unwrap_or_default();
        if !METHODS.contains(&method) {
            bodies.error(&pointer, format!("`{method}` is not supported; use one of {}", METHODS.join(", ")));
        }
        if let Some(body) = operation.get("requestBody") {
            bodies.request(&pointer::join(&pointer, "requestBody"), body);
        }
        if let Some(responses) = operation.get("responses").and_then(Value::as_object) {
            bodies.responses(&pointer::join(&pointer, "responses"), responses);
        }
    }
}

struct Bodies<'a> {
    spec: &'a Spec,
    errors: &'a mut Vec<Error>,
    seen: BTreeSet<(String, String)>,
}

impl<'a> Bodies<'a> {
    fn request(&mut self, pointer: &str, body: &'a Value) {
        let (pointer, body) = self.follow(pointer, body);
        let Some(content) = body.get("content").and_then(Value::as_object) else { return };
        let place = pointer::join(&pointer, "content");
        if content.len() != 1 {
            let kinds: Vec<&str> = content.keys().map(String::as_str).collect();
            let found = if kinds.is_empty() { "none".to_owned() } else { kinds.join(" and ") };
            let reason = format!("a request body has one content type, not {found}; keep the one that is sent");
            return self.error(&place, reason);
        }
        for (kind, media) in content {
            let place = pointer::join(&place, kind);
            let Some(schema) = media.get("schema") else {
                self.error(&place, "needs a `schema` of the body".to_owned());
                continue;
            };
            if media.get("encoding").is_some() {
                self.error(&pointer::join(&place, "encoding"), "`encoding` is not supported; remove it".to_owned());
            }
            let schema = self.follow("", schema).1;
            let is_text = schema["type"] == "string" && schema.get("enum").is_none();
            let is_binary = is_text && schema["format"] == "binary";
            let reason = match kind.as_str() {
                "application/json" | "application/x-www-form-urlencoded" => continue,
                // Another rule checks the properties of a form, and refuses other multipart types.
                multipart if multipart.starts_with("multipart/") => continue,
                "application/octet-stream" if is_binary => continue,
                "application/octet-stream" => "needs `schema: {type: string, format: binary}`".to_owned(),
                "text/plain" | "text/x-markdown" if is_text && schema.get("format").is_none() => continue,
                "text/plain" | "text/x-markdown" => "needs `schema: {type: string}`, without a format".to_owned(),
                other => format!(
                    "the content type `{other}` is not supported; use application/json, multipart/form-data, \
                     application/x-www-form-urlencoded, application/octet-stream or text/plain"
                ),
            };
            self.error(&place, reason);
        }
    }

    fn responses(&mut self, pointer: &str, responses: &'a Map<String, Value>) {
        let mut first: Option<(&str, Body<'_>)> = None;
        for (status, response) in responses.iter().filter(|(status, _)| !status.starts_with("x-")) {
            let place = pointer::join(pointer, status);
            if !is_status(status) {
                let reason = "must be a status such as 200, a class such as 4XX, or default";
                self.error(&place, reason.to_owned());
                continue;
            }
            let (target, response) = self.follow(&place, response);
            let Some(body) = self.body(&target, response) else { continue };
            // Any other response arrives undecoded.
            if !status.starts_with('2') {
                continue;
            }
            self.content(&target, response);
            match &first {
                None => first = Some((status, body)),
                Some((_, other)) if *other == body => {}
                Some((other_status, other)) => {
                    let reason = format!(
                        "the success responses {other_status} ({other}) and {status} ({body}) differ, but a Rust method \
                         returns one type; give both the same schema, with what only one has as optional"
                    );
                    self.error(&place, reason);
                }
            }
        }
    }

    /// Checks that the Rust type of a success response is that of its whole content: it has one content type, and what
    /// is not JSON is returned as bytes.
    fn content(&mut self, pointer: &str, response: &'a Value) {
        let Some(content) = response.get("content").and_then(Value::as_object) else { return };
        let place = pointer::join(pointer, "content");
        if content.len() > 1 {
            let kinds: Vec<&str> = content.keys().map(String::as_str).collect();
            let reason = format!(
                "a success response has one content type, not {}: a Rust method returns one type; keep the one that is \
                 read",
                kinds.join(" and ")
            );
            return self.error(&place, reason);
        }
        for (kind, media) in content.iter().filter(|(kind, _)| !is_json(kind)) {
            let Some(schema) = media.get("schema") else { continue };
            let schema = self.follow("", schema).1;
            if schema["type"] != "string" || schema.get("enum").is_some() {
                let reason = format!(
                    "a response of `{kind}` is returned as bytes, and its schema is not used; use application/json, or \
                     `schema: {{type: string, format: binary}}`"
                );
                self.error(&pointer::join(&place, kind), reason);
            }
        }
    }

    /// Returns the body of a response, or `None` if it has an error.
    fn body(&mut self, pointer: &str, response: &'a Value) -> Option<Body<'a>> {
        let content = response.get("content").and_then(Value::as_object);
        let Some(content) = content.filter(|content| !content.is_empty()) else { return Some(Body::Empty) };
        let Some((kind, media)) = content.iter().find(|(kind, _)| is_json(kind)) else { return Some(Body::Bytes) };
        let place = pointer::join(&pointer::join(pointer, "content"), kind);
        if media.get("encoding").is_some() {
            self.error(&pointer::join(&place, "encoding"), "`encoding` is not supported; remove it".to_owned());
        }
        match media.get("schema") {
            Some(schema) => Some(Body::Json(schema)),
            None => {
                self.error(&place, "needs a `schema` of the body".to_owned());
                None
            }
        }
    }

    /// Returns the value at `pointer`, or the component that it refers to.
    fn follow(&self, pointer: &str, value: &'a Value) -> (String, &'a Value) {
        let (mut pointer, mut value) = (pointer.to_owned(), value);
        // Another rule reports circles.
        for _ in 0..16 {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { break };
            let Some(target) = pointer::resolve(&self.spec.document, reference) else { break };
            (pointer, value) = (reference.trim_start_matches('#').to_owned(), target);
        }
        (pointer, value)
    }

    fn error(&mut self, pointer: &str, reason: String) {
        // Several operations may refer to one response.
        if self.seen.insert((pointer.to_owned(), reason.clone())) {
            self.errors.push(self.spec.error(pointer, reason));
        }
    }
}

/// Body of a response, as far as it decides the Rust type.
#[derive(PartialEq)]
enum Body<'a> {
    Empty,
    Bytes,
    Json(&'a Value),
}

impl std::fmt::Display for Body<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("without a body"),
            Self::Bytes => f.write_str("not JSON"),
            Self::Json(schema) => match schema.get("$ref").and_then(Value::as_str) {
                Some(reference) => write!(f, "`{}`", reference.rsplit('/').next().unwrap_or_default()),
                None => f.write_str("an inline schema"),
            },
        }
    }
}

/// Returns whether the generator decodes a body of this content type.
fn is_json(kind: &str) -> bool {
    kind == "application/json" || kind.starts_with("application/json;")
}

fn is_status(status: &str) -> bool {
    let mut chars = status.chars();
    let is_class = chars.next().is_some_and(|class| ('1'..='5').contains(&class));
    let rest = chars.as_str();
    status == "default"
        || (is_class && (rest == "XX" || (rest.len() == 2 && rest.bytes().all(|byte| byte.is_ascii_digit()))))
}
