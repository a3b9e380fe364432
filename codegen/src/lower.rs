//! Rewrites a spec into a document that the generator supports and whose types decode any response.
//!
//! The specs stay as the providers' pages are. Everything that the generator needs is here, one
//! function for each rule.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::document::{self, operations};
use crate::load::Spec;
use crate::pointer;

/// Returns the document for the generator.
///
/// ```
/// use bulkrail_codegen::{Spec, lower};
///
/// let spec = Spec::parse("tiny.yaml", "paths: {/jobs: {get: {responses: {'200': {}, '404': {}}}}}")?;
/// let responses = &lower(&spec)["paths"]["/jobs"]["get"]["responses"];
/// assert!(responses.get("200").is_some() && responses.get("404").is_none());
/// # Ok::<(), bulkrail_codegen::Error>(())
/// ```
#[must_use]
pub fn lower(spec: &Spec) -> Value {
    let mut document = spec.document.clone();
    drop_unread(&mut document);
    drop_error_responses(&mut document);
    drop_limits(&mut document);
    multipart_to_bytes(&mut document);
    cite_evidence(&mut document);
    let tagged_unions = inline_unions(&mut document);
    drop_formats(&mut document);
    let response_schemas = response_schemas(&document);
    let open_in_requests = open_in_requests(&document);
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return document;
    };
    for (name, schema) in schemas.iter_mut() {
        if !response_schemas.contains(name) {
            require_by_client(schema);
        }
        drop_annotations(schema);
        if response_schemas.contains(name) {
            open_object(schema);
            if tagged_unions.contains(name) {
                schema["oneOf"].as_array_mut().into_iter().flatten().for_each(open_object);
            }
        }
        if response_schemas.contains(name) || open_in_requests.contains(name) {
            open_enum(name, schema);
        }
    }
    document
}

/// Removes what the generator reads but does not use, so that it cannot fail on it.
fn drop_unread(document: &mut Value) {
    remove(document, &["servers", "security", "tags", "externalDocs"]);
    if let Some(info) = document.get_mut("info") {
        remove(info, &["contact", "license"]);
    }
    if let Some(components) = document.get_mut("components") {
        remove(components, &["headers", "securitySchemes", "examples", "links", "callbacks"]);
    }
    for_each_operation(document, |operation| {
        remove(operation, &["tags", "externalDocs", "servers", "security", "callbacks"]);
        // The generator has extensions of its own, such as `x-dropshot-pagination`.
        if let Some(operation) = operation.as_object_mut() {
            operation.retain(|key, _| !key.starts_with("x-"));
        }
    });
    for response in responses(document) {
        remove(response, &["headers", "links"]);
    }
}

/// Returns each response of an operation and each component response.
fn responses(document: &mut Value) -> Vec<&mut Value> {
    let Some(document) = document.as_object_mut() else { return Vec::new() };
    let mut found = Vec::new();
    for (key, value) in document {
        let maps: Vec<&mut Value> = match key.as_str() {
            "components" => value.get_mut("responses").into_iter().collect(),
            "paths" => {
                let items = value.as_object_mut().into_iter().flat_map(Map::values_mut);
                let operations = items.filter_map(Value::as_object_mut).flat_map(Map::values_mut);
                operations.filter_map(|operation| operation.get_mut("responses")).collect()
            }
            _ => continue,
        };
        found.extend(maps.into_iter().filter_map(Value::as_object_mut).flat_map(Map::values_mut));
    }
    found
}

/// Removes keys of an object.
fn remove(value: &mut Value, keys: &[&str]) {
    if let Some(map) = value.as_object_mut() {
        keys.iter().for_each(|key| drop(map.remove(*key)));
    }
}

/// Removes the limits of numbers, arrays and objects, defaults and titles.
///
/// A response outside of its limits must not fail, and the provider checks a request itself. The
/// generator would send a default that the caller did not give, and name types by titles.
fn drop_limits(document: &mut Value) {
    const KEYS: [&str; 12] = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "default",
        "title",
    ];
    let schemas: Vec<String> = document::schemas(document).into_iter().map(|schema| schema.pointer).collect();
    for pointer in schemas {
        if let Some(schema) = document.pointer_mut(&pointer) {
            remove(schema, &KEYS);
        }
    }
}

/// Removes error responses, because the generator asserts that an operation has only one error
/// type.
///
/// Without any, each non-2xx response arrives undecoded with status, headers and body. One error
/// mapping per provider decodes it with the error type, which is still generated.
fn drop_error_responses(document: &mut Value) {
    for_each_operation(document, |operation| {
        if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
            responses.retain(|status, _| status.starts_with('2'));
        }
    });
}

