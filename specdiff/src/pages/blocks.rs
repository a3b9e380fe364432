//! Splits rendered text into lines and JSON blocks.

use serde_json::Value;

use crate::pages::budget::MAX_BROKEN_EXAMPLES;
use crate::pages::model::ParseWarning;

/// HTTP methods in lower case.
pub(crate) const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// Maximum number of blocks before the header of a page.
const MAX_BLOCKS_BEFORE_HEADER: usize = 500;

/// Part of a page: a line that is not blank, or a JSON value.
#[derive(Debug)]
pub(crate) enum Block<'a> {
    Line(&'a str),
    Json(Value),
}

/// Blocks of a text with their line numbers.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    pub(crate) blocks: Vec<(usize, Block<'a>)>,
    pub(crate) warnings: Vec<ParseWarning>,
}

impl<'a> Blocks<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let mut parsed = Self { blocks: Vec::new(), warnings: Vec::new() };
        let (mut offset, mut line) = (0, 1);
        // Kept across blocks, because one line can contain many of them.
        let mut line_end = 0;
        while offset < text.len() {
            let rest = &text[offset..];
            if offset >= line_end {
                line_end = offset + rest.find('\n').map_or(rest.len(), |end| end + 1);
            }
            let end = line_end - offset;
            let trimmed = rest[..end].trim();
            let mut consumed = end;
            if opens_json(trimmed) && parsed.warnings.len() < MAX_BROKEN_EXAMPLES {
                let indent = end - rest[..end].trim_start().len();
                let mut values = serde_json::Deserializer::from_str(&rest[indent..]).into_iter::<Value>();
                match values.next() {
                    Some(Ok(value)) => {
                        consumed = indent + values.byte_offset();
                        parsed.blocks.push((line, Block::Json(value)));
                    }
                    Some(Err(error)) => {
                        parsed.warnings.push(ParseWarning {
                            line: Some(line + error.line().saturating_sub(1)),
                            reason: format!("the JSON block that starts on line {line} is invalid: {error}"),
                        });
                        parsed.blocks.push((line, Block::Line(trimmed)));
                    }
                    None => {}
                }
            } else if !trimmed.is_empty() {
                parsed.blocks.push((line, Block::Line(trimmed)));
            }
            line += rest[..consumed].matches('\n').count();
            offset += consumed;
        }
        parsed
    }

    /// Returns the index of the first block for which `parse` returns a header, and that header.
    pub(crate) fn find_header<T>(&self, parse: impl Fn(&Self, usize) -> Option<T>) -> Option<(usize, T)> {
        (0..self.len().min(MAX_BLOCKS_BEFORE_HEADER)).find_map(|index| Some((index, parse(self, index)?)))
    }

    /// Returns the text of a block, or `None` for JSON and after the end.
    pub(crate) fn line(&self, index: usize) -> Option<&'a str> {
        match self.blocks.get(index) {
            Some((_, Block::Line(text))) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn line_number(&self, index: usize) -> Option<usize> {
        self.blocks.get(index).map(|(line, _)| *line)
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }
}

/// Returns whether a JSON value starts on the line. Placeholders such as `{jobId}` and `{{base}}`
/// do not count.
fn opens_json(line: &str) -> bool {
    let is_member = |rest: &str| rest.trim_start().starts_with('"') || rest.trim().is_empty();
    match line.as_bytes().first() {
        Some(b'{') => is_member(&line[1..]),
        Some(b'[') => line[1..].trim().is_empty() || line[1..].trim_start().starts_with('{'),
        _ => false,
    }
}

/// Replaces the placeholder of obfuscated email addresses by the address that the specs use.
pub(crate) fn restore_emails(text: &str) -> String {
    text.replace("[email protected]", "user@example.com").replace("[email\u{a0}protected]", "user@example.com")
}
