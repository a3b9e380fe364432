use crate::archive::Saved;
use crate::examples;
use bulkrail_codegen::{Error, Spec, lint};

/// Everything in `spec` that breaks a rule of `specs/README.md`, in the order of the lines: what [`lint`](bulkrail_codegen::lint()) finds,
/// examples that do not fit their schemas, and differences from the pages that are kept beside the file (features `docs` and
/// `examples`).
///
/// The build needs no more than [`lint`](bulkrail_codegen::lint()); this is for those who change a spec.
#[must_use]
pub fn check(spec: &Spec) -> Vec<Error> {
    let mut found = lint(spec);
    // A reference that leads nowhere, or back to itself, leads no example to its schema either.
    if !found.iter().any(|error| error.pointer.ends_with("/$ref")) {
        found.extend(examples::lint(spec));
        found.extend(Saved::beside(&spec.file).map(|saved| saved.lint(spec)).unwrap_or_default());
    }
    // Those in other files, which are the pages and the explanations, come last.
    found.sort_by_key(|error| (error.file != spec.file, error.line));
    found
}
