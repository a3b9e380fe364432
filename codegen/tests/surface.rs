//! The public surface of each generated client equals a reviewed file, so that an edit of a spec
//! shows which Rust types change. The generated client equals the file that builds without the
//! feature `generate` of `bulkrail` take.
#![cfg(feature = "generate")]

use std::collections::BTreeSet;
use std::{env, fs};

use bulkrail_codegen::{Spec, generate, surface};

const BLESS: &str = "BULKRAIL_BLESS=1 cargo test -p bulkrail-codegen --features generate --test surface";

#[track_caller]
fn assert_reviewed(provider: &str) {
    let specs = format!("{}/../specs", env!("CARGO_MANIFEST_DIR"));
    let mut spec = Spec::load(format!("{specs}/{provider}.yaml")).unwrap_or_else(|error| panic!("{error}"));
    // The name that the build script gives it.
    spec.file = format!("specs/{provider}.yaml").into();
    let source = generate(&spec).unwrap_or_else(|error| panic!("{error}"));
    let now = surface(&source);
    let (file, generated) = (format!("{specs}/surface/{provider}.txt"), format!("{specs}/generated/{provider}.rs"));
    if env::var_os("BULKRAIL_BLESS").is_some_and(|bless| bless == "1") {
        for (file, text) in [(&file, &now), (&generated, &source)] {
            // A file that stays as it is does not make cargo build again.
            if fs::read_to_string(file).ok().as_ref() != Some(text) {
                fs::write(file, text).unwrap_or_else(|error| panic!("{file}: {error}"));
            }
        }
        return;
    }
    let reviewed = fs::read_to_string(&file).unwrap_or_default();
    let difference = difference(&reviewed, &now);
    assert!(
        difference.is_empty(),
        "the Rust surface of {provider} differs from specs/surface/{provider}.txt:\n\n{difference}\n\
         If that is intended: run `{BLESS}`, review the change of the file, and describe it in CHANGELOG.md.\n"
    );
    assert!(
        fs::read_to_string(&generated).unwrap_or_default() == source,
        "specs/generated/{provider}.rs is not the client that is generated from specs/{provider}.yaml; run `{BLESS}`"
    );
}

/// Returns the lines that only one of two sorted lists has.
fn difference(reviewed: &str, now: &str) -> String {
    let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (reviewed.lines().collect(), now.lines().collect());
    let signs = before.symmetric_difference(&after).map(|line| match before.contains(line) {
        true => format!("- {line}\n"),
        false => format!("+ {line}\n"),
    });
    signs.collect()
}

#[test]
fn surface_of_killb_assert_reviewed() {
    assert_reviewed("killb");
}

#[test]
fn surface_of_reap_assert_reviewed() {
    assert_reviewed("reap");
}

#[test]
fn surface_of_cdq_assert_reviewed() {
    assert_reviewed("cdq");
}

#[test]
fn surface_of_localpayment_assert_reviewed() {
    assert_reviewed("localpayment");
}

/// A field becomes optional and an enum gets a value.
#[test]
fn surface_shows_edit_of_spec() {
    let file = format!("{}/../specs/killb.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(file).expect("the spec");
    let surface_of = |text: &str| {
        let spec = Spec::parse("specs/killb.yaml", text).unwrap_or_else(|error| panic!("{error}"));
        surface(&generate(&spec).unwrap_or_else(|error| panic!("{error}")))
    };
    let edited = text.replacen("        - COMPLETED\n", "        - COMPLETED\n        - PAUSED\n", 1);
    let edited = edited.replacen("        - errorCount\n", "", 1);
    assert_eq!(
        difference(&surface_of(&text), &surface_of(&edited)),
        "+ types::BulkJob.error_count: Option<serde_json::Number>\n- types::BulkJob.error_count: serde_json::Number\n\
         + types::BulkJobStatusKnown::Paused\n"
    );
}
