//! Reads OpenAPI 3.0 and 3.1 descriptions. Specs are read by this too, so both sides of a
//! comparison share one reader.

use std::collections::BTreeSet;

use bulkrail_codegen::{document, pointer};
use serde_json::Value;

use crate::pages::auth::Auth;
use crate::pages::budget::{Budget, ReadError};
use crate::pages::document::{Document, resolve};
use crate::pages::evidence::{is_from_other_page, sources};
use crate::pages::example_values as examples;
use crate::pages::model::{Expressiveness, Field, MediaTypes, Operation, Page, PageFormat};
use crate::pages::names::{leaf, parameter_pointer, parent};
use crate::pages::polling::Polling;
use crate::pages::schema::SchemaReader;

/// Returns whether the text is a description: JSON, or YAML with the top-level key `openapi` or
/// `swagger`.
pub(crate) fn detect(text: &str) -> bool {
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

pub(crate) fn parse(document: &Document, format: PageFormat, budget: &mut Budget) -> Result<Page, ReadError> {
    let version = document.value["openapi"].as_str().unwrap_or_default();
    if !(version.starts_with("3.0") || version.starts_with("3.1")) {
        let error = ReadError::new("is a description, but not of OpenAPI 3.0 or 3.1");
        return Err(error.with_location(document.line("/openapi"), ""));
    }
    let mut page = Page::new(format);
    for (pointer, operation) in document::operations(&document.value) {
        let sources = sources(operation);
        page.operations.push(Reader { document, budget, sources }.operation(&pointer, operation)?);
    }
    let servers = document.value["servers"].as_array().into_iter().flatten();
    page.servers = servers.filter_map(|server| server["url"].as_str()).map(str::to_owned).collect();
    Ok(page)
}

struct Reader<'a> {
    document: &'a Document,
    budget: &'a mut Budget,
    /// Pages that document the operation.
    sources: BTreeSet<String>,
}

