//! Table of single edits of the five saved pages: each one is seen, with the right class, and
//! nothing else is reported.

use bulkrail_specdiff::DiffReport;

use crate::support::{PAGES, compare, edited, short, text};

/// Edit of a page: name of the edit, page, replacements, and expected differences in the notation
/// `class change pointer`, whose pointer may be shortened to its end.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const BULK: &str = "killb/bulk-status";
const CREATE: &str = "killb/create-account";
const REAP: &str = "reap/batch-status";
const CDQ: &str = "cdq/job-status";
const LOCAL: &str = "localpayment/batch-status";

/// Returns whether a difference matches `class change end-of-pointer`.
fn is_expected(difference: &str, expected: &str) -> bool {
    let (mut actual, mut expected) = (difference.splitn(4, ' '), expected.splitn(3, ' '));
    actual.next() == expected.next()
        && actual.next() == expected.next()
        && actual.next().zip(expected.next()).is_some_and(|(pointer, end)| pointer.ends_with(end))
}

/// Returns a text about differences that are not the expected ones, in any order.
pub(crate) fn failure(name: &str, report: &DiffReport, expected: &[&str]) -> Option<String> {
    let differences: Vec<String> = report.unaccepted().map(short).collect();
    let is_same = differences.len() == expected.len()
        && expected.iter().all(|one| differences.iter().any(|difference| is_expected(difference, one)));
    (!is_same).then(|| format!("\n{name}: expected {expected:#?}, found {differences:#?}"))
}

