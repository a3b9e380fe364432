//! OpenAPI descriptions: a spec in the notation of a provider equals itself, and with one edit
//! differs in one point.

use crate::support::{compare, spec, unaccepted};
use bulkrail_specdiff::{Page, PageFormat};
use serde_json::{Value, json};

const PROVIDERS: [&str; 4] = ["killb", "reap", "cdq", "localpayment"];

/// Returns the document in the notation of OpenAPI 3.1.
fn newer(document: &Value) -> Value {
    let mut newer = rewrite(document);
    newer["openapi"] = "3.1.0".into();
    newer
}

fn rewrite(value: &Value) -> Value {
    let Value::Object(map) = value else {
        return match value {
            Value::Array(items) => items.iter().map(rewrite).collect(),
            other => other.clone(),
        };
    };
    let mut map: serde_json::Map<String, Value> = map
        .iter()
        .map(|(key, value)| (key.clone(), if key == "value" { value.clone() } else { rewrite(value) }))
        .collect();
    let is_schema = map.get("type").is_some_and(Value::is_string);
    if is_schema && map.remove("nullable") == Some(Value::Bool(true)) {
        let kind = map["type"].take();
        map.insert("type".into(), json!([kind, "null"]));
    }
    if is_schema && let Some(example) = map.remove("example") {
        map.insert("examples".into(), json!([example]));
    }
    if is_schema && map.get("enum").and_then(Value::as_array).is_some_and(|values| values.len() == 1) {
        let value = map.remove("enum").map(|mut values| values[0].take());
        map.insert("const".into(), value.unwrap_or_default());
    }
    Value::Object(map)
}

#[track_caller]
fn assert_format(format: PageFormat, text: &str) {
    let page = Page::parse("page", text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(page.format, format);
}

#[test]
fn diff_finds_nothing_between_spec_and_itself() {
    for provider in PROVIDERS {
        let spec = spec(provider);
        let yaml = std::fs::read_to_string(&spec.file).expect("the spec");
        let pretty = serde_json::to_string_pretty(&spec.document).expect("JSON");
        let newer = serde_json::to_string_pretty(&newer(&spec.document)).expect("JSON");
        let compact = serde_json::to_string(&spec.document).expect("JSON");
        let tabs = pretty.replace("  ", "\t");
        let ticks = format!("# A page\n\nText.\n\n````yaml openapi.json get /things\n{yaml}````\n\n## More\n");
        let readme = format!("# Title\n\n# OpenAPI definition\n\n```json\n{pretty}\n```\n");
        let unclosed = format!("~~~ json\n{newer}");
        for (format, text) in [
            (PageFormat::OpenApi, &yaml),
            (PageFormat::OpenApi, &pretty),
            (PageFormat::OpenApi, &newer),
            (PageFormat::OpenApi, &compact),
            (PageFormat::OpenApi, &tabs),
            (PageFormat::Markdown, &ticks),
            (PageFormat::Markdown, &readme),
            (PageFormat::Markdown, &unclosed),
        ] {
            assert_format(format, text);
            let report = compare(provider, text);
            assert_eq!(unaccepted(&report), [""; 0], "{provider} {format}");
            assert_eq!(report.not_in_spec, [""; 0], "{provider} {format}");
        }
    }
}

/// Asserts the differences between the spec and its edited version, in each notation.
#[track_caller]
fn assert_differences(provider: &str, edit: impl Fn(&mut Value), expected: &[&str]) {
    let mut document = spec(provider).document;
    edit(&mut document);
    let older = serde_json::to_string_pretty(&document).expect("JSON");
    let newer = serde_json::to_string_pretty(&newer(&document)).expect("JSON");
    let markdown = format!("# Page\n```json\n{newer}\n```\n");
    for text in [older, newer, markdown] {
        assert_eq!(unaccepted(&compare(provider, &text)), expected);
    }
}

fn schema<'a>(document: &'a mut Value, name: &str) -> &'a mut Value {
    &mut document["components"]["schemas"][name]
}

