//! `AcceptedDifferences`: each entry accepts one difference, and nothing else.

use crate::support::{PAGES, accepted, compare, edited, spec, text};
use bulkrail_specdiff::{AcceptedDifferences, Change, Page, diff};

#[test]
fn accepted_file_entries_each_match_a_page_difference() {
    let reports = PAGES.map(|(provider, page, _)| compare(provider, &text(page)));
    let differences =
        reports.iter().flat_map(|report| &report.differences).filter(|one| one.accepted.is_some()).count();
    assert_eq!(differences, accepted().len());
    assert!(!accepted().is_empty());
}

#[test]
fn accepted_entry_becomes_stale_when_page_changes() {
    // The page agrees with the spec afterwards, or differs in another way.
    for (now, others) in [("object", 1), ("integer or string", 0)] {
        let kind = if now == "object" { "(object)" } else { "(integer, string)" };
        let report = compare(
            "cdq",
            &edited(&text("cdq/job-status"), &[("`progress` (integer)", &format!("`progress` {kind}"))]),
        );
        let unaccepted: Vec<_> = report.unaccepted().collect();
        assert_eq!(unaccepted.len(), others + 1, "{unaccepted:?}");
        let stale = unaccepted[others];
        assert_eq!(
            (stale.change, stale.pointer.as_str()),
            (Change::StaleAcceptance, "/components/schemas/JobProgress")
        );
        assert!(
            stale.message.starts_with("stale entry: ") && stale.message.contains("accepted-differences.yaml:"),
            "{}",
            stale.message
        );
    }
}

#[test]
fn accepted_entry_applies_to_its_provider_format_and_operation_only() {
    let entry = |provider: &str, format: &str, operation: &str| {
        format!(
            "- provider: {provider}\n  format: {format}\n  operation: {operation}\n  pointer: /components/schemas/JobProgress\n  \
             change: type\n  to: integer\n  reason: Because.\n"
        )
    };
    let page = Page::parse("page.txt", &text("cdq/job-status")).expect("a page");
    let outcome = |text: &str| {
        let explained =
            AcceptedDifferences::parse("accepted-differences.yaml", text).unwrap_or_else(|error| panic!("{error}"));
        let report = diff(&spec("cdq"), &page, &explained).expect("a report");
        let stale = report.differences.iter().filter(|one| one.change == Change::StaleAcceptance).count();
        (report.differences.iter().filter(|one| one.accepted.is_some()).count(), stale)
    };
    assert_eq!(outcome(&entry("cdq", "redocly", "get_job")), (1, 0));
    for other in
        [entry("reap", "redocly", "get_job"), entry("cdq", "openapi", "get_job"), entry("cdq", "redocly", "other")]
    {
        assert_eq!(outcome(&other), (0, 0), "{other}");
    }
}

#[test]
fn accepted_parse_refuses_invalid_entry_with_line() {
    let good =
        "- provider: a\n  format: redocly\n  operation: b\n  pointer: /c\n  change: type\n  to: d\n  reason: e\n";
    let refused =
        |text: &str| AcceptedDifferences::parse("accepted-differences.yaml", text).expect_err("refused").to_string();
    assert!(AcceptedDifferences::parse("accepted-differences.yaml", good).is_ok_and(|explained| explained.len() == 1));
    assert_eq!(refused("a: 1\n"), "accepted-differences.yaml:1: must be a list of accepted differences");
    assert_eq!(
        refused(&good.replace("  reason: e\n", "")),
        "accepted-differences.yaml:1: /0: needs `reason`, a string"
    );
    assert_eq!(
        refused(&good.replace("redocly", "word")),
        "accepted-differences.yaml:1: /0: `word` is not a page format"
    );
    assert_eq!(
        refused(&good.replace("type", "typo")),
        "accepted-differences.yaml:1: /0: `typo` is not a kind of change"
    );
    for because in ["text", "{}", "{example: string, call: /a}", "{page: a}", "{call: 1}"] {
        assert_eq!(
            refused(&format!("{good}  because: {because}\n")),
            "accepted-differences.yaml:1: /0: `because` needs one of `example`, `call`, `parameter`, a string"
        );
    }
    assert!(
        refused(&format!("{good}  why: f\n"))
            .starts_with("accepted-differences.yaml:1: /0: has the unknown key `why`; keys are provider,")
    );
}
