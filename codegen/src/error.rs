use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

/// Error in a spec or page, with file, line, JSON pointer and reason.
///
/// `Display` prints one line that editors can jump to: `specs/reap.yaml:12: /paths/...: reason`.
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
        write_line(f, &self.file.display().to_string())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.pointer.is_empty() {
            f.write_str(": ")?;
            write_line(f, &self.pointer)?;
        }
        f.write_str(": ")?;
        write_line(f, &self.reason)
    }
}

/// Writes text with control characters escaped: cargo takes each line of a build script as a
/// message of its own.
fn write_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|char| match char.is_control() {
        true => write!(f, "{}", char.escape_default()),
        false => f.write_char(char),
    })
}

impl std::error::Error for Error {}
