//! Rules that keep a spec within what becomes Rust: forms, names, types, unions, bodies and
//! parameters.

use crate::{GOOD, errors};

/// Change of the good spec: text that is replaced, its replacement, and each error without the file.
type Case<'a> = (&'a str, &'a str, &'a [&'a str]);

#[track_caller]
fn assert_cases(cases: &[Case<'_>]) {
    for (from, to, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let expected: Vec<String> = expected.iter().map(|error| format!("specs/things.yaml:{error}")).collect();
        assert_eq!(errors(&GOOD.replacen(from, to, 1)), expected, "{to}");
    }
}

/// Property that the cases replace.
const ID: &str = "id: {type: string}\n";

#[test]
fn lint_refuses_values_and_keys_that_openapi_does_not_have() {
    assert_cases(&[
        (
            "version: '1'",
            "version: 1.0",
            &[
                "2: /info: needs a `version`",
                "4: /info/version: must be text; put it in quotes if it could be a number",
            ],
        ),
        (
            "      description: Makes a thing.",
            "      discription: Makes a thing.",
            &[
                "28: /paths/~1things/post: needs a `description`; it becomes the Rust documentation",
                "30: /paths/~1things/post/discription: OpenAPI 3.0 has no key `discription` in an operation; correct or \
             remove it",
            ],
        ),
        ("required: [id]", "required: id", &["55: /components/schemas/Thing/required: must be a list"]),
        (
            ID,
            "id: {type: str}\n",
            &[
                "57: /components/schemas/Thing/properties/id/type: must be one of string, integer, number, boolean, array, \
             object",
            ],
        ),
        (
            ID,
            "id: {type: [string, 'null']}\n",
            &[
                "57: /components/schemas/Thing/properties/id/type: must be one of string, integer, number, boolean, array, \
             object, not a list, in OpenAPI 3.0; write `type: string` and `nullable: true`",
            ],
        ),
        (
            ID,
            "id: {type: [string]}\n",
            &[
                "57: /components/schemas/Thing/properties/id/type: must be one of string, integer, number, boolean, array, \
             object, not a list, in OpenAPI 3.0; write `type: string`",
            ],
        ),
        (
            ID,
            "id: {type: [string, integer]}\n",
            &[
                "57: /components/schemas/Thing/properties/id/type: must be one of string, integer, number, boolean, array, \
             object, not a list, in OpenAPI 3.0; write `oneOf` with a schema for each",
            ],
        ),
        (
            ID,
            "id: {type: string, required: true}\n",
            &[
                "57: /components/schemas/Thing/properties/id/required: must be a list, of an object; to require this value, \
             list its name in `required` of the object",
            ],
        ),
        (ID, "id: string\n", &["57: /components/schemas/Thing/properties/id: must be an object: a schema"]),
        (
            ID,
            "id: {type: string, nullable: 'true'}\n",
            &["57: /components/schemas/Thing/properties/id/nullable: must be true or false, without quotes"],
        ),
        (
            ID,
            "id: {type: string, maxLength: -1}\n",
            &[
                "57: /components/schemas/Thing/properties/id/maxLength: must be a whole number of at least 0, without quotes",
            ],
        ),
        (ID, "id: {$ref: 7}\n", &["57: /components/schemas/Thing/properties/id/$ref: must be text"]),
        (
            ID,
            "id: {$ref: '#/info'}\n",
            &["57: /components/schemas/Thing/properties/id/$ref: `#/info` is not a schema; refer to \
             one in `#/components/schemas`, and move it there"],
        ),
        (
            ID,
            "id: {$ref: '#/components/schemas/Colour/enum'}\n",
            &[
                "57: /components/schemas/Thing/properties/id/$ref: `#/components/schemas/Colour/enum` is not a schema; refer \
             to one in `#/components/schemas`, and move it there",
            ],
        ),
        (
            "{$ref: '#/components/schemas/Colour'}",
            "{$ref: '#/components/schemas/Colour', nullable: true}",
            &[
                "58: /components/schemas/Thing/properties/colour/nullable: `nullable` beside `$ref` has no effect; write it \
             in the component",
            ],
        ),
        (
            "    Made:\n",
            "    'Made it':\n",
            &[
                "41: /paths/~1things/post/responses/201/$ref: `#/components/responses/Made` points at a value that does not \
             exist",
                "44: /components/responses/Made it: the name of a component has only letters, digits, `.`, `_` and `-` of \
             ASCII; rename it",
            ],
        ),
        (
            "      description: Made.\n",
            "",
            &["44: /components/responses/Made: needs `description`: a response has one"],
        ),
    ]);
}

#[test]
fn lint_refuses_schemas_that_the_generator_does_not_support() {
    let at = "57: /components/schemas/Thing/properties/id";
    let cases = [
        ("allOf: [{type: string}]", "/allOf: `allOf` is not supported; write all properties into one schema"),
        ("anyOf: [{type: string}]", "/anyOf: `anyOf` is not supported; use `oneOf`, or one schema with all properties"),
        ("not: {type: string}", "/not: `not` is not supported; remove it, and say it in the description"),
        ("type: array", ": an array needs `items`: the schema of its elements"),
        ("items: {type: string}", "/items: needs a `type`: `items` belongs to `type: array`"),
        ("minLength: 1", "/minLength: needs a `type`: `minLength` belongs to `type: string`"),
        (
            "type: string, minimum: 1",
            "/minimum: `minimum` belongs to `type: integer`, not to `type: string`; remove one",
        ),
        (
            "type: integer, format: int65",
            "/format: `int65` is not a format of `type: integer`; use int32 or int64, or none",
        ),
        (
            "type: number, format: decimal",
            "/format: `decimal` is not a format of `type: number`; use float or double, or none",
        ),
        ("type: integer, minimum: 3, maximum: 2", "/minimum: `minimum` is more than `maximum`; swap them"),
        ("type: string, minLength: 3, maxLength: 2", "/minLength: `minLength` is more than `maxLength`; swap them"),
        ("type: integer, exclusiveMinimum: true", "/exclusiveMinimum: `exclusiveMinimum` needs `minimum`"),
        ("type: number, multipleOf: 0", "/multipleOf: `multipleOf` must be more than 0"),
        ("type: integer, default: one", "/default: the default does not fit its own schema; correct one of them"),
        ("type: string, default: null", "/default: the default does not fit its own schema; correct one of them"),
    ];
    for (schema, reason) in cases {
        let found = errors(&GOOD.replace(ID, &format!("id: {{{schema}}}\n")));
        assert_eq!(found, [format!("specs/things.yaml:{at}{reason}")], "{schema}");
    }
}

#[test]
fn lint_refuses_enums_that_are_not_lists_of_different_words() {
    let at = "67: /components/schemas/Colour/enum";
    let words = |words: &str| errors(&GOOD.replace("enum: [red, blue]", &format!("enum: {words}")));
    let drops = "signs and case are dropped; remove `enum`, and list the words in the description";
    let empty = "/0: an empty word has no name in Rust; remove it (an enum component of responses keeps unknown words), \
                 or remove `enum`";
    for (list, expected) in [
        ("[]", vec![": an enum needs at least one word; without any, remove `enum`".to_owned()]),
        ("[a, 1]", vec!["/1: must be text; write '1' in quotes".to_owned()]),
        ("[a, true]", vec!["/1: must be text; write 'true' in quotes".to_owned()]),
        ("[a, null]", vec!["/1: null is not a word; remove it: a missing value is read".to_owned()]),
        ("[a, b, a]", vec!["/2: `a` is listed twice; keep one".to_owned()]),
        (
            "[COMPLETED, Completed]",
            vec![format!("/1: `Completed` becomes the Rust variant `Completed`, like `COMPLETED`: {drops}")],
        ),
        ("[a-b, a_b]", vec![format!("/1: `a_b` becomes the Rust variant `AXb`, like `a-b`: {drops}")]),
        ("['', a]", vec![empty.to_owned()]),
        ("[+, '-']", vec![format!("/1: `-` becomes the Rust variant `X`, like `+`: {drops}")]),
        ("['', '=']", vec![empty.to_owned(), format!("/1: `=` becomes the Rust variant `X`, like ``: {drops}")]),
        ("[🙂, 😀]", vec![format!("/1: `😀` becomes the Rust variant `X`, like `🙂`: {drops}")]),
    ] {
        let expected: Vec<String> = expected.iter().map(|reason| format!("specs/things.yaml:{at}{reason}")).collect();
        assert_eq!(words(list), expected, "{list}");
    }
    for good in ["[a-b, 'a b c']", "['=', '>=']", "[self, type, '1', 2nd, größe, '=']", "['+1', '-1']"] {
        assert_eq!(words(good), [""; 0], "{good}");
    }
    assert_cases(&[
        (
            "type: string\n      enum: [red, blue]",
            "type: integer\n      enum: [1, 2]",
            &["67: /components/schemas/Colour/enum: an enum of numbers is not supported; remove `enum`, and list the \
             numbers in the description"],
        ),
        (
            "enum: [red, blue]",
            "enum: [red, blue]\n      nullable: true\n      x-unknown: [When it is null.]",
            &[
                "68: /components/schemas/Colour/nullable: `nullable` is not supported on a component; remove it: where the \
             value is optional, null is read as missing",
            ],
        ),
        (
            "enum: [red, blue]",
            "enum: [red, blue]\n      format: colour",
            &["68: /components/schemas/Colour/format: `format` beside `enum` has no effect; remove it"],
        ),
    ]);
}

#[test]
fn lint_refuses_names_that_become_one_in_rust() {
    let field = "leave one out here, and say so in an `x-unknown`";
    let properties = |names: &str| errors(&GOOD.replace(ID, &format!("id: {{type: string}}\n{names}")));
    for (first, second, name) in [
        ("lastName", "last_name", "last_name"),
        ("a-b", "a_b", "a_b"),
        ("type", "'@type'", "type_"),
        ("'-'", "🙂", "x"),
    ] {
        let found = properties(&format!("        {first}: {{type: string}}\n        {second}: {{type: string}}\n"));
        let (first, second) = (first.trim_matches('\''), second.trim_matches('\''));
        let reason = format!("`{second}` becomes the Rust field `{name}`, like `{first}` in line 58; {field}");
        assert_eq!(found, [format!("specs/things.yaml:59: /components/schemas/Thing/properties/{second}: {reason}")]);
    }
    assert_eq!(
        errors(
            &GOOD.replace(ID, "id: {type: string}\n        extra: {type: string}\n").replace(
                "      required: [id]\n",
                "      required: [id]\n      additionalProperties: {type: string}\n"
            )
        ),
        [format!(
            "specs/things.yaml:59: /components/schemas/Thing/properties/extra: `extra` becomes the Rust field `extra`, \
             like the map of additional properties; {field}"
        )]
    );
    let schema = |name: &str| {
        format!(
            "    {name}:\n      description: One.\n      x-source: https://docs.example.com/get\n      x-evidence: page\n      \
             type: object\n    Thing:\n"
        )
    };
    for (name, error) in [
        (
            "ColourKnown",
            "65: /components/schemas/Colour: the list of known words of `Colour` becomes the Rust type `ColourKnown`, \
             like `ColourKnown` in line 50; rename one of the schemas",
        ),
        (
            "THING",
            "55: /components/schemas/Thing: `Thing` becomes the Rust type `Thing`, like `THING` in line 50; rename one of the schemas",
        ),
        (
            "String",
            "50: /components/schemas/String: `String` becomes the Rust type `String`, which the generated code uses \
             itself; rename it",
        ),
    ] {
        assert_eq!(errors(&GOOD.replace("    Thing:\n", &schema(name))), [format!("specs/things.yaml:{error}")]);
    }
    let union = "id: {type: string}\n        size: {oneOf: [{type: integer}, {type: string}], x-contradiction: [Two differ.]}\n";
    let mut found = errors(&GOOD.replace(ID, union).replace("    Thing:\n", &schema("ThingSize")));
    // The name starts with that of the file, too.
    found.retain(|error| !error.contains("must not start with"));
    assert_eq!(
        found,
        ["specs/things.yaml:63: /components/schemas/Thing/properties/size: the inline `oneOf` becomes the Rust type \
          `ThingSize`, like `ThingSize` in line 50; rename one of the schemas"]
    );
    assert_cases(&[
        (
            "make_thing",
            "get__thing",
            &[
                "29: /paths/~1things/post/operationId: `get__thing` becomes the Rust method `get_thing`, like `get_thing` in \
             line 11; rename one",
            ],
        ),
        (
            "make_thing",
            "new",
            &[
                "29: /paths/~1things/post/operationId: every client has a method `new` already; choose another operationId",
            ],
        ),
        (
            "- name: kind",
            "- name: Id",
            &[
                "19: /paths/~1things~1{id}/get/parameters/1/name: `id` becomes the Rust argument `id`, like `Id` in line 16; \
             leave one out here",
            ],
        ),
        (
            "- name: kind",
            "- name: header-map",
            &[
                "16: /paths/~1things~1{id}/get/parameters/0/name: every generated method has a `header_map` already; leave \
             it out here",
            ],
        ),
    ]);
}

#[test]
fn lint_refuses_unions_whose_members_cannot_be_distinguished() {
    let at = "73: /components/schemas/NewThing/oneOf/";
    let red = "- $ref: '#/components/schemas/NewThingRed'\n";
    let member = |index: usize, reason: &str| {
        format!("specs/things.yaml:{}{index}: {reason}", at.replace("73", &(73 + index).to_string()))
    };
    assert_eq!(
        errors(&GOOD.replace(red, &format!("{red}        {red}"))),
        [
            member(1, "is the same Rust type as member 0 (counted from 0); remove one"),
            member(1, "has the value `RED` of `kind` like member 0 (counted from 0); each member needs one of its own"),
        ]
    );
    assert_eq!(errors(&GOOD.replace(red, "- {type: string}\n")), [
        "specs/things.yaml:68: /components/schemas/NewThing: contradicting types need an `x-contradiction` that names \
         both sources"
            .to_owned(),
        member(0, "a member of a union with a discriminator is a `$ref` to a component schema"),
        "specs/things.yaml:80: /components/schemas/NewThingRed/required/0: `required: kind` needs a page as evidence, not \
         `inference`; remove it, or say in an `x-unknown` of its own what no page says"
            .to_owned(),
        "specs/things.yaml:82: /components/schemas/NewThingRed/properties/kind: an enum must be a component schema, used \
         by $ref; the build opens only those"
            .to_owned(),
    ]);
    let words = "the property `kind` of `#/components/schemas/NewThingRed` must be `type: string` with an inline `enum` of \
                 one word; a schema shared by two values is written twice";
    for kind in [
        "{type: string, enum: [RED, PINK]}",
        "{type: string}",
        "{type: boolean}",
        "{$ref: '#/components/schemas/Colour'}",
    ] {
        assert_eq!(errors(&GOOD.replace("{type: string, enum: [RED]}", kind)), [member(0, words)], "{kind}");
    }
    assert_eq!(
        errors(&GOOD.replace("      required: [kind]\n", "")),
        [member(0, "`#/components/schemas/NewThingRed` must list `kind` in `required`: it is the discriminator")]
    );
    let mapping = |mapping: &str| {
        errors(&GOOD.replace("{propertyName: kind}", &format!("{{propertyName: kind, mapping: {mapping}}}")))
    };
    assert_eq!(mapping("{RED: '#/components/schemas/NewThingRed'}"), [""; 0]);
    assert_eq!(
        mapping("{PINK: '#/components/schemas/NewThingRed'}"),
        [
            "specs/things.yaml:74: /components/schemas/NewThing/discriminator/mapping/PINK: `#/components/schemas/NewThingRed` \
         has the value `RED`, not `PINK`; a schema shared by two values is written twice"
        ]
    );
    assert_eq!(
        mapping("{RED: '#/components/schemas/Colour'}"),
        [
            "specs/things.yaml:74: /components/schemas/NewThing/discriminator/mapping/RED: `#/components/schemas/Colour` is \
         not a member of `oneOf`; add or correct it"
        ]
    );
    let both = "id: {oneOf: [{type: string}, {type: string, format: date}], x-contradiction: [Two differ.]}\n";
    assert_cases(&[
        (
            ID,
            both,
            &[
                "57: /components/schemas/Thing/properties/id/oneOf/1: is the same Rust type as member 0 (counted from 0); \
             remove one",
            ],
        ),
        (
            ID,
            "id: {type: string, discriminator: {propertyName: kind}}\n",
            &[
                "57: /components/schemas/Thing/properties/id/discriminator: a union with a discriminator must be a component \
             schema",
            ],
        ),
    ]);
}

#[test]
fn lint_refuses_unions_without_discriminator_in_responses_under_both_rules() {
    let colour = "colour: {oneOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}";
    let schema = |name: &str, property: &str| {
        format!(
            "    {name}:\n      description: One.\n      x-source: https://docs.example.com/get\n      x-evidence: page\n      \
             type: object\n      properties: {{{property}: {{type: string}}}}\n"
        )
    };
    let schemas = format!("  schemas:\n{}{}", schema("A", "x"), schema("B", "z"));
    let text = GOOD.replace("  schemas:\n", &schemas).replace("colour: {$ref: '#/components/schemas/Colour'}", colour);
    assert_eq!(
        errors(&text),
        [
            "specs/things.yaml:70: /components/schemas/Thing/properties/colour/oneOf/0: a response with member 1 (counted \
             from 0) would be read as this one, without the properties that only the other has; give the union a \
             `discriminator`, or every member but the last a required property of its own"
        ]
    );
}

#[test]
fn lint_refuses_bodies_that_the_generator_does_not_support() {
    let body = "          application/json:\n            schema: {$ref: '#/components/schemas/NewThing'}\n";
    let content = "/paths/~1things/post/requestBody/content";
    let examples =
        "            examples:\n              odd:\n                value: {enum: [a, b], properties: {a: 1}}\n";
    let with = |text: &str| {
        errors(&GOOD.replace(examples, "").replace(body, &text.replace("SCHEMA", "schema: {type: string}")))
    };
    for (text, error) in [
        (
            "          application/json: {SCHEMA}\n          text/plain: {SCHEMA}\n",
            "34: C: a request body has one content type, not application/json and text/plain; keep the one that is sent",
        ),
        (
            "          application/xml: {SCHEMA}\n",
            "35: C/application~1xml: the content type `application/xml` is not supported; use application/json, \
             multipart/form-data, application/x-www-form-urlencoded, application/octet-stream or text/plain",
        ),
        (
            "          application/octet-stream: {SCHEMA}\n",
            "35: C/application~1octet-stream: needs `schema: {type: string, format: binary}`",
        ),
        (
            "          text/plain: {schema: {type: integer}}\n",
            "35: C/text~1plain: needs `schema: {type: string}`, without a format",
        ),
        ("          application/json: {}\n", "35: C/application~1json: needs a `schema` of the body"),
        (
            "          application/json: {SCHEMA, encoding: {a: {}}}\n",
            "35: C/application~1json/encoding: `encoding` is not supported; remove it",
        ),
    ] {
        assert_eq!(with(text), [format!("specs/things.yaml:{}", error.replace('C', content))], "{text}");
    }
    let made = "        '201': {$ref: '#/components/responses/Made'}\n";
    let status =
        |status: &str, response: &str| errors(&GOOD.replace(made, &format!("{made}        {status}: {response}\n")));
    let differ = "but a Rust method returns one type; give both the same schema, with what only one has as optional";
    let at = "specs/things.yaml:42: /paths/~1things/post/responses/";
    let colour = "{description: d, content: {application/json: {schema: {$ref: '#/components/schemas/Colour'}}}}";
    for (code, response, reason) in [
        ("'202'", colour, format!("202: the success responses 201 (`Thing`) and 202 (`Colour`) differ, {differ}")),
        ("2XX", colour, format!("2XX: the success responses 201 (`Thing`) and 2XX (`Colour`) differ, {differ}")),
        (
            "'204'",
            "{description: d}",
            format!("204: the success responses 201 (`Thing`) and 204 (without a body) differ, {differ}"),
        ),
        ("'20'", "{description: d}", "20: must be a status such as 200, a class such as 4XX, or default".to_owned()),
        ("'999'", "{description: d}", "999: must be a status such as 200, a class such as 4XX, or default".to_owned()),
        (
            "'404'",
            "{description: d, content: {application/json: {}}}",
            "404/content/application~1json: needs a `schema` of the body".to_owned(),
        ),
    ] {
        let mut found = status(code, response);
        found.retain(|error| !error.contains("/responses/20: the success"));
        assert_eq!(found, [format!("{at}{reason}")], "{code}");
    }
    for (code, response) in
        [("default", "{description: d}"), ("4XX", colour), ("'200'", "{$ref: '#/components/responses/Made'}")]
    {
        assert_eq!(status(code, response), [""; 0], "{code}");
    }
    let content = |text: &str| {
        let json = "            application/json: {schema: {$ref: '#/components/schemas/Thing'}}\n";
        assert!(GOOD.contains(json));
        errors(&GOOD.replace(json, &text.replace("THING", "schema: {$ref: '#/components/schemas/Thing'}")))
    };
    let at = "/paths/~1things~1{id}/get/responses/200/content";
    let bytes = |kind: &str| {
        let place = kind.replace('/', "~1");
        format!(
            "specs/things.yaml:26: {at}/{place}: a response of `{kind}` is returned as bytes, and its schema is not used; \
             use application/json, or `schema: {{type: string, format: binary}}`"
        )
    };
    for kind in ["application/hal+json", "application/problem+json", "application/xml", "'*/*'"] {
        assert_eq!(content(&format!("            {kind}: {{THING}}\n")), [bytes(kind.trim_matches('\''))], "{kind}");
    }
    assert_eq!(
        content("            application/json: {THING}\n            text/csv: {schema: {type: string}}\n"),
        [format!(
            "specs/things.yaml:25: {at}: a success response has one content type, not application/json and text/csv: a \
             Rust method returns one type; keep the one that is read"
        )]
    );
    for good in [
        "application/json;charset=utf-8: {THING}",
        "text/csv: {schema: {type: string}}",
        "application/hal+json: {schema: {type: string, format: binary}}",
        "application/pdf: {}",
    ] {
        assert_eq!(content(&format!("            {good}\n")), [""; 0], "{good}");
    }
    // The body of an error is not decoded with its schema.
    let error = "{description: d, content: {application/problem+json: {schema: {$ref: '#/components/schemas/Colour'}}, \
                 text/html: {schema: {type: string}}}}";
    assert_eq!(status("'404'", error), [""; 0]);
    let methods = GOOD.replace("    post:\n", "    trace:\n");
    assert_eq!(
        errors(&methods),
        [
            "specs/things.yaml:28: /paths/~1things/trace: `trace` is not supported; use one of get, put, post, delete, head, patch"
        ]
    );
}

#[test]
fn lint_refuses_code_blocks_that_rustdoc_would_compile() {
    let described = |text: &str| {
        errors(&GOOD.replace("description: Makes a thing.", &format!("description: {}", serde_json::Value::from(text))))
    };
    let reason = "specs/things.yaml:30: /paths/~1things/post/description: a code block is compiled as a test of the \
                  documentation; write ```text before it, or no block";
    for text in ["Send:\n```\n{\"a\": 1}\n```", "Send:\n\n    curl x", "Send:\n\n\tcurl x", "~~~ rust\nlet a;\n~~~"] {
        assert_eq!(described(text), [reason], "{text}");
    }
    for text in
        ["Send:\n```json\n{}\n```", "Send:\n    more", "- One\n\n    more of one", "```text\n\n    a\n```", "`a`"]
    {
        assert_eq!(described(text), [""; 0], "{text}");
    }
}

#[test]
fn lint_refuses_paths_and_parameters_that_do_not_fit() {
    let at = "/paths/~1things~1{id}/get";
    let parameter = "{name: id, in: path, required: true, schema: {type: string}}";
    for (text, error) in [
        (
            "{name: key, in: path, required: true, schema: {type: string}}",
            &[
                "10: P: the path has `{id}`, but `parameters` has no `id` with `in: path`; add it",
                "19: P/parameters/1/name: the path has no `{key}`; correct the name or the path",
            ][..],
        ),
        (
            "{name: id, in: path, schema: {type: string}}",
            &["19: P/parameters/1: needs `required: true`: without `id` the path is another one"],
        ),
        ("{name: id, in: path, required: true}", &["19: P/parameters/1: needs a `schema`; `content` is not supported"]),
        (
            "{name: id, in: path, required: true, schema: {type: array, items: {type: string}}}",
            &[
                "19: P/parameters/1/schema: must be a string, a number, an integer or a boolean: it is one text in the path",
            ],
        ),
        (
            "{name: id, in: path, required: true, schema: {$ref: '#/components/schemas/Colour'}}",
            &[
                "19: P/parameters/1/schema: must not be an enum that a response has, too: its unknown values have no text; \
             use `type: string` in the path",
            ],
        ),
        (
            "{name: id, in: path, required: true, style: label, schema: {type: string}}",
            &[
                "19: P/parameters/1/style: only `style: simple` is supported for `in: path`; remove it, and write its sign into the \
             path: `.{id}`",
            ],
        ),
        (
            "{name: id, in: body, required: true, schema: {type: string}}",
            &[
                "10: P: the path has `{id}`, but `parameters` has no `id` with `in: path`; add it",
                "19: P/parameters/1/in: must be one of path, query, header",
            ],
        ),
        (
            "{in: path, required: true, schema: {type: string}}",
            &[
                "10: P: the path has `{id}`, but `parameters` has no `id` with `in: path`; add it",
                "19: P/parameters/1: needs `name`: a parameter has one",
                "19: P/parameters/1/name: the path has no `{}`; correct the name or the path",
            ],
        ),
    ] {
        let expected: Vec<String> = error
            .iter()
            .map(|error| format!("specs/things.yaml:{}", error.replace(": P", &format!(": {at}"))))
            .collect();
        assert_eq!(errors(&GOOD.replace(parameter, text)), expected, "{text}");
    }
    assert_cases(&[
        (
            "in: query",
            "in: cookie",
            &[
                "17: /paths/~1things~1{id}/get/parameters/0/in: a parameter in a cookie is not supported; use `in: header`",
            ],
        ),
        (
            "- name: kind\n          in: query",
            "- name: a b\n          in: header",
            &["16: /paths/~1things~1{id}/get/parameters/0/name: `a b` cannot be the name of a header; correct it"],
        ),
        (
            "in: query\n",
            "in: query\n          explode: false\n",
            &["18: /paths/~1things~1{id}/get/parameters/0/explode: has no effect on a single value; remove it"],
        ),
        (
            "in: query\n          schema: {type: string}\n",
            "in: query\n          explode: false\n          schema: {type: array, items: {type: string}}\n",
            &[
                "18: /paths/~1things~1{id}/get/parameters/0/explode: a list is sent as one parameter for each value; without \
             that, write it as `type: string` and join the values yourself",
            ],
        ),
        (
            "in: query\n          schema: {type: string}\n",
            "in: query\n          style: deepObject\n          schema: {type: object, additionalProperties: {}}\n",
            &[
                "18: /paths/~1things~1{id}/get/parameters/0/style: only `style: form` is supported for `in: query`; write one \
             parameter for each name, such as `kind[a]`",
            ],
        ),
        (
            "in: query\n          schema: {type: string}\n",
            "in: query\n          style: pipeDelimited\n          explode: false\n          schema: {type: array, items: {type: string}}\n",
            &[
                "18: /paths/~1things~1{id}/get/parameters/0/style: only `style: form` is supported for `in: query`; write it \
             as `type: string` and join the values yourself",
            ],
        ),
        (
            "in: query\n",
            "in: query\n          style: simple\n",
            &[
                "18: /paths/~1things~1{id}/get/parameters/0/style: only `style: form` is supported for `in: query`; OpenAPI 3.0 \
             has no `simple` there; remove it",
            ],
        ),
        (
            "in: path, required: true",
            "in: path, style: matrix, required: true",
            &[
                "19: /paths/~1things~1{id}/get/parameters/1/style: only `style: simple` is supported for `in: path`; remove it, \
             and write its signs into the path: `;id={id}`",
            ],
        ),
        (
            "in: query",
            "in: querry",
            &["17: /paths/~1things~1{id}/get/parameters/0/in: must be one of path, query, header"],
        ),
    ]);
    for (path, reason) in [
        ("things", "a path starts with `/`"),
        ("/things?a=b", "a path ends before `?` and `#`; a query belongs to `parameters`"),
        ("/things}", "`}` is not allowed in a path; write it percent-encoded"),
        ("/thi ngs", "` ` is not allowed in a path; write it percent-encoded"),
        ("/{id", "a `{` is not closed by `}`"),
        ("/{}", "`{}` is not the name of a parameter"),
        ("/{id}/{id}", "`{id}` is there twice; rename one"),
    ] {
        let pointer = path.replace('/', "~1");
        let found = errors(&GOOD.replace("  /things:\n", &format!("  '{path}':\n")));
        assert_eq!(found, [format!("specs/things.yaml:27: /paths/{pointer}: {reason}")], "{path}");
    }
}

#[test]
fn lint_refuses_authentication_that_names_no_scheme() {
    let schemes = |text: &str| format!("components:\n  securitySchemes:\n    key: {text}\n");
    let secured = GOOD.replacen("paths:\n", "security: [{key: []}]\npaths:\n", 1);
    let errors_with = |spec: &str, scheme: &str| errors(&spec.replacen("components:\n", &schemes(scheme), 1));
    let valid = "{type: apiKey, in: header, name: X-Key}";
    assert_eq!(errors_with(&secured, valid), [""; 0]);
    let cases = [
        (
            secured.replacen("{key: []}", "{keys: []}", 1),
            valid,
            "8: /security/0/keys: `keys` is not in `#/components/securitySchemes`; correct it, or add the scheme",
        ),
        (
            secured.replacen(
                "      operationId: get_thing",
                "      operationId: get_thing\n      security: [{jwt: []}]",
                1,
            ),
            valid,
            "13: /paths/~1things~1{id}/get/security/0/jwt: `jwt` is not in `#/components/securitySchemes`; correct it, \
             or add the scheme",
        ),
        (
            secured.clone(),
            "{type: apikey, in: header, name: X-Key}",
            "45: /components/securitySchemes/key/type: the `type` of a security scheme is one of apiKey, http, oauth2, \
             openIdConnect",
        ),
        (
            secured.clone(),
            "{type: apiKey, in: header}",
            "45: /components/securitySchemes/key: needs `name`: a scheme of `type: apiKey` has one",
        ),
        (
            secured,
            "{type: apiKey, in: body, name: key}",
            "45: /components/securitySchemes/key/in: `body` is not a place of a key; use header, query or cookie",
        ),
    ];
    for (spec, scheme, expected) in cases {
        assert_eq!(errors_with(&spec, scheme), [format!("specs/things.yaml:{expected}")]);
    }
}
