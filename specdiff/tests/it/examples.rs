//! Validation of examples: one wrong example in each place, and each keyword of OpenAPI 3.0.

use bulkrail_codegen::Spec;
use bulkrail_specdiff::examples::{SchemaValidator, check, find_examples};
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

fn errors(text: &str) -> Vec<String> {
    let spec = Spec::parse("specs/things.yaml", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    check(&spec).iter().map(ToString::to_string).collect()
}

/// Asserts that replacing `from`, which occurs once, by `to` causes one error with this location
/// and reason.
#[track_caller]
fn assert_error(from: &str, to: &str, location: &str, reason: &str) {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    let errors = errors(&GOOD.replace(from, to));
    let [error] = &errors[..] else { panic!("{errors:#?}") };
    assert!(error.starts_with(&format!("specs/things.yaml:{location}: ")) && error.contains(reason), "{error}");
}

const RESPONSE: &str = "/paths/~1things~1{id}/get/responses/200";

#[test]
fn examples_check_accepts_valid_examples_everywhere() {
    let spec = Spec::parse("specs/things.yaml", GOOD).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(find_examples(&spec.document).len(), 9);
    assert_eq!(errors(GOOD), [""; 0]);
}

#[test]
fn examples_check_reports_wrong_example_in_each_place() {
    let reason = "does not match its schema: ";
    assert_error("example: a-1", "example: 1", "8: /paths/~1things~1{id}/get/parameters/0/example", reason);
    assert_error("example: 30", "example: soon", &format!("14: {RESPONSE}/headers/Retry-After/example"), reason);
    let small = format!("{RESPONSE}/content/application~1json/examples/small/value");
    assert_error("{size: 1,", "{size: large,", &format!("20: {small}/size"), "\"large\" is not of type \"number\"");
    let shared = format!("{RESPONSE}/content/application~1json/examples/shared");
    assert_error("{size: 2.5}", "{}", &format!("21: {shared}"), "\"size\" is a required property; correct one of them");
    assert_error("example: 100", "example: ten", "31: /components/schemas/Thing/properties/size/example", reason);
    assert_error("example: '77'", "example: true", "37: /components/schemas/Thing/properties/either/example", reason);
    assert_error("{size: 3,", "{size: '3',", "38: /components/schemas/Thing/example/size", reason);
    assert_error("example: red", "example: green", "43: /components/schemas/Colour/example", "\"red\"");
    let called_so = "34: /components/schemas/Thing/properties/example/example";
    assert_error("example: 'of a field that is called so'", "example: 7", called_so, reason);
}

#[test]
fn examples_check_names_the_wrong_field_of_the_member_that_the_discriminator_means() {
    let spec = |example: &str| {
        let member = |word: &str, field: &str| {
            format!(
                "{{type: object, required: [kind, {field}], properties: {{kind: {{type: string, enum: [{word}]}}, {field}: {{type: string}}}}}}"
            )
        };
        format!(
            "components:\n  schemas:\n    Thing:\n      oneOf: [{{$ref: '#/components/schemas/A'}}, {{$ref: '#/components/schemas/B'}}]\n      \
             discriminator: {{propertyName: kind, mapping: {{A: '#/components/schemas/A', B: '#/components/schemas/B'}}}}\n      \
             example: {example}\n    A: {}\n    B: {}\n",
            member("A", "x"),
            member("B", "y")
        )
    };
    let at = "specs/things.yaml:6: /components/schemas/Thing/example";
    let fails = |example: &str, reason: &str| {
        assert_eq!(errors(&spec(example)), [format!("{at}{reason}; correct one of them")], "{example}");
    };
    assert_eq!(errors(&spec("{kind: A, x: '1'}")), [""; 0]);
    assert_eq!(errors(&spec("{kind: B, y: '1'}")), [""; 0]);
    fails("{kind: B}", ": does not match its schema: \"y\" is a required property");
    fails("{kind: A, x: 1}", "/x: does not match its schema: 1 is not of type \"string\"");
    let unknown = errors(&spec("{kind: C, x: '1'}"));
    assert!(unknown.len() == 1 && unknown[0].starts_with(&format!("{at}/kind: ")), "{unknown:?}");
    fails("7", ": does not match its schema: 7 is not of type \"object\"");
}

#[test]
fn examples_check_reports_example_without_value() {
    let at = format!("19: {RESPONSE}/content/application~1json/examples/small");
    let elsewhere = "externalValue: https://docs.example.com/small.json";
    assert_error("value: {size: 1, colour: null, made: '2026-04-23T00:38:08.439Z'}", elsewhere, &at, "needs a `value`");
}

#[test]
fn examples_check_reports_invalid_schema() {
    assert_error(
        "schema: {type: integer}",
        "schema: {type: 7}",
        &format!("13: {RESPONSE}/headers/Retry-After/schema"),
        "; correct it",
    );
    let errors = errors(&GOOD.replace("'#/components/schemas/Colour'", "'https://example.com/colour.json'"));
    assert!(!errors.is_empty() && errors.iter().all(|error| error.lines().count() == 1), "{errors:#?}");
}

#[test]
fn examples_check_truncates_long_messages() {
    let errors = errors(&GOOD.replace("example: 30", &format!("example: {}", "long ".repeat(1000))));
    assert!(errors.len() == 1 && errors[0].len() < 600, "{errors:?}");
}

#[test]
fn schema_validator_translates_openapi_keywords() {
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
    let schemas = SchemaValidator::new(&document);
    for (name, value, is_valid) in table {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        let problems = schemas.problems(&schema, &value);
        assert_eq!(problems.is_empty(), is_valid, "{name} {value}: {problems:?}");
    }
}

/// The members of `allOf` cannot be closed one by one.
#[test]
fn schema_validator_allows_unknown_fields_with_all_of() {
    let document = json!({"components": {"schemas": {
        "Base": {"type": "object", "properties": {"id": {"type": "string"}}},
        "Whole": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"size": {"type": "integer"}}}]},
    }}});
    let is_valid = |value: Value| {
        let schema = json!({"$ref": "#/components/schemas/Whole"});
        SchemaValidator::new(&document).problems(&schema, &value).is_empty()
    };
    assert!(is_valid(json!({"id": "a", "size": 1})) && !is_valid(json!({"id": 1, "size": 1})));
}
