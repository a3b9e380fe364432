//! Collects the differences of one operation.

use bulkrail_codegen::Spec;

use crate::diff::difference::{Change, Class, Difference};
use crate::pages::model::PageFormat;

/// Differences of one operation, in the order in which they are added.
pub(crate) struct Collector<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) page_format: PageFormat,
    pub(crate) operation: String,
    pub(crate) differences: Vec<Difference>,
}

impl Collector<'_> {
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
        let (line, operation) = (self.spec.line(&pointer), self.operation.clone());
        let accepted = None;
        self.differences.push(Difference {
            pointer,
            line,
            page_line,
            operation,
            class,
            change,
            message,
            from,
            to,
            accepted,
        });
    }
}
