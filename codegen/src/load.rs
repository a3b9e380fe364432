use std::collections::HashMap;
use std::path::{Path, PathBuf};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

use crate::error::Error;
use crate::{input, pointer};

/// Maximum nesting of a document. Limits the use of the stack.
const MAX_DEPTH: usize = 96;

/// Maximum memory for the values of one document and their pointers: 64 MiB.
///
/// The pointers are kept for the line numbers. Deep nesting under long keys makes them many times
/// larger than the file, and so does a long list of empty values.
const MAX_MEMORY_BYTES: usize = 64 * 1024 * 1024;

/// Memory of a value beyond its pointer and text: the value, its entry in the map of lines, and
/// allocator overhead.
const BYTES_PER_VALUE: usize = 128;

/// Maximum number of characters that structure the flow style (and JSON) in one document.
///
/// The parser buffers the contents of a bracket until it closes, with some hundred bytes for each
/// of these characters. A description of two megabytes on one line has about half as many.
const MAX_FLOW_CHARS: usize = 400_000;

/// Reason of the error about a document that would need more memory than allowed.
const TOO_MUCH_MEMORY: &str =
    "needs too much memory for an OpenAPI document: too many values, or long keys nested too deeply; split it";

/// Hint of the error about a file that is too large.
const TOO_LARGE_HINT: &str = "pass the spec, or remove what does not belong to it";

/// OpenAPI document in memory, with the line of each value.
#[derive(Debug, Clone)]
pub struct Spec {
    /// File that the document was read from.
    pub file: PathBuf,
    /// Document as JSON. The order of the keys in the file is not kept.
    pub document: Value,
    lines: HashMap<String, usize>,
}

