//! Reads Markdown as Redocly writes it for every operation, as in CDQ's portal.
//!
//! Headings such as `## Response 200 fields (application/json):` stand above items such as `` -
//! `name` (type) text Example: "value" Enum: "A", "B" ``. Some tools save the page as one line.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::pages::auth::{Auth, Credential};
use crate::pages::blocks::{METHODS, restore_emails};
use crate::pages::budget::{Budget, ReadError};
use crate::pages::call::Call;
use crate::pages::field_list::complete_fields;
use crate::pages::limits;
use crate::pages::model::{Expressiveness, Field, MediaTypes, Operation, Page, PageFormat, SchemaType};
use crate::pages::names::{is_name, leaf, parameter_pointer, pointer_of};
use crate::pages::polling::Polling;
use crate::pages::values::value_text;
use crate::pages::{paths, prose};

/// Maximum number of characters of a description that are kept.
const MAX_DESCRIPTION: usize = 500;

pub(crate) fn detect(text: &str) -> bool {
    endpoint(text).is_some()
}

pub(crate) fn parse(text: &str, budget: &mut Budget) -> Result<Page, ReadError> {
    let text = restore_emails(text);
    let mut page = Page::new(PageFormat::Redocly);
    let mut rest = text.as_str();
    let mut line = 1;
    // A page of several operations has an `Endpoint:` for each.
    while let Some((method, address, end)) = endpoint(rest) {
        // The title and the description of an operation are before its endpoint.
        let title = rest[..end].rfind("# ").unwrap_or_default();
        let (before, after) = (&rest[title..end], &rest[end..]);
        line += rest[..end].matches('\n').count();
        let own = after.find("Endpoint: ").map_or(after, |next| &after[..next]);
        let path = paths::without_host(&address);
        let addresses = vec![(address, Some(line))];
        let mut operation =
            Operation { method, path, line: Some(line), lists_all_statuses: true, addresses, ..Operation::default() };
        sections(own, line, &mut operation, budget)?;
        preamble(before, own.split("## ").next().unwrap_or(own), line, &mut operation);
        rest = after;
        page.operations.push(operation);
    }
    Ok(page)
}

/// Returns method and path of the first `Endpoint: GET /jobs`, and its end.
fn endpoint(text: &str) -> Option<(String, String, usize)> {
    const PREFIX: &str = "Endpoint: ";
    let mut from = 0;
    loop {
        let start = from + text[from..].find(PREFIX)? + PREFIX.len();
        let mut words = text[start..].split_whitespace();
        if let (Some(method), Some(path)) = (words.next(), words.next())
            && METHODS.iter().any(|known| known.eq_ignore_ascii_case(method))
        {
            let end = path.as_ptr() as usize - text.as_ptr() as usize + path.len();
            return Some((method.to_lowercase(), path.to_owned(), end));
        }
        from = start;
    }
}

/// Reads the facts about the operation itself: its description, and what follows its endpoint up to
/// the first section, such as `Version: 2 Security: apiKey`.
fn preamble(description: &str, facts: &str, line: usize, operation: &mut Operation) {
    let mut auth = Auth::new([], Some(line));
    auth.alternatives = security(facts.split_once("Security: ").map(|(_, rest)| rest).unwrap_or_default());
    operation.auth.push(auth);
    let lines = || [description, facts].into_iter().flat_map(str::lines).map(|text| (line, text));
    operation.polling = Polling::from_lines(lines());
    if lines().any(|(_, text)| prose::mentions_deprecation(text)) {
        operation.deprecated = Some(true);
    }
    prose::add_call(operation, Call::find(facts, line - 1));
}

/// Reads the names of schemes at the start of the text. A comma or "or" is before an alternative,
/// "and" or a plus before what is sent as well.
fn security(text: &str) -> Vec<BTreeSet<Credential>> {
    let mut alternatives: Vec<BTreeSet<Credential>> = Vec::new();
    let (mut is_name, mut is_alternative) = (true, true);
    for word in text.split_whitespace() {
        let separator = match word.to_ascii_lowercase().as_str() {
            "or" | "|" | "/" | "," => Some(true),
            "and" | "+" | "&" => Some(false),
            _ => None,
        };
        match separator {
            Some(alternative) => (is_name, is_alternative) = (true, alternative),
            None if !is_name => break,
            None => {
                let name = word.trim_end_matches(',');
                let credential = Some(Credential::named(name)).filter(|_| !name.eq_ignore_ascii_case("none"));
                match alternatives.last_mut().filter(|_| !is_alternative) {
                    Some(last) => last.extend(credential),
                    None => alternatives.extend(credential.map(|one| [one].into())),
                }
                (is_name, is_alternative) = (word.ends_with(','), true);
            }
        }
    }
    alternatives
}

/// Returns the media types in the parentheses of a heading, such as `Response 200 fields
/// (application/json):`.
fn media_types(heading: &str, line: usize) -> Option<MediaTypes> {
    let (_, rest) = heading.split_once('(')?;
    let (list, _) = rest.split_once(')')?;
    Some(MediaTypes::new(list.split(','), Some(line))).filter(|types| !types.names.is_empty())
}

