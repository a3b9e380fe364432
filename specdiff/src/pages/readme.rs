//! Reads the text of a rendered ReadMe page, as in Reap's reference.
//!
//! Bold words and line breaks of the page are lost, so lists run on: "... for this batch.status:
//! Current processing ...". The JSON examples show which words are names of fields.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::pages::blocks::{Block, Blocks, METHODS, restore_emails};
use crate::pages::budget::{Budget, ReadError};
use crate::pages::example_values as examples;
use crate::pages::field_list::complete_fields;
use crate::pages::limits;
use crate::pages::model::{Expressiveness, Field, MediaTypes, Operation, Page, PageFormat, ParseWarning, SchemaType};
use crate::pages::names::{is_name, leaf, parameter_pointer, pointer_of};
use crate::pages::run_on::{described_values, entries, listed_values, mentions_null};
use crate::pages::{paths, prose};

pub(crate) fn detect(text: &str) -> bool {
    Blocks::parse(text).find_header(header).is_some()
}

pub(crate) fn parse(text: &str, budget: &mut Budget) -> Result<Page, ReadError> {
    let text = restore_emails(text);
    let blocks = Blocks::parse(&text);
    let mut page = Page::new(PageFormat::ReadMe);
    if let Some((index, (method, address))) = blocks.find_header(header) {
        let line = blocks.line_number(index);
        let path = paths::without_host(&address);
        let addresses = vec![(address, blocks.line_number(index + 1))];
        let mut operation =
            Operation { method, path, line, lists_all_statuses: true, addresses, ..Operation::default() };
        let mut reader = Reader {
            blocks: &blocks,
            words: words(&text),
            section: Section::Text,
            responses: BTreeMap::new(),
            values: BTreeMap::new(),
            request: Vec::new(),
            request_examples: Vec::new(),
            warnings: Vec::new(),
        };
        reader.read(index + 2, &mut operation, budget)?;
        prose::add(&mut operation, &blocks, &text, |line| heading(line, &Section::Text).is_some());
        page.warnings.extend(reader.warnings);
        page.operations.push(operation);
    }
    page.warnings.extend(blocks.warnings);
    Ok(page)
}

/// Parses a header: the method on one line, the address on the next.
fn header(blocks: &Blocks<'_>, index: usize) -> Option<(String, String)> {
    let method = blocks.line(index)?;
    let address = blocks.line(index + 1)?;
    let is_address = address.starts_with("https://") || address.starts_with("http://");
    let is_method = METHODS.iter().any(|known| known.eq_ignore_ascii_case(method));
    (is_method && is_address).then(|| (method.to_lowercase(), address.to_owned()))
}

/// Returns the words of the page, which help to split two words without a space between.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).filter(|word| word.len() > 2).collect()
}

