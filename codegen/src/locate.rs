//! Finds the operation or schema that the generator cannot turn into Rust.
//!
//! The generator names neither line nor pointer, and its messages are about its own code. Generating
//! again from parts of the document finds the place.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic;
use std::sync::Once;

use serde_json::{Map, Value, json};

use crate::document::{operations, schemas};
use crate::{Error, Spec, pointer};

thread_local! {
    static IS_SILENT: Cell<bool> = const { Cell::new(false) };
}

/// Calls `generate` and returns `None` if it fails or panics. The message of the panic is not
/// printed: cargo would show it as the message of the build.
pub(crate) fn attempt<T>(generate: impl FnOnce() -> Option<T>) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_SILENT.get() {
                print(info);
            }
        }));
    });
    IS_SILENT.set(true);
    let result = panic::catch_unwind(panic::AssertUnwindSafe(generate));
    IS_SILENT.set(false);
    result.ok().flatten()
}

/// Returns the error about the part of `document` for which `fails`, with the place in `spec`.
///
/// `document` is the lowered spec.
pub(crate) fn error(spec: &Spec, document: &Value, fails: impl Fn(&Value) -> bool) -> Error {
    let pointer = place(document, fails);
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let subject = if pointer.starts_with("/components/schemas/") {
        format!("the schema `{name}`")
    } else if pointer.is_empty() {
        "the document".to_owned()
    } else {
        let id = spec.document.pointer(&pointer).and_then(|operation| operation["operationId"].as_str());
        format!("the operation `{}`", id.unwrap_or(name))
    };
    spec.error(&pointer, format!("{subject} uses OpenAPI in a way that cannot be turned into Rust; write it simpler"))
}

/// Returns the pointer of the first operation or schema for which `fails`, or an empty one.
fn place(document: &Value, fails: impl Fn(&Value) -> bool) -> String {
    let mut without_paths = document.clone();
    without_paths["paths"] = json!({});
    if !fails(&without_paths) {
        let mut places = operations(document).into_iter().map(|(pointer, _)| pointer);
        return places.find(|pointer| fails(&with_operation(document, pointer))).unwrap_or_default();
    }
    let names = document.pointer("/components/schemas").and_then(Value::as_object);
    let mut parts: Vec<_> = names.into_iter().flatten().map(|(name, _)| (name, reachable(document, name))).collect();
    // A schema that fails makes those that contain it fail, too.
    parts.sort_by_key(|(_, names)| names.len());
    let fails = |names: &BTreeSet<String>| {
        let mut part = without_paths.clone();
        if let Some(schemas) = part.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
            schemas.retain(|name, _| names.contains(name));
        }
        fails(&part)
    };
    if fails(&BTreeSet::new()) {
        return String::new();
    }
    let found = parts.into_iter().find(|(_, names)| fails(names));
    found.map(|(name, _)| pointer::join("/components/schemas", name)).unwrap_or_default()
}

/// Returns the document with one operation only.
fn with_operation(document: &Value, operation: &str) -> Value {
    let (path, method) = operation.rsplit_once('/').unwrap_or_default();
    let mut part = document.clone();
    let mut item: Map<String, Value> = Map::new();
    for key in ["parameters", method] {
        if let Some(value) = document.pointer(path).and_then(|item| item.get(key)) {
            item.insert(key.to_owned(), value.clone());
        }
    }
    let key = path.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
    part["paths"] = json!({ key: item });
    part
}

/// Returns the names of the component schemas that a component schema contains, with its own.
fn reachable(document: &Value, name: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::from([name.to_owned()]);
    let mut pending = vec![name.to_owned()];
    while let Some(name) = pending.pop() {
        let Some(schema) = document["components"]["schemas"].get(&name) else { continue };
        pointer::walk(schema, &mut |_, value| {
            let reference = value.get("$ref").and_then(Value::as_str);
            if let Some(target) = reference.and_then(|reference| reference.strip_prefix("#/components/schemas/"))
                && names.insert(target.to_owned())
            {
                pending.push(target.to_owned());
            }
        });
    }
    names
}

/// Returns the pointer of the component schema that contains most of the letters of a Rust name, or
/// an empty one.
pub(crate) fn schema_of(spec: &Spec, rust_name: &str) -> String {
    let letters = |text: &str| -> String {
        text.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = letters(rust_name);
    let components = schemas(&spec.document).into_iter().map(|schema| schema.pointer);
    let components = components.filter(|pointer| {
        let name = pointer.strip_prefix("/components/schemas/");
        name.is_some_and(|name| !name.contains('/') && wanted.starts_with(&letters(name)))
    });
    components.max_by_key(String::len).unwrap_or_default()
}
