//! Table of single edits of the specs, as OpenAPI documents: each one is seen, with the right
//! class, and nothing else is reported.

use serde_json::{Value, json};

use crate::edits::failure;
use crate::support::{compare, save_for_judge, spec};

/// Edit of a document: name, provider, function, and expected differences in the notation of
/// [`failure`].
type Row = (&'static str, &'static str, fn(&mut Value), &'static [&'static str]);

#[track_caller]
fn run(rows: &[Row]) {
    let mut failures = String::new();
    for (name, provider, edit, expected) in rows {
        let mut document = spec(provider).document;
        let before = document.clone();
        edit(&mut document);
        assert_ne!(document, before, "{name} changes nothing");
        let report = compare(provider, &document.to_string());
        save_for_judge(name, provider, &document, &report);
        failures.extend(failure(&format!("{name}, {provider}"), &report, expected));
    }
    assert!(failures.is_empty(), "{failures}");
}

const JOBS: &str = "/paths/~1bankaccounts~1jobs/get";

fn at<'a>(document: &'a mut Value, pointer: &str) -> &'a mut Value {
    document.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"))
}

fn remove(value: &mut Value, key: &str) -> Value {
    value.as_object_mut().and_then(|map| map.remove(key)).unwrap_or_else(|| panic!("no {key}"))
}

/// Moves a path, or a method of a path.
fn rename(value: &mut Value, from: &str, to: &str) {
    value[to] = remove(value, from);
}

fn move_path(document: &mut Value, from: &str, to: &str) {
    rename(&mut document["paths"], from, to);
}

#[test]
fn diff_of_description_classifies_moved_and_removed_operations() {
    run(&[
        (
            "path",
            "cdq",
            |spec| move_path(spec, "/bankaccounts/jobs", "/v3/bankaccounts/jobs"),
            &["breaking operation-moved jobs/get"],
        ),
        (
            "path",
            "killb",
            |spec| move_path(spec, "/api/v2/accounts", "/api/v3/accounts"),
            &["breaking operation-moved accounts/post"],
        ),
        (
            "path",
            "reap",
            |spec| move_path(spec, "/entity/kyc/import/batch", "/entity/kyc/import"),
            &["breaking operation-moved batch/post"],
        ),
        (
            "path",
            "localpayment",
            |spec| move_path(spec, "/api/token/", "/api/v4/token/"),
            &["breaking operation-moved token~1/post"],
        ),
        (
            "trailing slash",
            "localpayment",
            |spec| {
                move_path(spec, "/api/virtual-account-batch/{externalId}/", "/api/virtual-account-batch/{externalId}");
            },
            &["breaking path {externalId}~1"],
        ),
        (
            "method",
            "cdq",
            |spec| rename(&mut spec["paths"]["/bankaccounts/jobs"], "get", "post"),
            &["breaking method jobs/get"],
        ),
        (
            "method",
            "killb",
            |spec| rename(&mut spec["paths"]["/api/v2/accounts/{id}"], "get", "put"),
            &["breaking method {id}/get"],
        ),
        (
            "method",
            "reap",
            |spec| rename(&mut spec["paths"]["/entity"], "post", "put"),
            &["breaking method entity/post"],
        ),
        (
            "method",
            "localpayment",
            |spec| rename(&mut spec["paths"]["/api/virtual-account"], "post", "patch"),
            &["breaking method virtual-account/post"],
        ),
        (
            "path without the id",
            "cdq",
            |spec| {
                move_path(spec, "/bankaccounts/jobs", "/v3/bankaccounts/jobs");
                remove(at(spec, "/paths/~1v3~1bankaccounts~1jobs/get"), "operationId");
            },
            &["breaking operation-moved jobs/get"],
        ),
        ("other id", "cdq", |spec| at(spec, JOBS)["operationId"] = json!("readJob"), &[]),
        (
            "removed",
            "cdq",
            |spec| _ = remove(&mut spec["paths"], "/bankaccounts/jobs"),
            &["breaking operation-removed jobs/get"],
        ),
        (
            "removed",
            "killb",
            |spec| _ = remove(&mut spec["paths"], "/api/v2/auth/refresh"),
            &["breaking operation-removed refresh/post"],
        ),
        (
            "two removed",
            "reap",
            |spec| {
                remove(&mut spec["paths"], "/entity");
                remove(&mut spec["paths"], "/entity/{entityId}");
            },
            &["breaking operation-removed entity/post", "breaking operation-removed {entityId}/get"],
        ),
        (
            "replaced",
            "localpayment",
            |spec| {
                remove(&mut spec["paths"], "/api/virtual-account");
                spec["paths"]["/api/payouts"] =
                    json!({"post": {"operationId": "pay", "responses": {"204": {"description": ""}}}});
            },
            &["breaking operation-removed virtual-account/post"],
        ),
        (
            "all moved",
            "cdq",
            |spec| {
                for path in [
                    "/bankaccounts/jobs",
                    "/bankaccounts/jobs/confirmation",
                    "/bankaccounts",
                    "/v2/bankaccounts/confirm",
                ] {
                    move_path(spec, path, &format!("/next{path}"));
                }
            },
            &[
                "breaking operation-moved jobs/get",
                "breaking operation-moved confirmation/post",
                "breaking operation-moved bankaccounts/post",
                "breaking operation-moved confirm/post",
            ],
        ),
    ]);
}

