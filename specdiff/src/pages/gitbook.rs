//! Reads the text of a rendered GitBook page, as in Localpayment's documentation.
//!
//! The page has tables whose cells became lines, under headings such as "Path Parameters", and JSON
//! examples.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pages::auth::{Auth, is_credential_name};
use crate::pages::blocks::{Block, Blocks, METHODS, restore_emails};
use crate::pages::budget::{Budget, ReadError};
use crate::pages::example_values as examples;
use crate::pages::field_list::complete_fields;
use crate::pages::model::{Expressiveness, Field, MediaTypes, Operation, Page, PageFormat, SchemaType};
use crate::pages::names::{is_name, leaf, parameter_pointer, pointer_of};
use crate::pages::{paths, prose};

/// Column headings.
const COLUMNS: [&str; 9] =
    ["Parameter", "Name", "Field", "Type", "Required", "Mandatory", "Description", "Possible values", "Example"];

/// Lines that end a table.
const HEADINGS: [&str; 12] = [
    "Request",
    "Response",
    "Headers",
    "Path Parameters",
    "Query Parameters",
    "Body Parameters",
    "Request Body",
    "Request Examples",
    "Request Example",
    "Response Examples",
    "Response Example",
    "Last updated",
];

pub(crate) fn detect(text: &str) -> bool {
    let blocks = Blocks::parse(text);
    let has_table =
        (1..blocks.len()).any(|index| blocks.line(index) == Some("Type") && follows_first_column(&blocks, index));
    has_table && blocks.find_header(header).is_some()
}

fn follows_first_column(blocks: &Blocks<'_>, index: usize) -> bool {
    matches!(blocks.line(index - 1), Some("Parameter" | "Name" | "Field"))
}

pub(crate) fn parse(text: &str, budget: &mut Budget) -> Result<Page, ReadError> {
    let text = restore_emails(text);
    let blocks = Blocks::parse(&text);
    let mut page = Page::new(PageFormat::GitBook);
    if let Some((index, (method, address))) = blocks.find_header(header) {
        let line = blocks.line_number(index);
        let path = paths::without_host(&address);
        let addresses = vec![(address, line)];
        let mut operation = Operation { method, path, line, addresses, ..Operation::default() };
        read(&blocks, index + 1, &mut operation, budget)?;
        prose::add(&mut operation, &blocks, &text, |line| matches!(line, "Parameter" | "Name" | "Field"));
        page.operations.push(operation);
    }
    page.warnings = blocks.warnings;
    Ok(page)
}

/// Parses a header such as `GET {{api_base_url}}/api/things/:id`.
fn header(blocks: &Blocks<'_>, index: usize) -> Option<(String, String)> {
    let (method, address) = blocks.line(index)?.split_once(' ')?;
    let address = address.trim();
    let is_address = ["{{", "http://", "https://", "/"].iter().any(|start| address.starts_with(start));
    if !METHODS.iter().any(|known| known.to_uppercase() == method) || !is_address || address.contains(' ') {
        return None;
    }
    Some((method.to_lowercase(), address.to_owned()))
}

fn read(blocks: &Blocks<'_>, start: usize, operation: &mut Operation, budget: &mut Budget) -> Result<(), ReadError> {
    let mut location = None;
    let mut in_response = false;
    let (mut request, mut response): (Vec<Field>, Vec<Field>) = (Vec::new(), Vec::new());
    let (mut request_examples, mut response_examples) = (Vec::new(), Vec::new());
    let mut status = "2XX".to_owned();
    let mut headers_line = None;
    let mut index = start;
    while index < blocks.len() {
        match &blocks.blocks[index].1 {
            Block::Json(value) => match in_response {
                true => response_examples.push((value, blocks.line_number(index))),
                false => request_examples.push((value, blocks.line_number(index))),
            },
            Block::Line("Response" | "Response Examples" | "Response Example") => {
                (in_response, location) = (true, None)
            }
            Block::Line("Request" | "Request Examples" | "Request Example") => (in_response, location) = (false, None),
            Block::Line("Headers") => (location, headers_line) = (Some("header"), blocks.line_number(index)),
            Block::Line("Path Parameters") => location = Some("path"),
            Block::Line("Query Parameters") => location = Some("query"),
            Block::Line("Body Parameters" | "Request Body") => location = None,
            Block::Line("Type") if index > 0 && follows_first_column(blocks, index) => {
                let (fields, next) = table(blocks, index, budget)?;
                match (in_response, location) {
                    (true, _) => response.extend(fields),
                    (false, Some(location)) => operation.parameters.extend(fields.into_iter().map(|mut field| {
                        field.pointer = parameter_pointer(location, &leaf(&field.pointer));
                        field
                    })),
                    (false, None) => request.extend(fields),
                }
                index = next;
                continue;
            }
            Block::Line(text) if in_response => status = success_status(text).unwrap_or(status),
            Block::Line(_) => {}
        }
        index += 1;
    }
    // A table of headers has the credential of every operation that needs one.
    let is_credential = |field: &Field| is_credential_name(&leaf(&field.pointer));
    if headers_line.is_some() && !operation.parameters.iter().any(is_credential) {
        operation.auth.push(Auth::new([], headers_line));
    }
    let content_type =
        operation.parameters.iter().find(|field| field.pointer.eq_ignore_ascii_case("/header/content-type"));
    if let Some(field) = content_type {
        let types =
            MediaTypes::new(field.description.split(|char: char| char.is_whitespace() || char == ','), field.line);
        operation.request_types.extend(Some(types).filter(|types| !types.names.is_empty()));
    }
    if !request.is_empty() || !request_examples.is_empty() {
        operation.request = Some(body(request, request_examples, budget)?);
    }
    if !response.is_empty() || !response_examples.is_empty() {
        operation.responses.insert(status, body(response, response_examples, budget)?);
    }
    Ok(())
}

