//! What the readers of rendered text share: lines and JSON blocks, names of fields, and lists of fields made whole.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::pages::budget::{Budget, MAX_BROKEN_EXAMPLES, MAX_NAME, Refusal};
use crate::pages::model::{Field, Kind, Unread};
use bulkrail_codegen::pointer;

pub(crate) const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// Pieces of a page, of which one has to be its head.
const MAX_HEAD_PIECES: usize = 500;

/// A piece of a page: a line that is not blank, or a block of JSON.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    Line(&'a str),
    Json(Value),
}

/// The pieces of a text with their line numbers.
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    pub(crate) pieces: Vec<(usize, Piece<'a>)>,
    pub(crate) unread: Vec<Unread>,
}

impl<'a> Pieces<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let mut found = Self { pieces: Vec::new(), unread: Vec::new() };
        let (mut at, mut line) = (0, 1);
        // Where the line ends; kept, because a line can hold many blocks.
        let mut line_end = 0;
        while at < text.len() {
            let rest = &text[at..];
            if at >= line_end {
                line_end = at + rest.find('\n').map_or(rest.len(), |end| end + 1);
            }
            let end = line_end - at;
            let trimmed = rest[..end].trim();
            let mut taken = end;
            if opens_json(trimmed) && found.unread.len() < MAX_BROKEN_EXAMPLES {
                let skipped = end - rest[..end].trim_start().len();
                let mut values = serde_json::Deserializer::from_str(&rest[skipped..]).into_iter::<Value>();
                match values.next() {
                    Some(Ok(value)) => {
                        taken = skipped + values.byte_offset();
                        found.pieces.push((line, Piece::Json(value)));
                    }
                    Some(Err(error)) => {
                        found.unread.push(Unread {
                            line: Some(line + error.line().saturating_sub(1)),
                            reason: format!("the JSON block from line {line} on is broken: {error}"),
                        });
                        found.pieces.push((line, Piece::Line(trimmed)));
                    }
                    None => {}
                }
            } else if !trimmed.is_empty() {
                found.pieces.push((line, Piece::Line(trimmed)));
            }
            line += rest[..taken].matches('\n').count();
            at += taken;
        }
        found
    }

    /// What `find` makes of the first piece that it takes, and the index of that. The head of a page is at its start.
    pub(crate) fn head<T>(&self, find: impl Fn(&Self, usize) -> Option<T>) -> Option<(usize, T)> {
        (0..self.len().min(MAX_HEAD_PIECES)).find_map(|index| Some((index, find(self, index)?)))
    }

    pub(crate) fn line(&self, index: usize) -> Option<&'a str> {
        match self.pieces.get(index) {
            Some((_, Piece::Line(text))) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self, index: usize) -> Option<usize> {
        self.pieces.get(index).map(|(line, _)| *line)
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }
}

/// `{jobId}` and `{{base}}` open none.
fn opens_json(line: &str) -> bool {
    let quoted = |rest: &str| rest.trim_start().starts_with('"') || rest.trim().is_empty();
    match line.as_bytes().first() {
        Some(b'{') => quoted(&line[1..]),
        Some(b'[') => line[1..].trim().is_empty() || line[1..].trim_start().starts_with('{'),
        _ => false,
    }
}

/// Addresses that a page blanks out are written as the specs write them.
pub(crate) fn restore_addresses(text: &str) -> String {
    text.replace("[email protected]", "user@example.com").replace("[email\u{a0}protected]", "user@example.com")
}

/// `status`, `summary.errors`, `items[].id`: what can be the name of a field.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.' | '[' | ']'))
        && !text.ends_with(['.', '-'])
        && !text.contains("..")
}

/// The pointer that a dotted name stands for.
pub(crate) fn pointer_of(name: &str) -> String {
    let mut found = String::new();
    for step in name.split('.') {
        let word = step.trim_end_matches("[]");
        found = pointer::join(&found, word);
        for _ in 0..step[word.len()..].len() / 2 {
            found.push_str("/*");
        }
    }
    found
}

/// The pointer around `pointer`; none for the body itself.
pub(crate) fn parent(pointer: &str) -> Option<&str> {
    pointer.rfind('/').map(|at| &pointer[..at])
}

/// The last step of a pointer as people write it.
pub(crate) fn leaf(pointer: &str) -> String {
    let step = pointer.rsplit('/').next().unwrap_or_default();
    step.replace("~1", "/").replace("~0", "~")
}

/// Fields as a list names them, made whole: the elements of arrays stand between an array and its fields, every object that is only
/// implied by a dotted name is there, the body comes first, and each stands once.
pub(crate) fn settle(listed: Vec<Field>, budget: &mut Budget) -> Result<Vec<Field>, Refusal> {
    let arrays: BTreeSet<String> =
        listed.iter().filter(|field| field.kinds.contains(&Kind::Array)).map(|field| field.pointer.clone()).collect();
    let mut body = Field::new("", listed.first().and_then(|field| field.line));
    body.kinds = [Kind::Object].into();
    body.complete = true;
    let mut found: Vec<Field> = vec![body];
    let mut places: BTreeMap<String, usize> = [(String::new(), 0)].into();
    for mut field in listed {
        let (mut raw, mut whole) = (String::new(), String::new());
        let steps: Vec<&str> = field.pointer.split('/').skip(1).collect();
        for (index, step) in steps.iter().enumerate() {
            if arrays.contains(&raw) && *step != "*" {
                whole.push_str("/*");
                implied(&whole, field.line, &mut found, &mut places, budget)?;
            }
            raw = format!("{raw}/{step}");
            whole = format!("{whole}/{step}");
            if index + 1 < steps.len() {
                implied(&whole, field.line, &mut found, &mut places, budget)?;
            }
        }
        budget.keep(2 * whole.len() + size_of::<Field>())?;
        field.pointer.clone_from(&whole);
        if let Some(around) = parent(&whole).and_then(|around| places.get(around)) {
            found[*around].complete = true;
        }
        match places.get(&whole) {
            None => {
                places.insert(whole, found.len());
                found.push(field);
            }
            // Implied first, listed later.
            Some(place) if !found[*place].says.kind => {
                field.complete = found[*place].complete;
                found[*place] = field;
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

fn implied(
    pointer: &str,
    line: Option<usize>,
    found: &mut Vec<Field>,
    places: &mut BTreeMap<String, usize>,
    budget: &mut Budget,
) -> Result<(), Refusal> {
    if !places.contains_key(pointer) {
        budget.keep(2 * pointer.len() + size_of::<Field>())?;
        places.insert(pointer.to_owned(), found.len());
        found.push(Field { kinds: [Kind::Object].into(), complete: true, ..Field::new(pointer, line) });
    }
    if let Some(around) = parent(pointer).and_then(|around| places.get(around)) {
        found[*around].complete = true;
    }
    Ok(())
}
