//! The file of explanations: each entry explains something, and only that.

use crate::support::{PAGES, compare, edited, explained, spec, text};
use bulkrail_specdiff::{Change, Explained, Page, diff};

#[test]
fn every_entry_of_the_file_explains_a_difference_of_a_page() {
    let reports = PAGES.map(|(provider, page, _)| compare(provider, &text(page)));
    let found = reports.iter().flat_map(|report| &report.differences).filter(|one| one.explained.is_some()).count();
    assert_eq!(found, explained().len());
    assert!(!explained().is_empty());
}

#[test]
fn an_explanation_ends_with_the_contradiction() {
    // The page comes round to what we do, or goes further away from it.
    for (now, others) in [("object", 1), ("integer or string", 0)] {
        let kind = if now == "object" { "(object)" } else { "(integer, string)" };
        let report = compare(
            "cdq",
            &edited(&text("cdq/job-status"), &[("`progress` (integer)", &format!("`progress` {kind}"))]),
        );
        let unexplained: Vec<_> = report.unexplained().collect();
        assert_eq!(unexplained.len(), others + 1, "{unexplained:?}");
        let stale = unexplained[others];
        assert_eq!(
            (stale.change, stale.pointer.as_str()),
            (Change::StaleExplanation, "/components/schemas/JobProgress")
        );
        assert!(
            stale.what.starts_with("stale explanation: ") && stale.what.contains("accepted-differences.yaml:"),
            "{}",
            stale.what
        );
    }
}

#[test]
fn an_explanation_holds_for_its_provider_form_and_operation() {
    let entry = |provider: &str, form: &str, operation: &str| {
        format!(
            "- provider: {provider}\n  form: {form}\n  operation: {operation}\n  pointer: /components/schemas/JobProgress\n  \
             change: type\n  to: integer\n  reason: Because.\n"
        )
    };
    let page = Page::parse("page.txt", &text("cdq/job-status")).expect("a page");
    let outcome = |text: &str| {
        let explained = Explained::parse("accepted-differences.yaml", text).unwrap_or_else(|error| panic!("{error}"));
        let report = diff(&spec("cdq"), &page, &explained).expect("a report");
        let stale = report.differences.iter().filter(|one| one.change == Change::StaleExplanation).count();
        (report.differences.iter().filter(|one| one.explained.is_some()).count(), stale)
    };
    assert_eq!(outcome(&entry("cdq", "redocly", "get_job")), (1, 0));
    for other in
        [entry("reap", "redocly", "get_job"), entry("cdq", "openapi", "get_job"), entry("cdq", "redocly", "other")]
    {
        assert_eq!(outcome(&other), (0, 0), "{other}");
    }
}

#[test]
fn a_misspelt_explanation_is_refused_with_its_line() {
    let good = "- provider: a\n  form: redocly\n  operation: b\n  pointer: /c\n  change: type\n  to: d\n  reason: e\n";
    let refused = |text: &str| Explained::parse("accepted-differences.yaml", text).expect_err("refused").to_string();
    assert!(Explained::parse("accepted-differences.yaml", good).is_ok_and(|explained| explained.len() == 1));
    assert_eq!(refused("a: 1\n"), "accepted-differences.yaml:1: must be a list of explanations");
    assert_eq!(refused(&good.replace("  reason: e\n", "")), "accepted-differences.yaml:1: /0: needs `reason`, a text");
    assert_eq!(
        refused(&good.replace("redocly", "word")),
        "accepted-differences.yaml:1: /0: `word` is no form of a page"
    );
    assert_eq!(refused(&good.replace("type", "typo")), "accepted-differences.yaml:1: /0: `typo` is no kind of change");
    assert!(
        refused(&format!("{good}  why: f\n"))
            .starts_with("accepted-differences.yaml:1: /0: `why` is no key of an explanation")
    );
}
