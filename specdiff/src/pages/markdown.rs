//! Reads Markdown with an OpenAPI description in a fenced block.

use crate::pages::budget::{Budget, ReadError};
use crate::pages::document::Document;
use crate::pages::model::{Page, PageFormat};
use crate::pages::openapi;

pub(crate) fn detect(text: &str) -> bool {
    !text.trim_start().starts_with('{') && description_blocks(text).next().is_some()
}

pub(crate) fn parse(text: &str, budget: &mut Budget) -> Result<Page, ReadError> {
    let mut page = Page::new(PageFormat::Markdown);
    for (lines_before, block) in description_blocks(text) {
        let description = openapi::parse(&Document::parse(&block, lines_before)?, PageFormat::Markdown, budget)?;
        page.operations.extend(description.operations);
        page.servers.extend(description.servers);
    }
    Ok(page)
}

/// Returns the fenced blocks that contain a description: the number of lines before each, and its
/// text.
fn description_blocks(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = text.lines().enumerate();
    std::iter::from_fn(move || {
        loop {
            let (number, line) = lines.next()?;
            let start = line.trim_start();
            let indent = line.len() - start.len();
            let Some(fence) = fence(start) else { continue };
            let mut block = String::new();
            for (_, line) in lines.by_ref() {
                // A block without an end is read to the end of the page.
                if line.trim_start().starts_with(fence) {
                    break;
                }
                // A block inside a list item is indented as a whole.
                let spaces = line.len() - line.trim_start_matches(' ').len();
                block.push_str(&line[spaces.min(indent)..]);
                block.push('\n');
            }
            if openapi::detect(block.trim_start()) {
                return Some((number + 1, block));
            }
        }
    })
}

/// Returns the run of backticks or tildes that opens a block.
fn fence(line: &str) -> Option<&str> {
    let fence_char = line.chars().next().filter(|char| matches!(char, '`' | '~'))?;
    let length = line.len() - line.trim_start_matches(fence_char).len();
    (length >= 3).then(|| &line[..length])
}
