//! Edits of the two pages of KillB.

use crate::pages::{differs, says};

const BULK: &str = "killb/bulk-status";

#[test]
fn mintlify_a_field_renamed() {
    let at = "/components/schemas/BulkJob/properties";
    differs(
        BULK,
        &[("processedRows", "handledRows")],
        &[
            &format!("additive field-added {at}/handledRows - => handledRows"),
            &format!("breaking field-removed {at}/processedRows processedRows => -"),
        ],
    );
    says(
        BULK,
        &[("processedRows", "handledRows")],
        "`handledRows` in the 200 answer is new on the page (number); possibly renamed from `processedRows`",
    );
    // In the rows, which only the example shows, the loss is a guess.
    let at = "/components/schemas/BulkRowResult/properties";
    differs(
        BULK,
        &[("sheetName", "sheet")],
        &[
            &format!("additive field-added {at}/sheet - => sheet"),
            &format!("unknown field-removed {at}/sheetName sheetName => -"),
        ],
    );
}

#[test]
fn mintlify_enum_values() {
    let at = "/components/schemas/BulkJobStatus/enum";
    differs(BULK, &[("PROCESSING,\n", "PROCESSING,\nPAUSED,\n")], &[&format!("additive value-added {at} - => PAUSED")]);
    differs(BULK, &[("PROCESSING,\n", "")], &[&format!("breaking value-removed {at} PROCESSING => -")]);
    differs(
        BULK,
        &[(
            "enum<string>\nrequired\nAvailable options:\nPENDING,\nPROCESSING,\nCOMPLETED,\nFAILED",
            "string\nrequired",
        )],
        &[&format!("breaking values-removed {at} PENDING, PROCESSING, COMPLETED, FAILED => no list")],
    );
}

#[test]
fn mintlify_types_formats_null() {
    let at = "/components/schemas/BulkJob/properties";
    let total = format!("breaking type {at}/totalRows number => ");
    differs(BULK, &[("totalRows\nnumber", "totalRows\nstring")], &[&format!("{total}string")]);
    differs(BULK, &[("totalRows\nnumber", "totalRows\ninteger")], &[&format!("{total}integer")]);
    differs(BULK, &[("totalRows\nnumber", "totalRows\nbigdecimal")], &[&format!("{total}bigdecimal")]);
    differs(
        BULK,
        &[("results\nobject[]", "results\nobject")],
        &[&format!("breaking type {at}/results array => object")],
    );
    differs(
        BULK,
        &[("createdAt\nstring<date-time>", "createdAt\nstring")],
        &[&format!("editorial format {at}/createdAt/format date-time => no format")],
    );
    differs(
        BULK,
        &[("createdAt\nstring<date-time>", "createdAt\nstring<date-time> | null")],
        &[&format!("breaking nullable-added {at}/createdAt never null => null at times")],
    );
    // An optional field is an `Option` already.
    differs(
        BULK,
        &[("error\nstring\n", "error\nstring | null\n")],
        &[&format!("additive nullable-added {at}/error never null => null at times")],
    );
    let row = "/components/schemas/BulkRowResult/properties";
    differs(
        BULK,
        &[("{\n      \"rowNumber\": 2,", "{\n      \"rowNumber\": \"2\",")],
        &[&format!("breaking type {row}/rowNumber number => string")],
    );
}

#[test]
fn mintlify_a_field_removed_or_added() {
    let at = "/components/schemas/BulkJob/properties";
    differs(
        BULK,
        &[("errorCount\nnumber\nrequired\nExample:\n\n2\n", ""), ("  \"errorCount\": 2,\n", "")],
        &[&format!("breaking field-removed {at}/errorCount errorCount => -")],
    );
    differs(
        BULK,
        &[("errorCount\nnumber", "skippedCount\nnumber\nrequired\nerrorCount\nnumber")],
        &[&format!("additive field-added {at}/skippedCount - => skippedCount")],
    );
}

#[test]
fn mintlify_required_marks() {
    let at = "/components/schemas/BulkJob/properties";
    differs(
        BULK,
        &[("successCount\nnumber\nrequired", "successCount\nnumber")],
        &[&format!("breaking required-removed {at}/successCount required => optional")],
    );
    differs(
        BULK,
        &[("resultsFileUrl\nstring", "resultsFileUrl\nstring\nrequired")],
        &[&format!("breaking required-added {at}/resultsFileUrl optional => required")],
    );
}

