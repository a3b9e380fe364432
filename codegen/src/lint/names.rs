//! Names that collide in Rust.
//!
//! The generator changes the case of names and drops signs, so that different names of a spec may
//! become one in Rust.

use std::collections::BTreeMap;

use heck::ToSnakeCase;
use serde_json::Value;

use super::parameters::parameters;
use super::rust_name::{field_name, type_name, value_name, variant_names};
use crate::document::{Schema, component_name, operations, schemas};
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;
use crate::rules::Rules;

/// Methods that the generated client has or calls.
const METHODS: [&str; 11] = [
    "new",
    "new_with_client",
    "with_http",
    "pre",
    "post",
    "exec",
    "api_version",
    "baseurl",
    "client",
    "inner",
    "clone",
];

/// Names that the generated methods use themselves.
const VARIABLES: [&str; 2] = ["header_map", "encode_path"];

pub(super) fn check(spec: &Spec, rules: Rules, errors: &mut Vec<Error>) {
    types(spec, errors);
    for Schema { pointer, value, .. } in schemas(&spec.document) {
        fields(spec, rules, &pointer, value, errors);
        variants(spec, &pointer, value, errors);
    }
    methods(spec, errors);
    for (pointer, operation) in operations(&spec.document) {
        arguments(spec, &pointer, operation, errors);
    }
}

/// Names of one scope, each with the description and line of its origin.
#[derive(Default)]
struct Scope(BTreeMap<String, String>);

impl Scope {
    /// Adds a name. Returns what has the name already.
    fn add(&mut self, name: String, origin: String) -> Option<String> {
        self.0.insert(name, origin)
    }
}

fn types(spec: &Spec, errors: &mut Vec<Error>) {
    let mut scope = Scope::default();
    for (name, place, origin) in type_names(spec) {
        if name == "String" {
            let reason =
                format!("{origin} becomes the Rust type `String`, which the generated code uses itself; rename it");
            errors.push(spec.error(&place, reason));
        }
        if let Some(other) = scope.add(name.clone(), format!("{origin}{}", line(spec, &place))) {
            let reason = format!("{origin} becomes the Rust type `{name}`, like {other}; rename one of the schemas");
            errors.push(spec.error(&place, reason));
        }
    }
}

/// Returns the Rust types of the schemas, each with the pointer of its schema and a description.
fn type_names(spec: &Spec) -> Vec<(String, String, String)> {
    let mut names = Vec::new();
    for Schema { pointer, value, .. } in schemas(&spec.document) {
        if let Some(name) = component_name(&pointer) {
            names.push((type_name(name), pointer.clone(), format!("`{name}`")));
            if value.get("enum").is_some() {
                let origin = format!("the list of known words of `{name}`");
                names.push((type_name(&format!("{name}Known")), pointer.clone(), origin));
            }
        } else if value.get("oneOf").is_some()
            && let Some(name) = inline_name(&pointer)
        {
            names.push((name, pointer.clone(), "the inline `oneOf`".to_owned()));
        }
    }
    // A name that was chosen comes first: the error is about the one that follows from it, or about
    // the later one in the file.
    names.sort_by_key(|(_, place, origin)| (origin.starts_with("the "), spec.line(place)));
    names
}

/// Returns the pointers of the schemas that become this Rust type, as far as it follows from names.
#[cfg(feature = "generate")]
pub(crate) fn schemas_of_type(document: &Value, name: &str) -> Vec<String> {
    let schemas = schemas(document).into_iter().map(|schema| schema.pointer);
    schemas.filter(|pointer| inline_name(pointer).is_some_and(|own| own == name)).collect()
}

/// Returns the Rust type of a component schema, or of an inline schema inside it.
fn inline_name(pointer: &str) -> Option<String> {
    let mut keys = pointer.strip_prefix("/components/schemas/")?.split('/');
    let mut name = type_name(keys.next()?);
    while let Some(key) = keys.next() {
        let part = match key {
            "properties" => keys.next()?.replace("~1", "/").replace("~0", "~").to_snake_case(),
            "items" => "Item".to_owned(),
            "additionalProperties" => "Value".to_owned(),
            _ => return None,
        };
        name = type_name(&format!("{name}_{part}"));
    }
    Some(name)
}