#[test]
fn diff_of_description_classifies_authentication_servers_and_media_types() {
    run(&[
        (
            "other header",
            "cdq",
            |spec| at(spec, "/components/securitySchemes/apiKey")["name"] = json!("X-KEY"),
            &["breaking authentication /security"],
        ),
        (
            "same header in lower case",
            "cdq",
            |spec| {
                at(spec, "/components/securitySchemes/apiKey")["name"] = json!("x-api-key");
            },
            &[],
        ),
        (
            "same scheme with another name",
            "cdq",
            |spec| {
                rename(at(spec, "/components/securitySchemes"), "apiKey", "key");
                spec["security"] = json!([{"key": []}]);
            },
            &[],
        ),
        (
            "query instead of header",
            "reap",
            |spec| {
                at(spec, "/components/securitySchemes/ApiKeyAuth")["in"] = json!("query");
            },
            &["breaking authentication /security"],
        ),
        (
            "basic",
            "killb",
            |spec| at(spec, "/components/securitySchemes/jwt")["scheme"] = json!("basic"),
            &["breaking authentication /security"],
        ),
        (
            "oauth",
            "localpayment",
            |spec| {
                *at(spec, "/components/securitySchemes/bearer") = json!({"type": "oauth2", "flows": {}});
            },
            &["breaking authentication /security"],
        ),
        ("none", "cdq", |spec| _ = remove(spec, "security"), &["breaking authentication /security"]),
        (
            "none for one operation",
            "cdq",
            |spec| at(spec, JOBS)["security"] = json!([]),
            &["breaking authentication /security"],
        ),
        (
            "optional",
            "reap",
            |spec| spec["security"] = json!([{}, {"ApiKeyAuth": []}]),
            &["breaking authentication /security"],
        ),
        (
            "needed for the login",
            "killb",
            |spec| {
                _ = remove(at(spec, "/paths/~1api~1v2~1auth~1login/post"), "security");
            },
            &["breaking authentication login/post/security"],
        ),
        (
            "server",
            "cdq",
            |spec| at(spec, "/servers/0")["url"] = json!("https://api.cdq.io/bankaccount-data/rest"),
            &["breaking server-added /servers", "breaking server-removed /servers/0"],
        ),
        (
            "path of a server",
            "cdq",
            |spec| at(spec, "/servers/0")["url"] = json!("https://api.cdq.com/v2"),
            &["breaking server-added /servers", "breaking server-removed /servers/0"],
        ),
        (
            "new server",
            "reap",
            |spec| {
                spec["servers"].as_array_mut().expect("a list").push(json!({"url": "https://eu.reap.global"}));
            },
            &["additive server-added /servers"],
        ),
        (
            "server removed",
            "killb",
            |spec| _ = spec["servers"].as_array_mut().map(|list| list.remove(0)),
            &["breaking server-removed /servers/0"],
        ),
        (
            "server of one operation",
            "cdq",
            |spec| at(spec, JOBS)["servers"] = json!([{"url": "https://jobs.cdq.com"}]),
            &["breaking server-added /servers"],
        ),
        (
            "media type of a request",
            "killb",
            |spec| {
                rename(
                    at(spec, "/paths/~1api~1v2~1accounts/post/requestBody/content"),
                    "application/json",
                    "application/xml",
                );
            },
            &["breaking media-type-removed application~1json"],
        ),
        (
            "second media type of a request",
            "cdq",
            |spec| {
                let content = at(spec, "/paths/~1bankaccounts~1jobs~1confirmation/post/requestBody/content");
                content["application/xml"] = content["application/json"].clone();
            },
            &["additive media-type-added requestBody/content"],
        ),
        (
            "media type of an upload",
            "reap",
            |spec| {
                let content = at(spec, "/paths/~1entity~1kyc~1import~1batch/post/requestBody/content");
                rename(content, "multipart/form-data", "text/csv");
            },
            &["breaking media-type-removed multipart~1form-data"],
        ),
        (
            "media type of a response",
            "localpayment",
            |spec| {
                let content = "/paths/~1api~1virtual-account-batch~1{externalId}~1/get/responses/200/content";
                rename(at(spec, content), "application/json", "text/csv");
            },
            &["breaking media-type-removed application~1json"],
        ),
        (
            "media type of an error",
            "cdq",
            |spec| {
                let content = at(spec, "/components/responses/NotFound/content");
                rename(content, "application/json", "application/problem+json");
            },
            &["breaking media-type-removed application~1json"],
        ),
    ]);
}