impl Reader<'_> {
    fn operation(&mut self, pointer: &str, value: &Value) -> Result<Operation, ReadError> {
        let path_item = parent(pointer).unwrap_or_default();
        let mut operation = Operation {
            method: leaf(pointer),
            path: leaf(path_item),
            line: self.document.line(pointer),
            lists_all_statuses: true,
            deprecated: Some(value["deprecated"] == true),
            id: value["operationId"].as_str().map(str::to_owned),
            auth: vec![Auth::from_description(self.document, pointer)],
            addresses: self.addresses(path_item, pointer),
            polling: Polling::from_description(value, self.document.line(pointer)),
            spec_pointer: pointer.to_owned(),
            ..Operation::default()
        };
        for holder in [path_item, pointer] {
            let list = pointer::join(holder, "parameters");
            let parameters = self.document.value.pointer(&list).and_then(Value::as_array);
            for index in 0..parameters.map_or(0, Vec::len) {
                for field in self.parameter(&format!("{list}/{index}"))? {
                    operation.parameters.retain(|known| known.pointer != field.pointer);
                    operation.parameters.push(field);
                }
            }
        }
        if value.get("requestBody").is_some() {
            let body = pointer::join(pointer, "requestBody");
            operation.request_types.extend(self.media_types(&body)?);
            operation.request = Some(self.body(&body)?);
        }
        for status in value["responses"].as_object().into_iter().flatten().map(|(status, _)| status) {
            let response_pointer = pointer::join(&pointer::join(pointer, "responses"), status);
            let key = if status == "default" { status.clone() } else { status.to_ascii_uppercase() };
            let (_, response) = resolve(self.document, &response_pointer)?;
            if is_from_other_page(response, &self.sources) {
                operation.from_other_page.insert(key.clone());
            }
            if let Some(types) = self.media_types(&response_pointer)? {
                operation.response_types.insert(key.clone(), types);
            }
            let body = self.body(&response_pointer)?;
            operation.responses.insert(key, body);
        }
        Ok(operation)
    }

    fn parameter(&mut self, pointer: &str) -> Result<Vec<Field>, ReadError> {
        let (target, parameter) = resolve(self.document, pointer)?;
        let (Some(name), Some(location)) = (parameter["name"].as_str(), parameter["in"].as_str()) else {
            return Ok(Vec::new());
        };
        let root = parameter_pointer(location, name);
        let required = parameter["required"] == true || location == "path";
        // Instead of a schema, a parameter may have a single media type with one.
        let media_type = parameter["content"].as_object().and_then(|content| content.keys().next());
        let holder =
            media_type.map_or_else(|| target.clone(), |name| pointer::join(&pointer::join(&target, "content"), name));
        let schema = pointer::join(&holder, "schema");
        let mut fields = match self.document.value.pointer(&schema) {
            Some(_) => self.schema_reader().fields(&schema, &root, Some(required))?,
            None => vec![Field {
                required: Some(required),
                schema_pointer: schema,
                expressiveness: Expressiveness { types: true, formats: true, values: true, limits: true },
                ..Field::new(&root, None)
            }],
        };
        fields[0].spec_pointer = pointer.to_owned();
        fields[0].line = self.document.line(pointer);
        fields[0].from_other_page = is_from_other_page(parameter, &self.sources);
        fields[0].deprecated = Some(fields[0].deprecated == Some(true) || parameter["deprecated"] == true);
        self.examples(&mut fields, parameter, &root)?;
        Ok(fields)
    }

    /// Returns the servers of the operation or its path, which replace those of the description.
    fn addresses(&self, path_item: &str, operation: &str) -> Vec<(String, Option<usize>)> {
        let lists = [operation, path_item].map(|holder| pointer::join(holder, "servers"));
        let list = lists.into_iter().find(|list| self.document.value.pointer(list).is_some());
        let servers = list.iter().filter_map(|list| self.document.value.pointer(list)?.as_array()).flatten();
        let line = list.as_ref().and_then(|list| self.document.line(list));
        servers.filter_map(|server| Some((server["url"].as_str()?.to_owned(), line))).collect()
    }

    /// Returns the media types of a request or response, or `None` if it has no body.
    fn media_types(&self, pointer: &str) -> Result<Option<MediaTypes>, ReadError> {
        let (target, body) = resolve(self.document, pointer)?;
        let names = body["content"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let pointer = pointer::join(&target, "content");
        let types = MediaTypes { pointer: pointer.clone(), ..MediaTypes::new(names, self.document.line(&pointer)) };
        Ok(Some(types).filter(|types| !types.names.is_empty()))
    }

    /// Returns the fields of the body of a request or response.
    fn body(&mut self, pointer: &str) -> Result<Vec<Field>, ReadError> {
        let (target, body) = resolve(self.document, pointer)?;
        let media_types = body["content"].as_object();
        let by_name = |wanted: &str| media_types.into_iter().flatten().find(|(name, _)| name.contains(wanted));
        let Some((name, media)) = by_name("application/json").or_else(|| by_name("json")).or_else(|| by_name(""))
        else {
            return Ok(Vec::new());
        };
        let schema = pointer::join(&pointer::join(&pointer::join(&target, "content"), name), "schema");
        if media.get("schema").is_none() {
            return Ok(Vec::new());
        }
        let required = body["required"].as_bool().or(pointer.ends_with("/requestBody").then_some(false));
        let mut fields = self.schema_reader().fields(&schema, "", required)?;
        self.examples(&mut fields, media, "")?;
        Ok(fields)
    }

    fn examples(&mut self, fields: &mut [Field], holder: &Value, root: &str) -> Result<(), ReadError> {
        let named = holder["examples"].as_object().into_iter().flatten();
        let named = named.filter_map(|(_, example)| match example["$ref"].as_str() {
            Some(reference) => pointer::resolve(&self.document.value, reference)?.get("value"),
            None => example.get("value"),
        });
        let mut values = holder.get("example").into_iter().chain(named);
        let indexes = examples::indexes(fields);
        values.try_for_each(|value| examples::attach(fields, &indexes, root, value, true, self.budget))
    }

    fn schema_reader(&mut self) -> SchemaReader<'_> {
        SchemaReader::new(self.document, &self.sources, self.budget)
    }
}
