//! A kept page that changed: whatever it is, `specs lint` says which page, what, and where in the spec.

use std::path::PathBuf;

use bulkrail_specdiff::Saved;

use crate::archive::{Edits, lint, pages};
use crate::support::{PAGES, explained, spec};

/// With these edits of a page there is a finding at this pointer of the spec, in its line, that names the page.
#[track_caller]
fn page_trips(page: &str, edits: Edits<'_>, pointer: &str, what: &str) {
    let (provider, ..) = PAGES.iter().find(|(_, name, _)| *name == page).expect("a page");
    let mut spec = spec(provider);
    spec.file = PathBuf::from(format!("specs/{provider}.yaml"));
    let found = lint(&Saved::new(pages(provider, page, edits), explained()), &spec);
    let start = format!("specs/{provider}.yaml:{}: {pointer}: ", spec.line(pointer).expect("a line"));
    let is_it = |finding: &&String| {
        let tail = "change the spec, or explain it in accepted-differences.yaml";
        finding.starts_with(&start) && finding.contains(what) && finding.ends_with(tail)
    };
    let finding = found.iter().find(is_it).unwrap_or_else(|| panic!("{start}{what}: {found:#?}"));
    assert!(finding.contains(&format!("(specs/pages/{page}.txt")), "{finding}");
}

#[test]
fn a_field_renamed() {
    let job = "/components/schemas/BulkJob/properties";
    page_trips(
        "killb/bulk-status",
        &[("processedRows", "doneRows")],
        &format!("{job}/processedRows"),
        "renamed to `doneRows`",
    );
    page_trips(
        "killb/create-account",
        &[("complianceUrl", "reviewUrl")],
        "/components/schemas/Account/properties/complianceUrl",
        "not on the page",
    );
    page_trips(
        "reap/batch-status",
        &[("failedRecords", "rejected")],
        "/components/schemas/BatchStatus/properties/failedRecords",
        "not on the page",
    );
    page_trips(
        "cdq/job-status",
        &[("`createdAt`", "`startedAt`")],
        "/components/schemas/Job/properties/createdAt",
        "not on the page",
    );
    page_trips(
        "localpayment/batch-status",
        &[("csvFormatResponse", "csv")],
        "/components/schemas/Batch/properties/csvFormatResponse",
        "not on the page",
    );
}

#[test]
fn a_field_that_is_new() {
    // Where the spec has no such place, the line is that of what is around it.
    page_trips(
        "cdq/job-status",
        &[("- `user` (string)", "- `host` (string) Where. - `user` (string)")],
        "/components/schemas/Job/properties/host",
        "`host` in the 200 answer is new on the page (string)",
    );
    page_trips(
        "reap/batch-status",
        &[("\"errors\": []", "\"errors\": [], \"held\": 1")],
        "/components/schemas/BatchSummary/properties/held",
        "is new",
    );
}

#[test]
fn a_value_of_an_enum_added_or_moved() {
    page_trips(
        "killb/bulk-status",
        &[("COMPLETED,\n", "COMPLETED,\nPAUSED,\n")],
        "/components/schemas/BulkJobStatus/enum",
        "`PAUSED` is listed",
    );
    page_trips(
        "killb/create-account",
        &[("PSE,\nACH,", "PSE,\nCASH,\nACH,")],
        "/components/schemas/CreateAccount/discriminator/mapping",
        "`CASH`",
    );
    page_trips(
        "reap/batch-status",
        &[("critical error\n", "critical errorheld: Batch was stopped\n")],
        "/components/schemas/BatchState/enum",
        "`held`",
    );
    page_trips("cdq/job-status", &[("\"DIED\"", "\"DIED\", \"GONE\"")], "/components/schemas/JobStatus/enum", "`GONE`");
    page_trips(
        "cdq/job-status",
        &[("\"FAILED\", \"DIED\"", "\"DIED\", \"FAILED\"")],
        "/components/schemas/JobStatus/enum",
        "in another order",
    );
}

#[test]
fn a_type_changed() {
    page_trips(
        "killb/bulk-status",
        &[("errorCount\nnumber", "errorCount\nstring")],
        "/components/schemas/BulkJob/properties/errorCount",
        "is string on the page, number in the spec",
    );
    page_trips(
        "killb/create-account",
        &[("userId\nstring\nrequired", "userId\nnumber\nrequired")],
        "/components/schemas/Account/properties/userId",
        "is number",
    );
    page_trips(
        "reap/batch-status",
        &[("\"failedRecords\": ", "\"failedRecords\": 0.5")],
        "/components/schemas/BatchStatus/properties/failedRecords",
        "is number",
    );
    page_trips(
        "cdq/job-status",
        &[("`user` (string)", "`user` (integer)")],
        "/components/schemas/Job/properties/user",
        "is integer",
    );
    page_trips(
        "localpayment/batch-status",
        &[("status.code\n\nString", "status.code\n\nInteger")],
        "/components/schemas/OperationStatus/properties/code",
        "is integer",
    );
}

#[test]
fn a_field_removed() {
    page_trips(
        "killb/bulk-status",
        &[("successCount\nnumber\nrequired\nExample:\n\n98\n", ""), ("  \"successCount\": 98,\n", "")],
        "/components/schemas/BulkJob/properties/successCount",
        "not on the page",
    );
    page_trips(
        "reap/batch-status",
        &[
            ("totalRecords: Total rows in the uploaded CSV.", ""),
            ("\"totalRecords\": 19,\n", ""),
            ("\"totalRecords\": 100,\n", ""),
            ("\"totalRecords\": 50,\n", ""),
        ],
        "/components/schemas/BatchStatus/properties/totalRecords",
        "not on the page",
    );
    page_trips(
        "cdq/job-status",
        &[("- `user` (string)", "")],
        "/components/schemas/Job/properties/user",
        "not on the page",
    );
    page_trips(
        "localpayment/batch-status",
        &[("comment\n\nString\n\nAdditional information.\n\n", "")],
        "/components/schemas/Batch/properties/comment",
        "not on the page",
    );
}

#[test]
fn a_required_mark_dropped() {
    let job = "/components/schemas/BulkJob/properties";
    page_trips(
        "killb/bulk-status",
        &[("errorCount\nnumber\nrequired", "errorCount\nnumber")],
        &format!("{job}/errorCount"),
        "is optional on the page, required in the spec",
    );
    page_trips(
        "killb/create-account",
        &[("status\nstring\nrequired", "status\nstring")],
        "/components/schemas/Account/properties/status",
        "is optional",
    );
    let batch = "/paths/~1entity~1kyc~1import~1batch~1{batchId}/get/parameters/0";
    page_trips("reap/batch-status", &[("Required: Yes", "Required: No")], batch, "is optional");
    let batch = "/paths/~1api~1virtual-account-batch~1{externalId}~1/get/parameters/0";
    page_trips(
        "localpayment/batch-status",
        &[("externalId\n\nString\n\nRequired", "externalId\n\nString\n\nOptional")],
        batch,
        "is optional",
    );
}

#[test]
fn a_list_of_values_that_the_page_lost() {
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
    let found = lint(&Saved::new(pages("reap", "reap/batch-status", &lost), explained()), &spec);
    let at = "/components/schemas/BatchState/enum: `enum` has the evidence `seed`";
    assert!(found.len() == 1 && found[0].contains(at), "{found:#?}");
}
