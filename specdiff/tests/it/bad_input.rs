//! Invalid pages: refused with one line each, within bounds of time and memory.

use std::fs;
use std::path::PathBuf;

use crate::support::text;
use bulkrail_codegen::Spec;
use bulkrail_specdiff::{AcceptedDifferences, MAX_PAGE_BYTES, Page, diff};
use proptest::prelude::*;

/// Returns the error about a text that is refused: one line.
#[track_caller]
fn refused(text: &str) -> String {
    let message = match Page::parse("page", text) {
        Ok(page) => panic!("was read as {}", page.format),
        Err(error) => error.to_string(),
    };
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.len() < 1000, "{message}");
    message
}

#[test]
fn page_parse_refuses_text_of_unknown_format() {
    assert_eq!(refused(""), "page: is empty");
    assert_eq!(refused("\u{feff} \n\t\n "), "page: is empty");
    let html = refused("<!DOCTYPE html><html><head><title>Get Bulk Upl");
    assert!(html.starts_with("page: is HTML; save the text of the page"), "{html}");
    assert_eq!(refused("Hello\n\0\n"), "page:2: contains a NUL byte; save the page as text");
    for other in ["Just some text.\n", "{\"a\": 1}", "[1, 2]", "# Title\n\n```json\n{\"a\": 1}\n```\n", "a: 1\nb: 2\n"]
    {
        let message = refused(other);
        assert!(
            message.starts_with("page: has an unknown format: expected an OpenAPI 3.0 or 3.1 description"),
            "{message}"
        );
    }
}

#[test]
fn page_load_refuses_unreadable_files() {
    let directory = Directory::new("files");
    let load = |name: &str, bytes: &[u8]| {
        let file = directory.0.join(name);
        fs::write(&file, bytes).expect("a file");
        Page::load(&file).expect_err("refused").to_string()
    };
    let large = load("large.txt", &b"GET\n/\napi\n".repeat(5 * 1024 * 1024));
    assert!(large.ends_with("large.txt: is larger than 4194304 bytes; save one page, or one description"), "{large}");
    let binary = load("binary.txt", b"GET\n\xff\xfe\x00");
    assert!(binary.ends_with("is not text: byte 4 is not UTF-8; save it as text"), "{binary}");
    let missing = Page::load(directory.0.join("missing.txt")).expect_err("refused").to_string();
    assert!(missing.contains("missing.txt: cannot be read: "), "{missing}");
    assert!(Page::load(&directory.0).expect_err("refused").to_string().contains("cannot be read: "));
}

#[test]
fn page_parse_refuses_invalid_description() {
    let head = "openapi: 3.0.3\npaths:\n";
    assert!(refused("openapi: 3.0.3\npaths: {\n").starts_with("page:3: /paths: is not YAML: "));
    assert!(refused("{\"openapi\": \"3.0.3\", \"paths\": {").starts_with("page:1: is not JSON: "));
    assert!(refused("# Page\n\n```yaml\nopenapi: 3.0.3\npaths: {\n```\n").starts_with("page:6: /paths: is not YAML: "));
    let old = "is a description, but not of OpenAPI 3.0 or 3.1";
    assert_eq!(refused("{\"swagger\": \"2.0\", \"paths\": {}}"), format!("page:1: {old}"));
    assert_eq!(refused("openapi: 4.0.0\npaths: {}\n"), format!("page:1: {old}"));
    let none = refused("openapi: 3.0.3\npaths: {}\n");
    assert_eq!(none, "page: has the format openapi but describes no operation");
    let elsewhere = refused(&format!("{head}  /a:\n    get: {{responses: {{'200': {{$ref: 'other.yaml#/a'}}}}}}\n"));
    assert!(
        elsewhere.ends_with("its `$ref` points into another file; save the description as a single file"),
        "{elsewhere}"
    );
    let nowhere = refused(&format!("{head}  /a:\n    get: {{responses: {{'200': {{$ref: '#/nothing'}}}}}}\n"));
    assert!(
        nowhere.starts_with("page:4: /paths/~1a/get/responses/200: its `$ref` points at a value that does not exist"),
        "{nowhere}"
    );
}

#[test]
fn page_parse_refuses_alias_bomb() {
    let mut bomb = "openapi: 3.0.3\nl0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let below = format!("*l{}", level - 1);
        bomb += &format!("l{level}: &l{level} [{}]\n", [below.as_str(); 10].join(", "));
    }
    assert_eq!(refused(&bomb), "page:2: /l0: anchors are not supported, they can expand without limit; use $ref");
}

