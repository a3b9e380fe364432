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
}

/// Returns the errors of a spec with these servers in line 3.
fn server_errors(servers: &str) -> Vec<String> {
    errors(&spec(&PATHS.replace("paths:\n", &format!("servers: {servers}\npaths:\n")), "Thing: {type: object}"))
}

#[test]
fn lint_of_plain_openapi_accepts_servers_that_the_client_finds() {
    for servers in [
        "[]",
        "[{url: 'https://s.example', description: sandbox}]",
        "[{url: 'https://s.example', description: mock}, {url: 'https://p.example', description: production}]",
        "[{url: 'https://p.example', description: production}, {url: 'https://eu.example', description: Europe}]",
        "[{url: 'https://p.example', description: production}, {url: 'https://s.example', description: sandbox}, \
         {url: 'https://eu.example'}]",
        "[{url: 'http://localhost:8080', description: sandbox}]",
        "[{url: 'http://127.0.0.1/v1', description: sandbox}, {url: 'http://[::1]:80', description: production}]",
    ] {
        assert_eq!(server_errors(servers), [""; 0], "{servers}");
    }
}

#[test]
fn lint_of_plain_openapi_refuses_servers_below_a_path() {
    let server = "[{url: 'https://s.example', description: sandbox}]";
    let other = "servers: [{url: 'https://files.example', description: sandbox}]";
    let document = |servers: &str, below: &str| {
        let paths = PATHS.replace("paths:\n", &format!("servers: {servers}\npaths:\n"));
        spec(&paths.replace("    get:\n", &format!("    {below}\n    get:\n")), "Thing: {type: object}")
    };
    let ignored = "servers below a path are ignored: each request goes to a server of the document; remove them, and \
                   write a spec of its own for the operations of another server";
    let at_path = [format!("acme.yaml:6: /paths/~1things~1{{id}}/servers: {ignored}")];
    assert_eq!(errors(&document(server, other)), at_path);
    let at_operation = document(server, "description: d").replace("    get:\n", &format!("    get:\n      {other}\n"));
    assert_eq!(errors(&at_operation), [format!("acme.yaml:8: /paths/~1things~1{{id}}/get/servers: {ignored}")]);
    assert_eq!(errors(&document(server, &format!("servers: {server}"))), [""; 0], "the same");
}

#[test]
fn lint_of_plain_openapi_refuses_servers_that_no_request_reaches() {
    let finds = "the client builder finds a server by this word";
    let none = format!(
        "/servers: describe one as `sandbox` or `production`: {finds}; without a server of either, remove `servers`, and \
         each caller sets a base URL"
    );
    let other = |name: &str| format!("/servers/0: describe it as `{name}`: {finds}, and no other server has it");
    let in_full = "/servers/0: needs a `url` in full, such as https://api.example.com/v1: a client has no other address \
                   to add it to";
    let http = "/servers/0: needs an https `url`: over http the credentials travel readable; only a loopback address may \
                have http";
    let variable = "/servers/0: `{region}` in an address is not supported: requests would be sent to it as it is; write \
                    one server for each address";
    for (servers, reason) in [
        ("[{url: 'https://s.example'}]", &*none),
        ("[{url: 'https://s.example', description: Test}]", &none),
        ("[{url: 'https://s.example'}, {url: 'https://p.example', description: production}]", &other("sandbox")),
        ("[{url: 'https://p.example', description: Production}, {url: 'https://m.example', description: mock}]", &{
            other("production")
        }),
        (
            "[{url: 'https://s.example', description: Sandbox server}, {url: 'https://p.example', description: production}]",
            &other("sandbox"),
        ),
        ("[{description: sandbox}]", in_full),
        ("[{url: /v1, description: sandbox}]", in_full),
        ("[{url: 'ftp://s.example', description: sandbox}]", in_full),
        ("[{url: 'http://s.example/v1', description: sandbox}]", http),
        ("[{url: 'http://localhost.example', description: sandbox}]", http),
        ("[{url: 'http://localhost@s.example', description: sandbox}]", http),
        ("[{url: 'https://{region}.s.example', description: sandbox, variables: {region: {default: eu}}}]", variable),
    ] {
        assert_eq!(server_errors(servers), [format!("acme.yaml:3: {reason}")], "{servers}");
    }
}

