//! Pages, specs and edits.

use std::fs;

use bulkrail_codegen::Spec;
use bulkrail_specdiff::{AcceptedDifferences, DiffReport, Difference, Page, diff};

/// Seed pages: provider, file and format.
pub(crate) const PAGES: [(&str, &str, &str); 5] = [
    ("killb", "killb/bulk-status", "mintlify"),
    ("killb", "killb/create-account", "mintlify"),
    ("reap", "reap/batch-status", "readme"),
    ("cdq", "cdq/job-status", "redocly"),
    ("localpayment", "localpayment/batch-status", "gitbook"),
];

pub(crate) fn spec(provider: &str) -> Spec {
    let file = format!("{}/../specs/{provider}.yaml", env!("CARGO_MANIFEST_DIR"));
    Spec::load(file).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn text(page: &str) -> String {
    let file = format!("{}/../specs/pages/{page}.txt", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

pub(crate) fn accepted() -> AcceptedDifferences {
    let file = format!("{}/../specs/accepted-differences.yaml", env!("CARGO_MANIFEST_DIR"));
    AcceptedDifferences::load(file).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn compare(provider: &str, text: &str) -> DiffReport {
    let page = Page::parse("page.txt", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    diff(&spec(provider), &page, &accepted()).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns a difference in the notation of the tests: class, change, pointer, states.
pub(crate) fn short(difference: &Difference) -> String {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
    let (from, to) = (side(&difference.from), side(&difference.to));
    format!("{} {} {} {from} => {to}", difference.class, difference.change, difference.pointer)
}

pub(crate) fn unaccepted(report: &DiffReport) -> Vec<String> {
    report.unaccepted().map(short).collect()
}

/// Returns the text with each `from`, which must be in it, replaced by `to`.
#[track_caller]
pub(crate) fn edited(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "not on the page: {from}");
        text.replace(from, to)
    })
}