/// Returns a description with these component schemas, the first of which is a response.
fn with_schemas(schemas: &str) -> String {
    format!(
        "openapi: 3.0.3\npaths:\n  /a:\n    get:\n      operationId: get_a\n      responses:\n        '200':\n          content:\n            \
         application/json:\n              schema: {{$ref: '#/components/schemas/S0'}}\ncomponents:\n  schemas:\n{schemas}"
    )
}

#[test]
fn page_parse_and_diff_refuse_circular_references() {
    let itself = refused(&with_schemas("    S0: {$ref: '#/components/schemas/S0'}\n"));
    assert!(itself.ends_with("`$ref` #/components/schemas/S0 is circular"), "{itself}");
    let tree = with_schemas("    S0:\n      properties:\n        child: {items: {$ref: '#/components/schemas/S0'}}\n");
    let message = refused(&tree);
    assert!(message.starts_with("page:15: /components/schemas/S0/properties/child/items: "), "{message}");
    let answers = "openapi: 3.0.3\npaths:\n  /a:\n    get:\n      responses:\n        '200': {$ref: '#/paths/~1a/get/responses/200'}\n";
    assert!(refused(answers).ends_with("its `$ref` is circular"));
    // The same in the spec.
    let spec = Spec::parse("specs/s.yaml", &tree).expect("YAML");
    let page = Page::parse("page", &with_schemas("    S0: {type: string}\n")).expect("a page");
    let message = diff(&spec, &page, &AcceptedDifferences::default()).expect_err("refused").to_string();
    assert!(
        message.starts_with("specs/s.yaml:15: /components/schemas/S0/properties/child/items: `$ref` "),
        "{message}"
    );
}

#[test]
fn page_parse_refuses_references_that_fan_out() {
    // Each object holds the next one ten times: 10^30 fields.
    let fan = |below: &dyn Fn(usize) -> String| {
        let schemas: String = (0..30).map(|level| format!("    S{level}: {}\n", below(level + 1))).collect();
        with_schemas(&format!("{schemas}    S30: {{type: string}}\n"))
    };
    let wide = fan(&|next| {
        let fields: Vec<String> =
            (0..10).map(|field| format!("f{field}: {{$ref: '#/components/schemas/S{next}'}}")).collect();
        format!("{{properties: {{{}}}}}", fields.join(", "))
    });
    let message = refused(&wide);
    assert!(message.contains("split the page"), "{message}");
    // The same without any field.
    let flat = fan(&|next| {
        let member = format!("{{$ref: '#/components/schemas/S{next}'}}");
        format!("{{allOf: [{}]}}", [member.as_str(); 10].join(", "))
    });
    assert!(refused(&flat).contains("split the page"));
}

#[test]
fn page_parse_bounds_nesting() {
    let deep = |open: &str, close: &str| format!("openapi: 3.0.3\na: {}1{}\n", open.repeat(200), close.repeat(200));
    assert!(refused(&deep("[", "]")).ends_with("is nested deeper than 96 levels; flatten it"));
    assert!(refused(&deep("{a: ", "}")).ends_with("is nested deeper than 96 levels; flatten it"));
    refused(&format!("openapi: 3.0.3\na: {}", "[".repeat(1_000_000)));
    refused(&format!("{{\"openapi\": {}", "[".repeat(1_000_000)));
    // Under long keys, whose pointers alone would fill the memory.
    let name = "n".repeat(1000);
    let long = format!(
        "openapi: 3.0.3\na: {}[{}]{}\n",
        format!("{{{name}: ").repeat(90),
        "1,".repeat(1_000_000),
        "}".repeat(90)
    );
    assert!(refused(&long).contains("long keys nested too deeply"), "{}", refused(&long));
    let schema = format!("{}{{type: string}}{}", "{properties: {a: ".repeat(40), "}}".repeat(40));
    assert!(Page::parse("page", &with_schemas(&format!("    S0: {schema}\n"))).is_ok());
}