/// Asserts the differences of every row, and names all rows that fail.
#[track_caller]
fn run(rows: &[Row]) {
    let failures: String = rows
        .iter()
        .filter_map(|(name, page, edits, expected)| {
            let (provider, ..) = PAGES.iter().find(|(_, known, _)| known == page).expect("a page");
            failure(&format!("{name}, {page}"), &compare(provider, &edited(&text(page), edits)), expected)
        })
        .collect();
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn diff_of_page_classifies_paths_and_methods() {
    run(&[
        ("version in the path", BULK, &[("v2\n", "v3\n"), ("/v2/", "/v3/")], &["breaking operation-moved {jobId}/get"]),
        (
            "segment of the path",
            CREATE,
            &[("accounts\nCreate", "recipients\nCreate"), ("v2/accounts", "v2/recipients")],
            &["breaking operation-moved accounts/post"],
        ),
        (
            "path of a neighbour",
            CREATE,
            &[("accounts\nCreate", "auth\n/\nlogin\nCreate")],
            &["breaking operation-moved accounts/post"],
        ),
        ("method", BULK, &[("GET\n", "POST\n"), ("--request GET", "--request POST")], &["breaking method {jobId}/get"]),
        (
            "method",
            CREATE,
            &[("POST\n/", "PUT\n/"), ("--request POST", "--request PUT")],
            &["breaking method accounts/post"],
        ),
        ("method of the call only", BULK, &[("--request GET", "--request POST")], &["breaking method {jobId}/get"]),
        ("path of the call only", BULK, &[("bulk/status/{jobId} ", "bulk/state/{jobId} ")], &["breaking path {jobId}"]),
        ("trailing slash of the call", BULK, &[("status/{jobId} ", "status/{jobId}/ ")], &["unknown path {jobId}"]),
        ("method", REAP, &[("get\nhttps", "post\nhttps")], &["breaking method {batchId}/get"]),
        ("path", REAP, &[("/kyc/import/batch/", "/kyc/import/job/")], &["breaking operation-moved {batchId}/get"]),
        (
            "path with its parameter",
            REAP,
            &[("/kyc/import/batch/", "/kyc/import/job/{batchId}")],
            &["breaking operation-moved {batchId}/get"],
        ),
        (
            "restored parameter",
            REAP,
            &[("/kyc/import/batch/", "/kyc/import/batch/{batchId}")],
            &["unknown stale-acceptance {batchId}"],
        ),
        ("method", CDQ, &[("GET /bankaccounts", "POST /bankaccounts")], &["breaking method jobs/get"]),
        (
            "path",
            CDQ,
            &[("GET /bankaccounts/jobs", "GET /v3/bankaccounts/jobs")],
            &["breaking operation-moved jobs/get"],
        ),
        (
            "path of a neighbour",
            CDQ,
            &[("GET /bankaccounts/jobs", "GET /bankaccounts/jobs/confirmation")],
            &["breaking operation-moved jobs/get"],
        ),
        (
            "method",
            LOCAL,
            &[("GET {{", "POST {{"), ("request GET", "request POST")],
            &["breaking method {externalId}~1/get"],
        ),
        ("method in the heading only", LOCAL, &[("GET {{", "POST {{")], &["breaking method {externalId}~1/get"]),
        (
            "path",
            LOCAL,
            &[("api/virtual-account-batch/", "api/v2/virtual-account-batch/")],
            &["breaking operation-moved {externalId}~1/get"],
        ),
        (
            "path of a neighbour",
            LOCAL,
            &[("api/virtual-account-batch/", "api/virtual-account/")],
            &["breaking operation-moved virtual-account-batch~1{externalId}~1/get"],
        ),
        (
            "trailing slash of the call",
            LOCAL,
            &[("dc5210fa79/'", "dc5210fa79'")],
            &["breaking path {externalId}~1", "unknown reason-gone {externalId}~1"],
        ),
        (
            "trailing slash of the heading",
            LOCAL,
            &[("batch/:externalId\n", "batch/:externalId/\n")],
            &["unknown stale-acceptance {externalId}~1"],
        ),
        (
            "call removed",
            LOCAL,
            &[(
                "curl --location \\\n--request GET '{{api_base_url}}/api/virtual-account-batch/7ff43cc9-4e0f-49c1-a978-b6dc5210fa79/' \\\n--header 'Authorization: Bearer <your_access_token>'",
                "",
            )],
            &["unknown path {externalId}~1", "unknown reason-gone {externalId}~1"],
        ),
    ]);
}

#[test]
fn diff_of_page_classifies_authentication() {
    run(&[
        (
            "other header",
            BULK,
            &[
                ("'Authorization: Bearer <token>'", "'x-api-key: <key>'"),
                ("Authorization\nstring", "x-api-key\nstring"),
            ],
            &["breaking authentication /security"],
        ),
        (
            "other header in the list only",
            BULK,
            &[("Authorization\nstring", "x-api-key\nstring")],
            &["breaking authentication /security"],
        ),
        (
            "other header in the call only",
            BULK,
            &[("'Authorization: Bearer <token>'", "'x-api-key: <key>'")],
            &["breaking authentication /security"],
        ),
        ("basic", CREATE, &[("Bearer <token>", "Basic <credentials>")], &["breaking authentication /security"]),
        (
            "basic in the description",
            CREATE,
            &[(
                "The access token received from the authorization server in the OAuth 2.0 flow.",
                "Basic authentication header of the form Basic <encoded-value>.",
            )],
            &["breaking authentication /security"],
        ),
        (
            "query",
            CREATE,
            &[("string\nheader\nrequired", "string\nquery\nrequired")],
            &["breaking authentication /security"],
        ),
        (
            "none",
            CREATE,
            &[
                (
                    "Authorizations\n\nAuthorization\nstring\nheader\nrequired\n\nThe access token received from the authorization server in the OAuth 2.0 flow.\n",
                    "",
                ),
                ("  --header 'Authorization: Bearer <token>' \\\n", ""),
            ],
            &["breaking authentication /security"],
        ),
        (
            "a second credential",
            BULK,
            &[("flow.\n\nPath", "flow.\n\nx-api-key\nstring\nheader\nrequired\n\nPath")],
            &["breaking authentication /security"],
        ),
        ("other scheme", CDQ, &[("Security: apiKey", "Security: oauth2")], &["breaking authentication /security"]),
        ("none", CDQ, &[("Security: apiKey ", "")], &["breaking authentication /security"]),
        (
            "an alternative",
            CDQ,
            &[("Security: apiKey ", "Security: apiKey, bearerAuth ")],
            &["breaking authentication /security"],
        ),
        (
            "other header",
            LOCAL,
            &[
                ("Authorization\n\nString", "x-api-key\n\nString"),
                ("'Authorization: Bearer <your_access_token>'", "'x-api-key: <your_key>'"),
            ],
            &["breaking authentication /security"],
        ),
        (
            "basic",
            LOCAL,
            &[
                ("JWT token in format Bearer eyj0....", "Credentials in format Basic dXNlcg=="),
                ("Bearer <your", "Basic <your"),
            ],
            &["breaking authentication /security"],
        ),
        (
            "none in the call",
            LOCAL,
            &[(" \\\n--header 'Authorization: Bearer <your_access_token>'", "")],
            &["breaking authentication /security"],
        ),
        (
            "optional in the list",
            BULK,
            &[("string\nheader\nrequired\n", "string\nheader\n")],
            &["breaking authentication /security"],
        ),
        (
            "row removed",
            LOCAL,
            &[(
                "Authorization\n\nString\n\nRequired\n\nMandatory. JWT token in format Bearer eyj0.... For more information about authentication, please refer to Authentication.\n\n",
                "",
            )],
            &["breaking authentication /security"],
        ),
        (
            "optional row",
            LOCAL,
            &[("Authorization\n\nString\n\nRequired\n", "Authorization\n\nString\n\nOptional\n")],
            &["breaking authentication /security"],
        ),
        (
            "header listed",
            REAP,
            &[(
                "Path Parameters\n",
                "Headers\nAuthorization\nRequired: Yes\nType: string\nBearer token.\nPath Parameters\n",
            )],
            &["breaking authentication /security"],
        ),
        (
            "own header listed",
            REAP,
            &[("Path Parameters\n", "Headers\nx-reap-api-key\nRequired: Yes\nType: string\nPath Parameters\n")],
            &[],
        ),
    ]);
}

#[test]
fn diff_of_page_reports_headers_that_only_the_sample_call_has() {
    run(&[
        (
            "header of the sample call",
            CREATE,
            &[("--header 'Content-Type", "--header 'Idempotency-Key: <key>' \\\n  --header 'Content-Type")],
            &["breaking parameter-added post/parameters"],
        ),
        (
            "header of the sample call",
            LOCAL,
            &[("--header 'Authorization", "--header 'x-version: LPV3' \\\n--header 'Authorization")],
            &["breaking parameter-added get/parameters"],
        ),
        (
            "headers of every client",
            CREATE,
            &[(
                "--header 'Content-Type",
                "-H 'User-Agent: x' -H 'Cache-Control: no-cache' \\\n  --header 'Content-Type",
            )],
            &[],
        ),
    ]);
}

#[test]
fn diff_of_page_classifies_media_types_and_servers() {
    run(&[
        (
            "response",
            CDQ,
            &[("Response 200 fields (application/json)", "Response 200 fields (application/xml)")],
            &["breaking media-type-removed content/application~1json"],
        ),
        (
            "another response",
            CDQ,
            &[("Response 200 fields (application/json)", "Response 200 fields (application/json, text/csv)")],
            &["additive media-type-added responses/200/content"],
        ),
        (
            "error",
            CDQ,
            &[("Response 404 fields (application/json)", "Response 404 fields (application/problem+json)")],
            &["breaking media-type-removed NotFound/content/application~1json"],
        ),
        (
            "request in the list",
            CREATE,
            &[("Body\n\napplication/json", "Body\n\nmultipart/form-data")],
            &["breaking media-type-removed requestBody/content/application~1json"],
        ),
        (
            "request in the call",
            CREATE,
            &[("Content-Type: application/json", "Content-Type: application/xml")],
            &["breaking media-type-removed requestBody/content/application~1json"],
        ),
        (
            "parameter of the media type",
            CREATE,
            &[("Content-Type: application/json", "Content-Type: application/json; charset=utf-8")],
            &[],
        ),
        (
            "response",
            BULK,
            &[("\nResponse\n\njobId", "\nResponse\n\n200 - application/xml\n\njobId")],
            &["breaking media-type-removed content/application~1json"],
        ),
        (
            "accepted response",
            LOCAL,
            &[("--location \\\n", "--location \\\n--header 'Accept: text/csv' \\\n")],
            &["breaking media-type-removed content/application~1json"],
        ),
        (
            "server",
            BULK,
            &[("https://sandbox.killb.app", "https://sandbox.killb.io")],
            &["breaking server-added /servers"],
        ),
        ("known server", BULK, &[("https://sandbox.killb.app", "https://killb.app")], &[]),
        (
            "server without TLS",
            CREATE,
            &[("https://sandbox.killb.app", "http://sandbox.killb.app")],
            &["breaking server-added /servers"],
        ),
        (
            "server",
            REAP,
            &[("https://sandbox-compliance.api.reap.global", "https://api.reap.global")],
            &["breaking server-added /servers"],
        ),
        (
            "server",
            LOCAL,
            &[("GET {{api_base_url}}", "GET https://api.v4.localpayment.com")],
            &["breaking server-added /servers"],
        ),
        (
            "server of the call",
            LOCAL,
            &[("'{{api_base_url}}", "'https://api.v4.localpayment.com")],
            &["breaking server-added /servers"],
        ),
        (
            "server",
            CDQ,
            &[("GET /bankaccounts/jobs", "GET https://api.cdq.io/bankaccount-data/rest/bankaccounts/jobs")],
            &["breaking server-added /servers"],
        ),
    ]);
}

#[test]
fn diff_of_page_classifies_notices_and_limits() {
    run(&[
        ("interval", REAP, &[("Poll every 30-60 seconds", "Poll every 5 seconds")], &["notice polling x-poll-advice"]),
        (
            "unit of the interval",
            REAP,
            &[("Poll every 30-60 seconds", "Poll every 30-60 minutes")],
            &["notice polling x-poll-advice"],
        ),
        ("first poll", REAP, &[("Wait 1-2 minutes", "Wait 10 minutes")], &["notice polling x-poll-advice"]),
        ("timeout", REAP, &[("timeout of 30 minutes", "timeout of 2 hours")], &["notice polling x-poll-advice"]),
        (
            "states to stop at",
            REAP,
            &[("once status is completed or failed", "once status is completed")],
            &["notice polling x-poll-advice"],
        ),
        (
            "recommendation removed",
            REAP,
            &[("- Poll every 30-60 seconds while status is pending or in_progress\n", "")],
            &["notice polling x-poll-advice"],
        ),
        (
            "recommendations removed",
            REAP,
            &[(
                "Polling Recommendations:\n- Wait 1-2 minutes after upload before first check\n- Poll every 30-60 seconds while status is pending or in_progress\n- Set a timeout of 30 minutes maximum for large batches\n- Stop polling once status is completed or failed\n",
                "",
            )],
            &["notice polling x-poll-advice"],
        ),
        (
            "recommendation added",
            BULK,
            &[("Get Bulk Upload Job Status\n", "Get Bulk Upload Job Status\nPoll this endpoint every 10 seconds.\n")],
            &["notice polling x-poll-advice"],
        ),
        (
            "recommendation added",
            CDQ,
            &[("of a given job.", "of a given job. We recommend polling at an interval of 30 seconds.")],
            &["notice polling x-poll-advice"],
        ),
        (
            "recommendation added",
            LOCAL,
            &[("possible errors.\n", "possible errors. Check the status every minute.\n")],
            &["notice polling x-poll-advice"],
        ),
        (
            "recommendation added without the word",
            LOCAL,
            &[("possible errors.\n", "possible errors. Wait at least 60 seconds between requests.\n")],
            &["notice polling x-poll-advice"],
        ),
        (
            "second interval",
            REAP,
            &[("- Stop polling", "- Do not exceed 2 requests per second\n- Stop polling")],
            &["notice polling x-poll-advice"],
        ),
        (
            "operation deprecated",
            CDQ,
            &[("of a given job.", "of a given job. Deprecated.")],
            &["notice deprecation-added jobs/get/deprecated"],
        ),
        (
            "operation deprecated",
            BULK,
            &[("Get Bulk Upload Job Status\n", "Get Bulk Upload Job Status\nDeprecated\n")],
            &["notice deprecation-added get/deprecated"],
        ),
        (
            "operation deprecated",
            REAP,
            &[("Use this endpoint to:", "This endpoint is deprecated.\nUse this endpoint to:")],
            &["notice deprecation-added get/deprecated"],
        ),
        (
            "operation deprecated",
            LOCAL,
            &[("possible errors.\n", "possible errors.\n\nThis endpoint is deprecated; use v4.\n")],
            &["notice deprecation-added get/deprecated"],
        ),
        (
            "field deprecated",
            BULK,
            &[("successCount\nnumber\nrequired", "successCount\nnumber\nrequired\ndeprecated")],
            &["notice deprecation-added successCount/deprecated"],
        ),
        (
            "field deprecated",
            CDQ,
            &[("`user` (string)", "`user` (string, deprecated)")],
            &["notice deprecation-added user/deprecated"],
        ),
        (
            "field deprecated",
            LOCAL,
            &[("Additional information.", "Deprecated.")],
            &["notice deprecation-added comment/deprecated"],
        ),
        (
            "parameter deprecated",
            CDQ,
            &[("to get the status for.", "to get the status for. Deprecated.")],
            &["notice deprecation-added parameters/0/deprecated"],
        ),
        (
            "limit of a request",
            CREATE,
            &[(
                "externalId\nstring\n\nA unique identifier",
                "externalId\nstring\n\nMaximum string length: 36\n\nA unique identifier",
            )],
            &["breaking limit externalId/maxLength"],
        ),
        (
            "limits of a parameter",
            CDQ,
            &[("`jobId` (string)", "`jobId` (string, [ 1 .. 36 ] characters)")],
            &["breaking limit schema/minLength", "breaking limit schema/maxLength"],
        ),
        (
            "limit of a response",
            BULK,
            &[("results\nobject[]\nrequired\n", "results\nobject[]\nrequired\n\nMaximum array length: 5000\n\n")],
            &["editorial limit results/maxItems"],
        ),
    ]);
}

#[test]
fn diff_of_page_classifies_fields_statuses_and_parameter_places() {
    run(&[
        (
            "parameter place",
            CDQ,
            &[("## Query parameters", "## Header parameters")],
            &["breaking parameter-moved parameters/0"],
        ),
        (
            "parameter place",
            BULK,
            &[("Path Parameters\n\njobId", "Query Parameters\n\njobId")],
            &["breaking parameter-moved parameters/0"],
        ),
        (
            "error status",
            CDQ,
            &[("Response 404", "Response 410")],
            &["additive status-added responses/410", "editorial status-removed responses/404"],
        ),
        (
            "error status",
            REAP,
            &[("Response: 404 Not Found", "Response: 410 Gone"), ("404Not Found", "410Gone")],
            &["additive status-added responses/410", "editorial status-removed responses/404"],
        ),
        (
            "success status",
            LOCAL,
            &[("HTTP status code 200", "HTTP status code 202")],
            &["unknown status-added responses/202"],
        ),
        (
            "example under an accepted type",
            CDQ,
            &[("Example: \"77\"", "Example: \"80\"")],
            &["editorial example progress"],
        ),
        (
            "example of another type",
            BULK,
            &[("Example:\n\n98\n", "Example:\n\n98x\n")],
            &["editorial example successCount"],
        ),
        (
            "example that the accepted type rests on",
            CDQ,
            &[("Example: \"77\"", "Example: 77")],
            &["breaking type JobProgress", "unknown reason-gone JobProgress"],
        ),
        (
            "one example that the accepted type rests on",
            CDQ,
            &[("Example: \"400\" ## Response 401", "Example: 400 ## Response 401")],
            &["breaking type ErrorStatus", "unknown reason-gone ErrorStatus"],
        ),
        (
            "example of a parameter",
            REAP,
            &[("784d4045-c900-4050-aad6-8fe4c8d2fb16", "f208a887-9fa6-4447-a52b-c1d6e089536f")],
            &["editorial example parameters/0"],
        ),
        ("description", BULK, &[("The access token received", "The token received")], &[]),
        ("description", REAP, &[("Total rows in the uploaded CSV.", "Rows of the file.")], &[]),
        ("description", CDQ, &[("Unique identifier of a job.", "The id.")], &[]),
        ("description", LOCAL, &[("Additional information.", "Remarks.")], &[]),
    ]);
}

#[test]
fn diff_of_page_classifies_fields_types_and_values_of_every_format() {
    run(&[
        (
            "field renamed",
            BULK,
            &[("processedRows", "doneRows")],
            &["additive field-added properties/doneRows", "breaking field-removed properties/processedRows"],
        ),
        ("type", BULK, &[("errorCount\nnumber", "errorCount\nstring")], &["breaking type properties/errorCount"]),
        ("value", BULK, &[("COMPLETED,\n", "COMPLETED,\nPAUSED,\n")], &["additive value-added BulkJobStatus/enum"]),
        ("without a value", BULK, &[("PROCESSING,\n", "")], &["breaking value-removed BulkJobStatus/enum"]),
        (
            "optional",
            BULK,
            &[("errorCount\nnumber\nrequired", "errorCount\nnumber")],
            &["breaking required-removed errorCount"],
        ),
        (
            "required",
            BULK,
            &[("resultsFileUrl\nstring\n", "resultsFileUrl\nstring\nrequired\n")],
            &["breaking required-added resultsFileUrl"],
        ),
        (
            "format",
            BULK,
            &[("createdAt\nstring<date-time>", "createdAt\nstring")],
            &["editorial format createdAt/format"],
        ),
        (
            "required in a request",
            CREATE,
            &[("userId\nstring\nExample", "userId\nstring\nrequired\nExample")],
            &["breaking required-added properties/userId"],
        ),
        (
            "value of the discriminator",
            CREATE,
            &[("PSE,\nACH,", "PSE,\nCASH,\nACH,")],
            &["additive value-added discriminator/mapping"],
        ),
        (
            "without a value of the discriminator",
            CREATE,
            &[("SPI_DO,\n", "")],
            &["breaking value-removed discriminator/mapping"],
        ),
        (
            "fields of one member",
            CREATE,
            &[(
                "PSE · object\nrequired\nuserId\nstring\nExample",
                "PSE · object\nrequired\ndata.document\nobject\ndata.accountNumber\nstring\ndata.bankCode\nstring\ndata.type\nenum<string>\nAvailable options:\nsavings,\nchecking\ndata.countryCode\nstring\ndata.firstName\nstring\ndata.middleName\nstring\ndata.lastName\nstring\ndata.companyName\nstring\ndata.email\nstring\ndata.phone\nstring\nuserId\nstring\nExample",
            )],
            &[],
        ),
        (
            "fields of one member without one",
            CREATE,
            &[(
                "PSE · object\nrequired\nuserId\nstring\nExample",
                "PSE · object\nrequired\ndata.document\nobject\ndata.accountNumber\nstring\ndata.bankCode\nstring\ndata.type\nenum<string>\nAvailable options:\nsavings,\nchecking\ndata.countryCode\nstring\ndata.firstName\nstring\ndata.middleName\nstring\ndata.lastName\nstring\ndata.email\nstring\ndata.phone\nstring\nuserId\nstring\nExample",
            )],
            &["breaking field-removed PseData/properties/companyName"],
        ),
        (
            "without a field",
            REAP,
            &[
                ("totalRecords: Total rows in the uploaded CSV.", ""),
                ("\"totalRecords\": 19,\n", ""),
                ("\"totalRecords\": 100,\n", ""),
                ("\"totalRecords\": 50,\n", ""),
            ],
            &["breaking field-removed BatchStatus/properties/totalRecords"],
        ),
        (
            "field",
            REAP,
            &[("\"errors\": []", "\"errors\": [], \"queued\": 1")],
            &["additive field-added BatchSummary/properties/queued"],
        ),
        (
            "type",
            REAP,
            &[("\"failedRecords\": ", "\"failedRecords\": 0.5")],
            &["breaking type BatchStatus/properties/failedRecords"],
        ),
        (
            "value",
            REAP,
            &[
                ("critical error\n", "critical errorpaused: Batch was stopped\n"),
                ("or failed (critical error)", "failed (critical error), or paused (stopped)"),
            ],
            &["additive value-added BatchState/enum"],
        ),
        (
            "value in one of two lists",
            REAP,
            &[("critical error\n", "critical errorpaused: Batch was stopped\n")],
            &["additive value-added BatchState/enum", "unknown parse-warning "],
        ),
        ("optional parameter", REAP, &[("Required: Yes", "Required: No")], &["breaking required-removed parameters/0"]),
        (
            "field renamed",
            CDQ,
            &[("`createdAt`", "`startedAt`")],
            &["additive field-added properties/startedAt", "breaking field-removed properties/createdAt"],
        ),
        ("type", CDQ, &[("`user` (string)", "`user` (integer)")], &["breaking type Job/properties/user"]),
        ("without a field", CDQ, &[("- `user` (string)", "")], &["breaking field-removed Job/properties/user"]),
        ("value", CDQ, &[("\"DIED\"", "\"DIED\", \"GONE\"")], &["additive value-added JobStatus/enum"]),
        ("without a value", CDQ, &[("\"ARCHIVED\", ", "")], &["breaking value-removed JobStatus/enum"]),
        (
            "values in another order",
            CDQ,
            &[("\"FAILED\", \"DIED\"", "\"DIED\", \"FAILED\"")],
            &["editorial values-order JobStatus/enum"],
        ),
        (
            "required parameter",
            CDQ,
            &[("`jobId` (string)", "`jobId` (string, required)")],
            &["breaking required-added parameters/0"],
        ),
        (
            "without a field",
            LOCAL,
            &[("comment\n\nString\n\nAdditional information.\n\n", "")],
            &["breaking field-removed Batch/properties/comment"],
        ),
        (
            "field",
            LOCAL,
            &[("comment\n\nString\n", "priority\n\nString\n\nRank.\n\ncomment\n\nString\n")],
            &["additive field-added Batch/properties/priority"],
        ),
        (
            "type",
            LOCAL,
            &[("status.code\n\nString", "status.code\n\nInteger")],
            &["breaking type OperationStatus/properties/code"],
        ),
        (
            "optional parameter",
            LOCAL,
            &[("externalId\n\nString\n\nRequired", "externalId\n\nString\n\nOptional")],
            &["breaking required-removed parameters/0"],
        ),
    ]);
}

/// A page of another operation or provider is not compared with a neighbour.
#[test]
fn diff_of_other_page_says_that_operation_is_unknown() {
    for (provider, page) in [("killb", REAP), ("killb", CDQ), ("reap", LOCAL), ("cdq", BULK), ("localpayment", CREATE)]
    {
        let differences: Vec<String> = compare(provider, &text(page)).unaccepted().map(short).collect();
        assert!(
            matches!(&differences[..], [one] if one.starts_with("unknown operation-unknown /paths/")),
            "{provider} {page}: {differences:#?}"
        );
    }
}

/// The same page, saved by another program.
#[test]
fn diff_of_page_ignores_line_ends_and_blanks() {
    for (provider, page, _) in PAGES {
        let text = text(page);
        let blanks = text.lines().map(|line| format!("{line}  \n")).collect::<String>();
        for (name, variant) in [
            ("carriage returns", text.replace('\n', "\r\n")),
            ("byte order mark", format!("\u{feff}{text}")),
            ("blanks at the ends of lines", blanks),
            ("blank lines at the end", format!("{text}\n\n\n")),
        ] {
            assert_eq!(failure(&format!("{name}, {page}"), &compare(provider, &variant), &[]), None);
        }
    }
}

#[test]
fn diff_of_page_reads_calls_in_the_notations_of_shells() {
    const URL: &str = "https://sandbox.killb.app/api";
    run(&[
        ("option without a blank", BULK, &[("--request GET", "-XPOST")], &["breaking method {jobId}/get"]),
        ("option without a blank", LOCAL, &[("--request GET", "-XPOST")], &["breaking method {externalId}~1/get"]),
        ("same option without a blank", BULK, &[("--request GET", "-XGET")], &[]),
        ("lines of Windows", BULK, &[("GET \\\n", "GET ^\n"), ("{jobId} \\\n", "{jobId} ^\n")], &[]),
        ("lines of PowerShell", BULK, &[("GET \\\n", "GET `\n"), ("{jobId} \\\n", "{jobId} `\n")], &[]),
        ("prompt", BULK, &[("curl --request", "$ curl --request")], &[]),
        ("variable as host", BULK, &[(URL, "$BASE_URL/api")], &[]),
        ("variable in braces as host", BULK, &[(URL, "${BASE_URL}/api")], &[]),
        ("host without scheme", BULK, &[(URL, "sandbox.killb.app/api")], &[]),
        ("other host without scheme", BULK, &[(URL, "sandbox.killb.io/api")], &["breaking server-added /servers"]),
        (
            "other path behind a variable",
            BULK,
            &[("https://sandbox.killb.app/api/v2", "$BASE_URL/api/v3")],
            &["breaking path {jobId}"],
        ),
        (
            "query parameter",
            BULK,
            &[("status/{jobId} ", "status/{jobId}?verbose=true ")],
            &["breaking parameter-added get/parameters"],
        ),
        (
            "known query parameter",
            CDQ,
            &[("Security: apiKey ", "Security: apiKey curl -H 'X-API-KEY: x' https://h/bankaccounts/jobs?jobId=1 ")],
            &[],
        ),
        (
            "slash at the end of the heading",
            BULK,
            &[("{jobId}\nGet Bulk", "{jobId}\n/\nGet Bulk")],
            &["unknown path {jobId}"],
        ),
    ]);
}

#[test]
fn diff_of_page_ignores_call_of_other_language_for_curl() {
    let page = edited(
        &text(BULK),
        &[(
            "curl --request GET \\\n  --url https://sandbox.killb.app/api/v2/accounts/bulk/status/{jobId} \\\n  --header 'Authorization: Bearer <token>'",
            "$curl = curl_init();\ncurl_setopt_array($curl, []);",
        )],
    );
    assert_eq!(failure("PHP", &compare("killb", &page), &[]), None);
}

#[test]
fn diff_of_page_reads_body_of_call_only_inside_of_its_quotes() {
    let page = text(CREATE);
    let (start, end) = (page.find("--data '").expect("a body"), page.find("\n'\n").expect("its end") + 3);
    let page = format!("{}--data @body.json\n{}", &page[..start], &page[end..]);
    assert_eq!(failure("body in a file", &compare("killb", &page), &[]), None);
}

#[test]
fn diff_of_page_classifies_credentials_in_words_and_texts_about_deprecation() {
    run(&[
        ("alternative", CDQ, &[("apiKey ", "apiKey or oauth2 ")], &["breaking authentication /security"]),
        ("another credential", CDQ, &[("apiKey ", "apiKey and oauth2 ")], &["breaking authentication /security"]),
        ("another credential", CDQ, &[("apiKey ", "apiKey + oauth2 ")], &["breaking authentication /security"]),
        ("not deprecated", CDQ, &[("of a given job.", "of a given job. Not deprecated.")], &[]),
        ("not deprecated", CDQ, &[("user or API key.", "user or API key. Not deprecated.")], &[]),
        (
            "another field deprecated",
            CDQ,
            &[("user or API key.", "user or API key. Replaces the deprecated field userId.")],
            &[],
        ),
        (
            "field deprecated in its description",
            BULK,
            &[("resultsFileUrl\nstring\n", "resultsFileUrl\nstring\n\nThis field is deprecated, use resultsUrl.\n\n")],
            &["notice deprecation-added resultsFileUrl/deprecated"],
        ),
        (
            "range beside single statuses",
            CDQ,
            &[(
                "## Response 503",
                "## Response 4XX fields (application/json): - `code` (string) Code. ## Response 503",
            )],
            &["additive status-added responses/4XX"],
        ),
        (
            "request body with a required field",
            LOCAL,
            &[(
                "Request Examples\n",
                "Body Parameters\n\nParameter\nType\nRequired\nDescription\n\nforce\n\nBoolean\n\nRequired\n\nForce it.\n\nRequest Examples\n",
            )],
            &["breaking body-added get/requestBody"],
        ),
    ]);
}
