//! The whole path, from a page that changed to regenerated types: save the page, compare, edit the spec, build, read the surface.

use bulkrail_codegen::{Spec, generate, lint, surface};
use bulkrail_specdiff::{Page, diff};

use crate::support::{edited, explained, spec, text, unexplained};

#[test]
fn a_changed_page_leads_to_changed_types() {
    // The provider documents a new status word.
    let page = edited(&text("killb/bulk-status"), &[("COMPLETED,\nFAILED", "COMPLETED,\nPAUSED,\nFAILED")]);
    let page = Page::parse("page.txt", &page).unwrap();

    // 1. Comparing says so, and that it breaks nobody.
    let before = spec("killb");
    let found = unexplained(&diff(&before, &page, &explained()).unwrap());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("additive") && found[0].contains("PAUSED"), "{found:?}");

    // 2. The spec is edited by hand; it still keeps the project's rules, and says what the page says.
    let file = format!("{}/../specs/killb.yaml", env!("CARGO_MANIFEST_DIR"));
    let yaml = std::fs::read_to_string(file).unwrap();
    let yaml = yaml.replacen("        - COMPLETED\n", "        - COMPLETED\n        - PAUSED\n", 1);
    let after = Spec::parse("specs/killb.yaml", &yaml).unwrap();
    assert_eq!(lint(&after), []);
    assert_eq!(unexplained(&diff(&after, &page, &explained()).unwrap()), Vec::<String>::new());

    // 3. The build makes the types anew, and the surface shows what that means for Rust.
    let lines = |spec: &Spec| surface(&generate(spec).unwrap()).lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(&before), lines(&after));
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert_eq!(new, ["types::BulkJobStatusKnown::Paused"]);
    assert!(before.iter().all(|line| after.contains(line)), "nothing is gone");
}
