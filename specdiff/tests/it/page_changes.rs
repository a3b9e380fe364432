//! A changed page in the archive: the error names the page, the difference and the place in the
//! spec.

use std::path::PathBuf;

use bulkrail_specdiff::PageArchive;

use crate::archive::{Edits, errors, pages};
use crate::support::{PAGES, accepted, spec};

/// Asserts that the edited page causes an error at this pointer of the spec that names the page.
#[track_caller]
fn assert_page_error(page: &str, edits: Edits<'_>, pointer: &str, what: &str) {
    let (provider, ..) = PAGES.iter().find(|(_, name, _)| *name == page).expect("a page");
    let mut spec = spec(provider);
    spec.file = PathBuf::from(format!("specs/{provider}.yaml"));
    let errors = errors(&PageArchive::new(pages(provider, page, edits), accepted()), &spec);
    let start = format!("specs/{provider}.yaml:{}: {pointer}: ", spec.line(pointer).expect("a line"));
    let is_it = |error: &&String| {
        let tail = "change the spec, or accept the difference in accepted-differences.yaml";
        error.starts_with(&start) && error.contains(what) && error.ends_with(tail)
    };
    let error = errors.iter().find(is_it).unwrap_or_else(|| panic!("{start}{what}: {errors:#?}"));
    assert!(error.contains(&format!("(specs/pages/{page}.txt")), "{error}");
}

#[test]
fn archive_check_names_page_of_renamed_field() {
    let job = "/components/schemas/BulkJob/properties";
    assert_page_error(
        "killb/bulk-status",
        &[("processedRows", "doneRows")],
        &format!("{job}/processedRows"),
        "renamed to `doneRows`",
    );
    assert_page_error(
        "killb/create-account",
        &[("complianceUrl", "reviewUrl")],
        "/components/schemas/Account/properties/complianceUrl",
        "is missing on the page",
    );
    assert_page_error(
        "reap/batch-status",
        &[("failedRecords", "rejected")],
        "/components/schemas/BatchStatus/properties/failedRecords",
        "is missing on the page",
    );
    assert_page_error(
        "cdq/job-status",
        &[("`createdAt`", "`startedAt`")],
        "/components/schemas/Job/properties/createdAt",
        "is missing on the page",
    );
    assert_page_error(
        "localpayment/batch-status",
        &[("csvFormatResponse", "csv")],
        "/components/schemas/Batch/properties/csvFormatResponse",
        "is missing on the page",
    );
}

#[test]
fn archive_check_names_page_of_new_field() {
    // The spec does not have the pointer, so the line is that of the enclosing value.
    assert_page_error(
        "cdq/job-status",
        &[("- `user` (string)", "- `host` (string) Where. - `user` (string)")],
        "/components/schemas/Job/properties/host",
        "`host` in the 200 response is new on the page (string)",
    );
    assert_page_error(
        "reap/batch-status",
        &[("\"errors\": []", "\"errors\": [], \"queued\": 1")],
        "/components/schemas/BatchSummary/properties/queued",
        "is new",
    );
}

#[test]
fn archive_check_names_page_of_added_or_moved_value() {
    assert_page_error(
        "killb/bulk-status",
        &[("COMPLETED,\n", "COMPLETED,\nPAUSED,\n")],
        "/components/schemas/BulkJobStatus/enum",
        "`PAUSED` is listed",
    );
    assert_page_error(
        "killb/create-account",
        &[("PSE,\nACH,", "PSE,\nCASH,\nACH,")],
        "/components/schemas/CreateAccount/discriminator/mapping",
        "`CASH`",
    );
    assert_page_error(
        "reap/batch-status",
        &[("critical error\n", "critical errorpaused: Batch was stopped\n")],
        "/components/schemas/BatchState/enum",
        "`paused`",
    );
    assert_page_error(
        "cdq/job-status",
        &[("\"DIED\"", "\"DIED\", \"GONE\"")],
        "/components/schemas/JobStatus/enum",
        "`GONE`",
    );
    assert_page_error(
        "cdq/job-status",
        &[("\"FAILED\", \"DIED\"", "\"DIED\", \"FAILED\"")],
        "/components/schemas/JobStatus/enum",
        "in another order",
    );
}

