//! The five seed pages, unedited and edited as a provider might do it: each difference has the
//! right class.

use crate::support::{PAGES, compare, edited, text, unaccepted};
use bulkrail_specdiff::Page;

/// Asserts the differences between the edited page and the spec that are not accepted.
#[track_caller]
pub(crate) fn assert_differences(page: &str, edits: &[(&str, &str)], expected: &[&str]) {
    let (provider, ..) = PAGES.iter().find(|(_, name, _)| *name == page).expect("a page");
    let report = compare(provider, &edited(&text(page), edits));
    assert_eq!(unaccepted(&report), expected, "{edits:?}");
}

/// Asserts the message of the first difference.
#[track_caller]
pub(crate) fn assert_message(page: &str, edits: &[(&str, &str)], message: &str) {
    let (provider, ..) = PAGES.iter().find(|(_, name, _)| *name == page).expect("a page");
    let report = compare(provider, &edited(&text(page), edits));
    assert_eq!(report.unaccepted().next().expect("a difference").message, message);
}

#[test]
fn diff_of_unedited_pages_is_fully_accepted() {
    for (provider, page, format) in PAGES {
        let read = Page::parse(page, &text(page)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.format.name(), format, "{page}");
        let report = compare(provider, &text(page));
        assert_eq!(report.compared.len(), 1, "{page}");
        assert_eq!(unaccepted(&report), [""; 0], "{page}");
    }
}

/// Without this, an empty list of differences would mean nothing.
#[test]
fn page_parse_reads_every_field_of_the_seed_pages() {
    let counts = PAGES.map(|(_, page, _)| {
        let read = Page::parse(page, &text(page)).unwrap_or_else(|error| panic!("{error}"));
        let [operation] = &read.operations[..] else { panic!("{page}: {:?}", read.operations) };
        let declared = operation.responses.values().flatten().filter(|field| field.declared).count();
        let by_example = operation.responses.values().flatten().filter(|field| !field.declared).count();
        (operation.parameters.len(), operation.request.as_ref().map_or(0, Vec::len), declared, by_example)
    });
    // Parameters, request fields (with the body itself), declared and other fields of all
    // responses.
    assert_eq!(counts, [(1, 0, 12, 49), (0, 19, 10, 14), (1, 0, 13, 8), (1, 0, 48, 0), (2, 0, 11, 0)]);
}

const REAP: &str = "reap/batch-status";

#[test]
fn diff_reports_edits_of_readme_page() {
    let at = "/components/schemas/BatchStatus/properties";
    assert_differences(
        REAP,
        &[("failedRecords", "rejectedRecords")],
        &[
            &format!("additive field-added {at}/rejectedRecords - => rejectedRecords"),
            &format!("breaking field-removed {at}/failedRecords failedRecords => -"),
        ],
    );
    assert_message(
        REAP,
        &[("failedRecords", "rejectedRecords")],
        "`rejectedRecords` in the 200 response is new on the page (integer); possibly renamed from `failedRecords`",
    );
    let summary = "/components/schemas/BatchSummary/properties";
    assert_differences(
        REAP,
        &[("successfulRecords", "verifiedRecords")],
        &[
            &format!("additive field-added {summary}/verifiedRecords - => verifiedRecords"),
            &format!("breaking field-removed {summary}/successfulRecords successfulRecords => -"),
        ],
    );
    assert_differences(
        REAP,
        &[
            ("critical error\n", "critical errorcancelled: Batch was stopped\n"),
            ("failed (critical error)", "failed (critical error), or cancelled (stopped)"),
        ],
        &["additive value-added /components/schemas/BatchState/enum - => cancelled"],
    );
    assert_differences(
        REAP,
        &[("in_progress: Batch is actively being processed", ""), (" in_progress (actively processing),", "")],
        &["breaking value-removed /components/schemas/BatchState/enum in_progress => -"],
    );
    assert_differences(
        REAP,
        &[
            ("\"totalRecords\": 19,", "\"totalRecords\": \"19\","),
            ("\"totalRecords\": 100,", "\"totalRecords\": \"100\","),
        ],
        &[&format!("breaking type {at}/totalRecords integer => integer or string")],
    );
    assert_differences(
        REAP,
        &[
            ("processedRecords: Number of records that have been processed (successful + failed).", ""),
            ("\"processedRecords\": 19,\n", ""),
            ("\"processedRecords\": 45,\n", ""),
            ("\"processedRecords\": 0,\n", ""),
        ],
        &[&format!("breaking field-removed {at}/processedRecords processedRecords => -")],
    );
    assert_differences(
        REAP,
        &[("Required: Yes", "Required: No")],
        &[
            "breaking required-removed /paths/~1entity~1kyc~1import~1batch~1{batchId}/get/parameters/0 required => optional",
        ],
    );
    assert_differences(
        REAP,
        &[("timestamp of the last status update", "timestamp of the last status update, or null")],
        &[&format!("additive nullable-added {at}/updatedAt not nullable => nullable")],
    );
}

