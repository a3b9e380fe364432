//! The five pages as they are, and edited as a provider might edit them: each difference is classed for what it does to Rust code.

use crate::support::{PAGES, compare, edited, text, unexplained};
use bulkrail_specdiff::Page;

/// The page with the edits differs from the spec in this, beyond what is explained.
#[track_caller]
pub(crate) fn differs(page: &str, edits: &[(&str, &str)], expected: &[&str]) {
    let (provider, ..) = PAGES.iter().find(|(_, name, _)| *name == page).expect("a page");
    let report = compare(provider, &edited(&text(page), edits));
    assert_eq!(unexplained(&report), expected, "{edits:?}");
}

/// The same, and the sentence of the first difference.
#[track_caller]
pub(crate) fn says(page: &str, edits: &[(&str, &str)], sentence: &str) {
    let (provider, ..) = PAGES.iter().find(|(_, name, _)| *name == page).expect("a page");
    let report = compare(provider, &edited(&text(page), edits));
    assert_eq!(report.unexplained().next().expect("a difference").what, sentence);
}

#[test]
fn the_pages_as_they_are_leave_nothing_unexplained() {
    for (provider, page, form) in PAGES {
        let read = Page::parse(page, &text(page)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.form.name(), form, "{page}");
        let report = compare(provider, &text(page));
        assert_eq!(report.compared.len(), 1, "{page}");
        assert_eq!(unexplained(&report), [""; 0], "{page}");
    }
}

/// So that an empty list of differences means something.
#[test]
fn the_pages_are_read_completely() {
    let counts = PAGES.map(|(_, page, _)| {
        let read = Page::parse(page, &text(page)).unwrap_or_else(|error| panic!("{error}"));
        let [operation] = &read.operations[..] else { panic!("{page}: {:?}", read.operations) };
        let declared = operation.responses.values().flatten().filter(|field| field.declared).count();
        let by_example = operation.responses.values().flatten().filter(|field| !field.declared).count();
        (operation.parameters.len(), operation.request.as_ref().map_or(0, Vec::len), declared, by_example)
    });
    // Parameters, fields of the request (with the body itself), declared and other fields of all answers.
    assert_eq!(counts, [(1, 0, 12, 49), (0, 19, 10, 14), (1, 0, 13, 8), (1, 0, 48, 0), (2, 0, 11, 0)]);
}

const REAP: &str = "reap/batch-status";

#[test]
fn readme_edits() {
    let at = "/components/schemas/BatchStatus/properties";
    differs(
        REAP,
        &[("failedRecords", "rejectedRecords")],
        &[
            &format!("additive field-added {at}/rejectedRecords - => rejectedRecords"),
            &format!("breaking field-removed {at}/failedRecords failedRecords => -"),
        ],
    );
    says(
        REAP,
        &[("failedRecords", "rejectedRecords")],
        "`rejectedRecords` in the 200 answer is new on the page (integer); possibly renamed from `failedRecords`",
    );
    let summary = "/components/schemas/BatchSummary/properties";
    differs(
        REAP,
        &[("successfulRecords", "verifiedRecords")],
        &[
            &format!("additive field-added {summary}/verifiedRecords - => verifiedRecords"),
            &format!("breaking field-removed {summary}/successfulRecords successfulRecords => -"),
        ],
    );
    differs(
        REAP,
        &[
            ("critical error\n", "critical errorcancelled: Batch was stopped\n"),
            ("failed (critical error)", "failed (critical error), or cancelled (stopped)"),
        ],
        &["additive value-added /components/schemas/BatchState/enum - => cancelled"],
    );
    differs(
        REAP,
        &[("in_progress: Batch is actively being processed", ""), (" in_progress (actively processing),", "")],
        &["breaking value-removed /components/schemas/BatchState/enum in_progress => -"],
    );
    differs(
        REAP,
        &[
            ("\"totalRecords\": 19,", "\"totalRecords\": \"19\","),
            ("\"totalRecords\": 100,", "\"totalRecords\": \"100\","),
        ],
        &[&format!("breaking type {at}/totalRecords integer => integer or string")],
    );
    differs(
        REAP,
        &[
            ("processedRecords: Number of records that have been processed (successful + failed).", ""),
            ("\"processedRecords\": 19,\n", ""),
            ("\"processedRecords\": 45,\n", ""),
            ("\"processedRecords\": 0,\n", ""),
        ],
        &[&format!("breaking field-removed {at}/processedRecords processedRecords => -")],
    );
    differs(
        REAP,
        &[("Required: Yes", "Required: No")],
        &[
            "breaking required-removed /paths/~1entity~1kyc~1import~1batch~1{batchId}/get/parameters/0 required => optional",
        ],
    );
    differs(
        REAP,
        &[("timestamp of the last status update", "timestamp of the last status update, or null")],
        &[&format!("additive nullable-added {at}/updatedAt never null => null at times")],
    );
}

#[test]
fn readme_answers() {
    let at = "/paths/~1entity~1kyc~1import~1batch~1{batchId}/get/responses";
    differs(
        REAP,
        &[("Response: 500 Internal", "Response: 429 Too Many Requests\nSlow down.\nResponse: 500 Internal")],
        &[&format!("additive status-added {at}/429 - => 429")],
    );
    differs(
        REAP,
        &[("\"parameter\": \"\"", "\"details\": \"\"")],
        &[
            "additive field-added /components/schemas/ErrorBody/properties/details - => details",
            "unknown field-removed /components/schemas/ErrorBody/properties/parameter parameter => -",
        ],
    );
    differs(
        REAP,
        &[("}Response: 404 Not Found", "}"), ("404Not Found\n", "")],
        &[&format!("editorial status-removed {at}/404 404 => -")],
    );
}