impl Spec {
    /// Reads and parses `file`.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is larger than 4 MiB or is not UTF-8. Returns
    /// an error for every text that [`Spec::parse`] refuses.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        Self::parse(file, &input::read_text(file, TOO_LARGE_HINT)?)
    }

    /// Parses YAML or JSON. `file` is the name used in errors.
    ///
    /// Restrictions make any document safe to read: at most 4 MiB, a single document, string keys,
    /// no duplicate keys, no anchors, aliases or tags, and limits on nesting and memory.
    ///
    /// # Errors
    ///
    /// Returns an error with the line if the text is not YAML or violates one of the restrictions.
    pub fn parse(file: impl AsRef<Path>, text: &str) -> Result<Self, Error> {
        let file = file.as_ref();
        let refuse = |reason: String| Error::new(file, Some(1), "", reason);
        input::check_size(text.len(), TOO_LARGE_HINT).map_err(refuse)?;
        if text.bytes().filter(|byte| b",:[]{}".contains(byte)).count() > MAX_FLOW_CHARS {
            return Err(refuse(TOO_MUCH_MEMORY.to_owned()));
        }
        Self::read(file, text).or_else(|error| match combine_surrogates(text) {
            Some(text) => Self::read(file, &text),
            None => Err(error),
        })
    }

    fn read(file: &Path, text: &str) -> Result<Self, Error> {
        let events = Parser::new_from_str(text);
        let last_line = text.split(['\n', '\r']).count();
        let mut reader = Reader { file, events, last_line, lines: HashMap::new(), memory_left: MAX_MEMORY_BYTES };
        let document = reader.document()?;
        let lines = reader.lines;
        Ok(Self { file: file.to_owned(), document, lines })
    }

    /// Returns the line of the value at `pointer`, or of the nearest enclosing value.
    #[must_use]
    pub fn line(&self, pointer: &str) -> Option<usize> {
        let mut pointer = pointer;
        loop {
            if let Some(line) = self.lines.get(pointer) {
                return Some(*line);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }

    /// Returns an error about the value at `pointer`, with its line.
    #[must_use]
    pub fn error(&self, pointer: &str, reason: impl Into<String>) -> Error {
        Error::new(&self.file, self.line(pointer), pointer, reason)
    }
}

/// Builds the document from parser events. The loader of the YAML library would expand aliases
/// before they are refused.
struct Reader<'a> {
    file: &'a Path,
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    last_line: usize,
    lines: HashMap<String, usize>,
    memory_left: usize,
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
                (_, span) => return Err(self.error(span, "", "contains more than one document")),
            }
        }
    }

    fn value(&mut self, pointer: &str, event: Event<'a>, span: Span, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            let reason = format!("is nested deeper than {MAX_DEPTH} levels; flatten it");
            return Err(self.error(span, pointer, reason));
        }
        self.take_memory(pointer, span)?;
        self.lines.insert(pointer.to_owned(), self.line(span.start));
        match event {
            Event::Alias(_) => {
                Err(self.error(span, pointer, "aliases are not supported, they can expand without limit; use $ref"))
            }
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                Err(self.error(span, pointer, "anchors are not supported, they can expand without limit; use $ref"))
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                Err(self.error(span, pointer, "tags are not supported; remove it"))
            }
            Event::Scalar(text, style, ..) => Ok(scalar(&text, style)),
            Event::SequenceStart(..) => self.sequence(pointer, depth),
            Event::MappingStart(..) => self.mapping(pointer, depth),
            other => Err(self.error(span, pointer, format!("unexpected {other:?}"))),
        }
    }

    fn sequence(&mut self, pointer: &str, depth: usize) -> Result<Value, Error> {
        let mut items = Vec::new();
        loop {
            match self.next(pointer)? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                (event, span) => {
                    let item = format!("{pointer}/{}", items.len());
                    items.push(self.value(&item, event, span, depth + 1)?);
                }
            }
        }
    }

    fn mapping(&mut self, pointer: &str, depth: usize) -> Result<Value, Error> {
        let mut map = Map::new();
        loop {
            let (event, span) = self.next(pointer)?;
            let key = match event {
                Event::MappingEnd => return Ok(Value::Object(map)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(self.error(span, pointer, "a key must be a scalar")),
            };
            let entry = pointer::join(pointer, &key);
            if map.contains_key(&key) {
                return Err(self.error(span, &entry, "duplicate key; keep one"));
            }
            let (event, value_span) = self.next(&entry)?;
            let value = self.value(&entry, event, value_span, depth + 1)?;
            // The line of the key, because the value may start on the next one.
            self.lines.insert(entry, self.line(span.start));
            map.insert(key, value);
        }
    }

    /// Charges the memory of a value before it is kept.
    fn take_memory(&mut self, pointer: &str, span: Span) -> Result<(), Error> {
        // The pointer exists twice while the value is read.
        let left = self.memory_left.checked_sub(2 * pointer.len() + BYTES_PER_VALUE);
        self.memory_left = left.ok_or_else(|| self.error(span, pointer, TOO_MUCH_MEMORY))?;
        Ok(())
    }

    fn next(&mut self, pointer: &str) -> Result<(Event<'a>, Span), Error> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let reason = format!("is not YAML: {}", error.info());
                Err(Error::new(self.file, Some(self.line(*error.marker())), pointer, reason))
            }
            None => Err(Error::new(self.file, None, pointer, "ends in the middle of a value")),
        }
    }

    /// Returns the line of a place. The parser has an empty value at the end of some texts in a line below the last.
    fn line(&self, place: Marker) -> usize {
        place.line().min(self.last_line)
    }

    fn error(&self, span: Span, pointer: &str, reason: impl Into<String>) -> Error {
        Error::new(self.file, Some(self.line(span.start)), pointer, reason)
    }
}

/// Returns the text with surrogate pairs combined, or `None` if it is not JSON or contains none.
///
/// JSON may write a character as two escapes (`\ud83d\ude00`), which are invalid in YAML. In a text
/// that is not JSON the escapes may be meant literally.
fn combine_surrogates(text: &str) -> Option<String> {
    serde_json::from_str::<Value>(text).ok()?;
    let (mut combined, mut rest, mut is_changed) = (String::with_capacity(text.len()), text, false);
    while let Some(start) = rest.find('\\') {
        let code_unit = |from| u16::from_str_radix(rest.get(from..from + 6)?.strip_prefix("\\u")?, 16).ok();
        let pair = code_unit(start).zip(code_unit(start + 6));
        let char = pair.and_then(|(high, low)| char::decode_utf16([high, low]).next()?.ok());
        let end = match char.filter(|char| char.len_utf16() == 2) {
            Some(char) => {
                is_changed = true;
                combined.push_str(&rest[..start]);
                combined.push(char);
                start + 12
            }
            None => {
                combined.push_str(&rest[..start + 2]);
                start + 2
            }
        };
        rest = &rest[end..];
    }
    is_changed.then(|| combined + rest)
}

/// Converts a scalar by the YAML 1.2 core schema, as far as JSON can represent it.
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
