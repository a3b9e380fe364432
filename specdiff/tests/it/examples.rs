//! Examples against the schemas next to them: one that is wrong in each place where one can stand, and each way of the dialect.

use bulkrail_codegen::Spec;
use bulkrail_specdiff::examples::{Schemas, examples, lint};
use serde_json::{Value, json};

const GOOD: &str = "\
paths:
  /things/{id}:
    get:
      parameters:
        - name: id
          in: path
          schema: {type: string}
          example: a-1
      responses:
        '200':
          headers:
            Retry-After:
              schema: {type: integer}
              example: 30
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Thing'}
              examples:
                small:
                  value: {size: 1, colour: null, made: '2026-04-23T00:38:08.439Z'}
                shared: {$ref: '#/components/examples/Shared'}
components:
  examples:
    Shared:
      value: {size: 2.5}
  schemas:
    Thing:
      type: object
      required: [size]
      properties:
        size: {type: number, minimum: 0, exclusiveMinimum: true, example: 100}
        colour: {$ref: '#/components/schemas/Colour'}
        made: {type: string, format: date-time}
        example: {type: string, example: 'of a field that is called so'}
        either:
          oneOf: [{type: integer}, {type: string}]
          example: '77'
      example: {size: 3, either: 4}
    Colour:
      type: string
      enum: [red, blue]
      nullable: true
      example: red
";

fn findings(text: &str) -> Vec<String> {
    let spec = Spec::parse("specs/things.yaml", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    lint(&spec).iter().map(ToString::to_string).collect()
}

/// With `from` (which stands in it once) replaced by `to`, there is one finding: this line, this pointer, this in its reason.
#[track_caller]
fn trips(from: &str, to: &str, at: &str, reason: &str) {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    let found = findings(&GOOD.replace(from, to));
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert!(finding.starts_with(&format!("specs/things.yaml:{at}: ")) && finding.contains(reason), "{finding}");
}

const ANSWER: &str = "/paths/~1things~1{id}/get/responses/200";

#[test]
fn every_example_is_found_and_fits() {
    let spec = Spec::parse("specs/things.yaml", GOOD).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(examples(&spec.document).len(), 9);
    assert_eq!(findings(GOOD), [""; 0]);
}

#[test]
fn one_wrong_example_in_each_place() {
    let reason = "does not fit the schema next to it: ";
    trips("example: a-1", "example: 1", "8: /paths/~1things~1{id}/get/parameters/0/example", reason);
    trips("example: 30", "example: soon", &format!("14: {ANSWER}/headers/Retry-After/example"), reason);
    let small = format!("{ANSWER}/content/application~1json/examples/small/value");
    trips("{size: 1,", "{size: large,", &format!("20: {small}/size"), "\"large\" is not of type \"number\"");
    let shared = format!("{ANSWER}/content/application~1json/examples/shared");
    trips("{size: 2.5}", "{}", &format!("21: {shared}"), "\"size\" is a required property; correct one of them");
    trips("example: 100", "example: ten", "31: /components/schemas/Thing/properties/size/example", reason);
    trips("example: '77'", "example: true", "37: /components/schemas/Thing/properties/either/example", reason);
    trips("{size: 3,", "{size: '3',", "38: /components/schemas/Thing/example/size", reason);
    trips("example: red", "example: green", "43: /components/schemas/Colour/example", "\"red\"");
    let called_so = "34: /components/schemas/Thing/properties/example/example";
    trips("example: 'of a field that is called so'", "example: 7", called_so, reason);
}

#[test]
fn an_example_without_a_value() {
    let at = format!("19: {ANSWER}/content/application~1json/examples/small");
    let elsewhere = "externalValue: https://docs.example.com/small.json";
    trips("value: {size: 1, colour: null, made: '2026-04-23T00:38:08.439Z'}", elsewhere, &at, "needs a `value`");
}

#[test]
fn a_schema_that_is_none() {
    trips(
        "schema: {type: integer}",
        "schema: {type: 7}",
        &format!("13: {ANSWER}/headers/Retry-After/schema"),
        "correct the schema",
    );
    let found = findings(&GOOD.replace("'#/components/schemas/Colour'", "'https://example.com/colour.json'"));
    assert!(!found.is_empty() && found.iter().all(|finding| finding.lines().count() == 1), "{found:#?}");
}

#[test]
fn what_a_validator_says_is_cut_short() {
    let found = findings(&GOOD.replace("example: 30", &format!("example: {}", "long ".repeat(1000))));
    assert!(found.len() == 1 && found[0].len() < 600, "{found:?}");
}

#[test]
fn the_dialect() {
    let document = json!({"components": {"schemas": {
        "Closed": {"type": "object", "properties": {"word": {"$ref": "#/components/schemas/Word"}}},
        "Open": {"type": "object", "properties": {}, "additionalProperties": {}},
        "Word": {"type": "string", "enum": ["a"], "nullable": true},
        "Either": {"oneOf": [{"$ref": "#/components/schemas/Closed"}, {"type": "integer"}], "nullable": true},
        "Time": {"type": "string", "format": "date-time"},
        "Above": {"type": "number", "minimum": 1, "exclusiveMinimum": true, "maximum": 3, "exclusiveMaximum": false},
        "Odd": {"type": "object", "properties": {"nullable": {"type": "boolean"}, "properties": {"type": "object"}}},
    }}});
    let table = [
        ("Closed", json!({"word": "a"}), true),
        ("Closed", json!({"word": null}), true),
        ("Closed", json!({"word": "b"}), false),
        ("Closed", json!({"word": "a", "more": 1}), false),
        ("Open", json!({"more": 1}), true),
        ("Open", json!([]), false),
        ("Word", json!(null), true),
        ("Either", json!(null), true),
        ("Either", json!({}), true),
        ("Either", json!("a"), false),
        ("Time", json!("2026-04-23T00:38:08.439Z"), true),
        ("Time", json!("yesterday"), false),
        ("Above", json!(1), false),
        ("Above", json!(1.5), true),
        ("Above", json!(3), true),
        ("Above", json!(4), false),
        ("Odd", json!({"nullable": true, "properties": {"a": 1}}), true),
        ("Odd", json!({"nullable": null}), false),
    ];
    let schemas = Schemas::of(&document);
    for (name, value, fits) in table {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        let problems = schemas.problems(&schema, &value);
        assert_eq!(problems.is_empty(), fits, "{name} {value}: {problems:?}");
    }
}

/// Objects that are put together cannot be closed each on its own.
#[test]
fn all_of() {
    let document = json!({"components": {"schemas": {
        "Base": {"type": "object", "properties": {"id": {"type": "string"}}},
        "Whole": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"size": {"type": "integer"}}}]},
    }}});
    let fits = |value: Value| {
        let schema = json!({"$ref": "#/components/schemas/Whole"});
        Schemas::of(&document).problems(&schema, &value).is_empty()
    };
    assert!(fits(json!({"id": "a", "size": 1})) && !fits(json!({"id": 1, "size": 1})));
}
