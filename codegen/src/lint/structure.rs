//! Structure of a spec: header, operations and component schemas.

use std::collections::BTreeSet;

use serde_json::Value;

use super::discriminators::discriminator_properties;
use crate::document::{Schema, component_name, operations, schemas};
use crate::error::Error;
use crate::load::Spec;
use crate::rules::Rules;

pub(super) fn check(spec: &Spec, rules: Rules, errors: &mut Vec<Error>) {
    let mut structure = Structure { spec, is_ours: rules == Rules::Bulkrail, errors };
    structure.header();
    structure.operations();
    structure.schemas();
}

struct Structure<'a> {
    spec: &'a Spec,
    /// Whether the conventions of bulkrail hold, and not only what the generator needs.
    is_ours: bool,
    errors: &'a mut Vec<Error>,
}

impl Structure<'_> {
    fn header(&mut self) {
        let document = &self.spec.document;
        let version = document["openapi"].as_str().unwrap_or_default();
        if self.is_ours && version != "3.0.3" {
            self.error("/openapi", "must be 3.0.3");
        } else if !version.starts_with("3.0.") {
            self.error("/openapi", "must be 3.0.x; write the document in OpenAPI 3.0");
        }
        for key in ["title", "version"] {
            if document["info"][key].as_str().unwrap_or_default().is_empty() {
                self.error("/info", format!("needs a `{key}`"));
            }
        }
    }

    fn operations(&mut self) {
        let mut ids = BTreeSet::new();
        for (pointer, operation) in operations(&self.spec.document) {
            match operation["operationId"].as_str() {
                None | Some("") => self.error(&pointer, "needs an `operationId`; it becomes the Rust method"),
                Some(id) if self.is_ours && !is_snake_case(id) => {
                    self.error(&pointer, format!("operationId `{id}` must be snake_case"));
                }
                Some(id) if !id.contains(char::is_alphanumeric) => {
                    let reason = format!("operationId `{id}` needs a letter; it becomes the Rust method");
                    self.error(&pointer, reason);
                }
                Some(id) if !ids.insert(id) => self.error(&pointer, format!("operationId `{id}` is used twice")),
                Some(_) => {}
            }
            self.require_evidence(&pointer, operation);
            self.require_description(&pointer, operation);
            let responses = operation["responses"].as_object();
            if !responses.is_some_and(|responses| responses.keys().any(|status| status.starts_with('2'))) {
                self.error(&pointer, "needs at least one 2xx response");
            }
        }
    }

    fn schemas(&mut self) {
        let discriminators = discriminator_properties(&self.spec.document);
        for Schema { pointer, value: schema, .. } in schemas(&self.spec.document) {
            match component_name(&pointer) {
                _ if !self.is_ours => {}
                Some(name) => {
                    if !name.starts_with(|first: char| first.is_ascii_uppercase()) || name.contains(['_', '-']) {
                        self.error(&pointer, "the name must be UpperCamelCase; it becomes the Rust type");
                    }
                    self.require_evidence(&pointer, schema);
                    self.require_description(&pointer, schema);
                    if schema.get("x-open").is_some_and(|open| *open != true || schema.get("enum").is_none()) {
                        self.error(&format!("{pointer}/x-open"), "must be `true`, and belongs to an enum of a request");
                    }
                }
                None => self.refuse_inline_type(&pointer, schema, discriminators.contains(&pointer)),
            }
            self.required_properties_exist(&pointer, schema);
        }
    }

    /// Refuses an inline schema that becomes a named Rust type.
    fn refuse_inline_type(&mut self, pointer: &str, schema: &Value, is_discriminator: bool) {
        if schema.get("properties").is_some_and(Value::is_object) {
            self.error(pointer, "an object must be a component schema, used by $ref");
        }
        if schema.get("enum").is_some() && !is_discriminator {
            self.error(pointer, "an enum must be a component schema, used by $ref; the build opens only those");
        }
    }

    fn required_properties_exist(&mut self, pointer: &str, schema: &Value) {
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if schema["properties"].get(name).is_none() {
                self.error(&format!("{pointer}/required"), format!("`{name}` is required but is not a property"));
            }
        }
        let Some(by_client) = schema.get("x-required-sdk") else { return };
        let pointer = format!("{pointer}/x-required-sdk");
        let names = by_client.as_array().filter(|names| !names.is_empty() && names.iter().all(Value::is_string));
        let Some(names) = names else {
            return self.error(&pointer, "must be a list of properties that a client of the provider requires");
        };
        for name in names.iter().filter_map(Value::as_str) {
            if schema["properties"].get(name).is_none() {
                self.error(&pointer, format!("`{name}` is not a property"));
            }
            if required.is_some_and(|required| required.iter().any(|known| known == name)) {
                self.error(&pointer, format!("`{name}` is in `required`, too; keep it there if a page says so"));
            }
        }
    }

    fn require_evidence(&mut self, pointer: &str, value: &Value) {
        if !self.is_ours {
            return;
        }
        for key in ["x-source", "x-evidence"] {
            if value.get(key).is_none() {
                self.error(pointer, format!("needs `{key}`: every operation and component names its evidence"));
            }
        }
    }

    fn require_description(&mut self, pointer: &str, value: &Value) {
        if !self.is_ours {
            return;
        }
        // Another rule reports a description that is not text.
        let description = value.get("description").map(|description| description.as_str().unwrap_or("not text"));
        if description.is_none_or(|text| text.trim().is_empty()) {
            self.error(pointer, "needs a `description`; it becomes the Rust documentation");
        }
    }

    fn error(&mut self, pointer: &str, reason: impl Into<String>) {
        self.errors.push(self.spec.error(pointer, reason));
    }
}

fn is_snake_case(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
