//! Collects the differences of one operation.

use bulkrail_codegen::Spec;

use crate::diff::difference::{Change, Class, Difference};
use crate::pages::model::{Page, PageFormat};

/// Differences of one operation, in the order in which they are added.
pub(crate) struct Collector<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) page_format: PageFormat,
    /// Whether the page describes everything that the provider documents.
    pub(crate) is_whole_api: bool,
    pub(crate) operation: String,
    pub(crate) differences: Vec<Difference>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(spec: &'a Spec, page: &Page, operation: &str) -> Self {
        let (page_format, is_whole_api) = (page.format, page.is_whole_api());
        Self { spec, page_format, is_whole_api, operation: operation.to_owned(), differences: Vec::new() }
    }

    /// Adds a difference at `pointer`. `from` is the state in the spec, `to` the state on the page.
    pub(crate) fn add(
        &mut self,
        pointer: String,
        page_line: Option<usize>,
        class: Class,
        change: Change,
        message: String,
        (from, to): (Option<String>, Option<String>),
    ) {
        let line = self.spec.line(&pointer);
        let difference = Difference::unknown(pointer, &self.operation, change, message);
        self.differences.push(Difference { line, page_line, class, from, to, ..difference });
    }
}
