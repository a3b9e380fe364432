//! Plain OpenAPI 3.0 (`Rules::OpenApi`): needs no evidence and no names of ours, and each mistake
//! that would fail the build is named with its line and pointer.

use bulkrail_codegen::{Rules, Spec, lint_with};

/// Paths of a spec whose only response has the schema `Thing`. The schemas start in line 11.
const PATHS: &str = "\
openapi: 3.0.1
info: {title: t, version: '1'}
paths:
  /things/{id}:
    get:
      operationId: getThing
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {'200': {description: d, content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}}
components:
  schemas:
";

fn errors(text: &str) -> Vec<String> {
    let spec = Spec::parse("acme.yaml", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    lint_with(&spec, Rules::OpenApi).iter().map(ToString::to_string).collect()
}

/// Returns a spec with these paths, and with schemas of one line each or more.
fn spec(paths: &str, schemas: &str) -> String {
    paths.to_owned() + &schemas.lines().map(|line| format!("    {line}\n")).collect::<String>()
}

#[track_caller]
fn assert_errors(schemas: &str, expected: &[&str]) {
    assert_eq!(errors(&spec(PATHS, schemas)), expected, "{schemas}");
}

#[test]
fn lint_of_plain_openapi_accepts_other_names_inline_types_and_servers() {
    let inline =
        "{type: object, properties: {state: {type: string, enum: [on, off]}, of: {type: object, properties: {a: {}}}}}";
    assert_errors(&format!("Thing: {inline}\nsnake_case: {{type: object}}"), &[]);
    let servers = PATHS.replace("paths:\n", "servers: [{url: /v1}, {url: 'http://localhost:8080'}]\npaths:\n");
    assert_eq!(errors(&spec(&servers, &format!("Thing: {inline}"))), [""; 0]);
}

#[test]
fn lint_of_plain_openapi_refuses_other_versions() {
    for version in ["3.1.0", "2.0", "3.0"] {
        let text = PATHS.replace("3.0.1", &format!("'{version}'"));
        let error = "acme.yaml:1: /openapi: must be 3.0.x; write the document in OpenAPI 3.0";
        assert_eq!(errors(&spec(&text, "Thing: {}")), [error], "{version}");
    }
}

#[test]
fn lint_of_plain_openapi_refuses_words_that_differ_in_signs_only() {
    assert_errors(
        "Thing: {type: object, properties: {s: {$ref: '#/components/schemas/Cmp'}}}
Cmp: {type: string, enum: ['=', '>', '<']}",
        &[
            "acme.yaml:12: /components/schemas/Cmp/enum/1: `>` becomes the Rust variant `X`, like `=`: signs \
             and case are dropped; remove `enum`, and list the words in the description",
            "acme.yaml:12: /components/schemas/Cmp/enum/2: `<` becomes the Rust variant `X`, like `>`: signs \
             and case are dropped; remove `enum`, and list the words in the description",
        ],
    );
}

#[test]
fn lint_of_plain_openapi_refuses_properties_that_become_one_field() {
    assert_errors(
        "Thing: {type: object, properties: {
        lastName: {type: string},
        last_name: {type: string},
        LastName: {type: string},
        lastname: {type: string}}}",
        &[
            "acme.yaml:13: /components/schemas/Thing/properties/last_name: `last_name` becomes the Rust field \
             `last_name`, like `lastName` in line 12; leave one out here, and say so in an `x-unknown`",
            "acme.yaml:14: /components/schemas/Thing/properties/LastName: `LastName` becomes the Rust field \
             `last_name`, like `last_name` in line 13; leave one out here, and say so in an `x-unknown`",
        ],
    );
}

#[test]
fn lint_of_plain_openapi_refuses_schema_with_the_name_of_the_known_words() {
    assert_errors(
        "Thing: {type: object, properties: {s: {$ref: '#/components/schemas/St'}, k: {$ref: '#/components/schemas/StKnown'}}}
St: {type: string, enum: [A]}
StKnown: {type: object, properties: {x: {type: string}}}",
        &["acme.yaml:12: /components/schemas/St: the list of known words of `St` becomes the Rust type \
        `StKnown`, like `StKnown` in line 13; rename one of the schemas"],
    );
}

#[test]
fn lint_of_plain_openapi_refuses_two_success_responses_that_differ() {
    let other =
        "'202': {description: x, content: {application/json: {schema: {$ref: '#/components/schemas/Acc'}}}}, '200'";
    let text = PATHS.replace("'200'", other);
    assert_eq!(
        errors(&spec(&text, "Thing: {type: object}\nAcc: {type: object}")),
        ["acme.yaml:8: /paths/~1things~1{id}/get/responses/202: the success responses 200 (`Thing`) and 202 \
             (`Acc`) differ, but a Rust method returns one type; give both the same schema, with what only one has as optional"]
    );
}

#[test]
fn lint_of_plain_openapi_accepts_member_of_union_that_is_used_elsewhere() {
    assert_errors(
        "Thing: {oneOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}], discriminator: {propertyName: kind}}
Other: {type: object, properties: {direct: {$ref: '#/components/schemas/A'}}}
A: {type: object, required: [kind], properties: {kind: {type: string, enum: [A]}, a: {type: string}}}
B: {type: object, required: [kind], properties: {kind: {type: string, enum: [B]}, b: {type: string}}}",
        &[],
    );
}