/// Texts of the maximum size that make a reader work the most. Each must finish within the time of
/// the test.
#[test]
fn page_parse_bounds_work_for_large_texts_of_every_format() {
    let repeated = |start: &str, unit: &str| {
        let limit = if start.contains("openapi") { MAX_PAGE_BYTES as usize } else { 1024 * 1024 };
        unit.repeat((limit - 10_000) / unit.len())
    };
    let mintlify = "GET\n/\na\nResponse\n";
    let readme = "get\nhttps://api.example.com/a\nResponse: 200 Success\nResponse Fields:\n";
    let gitbook = "GET https://api.example.com/a\nResponse\nParameter\nType\n";
    let redocly = "Endpoint: GET /a\n## Response 200 fields (application/json):\n";
    let spec = Spec::parse("specs/a.yaml", &with_schemas("    S0: {type: object, properties: {b: {type: string}}}\n"))
        .expect("a spec");
    for (start, unit) in [
        (mintlify, "a\nstring\n"),
        (mintlify, "{\"a\":[\n"),
        (mintlify, "{\"a\": 1}\n"),
        ("", "GET\n/\n"),
        (readme, "a.status: b"),
        (readme, "a.b.c.d.e.f.g.h"),
        (readme, "\nB Values:\na: b"),
        (readme, "{\"a\":{}}"),
        (readme, "- : "),
        (mintlify, "200\nResponse\n"),
        (gitbook, "a\nString\n"),
        (gitbook, "a\nArray\n"),
        (redocly, "- `a` (string) "),
        (redocly, "- `a.b.c.d.e.f` (array) "),
        (redocly, "Endpoint: GET /a "),
        (redocly, "## "),
        ("```\nopenapi: 3.0.3\n", "```\n"),
        ("openapi: 3.0.3\npaths:\n", "  ? a\n"),
        ("openapi: 3.0.3\n", "- "),
    ] {
        let text = format!("{start}{}", repeated(start, unit));
        match Page::parse("page", &text) {
            Ok(page) => {
                let report = diff(&spec, &page, &AcceptedDifferences::default()).expect("a report");
                assert!(report.differences.len() < 2_000_000);
            }
            Err(error) => assert_eq!(error.to_string().lines().count(), 1, "{error}"),
        }
    }
    let numbered: String = (0..50_000).map(|field| format!("f{field}\nstring\n")).collect();
    let page = Page::parse("page", &format!("{mintlify}{numbered}")).expect("a page");
    let report = diff(&spec, &page, &AcceptedDifferences::default()).expect("a report");
    assert_eq!(report.differences.len(), 50_001);
}

/// Asserts that the text is a page that can be compared, or refused with one line.
fn check_text(text: &str, spec: &Spec) -> Result<(), TestCaseError> {
    match Page::parse("page", text) {
        Ok(page) => {
            let report = diff(spec, &page, &AcceptedDifferences::default());
            for difference in report.map_err(|error| TestCaseError::fail(error.to_string()))?.differences {
                prop_assert!(!difference.message.is_empty());
            }
        }
        Err(error) => prop_assert_eq!(error.to_string().lines().count(), 1),
    }
    Ok(())
}

fn specs() -> &'static [Spec] {
    static SPECS: std::sync::OnceLock<Vec<Spec>> = std::sync::OnceLock::new();
    SPECS.get_or_init(|| crate::support::PAGES.iter().map(|(provider, ..)| crate::support::spec(provider)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn page_parse_returns_page_or_one_line_for_any_text(text in any::<String>()) {
        check_text(&text, &specs()[3])?;
    }

    #[test]
    fn page_parse_returns_page_or_one_line_after_any_format_header(
        start in prop::sample::select(vec![
            "GET\n/\na\nResponse\n", "get\nhttps://a/b\nResponse: 200\nResponse Fields:\n", "get\nhttps://a/b\nX Values:\n",
            "GET /a\nName\nType\nResponse\nParameter\nType\nExample\n", "Endpoint: GET /a ## Response 200 ", "openapi: 3.0.3\n",
            "{\"openapi\": \"3.1.0\", \"paths\":", "```\nopenapi: 3.1.0\n",
        ]),
        rest in "([a-zé]{1,3}|[-\"`'.:,|(){}\\[\\]<>#*/$& \n]|string|String|required|Example:|Enum: |Available options:\n|- `|200){0,60}",
    ) {
        check_text(&format!("{start}{rest}"), &specs()[3])?;
    }

    #[test]
    fn page_parse_returns_page_or_one_line_for_mutated_page(
        page in 0_usize..5,
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_usize..40, "([-\"`.:,(){}\\[\\]<>#*/ \né]|string|required|: ){0,4}"),
            1..4,
        ),
    ) {
        let mut text: Vec<char> = text(crate::support::PAGES[page].1).chars().collect();
        for (at, cut, put) in edits {
            let start = at.index(text.len());
            let end = text.len().min(start + cut);
            text.splice(start..end, put.chars());
        }
        check_text(&text.into_iter().collect::<String>(), &specs()[page])?;
    }
}

/// Temporary directory, removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bulkrail-specdiff-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
