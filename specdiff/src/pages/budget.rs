//! Limits on the work and memory that parsing one page may take, whatever the page contains.

use std::path::Path;

use bulkrail_codegen::Error;

/// Maximum number of schemas and values visited in one document.
///
/// Nested references can fan out exponentially: ten properties per object, thirty levels deep.
/// The largest real descriptions need a few ten thousand visits.
pub(crate) const MAX_STEPS: usize = 200_000;

/// Maximum size of the text kept in the model of one page: names, pointers, enum values, examples.
pub(crate) const MAX_MODEL_BYTES: usize = 64 * 1024 * 1024;

/// Maximum nesting of references and properties.
pub(crate) const MAX_SCHEMA_DEPTH: usize = 48;

/// Maximum length of a field name.
pub(crate) const MAX_NAME: usize = 200;

/// Maximum number of JSON blocks that fail to parse. Each failure may scan the rest of the page.
pub(crate) const MAX_BROKEN_EXAMPLES: usize = 32;

/// Reason why a page is refused, with line and pointer where known. Becomes an [`Error`] once the
/// file is known.
#[derive(Debug)]
pub(crate) struct ReadError {
    pub(crate) line: Option<usize>,
    pub(crate) pointer: String,
    pub(crate) reason: String,
}

impl ReadError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { line: None, pointer: String::new(), reason: reason.into() }
    }

    /// Adds the location. A line that is already known is kept.
    pub(crate) fn with_location(self, line: Option<usize>, pointer: &str) -> Self {
        Self { line: self.line.or(line), pointer: pointer.to_owned(), ..self }
    }

    pub(crate) fn into_error(self, file: &Path) -> Error {
        Error::new(file, self.line, &self.pointer, self.reason)
    }
}

/// Remaining work and memory for one page.
#[derive(Debug)]
pub(crate) struct Budget {
    steps: usize,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { steps: MAX_STEPS, bytes: MAX_MODEL_BYTES }
    }

    /// Charges the visit of one schema or value.
    pub(crate) fn take_step(&mut self) -> Result<(), ReadError> {
        self.take_steps(1)
    }

    /// Charges work that takes as long as `count` visits.
    pub(crate) fn take_steps(&mut self, count: usize) -> Result<(), ReadError> {
        let left = self.steps.checked_sub(count);
        self.steps = left.ok_or_else(|| {
            ReadError::new(format!("expands to more than {MAX_STEPS} schemas and values; split the page"))
        })?;
        Ok(())
    }

    /// Charges text that is kept in the model.
    pub(crate) fn take_bytes(&mut self, bytes: usize) -> Result<(), ReadError> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| {
            ReadError::new(format!("describes more than {MAX_MODEL_BYTES} bytes of fields; split the page"))
        })?;
        Ok(())
    }
}