/// Returns the success status in a sentence such as "returns an HTTP status code 200".
fn success_status(sentence: &str) -> Option<String> {
    let (_, rest) = sentence.split_once("HTTP status code ")?;
    let number = rest.get(..3).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    number.starts_with('2').then(|| number.to_owned())
}

fn body(
    listed: Vec<Field>,
    examples: Vec<(&Value, Option<usize>)>,
    budget: &mut Budget,
) -> Result<Vec<Field>, ReadError> {
    let mut fields = complete_fields(listed, budget)?;
    for (value, line) in examples {
        examples::add(&mut fields, value, line, budget)?;
    }
    Ok(fields)
}

/// Returns the rows of the table whose second column heading is at `start`, and the index after the
/// table.
fn table(blocks: &Blocks<'_>, start: usize, budget: &mut Budget) -> Result<(Vec<Field>, usize), ReadError> {
    let mut columns = BTreeSet::new();
    let mut index = start;
    while let Some(column) = blocks.line(index).filter(|line| COLUMNS.contains(line)) {
        columns.insert(column);
        index += 1;
    }
    let mut fields = Vec::new();
    while let (Some(name), Some(word)) = (blocks.line(index), blocks.line(index + 1)) {
        let Some(types) = types(word).filter(|_| starts_row(blocks, index)) else { break };
        let mut field = Field::new(pointer_of(name), blocks.line_number(index));
        field.types = types;
        field.expressiveness = Expressiveness { types: true, formats: false, values: false, limits: false };
        index += 2;
        if columns.contains("Required") || columns.contains("Mandatory") {
            let cell = blocks.line(index).map(str::to_ascii_lowercase).unwrap_or_default();
            // An empty cell is not a line of its own, so anything else means optional.
            field.required = Some(matches!(cell.as_str(), "required" | "yes" | "true" | "mandatory"));
            if matches!(cell.as_str(), "required" | "optional" | "yes" | "no" | "true" | "false" | "mandatory") {
                index += 1;
            }
        }
        // The description, which every row has, then the cells of the row that are not empty.
        let mut cells = Vec::new();
        while let Some(cell) = blocks.line(index).filter(|cell| !HEADINGS.contains(cell) && !starts_row(blocks, index))
        {
            cells.push(cell);
            index += 1;
        }
        field.description = cells.join(" ");
        field.deprecated = prose::mentions_deprecation(&field.description).then_some(true);
        for cell in cells.into_iter().skip(1) {
            match listed_values(cell).filter(|_| columns.contains("Possible values")) {
                Some(values) => field.values = Some(values),
                None if columns.contains("Example") && field.examples.is_empty() => {
                    field.examples.push(example(cell, &field.types));
                }
                None => {}
            }
        }
        budget.take_bytes(size_of::<Field>() + field.description.len())?;
        fields.push(field);
    }
    Ok((fields, index))
}

/// Returns whether a name and a type follow each other at `index`.
fn starts_row(blocks: &Blocks<'_>, index: usize) -> bool {
    let (Some(name), Some(word)) = (blocks.line(index), blocks.line(index + 1)) else {
        return false;
    };
    is_name(name) && !HEADINGS.contains(&name) && !COLUMNS.contains(&name) && types(word).is_some()
}

/// Parses the cell of the type column, such as `String` or `Array of objects`.
///
/// Any capitalised word counts as a type, unless it belongs to another column.
fn types(word: &str) -> Option<BTreeSet<SchemaType>> {
    if word.starts_with("Array") {
        return Some([SchemaType::Array].into());
    }
    let is_type = word.len() <= 24
        && word.starts_with(|first: char| first.is_ascii_uppercase())
        && word[1..].chars().all(|char| char.is_ascii_lowercase())
        && !matches!(word, "Required" | "Optional" | "Yes" | "No")
        && !COLUMNS.contains(&word)
        && !HEADINGS.contains(&word);
    is_type.then(|| [SchemaType::from_name(word)].into())
}

/// Parses a list of values such as `PENDING, DONE` or `PENDING | DONE`.
fn listed_values(cell: &str) -> Option<Vec<String>> {
    let words: Vec<String> =
        cell.split([',', '|']).map(|word| word.trim().trim_matches(['`', '"']).to_owned()).collect();
    let are_values = words.iter().all(|word| is_name(word) || word.parse::<u32>().is_ok());
    (words.len() > 1 && are_values).then_some(words)
}

fn example(cell: &str, types: &BTreeSet<SchemaType>) -> Value {
    if types.contains(&SchemaType::String) {
        return cell.into();
    }
    serde_json::from_str(cell).ok().filter(|value: &Value| !value.is_array()).unwrap_or_else(|| cell.into())
}
