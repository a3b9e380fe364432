//! `lint`: each rule has a mistake that violates it alone.

mod evidence;
mod plain;
mod rust;

use bulkrail_codegen::{Spec, lint};

/// Spec that violates no rule.
const GOOD: &str = "\
openapi: 3.0.3
info:
  title: Things
  version: '1'
servers:
  - url: https://api.example.com
    description: production
paths:
  /things/{id}:
    get:
      operationId: get_thing
      description: Reads a thing.
      x-source: https://docs.example.com/get
      x-evidence: seed
      parameters:
        - name: kind
          in: query
          schema: {type: string}
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        '200':
          description: The thing.
          x-unknown:
            - How long it is kept.
          content:
            application/json: {schema: {$ref: '#/components/schemas/Thing'}}
  /things:
    post:
      operationId: make_thing
      description: Makes a thing.
      x-source: [https://docs.example.com/make]
      x-evidence: page
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/NewThing'}
            examples:
              odd:
                value: {enum: [a, b], properties: {a: 1}}
      responses:
        '201': {$ref: '#/components/responses/Made'}
components:
  responses:
    Made:
      description: Made.
      content:
        application/json:
          schema: {$ref: '#/components/schemas/Thing'}
  schemas:
    Thing:
      description: A thing.
      x-source: https://docs.example.com/get
      x-evidence: page
      type: object
      required: [id]
      properties:
        id: {type: string}
        colour: {$ref: '#/components/schemas/Colour'}
        enum: {type: string}
    Colour:
      description: Its colour.
      x-source: https://docs.example.com/get
      x-evidence: sdk
      x-contradiction:
        - Another page has green.
      type: string
      enum: [red, blue]
    NewThing:
      description: A thing to be.
      x-source: https://docs.example.com/make
      x-evidence: page
      oneOf:
        - $ref: '#/components/schemas/NewThingRed'
      discriminator: {propertyName: kind}
    NewThingRed:
      description: A red thing to be.
      x-source: https://docs.example.com/make
      x-evidence: inference
      type: object
      required: [kind]
      properties:
        kind: {type: string, enum: [RED]}
";

fn errors(text: &str) -> Vec<String> {
    let spec = Spec::parse("specs/things.yaml", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    lint(&spec).iter().map(ToString::to_string).collect()
}

/// Asserts that replacing `from`, which occurs once, by `to` causes exactly this error.
#[track_caller]
fn assert_error(from: &str, to: &str, error: &str) {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    assert_eq!(errors(&GOOD.replace(from, to)), [format!("specs/things.yaml:{error}")]);
}

#[test]
fn lint_accepts_valid_spec() {
    assert_eq!(errors(GOOD), [""; 0]);
}

#[test]
fn lint_checks_header() {
    assert_error("openapi: 3.0.3", "openapi: 3.1.0", "1: /openapi: must be 3.0.3");
    assert_error("  title: Things\n", "", "2: /info: needs a `title`");
    assert_error("version: '1'", "version: ''", "2: /info: needs a `version`");
    assert_error("https://api.", "http://api.", "6: /servers/0: needs an https `url`");
    assert_error(
        "    description: production\n",
        "",
        "6: /servers/0: needs a `description` such as sandbox or production",
    );
    assert_error(
        "description: production",
        "description: Production",
        "5: /servers: describe one as `sandbox` or `production`: the client builder finds a server by this word; without \
         a server of either, remove `servers`, and each caller sets a base URL",
    );
    assert_error(
        "https://api.example.com",
        "https://api.example.com:99999",
        "6: /servers/0: `99999` is not a port; use a number up to 65535, or none",
    );
    assert_error(
        "https://api.",
        "https://{region}.",
        "6: /servers/0: `{region}` in an address is not supported: requests would be sent to it as it is; write one \
         server for each address",
    );
}

#[test]
fn lint_checks_operation_ids() {
    let at = "10: /paths/~1things~1{id}/get:";
    let missing = format!("{at} needs an `operationId`; it becomes the Rust method");
    assert_error("      operationId: get_thing\n", "", &missing);
    assert_error("get_thing", "getThing", &format!("{at} operationId `getThing` must be snake_case"));
    assert_error("get_thing", "2nd_thing", &format!("{at} operationId `2nd_thing` must be snake_case"));
    assert_error("get_thing", "''", &missing);
    let twice = errors(&GOOD.replace("get_thing", "make_thing"));
    assert!(twice.len() == 1 && twice[0].ends_with("operationId `make_thing` is used twice"), "{twice:?}");
}

#[test]
fn lint_requires_2xx_response() {
    let reason = "28: /paths/~1things/post: needs at least one 2xx response";
    assert_error("'201'", "'400'", reason);
    assert_error("'201'", "default", reason);
    assert_error("      responses:\n        '201': {$ref: '#/components/responses/Made'}\n", "", reason);
}

#[test]
fn lint_requires_evidence_of_operations_and_components() {
    let source = "needs `x-source`: every operation and component names its evidence";
    let evidence = "needs `x-evidence`: every operation and component names its evidence";
    assert_error(
        "      x-source: [https://docs.example.com/make]\n",
        "",
        &format!("28: /paths/~1things/post: {source}"),
    );
    assert_error("      x-evidence: seed\n", "", &format!("10: /paths/~1things~1{{id}}/get: {evidence}"));
    assert_error("      x-evidence: sdk\n", "", &format!("60: /components/schemas/Colour: {evidence}"));
}

#[test]
fn lint_refuses_invalid_evidence_keys() {
    let evidence = "must be one of seed, page, sdk, inference";
    assert_error(
        "x-evidence: sdk",
        "x-evidence: SDK",
        &format!("63: /components/schemas/Colour/x-evidence: {evidence}"),
    );
    assert_error(
        "x-evidence: sdk",
        "x-evidence: [sdk]",
        &format!("63: /components/schemas/Colour/x-evidence: {evidence}"),
    );
    let source = "31: /paths/~1things/post/x-source: must be an https address, or a list of them";
    for wrong in ["http://docs.example.com", "[]", "{}", "7", "[https://docs.example.com, see above]"] {
        assert_error("[https://docs.example.com/make]", wrong, source);
    }
    let optional = "id: {type: string, x-evidence: guess}";
    assert_error(
        "id: {type: string}",
        optional,
        &format!("57: /components/schemas/Thing/properties/id/x-evidence: {evidence}"),
    );
}

#[test]
fn lint_requires_sentences_for_unknowns_and_contradictions() {
    let reason = "must be a list of sentences";
    let unknown = "23: /paths/~1things~1{id}/get/responses/200/x-unknown";
    for wrong in ["x-unknown: How long it is kept.", "x-unknown: []", "x-unknown: [7]", "x-unknown: [lifetime]"] {
        assert_error("x-unknown:\n            - How long it is kept.", wrong, &format!("{unknown}: {reason}"));
    }
    let contradiction = "64: /components/schemas/Colour/x-contradiction";
    assert_error("Another page has green.", "Another page has green", &format!("{contradiction}: {reason}"));
    assert_error("Another page has green.", "{green: another page}", &format!("{contradiction}: {reason}"));
}

#[test]
fn lint_requires_descriptions() {
    let reason = "needs a `description`; it becomes the Rust documentation";
    assert_error("      description: Makes a thing.\n", "", &format!("28: /paths/~1things/post: {reason}"));
    assert_error("      description: A thing.\n", "", &format!("50: /components/schemas/Thing: {reason}"));
    assert_error("description: Its colour.", "description: ' '", &format!("60: /components/schemas/Colour: {reason}"));
    let text = "must be text; put it in quotes if it could be a number";
    let wrong = format!("61: /components/schemas/Colour/description: {text}");
    assert_error("description: Its colour.", "description: 7", &wrong);
}

#[test]
fn lint_requires_camel_case_component_names() {
    let reason = "the name must be UpperCamelCase; it becomes the Rust type";
    for name in ["colour", "The_Colour", "The-Colour"] {
        let text = GOOD.replace("    Colour:", &format!("    {name}:")).replace("/Colour'", &format!("/{name}'"));
        assert_eq!(errors(&text), [format!("specs/things.yaml:60: /components/schemas/{name}: {reason}")]);
    }
}

#[test]
fn lint_refuses_inline_objects() {
    let reason = "an object must be a component schema, used by $ref";
    let object = "{type: object, properties: {a: {type: string}}}";
    let property = "57: /components/schemas/Thing/properties/id";
    assert_error("id: {type: string}", &format!("id: {object}"), &format!("{property}: {reason}"));
    let items = format!("id: {{type: array, items: {object}}}");
    assert_error("id: {type: string}", &items, &format!("{property}/items: {reason}"));
    let member = format!("id: {{oneOf: [{object}, {{type: string}}]}}");
    assert_error("id: {type: string}", &member, &format!("{property}/oneOf/0: {reason}"));
    let body = "36: /paths/~1things/post/requestBody/content/application~1json/schema";
    assert_error("{$ref: '#/components/schemas/NewThing'}", object, &format!("{body}: {reason}"));
}

#[test]
fn lint_refuses_inline_enums() {
    let reason = "an enum must be a component schema, used by $ref; the build opens only those";
    let words = "{type: string, enum: [a, b]}";
    let property = "57: /components/schemas/Thing/properties/id";
    assert_error("id: {type: string}", &format!("id: {words}"), &format!("{property}: {reason}"));
    assert_error("id: {type: string}", "id: {type: string, enum: [a]}", &format!("{property}: {reason}"));
    let items = format!("id: {{type: array, items: {words}}}");
    assert_error("id: {type: string}", &items, &format!("{property}/items: {reason}"));
    let parameter = "18: /paths/~1things~1{id}/get/parameters/0/schema";
    let query = "in: query\n          schema:";
    assert_error(&format!("{query} {{type: string}}"), &format!("{query} {words}"), &format!("{parameter}: {reason}"));
    // Without a union the property is not a discriminator, and needs a page as evidence for
    // `required`.
    for (from, to) in
        [("      discriminator: {propertyName: kind}\n", ""), ("{propertyName: kind}", "{propertyName: sort}")]
    {
        let mut found = errors(&GOOD.replace(from, to));
        // The member of the union lacks the other property, too.
        found.retain(|error| !error.contains("/oneOf/0: "));
        let [required, discriminator] = &found[..] else { panic!("{found:#?}") };
        assert!(required.contains(": /components/schemas/NewThingRed/required/0: `required: kind` needs a page"));
        assert!(
            discriminator.ends_with(&format!(": /components/schemas/NewThingRed/properties/kind: {reason}")),
            "{discriminator}"
        );
    }
}

#[test]
fn lint_refuses_required_name_without_property() {
    let reason = "is required but is not a property";
    assert_error("[id]", "[id, size]", &format!("55: /components/schemas/Thing/required: `size` {reason}"));
    assert_error(
        "required: [kind]",
        "required: [kind, sort]",
        &format!("80: /components/schemas/NewThingRed/required: `sort` {reason}"),
    );
}

#[test]
fn lint_refuses_invalid_and_circular_references() {
    let at = "58: /components/schemas/Thing/properties/colour/$ref";
    let nowhere = "points at a value that does not exist";
    let file = "only references within this file are read: copy the component into it";
    for (wrong, hint) in [
        ("#/components/schemas/Color", "; did you mean `Colour`?"),
        ("#/components/schemas/colour", "; did you mean `Colour`?"),
        ("#/component/schemas/Colour", "; did you mean '#/components/schemas/Colour'?"),
        ("#/components/responses/Colour", "; did you mean '#/components/schemas/Colour'?"),
        ("#/components/schemas/Shade", ""),
        ("#/", ""),
        ("other.yaml#/Colour", &format!("; {file}")),
        ("other.yaml", &format!("; {file}")),
        ("https://example.com/Colour", &format!("; {file}")),
        ("Colour", "; write '#/components/schemas/Colour'"),
        ("Made", "; write '#/components/responses/Made'"),
    ] {
        assert_error("#/components/schemas/Colour", wrong, &format!("{at}: `{wrong}` {nowhere}{hint}"));
    }
    let own = "#/components/schemas/Thing";
    let text = GOOD.replace("#/components/schemas/Colour", own);
    let looping = errors(&text);
    let circular = format!("`{own}` is circular");
    assert!(looping.contains(&format!("specs/things.yaml:{at}: {circular}")), "{looping:#?}");
    assert!(looping.iter().all(|error| error.ends_with(&circular)), "{looping:#?}");
}

#[test]
fn lint_reports_each_reference_of_a_cycle() {
    let text = GOOD.replace("kind: {type: string, enum: [RED]}", "kind: {$ref: '#/components/schemas/NewThing'}");
    let found = errors(&text);
    assert!(found.iter().any(|error| error.contains("`#/components/schemas/NewThingRed` is circular")), "{found:#?}");
    assert!(found.iter().any(|error| error.contains("`#/components/schemas/NewThing` is circular")), "{found:#?}");
}

#[test]
fn lint_returns_errors_in_order_of_lines() {
    let text = GOOD.replace("x-evidence: sdk", "x-evidence: no").replace("3.0.3", "3").replace("get_thing", "X");
    let lines: Vec<usize> = errors(&text)
        .iter()
        .map(|error| error.split(':').nth(1).and_then(|line| line.parse().ok()).expect("a line"))
        .collect();
    assert_eq!(lines, [1, 10, 63]);
}

#[test]
fn lint_reports_document_that_is_not_openapi() {
    for text in ["[]", "text", "7", "null", "{}", "paths: [1]", "components: {schemas: []}"] {
        assert!(errors(text).iter().any(|error| error.ends_with("/openapi: must be 3.0.3")), "{text}");
    }
    let found = errors(&GOOD.replace("    Thing:\n", "    Wrong: [1]\n    Thing:\n"));
    assert!(found.iter().all(|error| error.contains("/components/schemas/Wrong: ")), "{found:#?}");
}