/// Replaces multipart bodies, which the generator does not support, by raw bytes. The caller sets
/// the content type.
fn multipart_to_bytes(document: &mut Value) {
    for_each_operation(document, |operation| {
        if let Some(content) = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut)
            && content.remove("multipart/form-data").is_some()
        {
            let bytes = json!({"schema": {"type": "string", "format": "binary"}});
            content.insert("application/octet-stream".to_owned(), bytes);
        }
    });
}

/// Writes the evidence of component schemas and their properties into the descriptions, so that the
/// documentation of the Rust types has it.
fn cite_evidence(document: &mut Value) {
    let schemas: Vec<String> = document::schemas(document).into_iter().map(|schema| schema.pointer).collect();
    for pointer in schemas.iter().filter(|pointer| pointer.starts_with("/components/schemas/")) {
        let Some(schema) = document.pointer_mut(pointer).and_then(Value::as_object_mut) else { continue };
        // A keyword beside `$ref` has no effect.
        if schema.contains_key("$ref") {
            continue;
        }
        let evidence = evidence_text(schema);
        if evidence.is_empty() {
            continue;
        }
        let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = format!("{}\n\n{evidence}", description.trim_end());
        schema.insert("description".to_owned(), text.trim_start().into());
    }
}

/// Returns sources, unknowns and contradictions of a schema as Markdown; empty if it has none of
/// its own.
fn evidence_text(schema: &Map<String, Value>) -> String {
    let list = |key: &str| match schema.get(key) {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::trim).collect(),
        Some(Value::String(item)) => vec![item.as_str()],
        _ => Vec::new(),
    };
    let mut paragraphs = Vec::new();
    let sources: Vec<String> = list("x-source").into_iter().map(|source| format!("<{source}>")).collect();
    match (schema.get("x-evidence").and_then(Value::as_str), &*sources) {
        (None, []) => {}
        (None, sources) => paragraphs.push(format!("Source: {}", sources.join(", "))),
        (Some(evidence), []) => paragraphs.push(format!("Evidence: `{evidence}`")),
        (Some(evidence), sources) => paragraphs.push(format!("Source (`{evidence}`): {}", sources.join(", "))),
    }
    let by_client = list("x-required-sdk");
    if !by_client.is_empty() {
        paragraphs.push(format!("Required by the provider's client, on no page: `{}`", by_client.join("`, `")));
    }
    for (key, title) in [("x-unknown", "Unknown"), ("x-contradiction", "Contradiction")] {
        let sentences = list(key);
        if !sentences.is_empty() {
            paragraphs.push(format!("{title}:\n- {}", sentences.join("\n- ")));
        }
    }
    paragraphs.join("\n\n")
}

/// Makes the properties required that a public client of the provider requires (`x-required-sdk`).
///
/// Only in schemas of requests: a response may lack what only a client requires.
fn require_by_client(schema: &mut Value) {
    let Some(by_client) = schema.get("x-required-sdk").and_then(Value::as_array).cloned() else { return };
    let mut required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    required.extend(by_client);
    schema["required"] = required.into();
}

/// Inlines the members of unions with a discriminator. Only then does the generator write one
/// tagged Rust enum. Returns the names of the unions.
fn inline_unions(document: &mut Value) -> BTreeSet<String> {
    let Some(schemas) = document.pointer("/components/schemas").and_then(Value::as_object).cloned() else {
        return BTreeSet::new();
    };
    let (mut union_names, mut inlined_names) = (BTreeSet::new(), BTreeSet::new());
    let unions = schemas.iter().filter(|(_, schema)| schema.get("discriminator").is_some());
    for (name, union) in unions {
        let mut union = union.clone();
        let members = union["oneOf"].as_array_mut().into_iter().flatten();
        for member in members {
            let Some(target) = member["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) else {
                continue;
            };
            let title = target.strip_prefix(name.as_str()).unwrap_or(target);
            let mut inlined = schemas.get(target).cloned().unwrap_or_default();
            inlined["title"] = title.into();
            inlined_names.insert(target.to_owned());
            *member = inlined;
        }
        if let Some(map) = union.as_object_mut() {
            map.remove("discriminator");
        }
        document["components"]["schemas"][name] = union;
        union_names.insert(name.clone());
    }
    // A member that is used elsewhere, too, stays a schema of its own.
    let mut used = BTreeSet::new();
    pointer::walk(document, &mut |_, value| {
        let reference = value.get("$ref").and_then(Value::as_str);
        used.extend(reference.and_then(|reference| reference.strip_prefix("#/components/schemas/")).map(str::to_owned));
    });
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| !inlined_names.contains(name) || used.contains(name));
    }
    union_names
}

