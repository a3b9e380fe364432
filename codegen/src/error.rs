use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

/// Maximum number of characters of a pointer in a message: documented ones have up to 120.
const MAX_POINTER_CHARS: usize = 400;

/// Maximum number of characters of a reason in a message, which may quote the document.
const MAX_REASON_CHARS: usize = 2_000;

/// Error in a spec or page, with file, line, JSON pointer and reason.
///
/// `Display` prints one line that editors can jump to: `specs/reap.yaml:12: /paths/...: reason`. A pointer of more than
/// 400 characters and a reason of more than 2,000 are cut there, and end with `...`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// File, as the caller named it.
    pub file: PathBuf,
    /// Line, counted from 1, if it is known.
    pub line: Option<usize>,
    /// JSON pointer of the value, empty for the whole document.
    pub pointer: String,
    /// Reason, and what to do about it.
    pub reason: String,
}

impl Error {
    /// Returns an error about the value at `pointer` in `file`.
    #[must_use]
    pub fn new(file: &Path, line: Option<usize>, pointer: &str, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, pointer: pointer.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, &self.file.display().to_string(), usize::MAX)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.pointer.is_empty() {
            f.write_str(": ")?;
            write_line(f, &self.pointer, MAX_POINTER_CHARS)?;
        }
        f.write_str(": ")?;
        write_line(f, &self.reason, MAX_REASON_CHARS)
    }
}

/// Writes the start of `text` in up to `max_chars` characters, with control characters escaped: cargo takes each line of a
/// build script as a message of its own.
fn write_line(f: &mut fmt::Formatter<'_>, text: &str, max_chars: usize) -> fmt::Result {
    let mut chars_left = max_chars;
    for char in text.chars() {
        let escaped = char.is_control().then(|| char.escape_default());
        match chars_left.checked_sub(escaped.as_ref().map_or(1, ExactSizeIterator::len)) {
            Some(left) => chars_left = left,
            None => return f.write_str("..."),
        }
        match escaped {
            Some(escaped) => write!(f, "{escaped}")?,
            None => f.write_char(char)?,
        }
    }
    Ok(())
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pointer: &str, reason: &str) -> String {
        Error::new(Path::new("a.yaml"), Some(7), pointer, reason).to_string()
    }

    #[test]
    fn display_escapes_control_characters() {
        assert_eq!(shown("/a\nb", "is\tnot\u{1b}"), r"a.yaml:7: /a\nb: is\tnot\u{1b}");
        assert_eq!(shown("", "is empty"), "a.yaml:7: is empty");
    }

    #[test]
    fn display_cuts_long_texts_at_the_characters_that_are_shown() {
        let at_limits = shown(&"é".repeat(400), &"é".repeat(2_000));
        assert_eq!(at_limits, format!("a.yaml:7: {}: {}", "é".repeat(400), "é".repeat(2_000)));
        assert_eq!(shown(&"p".repeat(401), "x"), format!("a.yaml:7: {}...: x", "p".repeat(400)));
        assert_eq!(shown("p", &"r".repeat(2_001)), format!("a.yaml:7: p: {}...", "r".repeat(2_000)));
        // Each of these is shown as six characters, and is not cut within them.
        assert_eq!(shown(&"\u{16}".repeat(67), "x"), format!("a.yaml:7: {}...: x", r"\u{16}".repeat(66)));
    }
}
