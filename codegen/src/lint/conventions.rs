//! Conventions for names, unions, examples and uploads (rules 5, 6, 8 and 9).
//!
//! Those for uploads and code blocks hold for every spec: without them, the generated code does not
//! compile, or its documentation does not.

use serde_json::Value;

use crate::document::{Schema, component_name, schemas};
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;
use crate::rules::Rules;

/// Placeholders for obfuscated email addresses, with a space and with a no-break space.
const OBFUSCATED_EMAILS: [&str; 2] = ["[email protected]", "[email\u{a0}protected]"];

pub(super) fn check(spec: &Spec, rules: Rules, errors: &mut Vec<Error>) {
    if rules == Rules::Bulkrail {
        check_schemas(spec, errors);
    }
    pointer::walk(&spec.document, &mut |pointer, value| {
        let is_obfuscated = |text: &str| OBFUSCATED_EMAILS.iter().any(|email| text.contains(email));
        if rules == Rules::Bulkrail && value.as_str().is_some_and(is_obfuscated) {
            errors.push(spec.error(pointer, "an obfuscated email address is written user@example.com"));
        }
        let is_prose = pointer.ends_with("/description") || pointer.ends_with("/summary");
        if is_prose && value.as_str().is_some_and(has_rust_code) {
            let reason =
                "a code block is compiled as a test of the documentation; write ```text before it, or no block";
            errors.push(spec.error(pointer, reason));
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

/// Checks the names of schemas, and the reasons for unions of scalars.
fn check_schemas(spec: &Spec, errors: &mut Vec<Error>) {
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
}

/// Returns whether a text has a block that rustdoc takes for Rust: one without another language, or
/// an indented one.
fn has_rust_code(text: &str) -> bool {
    let (mut is_fenced, mut is_after_blank, mut has_list) = (false, true, false);
    for line in text.lines() {
        let trimmed = line.trim_start();
        if let Some(language) = trimmed.strip_prefix("```").or_else(|| trimmed.strip_prefix("~~~")) {
            if !is_fenced && matches!(language.trim(), "" | "rust") {
                return true;
            }
            is_fenced = !is_fenced;
        }
        has_list |= trimmed.starts_with(['-', '*', '+']) || trimmed.starts_with(|first: char| first.is_ascii_digit());
        let is_indented = line.starts_with("    ") || line.starts_with('\t');
        // Below an item of a list, an indented line belongs to the item.
        if is_indented && is_after_blank && !is_fenced && !has_list && !trimmed.is_empty() {
            return true;
        }
        is_after_blank = trimmed.is_empty();
    }
    false
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
