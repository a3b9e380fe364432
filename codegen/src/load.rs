use std::collections::HashMap;
use std::path::{Path, PathBuf};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

use crate::{Error, input, pointer};

/// Deeper nesting than any sane spec has; keeps a hostile file from using up the stack.
const MAX_DEPTH: usize = 96;

/// What the values of one document and their pointers may take up. The pointers are kept for the line numbers, and deep nesting
/// under long names makes them many times larger than the file; so does a long list of almost nothing.
const MAX_KEPT_BYTES: usize = 64 * 1024 * 1024;

/// What a value costs beyond its pointer and its text: itself, its place in the map of lines, and what the allocator adds.
const BYTES_PER_VALUE: usize = 128;

/// Signs of the flow style (and of JSON) in one document. The parser keeps all that stands in a bracket until it closes, at some
/// hundred bytes for each sign. A description of two megabytes in one line has about half as many.
const MAX_SIGNS: usize = 400_000;

/// What is said about a text that would take more.
const TOO_MUCH: &str =
    "takes more memory than a description of an API: too many values, or long names too deep; split it";

/// What to do about a file that is too large to be a spec.
const TOO_LARGE: &str = "no spec has that much: name the spec, or take out what does not belong to it";

/// A spec in memory: the document, and the line on which each value stands.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The file it was read from.
    pub file: PathBuf,
    /// The document as JSON; keys in the order of the file are not kept.
    pub document: Value,
    lines: HashMap<String, usize>,
}

impl Spec {
    /// Reads and parses `file`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or [`Spec::parse`] refuses its text.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        Self::parse(file, &input::read(file, TOO_LARGE)?)
    }

    /// Parses YAML (or JSON, which is YAML) with the restrictions that make a document safe to read: at most 4 MiB, one document,
    /// string keys, no key twice, no anchors, aliases or tags, and bounds on how deep it is and how much memory it takes. Pages that
    /// are descriptions of an API are read by this too.
    ///
    /// # Errors
    ///
    /// When the text is not YAML, or breaks one of the restrictions; the error names the line.
    pub fn parse(file: impl AsRef<Path>, text: &str) -> Result<Self, Error> {
        let file = file.as_ref();
        let refuse = |reason: String| Error::new(file, Some(1), "", reason);
        input::check_size(text.len(), TOO_LARGE).map_err(refuse)?;
        if text.bytes().filter(|sign| b",:[]{}".contains(sign)).count() > MAX_SIGNS {
            return Err(refuse(TOO_MUCH.to_owned()));
        }
        Self::read(file, text).or_else(|error| match whole_signs(text) {
            Some(text) => Self::read(file, &text),
            None => Err(error),
        })
    }

    fn read(file: &Path, text: &str) -> Result<Self, Error> {
        let mut reader =
            Reader { file, events: Parser::new_from_str(text), lines: HashMap::new(), left: MAX_KEPT_BYTES };
        let document = reader.document()?;
        let lines = reader.lines;
        Ok(Self { file: file.to_owned(), document, lines })
    }

    /// The line of the value at `pointer`, or of the nearest value around it.
    #[must_use]
    pub fn line(&self, pointer: &str) -> Option<usize> {
        let mut at = pointer;
        loop {
            if let Some(line) = self.lines.get(at) {
                return Some(*line);
            }
            at = &at[..at.rfind('/')?];
        }
    }

    /// Makes an error about the value at `pointer`, with its line.
    #[must_use]
    pub fn error(&self, pointer: &str, reason: impl Into<String>) -> Error {
        Error::new(&self.file, self.line(pointer), pointer, reason)
    }
}

