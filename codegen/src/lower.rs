//! Rewrites a spec into what the generator can take and what decodes without breaking.
//!
//! The specs stay as the providers' pages have them; everything that is there for the generator's sake is here. Each rule is one
//! function with its reason.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::document::operations;
use crate::{Spec, pointer};

/// The document that the generator gets.
#[must_use]
pub fn lower(spec: &Spec) -> Value {
    let mut document = spec.document.clone();
    drop_failures(&mut document);
    multipart_to_bytes(&mut document);
    inline_unions(&mut document);
    keep_text(&mut document);
    let answered = schemas_in_answers(&document);
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return document;
    };
    for (name, schema) in schemas.iter_mut() {
        drop_notes(schema);
        if answered.contains(name) {
            open_object(schema);
            open_enum(name, schema);
        }
    }
    document
}

/// The generator asserts that an operation has one error type; ours have several. Without any, every non-2xx answer arrives
/// undecoded, with status, headers and body, and one mapper per provider decodes it with the error type, which is still generated.
fn drop_failures(document: &mut Value) {
    for_each_operation(document, |operation| {
        if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
            responses.retain(|status, _| status.starts_with('2'));
        }
    });
}

/// The generator knows no multipart. As a raw body the caller can send one, with its own content type.
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

/// A union with a discriminator becomes one tagged Rust enum only if its members stand inside it.
fn inline_unions(document: &mut Value) {
    let Some(schemas) = document.pointer("/components/schemas").and_then(Value::as_object).cloned() else {
        return;
    };
    let mut spent = BTreeSet::new();
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
            spent.insert(target.to_owned());
            *member = inlined;
        }
        if let Some(map) = union.as_object_mut() {
            map.remove("discriminator");
        }
        document["components"]["schemas"][name] = union;
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| !spent.contains(name));
    }
}

/// The component schemas that a 2xx answer can hold, and error bodies: whatever the provider writes and we read.
fn schemas_in_answers(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Value> =
        operations(document).into_iter().map(|(_, operation)| &operation["responses"]).collect();
    open.extend(document.pointer("/components/responses"));
    open.extend(document.pointer("/components/schemas/ErrorBody"));
    while let Some(value) = open.pop() {
        pointer::walk(value, &mut |_, value| {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return;
            };
            if let Some(name) = reference.strip_prefix("#/components/schemas/")
                && found.insert(name.to_owned())
            {
                open.extend(pointer::resolve(document, reference));
            }
        });
    }
    found.insert("ErrorBody".to_owned());
    found
}

/// Times and UUIDs stay the text that came: an odd timestamp must not cost an answer, and what is written back must be equal.
/// Ids stay opaque: providers contradict their own formats.
fn keep_text(document: &mut Value) {
    for_each_map(document, &mut |map| {
        let is_text = map.get("type").is_some_and(|kind| kind == "string") && map.get("enum").is_none();
        if is_text && map.get("format").is_none_or(|format| format != "binary") {
            for key in ["format", "pattern", "minLength", "maxLength"] {
                map.remove(key);
            }
        }
    });
}

/// Marks and examples are for readers of the spec; the generator would copy them into the docs of every type.
fn drop_notes(schema: &mut Value) {
    for_each_map(schema, &mut |map| {
        // In `properties` these keys would be field names, and a field's schema is an object.
        map.retain(|key, value| value.is_object() || !(key.starts_with("x-") || key == "example"));
    });
}

/// What a provider may add or leave out must not break a decode, and what came must be written back as it came.
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
            // Required and nullable is written back as null; the generated attribute that would insist on its presence is
            // taken out after generation.
            required.push(name.as_str().into());
        } else if property.get("type").is_some_and(|kind| kind == "array") {
            // An optional list would decode to an empty one and vanish when written back.
            property.insert("nullable".to_owned(), true.into());
        }
    }
    if !required.is_empty() {
        map.insert("required".to_owned(), required.into());
    }
}

/// A closed enum becomes `enum X { Known(XKnown), Unknown(String) }`: a new word is kept, not refused.
fn open_enum(name: &str, schema: &mut Value) {
    if schema.get("type").is_none_or(|kind| kind != "string") || schema.get("enum").is_none() {
        return;
    }
    let mut known = Map::new();
    for key in ["type", "enum"] {
        known.insert(key.to_owned(), schema[key].take());
    }
    known.insert("title".to_owned(), format!("{name}Known").into());
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