#[test]
fn diff_of_description_classifies_limits_and_notices() {
    const ACCOUNTS: &str = "/components/schemas/CreateBatch/properties/accounts";
    run(&[
        (
            "fewer elements",
            "localpayment",
            |spec| at(spec, ACCOUNTS)["maxItems"] = json!(1000),
            &["breaking limit accounts/maxItems"],
        ),
        (
            "more elements",
            "localpayment",
            |spec| at(spec, ACCOUNTS)["maxItems"] = json!(9000),
            &["additive limit accounts/maxItems"],
        ),
        (
            "higher minimum",
            "localpayment",
            |spec| at(spec, ACCOUNTS)["minItems"] = json!(20),
            &["breaking limit accounts/minItems"],
        ),
        (
            "lower minimum",
            "localpayment",
            |spec| at(spec, ACCOUNTS)["minItems"] = json!(1),
            &["additive limit accounts/minItems"],
        ),
        (
            "without a maximum",
            "localpayment",
            |spec| _ = remove(at(spec, ACCOUNTS), "maxItems"),
            &["additive limit accounts/maxItems"],
        ),
        (
            "new length",
            "cdq",
            |spec| {
                at(spec, "/components/schemas/StartConfirmation/properties/storageId")["maxLength"] = json!(32);
            },
            &["breaking limit storageId/maxLength"],
        ),
        (
            "new pattern",
            "cdq",
            |spec| {
                at(spec, "/components/schemas/StartConfirmation/properties/storageId")["pattern"] =
                    json!("^[0-9a-f]+$");
            },
            &["breaking limit storageId/pattern"],
        ),
        (
            "length of a parameter",
            "cdq",
            |spec| at(spec, JOBS)["parameters"][0]["schema"]["minLength"] = json!(36),
            &["breaking limit schema/minLength"],
        ),
        (
            "limit of a response",
            "killb",
            |spec| {
                at(spec, "/components/schemas/BulkJob/properties/results")["maxItems"] = json!(5000);
            },
            &["editorial limit results/maxItems"],
        ),
        (
            "minimum of a response",
            "killb",
            |spec| {
                at(spec, "/components/schemas/BulkJob/properties/totalRows")["minimum"] = json!(0);
            },
            &["editorial limit totalRows/minimum"],
        ),
        (
            "operation deprecated",
            "cdq",
            |spec| at(spec, JOBS)["deprecated"] = json!(true),
            &["notice deprecation-added jobs/get/deprecated"],
        ),
        (
            "parameter deprecated",
            "cdq",
            |spec| at(spec, JOBS)["parameters"][0]["deprecated"] = json!(true),
            &["notice deprecation-added parameters/0/deprecated"],
        ),
        (
            "field deprecated",
            "killb",
            |spec| {
                at(spec, "/components/schemas/BulkJob/properties/successCount")["deprecated"] = json!(true);
            },
            &["notice deprecation-added successCount/deprecated"],
        ),
        (
            "interval",
            "reap",
            |spec| {
                at(spec, "/paths/~1entity~1kyc~1import~1batch~1{batchId}/get/x-poll-advice")["interval_s"] =
                    json!([5, 5]);
            },
            &["notice polling x-poll-advice"],
        ),
        (
            "interval in the description",
            "cdq",
            |spec| {
                at(spec, JOBS)["description"] = json!("Poll every 10 seconds.");
            },
            &["notice polling x-poll-advice"],
        ),
    ]);
}

