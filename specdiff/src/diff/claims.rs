//! Statements of a spec for which it names a page as evidence, and whether that page makes them.
//!
//! [`diff`](crate::diff()) concludes nothing from the silence of a page, because any page may be
//! silent. For a statement whose evidence is this very page, silence means that the statement has
//! no evidence.

use std::collections::{BTreeMap, BTreeSet};

use bulkrail_codegen::document::evidence;
use bulkrail_codegen::pointer;
use serde_json::Value;

use crate::diff::presence::FieldIndex;
use crate::pages::evidence::sources;
use crate::pages::model::{Field, Operation};
use crate::pages::values::{is_date_time, value_text};

/// Statement of a spec about a field.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// Pointer of the statement.
    pub(crate) pointer: String,
    /// Pointer of its subject.
    pub(crate) subject: String,
    /// Statement: `required: name`, `nullable`, `format: uuid` or `enum`.
    pub(crate) statement: String,
    /// Whether the page makes it too.
    pub(crate) is_on_page: bool,
    /// Evidence of the subject.
    pub(crate) evidence: String,
    /// Pages that the subject is from.
    pub(crate) sources: BTreeSet<String>,
}

/// Returns the statements of the spec about the bodies and parameters of `known`. `page` is the
/// same operation on a page.
pub(crate) fn collect(document: &Value, known: &Operation, page: &Operation) -> Vec<Claim> {
    let mut reader = Reader { document, page: BTreeMap::new(), visited: BTreeSet::new(), claims: Vec::new() };
    if let (Some(known), Some(page)) = (&known.request, &page.request) {
        reader.body(known, page);
    }
    for (status, page) in &page.responses {
        let known = known.matching_status(status).and_then(|status| known.responses.get(&status));
        if let Some(known) = known {
            reader.body(known, page);
        }
    }
    for field in known.parameters.iter().filter(|field| field.required == Some(true)) {
        // OpenAPI demands `required` for path parameters.
        if !field.pointer.starts_with("/path/") {
            let is_same = |other: &Field| other.pointer == field.pointer && other.required == Some(true);
            let is_on_page = page.parameters.iter().any(is_same);
            let pointer = pointer::join(&field.spec_pointer, "required");
            reader.add(&field.spec_pointer, pointer, "required".to_owned(), is_on_page);
        }
    }
    reader.claims
}

struct Reader<'a> {
    document: &'a Value,
    /// Fields of the current body on the page.
    page: FieldIndex<'a>,
    /// Pairs of a schema pointer and the field pointer that led to it.
    visited: BTreeSet<(String, String)>,
    claims: Vec<Claim>,
}

impl<'a> Reader<'a> {
    fn body(&mut self, known: &[Field], page: &'a [Field]) {
        let Some(body) = known.first().filter(|_| !page.is_empty()) else { return };
        self.page = page.iter().map(|field| (field.pointer.as_str(), field)).collect();
        self.visited.clear();
        self.schema(&body.schema_pointer, "");
    }

    /// Reads the schema at `target`, which is that of the field at `name`.
    fn schema(&mut self, target: &str, name: &str) {
        let schema = self.document.pointer(target).unwrap_or(&Value::Null);
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            // Circular references were refused when the fields of the spec were read.
            return self.schema(reference.trim_start_matches('#'), name);
        }
        if !self.visited.insert((target.to_owned(), name.to_owned())) {
            return;
        }
        self.value(schema, target, name);
        let properties = pointer::join(target, "properties");
        for (index, key) in schema["required"].as_array().into_iter().flatten().enumerate() {
            let Some(key) = key.as_str() else { continue };
            let field = self.page.get(pointer::join(name, key).as_str());
            let is_on_page = field.is_some_and(|field| field.required == Some(true));
            let pointer = format!("{target}/required/{index}");
            self.add(&pointer::join(&properties, key), pointer, format!("required: {key}"), is_on_page);
        }
        for key in schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key) {
            self.schema(&pointer::join(&properties, key), &pointer::join(name, key));
        }
        if schema.get("items").is_some() {
            self.schema(&pointer::join(target, "items"), &format!("{name}/*"));
        }
        for key in ["allOf", "oneOf", "anyOf"] {
            for index in 0..schema[key].as_array().map_or(0, Vec::len) {
                self.schema(&format!("{target}/{key}/{index}"), name);
            }
        }
    }

    /// Adds the statements of a schema about its value.
    fn value(&mut self, schema: &Value, target: &str, name: &str) {
        let field = self.page.get(name).copied();
        if schema["nullable"] == true {
            let is_on_page = field.is_some_and(|field| field.nullable == Some(true));
            self.add(target, pointer::join(target, "nullable"), "nullable".to_owned(), is_on_page);
        }
        if let Some(format) = schema["format"].as_str() {
            let is_on_page = field.is_some_and(|field| {
                let is_shown = |example: &Value| has_format(example, format);
                field.format.as_deref() == Some(format) || field.examples.iter().any(is_shown)
            });
            self.add(target, pointer::join(target, "format"), format!("format: {format}"), is_on_page);
        }
        if let Some(values) = schema["enum"].as_array() {
            let listed = field.and_then(|field| field.values.as_ref());
            let contains_all = |listed: &Vec<String>| values.iter().all(|value| listed.contains(&value_text(value)));
            let is_on_page = listed.is_some_and(contains_all);
            self.add(target, pointer::join(target, "enum"), "enum".to_owned(), is_on_page);
        }
    }

    fn add(&mut self, subject: &str, pointer: String, statement: String, is_on_page: bool) {
        let evidence = evidence(self.document, subject).unwrap_or_default().to_owned();
        let sources = nearest_with_source(self.document, subject).map(sources).unwrap_or_default();
        let subject = subject.to_owned();
        self.claims.push(Claim { pointer, subject, statement, is_on_page, evidence, sources });
    }
}

/// Returns the value at `pointer`, or the nearest enclosing one, that names its pages.
fn nearest_with_source<'a>(document: &'a Value, pointer: &str) -> Option<&'a Value> {
    let mut pointer = pointer;
    loop {
        match document.pointer(pointer).filter(|value| value.get("x-source").is_some()) {
            Some(value) => return Some(value),
            None => pointer = &pointer[..pointer.rfind('/')?],
        }
    }
}

/// Returns whether an example shows that the value has this format.
fn has_format(example: &Value, format: &str) -> bool {
    let text = example.as_str().unwrap_or_default();
    match format {
        "date-time" => is_date_time(example),
        "date" => text.len() == 10 && is_date_time(&format!("{text}T00:00:00").into()),
        "uuid" => {
            let lengths: Vec<usize> = text.split('-').map(str::len).collect();
            lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
        }
        "uri" => text.contains("://"),
        "email" => text.contains('@'),
        "int32" | "int64" => example.is_i64(),
        "float" | "double" => example.is_number(),
        _ => false,
    }
}