#[test]
fn lint_of_plain_openapi_refuses_addresses_that_the_client_builder_does_not_take() {
    let only = "an address has scheme, host, port and path only; remove";
    let query = format!("{only} the query: a parameter of every request belongs to `parameters`");
    let fragment = format!("{only} the `#` and what follows it: it is never sent");
    let user = format!("{only} user and password: each caller has credentials of its own");
    let char = |char: &str| format!("`{char}` is not allowed in an address; write it percent-encoded, or remove it");
    let host = |host: &str| format!("`{host}` is not a host; correct it");
    let port = |port: &str| format!("`{port}` is not a port; use a number up to 65535, or none");
    for (url, reason) in [
        ("https://s.example/?a=1", &*query),
        ("https://s.example?", &query),
        ("http://localhost/v1?a=1", &query),
        ("https://s.example/#a", &fragment),
        ("https://u:p@s.example", &user),
        ("http://u@localhost", &user),
        ("https://s.example /a", &char(" ")),
        ("https://s.example/a b", &char(" ")),
        ("https://s.example/a|b", &char("|")),
        ("https://s.example:99999", &port("99999")),
        ("https://s.example:https/v1", &port("https")),
        ("https://s.example:+1", &port("+1")),
        ("https://s.example:", &port("")),
        ("https://", &host("")),
        ("https:///v1", &host("")),
        ("https://:443", &host("")),
        ("https://s.example:80:80", &host("s.example:80")),
        ("https://[::1/v1", &host("[:")),
        ("https://[s.example]", &host("[s.example]")),
        ("https://1.2.3.400", &host("1.2.3.400")),
        ("https://s%20.example", &host("s%20.example")),
    ] {
        let servers = format!("[{{url: '{url}', description: sandbox}}]");
        assert_eq!(server_errors(&servers), [format!("acme.yaml:3: /servers/0: {reason}")], "{url}");
    }
    for url in [
        "https://s.example",
        "https://s.example:8443/v1/",
        "https://s.example./a%20b",
        "https://größe.example",
        "https://10.0.0.1:1",
        "https://[2001:db8::1]:443/a@b:c",
    ] {
        assert_eq!(server_errors(&format!("[{{url: '{url}', description: sandbox}}]")), [""; 0], "{url}");
    }
}

#[test]
fn lint_of_plain_openapi_refuses_two_servers_with_one_name() {
    let [x, y, z] = ["x", "y", "z"].map(|host| format!("{{url: 'https://{host}.example', description: sandbox}}"));
    let error = |index: usize| {
        format!(
            "acme.yaml:3: /servers/{index}: server 0 (counted from 0) is described as `sandbox`, too, and only that one \
             would be found; describe each by a name of its own, or remove one"
        )
    };
    assert_eq!(server_errors(&format!("[{x}, {y}, {z}]")), [error(1), error(2)]);
}

#[test]
fn lint_of_plain_openapi_refuses_method_without_a_name() {
    for (id, reason) in [
        ("''", "needs an `operationId`; it becomes the Rust method"),
        ("'-'", "operationId `-` needs a letter; it becomes the Rust method"),
    ] {
        let found = errors(&spec(&PATHS.replace("getThing", id), "Thing: {type: object}"));
        assert_eq!(found, [format!("acme.yaml:5: /paths/~1things~1{{id}}/get: {reason}")], "{id}");
    }
}

/// Schemas `Thing`, a union in a response, and its members.
fn union(members: &str, schemas: &str) -> String {
    let members: Vec<String> =
        members.split(' ').map(|name| format!("{{$ref: '#/components/schemas/{name}'}}")).collect();
    format!("Thing: {{oneOf: [{}]}}\n{schemas}", members.join(", "))
}

#[test]
fn lint_refuses_object_that_hides_later_members_of_a_union() {
    let hides = |index: usize, other: usize| {
        format!(
            "acme.yaml:11: /components/schemas/Thing/oneOf/{index}: a response with member {other} (counted from 0) would \
             be read as this one, without the properties that only the other has; give the union a `discriminator`, or \
             every member but the last a required property of its own"
        )
    };
    let string = "{type: string}";
    let a = format!("A: {{type: object, properties: {{x: {string}}}}}");
    let b = format!("B: {{type: object, properties: {{z: {string}}}}}");
    let c = format!("C: {{type: object, required: [x], properties: {{x: {string}, c: {string}}}}}");
    let d = "D: {type: object, required: [id], properties: {id: {type: string, nullable: true}}}".to_owned();
    for (members, schemas, expected) in [
        ("A B", vec![&a, &b], vec![hides(0, 1)]),
        ("A B C", vec![&a, &b, &c], vec![hides(0, 1), hides(1, 2)]),
        // Both have `x`: the first needs a property of its own.
        ("C A", vec![&a, &c], vec![hides(0, 1)]),
        // A nullable property may be missing.
        ("D A", vec![&a, &d], vec![hides(0, 1)]),
        // A union in a union.
        (
            "U B",
            vec![&a, &b, &format!("U: {{oneOf: [{string}, {{$ref: '#/components/schemas/A'}}]}}")],
            vec![hides(0, 1)],
        ),
        ("M A", vec![&a, &format!("M: {{type: object, additionalProperties: {string}}}")], vec![hides(0, 1)]),
    ] {
        let schemas: Vec<&str> = schemas.into_iter().map(String::as_str).collect();
        assert_eq!(errors(&spec(PATHS, &union(members, &schemas.join("\n")))), expected, "{members}");
    }
    let array = union("A L", &format!("{a}\nL: {{type: array, items: {string}}}"));
    assert_eq!(
        errors(&spec(PATHS, &array)),
        [
            "acme.yaml:11: /components/schemas/Thing/oneOf/1: an array comes before the objects of a union: an object is \
             read from an array, too; move it up"
        ]
    );
    let inline = PATHS.replace(
        "{$ref: '#/components/schemas/Thing'}",
        "{oneOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}",
    );
    let found = errors(&spec(&inline, &format!("{a}\n{b}")));
    assert!(found.len() == 1 && found[0].contains("/schema/oneOf/0: a response with member 1"), "{found:?}");
}