#[test]
fn diff_of_description_classifies_fields_parameters_and_statuses() {
    run(&[
        (
            "parameter place",
            "cdq",
            |spec| at(spec, JOBS)["parameters"][0]["in"] = json!("header"),
            &["breaking parameter-moved parameters/0"],
        ),
        (
            "parameter required",
            "cdq",
            |spec| at(spec, JOBS)["parameters"][0]["required"] = json!(true),
            &["breaking required-added parameters/0"],
        ),
        (
            "parameter removed",
            "cdq",
            |spec| _ = remove(at(spec, JOBS), "parameters"),
            &["breaking parameter-removed parameters/0"],
        ),
        (
            "type",
            "killb",
            |spec| at(spec, "/components/schemas/BulkJob/properties/totalRows")["type"] = json!("integer"),
            &["breaking type totalRows"],
        ),
        (
            "value added",
            "cdq",
            |spec| {
                at(spec, "/components/schemas/JobStatus/enum").as_array_mut().expect("a list").push(json!("PAUSED"));
            },
            &["additive value-added JobStatus/enum"],
        ),
        (
            "field added",
            "reap",
            |spec| {
                at(spec, "/components/schemas/BatchStatus/properties")["queue"] = json!({"type": "string"});
            },
            &["additive field-added properties/queue"],
        ),
        (
            "request body removed",
            "cdq",
            |spec| {
                _ = remove(at(spec, "/paths/~1bankaccounts~1jobs~1confirmation/post"), "requestBody");
            },
            &["breaking body-removed requestBody"],
        ),
        (
            "error status removed",
            "cdq",
            |spec| _ = remove(at(spec, &format!("{JOBS}/responses")), "404"),
            &["editorial status-removed responses/404"],
        ),
        (
            "error status added",
            "cdq",
            |spec| at(spec, &format!("{JOBS}/responses"))["409"] = json!({"description": ""}),
            &["additive status-added responses/409"],
        ),
        (
            "example",
            "cdq",
            |spec| at(spec, JOBS)["parameters"][0]["example"] = json!("another"),
            &["editorial example parameters/0"],
        ),
        ("description", "cdq", |spec| at(spec, JOBS)["description"] = json!("Another text."), &[]),
        ("title", "cdq", |spec| spec["info"]["title"] = json!("Another title"), &[]),
    ]);
}

fn schema<'a>(document: &'a mut Value, name: &str) -> &'a mut Value {
    at(document, &format!("/components/schemas/{name}"))
}

fn values<'a>(document: &'a mut Value, name: &str) -> &'a mut Vec<Value> {
    schema(document, name)["enum"].as_array_mut().expect("a list")
}

