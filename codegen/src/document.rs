//! Operations and schemas of an OpenAPI document, and the evidence for each.
//!
//! ```
//! use bulkrail_codegen::{Spec, document};
//!
//! let text = "paths: {/jobs: {get: {operationId: get_job}}}
//! components: {schemas: {Job: {x-evidence: page, type: object}}}
//! ";
//! let spec = Spec::parse("tiny.yaml", text)?;
//! let operations = document::operations(&spec.document);
//! assert_eq!(operations[0].0, "/paths/~1jobs/get");
//! let schemas = document::schemas(&spec.document);
//! assert_eq!(schemas[0].pointer, "/components/schemas/Job");
//! assert_eq!(document::evidence(&spec.document, "/components/schemas/Job/type"), Some("page"));
//! # Ok::<(), bulkrail_codegen::Error>(())
//! ```

use serde_json::Value;

use crate::pointer;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];

/// Schema in a document.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Schema<'a> {
    /// JSON pointer of the schema.
    pub pointer: String,
    /// Schema itself.
    pub value: &'a Value,
    /// Media type, parameter or header that the schema belongs to, with its pointer. `None` for
    /// component schemas and for schemas inside others.
    pub holder: Option<(String, &'a Value)>,
}

/// Returns each operation of a document with its pointer.
#[must_use]
pub fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let path_item = pointer::join("/paths", path);
        let methods = METHODS.iter().filter_map(|method| Some((method, item.get(method)?)));
        operations.extend(methods.map(|(method, operation)| (pointer::join(&path_item, method), operation)));
    }
    operations
}

/// Returns each schema of a document, wherever it is. A schema comes before those inside it.
#[must_use]
pub fn schemas(document: &Value) -> Vec<Schema<'_>> {
    let mut schemas = Vec::new();
    find_schemas("", document, &mut schemas);
    schemas
}

/// Returns the name of the component schema at `pointer`, or `None` if it points elsewhere or
/// inside a schema.
#[must_use]
pub fn component_name(pointer: &str) -> Option<&str> {
    pointer.strip_prefix("/components/schemas/").filter(|name| !name.contains('/'))
}

/// Returns the `x-evidence` of the value at `pointer`, or of the nearest enclosing value that has
/// one.
#[must_use]
pub fn evidence<'a>(document: &'a Value, pointer: &str) -> Option<&'a str> {
    let mut pointer = pointer;
    loop {
        let own = document.pointer(pointer).and_then(|value| value.get("x-evidence"));
        match own {
            Some(evidence) => return evidence.as_str(),
            None => pointer = &pointer[..pointer.rfind('/')?],
        }
    }
}

/// Finds the schemas below a value that is not a schema.
fn find_schemas<'a>(pointer: &str, value: &'a Value, schemas: &mut Vec<Schema<'a>>) {
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                let child = pointer::join(pointer, key);
                match key.as_str() {
                    "example" | "examples" => {}
                    _ if key.starts_with("x-") => {}
                    "schema" => add_schema(child, below, Some((pointer.to_owned(), value)), schemas),
                    "schemas" if pointer == "/components" => add_each(&child, below, schemas),
                    _ => find_schemas(&child, below, schemas),
                }
            }
        }
        Value::Array(items) => (items.iter().enumerate())
            .for_each(|(index, item)| find_schemas(&pointer::join(pointer, &index.to_string()), item, schemas)),
        _ => {}
    }
}

/// Adds a schema and those inside it.
fn add_schema<'a>(
    pointer: String,
    value: &'a Value,
    holder: Option<(String, &'a Value)>,
    schemas: &mut Vec<Schema<'a>>,
) {
    schemas.push(Schema { pointer: pointer.clone(), value, holder });
    for key in ["items", "additionalProperties", "not"] {
        if let Some(below) = value.get(key) {
            add_schema(pointer::join(&pointer, key), below, None, schemas);
        }
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        let members = value.get(key).and_then(Value::as_array).into_iter().flatten();
        for (index, member) in members.enumerate() {
            add_schema(format!("{pointer}/{key}/{index}"), member, None, schemas);
        }
    }
    if let Some(properties) = value.get("properties") {
        add_each(&pointer::join(&pointer, "properties"), properties, schemas);
    }
}

/// Adds each schema of a map by name.
fn add_each<'a>(pointer: &str, map: &'a Value, schemas: &mut Vec<Schema<'a>>) {
    for (name, schema) in map.as_object().into_iter().flatten() {
        add_schema(pointer::join(pointer, name), schema, None, schemas);
    }
}