/// Reads each section of an operation. Sections start with `## `.
fn sections(text: &str, line: usize, operation: &mut Operation, budget: &mut Budget) -> Result<(), ReadError> {
    let mut line = line;
    let mut bodies: BTreeMap<String, Vec<Field>> = BTreeMap::new();
    let mut request = None;
    for (index, section) in split_before(text, "## ").enumerate() {
        let heading = section.trim_start_matches('#').trim_start();
        if index > 0 {
            let first_word = heading.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            match first_word.as_str() {
                location @ ("path" | "query" | "header" | "cookie") => {
                    let mut fields = items(section, line, budget)?;
                    for field in &mut fields {
                        field.pointer = parameter_pointer(location, &leaf(&field.pointer));
                    }
                    operation.parameters.extend(fields);
                }
                "request" => {
                    operation.request_types.extend(media_types(title(heading), line));
                    request = Some(items(section, line, budget)?);
                }
                "response" => {
                    if let Some(status) = heading.split_whitespace().nth(1).map(|word| word.trim_end_matches(':')) {
                        let status = status.to_ascii_uppercase();
                        if let Some(types) = media_types(title(heading), line) {
                            let known = operation.response_types.entry(status.clone()).or_default();
                            known.names.extend(types.names);
                            known.line = known.line.or(types.line);
                        }
                        bodies.entry(status).or_default().extend(items(section, line, budget)?);
                    }
                }
                _ => {}
            }
        }
        line += section.matches('\n').count();
    }
    if let Some(listed) = request.filter(|listed| !listed.is_empty()) {
        operation.request = Some(complete_fields(listed, budget)?);
    }
    for (status, listed) in bodies {
        let key = if status == "DEFAULT" { status.to_lowercase() } else { status };
        operation.responses.insert(key, complete_fields(listed, budget)?);
    }
    Ok(())
}

/// Returns a heading without the items below it.
fn title(heading: &str) -> &str {
    let end = [heading.find('\n'), heading.find("- `")].into_iter().flatten().min();
    &heading[..end.unwrap_or(heading.len())]
}

/// Splits the text before every `delimiter` that starts a line or follows a space.
fn split_before<'a>(text: &'a str, delimiter: &'static str) -> impl Iterator<Item = &'a str> {
    let cuts = text.match_indices(delimiter).map(|(cut, _)| cut);
    let cuts = cuts.filter(|cut| *cut > 0 && text[..*cut].ends_with(|before: char| before.is_whitespace()));
    let mut start = 0;
    let mut cuts = cuts.chain([text.len()]);
    std::iter::from_fn(move || {
        let end = cuts.next()?;
        let part = &text[start..end];
        start = end;
        Some(part)
    })
}

fn items(section: &str, line: usize, budget: &mut Budget) -> Result<Vec<Field>, ReadError> {
    let mut line = line;
    let mut fields = Vec::new();
    for item in split_before(section, "- `") {
        budget.take_bytes(size_of::<Field>())?;
        fields.extend(read_item(item, line));
        line += item.matches('\n').count();
    }
    Ok(fields)
}

/// Parses `` - `name` (type, required) text Example: "value" Enum: "A", "B" ``.
fn read_item(item: &str, line: usize) -> Option<Field> {
    let (name, rest) = item.strip_prefix("- `")?.split_once('`')?;
    let (types, rest) = rest.trim_start().strip_prefix('(')?.split_once(')')?;
    if !is_name(name) {
        return None;
    }
    let mut field = Field::new(pointer_of(name), Some(line));
    // An item has no place for a format.
    field.expressiveness = Expressiveness { types: true, formats: false, values: true, limits: false };
    field.required = Some(false);
    field.deprecated = Some(prose::mentions_deprecation(rest));
    field.description = rest.chars().take(MAX_DESCRIPTION).collect();
    for word in types.split([',', '|']).map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "required" => field.required = Some(true),
            "null" | "nullable" => field.nullable = Some(true),
            "any" => {}
            "deprecated" => field.deprecated = Some(true),
            word if word.starts_with("array of") => {
                field.types.insert(SchemaType::Array);
            }
            word => match limits::from_text(word) {
                limits if limits.is_empty() => _ = field.types.insert(SchemaType::from_name(word)),
                limits => field.limits.extend(limits),
            },
        }
    }
    if let Some((_, example)) = rest.split_once("Example: ") {
        field.examples.extend(values(example).into_iter().take(1));
    }
    if let Some((_, listed)) = rest.split_once("Enum: ") {
        let listed = values(listed).iter().map(value_text).collect::<Vec<_>>();
        field.values = Some(listed).filter(|listed| !listed.is_empty());
    }
    Some(field)
}

/// Parses the scalar values at the start of the text, which commas separate.
fn values(text: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut rest = text;
    loop {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(value)) = stream.next() else { return values };
        if !value.is_null() && !value.is_array() && !value.is_object() {
            values.push(value);
        }
        match rest[stream.byte_offset()..].trim_start().strip_prefix(',') {
            Some(more) => rest = more,
            None => return values,
        }
    }
}
