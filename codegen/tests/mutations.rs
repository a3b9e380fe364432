//! `lint` and `generate` together: whatever is changed in a spec, the mistake is an error of `lint`
//! with its place, or the spec becomes Rust. Errors of `generate` are for what `lint` overlooks.

#![cfg(feature = "generate")]

use bulkrail_codegen::{Spec, generate, lint, pointer};
use serde_json::{Value, json};

const SPEC: &str = "\
openapi: 3.0.3
info: {title: Things, version: '1'}
servers:
  - {url: 'https://api.example.com', description: production}
paths:
  /things/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
    get:
      operationId: get_thing
      description: Reads a thing.
      x-source: https://docs.example.com/get
      x-evidence: page
      parameters:
        - {name: limit, in: query, schema: {type: integer, format: int32, minimum: 1, maximum: 9}}
        - {$ref: '#/components/parameters/Language'}
      responses:
        '200': {$ref: '#/components/responses/Thing'}
        '404':
          description: Bad.
          headers: {Retry-After: {schema: {type: string}}}
          content: {application/json: {schema: {$ref: '#/components/schemas/ErrorBody'}}}
  /things:
    post:
      operationId: make_thing
      description: Makes a thing.
      x-source: https://docs.example.com/make
      x-evidence: page
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/NewThing'}, examples: {one: {value: {}}}}}
      responses:
        '200': {$ref: '#/components/responses/Thing'}
        '201': {$ref: '#/components/responses/Thing'}
  /upload:
    post:
      operationId: upload_things
      description: Makes things.
      x-source: https://docs.example.com/upload
      x-evidence: page
      requestBody:
        content: {multipart/form-data: {schema: {$ref: '#/components/schemas/Upload'}}}
      responses:
        '204': {description: Good.}
components:
  parameters:
    Language: {name: X-Language, in: header, required: true, description: Language., schema: {type: string}}
  responses:
    Thing: {description: Good., content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}
  schemas:
    Thing:
      description: A thing.
      x-source: https://docs.example.com/get
      x-evidence: page
      type: object
      required: [id]
      additionalProperties: {type: string}
      properties:
        id: {type: string, format: uuid, minLength: 1, maxLength: 36, pattern: '^a', default: a}
        size: {type: number, nullable: true, format: double}
        colour: {$ref: '#/components/schemas/Colour'}
        count: {oneOf: [{type: integer}, {type: string}], x-contradiction: [Two pages disagree.]}
        tags: {type: array, minItems: 1, maxItems: 2, uniqueItems: true, items: {type: string}}
        red: {$ref: '#/components/schemas/NewThingRed'}
    Colour:
      description: Its colour.
      x-source: https://docs.example.com/get
      x-evidence: page
      type: string
      enum: [red, blue]
    NewThing:
      description: A thing to be.
      x-source: https://docs.example.com/make
      x-evidence: page
      oneOf: [{$ref: '#/components/schemas/NewThingRed'}, {$ref: '#/components/schemas/NewThingBlue'}]
      discriminator: {propertyName: kind, mapping: {RED: '#/components/schemas/NewThingRed'}}
    NewThingRed:
      description: A red thing to be.
      x-source: https://docs.example.com/make
      x-evidence: page
      type: object
      required: [kind]
      properties: {kind: {type: string, enum: [RED]}, depth: {type: integer}}
    NewThingBlue:
      description: A blue thing to be.
      x-source: https://docs.example.com/make
      x-evidence: page
      type: object
      required: [kind]
      additionalProperties: false
      properties: {kind: {type: string, enum: [BLUE]}, flag: {type: boolean}}
    Upload:
      description: A file.
      x-source: https://docs.example.com/upload
      x-evidence: page
      type: object
      properties: {file: {type: string, format: binary}}
    ErrorBody:
      description: An error.
      x-source: https://docs.example.com/get
      x-evidence: page
      type: object
      properties: {message: {type: string}}
";