fn fields(spec: &Spec, rules: Rules, pointer: &str, schema: &Value, errors: &mut Vec<Error>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let pointer = pointer::join(pointer, "properties");
    let mut scope = Scope::default();
    if schema.get("additionalProperties").is_some_and(Value::is_object) {
        scope.add("extra".to_owned(), "the map of additional properties".to_owned());
    }
    let mut properties: Vec<_> = properties.keys().map(|name| (pointer::join(&pointer, name), name)).collect();
    // The error is about the later one in the file.
    properties.sort_by_key(|(place, _)| spec.line(place));
    for (place, name) in properties {
        let field = field_name(name);
        if let Some(other) = scope.add(field.clone(), format!("`{name}`{}", line(spec, &place))) {
            let say = if rules == Rules::Bulkrail { ", and say so in an `x-unknown`" } else { "" };
            let reason = format!("`{name}` becomes the Rust field `{field}`, like {other}; leave one out here{say}");
            errors.push(spec.error(&place, reason));
        }
    }
}

fn variants(spec: &Spec, pointer: &str, schema: &Value, errors: &mut Vec<Error>) {
    let words: Vec<&str> = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut scope: BTreeMap<String, (usize, &str)> = BTreeMap::new();
    for (index, name) in variant_names(words.iter().copied()).into_iter().enumerate() {
        let Some((_, other)) = scope.insert(name.clone(), (index, words[index])) else { continue };
        // Another rule reports a word that is listed twice.
        if other != words[index] {
            let reason = format!(
                "`{}` becomes the Rust variant `{name}`, like `{other}`: signs and case are dropped; remove `enum`, and \
                 list the words in the description",
                words[index]
            );
            errors.push(spec.error(&format!("{pointer}/enum/{index}"), reason));
        }
    }
}

fn methods(spec: &Spec, errors: &mut Vec<Error>) {
    let mut scope = Scope::default();
    let mut operations = operations(&spec.document);
    // The error is about the later one in the file.
    operations.sort_by_key(|(pointer, _)| spec.line(pointer));
    for (pointer, operation) in operations {
        let Some(id) = operation.get("operationId").and_then(Value::as_str) else { continue };
        let place = pointer::join(&pointer, "operationId");
        let name = value_name(id);
        if METHODS.contains(&name.as_str()) {
            let reason = format!("every client has a method `{name}` already; choose another operationId");
            errors.push(spec.error(&place, reason));
        }
        let origin = format!("`{id}`{}", line(spec, &place));
        if let Some(other) = scope.add(name.clone(), origin) {
            // Another rule reports an id that is used twice.
            if !other.starts_with(&format!("`{id}`")) {
                let reason = format!("`{id}` becomes the Rust method `{name}`, like {other}; rename one");
                errors.push(spec.error(&place, reason));
            }
        }
    }
}

fn arguments(spec: &Spec, pointer: &str, operation: &Value, errors: &mut Vec<Error>) {
    let mut scope = Scope::default();
    if operation.get("requestBody").is_some() {
        scope.add("body".to_owned(), "the request body".to_owned());
    }
    for parameter in parameters(&spec.document, pointer) {
        let (name, place) = (value_name(parameter.name()), pointer::join(&parameter.pointer, "name"));
        if VARIABLES.contains(&name.as_str()) {
            errors
                .push(spec.error(&place, format!("every generated method has a `{name}` already; leave it out here")));
        }
        let origin = format!("`{}`{}", parameter.name(), line(spec, &place));
        if let Some(other) = scope.add(name.clone(), origin) {
            let reason =
                format!("`{}` becomes the Rust argument `{name}`, like {other}; leave one out here", parameter.name());
            errors.push(spec.error(&place, reason));
        }
    }
}

/// Returns the line of a value in words.
fn line(spec: &Spec, pointer: &str) -> String {
    spec.line(pointer).map(|line| format!(" in line {line}")).unwrap_or_default()
}
