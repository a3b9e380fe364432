//! The text of a rendered ReadMe page, as in Reap's reference. Bold words and line breaks of the page are gone, so that lists run on:
//! "... for this batch.status: Current processing ...". The JSON examples tell which words are names of fields.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::pages::blocks as text;
use crate::pages::blocks::{METHODS, Piece, Pieces, is_name, pointer_of, restore_addresses, settle};
use crate::pages::budget::{Budget, Refusal};
use crate::pages::example_values as examples;
use crate::pages::model::{Field, Form, Kind, Operation, Page, Says, Unread};
use crate::pages::paths;
use crate::pages::run_on::{described_values, entries, listed_values, mentions_null};
use bulkrail_codegen::pointer;

pub(crate) fn recognise(text: &str) -> bool {
    let pieces = Pieces::of(text);
    pieces.head(header).is_some()
}

pub(crate) fn page(text: &str, budget: &mut Budget) -> Result<Page, Refusal> {
    let text = restore_addresses(text);
    let pieces = Pieces::of(&text);
    let mut page = Page { form: Form::ReadMe, operations: Vec::new(), servers: Vec::new(), unread: Vec::new() };
    let found = pieces.head(header);
    if let Some((index, (method, path))) = found {
        let mut operation =
            Operation { method, path, line: pieces.number(index), every_status: true, ..Operation::default() };
        let mut reader = Reader { pieces: &pieces, unread: Vec::new(), words: words(&text) };
        reader.read(index + 2, &mut operation, budget)?;
        page.unread.extend(reader.unread);
        page.operations.push(operation);
    }
    page.unread.extend(pieces.unread);
    Ok(page)
}

/// The method on one line, the address on the next.
fn header(pieces: &Pieces<'_>, index: usize) -> Option<(String, String)> {
    let method = pieces.line(index)?;
    let address = pieces.line(index + 1)?;
    let is_address = address.starts_with("https://") || address.starts_with("http://");
    let known = METHODS.iter().any(|known| known.eq_ignore_ascii_case(method));
    (known && is_address).then(|| (method.to_lowercase(), paths::without_host(address)))
}

/// The words of the page, to tell where one ends in a run of two.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).filter(|word| word.len() > 2).collect()
}

