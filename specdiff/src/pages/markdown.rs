//! Markdown with an OpenAPI description in a fenced block.

use crate::pages::budget::{Budget, Refusal};
use crate::pages::load::Document;
use crate::pages::model::{Form, Page};
use crate::pages::openapi;

pub(crate) fn recognise(text: &str) -> bool {
    !text.trim_start().starts_with('{') && blocks(text).next().is_some()
}

pub(crate) fn page(text: &str, budget: &mut Budget) -> Result<Page, Refusal> {
    let mut page = Page { form: Form::Markdown, operations: Vec::new(), servers: Vec::new(), unread: Vec::new() };
    for (before, block) in blocks(text) {
        let found = openapi::page(&Document::parse(&block, before)?, Form::Markdown, budget)?;
        page.operations.extend(found.operations);
        page.servers.extend(found.servers);
    }
    Ok(page)
}

/// The fenced blocks that hold a description: how many lines stand before each, and its text.
fn blocks(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = text.lines().enumerate();
    std::iter::from_fn(move || {
        loop {
            let (number, line) = lines.next()?;
            let start = line.trim_start();
            let indent = line.len() - start.len();
            let Some(fence) = fence(start) else { continue };
            let mut block = String::new();
            for (_, line) in lines.by_ref() {
                // A block whose end is cut off is read as far as it goes.
                if line.trim_start().starts_with(fence) {
                    break;
                }
                // A block inside a list is indented as a whole.
                let blank = line.len() - line.trim_start_matches(' ').len();
                block.push_str(&line[blank.min(indent)..]);
                block.push('\n');
            }
            if openapi::recognise(block.trim_start()) {
                return Some((number + 1, block));
            }
        }
    })
}

/// The run of backticks or tildes that opens a block.
fn fence(line: &str) -> Option<&str> {
    let sign = line.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
    let length = line.len() - line.trim_start_matches(sign).len();
    (length >= 3).then(|| &line[..length])
}
