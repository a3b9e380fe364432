use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

/// What is wrong with a spec, and where: file, line, JSON pointer, reason.
///
/// `Display` is one line, in the form editors can jump to: `specs/reap.yaml:12: /paths/...: reason`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// The file as it was named.
    pub file: PathBuf,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// The JSON pointer of the value, empty for the whole document.
    pub pointer: String,
    /// What is wrong and what to do about it.
    pub reason: String,
}

impl Error {
    /// Makes an error about the value at `pointer` of `file`.
    #[must_use]
    pub fn new(file: &Path, line: Option<usize>, pointer: &str, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, pointer: pointer.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        one_line(f, &self.file.display().to_string())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.pointer.is_empty() {
            f.write_str(": ")?;
            one_line(f, &self.pointer)?;
        }
        f.write_str(": ")?;
        one_line(f, &self.reason)
    }
}

/// Whatever is in a spec, an error stays one line: cargo takes each line of a build script for a message of its own.
fn one_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|char| match char.is_control() {
        true => write!(f, "{}", char.escape_default()),
        false => f.write_char(char),
    })
}

impl std::error::Error for Error {}