/// Values that replace each value of the spec.
fn replacements() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1.5),
        json!(""),
        json!("+"),
        json!("self"),
        json!("string"),
        json!("integer"),
        json!("object"),
        json!("array"),
        json!("id"),
        json!("#/components/schemas/Thing"),
        json!("#/components/schemas/Colour"),
        json!("#/components/responses/Thing"),
        json!([]),
        json!(["a", "a"]),
        json!(["a-b", "a_b"]),
        json!({}),
        json!({"type": "string"}),
        json!({"type": "integer", "enum": [1, 2]}),
        json!({"type": "array"}),
        json!({"$ref": "#/components/schemas/Colour"}),
        json!({"$ref": "#/components/schemas/NewThing"}),
        json!({"$ref": "other.yaml#/Thing"}),
        json!({"allOf": [{"$ref": "#/components/schemas/ErrorBody"}]}),
        json!({"oneOf": [{"type": "string"}, {"type": "string"}]}),
        json!({"a-b": {"type": "string"}, "a_b": {"type": "string"}}),
    ]
}

/// Names that each key of the spec is renamed to.
const NAMES: [&str; 12] =
    ["", "-", "self", "Self", "type", "a b", "größe", "9", "extra", "String", "$ref", "ThingCount"];

/// Returns each spec that differs from `document` in one place, with a description.
fn mutants(document: &Value) -> Vec<(String, Value)> {
    let mut pointers = Vec::new();
    pointer::walk(document, &mut |pointer, _| pointers.push(pointer.to_owned()));
    let mut mutants = Vec::new();
    for place in pointers.iter().filter(|place| !place.is_empty()) {
        for value in replacements() {
            let mut mutant = document.clone();
            *mutant.pointer_mut(place).expect("a pointer of the document") = value.clone();
            mutants.push((format!("{place} replaced by {value}"), mutant));
        }
        let (parent, key) = place.rsplit_once('/').expect("not the document itself");
        let key = key.replace("~1", "/").replace("~0", "~");
        let change = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            let mut mutant = document.clone();
            mutant.pointer_mut(parent)?.as_object_mut().map(change)?;
            Some(mutant)
        };
        let removed = change(&|map| drop(map.remove(&key)));
        mutants.extend(removed.map(|mutant| (format!("{place} removed"), mutant)));
        for name in NAMES {
            let renamed = change(&|map| {
                let value = map.remove(&key).unwrap_or_default();
                map.insert(name.to_owned(), value);
            });
            mutants.extend(renamed.map(|mutant| (format!("{place} renamed to `{name}`"), mutant)));
            let copied = change(&|map| drop(map.insert(name.to_owned(), map[&key].clone())));
            mutants.extend(copied.map(|mutant| (format!("{place} copied to `{name}`"), mutant)));
        }
    }
    mutants
}

/// Every how many mutants one is generated. `BULKRAIL_MUTANTS=1` generates all of them.
fn step() -> usize {
    std::env::var("BULKRAIL_MUTANTS").ok().and_then(|step| step.parse().ok()).unwrap_or(23)
}

#[test]
fn lint_accepts_only_what_becomes_rust() {
    let document = Spec::parse("specs/api.yaml", SPEC).unwrap_or_else(|error| panic!("{error}")).document;
    let (mut accepted, mut failures) = (0, Vec::new());
    for (change, mutant) in mutants(&document).into_iter().step_by(step()) {
        let text = serde_json::to_string_pretty(&mutant).expect("JSON");
        // Some texts are refused while they are read.
        let Ok(spec) = Spec::parse("specs/api.yaml", &text) else { continue };
        let errors = lint(&spec);
        for error in errors.iter().map(ToString::to_string) {
            assert!(error.starts_with("specs/api.yaml:"), "{change}: {error}");
        }
        if !errors.is_empty() {
            continue;
        }
        accepted += 1;
        if let Err(error) = generate(&spec) {
            failures.push(format!("{change}: {error}"));
        }
    }
    assert!(accepted > 0);
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
