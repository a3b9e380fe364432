//! Reads the text of a rendered Mintlify page, as in KillB's reference.
//!
//! The page has the method, the path with each segment on a line of its own, a curl call and an
//! example response. Then each field has a block: name, type, attributes, description, `Available
//! options:`, `Example:`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::pages::auth::{Auth, Credential};
use crate::pages::blocks::{Block, Blocks, METHODS, restore_emails};
use crate::pages::budget::{Budget, ReadError};
use crate::pages::example_values as examples;
use crate::pages::field_list::complete_fields;
use crate::pages::limits;
use crate::pages::model::{Expressiveness, Field, MediaTypes, Operation, Page, PageFormat, SchemaType};
use crate::pages::names::{is_name, leaf, parameter_pointer, pointer_of};
use crate::pages::prose;

/// Maximum length of a path.
const MAX_PATH: usize = 2000;

/// Words on lines of their own below the type.
const ATTRIBUTES: [&str; 9] =
    ["required", "header", "path", "query", "cookie", "deprecated", "read-only", "write-only", "nullable"];

/// Attributes that say where a parameter is sent.
const LOCATIONS: [&str; 4] = ["header", "path", "query", "cookie"];

/// Section that a list of fields belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Section {
    /// Everything before the first list.
    Preamble,
    /// Credentials, which a spec has under `securitySchemes`.
    Authorizations,
    Parameters(&'static str),
    Request,
    Response(String),
}

pub(crate) fn detect(text: &str) -> bool {
    Blocks::parse(text).find_header(header).is_some()
}

pub(crate) fn parse(text: &str, budget: &mut Budget) -> Result<Page, ReadError> {
    let text = restore_emails(text);
    let blocks = Blocks::parse(&text);
    let mut reader = Reader {
        blocks: &blocks,
        budget,
        section: Section::Preamble,
        lists: BTreeMap::new(),
        credentials: Vec::new(),
        credentials_line: None,
        needs_credentials: true,
        has_lists: false,
    };
    let mut page = Page::new(PageFormat::Mintlify);
    if let Some((index, (method, path, next))) = blocks.find_header(header) {
        let mut operation = Operation { method, path, line: blocks.line_number(index), ..Operation::default() };
        reader.read(next, &mut operation)?;
        prose::add(&mut operation, &blocks, &text, |line| heading(line).is_some());
        page.operations.push(operation);
    }
    page.warnings = blocks.warnings;
    Ok(page)
}

/// Parses method and path and returns them with the index after them.
fn header(blocks: &Blocks<'_>, index: usize) -> Option<(String, String, usize)> {
    let method = blocks.line(index)?;
    if !METHODS.iter().any(|known| known.to_uppercase() == method) || blocks.line(index + 1)? != "/" {
        return None;
    }
    let (mut path, mut next) = (String::new(), index + 1);
    while blocks.line(next) == Some("/") {
        let segment = blocks.line(next + 1)?;
        // After a slash at the end of the path comes the title.
        if !path.is_empty() && segment.contains(char::is_whitespace) {
            path.push('/');
            next += 1;
            break;
        }
        path = format!("{path}/{segment}");
        next += 2;
        if path.len() > MAX_PATH {
            return None;
        }
    }
    Some((method.to_lowercase(), path, next))
}

struct Reader<'a> {
    blocks: &'a Blocks<'a>,
    budget: &'a mut Budget,
    section: Section,
    /// Fields of the lists by section: `parameters`, `request`, or the status of a response.
    lists: BTreeMap<String, Vec<Field>>,
    /// Fields of the list of credentials, with the line of its heading.
    credentials: Vec<Credential>,
    credentials_line: Option<usize>,
    /// Whether all of them are required.
    needs_credentials: bool,
    /// Whether the page has any list.
    has_lists: bool,
}