#[test]
fn diff_reports_changed_responses_of_readme_page() {
    let at = "/paths/~1entity~1kyc~1import~1batch~1{batchId}/get/responses";
    assert_differences(
        REAP,
        &[("Response: 500 Internal", "Response: 429 Too Many Requests\nSlow down.\nResponse: 500 Internal")],
        &[&format!("additive status-added {at}/429 - => 429")],
    );
    assert_differences(
        REAP,
        &[("\"parameter\": \"\"", "\"details\": \"\"")],
        &[
            "additive field-added /components/schemas/ErrorBody/properties/details - => details",
            "unknown field-removed /components/schemas/ErrorBody/properties/parameter parameter => -",
        ],
    );
    assert_differences(
        REAP,
        &[("}Response: 404 Not Found", "}"), ("404Not Found\n", "")],
        &[&format!("editorial status-removed {at}/404 404 => -")],
    );
}

#[test]
fn diff_warns_about_contradicting_lists_of_readme_page() {
    // The page contradicts itself then.
    let report =
        compare("reap", &edited(&text(REAP), &[("failed: Batch processing encountered a critical error", "")]));
    let [removed, warning] = &report.unaccepted().collect::<Vec<_>>()[..] else { panic!("{:?}", unaccepted(&report)) };
    assert_eq!(
        removed.to_string(),
        "breaking: /components/schemas/BatchState/enum: `status` in the 200 response: the value `failed` is missing in the list on the page"
    );
    assert_eq!(warning.message, "two lists of the values of `status` differ: failed");
}

const CDQ: &str = "cdq/job-status";

#[test]
fn diff_reports_edits_of_redocly_page() {
    let at = "/components/schemas/Job/properties";
    assert_differences(
        CDQ,
        &[("`createdAt`", "`startedAt`")],
        &[
            &format!("additive field-added {at}/startedAt - => startedAt"),
            &format!("breaking field-removed {at}/createdAt createdAt => -"),
        ],
    );
    assert_differences(
        CDQ,
        &[("\"FAILED\", \"DIED\"", "\"FAILED\", \"DIED\", \"PAUSED\"")],
        &["additive value-added /components/schemas/JobStatus/enum - => PAUSED"],
    );
    assert_differences(
        CDQ,
        &[("\"ARCHIVED\", ", "")],
        &["breaking value-removed /components/schemas/JobStatus/enum ARCHIVED => -"],
    );
    assert_differences(
        CDQ,
        &[("`user` (string)", "`user` (object)")],
        &[&format!("breaking type {at}/user string => object")],
    );
    assert_differences(
        CDQ,
        &[("- `user` (string) ID of (human) user or API key. Example: \"742429-234242-4343-232323\" ", "")],
        &[&format!("breaking field-removed {at}/user user => -")],
    );
    // A field of a response and a parameter become required.
    assert_differences(
        CDQ,
        &[("`user` (string)", "`user` (string, required)"), ("`jobId` (string)", "`jobId` (string, required)")],
        &[
            "breaking required-added /paths/~1bankaccounts~1jobs/get/parameters/0 optional => required",
            &format!("breaking required-added {at}/user optional => required"),
        ],
    );
    assert_differences(
        CDQ,
        &[("## Response 503 fields", "## Response 429 fields")],
        &[
            "additive status-added /paths/~1bankaccounts~1jobs/get/responses/429 - => 429",
            "editorial status-removed /paths/~1bankaccounts~1jobs/get/responses/503 503 => -",
        ],
    );
}

