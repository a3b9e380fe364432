//! The text of a rendered Mintlify page, as in KillB's reference: the method and the path in pieces, a curl call, an example of the
//! answer, then one block a field: name, type, marks, text, `Available options:`, `Example:`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::pages::blocks::{METHODS, Piece, Pieces, is_name, pointer_of, restore_addresses, settle};
use crate::pages::budget::{Budget, Refusal};
use crate::pages::example_values as examples;
use crate::pages::model::{Field, Form, Kind, Operation, Page, Says};
use bulkrail_codegen::pointer;

/// The longest path that is put together from its steps.
const MAX_PATH: usize = 2000;

/// Words that stand alone under the type.
const MARKS: [&str; 9] =
    ["required", "header", "path", "query", "cookie", "deprecated", "read-only", "write-only", "nullable"];

/// What a list of fields stands under.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Section {
    /// Whatever comes before the first list.
    Head,
    /// Security, which a spec has under `securitySchemes`.
    Ignored,
    Parameters(&'static str),
    Request,
    Response(String),
}

pub(crate) fn recognise(text: &str) -> bool {
    let pieces = Pieces::of(text);
    pieces.head(header).is_some()
}

pub(crate) fn page(text: &str, budget: &mut Budget) -> Result<Page, Refusal> {
    let text = restore_addresses(text);
    let pieces = Pieces::of(&text);
    let mut reader = Reader { pieces: &pieces, budget, section: Section::Head, lists: BTreeMap::new() };
    let mut page = Page { form: Form::Mintlify, operations: Vec::new(), servers: Vec::new(), unread: Vec::new() };
    let found = pieces.head(header);
    if let Some((index, (method, path, next))) = found {
        let mut operation = Operation { method, path, line: pieces.number(index), ..Operation::default() };
        reader.read(next, &mut operation)?;
        page.operations.push(operation);
    }
    page.unread = pieces.unread;
    Ok(page)
}

/// Method and path, each step of it on a line of its own, and the index after them.
fn header(pieces: &Pieces<'_>, index: usize) -> Option<(String, String, usize)> {
    let method = pieces.line(index)?;
    if !METHODS.iter().any(|known| known.to_uppercase() == method) || pieces.line(index + 1)? != "/" {
        return None;
    }
    let (mut path, mut at) = (String::new(), index + 1);
    while pieces.line(at) == Some("/") {
        path = format!("{path}/{}", pieces.line(at + 1)?);
        at += 2;
        if path.len() > MAX_PATH {
            return None;
        }
    }
    Some((method.to_lowercase(), path, at))
}

struct Reader<'a> {
    pieces: &'a Pieces<'a>,
    budget: &'a mut Budget,
    section: Section,
    /// The fields of the lists, by what they stand under.
    lists: BTreeMap<String, Vec<Field>>,
}