/// Builds the value from parser events. (A loader of the YAML library would expand aliases before anyone could refuse them.)
struct Reader<'a> {
    file: &'a Path,
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    lines: HashMap<String, usize>,
    /// What may still be kept.
    left: usize,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Value, Error> {
        loop {
            match self.next("")? {
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                (Event::StreamEnd, _) => return Err(Error::new(self.file, Some(1), "", "is empty")),
                (event, span) => {
                    let value = self.value("", event, span, 0)?;
                    return self.end().map(|()| value);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        loop {
            match self.next("")? {
                (Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => return Ok(()),
                (_, span) => return Err(self.error(span, "", "holds more than one document")),
            }
        }
    }

    fn value(&mut self, at: &str, event: Event<'a>, span: Span, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            return Err(self.error(span, at, format!("is nested deeper than {MAX_DEPTH} levels; bring it closer")));
        }
        self.keep(at, span)?;
        self.lines.insert(at.to_owned(), span.start.line());
        match event {
            Event::Alias(_) => Err(self.error(span, at, "aliases are not read, they can grow without bound; use $ref")),
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                Err(self.error(span, at, "anchors are not read, they can grow without bound; use $ref"))
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                Err(self.error(span, at, "tags are not read; take it out"))
            }
            Event::Scalar(text, style, ..) => Ok(scalar(&text, style)),
            Event::SequenceStart(..) => self.sequence(at, depth),
            Event::MappingStart(..) => self.mapping(at, depth),
            other => Err(self.error(span, at, format!("unexpected {other:?}"))),
        }
    }

    fn sequence(&mut self, at: &str, depth: usize) -> Result<Value, Error> {
        let mut items = Vec::new();
        loop {
            match self.next(at)? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                (event, span) => items.push(self.value(&format!("{at}/{}", items.len()), event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, at: &str, depth: usize) -> Result<Value, Error> {
        let mut map = Map::new();
        loop {
            let (event, span) = self.next(at)?;
            let key = match event {
                Event::MappingEnd => return Ok(Value::Object(map)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(self.error(span, at, "a key must be a plain word or a string")),
            };
            let below = pointer::join(at, &key);
            if map.contains_key(&key) {
                return Err(self.error(span, &below, "stands here twice; keep one"));
            }
            let (event, value_span) = self.next(&below)?;
            let value = self.value(&below, event, value_span, depth + 1)?;
            // The key's line, not that of a value that starts on the next one.
            self.lines.insert(below, span.start.line());
            map.insert(key, value);
        }
    }

    /// Counts a value before it is kept.
    fn keep(&mut self, at: &str, span: Span) -> Result<(), Error> {
        // The pointer is held twice while the value is read.
        let left = self.left.checked_sub(2 * at.len() + BYTES_PER_VALUE);
        self.left = left.ok_or_else(|| self.error(span, at, TOO_MUCH))?;
        Ok(())
    }

    fn next(&mut self, at: &str) -> Result<(Event<'a>, Span), Error> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let reason = format!("is not YAML: {}", error.info());
                Err(Error::new(self.file, Some(error.marker().line()), short(at), reason))
            }
            None => Err(Error::new(self.file, None, short(at), "ends in the middle of a value")),
        }
    }

    fn error(&self, span: Span, at: &str, reason: impl Into<String>) -> Error {
        Error::new(self.file, Some(span.start.line()), short(at), reason)
    }
}

/// JSON may write one sign as two escapes (`\ud83d\ude00`), each of which is nothing to YAML. The same text with the signs themselves,
/// if it is JSON and has any; in YAML the escapes could be meant as they stand.
fn whole_signs(text: &str) -> Option<String> {
    serde_json::from_str::<Value>(text).ok()?;
    let (mut whole, mut rest, mut found) = (String::with_capacity(text.len()), text, false);
    while let Some(at) = rest.find('\\') {
        let half = |from| u16::from_str_radix(rest.get(from..from + 6)?.strip_prefix("\\u")?, 16).ok();
        let sign = half(at).zip(half(at + 6)).and_then(|(one, two)| char::decode_utf16([one, two]).next()?.ok());
        let end = match sign.filter(|sign| sign.len_utf16() == 2) {
            Some(sign) => {
                found = true;
                whole.push_str(&rest[..at]);
                whole.push(sign);
                at + 12
            }
            None => {
                whole.push_str(&rest[..at + 2]);
                at + 2
            }
        };
        rest = &rest[end..];
    }
    found.then(|| whole + rest)
}

/// The pointer, or that of a value around it: under names of a megabyte each, an error about the innermost would be many.
fn short(at: &str) -> &str {
    const LONGEST: usize = 400;
    match at.len() > LONGEST {
        true => at.as_bytes()[..LONGEST].iter().rposition(|byte| *byte == b'/').map_or("", |end| &at[..end]),
        false => at,
    }
}

/// A scalar by the YAML 1.2 core schema, as far as JSON can say it.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return None;
    }
    if let Ok(integer) = text.parse::<i64>() {
        return Some(integer.into());
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}
