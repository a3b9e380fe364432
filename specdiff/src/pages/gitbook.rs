//! The text of a rendered GitBook page, as in Localpayment's documentation: tables whose cells became lines, under headings such as
//! "Path Parameters" and "Body Parameters", and JSON examples.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pages::blocks as text;
use crate::pages::blocks::{METHODS, Piece, Pieces, is_name, pointer_of, restore_addresses, settle};
use crate::pages::budget::{Budget, Refusal};
use crate::pages::example_values as examples;
use crate::pages::model::{Field, Form, Kind, Operation, Page, Says};
use crate::pages::paths;
use bulkrail_codegen::pointer;

/// Headings of columns, in the words that the pages use.
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

pub(crate) fn recognise(text: &str) -> bool {
    let pieces = Pieces::of(text);
    let has_table =
        (1..pieces.len()).any(|index| pieces.line(index) == Some("Type") && is_first_column(&pieces, index));
    has_table && pieces.head(header).is_some()
}

fn is_first_column(pieces: &Pieces<'_>, index: usize) -> bool {
    matches!(pieces.line(index - 1), Some("Parameter" | "Name" | "Field"))
}

pub(crate) fn page(text: &str, budget: &mut Budget) -> Result<Page, Refusal> {
    let text = restore_addresses(text);
    let pieces = Pieces::of(&text);
    let mut page = Page { form: Form::GitBook, operations: Vec::new(), servers: Vec::new(), unread: Vec::new() };
    let found = pieces.head(header);
    if let Some((index, (method, path))) = found {
        let mut operation = Operation { method, path, line: pieces.number(index), ..Operation::default() };
        read(&pieces, index + 1, &mut operation, budget)?;
        page.operations.push(operation);
    }
    page.unread = pieces.unread;
    Ok(page)
}

/// `GET {{api_base_url}}/api/things/:id`
fn header(pieces: &Pieces<'_>, index: usize) -> Option<(String, String)> {
    let (method, address) = pieces.line(index)?.split_once(' ')?;
    let address = address.trim();
    let is_address = ["{{", "http://", "https://", "/"].iter().any(|start| address.starts_with(start));
    if !METHODS.iter().any(|known| known.to_uppercase() == method) || !is_address || address.contains(' ') {
        return None;
    }
    Some((method.to_lowercase(), paths::without_host(address)))
}

fn read(pieces: &Pieces<'_>, start: usize, operation: &mut Operation, budget: &mut Budget) -> Result<(), Refusal> {
    let mut group = None;
    let mut answers = false;
    let (mut request, mut response): (Vec<Field>, Vec<Field>) = (Vec::new(), Vec::new());
    let (mut sent, mut answered) = (Vec::new(), Vec::new());
    let mut at = start;
    while at < pieces.len() {
        match &pieces.pieces[at].1 {
            Piece::Json(value) => match answers {
                true => answered.push((value, pieces.number(at))),
                false => sent.push((value, pieces.number(at))),
            },
            Piece::Line("Response" | "Response Examples" | "Response Example") => (answers, group) = (true, None),
            Piece::Line("Request" | "Request Examples" | "Request Example") => (answers, group) = (false, None),
            Piece::Line("Headers") => group = Some("header"),
            Piece::Line("Path Parameters") => group = Some("path"),
            Piece::Line("Query Parameters") => group = Some("query"),
            Piece::Line("Body Parameters" | "Request Body") => group = None,
            Piece::Line("Type") if at > 0 && is_first_column(pieces, at) => {
                let (fields, next) = table(pieces, at, budget)?;
                match (answers, group) {
                    (true, _) => response.extend(fields),
                    (false, Some(group)) => operation.parameters.extend(fields.into_iter().map(|mut field| {
                        field.pointer = pointer::join(&pointer::join("", group), &text::leaf(&field.pointer));
                        field
                    })),
                    (false, None) => request.extend(fields),
                }
                at = next;
                continue;
            }
            Piece::Line(_) => {}
        }
        at += 1;
    }
    if !request.is_empty() || !sent.is_empty() {
        operation.request = Some(body(request, sent, budget)?);
    }
    if !response.is_empty() || !answered.is_empty() {
        operation.responses.insert("2XX".to_owned(), body(response, answered, budget)?);
    }
    Ok(())
}

