//! Conventions for names, unions, examples and uploads (rules 5, 6, 8 and 9).

use serde_json::Value;

use crate::document::{Schema, component_name, schemas};
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;

/// Placeholders for obfuscated email addresses, with a space and with a no-break space.
const OBFUSCATED_EMAILS: [&str; 2] = ["[email protected]", "[email\u{a0}protected]"];

pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    let provider = spec.file.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    for Schema { pointer, value, .. } in schemas(&spec.document) {
        let name = component_name(&pointer).unwrap_or_default().to_ascii_lowercase();
        if !provider.is_empty() && name.starts_with(&provider) {
            let reason = format!("the name must not start with `{provider}`; the Rust module has that name");
            errors.push(spec.error(&pointer, reason));
        }
        if is_scalar_union(value) && value.get("x-contradiction").is_none() {
            let reason = "contradicting types need an `x-contradiction` that names both sources";
            errors.push(spec.error(&pointer, reason));
        }
    }
    pointer::walk(&spec.document, &mut |pointer, value| {
        if value.as_str().is_some_and(|text| OBFUSCATED_EMAILS.iter().any(|email| text.contains(email))) {
            errors.push(spec.error(pointer, "an obfuscated email address is written user@example.com"));
        }
        for (kind, media) in value.get("content").and_then(Value::as_object).into_iter().flatten() {
            let is_upload = kind == "multipart/form-data" && has_binary_property(&spec.document, media);
            if kind.starts_with("multipart/") && !is_upload {
                let pointer = pointer::join(&pointer::join(pointer, "content"), kind);
                let reason = "must be multipart/form-data with a property `type: string, format: binary`";
                errors.push(spec.error(&pointer, reason));
            }
        }
    });
}

/// Returns whether the schema of a media type has a property for a file.
fn has_binary_property(document: &Value, media: &Value) -> bool {
    let follow = |value: &Value| {
        let reference = value.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|reference| pointer::resolve(document, reference).cloned());
        target.unwrap_or_else(|| value.clone())
    };
    let Some(schema) = media.get("schema") else { return false };
    let schema = follow(schema);
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().any(|(_, property)| {
        let property = follow(property);
        property["type"] == "string" && property["format"] == "binary"
    })
}

/// Returns whether each member is a scalar type, as where the declared type of a page contradicts
/// its example.
fn is_scalar_union(schema: &Value) -> bool {
    let members = schema.get("oneOf").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_scalar = |member: &Value| member.get("type").is_some_and(|name| name != "object" && name != "array");
    !members.is_empty() && members.iter().all(is_scalar)
}