#[test]
fn diff_of_description_classifies_fields_of_every_provider() {
    run(&[
        (
            "field removed",
            "cdq",
            |spec| _ = remove(at(spec, "/components/schemas/Job/properties"), "user"),
            &["breaking field-removed Job/properties/user"],
        ),
        (
            "field removed",
            "localpayment",
            |spec| _ = remove(at(spec, "/components/schemas/Batch/properties"), "comment"),
            &["breaking field-removed Batch/properties/comment"],
        ),
        (
            "field of a request removed",
            "localpayment",
            |spec| _ = remove(at(spec, "/components/schemas/CreateBatch/properties"), "name"),
            &["breaking field-removed CreateBatch/properties/name"],
        ),
        (
            "optional field of a request",
            "localpayment",
            |spec| schema(spec, "Address")["properties"]["floor"] = json!({"type": "string"}),
            &["additive field-added Address/properties/floor"],
        ),
        (
            "required field of a request",
            "localpayment",
            |spec| {
                schema(spec, "CreateBatch")["properties"]["currency"] = json!({"type": "string"});
                schema(spec, "CreateBatch")["required"].as_array_mut().expect("a list").push(json!("currency"));
            },
            &["breaking field-added CreateBatch/properties/currency"],
        ),
        (
            "type of a field",
            "reap",
            |spec| schema(spec, "BatchStatus")["properties"]["totalRecords"]["type"] = json!("string"),
            &["breaking type BatchStatus/properties/totalRecords"],
        ),
        (
            "type of a field",
            "localpayment",
            |spec| schema(spec, "OperationStatus")["properties"]["code"]["type"] = json!("integer"),
            &["breaking type OperationStatus/properties/code"],
        ),
        (
            "type of the elements",
            "cdq",
            |spec| {
                schema(spec, "StartConfirmation")["properties"]["featuresOn"]["items"] = json!({"type": "integer"});
            },
            &["breaking type ConfirmationFeature"],
        ),
        (
            "value removed",
            "reap",
            |spec| values(spec, "BatchState").retain(|value| value != "failed"),
            &["breaking value-removed BatchState/enum"],
        ),
        (
            "value of a request removed",
            "cdq",
            |spec| _ = values(spec, "ConfirmationFeature").pop(),
            &["breaking value-removed ConfirmationFeature/enum"],
        ),
        (
            "value renamed",
            "killb",
            |spec| values(spec, "BulkJobStatus")[0] = json!("QUEUED"),
            &["additive value-added BulkJobStatus/enum", "breaking value-removed BulkJobStatus/enum"],
        ),
        (
            "values in another order",
            "localpayment",
            |spec| values(spec, "BeneficiaryType").reverse(),
            &["editorial values-order BeneficiaryType/enum"],
        ),
        (
            "without values",
            "localpayment",
            |spec| _ = remove(schema(spec, "Activation"), "enum"),
            &["breaking values-removed Activation/enum"],
        ),
        (
            "required in a request",
            "localpayment",
            |spec| schema(spec, "CreateBatch")["required"].as_array_mut().expect("a list").push(json!("name")),
            &["breaking required-added CreateBatch/properties/name"],
        ),
        (
            "optional in a request",
            "reap",
            |spec| schema(spec, "CreateEntity")["required"] = json!(["externalId"]),
            &["breaking required-removed CreateEntity/properties/type"],
        ),
        (
            "optional in a response",
            "reap",
            |spec| schema(spec, "EnabledFeature")["required"] = json!([]),
            &["breaking required-removed EnabledFeature/properties/featureId"],
        ),
        (
            "required field that can be null",
            "killb",
            |spec| schema(spec, "BulkJob")["properties"]["errorCount"]["nullable"] = json!(true),
            &["breaking nullable-added BulkJob/properties/errorCount"],
        ),
        (
            "format of a date",
            "reap",
            |spec| schema(spec, "BatchStatus")["properties"]["createdAt"]["format"] = json!("date"),
            &["editorial format createdAt/format"],
        ),
        (
            "format of a file",
            "cdq",
            |spec| schema(spec, "BankAccountFile")["properties"]["file"]["format"] = json!("byte"),
            &["breaking format file/format"],
        ),
        (
            "description of a field",
            "killb",
            |spec| schema(spec, "BulkJob")["properties"]["errorCount"]["description"] = json!("Another text."),
            &[],
        ),
        ("description of a schema", "reap", |spec| schema(spec, "BatchState")["description"] = json!("Text."), &[]),
        (
            "description of a status",
            "localpayment",
            |spec| {
                let status = "/paths/~1api~1virtual-account-batch~1{externalId}~1/get/responses/200";
                at(spec, status)["description"] = json!("Another text.");
            },
            &[],
        ),
        ("version", "reap", |spec| spec["info"]["version"] = json!("99"), &[]),
        (
            "name of a schema",
            "cdq",
            |spec| {
                let text = spec.to_string().replace("schemas/Job\"", "schemas/Task\"");
                *spec = serde_json::from_str(&text).expect("JSON");
                rename(at(spec, "/components/schemas"), "Job", "Task");
            },
            &[],
        ),
    ]);
}

