//! Markdown as Redocly writes it for every operation, as in CDQ's portal: headings `## Response 200 fields (application/json):` over
//! items `` - `name` (type) text Example: "value" Enum: "A", "B" ``. Some tools save it as one line.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::pages::blocks as text;
use crate::pages::blocks::{METHODS, is_name, pointer_of, restore_addresses, settle};
use crate::pages::budget::{Budget, Refusal};
use crate::pages::model::{Field, Form, Kind, Operation, Page, Says};
use crate::pages::paths;
use bulkrail_codegen::pointer;

pub(crate) fn recognise(text: &str) -> bool {
    endpoint(text).is_some()
}

pub(crate) fn page(text: &str, budget: &mut Budget) -> Result<Page, Refusal> {
    let text = restore_addresses(text);
    let mut page = Page { form: Form::Redocly, operations: Vec::new(), servers: Vec::new(), unread: Vec::new() };
    let mut rest = text.as_str();
    let mut line = 1;
    // A page of several operations has an `Endpoint:` for each.
    while let Some((method, path, end)) = endpoint(rest) {
        line += rest[..end].matches('\n').count();
        rest = &rest[end..];
        let own = rest.find("Endpoint: ").map_or(rest, |next| &rest[..next]);
        let mut operation = Operation { method, path, line: Some(line), every_status: true, ..Operation::default() };
        sections(own, line, &mut operation, budget)?;
        page.operations.push(operation);
    }
    Ok(page)
}

/// Method and path of the first `Endpoint: GET /jobs`, and where it ends.
fn endpoint(text: &str) -> Option<(String, String, usize)> {
    const MARK: &str = "Endpoint: ";
    let mut from = 0;
    loop {
        let start = from + text[from..].find(MARK)? + MARK.len();
        let mut words = text[start..].split_whitespace();
        if let (Some(method), Some(path)) = (words.next(), words.next())
            && METHODS.iter().any(|known| known.eq_ignore_ascii_case(method))
        {
            let end = path.as_ptr() as usize - text.as_ptr() as usize + path.len();
            return Some((method.to_lowercase(), paths::without_host(path), end));
        }
        from = start;
    }
}

/// Each `## ` part of an operation.
fn sections(text: &str, line: usize, operation: &mut Operation, budget: &mut Budget) -> Result<(), Refusal> {
    let mut line = line;
    let mut bodies: BTreeMap<String, Vec<Field>> = BTreeMap::new();
    let mut request = None;
    for (index, part) in split_before(text, "## ").enumerate() {
        let heading = part.trim_start_matches('#').trim_start();
        if index > 0 {
            let group = heading.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            match group.as_str() {
                "path" | "query" | "header" | "cookie" => {
                    let mut fields = items(part, line, budget)?;
                    for field in &mut fields {
                        field.pointer = pointer::join(&pointer::join("", &group), &text::leaf(&field.pointer));
                    }
                    operation.parameters.extend(fields);
                }
                "request" => request = Some(items(part, line, budget)?),
                "response" => {
                    if let Some(status) = heading.split_whitespace().nth(1).map(|word| word.trim_end_matches(':')) {
                        bodies.entry(status.to_ascii_uppercase()).or_default().extend(items(part, line, budget)?);
                    }
                }
                _ => {}
            }
        }
        line += part.matches('\n').count();
    }
    if let Some(listed) = request.filter(|listed| !listed.is_empty()) {
        operation.request = Some(settle(listed, budget)?);
    }
    for (status, listed) in bodies {
        let key = if status == "DEFAULT" { status.to_lowercase() } else { status };
        let body = if listed.is_empty() { Vec::new() } else { settle(listed, budget)? };
        operation.responses.insert(key, body);
    }
    Ok(())
}

/// The text cut before every `mark` that starts a line or follows a space.
fn split_before<'a>(text: &'a str, mark: &'static str) -> impl Iterator<Item = &'a str> {
    let cuts = text.match_indices(mark).map(|(at, _)| at);
    let cuts = cuts.filter(|at| *at > 0 && text[..*at].ends_with(|before: char| before.is_whitespace()));
    let mut start = 0;
    let mut cuts = cuts.chain([text.len()]);
    std::iter::from_fn(move || {
        let end = cuts.next()?;
        let part = &text[start..end];
        start = end;
        Some(part)
    })
}

fn items(part: &str, line: usize, budget: &mut Budget) -> Result<Vec<Field>, Refusal> {
    let mut line = line;
    let mut found = Vec::new();
    for item in split_before(part, "- `") {
        budget.keep(size_of::<Field>())?;
        found.extend(read_item(item, line));
        line += item.matches('\n').count();
    }
    Ok(found)
}

/// `` - `name` (type, required) text Example: "value" Enum: "A", "B" ``
fn read_item(item: &str, line: usize) -> Option<Field> {
    let (name, rest) = item.strip_prefix("- `")?.split_once('`')?;
    let (kinds, rest) = rest.trim_start().strip_prefix('(')?.split_once(')')?;
    if !is_name(name) {
        return None;
    }
    let mut field = Field::new(pointer_of(name), Some(line));
    // There is no place for a format.
    field.says = Says { kind: true, format: false, values: true };
    field.required = Some(false);
    for word in kinds.split([',', '|']).map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "required" => field.required = Some(true),
            "null" | "nullable" => field.nullable = Some(true),
            "any" | "deprecated" => {}
            word if word.starts_with("array of") => {
                field.kinds.insert(Kind::Array);
            }
            word => {
                field.kinds.insert(Kind::named(word));
            }
        }
    }
    if let Some((_, example)) = rest.split_once("Example: ") {
        field.examples.extend(values(example).into_iter().take(1));
    }
    if let Some((_, listed)) = rest.split_once("Enum: ") {
        let listed = values(listed).iter().map(crate::pages::schema::value_text).collect::<Vec<_>>();
        field.values = Some(listed).filter(|listed| !listed.is_empty());
    }
    Some(field)
}

/// The values at the start of the text, with commas between them.
fn values(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(value)) = stream.next() else { return found };
        if !value.is_null() && !value.is_array() && !value.is_object() {
            found.push(value);
        }
        match rest[stream.byte_offset()..].trim_start().strip_prefix(',') {
            Some(more) => rest = more,
            None => return found,
        }
    }
}
