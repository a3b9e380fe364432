//! OpenAPI 3.0 and 3.1 descriptions. Specs are read by this too, so that both sides of a comparison come from one reader.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::pages::blocks as text;
use crate::pages::budget::{Budget, MAX_SCHEMA_DEPTH, Refusal};
use crate::pages::example_values as examples;
use crate::pages::load::Document;
use crate::pages::model::{Field, Form, Operation, Page};
use crate::pages::paths;
use crate::pages::schema::Schemas;
use bulkrail_codegen::{document as lint, pointer};

/// Whether the text is a description: JSON, or YAML with `openapi` among its outermost keys.
pub(crate) fn recognise(text: &str) -> bool {
    let is_key = |line: &str| {
        let line = line.trim_start_matches(['"', '\'']);
        let rest = line.strip_prefix("openapi").or_else(|| line.strip_prefix("swagger"));
        rest.is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    };
    match text.strip_prefix('{') {
        Some(json) => json.contains("\"openapi\"") || json.contains("\"swagger\"") || is_key(json.trim_start()),
        None => text.lines().any(is_key),
    }
}

pub(crate) fn page(document: &Document, form: Form, budget: &mut Budget) -> Result<Page, Refusal> {
    let version = document.value["openapi"].as_str().unwrap_or_default();
    if !(version.starts_with("3.0") || version.starts_with("3.1")) {
        return Err(Refusal::new("is a description, but not of OpenAPI 3.0 or 3.1").at(document.line("/openapi"), ""));
    }
    let mut operations = Vec::new();
    for (at, operation) in lint::operations(&document.value) {
        let sources = sources(operation);
        operations.push(Reader { document, budget, sources }.operation(&at, operation)?);
    }
    let servers = document.value["servers"].as_array().into_iter().flatten();
    let servers = servers.filter_map(|server| server["url"].as_str()).map(paths::without_host).collect();
    Ok(Page { form, operations, servers, unread: Vec::new() })
}

struct Reader<'a> {
    document: &'a Document,
    budget: &'a mut Budget,
    /// The pages that the operation is on.
    sources: BTreeSet<String>,
}