#[test]
fn readme_one_place_of_two() {
    // The page then contradicts itself, and that is what is said.
    let report =
        compare("reap", &edited(&text(REAP), &[("failed: Batch processing encountered a critical error", "")]));
    let [removed, unread] = &report.unexplained().collect::<Vec<_>>()[..] else { panic!("{:?}", unexplained(&report)) };
    assert_eq!(
        removed.to_string(),
        "breaking: /components/schemas/BatchState/enum: `status` in the 200 answer: the value `failed` is not listed on the page any more"
    );
    assert_eq!(unread.what, "`status` is listed with other values in two places: failed");
}

const CDQ: &str = "cdq/job-status";

#[test]
fn redocly_edits() {
    let at = "/components/schemas/Job/properties";
    differs(
        CDQ,
        &[("`createdAt`", "`startedAt`")],
        &[
            &format!("additive field-added {at}/startedAt - => startedAt"),
            &format!("breaking field-removed {at}/createdAt createdAt => -"),
        ],
    );
    differs(
        CDQ,
        &[("\"FAILED\", \"DIED\"", "\"FAILED\", \"DIED\", \"PAUSED\"")],
        &["additive value-added /components/schemas/JobStatus/enum - => PAUSED"],
    );
    differs(
        CDQ,
        &[("\"ARCHIVED\", ", "")],
        &["breaking value-removed /components/schemas/JobStatus/enum ARCHIVED => -"],
    );
    differs(CDQ, &[("`user` (string)", "`user` (object)")], &[&format!("breaking type {at}/user string => object")]);
    differs(
        CDQ,
        &[("- `user` (string) ID of (human) user or API key. Example: \"742429-234242-4343-232323\" ", "")],
        &[&format!("breaking field-removed {at}/user user => -")],
    );
    // A mark comes where there was none, in an answer and in a parameter.
    differs(
        CDQ,
        &[("`user` (string)", "`user` (string, required)"), ("`jobId` (string)", "`jobId` (string, required)")],
        &[
            "breaking required-added /paths/~1bankaccounts~1jobs/get/parameters/0 optional => required",
            &format!("breaking required-added {at}/user optional => required"),
        ],
    );
    differs(
        CDQ,
        &[("## Response 503 fields", "## Response 429 fields")],
        &[
            "additive status-added /paths/~1bankaccounts~1jobs/get/responses/429 - => 429",
            "editorial status-removed /paths/~1bankaccounts~1jobs/get/responses/503 503 => -",
        ],
    );
}

#[test]
fn redocly_on_many_lines() {
    let lines = edited(&text(CDQ), &[(" ## ", "\n\n## "), (" - `", "\n\n- `"), (" Endpoint:", "\n\nEndpoint:")]);
    assert_eq!(unexplained(&compare("cdq", &lines)), [""; 0]);
    let report = compare("cdq", &edited(&lines, &[("`user` (string)", "`user` (integer)")]));
    let [difference] = &report.unexplained().collect::<Vec<_>>()[..] else { panic!("{:?}", unexplained(&report)) };
    let line = lines.lines().position(|line| line.starts_with("- `user`")).map(|line| line + 1);
    assert_eq!(difference.page_line, line);
    assert_eq!(difference.line, crate::support::spec("cdq").line("/components/schemas/Job/properties/user"));
}

const LOCAL: &str = "localpayment/batch-status";

#[test]
fn gitbook_edits() {
    let at = "/components/schemas/Batch/properties";
    let status = "/components/schemas/OperationStatus/properties";
    differs(
        LOCAL,
        &[("csvFormatResponse", "csvResult")],
        &[
            &format!("additive field-added {at}/csvResult - => csvResult"),
            &format!("breaking field-removed {at}/csvFormatResponse csvFormatResponse => -"),
        ],
    );
    differs(
        LOCAL,
        &[("status.detail", "status.info"), ("\"detail\"", "\"info\"")],
        &[
            &format!("additive field-added {status}/info - => info"),
            &format!("breaking field-removed {status}/detail detail => -"),
        ],
    );
    differs(
        LOCAL,
        &[("status.code\n\nString", "status.code\n\nInteger")],
        &[&format!("breaking type {status}/code string => integer")],
    );
    differs(
        LOCAL,
        &[("comment\n\nString\n\nAdditional information.\n\n", "")],
        &[&format!("breaking field-removed {at}/comment comment => -")],
    );
    // The spec has no list for this field, so that the first one is a new type.
    differs(
        LOCAL,
        &[("Status description\n", "Status description\n\nINPROGRESS, COMPLETED\n")],
        &[&format!("breaking values-added {status}/description/enum no list => INPROGRESS, COMPLETED")],
    );
    differs(
        LOCAL,
        &[("externalId\n\nString\n\nRequired", "externalId\n\nString\n\nOptional")],
        &[
            "breaking required-removed /paths/~1api~1virtual-account-batch~1{externalId}~1/get/parameters/0 required => optional",
        ],
    );
    differs(
        LOCAL,
        &[("d710312c-8c3f-4b65-8e62-7f83eeba321a", "12")],
        &[&format!("editorial example {at}/internalId \"d710312c-8c3f-4b65-8e62-7f83eeba321a\" => \"12\"")],
    );
}

#[test]
fn what_is_cut_off_or_broken_is_said() {
    let report = compare("localpayment", &edited(&text(LOCAL), &[("\"code\": \"200\",", "\"code\": \"200\"")]));
    let found = unexplained(&report);
    assert_eq!(found, ["unknown unread  - => -"]);
    let cut = text("killb/bulk-status").split("\nResponse\n").next().map(str::to_owned).expect("a start");
    let report = compare("killb", &cut);
    assert_eq!(
        report.unexplained().next().map(|difference| difference.what.as_str()),
        Some("the page documents no answer; it may be cut off")
    );
}
