//! Rules about constraints, contradicting types, names, email addresses and uploads.

use crate::{GOOD, assert_error, errors};

#[test]
fn lint_requires_page_for_constraint_of_schema() {
    let reason = |what: &str, evidence: &str| {
        format!(
            "`{what}` needs a page as evidence, not `{evidence}`; remove it, or say in an `x-unknown` of its own \
             what no page says"
        )
    };
    let required = "55: /components/schemas/Thing/required/0";
    for evidence in ["sdk", "inference"] {
        let id = format!("id: {{type: string, x-evidence: {evidence}}}");
        assert_error("id: {type: string}", &id, &format!("{required}: {}", reason("required: id", evidence)));
        let unknown = "id: {type: string, x-evidence: sdk, x-unknown: [Whether it is always there.]}";
        assert_eq!(errors(&GOOD.replace("id: {type: string}", unknown)), [""; 0]);
    }
    let limits = [
        ("string", "nullable", "true"),
        ("string", "pattern", "'^a$'"),
        ("string", "maxLength", "3"),
        ("integer", "minimum", "0"),
        ("array, items: {type: string}", "uniqueItems", "true"),
    ];
    for (kind, limit, value) in limits {
        let at = format!("57: /components/schemas/Thing/properties/size/{limit}");
        let size = |evidence: &str| {
            format!("id: {{type: string}}\n        size: {{type: {kind}, {limit}: {value}, x-evidence: {evidence}}}")
        };
        let at = at.replace("57:", "58:");
        assert_error("id: {type: string}", &size("sdk"), &format!("{at}: {}", reason(limit, "sdk")));
        assert_eq!(errors(&GOOD.replace("id: {type: string}", &size("page"))), [""; 0]);
    }
    // `nullable: false` is the default and not a constraint.
    let no = "id: {type: string}\n        size: {type: string, nullable: false, x-evidence: sdk}";
    assert_eq!(errors(&GOOD.replace("id: {type: string}", no)), [""; 0]);
}

#[test]
fn lint_requires_page_for_required_parameter_and_body() {
    let reason = "`required` needs a page as evidence, not `inference`; remove it, or say in an `x-unknown` of its own \
                  what no page says";
    let needed = "        - name: kind\n          required: true\n          x-evidence: inference\n";
    let at = "17: /paths/~1things~1{id}/get/parameters/0/required";
    assert_error("        - name: kind\n", needed, &format!("{at}: {reason}"));
    let in_path = GOOD.replace("{name: id, in: path,", "{name: id, in: path, x-evidence: inference,");
    assert_ne!(in_path, GOOD);
    assert_eq!(errors(&in_path), [""; 0]);
    let body = "      requestBody:\n        required: true\n        x-evidence: inference\n";
    let at = "34: /paths/~1things/post/requestBody/required";
    assert_error("      requestBody:\n", body, &format!("{at}: {reason}"));
    let known = format!("{body}        x-unknown: [Whether it may be left out.]\n");
    assert_eq!(errors(&GOOD.replace("      requestBody:\n", &known)), [""; 0]);
}

#[test]
fn lint_requires_contradiction_for_scalar_union() {
    let both = "oneOf: [{type: integer}, {type: string}]";
    let reason = "contradicting types need an `x-contradiction` that names both sources";
    let at = "57: /components/schemas/Thing/properties/id";
    assert_error("id: {type: string}", &format!("id: {{{both}}}"), &format!("{at}: {reason}"));
    let settled = format!("id: {{{both}, x-contradiction: [Its own example is a text.]}}");
    assert_eq!(errors(&GOOD.replace("id: {type: string}", &settled)), [""; 0]);
}

#[test]
fn lint_refuses_schema_name_with_provider() {
    let text = GOOD.replace("    Colour:", "    ThingsColour:").replace("/Colour'", "/ThingsColour'");
    let reason = "the name must not start with `things`; the Rust module has that name";
    assert_eq!(errors(&text), [format!("specs/things.yaml:60: /components/schemas/ThingsColour: {reason}")]);
}

#[test]
fn lint_refuses_obfuscated_email() {
    for blank in ["[email protected]", "[email\u{a0}protected]"] {
        let reason = "an obfuscated email address is written user@example.com";
        let made = format!("description: 'Makes {blank}.'");
        assert_error("description: Makes a thing.", &made, &format!("30: /paths/~1things/post/description: {reason}"));
    }
}

#[test]
fn lint_requires_binary_property_for_multipart() {
    let content = "          application/json:\n            schema: {$ref: '#/components/schemas/NewThing'}\n";
    let with = |kind: &str, part: &str| {
        let body = format!("          {kind}:\n            schema: {{$ref: '#/components/schemas/Upload'}}\n");
        let upload = format!(
            "    Upload:\n      description: A file.\n      x-source: https://docs.example.com/make\n      x-evidence: page\n      \
             type: object\n      properties:\n        file: {part}\n    Thing:\n"
        );
        errors(&GOOD.replacen(content, &body, 1).replace("    Thing:\n", &upload))
    };
    assert_eq!(with("multipart/form-data", "{type: string, format: binary}"), [""; 0]);
    for (kind, part) in [
        ("multipart/form-data", "{type: string}"),
        ("multipart/form-data", "{type: integer, format: binary}"),
        ("multipart/mixed", "{type: string, format: binary}"),
    ] {
        let at = format!("35: /paths/~1things/post/requestBody/content/{}", kind.replace('/', "~1"));
        let reason = "must be multipart/form-data with a property `type: string, format: binary`";
        assert_eq!(with(kind, part)[0], format!("specs/things.yaml:{at}: {reason}"));
    }
}

#[test]
fn lint_checks_list_of_what_client_requires() {
    let at = "/components/schemas/Thing/x-required-sdk";
    let with = |list: &str| format!("required: [id]\n      x-required-sdk: {list}");
    assert_error("required: [id]", &with("[size]"), &format!("56: {at}: `size` is not a property"));
    let both = "`id` is in `required`, too; keep it there if a page says so";
    assert_error("required: [id]", &with("[id]"), &format!("56: {at}: {both}"));
    let list = "must be a list of properties that a client of the provider requires";
    for wrong in ["id", "[]", "[7]"] {
        assert_error("required: [id]", &with(wrong), &format!("56: {at}: {list}"));
    }
    assert_eq!(errors(&GOOD.replace("required: [id]", "x-required-sdk: [id]")), [""; 0]);
}

#[test]
fn lint_allows_open_mark_on_enum_only() {
    let reason = "55: /components/schemas/Thing/x-open: must be `true`, and belongs to an enum of a request";
    assert_error("required: [id]", "x-open: true", reason);
}
