//! Writes to standard output: texts and JSON documents.

use std::io::{self, ErrorKind, Write};

use bulkrail::text::is_hidden;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::screen;

/// Writes `text` and flushes it.
pub(crate) fn text(text: &str) -> io::Result<()> {
    bytes(text.as_bytes())
}

/// Writes `bytes` and flushes them.
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<()> {
    screen::above(|| {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    })
}

/// Writes `document` as one line of JSON and flushes it.
pub(crate) fn json(document: &impl Serialize) -> io::Result<()> {
    text(&line(document)?)
}

/// Returns `document` as one line of JSON.
pub(crate) fn line(document: &impl Serialize) -> io::Result<String> {
    let mut line = Vec::new();
    write_line(&mut line, document)?;
    String::from_utf8(line).map_err(io::Error::other)
}

/// Writes `document` as one line of JSON.
pub(crate) fn write_line(mut to: impl Write, document: &impl Serialize) -> io::Result<()> {
    document.serialize(&mut Serializer::with_formatter(&mut to, Printable))?;
    to.write_all(b"\n")
}

/// Compact JSON in which characters that steer a terminal or hide text are escaped.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut start = 0;
        for (index, c) in fragment.char_indices().filter(|(_, c)| c.is_control() || is_hidden(*c)) {
            writer.write_all(&fragment.as_bytes()[start..index])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            start = index + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[start..])
    }
}

/// Converts the result of the last write. A closed standard output is not an error then: the
/// command did its job.
pub(crate) fn last(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_escapes_characters_that_steer_a_terminal_and_keeps_their_value() {
        let text = "é\u{1b}]52;c;x\u{7}\u{7f}\u{85}\u{9b}31m\u{202e}\u{200b}\u{2028}\u{e0041}\n👩";
        let line = line(&[text]).unwrap();
        let expected = r#"["é\u001b]52;c;x\u0007\u007f\u0085\u009b31m\u202e\u200b\u2028\udb40\udc41\n👩"]"#;
        assert_eq!(line.trim_end(), expected);
        assert_eq!(serde_json::from_str::<[String; 1]>(&line).unwrap(), [text]);
    }
}