impl Reader<'_> {
    fn operation(&mut self, at: &str, operation: &Value) -> Result<Operation, Refusal> {
        let item = text::parent(at).unwrap_or_default();
        let mut found = Operation {
            method: text::leaf(at),
            path: text::leaf(item),
            line: self.document.line(at),
            every_status: true,
            id: operation["operationId"].as_str().map(str::to_owned),
            at: at.to_owned(),
            ..Operation::default()
        };
        for around in [item, at] {
            let list = pointer::join(around, "parameters");
            let parameters = self.document.value.pointer(&list).and_then(Value::as_array);
            for index in 0..parameters.map_or(0, Vec::len) {
                for field in self.parameter(&format!("{list}/{index}"))? {
                    found.parameters.retain(|known| known.pointer != field.pointer);
                    found.parameters.push(field);
                }
            }
        }
        if operation.get("requestBody").is_some() {
            found.request = Some(self.body(&pointer::join(at, "requestBody"))?);
        }
        for status in operation["responses"].as_object().into_iter().flatten().map(|(status, _)| status) {
            let at = pointer::join(&pointer::join(at, "responses"), status);
            let key = if status == "default" { status.clone() } else { status.to_ascii_uppercase() };
            let (_, response) = resolve(self.document, &at)?;
            if is_from_elsewhere(response, &self.sources) {
                found.from_elsewhere.insert(key.clone());
            }
            let body = self.body(&at)?;
            found.responses.insert(key, body);
        }
        Ok(found)
    }

    fn parameter(&mut self, at: &str) -> Result<Vec<Field>, Refusal> {
        let (place, parameter) = resolve(self.document, at)?;
        let (Some(name), Some(group)) = (parameter["name"].as_str(), parameter["in"].as_str()) else {
            return Ok(Vec::new());
        };
        let root = pointer::join(&pointer::join("", group), name);
        let required = parameter["required"] == true || group == "path";
        let mut fields = match parameter.get("schema") {
            Some(_) => self.schemas().fields(&pointer::join(&place, "schema"), &root, Some(required))?,
            None => vec![Field { required: Some(required), ..Field::new(&root, None) }],
        };
        fields[0].at = at.to_owned();
        fields[0].line = self.document.line(at);
        fields[0].from_elsewhere = is_from_elsewhere(parameter, &self.sources);
        self.examples(&mut fields, parameter, &root)?;
        Ok(fields)
    }

    /// The fields of the body of a request or answer.
    fn body(&mut self, at: &str) -> Result<Vec<Field>, Refusal> {
        let (place, body) = resolve(self.document, at)?;
        let types = body["content"].as_object();
        let by_name = |wanted: &str| types.into_iter().flatten().find(|(name, _)| name.contains(wanted));
        let Some((name, media)) = by_name("application/json").or_else(|| by_name("json")).or_else(|| by_name(""))
        else {
            return Ok(Vec::new());
        };
        let schema = pointer::join(&pointer::join(&pointer::join(&place, "content"), name), "schema");
        if media.get("schema").is_none() {
            return Ok(Vec::new());
        }
        let required = body["required"].as_bool().or(at.ends_with("/requestBody").then_some(false));
        let mut fields = self.schemas().fields(&schema, "", required)?;
        self.examples(&mut fields, media, "")?;
        Ok(fields)
    }

    fn examples(&mut self, fields: &mut [Field], holder: &Value, root: &str) -> Result<(), Refusal> {
        let named = holder["examples"].as_object().into_iter().flatten();
        let named = named.filter_map(|(_, example)| match example["$ref"].as_str() {
            Some(reference) => pointer::resolve(&self.document.value, reference)?.get("value"),
            None => example.get("value"),
        });
        let all: Vec<&Value> = holder.get("example").into_iter().chain(named).collect();
        let places: BTreeMap<String, usize> =
            fields.iter().enumerate().map(|(index, field)| (field.pointer.clone(), index)).collect();
        all.into_iter().try_for_each(|example| examples::attach(fields, &places, root, example, true, self.budget))
    }

    fn schemas(&mut self) -> Schemas<'_> {
        Schemas::new(self.document, &self.sources, self.budget)
    }
}

/// The value at `at`, or what it refers to, and where that is.
pub(crate) fn resolve<'a>(document: &'a Document, at: &str) -> Result<(String, &'a Value), Refusal> {
    let mut place = at.to_owned();
    let refuse = |reason: String| Refusal::new(reason).at(document.line(at), at);
    for _ in 0..MAX_SCHEMA_DEPTH {
        let Some(value) = document.value.pointer(&place) else {
            return Err(refuse("there is nothing here".to_owned()));
        };
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return Ok((place, value));
        };
        place = target(document, reference).map_err(|reason| refuse(reason.to_owned()))?;
    }
    Err(refuse("its `$ref` leads back to itself".to_owned()))
}

/// The pointer that a reference stands for.
pub(crate) fn target(document: &Document, reference: &str) -> Result<String, &'static str> {
    let Some(pointer) = reference.strip_prefix('#') else {
        return Err("its `$ref` leads to another file; save the description in one piece");
    };
    match document.value.pointer(pointer) {
        Some(_) => Ok(pointer.to_owned()),
        None => Err("its `$ref` points at nothing in this file"),
    }
}

/// The pages that something is on, without what tells a page from its Markdown twin.
pub(crate) fn sources(value: &Value) -> BTreeSet<String> {
    let list: Vec<&Value> = match value.get("x-source") {
        Some(Value::Array(list)) => list.iter().collect(),
        single => single.into_iter().collect(),
    };
    list.into_iter().filter_map(Value::as_str).map(|page| page.trim_end_matches(".md").to_owned()).collect()
}

/// Whether a spec has this from another place than the operation's pages, so that they need not name it.
pub(crate) fn is_from_elsewhere(value: &Value, pages: &BTreeSet<String>) -> bool {
    let own = sources(value);
    let evidence = value.get("x-evidence").and_then(Value::as_str);
    matches!(evidence, Some("sdk" | "inference")) || (!own.is_empty() && !pages.is_empty() && own.is_disjoint(pages))
}