impl Reader<'_> {
    fn read(&mut self, start: usize, operation: &mut Operation) -> Result<(), ReadError> {
        let (mut request_examples, mut response_examples) = (Vec::new(), Vec::new());
        let mut statuses = Vec::new();
        let mut index = start;
        while index < self.blocks.len() {
            if let Some((field, location, next)) = self.field(index) {
                self.budget.take_bytes(size_of::<Field>() + field.description.len())?;
                self.add(field, location);
                index = next;
                continue;
            }
            match &self.blocks.blocks[index].1 {
                Block::Line(line) => {
                    self.line(line, self.blocks.line_number(index), &mut statuses);
                    self.media_type(line, self.blocks.line_number(index), operation);
                }
                // JSON after the lists is the example of a field, which was read with that field.
                Block::Json(value) if self.section == Section::Preamble => {
                    let before = index.checked_sub(1).and_then(|before| self.blocks.line(before));
                    let example = (value.clone(), self.blocks.line_number(index));
                    match before.is_some_and(opens_body) {
                        true => request_examples.push(example),
                        false => response_examples.push(example),
                    }
                }
                Block::Json(_) => {}
            }
            index += 1;
        }
        if self.has_lists {
            // A rendered page has the list of every operation that needs a credential.
            let credentials = std::mem::take(&mut self.credentials);
            let auth = Auth::new(credentials, self.credentials_line.or(operation.line));
            operation.auth.push(if self.needs_credentials { auth } else { auth.or_none() });
        }
        operation.parameters = self.lists.remove("parameters").unwrap_or_default();
        let listed = self.lists.remove("request");
        if listed.is_some() || !request_examples.is_empty() {
            operation.request = Some(self.body(listed, request_examples)?);
        }
        for (index, status) in statuses.iter().enumerate() {
            let listed = self.lists.remove(status);
            let examples = if index == 0 { std::mem::take(&mut response_examples) } else { Vec::new() };
            let body = self.body(listed, examples)?;
            operation.responses.insert(status.clone(), body);
        }
        Ok(())
    }

    /// Reads a line that does not belong to a field: a heading, or the status of the current
    /// response.
    fn line(&mut self, line: &str, number: Option<usize>, statuses: &mut Vec<String>) {
        if let Some(section) = heading(line) {
            self.has_lists = true;
            if section == Section::Authorizations {
                self.credentials_line = number;
            }
            if let Section::Response(status) = &section
                && !statuses.contains(status)
            {
                statuses.push(status.clone());
            }
            self.section = section;
        } else if let (Section::Response(status), Some(number)) = (&mut self.section, status_of(line))
            && self.lists.get(status.as_str()).is_none_or(Vec::is_empty)
        {
            statuses.retain(|known| known != status);
            *status = number;
            if !statuses.contains(status) {
                statuses.push(status.clone());
            }
        }
    }

    /// Reads a media type below the heading of a body: `application/json`, or `200 -
    /// application/json`.
    fn media_type(&self, line: &str, number: Option<usize>, operation: &mut Operation) {
        let name = line.rsplit(" - ").next().unwrap_or(line);
        let is_before_list = |list: &str| !self.lists.contains_key(list);
        let types = MediaTypes::new([name], number);
        match &self.section {
            _ if types.names.is_empty() => {}
            Section::Request if is_before_list("request") => operation.request_types.push(types),
            Section::Response(status) if is_before_list(status) => {
                operation.response_types.insert(status.clone(), types);
            }
            _ => {}
        }
    }

    fn body(
        &mut self,
        listed: Option<Vec<Field>>,
        examples: Vec<(Value, Option<usize>)>,
    ) -> Result<Vec<Field>, ReadError> {
        let mut fields = complete_fields(listed.unwrap_or_default(), self.budget)?;
        for (value, line) in examples {
            examples::add(&mut fields, &value, line, self.budget)?;
        }
        Ok(fields)
    }

    fn add(&mut self, mut field: Field, location: &str) {
        let list = match &self.section {
            Section::Preamble => return,
            Section::Authorizations => {
                self.needs_credentials &= field.required == Some(true);
                self.credentials.push(Credential::from_listed(location, &leaf(&field.pointer), &field.description));
                return;
            }
            Section::Parameters(location) => {
                field.pointer = parameter_pointer(location, &leaf(&field.pointer));
                "parameters"
            }
            Section::Request => "request",
            Section::Response(status) => status,
        };
        self.lists.entry(list.to_owned()).or_default().push(field);
    }

    /// Returns the field whose block starts at `index`, where it is sent if the block says so, and
    /// the index after the block.
    fn field(&self, index: usize) -> Option<(Field, &'static str, usize)> {
        let name = self.blocks.line(index).filter(|name| is_name(name))?;
        let word = self.blocks.line(index + 1)?;
        let mut field = match read_type(word) {
            Some(field) => field,
            // An unknown type counts as one if attributes of a field follow.
            None if is_name(word) && self.blocks.line(index + 2).is_some_and(follows_type) => {
                Field { types: [SchemaType::Other(word.to_owned())].into(), ..Field::new("", None) }
            }
            None => return None,
        };
        field.pointer = pointer_of(name);
        field.line = self.blocks.line_number(index);
        field.expressiveness = Expressiveness { types: true, formats: true, values: true, limits: false };
        field.required = Some(false);
        field.deprecated = Some(false);
        let mut location = "";
        let mut next = index + 2;
        while let Some(attribute) = self.blocks.line(next).filter(|line| is_attribute(line)) {
            match attribute {
                "required" => field.required = Some(true),
                "nullable" => field.nullable = Some(true),
                "deprecated" => field.deprecated = Some(true),
                _ => location = LOCATIONS.into_iter().find(|known| *known == attribute).unwrap_or(location),
            }
            next += 1;
        }
        while next < self.blocks.len() {
            match self.blocks.line(next) {
                Some("Available options:") => next = self.options(next + 1, &mut field),
                Some("Example:" | "Examples:") => next = self.example(next + 1, &mut field),
                Some(line) if heading(line).is_some() || self.starts_field(next) => break,
                Some(line) => {
                    field.limits.extend(limits::from_text(line));
                    if prose::mentions_deprecation(line) {
                        field.deprecated = Some(true);
                    }
                    field.description.push_str(line);
                    next += 1;
                }
                None => next += 1,
            }
        }
        Some((field, location, next))
    }

    fn starts_field(&self, index: usize) -> bool {
        let (Some(name), Some(word)) = (self.blocks.line(index), self.blocks.line(index + 1)) else {
            return false;
        };
        let is_known = read_type(word).is_some();
        is_name(name) && (is_known || (is_name(word) && self.blocks.line(index + 2).is_some_and(follows_type)))
    }

    /// Reads values, one a line, with a comma after each but the last.
    fn options(&self, start: usize, field: &mut Field) -> usize {
        let mut index = start;
        while let Some(line) = self.blocks.line(index) {
            index += 1;
            let value = line.trim_end_matches(',').trim().trim_matches('"');
            match value {
                "null" => field.nullable = Some(true),
                _ => field.values.get_or_insert_default().push(value.to_owned()),
            }
            if !line.ends_with(',') {
                break;
            }
        }
        index
    }

    fn example(&self, index: usize, field: &mut Field) -> usize {
        match self.blocks.blocks.get(index) {
            Some((_, Block::Line(text))) if heading(text).is_none() && !self.starts_field(index) => {
                let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(*text));
                if !value.is_null() && !value.is_array() {
                    field.examples.push(value);
                }
                index + 1
            }
            Some((_, Block::Json(_))) => index + 1,
            _ => index,
        }
    }
}

