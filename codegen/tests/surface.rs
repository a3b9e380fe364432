//! The public surface of each generated client is a reviewed file: no edit of a spec changes a Rust type unseen.
#![cfg(feature = "generate")]

use std::collections::BTreeSet;
use std::{env, fs};

use bulkrail_codegen::{Spec, generate, surface};

#[track_caller]
fn is_reviewed(provider: &str) {
    let specs = format!("{}/../specs", env!("CARGO_MANIFEST_DIR"));
    let spec = Spec::load(format!("{specs}/{provider}.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let now = surface(&generate(&spec).unwrap_or_else(|error| panic!("{error}")));
    let file = format!("{specs}/surface/{provider}.txt");
    if env::var_os("BULKRAIL_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&file, &now).unwrap_or_else(|error| panic!("{file}: {error}"));
        return;
    }
    let reviewed = fs::read_to_string(&file).unwrap_or_default();
    let difference = difference(&reviewed, &now);
    assert!(
        difference.is_empty(),
        "the Rust surface of {provider} is not what specs/surface/{provider}.txt says:\n\n{difference}\n\
         If that is meant: run `BULKRAIL_BLESS=1 cargo test -p bulkrail-codegen --features generate --test surface`, read the \
         difference of the file, and say it in CHANGELOG.md.\n"
    );
}

/// The lines that only one of two sorted lists has.
fn difference(reviewed: &str, now: &str) -> String {
    let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (reviewed.lines().collect(), now.lines().collect());
    let signs = before.symmetric_difference(&after).map(|line| match before.contains(line) {
        true => format!("- {line}\n"),
        false => format!("+ {line}\n"),
    });
    signs.collect()
}

#[test]
fn killb() {
    is_reviewed("killb");
}

#[test]
fn reap() {
    is_reviewed("reap");
}

#[test]
fn cdq() {
    is_reviewed("cdq");
}

#[test]
fn localpayment() {
    is_reviewed("localpayment");
}

/// What the reviewer gets to see when a required mark is dropped and a value comes in.
#[test]
fn an_edit_of_a_spec_is_seen() {
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