#[test]
fn archive_check_names_page_of_changed_type() {
    assert_page_error(
        "killb/bulk-status",
        &[("errorCount\nnumber", "errorCount\nstring")],
        "/components/schemas/BulkJob/properties/errorCount",
        "is string on the page, number in the spec",
    );
    assert_page_error(
        "killb/create-account",
        &[("userId\nstring\nrequired", "userId\nnumber\nrequired")],
        "/components/schemas/Account/properties/userId",
        "is number",
    );
    assert_page_error(
        "reap/batch-status",
        &[("\"failedRecords\": ", "\"failedRecords\": 0.5")],
        "/components/schemas/BatchStatus/properties/failedRecords",
        "is number",
    );
    assert_page_error(
        "cdq/job-status",
        &[("`user` (string)", "`user` (integer)")],
        "/components/schemas/Job/properties/user",
        "is integer",
    );
    assert_page_error(
        "localpayment/batch-status",
        &[("status.code\n\nString", "status.code\n\nInteger")],
        "/components/schemas/OperationStatus/properties/code",
        "is integer",
    );
}

#[test]
fn archive_check_names_page_of_removed_field() {
    assert_page_error(
        "killb/bulk-status",
        &[("successCount\nnumber\nrequired\nExample:\n\n98\n", ""), ("  \"successCount\": 98,\n", "")],
        "/components/schemas/BulkJob/properties/successCount",
        "is missing on the page",
    );
    assert_page_error(
        "reap/batch-status",
        &[
            ("totalRecords: Total rows in the uploaded CSV.", ""),
            ("\"totalRecords\": 19,\n", ""),
            ("\"totalRecords\": 100,\n", ""),
            ("\"totalRecords\": 50,\n", ""),
        ],
        "/components/schemas/BatchStatus/properties/totalRecords",
        "is missing on the page",
    );
    assert_page_error(
        "cdq/job-status",
        &[("- `user` (string)", "")],
        "/components/schemas/Job/properties/user",
        "is missing on the page",
    );
    assert_page_error(
        "localpayment/batch-status",
        &[("comment\n\nString\n\nAdditional information.\n\n", "")],
        "/components/schemas/Batch/properties/comment",
        "is missing on the page",
    );
}

#[test]
fn archive_check_names_page_of_field_made_optional() {
    let job = "/components/schemas/BulkJob/properties";
    assert_page_error(
        "killb/bulk-status",
        &[("errorCount\nnumber\nrequired", "errorCount\nnumber")],
        &format!("{job}/errorCount"),
        "is optional on the page, required in the spec",
    );
    assert_page_error(
        "killb/create-account",
        &[("status\nstring\nrequired", "status\nstring")],
        "/components/schemas/Account/properties/status",
        "is optional",
    );
    let batch = "/paths/~1entity~1kyc~1import~1batch~1{batchId}/get/parameters/0";
    assert_page_error("reap/batch-status", &[("Required: Yes", "Required: No")], batch, "is optional");
    let batch = "/paths/~1api~1virtual-account-batch~1{externalId}~1/get/parameters/0";
    assert_page_error(
        "localpayment/batch-status",
        &[("externalId\n\nString\n\nRequired", "externalId\n\nString\n\nOptional")],
        batch,
        "is optional",
    );
}

#[test]
fn archive_check_reports_enum_whose_list_the_page_lost() {
    let lost = [
        ("Batch Status Values:\n", ""),
        (
            "pending: Batch is queued and waiting to be processedin_progress: Batch is actively being processedcompleted: All records have been processedfailed: Batch processing encountered a critical error\n",
            "",
        ),
        (
            "Current processing status - pending (queued), in_progress (actively processing), completed (finished), or failed (critical error).",
            "Where it stands.",
        ),
    ];
    let mut spec = spec("reap");
    spec.file = PathBuf::from("specs/reap.yaml");
    let errors = errors(&PageArchive::new(pages("reap", "reap/batch-status", &lost), accepted()), &spec);
    let at = "/components/schemas/BatchState/enum: `enum` has the evidence `seed`";
    assert!(errors.len() == 1 && errors[0].contains(at), "{errors:#?}");
}
