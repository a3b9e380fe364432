//! The specs, and what the spec tools know about them.

use bulkrail_codegen::Spec;
pub(crate) use bulkrail_specdiff::examples::{Example, SchemaValidator, find_examples};

pub(crate) fn load(name: &str) -> Spec {
    let file = format!("{}/specs/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    Spec::load(file).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns what the checks of the project find in a spec.
pub(crate) fn problems(spec: &Spec) -> Vec<String> {
    bulkrail_specdiff::check(spec).iter().map(ToString::to_string).collect()
}