#[test]
fn lint_refuses_list_of_objects_that_hides_later_lists_of_a_union() {
    let hides = |index: usize, other: usize| {
        format!(
            "acme.yaml:11: /components/schemas/Thing/oneOf/{index}: a response with the list of member {other} (counted \
             from 0) would be read as this one, without the properties that only the objects of the other have; give the \
             objects of every list but the last a required property of their own"
        )
    };
    let order = "acme.yaml:11: /components/schemas/Thing/oneOf/1: a list of arrays comes before the lists of objects: an \
                 object is read from an array, too; move it up";
    let reference = |name: &str| format!("{{$ref: '#/components/schemas/{name}'}}");
    let list = |items: &str| format!("{{type: array, items: {items}}}");
    let lists = |names: &str| names.split(' ').map(|name| list(&reference(name))).collect::<Vec<_>>().join(", ");
    let objects = "A: {type: object, properties: {a: {type: string}}}
B: {type: object, properties: {b: {type: string}}}
C: {type: object, required: [c], properties: {c: {type: string}}}
U: {oneOf: [{$ref: '#/components/schemas/C'}, {$ref: '#/components/schemas/A'}]}
L: {type: array, items: {$ref: '#/components/schemas/B'}}
S: {type: string}";
    for (members, expected) in [
        (lists("A B"), vec![hides(0, 1)]),
        (lists("A B C"), vec![hides(0, 1), hides(1, 2)]),
        // Lists that are components or members of a union, objects that are members of a union, lists of lists.
        (format!("{}, {}", lists("A"), reference("L")), vec![hides(0, 1)]),
        (format!("{{oneOf: [{}]}}, {}", lists("A"), reference("L")), vec![hides(0, 1)]),
        (lists("U B"), vec![hides(0, 1)]),
        (format!("{}, {}", list(&lists("A")), list(&lists("B"))), vec![hides(0, 1)]),
        // An object of no required property is read from any array.
        (format!("{}, {}", lists("A"), list(&lists("S"))), vec![order.to_owned()]),
        (lists("C A"), vec![]),
        (lists("S A"), vec![]),
        (format!("{}, {}, {}", list(&lists("S")), lists("A"), reference("B")), vec![]),
        (format!("{}, {}", lists("A"), reference("A")), vec![]),
    ] {
        assert_eq!(errors(&spec(PATHS, &format!("Thing: {{oneOf: [{members}]}}\n{objects}"))), expected, "{members}");
    }
    // A list contains itself.
    let circle = "Thing: {oneOf: [{$ref: '#/components/schemas/L'}, {type: string}]}
L: {type: array, items: {$ref: '#/components/schemas/L'}}";
    assert!(errors(&spec(PATHS, circle)).iter().all(|error| error.ends_with("is circular")));
}

