//! Reads a file or text into a page: size limits, format detection, then the reader of the format.

use std::path::Path;

use bulkrail_codegen::{Error, input};

use crate::pages::budget::{Budget, ReadError};
use crate::pages::document::Document;
use crate::pages::model::{Page, PageFormat};
use crate::pages::{gitbook, markdown, mintlify, openapi, readme, redocly};

/// Maximum size of a page: 4 MiB. Rendered pages have kilobytes, descriptions of a large API one or
/// two megabytes.
pub const MAX_PAGE_BYTES: u64 = input::MAX_BYTES;

/// Maximum size of a page that is read line by line: rendered text, or Markdown about one
/// operation.
const MAX_RENDERED_BYTES: usize = 1024 * 1024;

/// Hint of the error about a file that is too large.
const TOO_LARGE_HINT: &str = "save one page, or one description";

impl Page {
    /// Reads a saved page.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is larger than [`MAX_PAGE_BYTES`] or is not
    /// UTF-8. Returns an error for every text that [`Page::parse`] refuses.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        Self::parse(file, &input::read_text(file, TOO_LARGE_HINT)?)
    }

    /// Parses the text of a page after detecting its format. `file` is the name used in errors.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is empty, HTML, or in none of the formats of [`PageFormat`].
    /// Returns an error for an OpenAPI description that is invalid, uses YAML anchors, has circular
    /// references, or expands to more than the limits allow.
    pub fn parse(file: impl AsRef<Path>, text: &str) -> Result<Self, Error> {
        let file = file.as_ref();
        parse(text).map_err(|error| error.into_error(file))
    }
}

fn parse(text: &str) -> Result<Page, ReadError> {
    input::check_size(text.len(), TOO_LARGE_HINT).map_err(ReadError::new)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(ReadError::new("is empty"));
    }
    if let Some(offset) = text.find('\0') {
        let line = text[..offset].matches('\n').count() + 1;
        return Err(ReadError::new("contains a NUL byte; save the page as text").with_location(Some(line), ""));
    }
    let mut budget = Budget::new();
    let format = detect(text)?;
    let is_rendered = !matches!(format, PageFormat::OpenApi | PageFormat::Markdown);
    if is_rendered && text.len() > MAX_RENDERED_BYTES {
        return Err(ReadError::new(format!(
            "is larger than {MAX_RENDERED_BYTES} bytes, the limit of the format {format}; save one operation"
        )));
    }
    let page = match format {
        PageFormat::OpenApi => openapi::parse(&Document::parse(text, 0)?, PageFormat::OpenApi, &mut budget)?,
        PageFormat::Markdown => markdown::parse(text, &mut budget)?,
        PageFormat::Mintlify => mintlify::parse(text, &mut budget)?,
        PageFormat::ReadMe => readme::parse(text, &mut budget)?,
        PageFormat::GitBook => gitbook::parse(text, &mut budget)?,
        PageFormat::Redocly => redocly::parse(text, &mut budget)?,
    };
    match page.operations.is_empty() {
        true => Err(ReadError::new(format!("has the format {} but describes no operation", page.format))),
        false => Ok(page),
    }
}

/// Returns the format of `text`. Each page of a format contains the marker of that format.
fn detect(text: &str) -> Result<PageFormat, ReadError> {
    let start = text.trim_start();
    if start.starts_with('<') {
        return Err(ReadError::new(
            "is HTML; save the text of the page as the browser shows it, or the Markdown version of the page",
        ));
    }
    // The marker of a rendered page is near its start, so only a prefix is searched.
    let end =
        (0..=text.len().min(MAX_RENDERED_BYTES)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let prefix = &text[..end];
    let is_match = |format: &PageFormat| match format {
        PageFormat::OpenApi => openapi::detect(start),
        PageFormat::Markdown => markdown::detect(text),
        PageFormat::Redocly => redocly::detect(prefix),
        PageFormat::Mintlify => mintlify::detect(prefix),
        PageFormat::ReadMe => readme::detect(prefix),
        PageFormat::GitBook => gitbook::detect(prefix),
    };
    PageFormat::ALL.into_iter().find(is_match).ok_or_else(|| {
        ReadError::new(
            "has an unknown format: expected an OpenAPI 3.0 or 3.1 description (JSON or YAML), Markdown with one in a \
             fenced block, Redocly's Markdown, or the text of a rendered Mintlify, ReadMe or GitBook page",
        )
    })
}
