//! Pages, specs and edits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use bulkrail_codegen::Spec;
use bulkrail_specdiff::{AcceptedDifferences, Class, DiffReport, Difference, Page, diff};
use serde_json::{Value, json};

/// Seed pages: provider, file and format.
pub(crate) const PAGES: [(&str, &str, &str); 5] = [
    ("killb", "killb/bulk-status", "mintlify"),
    ("killb", "killb/create-account", "mintlify"),
    ("reap", "reap/batch-status", "readme"),
    ("cdq", "cdq/job-status", "redocly"),
    ("localpayment", "localpayment/batch-status", "gitbook"),
];

pub(crate) fn spec(provider: &str) -> Spec {
    static LOADED: Mutex<BTreeMap<String, Spec>> = Mutex::new(BTreeMap::new());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let spec = loaded.entry(provider.to_owned()).or_insert_with(|| {
        let file = format!("{}/../specs/{provider}.yaml", env!("CARGO_MANIFEST_DIR"));
        Spec::load(file).unwrap_or_else(|error| panic!("{error}"))
    });
    spec.clone()
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

/// Directory into which [`save_for_judge`] writes; `.ci/specs-diff-judge` sets it.
const JUDGE_VARIABLE: &str = "SPECS_DIFF_EDITS";

/// Returns the class of the most important difference, or `nothing`.
pub(crate) fn word(report: &DiffReport) -> &'static str {
    let has = |class: &Class| report.unaccepted().any(|one| one.class == *class);
    Class::ALL.iter().find(|class| has(class)).map_or("nothing", |class| class.name())
}

/// Writes an edited spec with our word about it, for another program that compares descriptions.
pub(crate) fn save_for_judge(name: &str, provider: &str, document: &Value, report: &DiffReport) {
    static SAVED: AtomicUsize = AtomicUsize::new(0);
    let Some(directory) = env::var_os(JUDGE_VARIABLE).map(std::path::PathBuf::from) else { return };
    let number = SAVED.fetch_add(1, Ordering::Relaxed);
    let edit = json!({
        "name": name,
        "provider": provider,
        "ours": word(report),
        "differences": unaccepted(report),
        "before": spec(provider).document,
        "after": document,
    });
    let file = directory.join(format!("{number:04}.json"));
    fs::write(&file, edit.to_string()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
