//! The whole workflow after a page changed: compare, edit the spec, generate the types, review
//! their surface.

use bulkrail_codegen::{Spec, generate, lint, surface};
use bulkrail_specdiff::{Page, diff};

use crate::support::{accepted, edited, spec, text, unaccepted};

#[test]
fn workflow_leads_from_changed_page_to_changed_types() {
    // The provider documents a new status.
    let page = edited(&text("killb/bulk-status"), &[("COMPLETED,\nFAILED", "COMPLETED,\nPAUSED,\nFAILED")]);
    let page = Page::parse("page.txt", &page).unwrap();

    // 1. The comparison reports it as additive.
    let before = spec("killb");
    let differences = unaccepted(&diff(&before, &page, &accepted()).unwrap());
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].starts_with("additive") && differences[0].contains("PAUSED"), "{differences:?}");

    // 2. The edited spec is valid and equals the page.
    let file = format!("{}/../specs/killb.yaml", env!("CARGO_MANIFEST_DIR"));
    let yaml = std::fs::read_to_string(file).unwrap();
    let yaml = yaml.replacen("        - COMPLETED\n", "        - COMPLETED\n        - PAUSED\n", 1);
    let after = Spec::parse("specs/killb.yaml", &yaml).unwrap();
    assert_eq!(lint(&after), []);
    assert_eq!(unaccepted(&diff(&after, &page, &accepted()).unwrap()), Vec::<String>::new());

    // 3. The surface of the generated types shows the effect on Rust.
    let lines = |spec: &Spec| surface(&generate(spec).unwrap()).lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(&before), lines(&after));
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert_eq!(new, ["types::BulkJobStatusKnown::Paused"]);
    assert!(before.iter().all(|line| after.contains(line)), "no line was removed");
}