/// One answer as it is read.
#[derive(Default)]
struct Answer<'a> {
    /// The run-on list of its fields.
    list: Vec<(usize, &'a str)>,
    examples: Vec<(&'a Value, Option<usize>)>,
}

/// What the lines at hand belong to.
enum Section {
    Text,
    Parameters(&'static str),
    Request,
    Response(String),
    Fields(String),
    Values(String),
}

struct Reader<'a> {
    pieces: &'a Pieces<'a>,
    unread: Vec<Unread>,
    words: BTreeSet<&'a str>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, start: usize, operation: &mut Operation, budget: &mut Budget) -> Result<(), Refusal> {
        let mut section = Section::Text;
        let mut answers: BTreeMap<String, Answer<'_>> = BTreeMap::new();
        let mut values: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
        let (mut listed, mut sent) = (Vec::new(), Vec::new());
        let mut at = start;
        while at < self.pieces.len() {
            let (line, piece) = &self.pieces.pieces[at];
            match (piece, &section) {
                (Piece::Json(value), Section::Response(status) | Section::Fields(status)) => {
                    let answer = answers.entry(status.clone()).or_default();
                    answer.examples.push((value, Some(*line)));
                }
                (Piece::Json(value), Section::Request) => sent.push((value, Some(*line))),
                (Piece::Json(_), _) => {}
                (Piece::Line(text), _) => {
                    if let Some(next) = self.heading(text, &section) {
                        if let Section::Response(status) = &next {
                            answers.entry(status.clone()).or_default();
                        }
                        section = next;
                    } else {
                        match &section {
                            Section::Fields(status) => {
                                answers.entry(status.clone()).or_default().list.push((*line, text));
                            }
                            Section::Values(name) => {
                                let found = listed_values(text, &self.words);
                                values.entry(name.clone()).or_insert((*line, Vec::new())).1.extend(found);
                            }
                            Section::Parameters(group) => {
                                operation.parameters.extend(self.field(at).map(|mut field| {
                                    let name = text::leaf(&field.pointer);
                                    field.pointer = pointer::join(&pointer::join("", group), &name);
                                    field
                                }))
                            }
                            Section::Request => listed.extend(self.field(at)),
                            Section::Text | Section::Response(_) => {}
                        }
                    }
                }
            }
            at += 1;
        }
        if !listed.is_empty() || !sent.is_empty() {
            let mut fields = if listed.is_empty() { Vec::new() } else { settle(listed, budget)? };
            sent.into_iter().try_for_each(|(value, line)| examples::add(&mut fields, value, line, budget))?;
            operation.request = Some(fields);
        }
        for (status, answer) in answers {
            let mut fields = self.answer(&answer, budget)?;
            if status.starts_with('2') {
                self.apply(&values, &mut fields, budget)?;
            }
            operation.responses.insert(status, fields);
        }
        Ok(())
    }

    fn heading(&self, line: &str, section: &Section) -> Option<Section> {
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

    /// A field with its facts on lines of their own: `Required: Yes`, `Type: string (uuid)`, `Example: ...`.
    fn field(&self, at: usize) -> Option<Field> {
        let name = self.pieces.line(at).filter(|name| is_name(name))?;
        let is_fact = |line: &str| ["Required: ", "Type: "].iter().any(|start| line.starts_with(start));
        self.pieces.line(at + 1).filter(|line| is_fact(line))?;
        let mut field = Field::new(pointer_of(name), self.pieces.number(at));
        let mut next = at + 1;
        while let Some(line) = self.pieces.line(next) {
            let below = self.pieces.line(next + 1).is_some_and(is_fact);
            if let Some(answer) = line.strip_prefix("Required: ") {
                field.required = Some(answer.eq_ignore_ascii_case("yes") || answer.eq_ignore_ascii_case("true"));
            } else if let Some(words) = line.strip_prefix("Type: ") {
                let (kind, format) = words.split_once(" (").unwrap_or((words, ""));
                field.kinds = [Kind::named(kind.trim())].into();
                field.format = Some(format.trim_end_matches(')').to_owned()).filter(|format| !format.is_empty());
                field.says = Says { kind: true, format: true, values: false };
            } else if let Some(example) = line.strip_prefix("Example: ") {
                field.examples.push(example.trim_matches('"').into());
            } else if (is_name(line) && below) || self.heading(line, &Section::Text).is_some() {
                break;
            }
            next += 1;
        }
        Some(field)
    }

    fn answer(&self, answer: &Answer<'_>, budget: &mut Budget) -> Result<Vec<Field>, Refusal> {
        let mut shown = Vec::new();
        for (value, line) in &answer.examples {
            examples::add(&mut shown, value, *line, budget)?;
        }
        let objects: BTreeSet<&str> = shown
            .iter()
            .filter(|field| field.kinds.contains(&Kind::Object))
            .map(|field| field.pointer.as_str())
            .collect();
        let mut listed = Vec::new();
        for (line, text) in &answer.list {
            for (name, description) in entries(text, &objects) {
                budget.keep(size_of::<Field>())?;
                let mut field = Field::new(pointer_of(name), Some(*line));
                field.nullable = mentions_null(description).then_some(true);
                field.values = described_values(description);
                listed.push(field);
            }
        }
        let mut fields = if listed.is_empty() { Vec::new() } else { settle(listed, budget)? };
        for (value, line) in &answer.examples {
            examples::add(&mut fields, value, *line, budget)?;
        }
        Ok(fields)
    }

    /// Gives the lists of values to the fields that they are about. The description of a field may list them once more.
    fn apply(
        &mut self,
        values: &BTreeMap<String, (usize, Vec<String>)>,
        fields: &mut [Field],
        budget: &mut Budget,
    ) -> Result<(), Refusal> {
        for field in fields {
            let name = text::leaf(&field.pointer).to_lowercase();
            if let Some((line, listed)) = values.get(&name) {
                budget.keep(listed.iter().map(|value| value.len() + size_of::<String>()).sum())?;
                let described = field.values.replace(listed.clone());
                let described: BTreeSet<&String> = described.iter().flatten().collect();
                let differ: Vec<&str> = listed
                    .iter()
                    .collect::<BTreeSet<_>>()
                    .symmetric_difference(&described)
                    .map(|value| value.as_str())
                    .collect();
                if !described.is_empty() && !differ.is_empty() {
                    let reason = format!("`{name}` is listed with other values in two places: {}", differ.join(", "));
                    self.unread.push(Unread { line: Some(*line), reason });
                }
            }
        }
        Ok(())
    }
}

/// `401Unauthorized`, as the foot of the page has it.
fn is_status_line(line: &str) -> bool {
    let (number, rest) = line.split_at_checked(3).unwrap_or_default();
    let is_status = number.bytes().all(|byte| byte.is_ascii_digit()) && number.starts_with(['1', '2', '3', '4', '5']);
    is_status && rest.starts_with(|first: char| first.is_ascii_uppercase())
}