#[test]
fn lint_accepts_union_whose_members_are_decoded_as_themselves() {
    let string = "{type: string}";
    let a = format!("A: {{type: object, properties: {{x: {string}}}}}");
    let b = format!("B: {{type: object, properties: {{z: {string}}}}}");
    let c = format!("C: {{type: object, required: [c], properties: {{x: {string}, c: {string}}}}}");
    let number = "N: {type: object, required: [x], properties: {x: {type: number}}}";
    let word = |name: &str, word: &str| {
        format!("{name}: {{type: object, required: [kind], properties: {{kind: {{type: string, enum: [{word}]}}}}}}")
    };
    for (members, schemas) in [
        ("C A", vec![&a, &c]),
        ("N A", vec![&a, &number.to_owned()]),
        ("P Q", vec![&word("P", "p"), &word("Q", "q")]),
        ("S A", vec![&a, &format!("S: {string}")]),
        ("L A", vec![&a, &format!("L: {{type: array, items: {string}}}")]),
        ("A", vec![&a]),
    ] {
        let schemas: Vec<&str> = schemas.into_iter().map(String::as_str).collect();
        assert_errors(&union(members, &schemas.join("\n")), &[]);
    }
    // A request is not decoded.
    let request = "requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/New'}}}}";
    let paths = PATHS.replace("      responses:", &format!("      {request}\n      responses:"));
    let new = "New: {oneOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}";
    assert_eq!(errors(&spec(&paths, &format!("Thing: {{type: object}}\n{new}\n{a}\n{b}"))), [""; 0]);
}