/// What one member of a union has is not hidden by the other members.
#[test]
fn diff_of_description_classifies_members_of_union() {
    run(&[
        (
            "field of one member removed",
            "killb",
            |spec| _ = remove(at(spec, "/components/schemas/PseData/properties"), "email"),
            &["breaking field-removed PseData/properties/email"],
        ),
        (
            "field of one member added",
            "killb",
            |spec| schema(spec, "PseData")["properties"]["clabeType"] = json!({"type": "string"}),
            &["additive field-added PseData/properties/clabeType"],
        ),
        (
            "type in one member",
            "killb",
            |spec| schema(spec, "SpiData")["properties"]["email"]["type"] = json!("integer"),
            &["breaking type SpiData/properties/email"],
        ),
        (
            "required in one member",
            "killb",
            |spec| schema(spec, "AchData")["required"] = json!(["email"]),
            &["breaking required-added AchData/properties/email"],
        ),
        (
            "limit in one member",
            "killb",
            |spec| schema(spec, "WireData")["properties"]["email"]["maxLength"] = json!(10),
            &["breaking limit email/maxLength"],
        ),
        (
            "field of one member deprecated",
            "killb",
            |spec| schema(spec, "CoelsaData")["properties"]["email"]["deprecated"] = json!(true),
            &["notice deprecation-added CoelsaData/properties/email/deprecated"],
        ),
        (
            "member removed",
            "killb",
            |spec| {
                let union = schema(spec, "CreateAccount");
                let members = union["oneOf"].as_array_mut().expect("a list");
                members.retain(|member| member["$ref"] != "#/components/schemas/CreateAccountPix");
                remove(&mut union["discriminator"]["mapping"], "PIX");
            },
            &["breaking value-removed CreateAccount/discriminator/mapping"],
        ),
    ]);
}

