//! OpenAPI description in memory, with line numbers where they are known.

use bulkrail_codegen::{Error, Spec};
use serde_json::Value;

use crate::pages::budget::{MAX_SCHEMA_DEPTH, ReadError};

/// OpenAPI description, either a file of its own or a block of a page.
pub(crate) struct Document {
    pub(crate) value: Value,
    spec: Option<Spec>,
    /// Number of lines of the page before the description.
    lines_before: usize,
}

impl Document {
    /// Parses JSON or YAML that starts after `lines_before` lines of a page.
    pub(crate) fn parse(text: &str, lines_before: usize) -> Result<Self, ReadError> {
        let read_error = |error: Error| ReadError { line: error.line, pointer: error.pointer, reason: error.reason };
        match Spec::parse("", text).map_err(read_error) {
            Ok(spec) => Ok(Self { value: spec.document.clone(), spec: Some(spec), lines_before }),
            // Nearly all JSON is YAML and then has line numbers. The rest (tabs, surrogate pairs)
            // has none.
            Err(_) if text.trim_start().starts_with('{') => match serde_json::from_str(text) {
                Ok(value) => Ok(Self { value, spec: None, lines_before }),
                Err(error) => Err(ReadError::new(format!("is not JSON: {error}"))
                    .with_location(Some(lines_before + error.line()), "")),
            },
            Err(error) => Err(ReadError { line: error.line.map(|line| line + lines_before), ..error }),
        }
    }

    /// Returns the line on the page of the value at `pointer`.
    pub(crate) fn line(&self, pointer: &str) -> Option<usize> {
        self.spec.as_ref().and_then(|spec| spec.line(pointer)).map(|line| line + self.lines_before)
    }
}

impl From<&Spec> for Document {
    fn from(spec: &Spec) -> Self {
        Self { value: spec.document.clone(), spec: Some(spec.clone()), lines_before: 0 }
    }
}

/// Returns the value at `pointer` after following references, and its pointer.
pub(crate) fn resolve<'a>(document: &'a Document, pointer: &str) -> Result<(String, &'a Value), ReadError> {
    let mut target = pointer.to_owned();
    let refuse = |reason: String| ReadError::new(reason).with_location(document.line(pointer), pointer);
    for _ in 0..MAX_SCHEMA_DEPTH {
        let Some(value) = document.value.pointer(&target) else {
            return Err(refuse("there is no value here".to_owned()));
        };
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return Ok((target, value));
        };
        target = reference_pointer(document, reference).map_err(|reason| refuse(reason.to_owned()))?;
    }
    Err(refuse("its `$ref` is circular".to_owned()))
}

/// Returns the pointer that a reference denotes.
pub(crate) fn reference_pointer(document: &Document, reference: &str) -> Result<String, &'static str> {
    let Some(pointer) = reference.strip_prefix('#') else {
        return Err("its `$ref` points into another file; save the description as a single file");
    };
    match document.value.pointer(pointer) {
        Some(_) => Ok(pointer.to_owned()),
        None => Err("its `$ref` points at a value that does not exist"),
    }
}