fn remove(value: &mut Value, key: &str) -> Value {
    value.as_object_mut().and_then(|map| map.remove(key)).unwrap_or_else(|| panic!("no {key}"))
}

fn drop_required(schema: &mut Value, name: &str) {
    schema["required"].as_array_mut().expect("a list").retain(|key| key != name);
}

#[test]
fn diff_reports_changed_fields() {
    let at = "/components/schemas/BulkJob/properties";
    let rename = |document: &mut Value| {
        let job = schema(document, "BulkJob");
        job["properties"]["handledRows"] = remove(&mut job["properties"], "processedRows");
        job["required"] =
            serde_json::from_str(&job["required"].to_string().replace("processedRows", "handledRows")).expect("a list");
    };
    assert_differences(
        "killb",
        rename,
        &[
            &format!("additive field-added {at}/handledRows - => handledRows"),
            &format!("breaking field-removed {at}/processedRows processedRows => -"),
        ],
    );
    assert_differences(
        "killb",
        |document| schema(document, "BulkJob")["properties"]["totalRows"]["type"] = "string".into(),
        &[&format!("breaking type {at}/totalRows number => string")],
    );
    assert_differences(
        "killb",
        |document| {
            let job = schema(document, "BulkJob");
            remove(&mut job["properties"], "errorCount");
            drop_required(job, "errorCount");
        },
        &[&format!("breaking field-removed {at}/errorCount errorCount => -")],
    );
    assert_differences(
        "killb",
        |document| drop_required(schema(document, "BulkJob"), "errorCount"),
        &[&format!("breaking required-removed {at}/errorCount required => optional")],
    );
    assert_differences(
        "killb",
        |document| schema(document, "BulkRowResult")["required"] = json!(["status"]),
        &["breaking required-added /components/schemas/BulkRowResult/properties/status optional => required"],
    );
    assert_differences(
        "reap",
        |document| schema(document, "BatchStatus")["properties"]["updatedAt"]["nullable"] = true.into(),
        &["additive nullable-added /components/schemas/BatchStatus/properties/updatedAt not nullable => nullable"],
    );
    assert_differences(
        "reap",
        |document| {
            remove(&mut schema(document, "BatchStatus")["properties"]["startedAt"], "nullable");
        },
        &["editorial nullable-removed /components/schemas/BatchStatus/properties/startedAt nullable => not nullable"],
    );
    assert_differences(
        "localpayment",
        |document| schema(document, "Batch")["properties"]["comment"]["format"] = "date-time".into(),
        &["editorial format /components/schemas/Batch/properties/comment/format no format => date-time"],
    );
}

#[test]
fn diff_reports_changed_values() {
    let at = "/components/schemas/JobStatus/enum";
    let values = |document: &mut Value| {
        schema(document, "JobStatus")["enum"].as_array_mut().map(std::mem::take).expect("a list")
    };
    assert_differences(
        "cdq",
        |document| {
            let mut values = values(document);
            values.push("PAUSED".into());
            schema(document, "JobStatus")["enum"] = values.into();
        },
        &[&format!("additive value-added {at} - => PAUSED")],
    );
    assert_differences(
        "cdq",
        |document| {
            let mut values = values(document);
            values.retain(|value| value != "DIED");
            schema(document, "JobStatus")["enum"] = values.into();
        },
        &[&format!("breaking value-removed {at} DIED => -")],
    );
}