#[test]
fn lint_of_plain_openapi_reports_wrong_reference_to_parameter_once() {
    let text = PATHS.replace("[{name: id,", "[{$ref: '#/components/parameters/Page'}, {name: id,");
    assert_eq!(
        errors(&spec(&text, "Thing: {type: object}")),
        ["acme.yaml:7: /paths/~1things~1{id}/get/parameters/0/$ref: `#/components/parameters/Page` points at a value \
          that does not exist"]
    );
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
             `last_name`, like `lastName` in line 12; leave one out here",
            "acme.yaml:14: /components/schemas/Thing/properties/LastName: `LastName` becomes the Rust field \
             `last_name`, like `last_name` in line 13; leave one out here",
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

/// Operation `read` with this parameter, body and response; its parts are in lines 7, 8 and 9.
fn operation(parameter: &str, body: &str, response: &str, schemas: &str) -> String {
    let content = |schema: &str| format!("content: {{application/json: {{schema: {schema}}}}}");
    let paths = format!(
        "openapi: 3.0.1
info: {{title: t, version: '1'}}
paths:
  /things:
    post:
      operationId: get_q
      parameters: [{{name: s, in: query, schema: {parameter}}}]
      requestBody: {{{}}}
      responses: {{'200': {{description: d, {}}}}}
components:
  schemas:
",
        content(body),
        content(response)
    );
    spec(&paths, schemas)
}

#[test]
fn lint_refuses_inline_schema_of_an_operation_with_the_type_of_another() {
    let (text, union) = ("{type: string}", "{oneOf: [{type: string}, {type: integer}]}");
    let object = "{type: object, properties: {a: {type: string}}}";
    let words = "{type: string, enum: [a, b]}";
    let list = |of: &str| format!("{{type: array, items: {of}}}");
    let map = |of: &str| format!("{{type: object, additionalProperties: {of}}}");
    let post = "/paths/~1things/post";
    let (parameter, json) = ("/parameters/0/schema", "/content/application~1json/schema");
    let (body, response) = (format!("/requestBody{json}"), format!("/responses/200{json}"));
    for (spec, component, rust_type, place, kind) in [
        (operation(union, text, text, ""), "GetQS", "GetQs", format!("7: {post}{parameter}"), "`oneOf`"),
        (operation(words, text, text, ""), "GetQS", "GetQs", format!("7: {post}{parameter}"), "`enum`"),
        (operation(text, union, text, ""), "GetQBody", "GetQBody", format!("8: {post}{body}"), "`oneOf`"),
        (operation(text, object, text, ""), "GetQBody", "GetQBody", format!("8: {post}{body}"), "object"),
        (
            operation(text, &list(union), text, ""),
            "GetQBodyItem",
            "GetQBodyItem",
            format!("8: {post}{body}/items"),
            "`oneOf`",
        ),
        (operation(text, text, union, ""), "GetQResponse", "GetQResponse", format!("9: {post}{response}"), "`oneOf`"),
        (
            operation(text, text, &list(union), ""),
            "GetQResponseItem",
            "GetQResponseItem",
            format!("9: {post}{response}/items"),
            "`oneOf`",
        ),
        (
            operation(text, text, &map(union), ""),
            "GetQResponseValue",
            "GetQResponseValue",
            format!("9: {post}{response}/additionalProperties"),
            "`oneOf`",
        ),
    ] {
        assert_eq!(errors(&format!("{spec}    Other: {object}\n")), [""; 0], "{component}");
        assert_eq!(
            errors(&format!("{spec}    {component}: {object}\n")),
            [format!(
                "acme.yaml:{place}: the inline {kind} becomes the Rust type `{rust_type}`, like `{component}` in line 12; \
                 make it a component schema with a name of its own"
            )],
            "{component}"
        );
    }
}

#[test]
fn lint_refuses_two_inline_schemas_with_one_type() {
    let operation = |id: &str, parameter: &str, members: &str| {
        format!(
            "  /{id}: {{get: {{operationId: {id}, parameters: [{{name: {parameter}, in: query, schema: {{oneOf: \
             [{members}]}}}}], responses: {{'200': {{description: d}}}}}}}}\n"
        )
    };
    let document = |first: &str, second: &str| {
        let head = "openapi: 3.0.1\ninfo: {title: t, version: '1'}\npaths:\n";
        format!("{head}{}{}", operation("get", "a_s", first), operation("get_a", "s", second))
    };
    assert_eq!(
        errors(&document("{type: string}, {type: integer}", "{type: boolean}, {type: string}")),
        [
            "acme.yaml:5: /paths/~1get_a/get/parameters/0/schema: the inline `oneOf` becomes the Rust type `GetAs`, like \
          the inline `oneOf` at /paths/~1get/get/parameters/0/schema in line 4; make it a component schema with a name \
          of its own"
        ]
    );
    // One type is right for both.
    let same = document("{type: string}, {type: integer}", "{type: string, description: d}, {type: integer}");
    assert_eq!(errors(&same), [""; 0]);
    // The generator names what is inside a member of a union by the union.
    let member = |name: &str, size: &str| {
        format!(
            "{name}: {{type: object, required: [kind], properties: {{kind: {{type: string, enum: [{name}]}}, \
             size: {{oneOf: [{{type: string}}, {{type: {size}}}]}}}}}}"
        )
    };
    let union = |a: &str, b: &str| {
        let members = "[{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]";
        format!(
            "Thing: {{oneOf: {members}, discriminator: {{propertyName: kind}}}}\n{}\n{}",
            member("A", a),
            member("B", b)
        )
    };
    assert_errors(&union("integer", "integer"), &[]);
    assert_errors(
        &union("integer", "boolean"),
        &[
            "acme.yaml:13: /components/schemas/B/properties/size: the inline `oneOf` becomes the Rust type `ThingSize`, \
           like the inline `oneOf` at /components/schemas/A/properties/size in line 12; rename one of the schemas",
        ],
    );
}

#[test]
fn lint_of_plain_openapi_refuses_component_with_the_type_of_an_inline_schema_inside_another() {
    let refused = |place: &str, kind: &str, name: &str| {
        format!(
            "acme.yaml:11: /components/schemas/Thing{place}: the inline {kind} becomes the Rust type `{name}`, like \
             `{name}` in line 12; rename one of the schemas"
        )
    };
    let union = "{oneOf: [{type: string}, {type: integer}]}";
    for (thing, place, kind, name) in [
        ("{type: object, properties: {size: {type: string, enum: [s]}}}", "/properties/size", "`enum`", "ThingSize"),
        (
            "{type: object, properties: {of: {type: object, properties: {a: {}}}}}",
            "/properties/of",
            "object",
            "ThingOf",
        ),
        (
            &format!("{{oneOf: [{{type: array, items: {{type: array, items: {union}}}}}, {{type: string}}]}}"),
            "/oneOf/0/items/items",
            "`oneOf`",
            "ThingArrayItemItem",
        ),
        (
            &format!("{{type: object, properties: {{a: {{}}}}, additionalProperties: {union}}}"),
            "/additionalProperties",
            "`oneOf`",
            "ThingExtraValue",
        ),
    ] {
        let schemas = format!("Thing: {thing}\n{name}: {{type: object, properties: {{z: {{type: string}}}}}}");
        assert_errors(&schemas, &[&refused(place, kind, name)]);
        assert_errors(&schemas.replace(&format!("{name}:"), "Other:"), &[]);
    }
    // The discriminator of a schema that is only a member of a union has no type, and that of another has one.
    let schemas = "Thing: {oneOf: [{$ref: '#/components/schemas/A'}], discriminator: {propertyName: kind}}
AKind: {type: object, properties: {z: {type: string}}}
A: {type: object, required: [kind], properties: {kind: {type: string, enum: [A]}, a: {type: string}}}";
    assert_errors(schemas, &[]);
    assert_errors(
        &format!("{schemas}\nUse: {{type: object, properties: {{a: {{$ref: '#/components/schemas/A'}}}}}}"),
        &[
            "acme.yaml:13: /components/schemas/A/properties/kind: the inline `enum` becomes the Rust type `AKind`, like \
           `AKind` in line 12; rename one of the schemas",
        ],
    );
}