/// Returns whether the line of a sample call ends inside of the quotes around its body.
fn opens_body(line: &str) -> bool {
    let quote = line.chars().next_back().filter(|last| matches!(last, '\'' | '"'));
    line.contains("--data") && (line.contains("<<") || quote.is_some_and(|quote| line.matches(quote).count() % 2 == 1))
}

fn is_attribute(line: &str) -> bool {
    ATTRIBUTES.contains(&line) || line.starts_with("default:")
}

/// Returns whether the line can follow the line with the type.
fn follows_type(line: &str) -> bool {
    is_attribute(line) || matches!(line, "Example:" | "Examples:" | "Available options:")
}

fn heading(line: &str) -> Option<Section> {
    Some(match line {
        "Authorizations" => Section::Authorizations,
        "Headers" => Section::Parameters("header"),
        "Path Parameters" => Section::Parameters("path"),
        "Query Parameters" => Section::Parameters("query"),
        "Cookies" => Section::Parameters("cookie"),
        "Body" => Section::Request,
        "Response" => Section::Response("2XX".to_owned()),
        _ => return None,
    })
}

/// Parses a status line: `200`, or `200 - application/json`.
fn status_of(line: &str) -> Option<String> {
    let number = line.get(..3).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    let rest = line[3..].trim_start();
    (rest.is_empty() || rest.starts_with('-')).then(|| number.to_owned())
}

/// Parses a type into a field that has only the type, its format and its nullability.
///
/// Types have forms such as `string`, `enum<string>`, `string<date-time>`, `object[]`, `PSE · object`,
/// `string | null`.
fn read_type(text: &str) -> Option<Field> {
    let mut field = Field::new("", None);
    field.nullable = Some(false);
    let text = text.rsplit(" · ").next().unwrap_or(text);
    for word in text.split('|').map(str::trim) {
        let (word, is_array) = (word.trim_end_matches("[]"), word.ends_with("[]"));
        let (base, inner) = match word.split_once('<') {
            Some((base, inner)) => (base, Some(inner.strip_suffix('>')?)),
            None => (word, None),
        };
        let schema_type = match (base, inner) {
            ("null", None) => {
                field.nullable = Some(true);
                continue;
            }
            ("any", None) => continue,
            ("enum", Some(inner)) => SchemaType::from_name(inner),
            (base, inner) => {
                let schema_type = SchemaType::from_name(base);
                if matches!(schema_type, SchemaType::Other(_)) {
                    return None;
                }
                if !is_array {
                    field.format = inner.map(str::to_owned);
                }
                schema_type
            }
        };
        field.types.insert(if is_array { SchemaType::Array } else { schema_type });
    }
    Some(field)
}