/// Each field of each schema: without it, one breaking difference at its place. Of the many schemas
/// of KillB, one field each.
#[test]
fn diff_of_description_sees_each_field_that_is_removed() {
    let (mut edits, mut failures) = (0, String::new());
    for provider in ["killb", "reap", "cdq", "localpayment"] {
        let original = spec(provider).document;
        for (name, fields) in original["components"]["schemas"].as_object().expect("schemas") {
            let fields: Vec<&String> =
                fields["properties"].as_object().into_iter().flatten().map(|(key, _)| key).collect();
            let (first, count) = match provider {
                "killb" if !fields.is_empty() => (edits % fields.len(), 1),
                _ => (0, fields.len()),
            };
            for field in fields.into_iter().skip(first).take(count) {
                // The discriminator is the union itself.
                if name.starts_with("CreateAccount") && field == "type" {
                    continue;
                }
                let mut document = original.clone();
                remove(at(&mut document, &format!("/components/schemas/{name}/properties")), field);
                let expected = format!("breaking field-removed {name}/properties/{field}");
                let report = compare(provider, &document.to_string());
                failures.extend(failure(provider, &report, &[&expected]));
                edits += 1;
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(edits > 200, "{edits}");
}

/// Mistakes in a description, or parts that it leaves out, are seen as well.
#[test]
fn diff_of_description_sees_missing_parts() {
    const START: &str = "/paths/~1bankaccounts~1jobs~1confirmation/post";
    run(&[
        (
            "media types",
            "cdq",
            |spec| _ = remove(at(spec, &format!("{START}/requestBody")), "content"),
            &["breaking body-removed requestBody"],
        ),
        (
            "schema of a request",
            "cdq",
            |spec| {
                _ = remove(at(spec, &format!("{START}/requestBody/content/application~1json")), "schema");
            },
            &["breaking body-removed requestBody"],
        ),
        (
            "schema of a response",
            "killb",
            |spec| {
                let body =
                    "/paths/~1api~1v2~1accounts~1bulk~1status~1{jobId}/get/responses/200/content/application~1json";
                _ = remove(at(spec, body), "schema");
            },
            &["breaking body-removed responses/200"],
        ),
        (
            "schema of a parameter",
            "cdq",
            |spec| _ = remove(&mut at(spec, JOBS)["parameters"][0], "schema"),
            &["breaking type parameters/0/schema"],
        ),
        (
            "elements of an array",
            "cdq",
            |spec| {
                _ = remove(at(spec, "/components/schemas/StartConfirmation/properties/featuresOn"), "items");
            },
            &["breaking field-removed featuresOn/items"],
        ),
        (
            "security schemes",
            "cdq",
            |spec| _ = remove(at(spec, "/components"), "securitySchemes"),
            &["breaking authentication /security"],
        ),
        (
            "place of a credential",
            "cdq",
            |spec| _ = remove(at(spec, "/components/securitySchemes/apiKey"), "in"),
            &["breaking authentication /security"],
        ),
        (
            "servers",
            "killb",
            |spec| _ = remove(spec, "servers"),
            &["breaking server-removed servers/0", "breaking server-removed servers/1"],
        ),
        (
            "status beside a range",
            "localpayment",
            |spec| {
                _ = remove(at(spec, "/paths/~1api~1virtual-account-batch/post/responses"), "429");
            },
            &["editorial status-removed responses/429"],
        ),
        (
            "range of statuses",
            "localpayment",
            |spec| {
                _ = remove(at(spec, "/paths/~1api~1virtual-account-batch/post/responses"), "4XX");
            },
            &["editorial status-removed responses/4XX"],
        ),
        (
            "one of two successes",
            "reap",
            |spec| {
                _ = remove(at(spec, "/paths/~1entity~1kyc~1import~1batch/post/responses"), "201");
            },
            &["breaking status-removed responses/201"],
        ),
        (
            "status from another page",
            "cdq",
            |spec| {
                _ = remove(at(spec, &format!("{START}/responses")), "503");
            },
            &["editorial status-removed responses/503"],
        ),
    ]);
}

#[test]
fn diff_of_other_description_reports_every_operation() {
    let report = compare("cdq", &spec("reap").document.to_string());
    let changes: Vec<String> = report.unaccepted().map(|one| format!("{} {}", one.class, one.change)).collect();
    let count = |wanted: &str| changes.iter().filter(|one| *one == wanted).count();
    assert_eq!((count("breaking operation-removed"), count("unknown operation-unknown")), (4, 4), "{changes:#?}");
}

/// Every operation of every spec: another path, another method, or none at all is one breaking
/// difference at its place.
#[test]
fn diff_of_description_sees_each_operation_that_changes() {
    let mut edits = 0;
    for provider in ["killb", "reap", "cdq", "localpayment"] {
        let original = spec(provider).document;
        for (pointer, _) in bulkrail_codegen::document::operations(&original) {
            let (path_item, method) = pointer.rsplit_once('/').expect("a method");
            let path = path_item.trim_start_matches("/paths/").replace("~1", "/");
            let mut moved = original.clone();
            let operation = remove(at(&mut moved, path_item), method);
            moved["paths"][format!("/v9{path}")] = json!({method: operation});
            let mut last_segment = original.clone();
            let operation = remove(at(&mut last_segment, path_item), method);
            last_segment["paths"]
                [format!("{}x{}", path.trim_end_matches(['/', '}']), if path.contains('}') { "}" } else { "" })] =
                json!({method: operation});
            let mut other_method = original.clone();
            let item = at(&mut other_method, path_item);
            let free = ["delete", "patch"].into_iter().find(|free| item.get(free).is_none()).expect("a method");
            rename(item, method, free);
            let mut removed = original.clone();
            remove(at(&mut removed, path_item), method);
            for (document, changes) in [
                (moved, &["operation-moved"][..]),
                // A parameter that only has another name in the path is the same path.
                (last_segment, if path.contains('}') { &["", "path"][..] } else { &["operation-moved"][..] }),
                (other_method, &["method"][..]),
                (removed, &["operation-removed"][..]),
            ] {
                let report = compare(provider, &document.to_string());
                let found: Vec<_> = report.unaccepted().collect();
                let text = format!("{pointer}: {changes:?}, found {found:#?}");
                match &found[..] {
                    [one] => {
                        assert!(changes.contains(&one.change.name()), "{text}");
                        assert_eq!(one.class.name(), "breaking", "{text}");
                        assert!(pointer.starts_with(&one.pointer), "{text}");
                    }
                    [] => assert!(changes.contains(&""), "{text}"),
                    _ => panic!("{text}"),
                }
                edits += 1;
            }
        }
    }
    assert_eq!(edits, 104);
}

/// `allOf` narrows what each member allows.
#[test]
fn diff_of_description_reads_all_of_as_what_each_member_allows() {
    fn wrap(spec: &mut Value, name: &str, narrower: Value) {
        let own = schema(spec, name).take();
        *schema(spec, name) = json!({"allOf": [own, narrower]});
    }
    run(&[
        (
            "required beside allOf",
            "localpayment",
            |spec| wrap(spec, "CreateBatch", json!({"required": ["name"]})),
            &["breaking required-added CreateBatch/properties/name"],
        ),
        (
            "values of a member of allOf",
            "reap",
            |spec| wrap(spec, "BatchState", json!({"enum": ["pending", "in_progress", "completed"]})),
            &["breaking value-removed BatchState/enum"],
        ),
        (
            "values beside a reference in 3.1",
            "reap",
            |spec| {
                spec["openapi"] = json!("3.1.0");
                let status = &mut schema(spec, "BatchStatus")["properties"]["status"];
                status["enum"] = json!(["pending", "in_progress", "completed"]);
            },
            &["breaking value-removed BatchState/enum"],
        ),
    ]);
}