#[test]
fn mintlify_parameters_paths_and_examples() {
    let at = "/paths/~1api~1v2~1accounts~1bulk~1status~1{jobId}/get";
    differs(
        BULK,
        &[("\nResponse\n", "\nQuery Parameters\n\nverbose\nboolean\n\nResponse\n")],
        &[&format!("breaking parameter-added {at}/parameters - => verbose")],
    );
    differs(
        BULK,
        &[("{jobId}", "{id}"), ("\njobId\nstring\nrequired\n\nResponse", "\nid\nstring\nrequired\n\nResponse")],
        &[
            &format!("breaking parameter-added {at}/parameters - => id"),
            &format!("breaking parameter-removed {at}/parameters/0 jobId => -"),
        ],
    );
    differs(
        BULK,
        &[("v2\n", "v3\n")],
        &[
            "unknown operation-unknown /paths/~1api~1v3~1accounts~1bulk~1status~1{jobId} - => GET /api/v3/accounts/bulk/status/{jobId}",
        ],
    );
    differs(
        BULK,
        &[("\"accountNumber\": \"1234567890\"", "\"accountNumber\": \"99\"")],
        &["editorial example /components/schemas/BulkRow/properties/accountNumber \"1234567890\" => \"99\""],
    );
    // Whatever day the page was saved on.
    differs(BULK, &[("2026-04-23T00:38:08.439Z", "2027-01-01T10:00:00.000Z")], &[]);
}

const CREATE: &str = "killb/create-account";

#[test]
fn mintlify_requests() {
    let at = "/components/schemas/CreateAccountPse/properties";
    differs(
        CREATE,
        &[("SPI_DO,\n", "SPI_DO,\nNEQUI,\n")],
        &["additive value-added /components/schemas/CreateAccount/discriminator/mapping - => NEQUI"],
    );
    differs(
        CREATE,
        &[("userId\nstring\nExample:", "userId\nstring\nrequired\nExample:")],
        &[&format!("breaking required-added {at}/userId optional => required")],
    );
    differs(
        CREATE,
        &[("data\nPSE · object\nrequired\nuserId\nstring\n", "data\nPSE · object\nuserId\nstring\n")],
        &[&format!("breaking required-removed {at}/data required => optional")],
    );
    let new = "/components/schemas/CreateAccount/properties/label";
    differs(
        CREATE,
        &[("\nResponse\n", "\nlabel\nstring\n\nResponse\n")],
        &[&format!("additive field-added {new} - => label")],
    );
    differs(
        CREATE,
        &[("\nResponse\n", "\nlabel\nstring\nrequired\n\nResponse\n")],
        &[&format!("breaking field-added {new} - => label")],
    );
    differs(
        CREATE,
        &[("id\nstring\nrequired\nExample:\n\n\"e8d7", "id\ninteger\nrequired\nExample:\n\n\"e8d7")],
        &["breaking type /components/schemas/Account/properties/id string => integer"],
    );
}

/// What other pages of the same make have and the two do not.
#[test]
fn mintlify_in_other_words() {
    let nothing: &[(&str, &str)] = &[
        ("\nResponse\n\njobId", "\nResponse\n\n200 - application/json\n\nThe job.\n\njobId"),
        ("\nResponse\n\njobId", "\nResponse\n\n200\napplication/json\njobId"),
        ("results\nobject[]\nrequired\n", "results\nobject[]\nrequired\nShow child attributes\n\n"),
        (
            "totalRows\nnumber\nrequired\n",
            "totalRows\nnumber\ndefault:0\nrequired\nThe rows.\n\nRequired range: x >= 0\n",
        ),
        ("accounts/bulk/status/{jobId} \\", "somewhere/else \\"),
    ];
    for edit in nothing {
        differs(BULK, &[*edit], &[]);
    }
    let listed = "results\nobject[]\nrequired\nresults.rowNumber\nnumber\nrequired\nresults.status\nenum<string>\nAvailable options:\nSUCCESS,\nERROR\n";
    let row = "/components/schemas/BulkRowResult/properties";
    differs(
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
