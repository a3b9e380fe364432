//! `suggest`: the patch for each kind of drift, and the errors of reading reports.

use std::collections::BTreeMap;

use bulkrail_codegen::Spec;
use bulkrail_specdiff::suggest::{DriftReports, ReportedSpec, propose_patch};
use serde_json::{Value, json};

const SPEC: &str = "\
paths:
  /jobs:
    get:
      operationId: get_job
      responses:
        '200': {content: {application/json: {schema: {$ref: '#/components/schemas/Job'}}}}
components:
  schemas:
    Job:
      type: object
      required: [id]
      properties:
        id: {type: string}
        state: {$ref: '#/components/schemas/State'}
        rows: {type: array, items: {$ref: '#/components/schemas/Row'}}
    State: {type: string, enum: [RUNNING, DONE]}
    Row: {type: object, properties: {number: {type: integer}}}
";

fn line(provider: &str, responses: u64, drift: &Value) -> String {
    json!({"provider": provider, "operation": "status", "responses": responses, "drift": drift}).to_string() + "\n"
}

fn patch(report: &str) -> String {
    let mut reports = DriftReports::default();
    reports.add("drift.jsonl", report.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let spec = Spec::parse("specs/tiny.yaml", SPEC).unwrap_or_else(|error| panic!("{error}"));
    let spec = ReportedSpec::new(spec, [("status", "get_job")]);
    propose_patch(&reports, &BTreeMap::from([("tiny".to_owned(), spec)]))
}

#[test]
fn propose_patch_has_an_entry_for_each_kind_of_drift() {
    let drift = |pointer: &str, kind: &str, found: &str| json!({"pointer": pointer, "kind": kind, "expected": "otherwise", "found": found, "count": 1});
    let text = patch(&line(
        "tiny",
        4,
        &json!([
            drift("/rows/*/name", "unknown_field", "string"),
            drift("/state", "unknown_value", "PAUSED"),
            drift("/rows/*/number", "type_mismatch", "string"),
            drift("/state", "type_mismatch", "null"),
            drift("/id", "missing_field", ""),
        ]),
    ));
    let entries = Spec::parse("patch.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}")).document;
    let reason = "Live responses have another type than the page declares; both are accepted.";
    let union = json!({"oneOf": [{"type": "integer"}, {"type": "string"}], "x-contradiction": [reason]});
    assert_eq!(
        entries,
        json!([
            {"pointer": "/components/schemas/Job/required", "remove": ["id"]},
            {
                "pointer": "/components/schemas/Row/properties",
                "add": {"name": {"type": "string", "x-evidence": "inference"}},
            },
            {"pointer": "/components/schemas/Row/properties/number", "replace": union},
            {"pointer": "/components/schemas/Job/properties/state", "add": {"nullable": true}},
            {"pointer": "/components/schemas/State/enum", "add": ["PAUSED"]},
        ])
    );
    assert!(text.contains("# missing_field at /id: seen in 1 of 4 responses\n# found: nothing (1)"), "{text}");
}

#[test]
fn propose_patch_adds_counts_of_all_lines() {
    let drift = |count: u64| json!([{"pointer": "/new", "kind": "unknown_field", "expected": "-", "found": "string", "count": count}]);
    let text = patch(&(line("tiny", 2, &drift(1)) + "\n" + &line("tiny", 3, &drift(9))));
    assert!(text.contains("# specs/tiny.yaml, status: 2 batches, 5 responses\n"), "{text}");
    // More often than there are responses: the value is in a list.
    assert!(text.contains("# unknown_field at /new: seen 10 times in 5 responses\n"), "{text}");
}

#[test]
fn propose_patch_only_comments_on_values_outside_of_the_spec() {
    let drift = json!([
        {"pointer": "/none/new", "kind": "unknown_field", "expected": "a\nb", "found": "string", "count": 1},
    ]);
    for provider in ["tiny", "other\n- pointer: /x"] {
        let text = patch(&line(provider, 1, &drift));
        assert!(text.contains("# No proposal: this value is not in the spec.\n"), "{text}");
        assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "{text}");
    }
}

#[test]
fn drift_reports_refuse_invalid_line_with_its_number() {
    let good = line("tiny", 1, &json!([]));
    let kind = json!([{"pointer": "/a", "kind": "other", "expected": "", "found": "", "count": 1}]);
    for bad in ["{}".to_owned(), "text".to_owned(), line("tiny", 1, &kind)] {
        let mut reports = DriftReports::default();
        let error = reports.add("drift.jsonl", format!("{good}\n{bad}").as_bytes()).expect_err("refused").to_string();
        assert!(error.starts_with("drift.jsonl:3: is not a line of a drift report: "), "{error}");
    }
}