/// Response while it is read.
#[derive(Default)]
struct Response<'a> {
    /// Lines of the run-on list of its fields.
    list: Vec<(usize, &'a str)>,
    examples: Vec<(&'a Value, Option<usize>)>,
}

/// Section that the current line belongs to.
enum Section {
    Text,
    Parameters(&'static str),
    Request,
    /// Response with this status.
    Response(String),
    /// List of the fields of the response with this status.
    Fields(String),
    /// List of the values of the field with this name.
    Values(String),
}

struct Reader<'a> {
    blocks: &'a Blocks<'a>,
    words: BTreeSet<&'a str>,
    section: Section,
    responses: BTreeMap<String, Response<'a>>,
    /// Lists of values by name of the field, with the line of each list.
    values: BTreeMap<String, (usize, Vec<String>)>,
    request: Vec<Field>,
    request_examples: Vec<(&'a Value, Option<usize>)>,
    warnings: Vec<ParseWarning>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, start: usize, operation: &mut Operation, budget: &mut Budget) -> Result<(), ReadError> {
        let blocks = self.blocks;
        for (index, (line, block)) in blocks.blocks.iter().enumerate().skip(start) {
            match block {
                Block::Json(value) => self.json(value, *line),
                Block::Line(text) => match heading(text, &self.section) {
                    Some(section) => {
                        if let Section::Response(status) = &section {
                            self.responses.entry(status.clone()).or_default();
                        }
                        self.section = section;
                    }
                    None => self.line(index, *line, text, operation),
                },
            }
        }
        let (listed, examples) = (std::mem::take(&mut self.request), std::mem::take(&mut self.request_examples));
        if !listed.is_empty() || !examples.is_empty() {
            let mut fields = complete_fields(listed, budget)?;
            examples.into_iter().try_for_each(|(value, line)| examples::add(&mut fields, value, line, budget))?;
            operation.request = Some(fields);
        }
        for (status, response) in std::mem::take(&mut self.responses) {
            let mut fields = response_fields(&response, budget)?;
            if status.starts_with('2') {
                self.add_values(&mut fields, budget)?;
            }
            operation.responses.insert(status, fields);
        }
        Ok(())
    }

    fn json(&mut self, value: &'a Value, line: usize) {
        match &self.section {
            Section::Response(status) | Section::Fields(status) => {
                let response = self.responses.entry(status.clone()).or_default();
                response.examples.push((value, Some(line)));
            }
            Section::Request => self.request_examples.push((value, Some(line))),
            Section::Text | Section::Parameters(_) | Section::Values(_) => {}
        }
    }

    /// Reads a line that is not a heading.
    fn line(&mut self, index: usize, line: usize, text: &'a str, operation: &mut Operation) {
        let types = MediaTypes::new([text], Some(line));
        match &self.section {
            Section::Request if !types.names.is_empty() => operation.request_types.push(types),
            Section::Response(status) if !types.names.is_empty() => {
                operation.response_types.insert(status.clone(), types);
            }
            Section::Fields(status) => {
                self.responses.entry(status.clone()).or_default().list.push((line, text));
            }
            Section::Values(name) => {
                let values = listed_values(text, &self.words);
                self.values.entry(name.clone()).or_insert((line, Vec::new())).1.extend(values);
            }
            Section::Parameters(location) => {
                operation.parameters.extend(self.field(index).map(|mut field| {
                    field.pointer = parameter_pointer(location, &leaf(&field.pointer));
                    field
                }));
            }
            Section::Request => self.request.extend(self.field(index)),
            Section::Text | Section::Response(_) => {}
        }
    }

    /// Reads a field with its facts on lines of their own: `Required: Yes`, `Type: string (uuid)`,
    /// `Example: ...`.
    fn field(&self, index: usize) -> Option<Field> {
        let name = self.blocks.line(index).filter(|name| is_name(name))?;
        let is_fact = |line: &str| ["Required: ", "Type: "].iter().any(|start| line.starts_with(start));
        self.blocks.line(index + 1).filter(|line| is_fact(line))?;
        let mut field = Field::new(pointer_of(name), self.blocks.line_number(index));
        let mut next = index + 1;
        while let Some(line) = self.blocks.line(next) {
            let fact_follows = self.blocks.line(next + 1).is_some_and(is_fact);
            if let Some(required) = line.strip_prefix("Required: ") {
                field.required = Some(required.eq_ignore_ascii_case("yes") || required.eq_ignore_ascii_case("true"));
            } else if let Some(words) = line.strip_prefix("Type: ") {
                let (name, format) = words.split_once(" (").unwrap_or((words, ""));
                field.types = [SchemaType::from_name(name.trim())].into();
                field.format = Some(format.trim_end_matches(')').to_owned()).filter(|format| !format.is_empty());
                field.expressiveness = Expressiveness { types: true, formats: true, values: false, limits: false };
            } else if let Some(example) = line.strip_prefix("Example: ") {
                field.examples.push(example.trim_matches('"').into());
            } else if (is_name(line) && fact_follows) || heading(line, &Section::Text).is_some() {
                break;
            } else {
                field.limits.extend(limits::from_text(line));
                field.description.push_str(line);
            }
            next += 1;
        }
        field.deprecated = prose::mentions_deprecation(&field.description).then_some(true);
        Some(field)
    }

    /// Adds the lists of values to the fields with their names. A list that contradicts the
    /// description of the field becomes a warning.
    fn add_values(&mut self, fields: &mut [Field], budget: &mut Budget) -> Result<(), ReadError> {
        for field in fields {
            let name = leaf(&field.pointer).to_lowercase();
            let Some((line, listed)) = self.values.get(&name) else { continue };
            budget.take_bytes(listed.iter().map(|value| value.len() + size_of::<String>()).sum())?;
            let described = field.values.replace(listed.clone());
            let described: BTreeSet<&String> = described.iter().flatten().collect();
            let differing: Vec<&str> = listed
                .iter()
                .collect::<BTreeSet<_>>()
                .symmetric_difference(&described)
                .map(|value| value.as_str())
                .collect();
            if !described.is_empty() && !differing.is_empty() {
                let reason = format!("two lists of the values of `{name}` differ: {}", differing.join(", "));
                self.warnings.push(ParseWarning { line: Some(*line), reason });
            }
        }
        Ok(())
    }
}

/// Returns the section that starts with a heading, or `None` if the line is not a heading.
fn heading(line: &str, section: &Section) -> Option<Section> {
    let status = match section {
        Section::Response(status) | Section::Fields(status) => Some(status),
        _ => None,
    };
    match line {
        "Path Parameters" | "Path Params" => return Some(Section::Parameters("path")),
        "Query Parameters" | "Query Params" => return Some(Section::Parameters("query")),
        "Headers" => return Some(Section::Parameters("header")),
        "Body Params" | "Request Body" | "Body Parameters" => return Some(Section::Request),
        "Response Fields:" => return Some(Section::Fields(status.map_or_else(|| "2XX".to_owned(), String::clone))),
        _ => {}
    }
    if let Some(rest) = line.strip_prefix("Response: ").or(Some(line).filter(|line| is_status_line(line))) {
        return Some(Section::Response(rest.get(..3)?.to_owned()));
    }
    if let Some(rest) = line.strip_suffix(" Values:") {
        return Some(Section::Values(rest.rsplit(' ').next()?.to_lowercase()));
    }
    let is_example = line.starts_with("Example:") || line.starts_with("Error:");
    if let Some(status) = status.filter(|_| is_example) {
        return Some(Section::Response(status.clone()));
    }
    // Any other heading ends a list of values.
    (matches!(section, Section::Values(_)) && line.ends_with(':')).then_some(Section::Text)
}

fn response_fields(response: &Response<'_>, budget: &mut Budget) -> Result<Vec<Field>, ReadError> {
    let mut from_examples = Vec::new();
    for (value, line) in &response.examples {
        examples::add(&mut from_examples, value, *line, budget)?;
    }
    let objects: BTreeSet<&str> = from_examples
        .iter()
        .filter(|field| field.types.contains(&SchemaType::Object))
        .map(|field| field.pointer.as_str())
        .collect();
    let mut listed = Vec::new();
    for (line, text) in &response.list {
        for (name, description) in entries(text, &objects) {
            budget.take_bytes(size_of::<Field>())?;
            let mut field = Field::new(pointer_of(name), Some(*line));
            field.nullable = mentions_null(description).then_some(true);
            field.values = described_values(description);
            field.deprecated = prose::mentions_deprecation(description).then_some(true);
            listed.push(field);
        }
    }
    let mut fields = complete_fields(listed, budget)?;
    for (value, line) in &response.examples {
        examples::add(&mut fields, value, *line, budget)?;
    }
    Ok(fields)
}

/// Returns whether the line is a status such as `401Unauthorized` at the end of the page.
fn is_status_line(line: &str) -> bool {
    let (number, rest) = line.split_at_checked(3).unwrap_or_default();
    let is_status = number.bytes().all(|byte| byte.is_ascii_digit()) && number.starts_with(['1', '2', '3', '4', '5']);
    is_status && rest.starts_with(|first: char| first.is_ascii_uppercase())
}
