//! What narrows a value, types that disagree, names, addresses and files: the rules about how facts are written down.

use crate::{GOOD, findings, trips};

#[test]
fn what_narrows_needs_a_page() {
    let reason = |what: &str, evidence: &str| {
        format!(
            "`{what}` needs a page that says so, not the evidence `{evidence}`; take it out, or say in an `x-unknown` of its own \
             what no page says"
        )
    };
    let required = "55: /components/schemas/Thing/required/0";
    for evidence in ["sdk", "inference"] {
        let id = format!("id: {{type: string, x-evidence: {evidence}}}");
        trips("id: {type: string}", &id, &format!("{required}: {}", reason("required: id", evidence)));
        let unknown = "id: {type: string, x-evidence: sdk, x-unknown: [Whether it is always there.]}";
        assert_eq!(findings(&GOOD.replace("id: {type: string}", unknown)), [""; 0]);
    }
    let limits =
        [("nullable", "true"), ("pattern", "'^a$'"), ("maxLength", "3"), ("minimum", "0"), ("uniqueItems", "true")];
    for (limit, value) in limits {
        let at = format!("57: /components/schemas/Thing/properties/size/{limit}");
        let size = |evidence: &str| {
            format!("id: {{type: string}}\n        size: {{type: string, {limit}: {value}, x-evidence: {evidence}}}")
        };
        let at = at.replace("57:", "58:");
        trips("id: {type: string}", &size("sdk"), &format!("{at}: {}", reason(limit, "sdk")));
        assert_eq!(findings(&GOOD.replace("id: {type: string}", &size("page"))), [""; 0]);
    }
    // What takes nothing away.
    let no = "id: {type: string}\n        size: {type: string, nullable: false, x-evidence: sdk}";
    assert_eq!(findings(&GOOD.replace("id: {type: string}", no)), [""; 0]);
}

#[test]
fn what_narrows_a_call_needs_a_page() {
    let reason = "`required` needs a page that says so, not the evidence `inference`; take it out, or say in an `x-unknown` of its \
                  own what no page says";
    let needed = "        - name: kind\n          required: true\n          x-evidence: inference\n";
    let at = "17: /paths/~1things~1{id}/get/parameters/0/required";
    trips("        - name: kind\n", needed, &format!("{at}: {reason}"));
    let in_path = GOOD.replace("        - name: kind\n          in: query\n", &format!("{needed}          in: path\n"));
    assert_eq!(findings(&in_path), [""; 0]);
    let body = "      requestBody:\n        required: true\n        x-evidence: inference\n";
    let at = "34: /paths/~1things/post/requestBody/required";
    trips("      requestBody:\n", body, &format!("{at}: {reason}"));
    let known = format!("{body}        x-unknown: [Whether it may be left out.]\n");
    assert_eq!(findings(&GOOD.replace("      requestBody:\n", &known)), [""; 0]);
}

#[test]
fn types_that_disagree() {
    let both = "oneOf: [{type: integer}, {type: string}]";
    let reason = "types that disagree need an `x-contradiction` that says who says what";
    let at = "57: /components/schemas/Thing/properties/id";
    trips("id: {type: string}", &format!("id: {{{both}}}"), &format!("{at}: {reason}"));
    let settled = format!("id: {{{both}, x-contradiction: [Its own example is a text.]}}");
    assert_eq!(findings(&GOOD.replace("id: {type: string}", &settled)), [""; 0]);
}

#[test]
fn names_without_the_provider() {
    let text = GOOD.replace("    Colour:", "    ThingsColour:").replace("/Colour'", "/ThingsColour'");
    let reason = "the name must do without `things`; the Rust module says it already";
    assert_eq!(findings(&text), [format!("specs/things.yaml:60: /components/schemas/ThingsColour: {reason}")]);
}

#[test]
fn addresses_that_a_page_blanks_out() {
    for blank in ["[email protected]", "[email\u{a0}protected]"] {
        let reason = "an address that the page blanks out is written user@example.com";
        let made = format!("description: 'Makes {blank}.'");
        trips("description: Makes a thing.", &made, &format!("30: /paths/~1things/post/description: {reason}"));
    }
}

#[test]
fn files_in_requests() {
    let content = "          application/json:\n            schema: {$ref: '#/components/schemas/NewThing'}\n";
    let body = |kind: &str, part: &str| {
        format!(
            "          {kind}:\n            schema: {{$ref: '#/components/schemas/Upload'}}\n          application/json:\n            \
             schema: {{$ref: '#/components/schemas/NewThing'}}\n@{part}"
        )
    };
    let with = |kind: &str, part: &str| {
        let body = body(kind, part);
        let (body, part) = body.split_once('@').expect("two parts");
        let upload = format!(
            "    Upload:\n      description: A file.\n      x-source: https://docs.example.com/make\n      x-evidence: page\n      \
             type: object\n      properties:\n        file: {part}\n    Thing:\n"
        );
        findings(&GOOD.replacen(content, body, 1).replace("    Thing:\n", &upload))
    };
    assert_eq!(with("multipart/form-data", "{type: string, format: binary}"), [""; 0]);
    for (kind, part) in [
        ("multipart/form-data", "{type: string}"),
        ("multipart/form-data", "{type: integer, format: binary}"),
        ("multipart/mixed", "{type: string, format: binary}"),
    ] {
        let at = format!("35: /paths/~1things/post/requestBody/content/{}", kind.replace('/', "~1"));
        let reason = "must be multipart/form-data with a property `type: string, format: binary`";
        assert_eq!(with(kind, part), [format!("specs/things.yaml:{at}: {reason}")]);
    }
}
