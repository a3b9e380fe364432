//! What a spec says on the evidence of a page that is saved, and whether that page says it.
//!
//! [`diff`](super::diff()) concludes nothing from the silence of a page, because a page of any provider may be silent. About what a
//! spec claims to have from this very page, silence is an answer: the mark is invented.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::diff::fields::is_time;
use crate::diff::presence::Known;
use crate::pages::model::{Field, Operation};
use crate::pages::openapi::sources;
use crate::pages::schema::value_text;
use bulkrail_codegen::document::evidence;
use bulkrail_codegen::pointer;

/// Something that the spec says of a field.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// Where the spec says it.
    pub(crate) at: String,
    /// What it says it about.
    pub(crate) about: String,
    /// `required: name`, `nullable`, `format: uuid`, `enum`.
    pub(crate) what: String,
    /// Whether the page says so too.
    pub(crate) shown: bool,
    /// The evidence for it.
    pub(crate) evidence: String,
    /// The pages that it is from.
    pub(crate) sources: BTreeSet<String>,
}

/// What the spec says of the bodies of `known`, held against what `described`, the same operation on a page, says of them.
pub(crate) fn of(document: &Value, known: &Operation, described: &Operation) -> Vec<Claim> {
    let mut reader = Reader { document, page: BTreeMap::new(), seen: BTreeSet::new(), found: Vec::new() };
    if let (Some(known), Some(described)) = (&known.request, &described.request) {
        reader.body(known, described);
    }
    for (status, described) in &described.responses {
        let known = known.status(status).and_then(|status| known.responses.get(&status));
        if let Some(known) = known {
            reader.body(known, described);
        }
    }
    for field in known.parameters.iter().filter(|field| field.required == Some(true)) {
        // A path cannot be written without its parameters.
        if !field.pointer.starts_with("/path/") {
            let same = |other: &&Field| other.pointer == field.pointer && other.required == Some(true);
            let shown = described.parameters.iter().find(same).is_some();
            reader.claim(&field.at, pointer::join(&field.at, "required"), "required".to_owned(), shown);
        }
    }
    reader.found
}

struct Reader<'a> {
    document: &'a Value,
    /// The fields of the body at hand on the page.
    page: Known<'a>,
    /// Places of schemas, with the pointers in the body that led there.
    seen: BTreeSet<(String, String)>,
    found: Vec<Claim>,
}

impl<'a> Reader<'a> {
    fn body(&mut self, known: &[Field], described: &'a [Field]) {
        let Some(body) = known.first().filter(|_| !described.is_empty()) else { return };
        self.page = described.iter().map(|field| (field.pointer.as_str(), field)).collect();
        self.seen.clear();
        self.schema(&body.schema, "");
    }

    /// The schema at `place`, which is that of the field `name`.
    fn schema(&mut self, place: &str, name: &str) {
        let schema = self.document.pointer(place).unwrap_or(&Value::Null);
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            // That references end was seen when the fields of the spec were read.
            return self.schema(reference.trim_start_matches('#'), name);
        }
        if !self.seen.insert((place.to_owned(), name.to_owned())) {
            return;
        }
        self.marks(schema, place, name);
        let list = pointer::join(place, "properties");
        for (index, key) in schema["required"].as_array().into_iter().flatten().enumerate() {
            let Some(key) = key.as_str() else { continue };
            let shown =
                self.page.get(pointer::join(name, key).as_str()).is_some_and(|field| field.required == Some(true));
            let at = format!("{place}/required/{index}");
            self.claim(&pointer::join(&list, key), at, format!("required: {key}"), shown);
        }
        for key in schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key) {
            self.schema(&pointer::join(&list, key), &pointer::join(name, key));
        }
        if schema.get("items").is_some() {
            self.schema(&pointer::join(place, "items"), &format!("{name}/*"));
        }
        for key in ["allOf", "oneOf", "anyOf"] {
            for index in 0..schema[key].as_array().map_or(0, Vec::len) {
                self.schema(&format!("{place}/{key}/{index}"), name);
            }
        }
    }

    /// What the schema says of its value.
    fn marks(&mut self, schema: &Value, place: &str, name: &str) {
        let field = self.page.get(name).copied();
        if schema["nullable"] == true {
            let shown = field.is_some_and(|field| field.nullable == Some(true));
            self.claim(place, pointer::join(place, "nullable"), "nullable".to_owned(), shown);
        }
        if let Some(format) = schema["format"].as_str() {
            let shown = field.is_some_and(|field| {
                field.format.as_deref() == Some(format) || field.examples.iter().any(|example| shows(example, format))
            });
            self.claim(place, pointer::join(place, "format"), format!("format: {format}"), shown);
        }
        if let Some(values) = schema["enum"].as_array() {
            let listed = field.and_then(|field| field.values.as_ref());
            let shown = listed.is_some_and(|listed| values.iter().all(|value| listed.contains(&value_text(value))));
            self.claim(place, pointer::join(place, "enum"), "enum".to_owned(), shown);
        }
    }

    /// `what` stands at `at` and is about the thing at `about`.
    fn claim(&mut self, about: &str, at: String, what: String, shown: bool) {
        let evidence = evidence(self.document, about).unwrap_or_default().to_owned();
        let own = nearest(self.document, about);
        let sources = own.map(sources).unwrap_or_default();
        self.found.push(Claim { at, about: about.to_owned(), what, shown, evidence, sources });
    }
}

/// The thing itself, or the nearest around it, that names its pages.
fn nearest<'a>(document: &'a Value, pointer: &str) -> Option<&'a Value> {
    let mut at = pointer;
    loop {
        match document.pointer(at).filter(|value| value.get("x-source").is_some()) {
            Some(value) => return Some(value),
            None => at = &at[..at.rfind('/')?],
        }
    }
}

/// Whether an example makes it plain that the value has this format.
fn shows(example: &Value, format: &str) -> bool {
    let text = example.as_str().unwrap_or_default();
    match format {
        "date-time" => is_time(example),
        "date" => text.len() == 10 && is_time(&format!("{text}T00:00:00").into()),
        "uuid" => {
            let steps: Vec<usize> = text.split('-').map(str::len).collect();
            steps == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
        }
        "uri" => text.contains("://"),
        "email" => text.contains('@'),
        "int32" | "int64" => example.is_i64(),
        "float" | "double" => example.is_number(),
        _ => false,
    }
}