#[test]
fn diff_reports_changed_requests_parameters_and_responses() {
    assert_differences(
        "reap",
        |document| schema(document, "CreateEntity")["properties"]["label"] = json!({"type": "string"}),
        &["additive field-added /components/schemas/CreateEntity/properties/label - => label"],
    );
    assert_differences(
        "cdq",
        |document| {
            schema(document, "StartConfirmation")["required"] = json!(["storageId"]);
        },
        &["breaking required-added /components/schemas/StartConfirmation/properties/storageId optional => required"],
    );
    let get = "/paths/~1bankaccounts~1jobs/get";
    assert_differences(
        "cdq",
        |document| {
            let parameters = document.pointer_mut(&format!("{get}/parameters")).and_then(Value::as_array_mut);
            parameters.expect("a list").push(json!({"name": "verbose", "in": "query", "schema": {"type": "boolean"}}));
        },
        &[&format!("breaking parameter-added {get}/parameters - => verbose")],
    );
    assert_differences(
        "cdq",
        |document| {
            let responses = document.pointer_mut(&format!("{get}/responses")).expect("responses");
            responses["429"] = json!({"description": "Slow down."});
            remove(responses, "503");
        },
        &[
            &format!("additive status-added {get}/responses/429 - => 429"),
            &format!("editorial status-removed {get}/responses/503 503 => -"),
        ],
    );
    assert_differences(
        "cdq",
        |document| {
            let responses = document.pointer_mut(&format!("{get}/responses")).expect("responses");
            responses["202"] = responses["200"].clone();
        },
        &[&format!("unknown status-added {get}/responses/202 - => 202")],
    );
}

#[test]
fn diff_compares_only_operations_of_page_and_spec() {
    // A page with one operation does not describe the others.
    let mut document = spec("killb").document;
    document["paths"].as_object_mut().expect("paths").retain(|path, _| path.contains("status"));
    let report = compare("killb", &document.to_string());
    assert_eq!((report.compared, report.differences.len()), (vec!["get_bulk_status".to_owned()], 0));
    assert_eq!(report.not_on_page.len(), 10);
    // A description of the whole service contains operations that the spec leaves out.
    let mut document = spec("killb").document;
    document["paths"]["/api/v2/users"] =
        json!({"get": {"operationId": "list_users", "responses": {"200": {"description": ""}}}});
    let report = compare("killb", &document.to_string());
    assert_eq!((report.not_in_spec, report.differences.len()), (vec!["list_users".to_owned()], 0));
    assert_eq!((report.compared.len(), report.not_on_page.len()), (11, 0));
}

#[test]
fn diff_matches_path_with_prefix_in_server() {
    let mut document = spec("cdq").document;
    let job = remove(&mut document["paths"], "/bankaccounts/jobs");
    document["paths"] = json!({"/bankaccount-data/rest/bankaccounts/jobs": job});
    document["servers"] = json!([{"url": "https://api.cdq.com"}]);
    let report = compare("cdq", &document.to_string());
    assert_eq!((report.compared, report.differences.len()), (vec!["get_job".to_owned()], 0));
}

#[test]
fn diff_merges_members_of_composed_schemas() {
    let spec = "openapi: 3.0.3\npaths:\n  /a:\n    get:\n      operationId: get_a\n      responses:\n        '200':\n          content:\n            \
                application/json:\n              schema: {$ref: '#/components/schemas/A'}\ncomponents:\n  schemas:\n    A:\n      \
                type: object\n      required: [b, c]\n      properties:\n        b: {type: string}\n        c: {type: integer}\n        \
                d: {$ref: '#/components/schemas/D'}\n    D: {type: string, enum: [X, Y], nullable: true}\n";
    let spec = bulkrail_codegen::Spec::parse("specs/a.yaml", spec).expect("a spec");
    let responses =
        |schema: Value| json!({"200": {"description": "", "content": {"application/json": {"schema": schema}}}});
    let page = json!({
        "openapi": "3.1.0",
        "paths": {"/a": {"get": {"responses": responses(json!({
            "allOf": [{"$ref": "#/components/schemas/B"}, {"properties": {"c": {"type": "integer"}}}],
            "required": ["c"],
        }))}}},
        "components": {"schemas": {
            "B": {"type": "object", "required": ["b"], "properties": {
                "b": {"type": "string"},
                "d": {"anyOf": [{"enum": ["X", "Y"]}, {"type": "null"}]},
            }},
        }},
    });
    let page = Page::parse("page.json", &page.to_string()).unwrap_or_else(|error| panic!("{error}"));
    let report = bulkrail_specdiff::diff(&spec, &page, &crate::support::accepted()).expect("a report");
    assert_eq!(unaccepted(&report), [""; 0]);
}