#[test]
fn diff_reads_redocly_page_with_line_breaks() {
    let lines = edited(&text(CDQ), &[(" ## ", "\n\n## "), (" - `", "\n\n- `"), (" Endpoint:", "\n\nEndpoint:")]);
    assert_eq!(unaccepted(&compare("cdq", &lines)), [""; 0]);
    let report = compare("cdq", &edited(&lines, &[("`user` (string)", "`user` (integer)")]));
    let [difference] = &report.unaccepted().collect::<Vec<_>>()[..] else { panic!("{:?}", unaccepted(&report)) };
    let line = lines.lines().position(|line| line.starts_with("- `user`")).map(|line| line + 1);
    assert_eq!(difference.page_line, line);
    assert_eq!(difference.line, crate::support::spec("cdq").line("/components/schemas/Job/properties/user"));
}

const LOCAL: &str = "localpayment/batch-status";

#[test]
fn diff_reports_edits_of_gitbook_page() {
    let at = "/components/schemas/Batch/properties";
    let status = "/components/schemas/OperationStatus/properties";
    assert_differences(
        LOCAL,
        &[("csvFormatResponse", "csvResult")],
        &[
            &format!("additive field-added {at}/csvResult - => csvResult"),
            &format!("breaking field-removed {at}/csvFormatResponse csvFormatResponse => -"),
        ],
    );
    assert_differences(
        LOCAL,
        &[("status.detail", "status.info"), ("\"detail\"", "\"info\"")],
        &[
            &format!("additive field-added {status}/info - => info"),
            &format!("breaking field-removed {status}/detail detail => -"),
        ],
    );
    assert_differences(
        LOCAL,
        &[("status.code\n\nString", "status.code\n\nInteger")],
        &[&format!("breaking type {status}/code string => integer")],
    );
    assert_differences(
        LOCAL,
        &[("comment\n\nString\n\nAdditional information.\n\n", "")],
        &[&format!("breaking field-removed {at}/comment comment => -")],
    );
    // The spec has no list for this field, so a list is a new type.
    assert_differences(
        LOCAL,
        &[("Status description\n", "Status description\n\nINPROGRESS, COMPLETED\n")],
        &[&format!("breaking values-added {status}/description/enum no list => INPROGRESS, COMPLETED")],
    );
    assert_differences(
        LOCAL,
        &[("externalId\n\nString\n\nRequired", "externalId\n\nString\n\nOptional")],
        &[
            "breaking required-removed /paths/~1api~1virtual-account-batch~1{externalId}~1/get/parameters/0 required => optional",
        ],
    );
    assert_differences(
        LOCAL,
        &[("d710312c-8c3f-4b65-8e62-7f83eeba321a", "12")],
        &[&format!("editorial example {at}/internalId \"d710312c-8c3f-4b65-8e62-7f83eeba321a\" => \"12\"")],
    );
}

#[test]
fn diff_warns_about_incomplete_and_broken_pages() {
    let report = compare("localpayment", &edited(&text(LOCAL), &[("\"code\": \"200\",", "\"code\": \"200\"")]));
    let differences = unaccepted(&report);
    assert_eq!(differences, ["unknown parse-warning  - => -"]);
    let cut = text("killb/bulk-status").split("\nResponse\n").next().map(str::to_owned).expect("a start");
    let report = compare("killb", &cut);
    assert_eq!(
        report.unaccepted().next().map(|difference| difference.message.as_str()),
        Some("the page documents no response; it may be incomplete")
    );
}