impl Reader<'_> {
    fn read(&mut self, start: usize, operation: &mut Operation) -> Result<(), Refusal> {
        let (mut request, mut answer) = (Vec::new(), Vec::new());
        let mut statuses = Vec::new();
        let mut at = start;
        while at < self.pieces.len() {
            if let Some((field, next)) = self.field(at) {
                self.budget.keep(size_of::<Field>())?;
                self.keep(field);
                at = next;
                continue;
            }
            match &self.pieces.pieces[at].1 {
                Piece::Line(line) => {
                    if let Some(section) = heading(line) {
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
                // After the lists, JSON is the example of some field, and its own field has taken it.
                Piece::Json(value) if self.section == Section::Head => {
                    let sent = at.checked_sub(1).and_then(|before| self.pieces.line(before));
                    match sent.is_some_and(|line| line.contains("--data")) {
                        true => request.push((value.clone(), self.pieces.number(at))),
                        false => answer.push((value.clone(), self.pieces.number(at))),
                    }
                }
                Piece::Json(_) => {}
            }
            at += 1;
        }
        operation.parameters = self.lists.remove("parameters").unwrap_or_default();
        let listed = self.lists.remove("request");
        if listed.is_some() || !request.is_empty() {
            operation.request = Some(self.body(listed, request)?);
        }
        for (index, status) in statuses.iter().enumerate() {
            let listed = self.lists.remove(status);
            let examples = if index == 0 { std::mem::take(&mut answer) } else { Vec::new() };
            let body = self.body(listed, examples)?;
            operation.responses.insert(status.clone(), body);
        }
        Ok(())
    }

    fn body(
        &mut self,
        listed: Option<Vec<Field>>,
        examples: Vec<(Value, Option<usize>)>,
    ) -> Result<Vec<Field>, Refusal> {
        let mut fields = match listed {
            Some(listed) => settle(listed, self.budget)?,
            None => Vec::new(),
        };
        for (value, line) in examples {
            examples::add(&mut fields, &value, line, self.budget)?;
        }
        Ok(fields)
    }

    fn keep(&mut self, mut field: Field) {
        let list = match &self.section {
            Section::Head | Section::Ignored => return,
            Section::Parameters(group) => {
                field.pointer = pointer::join(&pointer::join("", group), &crate::pages::blocks::leaf(&field.pointer));
                "parameters"
            }
            Section::Request => "request",
            Section::Response(status) => status,
        };
        self.lists.entry(list.to_owned()).or_default().push(field);
    }

    /// The field whose block starts at `at`, and the index after the block.
    fn field(&self, at: usize) -> Option<(Field, usize)> {
        let name = self.pieces.line(at).filter(|name| is_name(name))?;
        let word = self.pieces.line(at + 1)?;
        let mut field = match read_type(word) {
            Some(kind) => kind,
            // A type nobody knows is still a type where the marks of a field follow.
            None if is_name(word) && self.pieces.line(at + 2).is_some_and(ends_type) => {
                Field { kinds: [Kind::Other(word.to_owned())].into(), ..Field::new("", None) }
            }
            None => return None,
        };
        field.pointer = pointer_of(name);
        field.line = self.pieces.number(at);
        field.says = Says { kind: true, format: true, values: true };
        field.required = Some(false);
        let mut next = at + 2;
        while let Some(mark) = self.pieces.line(next).filter(|line| is_mark(line)) {
            match mark {
                "required" => field.required = Some(true),
                "nullable" => field.nullable = Some(true),
                _ => {}
            }
            next += 1;
        }
        while next < self.pieces.len() {
            match self.pieces.line(next) {
                Some("Available options:") => next = self.options(next + 1, &mut field),
                Some("Example:" | "Examples:") => next = self.example(next + 1, &mut field),
                Some(line) if heading(line).is_some() || self.starts_field(next) => break,
                _ => next += 1,
            }
        }
        Some((field, next))
    }

    fn starts_field(&self, at: usize) -> bool {
        let (Some(name), Some(word)) = (self.pieces.line(at), self.pieces.line(at + 1)) else {
            return false;
        };
        let known = read_type(word).is_some();
        is_name(name) && (known || (is_name(word) && self.pieces.line(at + 2).is_some_and(ends_type)))
    }

    /// One value a line, a comma after each but the last.
    fn options(&self, start: usize, field: &mut Field) -> usize {
        let mut at = start;
        while let Some(line) = self.pieces.line(at) {
            at += 1;
            let word = line.trim_end_matches(',').trim().trim_matches('"');
            match word {
                "null" => field.nullable = Some(true),
                _ => field.values.get_or_insert_default().push(word.to_owned()),
            }
            if !line.ends_with(',') {
                break;
            }
        }
        at
    }

    fn example(&self, at: usize, field: &mut Field) -> usize {
        match self.pieces.pieces.get(at) {
            Some((_, Piece::Line(text))) if heading(text).is_none() && !self.starts_field(at) => {
                let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(*text));
                if !value.is_null() && !value.is_array() {
                    field.examples.push(value);
                }
                at + 1
            }
            Some((_, Piece::Json(_))) => at + 1,
            _ => at,
        }
    }
}

fn is_mark(line: &str) -> bool {
    MARKS.contains(&line) || line.starts_with("default:")
}

/// What can follow the line with the type.
fn ends_type(line: &str) -> bool {
    is_mark(line) || matches!(line, "Example:" | "Examples:" | "Available options:")
}

fn heading(line: &str) -> Option<Section> {
    Some(match line {
        "Authorizations" => Section::Ignored,
        "Headers" => Section::Parameters("header"),
        "Path Parameters" => Section::Parameters("path"),
        "Query Parameters" => Section::Parameters("query"),
        "Cookies" => Section::Parameters("cookie"),
        "Body" => Section::Request,
        "Response" => Section::Response("2XX".to_owned()),
        _ => return None,
    })
}

/// `200`, or `200 - application/json`.
fn status_of(line: &str) -> Option<String> {
    let number = line.get(..3).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    let rest = line[3..].trim_start();
    (rest.is_empty() || rest.starts_with('-')).then(|| number.to_owned())
}

/// `string`, `enum<string>`, `string<date-time>`, `object[]`, `PSE · object`, `string | null`: a field with nothing but its type.
fn read_type(text: &str) -> Option<Field> {
    let mut field = Field::new("", None);
    field.nullable = Some(false);
    let text = text.rsplit(" · ").next().unwrap_or(text);
    for word in text.split('|').map(str::trim) {
        let (word, arrays) = (word.trim_end_matches("[]"), word.ends_with("[]"));
        let (base, inner) = match word.split_once('<') {
            Some((base, inner)) => (base, Some(inner.strip_suffix('>')?)),
            None => (word, None),
        };
        let kind = match (base, inner) {
            ("null", None) => {
                field.nullable = Some(true);
                continue;
            }
            ("any", None) => continue,
            ("enum", Some(inner)) => Kind::named(inner),
            (base, inner) => {
                let kind = Kind::named(base);
                if matches!(kind, Kind::Other(_)) {
                    return None;
                }
                if !arrays {
                    field.format = inner.map(str::to_owned);
                }
                kind
            }
        };
        field.kinds.insert(if arrays { Kind::Array } else { kind });
    }
    Some(field)
}
