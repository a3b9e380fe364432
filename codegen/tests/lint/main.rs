//! Each rule of `lint` has a mistake that trips it, and it alone.

mod evidence;

use bulkrail_codegen::{Spec, lint};

/// Keeps every rule.
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
      responses:
        '200':
          description: The thing.
          x-unknown:
            - How long it is kept.
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Thing'}
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

fn findings(text: &str) -> Vec<String> {
    let spec = Spec::parse("specs/things.yaml", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    lint(&spec).iter().map(ToString::to_string).collect()
}

/// With `from` (which stands in it once) replaced by `to`, there is one finding, in this line.
#[track_caller]
fn trips(from: &str, to: &str, finding: &str) {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    assert_eq!(findings(&GOOD.replace(from, to)), [format!("specs/things.yaml:{finding}")]);
}

#[test]
fn a_good_spec_trips_nothing() {
    assert_eq!(findings(GOOD), [""; 0]);
}

#[test]
fn the_head() {
    trips("openapi: 3.0.3", "openapi: 3.1.0", "1: /openapi: must be 3.0.3");
    trips("  title: Things\n", "", "2: /info: needs a `title`");
    trips("version: '1'", "version: ''", "2: /info: needs a `version`");
    trips("https://api.", "http://api.", "6: /servers/0: needs an https `url`");
    trips("    description: production\n", "", "6: /servers/0: needs a `description` such as sandbox or production");
}

#[test]
fn operation_ids() {
    let at = "10: /paths/~1things~1{id}/get:";
    let missing = format!("{at} needs an `operationId`; it becomes the Rust method");
    trips("      operationId: get_thing\n", "", &missing);
    trips("get_thing", "getThing", &format!("{at} operationId `getThing` must be snake_case"));
    trips("get_thing", "2nd_thing", &format!("{at} operationId `2nd_thing` must be snake_case"));
    let twice = findings(&GOOD.replace("get_thing", "make_thing"));
    assert!(twice.len() == 1 && twice[0].ends_with("operationId `make_thing` is used twice"), "{twice:?}");
}

#[test]
fn answers() {
    let reason = "28: /paths/~1things/post: needs at least one 2xx response";
    trips("'201'", "'400'", reason);
    trips("'201'", "default", reason);
    trips("      responses:\n        '201': {$ref: '#/components/responses/Made'}\n", "", reason);
}

#[test]
fn marks_of_operations_and_schemas() {
    let source = "needs `x-source`: no fact stands here without its page";
    let evidence = "needs `x-evidence`: no fact stands here without its page";
    trips("      x-source: [https://docs.example.com/make]\n", "", &format!("28: /paths/~1things/post: {source}"));
    trips("      x-evidence: seed\n", "", &format!("10: /paths/~1things~1{{id}}/get: {evidence}"));
    trips("      x-evidence: sdk\n", "", &format!("60: /components/schemas/Colour: {evidence}"));
}

#[test]
fn marks_are_not_misspelt() {
    let evidence = "must be one of seed, page, sdk, inference";
    trips("x-evidence: sdk", "x-evidence: SDK", &format!("63: /components/schemas/Colour/x-evidence: {evidence}"));
    trips("x-evidence: sdk", "x-evidence: [sdk]", &format!("63: /components/schemas/Colour/x-evidence: {evidence}"));
    let source = "31: /paths/~1things/post/x-source: must be an https address, or a list of them";
    for wrong in ["http://docs.example.com", "[]", "{}", "7", "[https://docs.example.com, see above]"] {
        trips("[https://docs.example.com/make]", wrong, source);
    }
    let optional = "id: {type: string, x-evidence: guess}";
    trips(
        "id: {type: string}",
        optional,
        &format!("57: /components/schemas/Thing/properties/id/x-evidence: {evidence}"),
    );
}

#[test]
fn what_is_not_known_is_told_in_sentences() {
    let reason = "must be a list of sentences";
    let unknown = "22: /paths/~1things~1{id}/get/responses/200/x-unknown";
    for wrong in ["x-unknown: How long it is kept.", "x-unknown: []", "x-unknown: [7]", "x-unknown: [lifetime]"] {
        trips("x-unknown:\n            - How long it is kept.", wrong, &format!("{unknown}: {reason}"));
    }
    let contradiction = "64: /components/schemas/Colour/x-contradiction";
    trips("Another page has green.", "Another page has green", &format!("{contradiction}: {reason}"));
    trips("Another page has green.", "{green: another page}", &format!("{contradiction}: {reason}"));
}

#[test]
fn descriptions_of_operations_and_schemas() {
    let reason = "needs a `description`; it becomes the Rust documentation";
    trips("      description: Makes a thing.\n", "", &format!("28: /paths/~1things/post: {reason}"));
    trips("      description: A thing.\n", "", &format!("50: /components/schemas/Thing: {reason}"));
    trips("description: Its colour.", "description: ' '", &format!("60: /components/schemas/Colour: {reason}"));
    trips("description: Its colour.", "description: 7", &format!("60: /components/schemas/Colour: {reason}"));
}

#[test]
fn names_of_schemas() {
    let reason = "the name must be UpperCamelCase; it becomes the Rust type";
    for name in ["colour", "The_Colour", "The-Colour"] {
        let text = GOOD.replace("    Colour:", &format!("    {name}:")).replace("/Colour'", &format!("/{name}'"));
        assert_eq!(findings(&text), [format!("specs/things.yaml:60: /components/schemas/{name}: {reason}")]);
    }
}

#[test]
fn objects_inside_others() {
    let reason = "an object must be a component schema of its own, used by $ref";
    let object = "{type: object, properties: {a: {type: string}}}";
    let property = "57: /components/schemas/Thing/properties/id";
    trips("id: {type: string}", &format!("id: {object}"), &format!("{property}: {reason}"));
    let items = format!("id: {{type: array, items: {object}}}");
    trips("id: {type: string}", &items, &format!("{property}/items: {reason}"));
    let member = format!("id: {{oneOf: [{object}, {{type: string}}]}}");
    trips("id: {type: string}", &member, &format!("{property}/oneOf/0: {reason}"));
    let body = "36: /paths/~1things/post/requestBody/content/application~1json/schema";
    trips("{$ref: '#/components/schemas/NewThing'}", object, &format!("{body}: {reason}"));
}

#[test]
fn enums_inside_others() {
    let reason = "an enum must be a component schema of its own, used by $ref; the build opens only those";
    let words = "{type: string, enum: [a, b]}";
    let property = "57: /components/schemas/Thing/properties/id";
    trips("id: {type: string}", &format!("id: {words}"), &format!("{property}: {reason}"));
    trips("id: {type: string}", "id: {type: string, enum: [a]}", &format!("{property}: {reason}"));
    let items = format!("id: {{type: array, items: {words}}}");
    trips("id: {type: string}", &items, &format!("{property}/items: {reason}"));
    let parameter = "18: /paths/~1things~1{id}/get/parameters/0/schema";
    trips("schema: {type: string}", &format!("schema: {words}"), &format!("{parameter}: {reason}"));
    // The word that tells the members of a union apart is none if there is no union; then no page requires it either.
    for (from, to) in
        [("      discriminator: {propertyName: kind}\n", ""), ("{propertyName: kind}", "{propertyName: sort}")]
    {
        let found = findings(&GOOD.replace(from, to));
        let [required, tag] = &found[..] else { panic!("{found:#?}") };
        assert!(required.contains(": /components/schemas/NewThingRed/required/0: `required: kind` needs a page"));
        assert!(tag.ends_with(&format!(": /components/schemas/NewThingRed/properties/kind: {reason}")), "{tag}");
    }
}

#[test]
fn required_fields() {
    let reason = "is required but is no property";
    trips("[id]", "[id, size]", &format!("55: /components/schemas/Thing/required: `size` {reason}"));
    trips("    NewThing:\n", "    NewThing:\n      required: [kind]\n", &{
        format!("69: /components/schemas/NewThing/required: `kind` {reason}")
    });
}

#[test]
fn references() {
    let at = "58: /components/schemas/Thing/properties/colour/$ref";
    let nowhere = "points at nothing in this file";
    for wrong in ["#/components/schemas/Color", "other.yaml#/Colour", "https://example.com/Colour", "Colour"] {
        trips("#/components/schemas/Colour", wrong, &format!("{at}: `{wrong}` {nowhere}"));
    }
    let own = "#/components/schemas/Thing";
    let text = GOOD.replace("#/components/schemas/Colour", own);
    let looping = findings(&text);
    let back = format!("`{own}` leads back to itself");
    assert!(looping.contains(&format!("specs/things.yaml:{at}: {back}")), "{looping:#?}");
    assert!(looping.iter().all(|finding| finding.ends_with(&back)), "{looping:#?}");
}

#[test]
fn a_longer_loop() {
    let text = GOOD.replace("kind: {type: string, enum: [RED]}", "kind: {$ref: '#/components/schemas/NewThing'}");
    let found = findings(&text);
    assert!(
        found.iter().any(|finding| finding.contains("`#/components/schemas/NewThingRed` leads back")),
        "{found:#?}"
    );
    assert!(found.iter().any(|finding| finding.contains("`#/components/schemas/NewThing` leads back")), "{found:#?}");
}

#[test]
fn findings_come_in_the_order_of_the_lines() {
    let text = GOOD.replace("x-evidence: sdk", "x-evidence: no").replace("3.0.3", "3").replace("get_thing", "X");
    let lines: Vec<usize> = findings(&text)
        .iter()
        .map(|finding| finding.split(':').nth(1).and_then(|line| line.parse().ok()).expect("a line"))
        .collect();
    assert_eq!(lines, [1, 10, 63]);
}

#[test]
fn what_is_no_spec_at_all_is_told_not_to_be_one() {
    for text in ["[]", "text", "7", "null", "{}", "paths: [1]", "components: {schemas: []}"] {
        assert!(findings(text).iter().any(|finding| finding.ends_with("/openapi: must be 3.0.3")), "{text}");
    }
    let found = findings(&GOOD.replace("    Thing:\n", "    Wrong: [1]\n    Thing:\n"));
    assert!(found.iter().all(|finding| finding.contains("/components/schemas/Wrong: needs")), "{found:#?}");
}