fn body(
    listed: Vec<Field>,
    examples: Vec<(&Value, Option<usize>)>,
    budget: &mut Budget,
) -> Result<Vec<Field>, Refusal> {
    let mut fields = if listed.is_empty() { Vec::new() } else { settle(listed, budget)? };
    for (value, line) in examples {
        examples::add(&mut fields, value, line, budget)?;
    }
    Ok(fields)
}

/// The rows of the table whose second column's heading is at `at`, and the index after it.
fn table(pieces: &Pieces<'_>, at: usize, budget: &mut Budget) -> Result<(Vec<Field>, usize), Refusal> {
    let mut columns = BTreeSet::new();
    let mut at = at;
    while let Some(column) = pieces.line(at).filter(|line| COLUMNS.contains(line)) {
        columns.insert(column);
        at += 1;
    }
    let mut fields = Vec::new();
    while let (Some(name), Some(word)) = (pieces.line(at), pieces.line(at + 1)) {
        let Some(kinds) = kinds(word).filter(|_| starts_row(pieces, at)) else { break };
        let mut field = Field::new(pointer_of(name), pieces.number(at));
        field.kinds = kinds;
        field.says = Says { kind: true, format: false, values: false };
        at += 2;
        if columns.contains("Required") || columns.contains("Mandatory") {
            let cell = pieces.line(at).map(str::to_ascii_lowercase).unwrap_or_default();
            field.required = match cell.as_str() {
                "required" | "yes" | "true" | "mandatory" => Some(true),
                // An empty cell leaves no line behind.
                _ => Some(false),
            };
            if matches!(cell.as_str(), "required" | "optional" | "yes" | "no" | "true" | "false" | "mandatory") {
                at += 1;
            }
        }
        // The description, which every row has; then whichever cells of the row are not empty.
        let mut cells = Vec::new();
        while let Some(cell) = pieces.line(at).filter(|cell| !HEADINGS.contains(cell) && !starts_row(pieces, at)) {
            cells.push(cell);
            at += 1;
        }
        for cell in cells.into_iter().skip(1) {
            match listed(cell).filter(|_| columns.contains("Possible values")) {
                Some(values) => field.values = Some(values),
                None if columns.contains("Example") && field.examples.is_empty() => {
                    field.examples.push(example(cell, &field.kinds));
                }
                None => {}
            }
        }
        budget.keep(size_of::<Field>())?;
        fields.push(field);
    }
    Ok((fields, at))
}

/// A name and a type below each other.
fn starts_row(pieces: &Pieces<'_>, at: usize) -> bool {
    let (Some(name), Some(word)) = (pieces.line(at), pieces.line(at + 1)) else {
        return false;
    };
    is_name(name) && !HEADINGS.contains(&name) && !COLUMNS.contains(&name) && kinds(word).is_some()
}

/// `String`, `Array of objects`: a word or a few, the first in upper case. What is no known type is still one in that place, unless
/// it is the mark of another column.
fn kinds(word: &str) -> Option<BTreeSet<Kind>> {
    if word.starts_with("Array") {
        return Some([Kind::Array].into());
    }
    let is_type = word.len() <= 24
        && word.starts_with(|first: char| first.is_ascii_uppercase())
        && word[1..].chars().all(|char| char.is_ascii_lowercase())
        && !matches!(word, "Required" | "Optional" | "Yes" | "No")
        && !COLUMNS.contains(&word)
        && !HEADINGS.contains(&word);
    is_type.then(|| [Kind::named(word)].into())
}

/// `PENDING, DONE` or `PENDING | DONE`: several words and nothing else.
fn listed(cell: &str) -> Option<Vec<String>> {
    let words: Vec<String> =
        cell.split([',', '|']).map(|word| word.trim().trim_matches(['`', '"']).to_owned()).collect();
    let are_words = words.iter().all(|word| is_name(word) || word.parse::<u32>().is_ok());
    (words.len() > 1 && are_words).then_some(words)
}

fn example(cell: &str, kinds: &BTreeSet<Kind>) -> Value {
    match kinds.contains(&Kind::String) {
        true => cell.into(),
        false => {
            serde_json::from_str(cell).ok().filter(|value: &Value| !value.is_array()).unwrap_or_else(|| cell.into())
        }
    }
}
