//! Edits of the two Mintlify pages of KillB.

use crate::pages::{assert_differences, assert_message};

const BULK: &str = "killb/bulk-status";

#[test]
fn diff_reports_renamed_field_of_mintlify_page() {
    let at = "/components/schemas/BulkJob/properties";
    assert_differences(
        BULK,
        &[("processedRows", "handledRows")],
        &[
            &format!("additive field-added {at}/handledRows - => handledRows"),
            &format!("breaking field-removed {at}/processedRows processedRows => -"),
        ],
    );
    assert_message(
        BULK,
        &[("processedRows", "handledRows")],
        "`handledRows` in the 200 response is new on the page (number); possibly renamed from `processedRows`",
    );
    // The rows are in the example only, so the field may just be left out.
    let at = "/components/schemas/BulkRowResult/properties";
    assert_differences(
        BULK,
        &[("sheetName", "sheet")],
        &[
            &format!("additive field-added {at}/sheet - => sheet"),
            &format!("unknown field-removed {at}/sheetName sheetName => -"),
        ],
    );
}

#[test]
fn diff_reports_changed_values_of_mintlify_page() {
    let at = "/components/schemas/BulkJobStatus/enum";
    assert_differences(
        BULK,
        &[("PROCESSING,\n", "PROCESSING,\nPAUSED,\n")],
        &[&format!("additive value-added {at} - => PAUSED")],
    );
    assert_differences(BULK, &[("PROCESSING,\n", "")], &[&format!("breaking value-removed {at} PROCESSING => -")]);
    assert_differences(
        BULK,
        &[(
            "enum<string>\nrequired\nAvailable options:\nPENDING,\nPROCESSING,\nCOMPLETED,\nFAILED",
            "string\nrequired",
        )],
        &[&format!("breaking values-removed {at} PENDING, PROCESSING, COMPLETED, FAILED => no list")],
    );
}

#[test]
fn diff_reports_changed_types_formats_and_null_of_mintlify_page() {
    let at = "/components/schemas/BulkJob/properties";
    let total = format!("breaking type {at}/totalRows number => ");
    assert_differences(BULK, &[("totalRows\nnumber", "totalRows\nstring")], &[&format!("{total}string")]);
    assert_differences(BULK, &[("totalRows\nnumber", "totalRows\ninteger")], &[&format!("{total}integer")]);
    assert_differences(BULK, &[("totalRows\nnumber", "totalRows\nbigdecimal")], &[&format!("{total}bigdecimal")]);
    assert_differences(
        BULK,
        &[("results\nobject[]", "results\nobject")],
        &[&format!("breaking type {at}/results array => object")],
    );
    assert_differences(
        BULK,
        &[("createdAt\nstring<date-time>", "createdAt\nstring")],
        &[&format!("editorial format {at}/createdAt/format date-time => no format")],
    );
    assert_differences(
        BULK,
        &[("createdAt\nstring<date-time>", "createdAt\nstring<date-time> | null")],
        &[&format!("breaking nullable-added {at}/createdAt not nullable => nullable")],
    );
    // An optional field is an `Option` already.
    assert_differences(
        BULK,
        &[("error\nstring\n", "error\nstring | null\n")],
        &[&format!("additive nullable-added {at}/error not nullable => nullable")],
    );
    let row = "/components/schemas/BulkRowResult/properties";
    assert_differences(
        BULK,
        &[("{\n      \"rowNumber\": 2,", "{\n      \"rowNumber\": \"2\",")],
        &[&format!("breaking type {row}/rowNumber number => string")],
    );
}

#[test]
fn diff_reports_removed_and_added_fields_of_mintlify_page() {
    let at = "/components/schemas/BulkJob/properties";
    assert_differences(
        BULK,
        &[("errorCount\nnumber\nrequired\nExample:\n\n2\n", ""), ("  \"errorCount\": 2,\n", "")],
        &[&format!("breaking field-removed {at}/errorCount errorCount => -")],
    );
    assert_differences(
        BULK,
        &[("errorCount\nnumber", "skippedCount\nnumber\nrequired\nerrorCount\nnumber")],
        &[&format!("additive field-added {at}/skippedCount - => skippedCount")],
    );
}

#[test]
fn diff_reports_changed_required_of_mintlify_page() {
    let at = "/components/schemas/BulkJob/properties";
    assert_differences(
        BULK,
        &[("successCount\nnumber\nrequired", "successCount\nnumber")],
        &[&format!("breaking required-removed {at}/successCount required => optional")],
    );
    assert_differences(
        BULK,
        &[("resultsFileUrl\nstring", "resultsFileUrl\nstring\nrequired")],
        &[&format!("breaking required-added {at}/resultsFileUrl optional => required")],
    );
}

