//! What reading a page may cost. A page is somebody else's file: its size alone must not decide about our time and memory.

use std::path::Path;

use bulkrail_codegen::Error;

/// Schemas looked at in one document. A description whose references fan out (each object holding the next one ten times over)
/// would keep us busy for ever; the largest honest ones need a few ten thousand.
pub(crate) const MAX_STEPS: usize = 200_000;

/// Text kept in the model of one page: names, pointers, enum values, examples.
pub(crate) const MAX_MODEL_BYTES: usize = 64 * 1024 * 1024;

/// References and properties inside one another.
pub(crate) const MAX_SCHEMA_DEPTH: usize = 48;

/// The longest name of a field that is taken for one.
pub(crate) const MAX_NAME: usize = 200;

/// JSON blocks of a page that are tried and turn out to be none; each may cost a look at the rest of the page.
pub(crate) const MAX_BROKEN_EXAMPLES: usize = 32;

/// Why a page is not read: the line and pointer in it, where known. Becomes an [`Error`] once the file is known.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) line: Option<usize>,
    pub(crate) pointer: String,
    pub(crate) reason: String,
}

impl Refusal {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { line: None, pointer: String::new(), reason: reason.into() }
    }

    pub(crate) fn at(self, line: Option<usize>, pointer: &str) -> Self {
        Self { line: self.line.or(line), pointer: pointer.to_owned(), ..self }
    }

    pub(crate) fn in_file(self, file: &Path) -> Error {
        Error::new(file, self.line, &self.pointer, self.reason)
    }
}

/// What is left to spend on one page.
#[derive(Debug)]
pub(crate) struct Budget {
    steps: usize,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { steps: MAX_STEPS, bytes: MAX_MODEL_BYTES }
    }

    /// One more schema or value is looked at.
    pub(crate) fn step(&mut self) -> Result<(), Refusal> {
        self.steps(1)
    }

    /// Work that takes as long as looking at so many.
    pub(crate) fn steps(&mut self, count: usize) -> Result<(), Refusal> {
        let left = self.steps.checked_sub(count);
        self.steps = left.ok_or_else(|| {
            Refusal::new(format!(
                "its references lead to more than {MAX_STEPS} schemas and values; it is not read further"
            ))
        })?;
        Ok(())
    }

    /// That much more text is kept.
    pub(crate) fn keep(&mut self, bytes: usize) -> Result<(), Refusal> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| {
            Refusal::new(format!("describes more than {MAX_MODEL_BYTES} bytes of fields; it is not read further"))
        })?;
        Ok(())
    }
}
