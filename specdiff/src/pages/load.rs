//! From a file to a page: limits first, then the form, then its reader.

use std::path::Path;

use serde_json::Value;

use crate::pages::budget::{Budget, Refusal};
use crate::pages::gitbook;
use crate::pages::markdown;
use crate::pages::mintlify;
use crate::pages::model::{Form, Page};
use crate::pages::openapi;
use crate::pages::readme;
use crate::pages::redocly;
use bulkrail_codegen::{Error, Spec, input};

/// The largest page that is read. Saved pages have kilobytes; whole descriptions of a large API have one or two megabytes.
pub const MAX_PAGE_BYTES: u64 = input::MAX_BYTES;

/// The largest page that is read line by line: the text of one rendered page, or Markdown about one operation.
const MAX_RENDERED_BYTES: usize = 1024 * 1024;

/// What to do about a file that is too large to be a page.
const TOO_LARGE: &str = "save one page, or one description";

impl Page {
    /// Reads a saved page.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is larger than [`MAX_PAGE_BYTES`], is not text, or [`Page::parse`] refuses it.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        Self::parse(file, &input::read(file, TOO_LARGE)?)
    }

    /// Reads the text of a page, in whichever form it is.
    ///
    /// # Errors
    ///
    /// When the text is empty, HTML, or in none of the forms; when it is a description that is broken, uses anchors, refers to itself,
    /// or is out of bounds.
    pub fn parse(file: impl AsRef<Path>, text: &str) -> Result<Self, Error> {
        let file = file.as_ref();
        read(text).map_err(|refusal| refusal.in_file(file))
    }
}

fn read(text: &str) -> Result<Page, Refusal> {
    input::check_size(text.len(), TOO_LARGE).map_err(Refusal::new)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Refusal::new("is empty"));
    }
    if let Some(at) = text.find('\0') {
        let line = text[..at].matches('\n').count() + 1;
        return Err(Refusal::new("holds a NUL byte; it is not a page saved as text").at(Some(line), ""));
    }
    let mut budget = Budget::new();
    let form = form(text)?;
    let is_rendered = !matches!(form, Form::OpenApi | Form::Markdown);
    if is_rendered && text.len() > MAX_RENDERED_BYTES {
        return Err(too_large(form));
    }
    let page = match form {
        Form::OpenApi => openapi::page(&Document::parse(text, 0)?, Form::OpenApi, &mut budget)?,
        Form::Markdown => markdown::page(text, &mut budget)?,
        Form::Mintlify => mintlify::page(text, &mut budget)?,
        Form::ReadMe => readme::page(text, &mut budget)?,
        Form::GitBook => gitbook::page(text, &mut budget)?,
        Form::Redocly => redocly::page(text, &mut budget)?,
    };
    match page.operations.is_empty() {
        true => Err(Refusal::new(format!("looks like a page of the form {} but describes no operation", page.form))),
        false => Ok(page),
    }
}

fn too_large(form: Form) -> Refusal {
    let reason = format!(
        "is larger than {MAX_RENDERED_BYTES} bytes, too large for a page of the form {form}; save one operation"
    );
    Refusal::new(reason)
}

/// What `text` looks like. Each form is told by something that its pages cannot do without.
fn form(text: &str) -> Result<Form, Refusal> {
    let start = text.trim_start();
    if start.starts_with('<') {
        return Err(Refusal::new(
            "is HTML (or the start of it); save the text of the page as the browser shows it, or its Markdown twin",
        ));
    }
    // What is not a description is looked for in the first part alone; nothing in front of an operation is that long.
    let end =
        (0..=text.len().min(MAX_RENDERED_BYTES)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let (whole, text) = (text, &text[..end]);
    let recognise = |form: &Form| match form {
        Form::OpenApi => openapi::recognise(start),
        Form::Markdown => markdown::recognise(whole),
        Form::Redocly => redocly::recognise(text),
        Form::Mintlify => mintlify::recognise(text),
        Form::ReadMe => readme::recognise(text),
        Form::GitBook => gitbook::recognise(text),
    };
    Form::ALL.into_iter().find(recognise).ok_or_else(|| {
        Refusal::new(
            "is in no known form: neither an OpenAPI 3.0 or 3.1 description (JSON or YAML), nor Markdown with one in a fenced \
             block, nor Redocly's Markdown, nor the text of a rendered Mintlify, ReadMe or GitBook page",
        )
    })
}

/// A description in memory, with the lines where they are known.
pub(crate) struct Document {
    pub(crate) value: Value,
    spec: Option<Spec>,
    /// Lines of the page before the description.
    before: usize,
}

impl Document {
    /// Reads JSON or YAML that stands `before` lines into a page.
    pub(crate) fn parse(text: &str, before: usize) -> Result<Self, Refusal> {
        let refusal = |error: Error| Refusal { line: error.line, pointer: error.pointer, reason: error.reason };
        match Spec::parse("", text).map_err(refusal) {
            Ok(spec) => Ok(Self { value: spec.document.clone(), spec: Some(spec), before }),
            // Nearly all JSON is YAML, and as YAML it has line numbers; what is not (tabs, surrogate pairs) does without.
            Err(_) if text.trim_start().starts_with('{') => match serde_json::from_str(text) {
                Ok(value) => Ok(Self { value, spec: None, before }),
                Err(error) => Err(Refusal::new(format!("is not JSON: {error}")).at(Some(before + error.line()), "")),
            },
            Err(refusal) => Err(Refusal { line: refusal.line.map(|line| line + before), ..refusal }),
        }
    }

    pub(crate) fn line(&self, pointer: &str) -> Option<usize> {
        self.spec.as_ref().and_then(|spec| spec.line(pointer)).map(|line| line + self.before)
    }
}

impl From<&Spec> for Document {
    fn from(spec: &Spec) -> Self {
        Self { value: spec.document.clone(), spec: Some(spec.clone()), before: 0 }
    }
}
