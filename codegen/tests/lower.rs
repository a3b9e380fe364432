//! What `lower` makes of a spec, rule by rule.

use bulkrail_codegen::{Spec, lower};
use serde_json::{Value, json};

fn lowered(text: &str) -> Value {
    lower(&Spec::parse("specs/some.yaml", text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

/// A spec with these component schemas, of which `Answer` is what an operation answers.
fn lowered_schemas(schemas: &str) -> Value {
    let indented: String = schemas.lines().map(|line| format!("    {line}\n")).collect();
    let document = lowered(&format!(
        "paths:
  /a:
    get:
      responses:
        '200': {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/Answer'}}}}}}}}
components:
  schemas:
{indented}"
    ));
    document["components"]["schemas"].clone()
}

#[test]
fn failures_are_dropped() {
    let document =
        lowered("paths: {/a: {post: {responses: {'200': {a: 1}, '201': {}, '404': {}, 4XX: {}, default: {}}}}}");
    assert_eq!(document["paths"]["/a"]["post"]["responses"], json!({"200": {"a": 1}, "201": {}}));
}

#[test]
fn a_multipart_body_becomes_bytes() {
    let document = lowered(
        "paths:
  /a:
    post: {requestBody: {content: {multipart/form-data: {schema: {$ref: '#/components/schemas/File'}}}}}
    put: {requestBody: {content: {application/json: {schema: {type: object}}}}}",
    );
    let content = |method: &str| document["paths"]["/a"][method]["requestBody"]["content"].clone();
    let bytes = json!({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}});
    assert_eq!(content("post"), bytes);
    assert_eq!(content("put"), json!({"application/json": {"schema": {"type": "object"}}}));
}

#[test]
fn a_union_takes_its_members_in() {
    let schemas = lowered_schemas(
        "New:
  oneOf: [{$ref: '#/components/schemas/NewRed'}, {$ref: '#/components/schemas/Other'}]
  discriminator: {propertyName: kind, mapping: {RED: '#/components/schemas/NewRed'}}
NewRed: {type: object, properties: {kind: {type: string, enum: [RED]}}}
Other: {type: object}
Plain: {oneOf: [{type: string}, {type: integer}]}",
    );
    let red = json!({"title": "Red", "type": "object", "properties": {"kind": {"type": "string", "enum": ["RED"]}}});
    assert_eq!(
        schemas,
        json!({
            "New": {"oneOf": [red, {"title": "Other", "type": "object"}]},
            "Plain": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        })
    );
}

#[test]
fn text_stays_text() {
    let schemas = lowered_schemas(
        "Time: {type: string, format: date-time}
Id: {type: string, format: uuid, pattern: '^a', minLength: 1, maxLength: 2}
File: {type: string, format: binary}
Count: {type: integer, format: int32}
Fields: {type: object, properties: {format: {type: string, format: date}}}",
    );
    assert_eq!(
        schemas,
        json!({
            "Time": {"type": "string"},
            "Id": {"type": "string"},
            "File": {"type": "string", "format": "binary"},
            "Count": {"type": "integer", "format": "int32"},
            "Fields": {"type": "object", "properties": {"format": {"type": "string"}}},
        })
    );
}

#[test]
fn marks_and_examples_are_dropped() {
    let schemas = lowered_schemas(
        "Thing:
  description: A thing.
  x-evidence: seed
  x-unknown: [All of it.]
  properties:
    a: {type: string, example: b, x-source: 'https://docs.example.com'}
    example: {type: string}
    x-ray: {type: string}",
    );
    let properties = json!({"a": {"type": "string"}, "example": {"type": "string"}, "x-ray": {"type": "string"}});
    assert_eq!(schemas, json!({"Thing": {"description": "A thing.", "properties": properties}}));
}

/// What both a request and an answer could hold.
const OBJECT: &str = "
  required: [a]
  properties:
    a: {type: array, items: {type: string}}
    b: {type: array, items: {type: string}}
    c: {type: string, nullable: true}
    d: {type: string}
  additionalProperties: false";

#[test]
fn what_is_answered_is_opened() {
    let schemas = lowered_schemas(&format!("Answer:{OBJECT}"));
    let texts = json!({"type": "array", "items": {"type": "string"}});
    assert_eq!(
        schemas["Answer"],
        json!({
            "required": ["a", "c"],
            "properties": {
                "a": texts,
                "b": {"type": "array", "items": {"type": "string"}, "nullable": true},
                "c": {"type": "string", "nullable": true},
                "d": {"type": "string"},
            },
        })
    );
}

#[test]
fn what_is_asked_stays_as_it_is() {
    let schemas = lowered_schemas(&format!("Question:{OBJECT}\nWord: {{type: string, enum: [a]}}"));
    assert_eq!(schemas["Question"]["required"], json!(["a"]));
    assert_eq!(schemas["Question"]["additionalProperties"], json!(false));
    assert_eq!(schemas["Question"]["properties"]["b"].get("nullable"), None);
    assert_eq!(schemas["Word"], json!({"type": "string", "enum": ["a"]}));
}

#[test]
fn what_is_open_stays_open() {
    let schemas = lowered_schemas("Answer: {type: object, additionalProperties: {}}");
    assert_eq!(schemas["Answer"], json!({"type": "object", "additionalProperties": {}}));
}

#[test]
fn an_answered_enum_takes_new_words() {
    let schemas = lowered_schemas(
        "Answer: {properties: {word: {$ref: '#/components/schemas/Word'}}}
Word: {type: string, description: A word., enum: [a, b]}",
    );
    assert_eq!(
        schemas["Word"],
        json!({"description": "A word.", "oneOf": [
            {"title": "WordKnown", "type": "string", "enum": ["a", "b"]},
            {"title": "WordUnknown", "type": "string"},
        ]})
    );
}

#[test]
fn whatever_an_answer_leads_to_is_opened() {
    let word = "{type: string, description: A word., enum: [a]}";
    let document = lowered(&format!(
        "paths:
  /a:
    get:
      responses:
        '200': {{$ref: '#/components/responses/Good'}}
        '404': {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/Refusal'}}}}}}}}
components:
  responses:
    Good: {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/List'}}}}}}}}
  schemas:
    List: {{type: array, items: {{$ref: '#/components/schemas/Item'}}}}
    Item: {{type: object, properties: {{word: {{$ref: '#/components/schemas/ItemWord'}}}}}}
    ItemWord: {word}
    Refusal: {{type: object, properties: {{word: {{$ref: '#/components/schemas/RefusalWord'}}}}}}
    RefusalWord: {word}
    ErrorBody: {{type: object, properties: {{word: {{$ref: '#/components/schemas/ErrorWord'}}}}}}
    ErrorWord: {word}
    RequestWord: {word}"
    ));
    let is_open = |name: &str| document["components"]["schemas"][name].get("oneOf").is_some();
    assert!(is_open("ItemWord") && is_open("ErrorWord"));
    assert!(!is_open("RequestWord"));
    // Failures are mapped from plain JSON, or decoded as ErrorBody.
    assert!(!is_open("RefusalWord"));
}

#[test]
fn a_document_without_anything_is_left_alone() {
    for text in ["{}", "[]", "text", "paths: {}", "paths: []", "components: {}"] {
        assert_eq!(lowered(text), Spec::parse("specs/some.yaml", text).expect("a document").document);
    }
}
