//! `lower`, rule by rule.

use bulkrail_codegen::{Spec, lower};
use serde_json::{Value, json};

fn lowered(text: &str) -> Value {
    lower(&Spec::parse("specs/some.yaml", text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

/// Returns the lowered component schemas of a spec. `Answer` is the schema of a response.
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
fn lower_drops_non_2xx_responses() {
    let document =
        lowered("paths: {/a: {post: {responses: {'200': {a: 1}, '201': {}, '404': {}, 4XX: {}, default: {}}}}}");
    assert_eq!(document["paths"]["/a"]["post"]["responses"], json!({"200": {"a": 1}, "201": {}}));
}

#[test]
fn lower_turns_multipart_body_into_bytes() {
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
fn lower_inlines_members_of_discriminated_union() {
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
fn lower_drops_string_formats_and_limits() {
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
fn lower_drops_extensions_and_examples() {
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
    // Evidence is in the descriptions instead.
    let source = "Source: <https://docs.example.com>";
    let properties = json!({
        "a": {"type": "string", "description": source},
        "example": {"type": "string"},
        "x-ray": {"type": "string"},
    });
    let description = "A thing.\n\nEvidence: `seed`\n\nUnknown:\n- All of it.";
    assert_eq!(schemas, json!({"Thing": {"description": description, "properties": properties}}));
}

/// Object for a request or a response.
const OBJECT: &str = "
  required: [a]
  properties:
    a: {type: array, items: {type: string}}
    b: {type: array, items: {type: string}}
    c: {type: string, nullable: true}
    d: {type: string}
  additionalProperties: false";

#[test]
fn lower_opens_objects_in_responses() {
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
fn lower_opens_members_of_discriminated_unions_in_responses() {
    let union = |name: &str| {
        format!("{name}: {{oneOf: [{{$ref: '#/components/schemas/Red'}}], discriminator: {{propertyName: kind}}}}\n")
    };
    let red = "Red:
  type: object
  required: [kind]
  properties:
    kind: {type: string, enum: [RED]}
    b: {type: array, items: {type: string}}
    c: {type: string, nullable: true}
  additionalProperties: false";
    let schemas = lowered_schemas(&format!("{}{}{red}", union("Answer"), union("Question")));
    let (answer, question) = (&schemas["Answer"]["oneOf"][0], &schemas["Question"]["oneOf"][0]);
    // As other objects of responses.
    assert_eq!(answer.get("additionalProperties"), None);
    assert_eq!(answer["required"], json!(["kind", "c"]));
    assert_eq!(answer["properties"]["b"]["nullable"], true);
    // A request is sent as it is described.
    assert_eq!(question["additionalProperties"], false);
    assert_eq!(question["required"], json!(["kind"]));
    assert_eq!(question["properties"]["b"].get("nullable"), None);
}

#[test]
fn lower_keeps_request_schemas_closed() {
    let schemas = lowered_schemas(&format!("Question:{OBJECT}\nWord: {{type: string, enum: [a]}}"));
    assert_eq!(schemas["Question"]["required"], json!(["a"]));
    assert_eq!(schemas["Question"]["additionalProperties"], json!(false));
    assert_eq!(schemas["Question"]["properties"]["b"].get("nullable"), None);
    assert_eq!(schemas["Word"], json!({"type": "string", "enum": ["a"]}));
}

#[test]
fn lower_keeps_additional_properties_of_open_object() {
    let schemas = lowered_schemas("Answer: {type: object, additionalProperties: {}}");
    assert_eq!(schemas["Answer"], json!({"type": "object", "additionalProperties": {}}));
}

#[test]
fn lower_opens_enums_in_responses() {
    let schemas = lowered_schemas(
        "Answer: {properties: {word: {$ref: '#/components/schemas/Word'}}}
Word: {type: string, description: A word., enum: [a, b]}",
    );
    assert_eq!(
        schemas["Word"],
        json!({"description": "A word.", "oneOf": [
            {
                "title": "WordKnown",
                "description": "Documented words of [`Word`], which names their source.",
                "type": "string",
                "enum": ["a", "b"],
            },
            {"title": "WordUnknown", "type": "string"},
        ]})
    );
}

#[test]
fn lower_opens_schemas_that_responses_refer_to() {
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
    // Error responses are mapped from plain JSON, or decoded as ErrorBody.
    assert!(!is_open("RefusalWord"));
}

#[test]
fn lower_keeps_empty_document() {
    for text in ["{}", "[]", "text", "paths: {}", "paths: []", "components: {}"] {
        assert_eq!(lowered(text), Spec::parse("specs/some.yaml", text).expect("a document").document);
    }
}

#[test]
fn lower_drops_format_of_number_and_keeps_that_of_integer() {
    let schemas = lowered_schemas("A: {type: number, format: double}\nB: {type: integer, format: int64}");
    assert_eq!(schemas, json!({"A": {"type": "number"}, "B": {"type": "integer", "format": "int64"}}));
}

#[test]
fn lower_requires_in_requests_what_client_requires() {
    let fields = "type: object, required: [a], x-required-sdk: [b], properties: {a: {type: string}, b: {type: string}}";
    let schemas = lowered_schemas(&format!("Answer: {{{fields}}}\nRequest: {{{fields}}}"));
    assert_eq!(schemas["Request"]["required"], json!(["a", "b"]));
    assert_eq!(schemas["Answer"]["required"], json!(["a"]), "a response may lack what only a client requires");
    assert!(schemas["Request"].get("x-required-sdk").is_none());
    assert_eq!(schemas["Request"]["description"], "Required by the provider's client, on no page: `b`");
}

#[test]
fn lower_opens_marked_enum_of_request() {
    let schemas = lowered_schemas(
        "Open: {type: string, x-open: true, enum: [A]}
Closed: {type: string, enum: [A]}",
    );
    let known = &schemas["Open"]["oneOf"][0];
    assert_eq!((&known["title"], &known["enum"]), (&json!("OpenKnown"), &json!(["A"])));
    assert_eq!(schemas["Closed"], json!({"type": "string", "enum": ["A"]}));
}

#[test]
fn lower_writes_evidence_into_descriptions() {
    let schemas = lowered_schemas(
        "Thing:
  description: A thing.
  x-source: [https://example.com/a, https://example.com/b]
  x-evidence: sdk
  x-unknown: [Its size.]
  type: object
  properties:
    id: {type: string, x-evidence: page, x-contradiction: [Two pages differ., A third, too.]}
    other: {$ref: '#/components/schemas/Other', x-evidence: page}
Other: {type: string}
New: {oneOf: [{$ref: '#/components/schemas/NewRed'}], discriminator: {propertyName: kind}}
NewRed:
  description: Red.
  x-source: https://example.com/red
  type: object
  properties: {kind: {type: string, enum: [RED]}}",
    );
    let description = |at: &str| schemas.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert_eq!(
        description("/Thing/description"),
        "A thing.\n\nSource (`sdk`): <https://example.com/a>, <https://example.com/b>\n\nUnknown:\n- Its size."
    );
    assert_eq!(
        description("/Thing/properties/id/description"),
        "Evidence: `page`\n\nContradiction:\n- Two pages differ.\n- A third\n- too."
    );
    assert!(schemas["Thing"]["properties"]["other"].get("description").is_none());
    assert!(schemas["Other"].get("description").is_none());
    assert_eq!(description("/New/oneOf/0/description"), "Red.\n\nSource: <https://example.com/red>");
}
