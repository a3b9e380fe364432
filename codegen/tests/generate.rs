//! `generate`: the source it writes, and its errors.

#![cfg(feature = "generate")]

use bulkrail_codegen::{Spec, generate};
use syn::{Attribute, Fields, Item, ItemMod};

const SPEC: &str = "\
openapi: 3.0.3
info: {title: Things, version: '1'}
servers:
  - {url: 'https://sandbox.example.com', description: sandbox}
  - {url: 'https://api.example.com', description: production}
paths:
  /things/{id}:
    get:
      operationId: get_thing
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        '200': {description: Good., content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}
        '404': {description: Bad., content: {application/json: {schema: {$ref: '#/components/schemas/ErrorBody'}}}}
  /things:
    post:
      operationId: upload_things
      requestBody:
        content: {multipart/form-data: {schema: {$ref: '#/components/schemas/ThingFile'}}}
      responses:
        '201': {description: Good., content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}
components:
  schemas:
    Thing:
      type: object
      required: [id]
      properties:
        id: {type: string}
        seen: {type: string, format: date-time, nullable: true}
        size: {type: number}
        colour: {$ref: '#/components/schemas/Colour'}
        count: {$ref: '#/components/schemas/Count'}
    Colour: {type: string, enum: [red, blue]}
    Count: {oneOf: [{type: integer}, {type: string}]}
    ThingFile: {type: object, properties: {file: {type: string, format: binary}}}
    ErrorBody: {type: object, properties: {message: {type: string}}}
";

fn generated(text: &str) -> Result<String, String> {
    let spec = Spec::parse("specs/things.yaml", text).unwrap_or_else(|error| panic!("{error}"));
    generate(&spec).map_err(|error| error.to_string())
}

