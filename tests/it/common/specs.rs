//! Reading the specs.

use bulkrail_codegen::Spec;

pub(crate) fn load(name: &str) -> Spec {
    let file = format!("{}/specs/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    Spec::load(file).unwrap_or_else(|error| panic!("{error}"))
}
