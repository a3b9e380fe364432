use std::fmt;
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
    pub(crate) fn new(file: &Path, line: Option<usize>, pointer: &str, reason: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            pointer: pointer.to_owned(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.pointer.is_empty() {
            write!(f, ": {}", self.pointer)?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Error {}