fn source() -> String {
    generated(SPEC).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the items of the generated module `types`.
fn types(source: &str) -> Vec<Item> {
    let file = syn::parse_file(source).expect("Rust");
    let types = file.items.into_iter().find_map(|item| match item {
        Item::Mod(ItemMod { ident, content, .. }) if ident == "types" => content,
        _ => None,
    });
    types.expect("a module of types").1
}

fn derives_debug(attributes: &[Attribute]) -> bool {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let mut lists = derives.map(|derive| derive.meta.require_list().expect("a list").tokens.to_string());
    lists.any(|list| list.contains("Debug"))
}

#[test]
fn generate_redacts_debug_of_types_with_data() {
    let source = source();
    let mut with_data = Vec::new();
    for item in types(&source) {
        let (name, attributes) = match item {
            Item::Struct(data) => (data.ident, data.attrs),
            Item::Enum(data) if data.variants.iter().any(|variant| !matches!(variant.fields, Fields::Unit)) => {
                (data.ident, data.attrs)
            }
            _ => continue,
        };
        assert!(!derives_debug(&attributes), "{name}");
        with_data.push(name.to_string());
    }
    with_data.sort();
    assert_eq!(with_data, ["Colour", "Count", "ErrorBody", "Thing", "ThingFile"]);
    for name in with_data {
        assert!(source.contains(&format!("impl ::std::fmt::Debug for {name} {{")), "{name}");
        assert!(source.contains(&format!("f.write_str(\"{name} {{ .. }}\")")), "{name}");
    }
}

#[test]
fn generate_keeps_debug_of_fieldless_enums() {
    let words: Vec<String> = types(&source())
        .into_iter()
        .filter_map(|item| match item {
            Item::Enum(words) if derives_debug(&words.attrs) => Some(words.ident.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(words, ["ColourKnown"]);
}

#[test]
fn generate_writes_methods_servers_and_number_types() {
    let source = source();
    for part in [
        "pub async fn get_thing<'a>(",
        "pub async fn upload_things<'a, B: Into<::bulkrail_core::generated::reqwest::Body>>(",
        "(\"sandbox\", \"https://sandbox.example.com\")",
        "(\"production\", \"https://api.example.com\")",
        "pub size: ::std::option::Option<::bulkrail_core::generated::serde_json::Number>",
        "::bulkrail_core::generated::HttpClient",
    ] {
        assert!(source.contains(part), "{part} is not in:\n{source}");
    }
}

#[test]
fn generate_accepts_missing_nullable_field() {
    let source = source();
    assert!(!source.contains("deserialize_with"), "{source}");
    assert!(
        source.contains("#[serde(default)]\n        pub seen: ::std::option::Option<::std::string::String>"),
        "{source}"
    );
}

#[test]
fn generate_keeps_what_a_client_requires_in_the_schemas() {
    let text = SPEC
        .replace("      properties:\n", "      x-required-sdk: [size]\n      x-evidence: page\n      properties:\n");
    assert_ne!(text, SPEC);
    let source = generated(&text).unwrap_or_else(|error| panic!("{error}"));
    let schemas = source.split("pub const SCHEMAS").nth(1).expect("the schemas");
    assert!(schemas.contains("x-required-sdk") && !schemas.contains("x-evidence"), "{schemas}");
}

#[test]
fn generate_names_both_schemas_that_become_one_type() {
    let text = SPEC
        .replace("        size:", "        colour_known: {type: string, enum: [a]}\n        size:")
        .replace("    Colour:", "    ThingColourKnown: {type: object, properties: {a: {type: string}}}\n    Colour:");
    let message = generated(&text).expect_err("must fail");
    let place = |pointer: &str| format!("{pointer} in line ");
    for part in [
        "two schemas become the Rust type `ThingColourKnown` (",
        &place("/components/schemas/Thing/properties/colour_known"),
        &place("/components/schemas/ThingColourKnown"),
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn generate_is_deterministic() {
    assert_eq!(source(), source());
}

/// Asserts that replacing `from` by `to` makes generation fail with this one line. `lint`, which
/// names the mistake, is not called.
#[track_caller]
fn assert_fails(from: &str, to: &str, expected: &str) {
    assert!(SPEC.contains(from), "{from}");
    let message = generated(&SPEC.replace(from, to)).expect_err("must fail");
    assert_eq!(message, format!("specs/things.yaml:{expected}"));
}

#[test]
fn generate_names_place_of_unsupported_spec_in_own_words() {
    let hint = "uses OpenAPI in a way that cannot be turned into Rust; write it simpler";
    let thing = format!("24: /components/schemas/Thing: the schema `Thing` {hint}");
    assert_fails("size: {type: number}", "size: {type: quantity}", &thing);
    assert_fails("#/components/schemas/Count", "#/components/schemas/Amount", &thing);
    assert_fails("{type: string, enum: [red, blue]}", "{type: string, enum: [red, RED]}", &{
        format!("33: /components/schemas/Colour: the schema `Colour` {hint}")
    });
    assert_fails("info: {title: Things, version: '1'}", "info: {title: Things}", &format!("1: the document {hint}"));
    let get = format!("8: /paths/~1things~1{{id}}/get: the operation `get_thing` {hint}");
    assert_fails("in: path, required: true, ", "in: nowhere, ", &get);
    let key = get.replace("{id}", "{key}");
    assert_fails("  /things/{id}:", "  /things/{key}:", &key);
}

#[test]
fn generate_reports_names_that_collide() {
    let thing = "24: /components/schemas/Thing: two properties become the Rust field `size` of `Thing`; leave one out";
    assert_fails("size: {type: number}", "size: {type: number}\n        Size: {type: number}", thing);
    let known = "34: /components/schemas/ColourKnown: two schemas become the Rust type `ColourKnown` \
                 (/components/schemas/Colour in line 33 and /components/schemas/ColourKnown in line 34); rename one";
    let colour = "    Colour: {type: string, enum: [red, blue]}\n";
    assert_fails(colour, &format!("{colour}    ColourKnown: {{type: object}}\n"), known);
    let argument = "1: two parameters become the Rust argument `id` of `get_thing`; leave one out";
    let parameter = "        - {name: id, in: path, required: true, schema: {type: string}}\n";
    let twice = format!("{parameter}        - {{name: Id, in: query, schema: {{type: string}}}}\n");
    assert_fails(parameter, &twice, argument);
}

#[test]
fn generate_keeps_member_of_union_that_is_used_elsewhere() {
    let members = "    Kind:
      oneOf: [{$ref: '#/components/schemas/KindA'}, {$ref: '#/components/schemas/KindB'}]
      discriminator: {propertyName: kind}
    KindA: {type: object, required: [kind], properties: {kind: {type: string, enum: [A]}, a: {type: string}}}
    KindB: {type: object, required: [kind], properties: {kind: {type: string, enum: [B]}, b: {type: string}}}
";
    let text = SPEC
        .replace("    Colour:", &format!("{members}    Colour:"))
        .replace("        size:", "        kind: {$ref: '#/components/schemas/Kind'}\n        direct: {$ref: '#/components/schemas/KindA'}\n        size:");
    let source = generated(&text).unwrap_or_else(|error| panic!("{error}"));
    for part in ["pub enum Kind {", "pub struct KindA {", "pub direct: ::std::option::Option<KindA>"] {
        assert!(source.contains(part), "{part}");
    }
    assert!(!source.contains("pub struct KindB {"), "{source}");
}

#[test]
fn generate_calls_the_hooks_of_every_operation_around_its_request() {
    let source = source();
    let operations: Vec<_> = source.split("let info = OperationInfo {").skip(1).collect();
    assert_eq!(operations.len(), 2, "one for each operation of the spec above");
    for operation in operations {
        let position = |call: &str| operation.find(call).unwrap_or_else(|| panic!("{call} is missing: {operation}"));
        let (pre, exec) = (position("self.pre(&mut request, &info).await?;"), position("self.exec(request, &info)"));
        let (post, decoded) = (position("self.post(&result, &info).await?;"), position("let response = result?;"));
        assert!(pre < exec && exec < post && post < decoded, "{operation}");
    }
    for hook in [
        "self.inner.before_send(request, info)",
        "self.inner.execute_direct(request, info)",
        "self.inner.after_send(result)",
    ] {
        assert_eq!(source.matches(hook).count(), 1, "{hook}");
    }
}