/// Returns the names of the component schemas that accept more than the spec says: responses contain
/// them, or they are marked.
pub(crate) fn open_schemas(document: &Value) -> BTreeSet<String> {
    let mut names = decoded_schemas(document);
    names.append(&mut open_in_requests(document));
    names
}

/// Returns the names of the component schemas that are decoded: 2xx responses or error bodies
/// contain them.
pub(crate) fn decoded_schemas(document: &Value) -> BTreeSet<String> {
    let mut document = document.clone();
    drop_error_responses(&mut document);
    response_schemas(&document)
}

/// Returns the names of the component schemas with `x-open: true`: enums of requests whose words are
/// uncertain.
fn open_in_requests(document: &Value) -> BTreeSet<String> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    let marked = schemas.into_iter().flatten().filter(|(_, schema)| schema.get("x-open") == Some(&Value::Bool(true)));
    marked.map(|(name, _)| name.clone()).collect()
}

/// Returns the names of the component schemas that responses contain: of 2xx responses and of error
/// bodies.
fn response_schemas(document: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut pending: Vec<&Value> =
        operations(document).into_iter().map(|(_, operation)| &operation["responses"]).collect();
    pending.extend(document.pointer("/components/responses"));
    pending.extend(document.pointer("/components/schemas/ErrorBody"));
    while let Some(value) = pending.pop() {
        pointer::walk(value, &mut |_, value| {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return;
            };
            if let Some(name) = reference.strip_prefix("#/components/schemas/")
                && names.insert(name.to_owned())
            {
                pending.extend(pointer::resolve(document, reference));
            }
        });
    }
    names.insert("ErrorBody".to_owned());
    names
}

/// Removes formats of strings and numbers and limits of strings, so that any of them decodes and
/// encodes unchanged.
///
/// An unusual timestamp must not fail a response, and providers contradict their own formats of
/// ids. A number with a format would become a float, which writes 100 as 100.0.
fn drop_formats(document: &mut Value) {
    for_each_map(document, &mut |map| {
        if map.get("type").is_some_and(|kind| kind == "number") {
            map.remove("format");
        }
        let is_string = map.get("type").is_some_and(|kind| kind == "string") && map.get("enum").is_none();
        if is_string && map.get("format").is_none_or(|format| format != "binary") {
            for key in ["format", "pattern", "minLength", "maxLength"] {
                map.remove(key);
            }
        }
    });
}

/// Removes `x-` keys and examples, which the generator would copy into the documentation of every
/// type.
fn drop_annotations(schema: &mut Value) {
    for_each_map(schema, &mut |map| {
        // In `properties` these keys would be field names, and a field's schema is an object.
        map.retain(|key, value| value.is_object() || !(key.starts_with("x-") || key == "example"));
    });
}

/// Makes an object accept added and missing fields, and encode to what was decoded.
fn open_object(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    if map.get("additionalProperties") == Some(&Value::Bool(false)) {
        map.remove("additionalProperties");
    }
    let mut required: Vec<Value> = map.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, property) in properties {
        let Some(property) = property.as_object_mut() else {
            continue;
        };
        if required.iter().any(|known| known == name) {
            continue;
        }
        if property.get("nullable") == Some(&Value::Bool(true)) {
            // Required and nullable encodes as null. The generated attribute that demands its
            // presence is removed after generation.
            required.push(name.as_str().into());
        } else if property.get("type").is_some_and(|kind| kind == "array") {
            // An optional array would decode to an empty one, which is not encoded.
            property.insert("nullable".to_owned(), true.into());
        }
    }
    if !required.is_empty() {
        map.insert("required".to_owned(), required.into());
    }
}

/// Turns a closed enum into `enum X { Known(XKnown), Unknown(String) }`, which keeps new values.
fn open_enum(name: &str, schema: &mut Value) {
    if schema.get("type").is_none_or(|kind| kind != "string") || schema.get("enum").is_none() {
        return;
    }
    let mut known = Map::new();
    for key in ["type", "enum"] {
        known.insert(key.to_owned(), schema[key].take());
    }
    known.insert("title".to_owned(), format!("{name}Known").into());
    known.insert("description".to_owned(), format!("Documented words of [`{name}`], which names their source.").into());
    let unknown = json!({"title": format!("{name}Unknown"), "type": "string"});
    *schema = json!({"description": schema["description"].take(), "oneOf": [known, unknown]});
}

fn for_each_operation(document: &mut Value, mut change: impl FnMut(&mut Value)) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for item in paths.into_iter().flat_map(Map::values_mut) {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if operation.is_object() {
                change(operation);
            }
        }
    }
}

fn for_each_map(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            change(map);
            map.values_mut().for_each(|value| for_each_map(value, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| for_each_map(value, change)),
        _ => {}
    }
}