#[test]
fn diff_reports_changed_parameters_paths_and_examples_of_mintlify_page() {
    let at = "/paths/~1api~1v2~1accounts~1bulk~1status~1{jobId}/get";
    assert_differences(
        BULK,
        &[("\nResponse\n", "\nQuery Parameters\n\nverbose\nboolean\n\nResponse\n")],
        &[&format!("breaking parameter-added {at}/parameters - => verbose")],
    );
    assert_differences(
        BULK,
        &[("{jobId}", "{id}"), ("\njobId\nstring\nrequired\n\nResponse", "\nid\nstring\nrequired\n\nResponse")],
        &[
            &format!("breaking parameter-added {at}/parameters - => id"),
            &format!("breaking parameter-removed {at}/parameters/0 jobId => -"),
        ],
    );
    assert_differences(
        BULK,
        &[("v2\n", "v3\n")],
        &[&format!(
            "breaking operation-moved {at} GET /api/v2/accounts/bulk/status/{{jobId}} => GET /api/v3/accounts/bulk/status/{{jobId}}"
        )],
    );
    assert_differences(
        BULK,
        &[("\"accountNumber\": \"1234567890\"", "\"accountNumber\": \"99\"")],
        &["editorial example /components/schemas/BulkRow/properties/accountNumber \"1234567890\" => \"99\""],
    );
    // The page shows the day on which it was saved.
    assert_differences(BULK, &[("2026-04-23T00:38:08.439Z", "2027-01-01T10:00:00.000Z")], &[]);
}

const CREATE: &str = "killb/create-account";

#[test]
fn diff_reports_changed_requests_of_mintlify_page() {
    let at = "/components/schemas/CreateAccountPse/properties";
    assert_differences(
        CREATE,
        &[("SPI_DO,\n", "SPI_DO,\nNEQUI,\n")],
        &["additive value-added /components/schemas/CreateAccount/discriminator/mapping - => NEQUI"],
    );
    assert_differences(
        CREATE,
        &[("userId\nstring\nExample:", "userId\nstring\nrequired\nExample:")],
        &[&format!("breaking required-added {at}/userId optional => required")],
    );
    assert_differences(
        CREATE,
        &[("data\nPSE · object\nrequired\nuserId\nstring\n", "data\nPSE · object\nuserId\nstring\n")],
        &[&format!("breaking required-removed {at}/data required => optional")],
    );
    let new = "/components/schemas/CreateAccount/properties/label";
    assert_differences(
        CREATE,
        &[("\nResponse\n", "\nlabel\nstring\n\nResponse\n")],
        &[&format!("additive field-added {new} - => label")],
    );
    assert_differences(
        CREATE,
        &[("\nResponse\n", "\nlabel\nstring\nrequired\n\nResponse\n")],
        &[&format!("breaking field-added {new} - => label")],
    );
    assert_differences(
        CREATE,
        &[("id\nstring\nrequired\nExample:\n\n\"e8d7", "id\ninteger\nrequired\nExample:\n\n\"e8d7")],
        &["breaking type /components/schemas/Account/properties/id string => integer"],
    );
}

/// Notations that other Mintlify pages use.
#[test]
fn diff_reads_other_notations_of_mintlify_pages() {
    let nothing: &[(&str, &str)] = &[
        ("\nResponse\n\njobId", "\nResponse\n\n200 - application/json\n\nThe job.\n\njobId"),
        ("\nResponse\n\njobId", "\nResponse\n\n200\napplication/json\njobId"),
        ("results\nobject[]\nrequired\n", "results\nobject[]\nrequired\nShow child attributes\n\n"),
        (
            "totalRows\nnumber\nrequired\n",
            "totalRows\nnumber\ndefault:0\nrequired\nThe rows.\n\nEven rows that are blank.\n",
        ),
    ];
    for edit in nothing {
        assert_differences(BULK, &[*edit], &[]);
    }
    assert_differences(
        BULK,
        &[("totalRows\nnumber\nrequired\n", "totalRows\nnumber\nrequired\nThe rows.\n\nRequired range: x >= 0\n")],
        &["editorial limit /components/schemas/BulkJob/properties/totalRows/minimum no limit => 0"],
    );
    let listed = "results\nobject[]\nrequired\nresults.rowNumber\nnumber\nrequired\nresults.status\nenum<string>\nAvailable options:\nSUCCESS,\nERROR\n";
    let row = "/components/schemas/BulkRowResult/properties";
    assert_differences(
        BULK,
        &[("results\nobject[]\nrequired\n", listed)],
        &[
            &format!("breaking required-added {row}/rowNumber optional => required"),
            &format!("breaking values-added {row}/status/enum no list => SUCCESS, ERROR"),
            &format!("breaking field-removed {row}/accountId accountId => -"),
            &format!("breaking field-removed {row}/complianceUrl complianceUrl => -"),
            &format!("breaking field-removed {row}/error error => -"),
            &format!("breaking field-removed {row}/sheetName sheetName => -"),
            &format!("breaking field-removed {row}/originalRowData originalRowData => -"),
        ],
    );
}
