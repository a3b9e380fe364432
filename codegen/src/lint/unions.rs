//! Unions: members that can be distinguished, in JSON and in Rust.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::rust_name;
use crate::document::{Schema, component_name, schemas};
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;

pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    for Schema { pointer, value, .. } in schemas(&spec.document) {
        let Some(union) = value.as_object() else { continue };
        let mut checker = Unions { spec, errors, pointer: &pointer };
        if union.contains_key("oneOf") {
            checker.members(union);
        }
        if let Some(discriminator) = union.get("discriminator") {
            checker.discriminator(union, discriminator);
        }
    }
}

struct Unions<'a> {
    spec: &'a Spec,
    errors: &'a mut Vec<Error>,
    pointer: &'a str,
}

impl Unions<'_> {
    fn members(&mut self, union: &Map<String, Value>) {
        let Some(members) = union["oneOf"].as_array() else { return };
        if members.is_empty() {
            self.error("oneOf", "a union needs at least one member");
        }
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (index, member) in members.iter().enumerate() {
            if let Some(first) = seen.insert(rust_type(member), index) {
                let reason = format!("is the same Rust type as member {first} (counted from 0); remove one");
                self.error(&format!("oneOf/{index}"), reason);
            }
        }
    }

    fn discriminator(&mut self, union: &Map<String, Value>, discriminator: &Value) {
        if component_name(self.pointer).is_none() {
            return self.error("discriminator", "a union with a discriminator must be a component schema");
        }
        let Some(members) = union.get("oneOf").and_then(Value::as_array) else {
            return self.error("discriminator", "a discriminator needs `oneOf`: the schemas that it distinguishes");
        };
        let Some(property) = discriminator.get("propertyName").and_then(Value::as_str) else { return };
        let mut words: BTreeMap<&str, usize> = BTreeMap::new();
        let mut references = BTreeMap::new();
        for (index, member) in members.iter().enumerate() {
            let place = format!("oneOf/{index}");
            let Some(reference) = member.get("$ref").and_then(Value::as_str) else {
                self.error(&place, "a member of a union with a discriminator is a `$ref` to a component schema");
                continue;
            };
            // Another rule reports what does not exist.
            let Some(schema) = pointer::resolve(&self.spec.document, reference) else { continue };
            if let Some(word) = self.word(&place, reference, schema, property) {
                references.insert(reference, word);
                if let Some(first) = words.insert(word, index) {
                    let reason = format!(
                        "has the value `{word}` of `{property}` like member {first} (counted from 0); each member \
                         needs one of its own"
                    );
                    self.error(&place, reason);
                }
            }
        }
        self.variants(property, &words);
        self.mapping(discriminator, &references);
    }

    /// Returns the value that the discriminator has in a member.
    fn word<'a>(&mut self, place: &str, reference: &str, schema: &'a Value, property: &str) -> Option<&'a str> {
        if schema.get("type").is_none_or(|kind| kind != "object") {
            self.error(place, format!("`{reference}` must be `type: object`: a property distinguishes it"));
            return None;
        }
        let Some(discriminating) = schema["properties"].get(property) else {
            self.error(place, format!("`{reference}` needs the property `{property}`, the discriminator"));
            return None;
        };
        let words = discriminating.get("enum").and_then(Value::as_array);
        let Some([Value::String(word)]) = words.map(Vec::as_slice) else {
            let reason = format!(
                "the property `{property}` of `{reference}` must be `type: string` with an inline `enum` of one word; \
                 a schema shared by two values is written twice"
            );
            self.error(place, reason);
            return None;
        };
        let mut required = schema["required"].as_array().into_iter().flatten();
        if !required.any(|name| name == property) {
            self.error(place, format!("`{reference}` must list `{property}` in `required`: it is the discriminator"));
        }
        Some(word)
    }

    fn variants(&mut self, property: &str, words: &BTreeMap<&str, usize>) {
        let names = rust_name::variant_names(words.keys().copied());
        let mut seen = BTreeMap::new();
        for ((word, index), name) in words.iter().zip(names) {
            if let Some(other) = seen.insert(name.clone(), word) {
                let reason = format!(
                    "the values `{other}` and `{word}` of `{property}` become the same Rust variant `{name}`; leave \
                     one out"
                );
                self.error(&format!("oneOf/{index}"), reason);
            }
        }
    }

    fn mapping(&mut self, discriminator: &Value, references: &BTreeMap<&str, &str>) {
        for (word, reference) in discriminator.get("mapping").and_then(Value::as_object).into_iter().flatten() {
            let place = pointer::join("discriminator/mapping", word);
            let Some(reference) = reference.as_str() else { continue };
            match references.get(reference) {
                Some(own) if own == word => {}
                Some(own) => {
                    let reason = format!(
                        "`{reference}` has the value `{own}`, not `{word}`; a schema shared by two values is written \
                         twice"
                    );
                    self.error(&place, reason);
                }
                None => self.error(&place, format!("`{reference}` is not a member of `oneOf`; add or correct it")),
            }
        }
    }

    fn error(&mut self, place: &str, reason: impl Into<String>) {
        self.errors.push(self.spec.error(&format!("{}/{place}", self.pointer), reason));
    }
}

/// Returns a text that is equal for schemas with the same Rust type, as far as they can be
/// distinguished here.
fn rust_type(schema: &Value) -> String {
    match schema.as_object() {
        Some(map) if map.contains_key("$ref") => map["$ref"].to_string(),
        Some(map) if !map.contains_key("properties") && !map.contains_key("enum") => {
            let of = |key| map.get(key).map(rust_type).unwrap_or_default();
            let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
            let format = map.get("format").filter(|_| kind != "string").map(Value::to_string).unwrap_or_default();
            format!("{kind} {format} {} {} {}", of("items"), of("additionalProperties"), map.contains_key("oneOf"))
        }
        _ => schema.to_string(),
    }
}
