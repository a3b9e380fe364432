//! Specs and documentation pages.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use bulkrail_codegen::{Error, Spec, lint, lower};
use bulkrail_specdiff::{AcceptedDifferences, Field, Operation, Page, PageFormat, diff, examples};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::{check_message, within};

fn check_error(error: &Error) {
    check_message(&error.to_string());
    assert_ne!(error.line, Some(0), "lines are counted from 1");
}

/// A spec that is read has a place for each value, is written as JSON and read again as the same, and every step that
/// follows either works or reports errors with a place.
pub fn spec_loader(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let is_json = is_plain_json(text);
    let spec = within(96 * 1024 * 1024 + 256 * data.len(), || Spec::parse("fuzz.yaml", text));
    let spec = match spec {
        Ok(spec) => spec,
        Err(error) => {
            assert!(!is_json, "JSON is refused: {error}");
            return check_error(&error);
        }
    };
    if is_json {
        let expected: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(same_numbers(&spec.document), same_numbers(&expected));
    }
    let lines = text.split(['\n', '\r']).count();
    each_pointer(&spec.document, &mut String::new(), &mut |pointer| {
        let line = spec.line(pointer);
        assert!(line.is_some_and(|line| (1..=lines).contains(&line)), "{pointer:?} in line {line:?} of {lines}");
    });
    let json = spec.document.to_string();
    if json.len() < 1024 * 1024 {
        let again = Spec::parse("fuzz.json", &json).expect("the document as JSON");
        assert_eq!(again.document, spec.document);
    }
    let errors = lint(&spec);
    errors.iter().for_each(check_error);
    // As in the command: a reference that does not resolve would make each example fail as well.
    if !errors.iter().any(|error| error.pointer.ends_with("/$ref")) {
        examples::check(&spec).iter().for_each(check_error);
    }
    if errors.is_empty() {
        drop(lower(&spec));
    }
}

/// Returns `value` with all numbers as floats.
fn same_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64()),
        Value::Array(items) => items.iter().map(same_numbers).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), same_numbers(value))).collect(),
        other => other.clone(),
    }
}

fn each_pointer(value: &Value, pointer: &mut String, check: &mut impl FnMut(&str)) {
    check(pointer);
    let length = pointer.len();
    let mut each = |key: &str, value: &Value| {
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        each_pointer(value, pointer, check);
        pointer.truncate(length);
    };
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| each(&index.to_string(), item)),
        Value::Object(map) => map.iter().for_each(|(key, value)| each(key, value)),
        _ => {}
    }
}

/// Returns whether a text is JSON of less than 90 levels, without a key that is there twice and without characters that
/// YAML does not have.
fn is_plain_json(text: &str) -> bool {
    struct Plain(usize);

    impl<'de> Deserialize<'de> for Plain {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_any(PlainVisitor)
        }
    }

    struct PlainVisitor;

    impl<'de> Visitor<'de> for PlainVisitor {
        type Value = Plain;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a value")
        }

        fn visit_bool<E>(self, _: bool) -> Result<Plain, E> {
            Ok(Plain(0))
        }

        fn visit_i64<E>(self, _: i64) -> Result<Plain, E> {
            Ok(Plain(0))
        }

        fn visit_u64<E>(self, _: u64) -> Result<Plain, E> {
            Ok(Plain(0))
        }

        fn visit_f64<E>(self, _: f64) -> Result<Plain, E> {
            Ok(Plain(0))
        }

        fn visit_str<E>(self, _: &str) -> Result<Plain, E> {
            Ok(Plain(0))
        }

        fn visit_unit<E>(self) -> Result<Plain, E> {
            Ok(Plain(0))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Plain, A::Error> {
            let mut depth = 0;
            while let Some(Plain(inner)) = items.next_element()? {
                depth = depth.max(inner);
            }
            Ok(Plain(depth + 1))
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
            let (mut depth, mut keys) = (0, BTreeSet::new());
            while let Some((key, Plain(inner))) = map.next_entry::<String, Plain>()? {
                depth = depth.max(inner);
                if !keys.insert(key) {
                    return Err(serde::de::Error::custom("a key is there twice"));
                }
            }
            Ok(Plain(depth + 1))
        }
    }

    // Tabs may not indent in YAML, and it has other line breaks.
    let is_plain = |c: char| !c.is_control() || c == '\n';
    text.chars().all(is_plain) && serde_json::from_str(text).is_ok_and(|Plain(depth)| depth < 90)
}

/// Specs that pages are compared with: of each provider the operations that its kept pages describe.
static SPECS: LazyLock<[Spec; 4]> = LazyLock::new(|| {
    let read = |name: &str, text: &str, paths: &[&str]| {
        let mut document = Spec::parse(name, text).expect("a spec of this repository").document;
        let all = document["paths"].as_object_mut().expect("paths");
        all.retain(|path, _| paths.contains(&path.as_str()));
        assert_eq!(all.len(), paths.len(), "{name}");
        Spec::parse(name, &document.to_string()).expect("a part of a spec")
    };
    [
        read(
            "killb.yaml",
            include_str!("../../../specs/killb.yaml"),
            &["/api/v2/accounts", "/api/v2/accounts/bulk/status/{jobId}"],
        ),
        read("reap.yaml", include_str!("../../../specs/reap.yaml"), &["/entity/kyc/import/batch/{batchId}"]),
        read("cdq.yaml", include_str!("../../../specs/cdq.yaml"), &["/bankaccounts/jobs"]),
        read(
            "localpayment.yaml",
            include_str!("../../../specs/localpayment.yaml"),
            &["/api/virtual-account-batch/{externalId}/"],
        ),
    ]
});

/// A page is read or refused in one line, and a page that is read can be compared with a spec.
fn page(data: &[u8], format: PageFormat, start: &str, spec: usize) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let is_format = |page: &Result<Page, Error>| page.as_ref().is_ok_and(|page| page.format == format);
    let parse = |text: &str| within(128 * 1024 * 1024 + 1024 * text.len(), || Page::parse("page.txt", text));
    let (mut page, mut text) = (parse(text), text.to_owned());
    if !is_format(&page) {
        if let Err(error) = &page {
            check_error(error);
        }
        text.insert_str(0, start);
        page = parse(&text);
    }
    let page = match page {
        Ok(page) => page,
        Err(error) => return check_error(&error),
    };
    check_page(&page, text.split(['\n', '\r']).count());
    let with_mark = Page::parse("page.txt", &format!("\u{feff}{text}")).expect("the same page with a byte order mark");
    assert_eq!(format!("{page:?}"), format!("{with_mark:?}"));
    let report = diff(&SPECS[spec], &page, &AcceptedDifferences::default()).expect("a report about any page");
    for difference in &report.differences {
        // It quotes the page; the command escapes what it prints.
        assert!(!difference.message.trim().is_empty(), "{difference:?}");
        assert!(difference.pointer.is_empty() || difference.pointer.starts_with('/'), "{difference:?}");
    }
}

fn check_page(page: &Page, lines: usize) {
    assert!(!page.operations.is_empty(), "a page without an operation");
    let check_line =
        |line: Option<usize>| assert!(line.is_none_or(|line| (1..=lines).contains(&line)), "line {line:?}");
    let check_fields = |fields: &[Field]| {
        for field in fields {
            assert!(field.pointer.is_empty() || field.pointer.starts_with('/'), "{field:?}");
            check_line(field.line);
        }
    };
    for Operation { parameters, request, responses, line, method, .. } in &page.operations {
        assert!(!method.is_empty() && !method.contains(char::is_uppercase), "{method:?}");
        check_line(*line);
        check_fields(parameters);
        request.iter().for_each(|fields| check_fields(fields));
        responses.values().for_each(|fields| check_fields(fields));
    }
    page.warnings.iter().for_each(|warning| check_line(warning.line));
}

/// Descriptions in OpenAPI; see `page`.
pub fn page_openapi(data: &[u8]) {
    page(data, PageFormat::OpenApi, "openapi: 3.0.3\n", 2);
}

/// Markdown with a description in a fenced block.
pub fn page_markdown(data: &[u8]) {
    page(data, PageFormat::Markdown, "# Page\n\n```yaml\nopenapi: 3.0.3\n", 0);
}

/// Text of rendered Mintlify pages.
pub fn page_mintlify(data: &[u8]) {
    page(data, PageFormat::Mintlify, "GET\n/\na\nResponse\n", 0);
}

/// Text of rendered ReadMe pages.
pub fn page_readme(data: &[u8]) {
    page(data, PageFormat::ReadMe, "get\nhttps://api.example.com/a\nResponse: 200 Success\nResponse Fields:\n", 1);
}

/// Text of rendered GitBook pages.
pub fn page_gitbook(data: &[u8]) {
    page(data, PageFormat::GitBook, "GET https://api.example.com/a\nResponse\nParameter\nType\n", 3);
}

/// Markdown of Redocly.
pub fn page_redocly(data: &[u8]) {
    page(data, PageFormat::Redocly, "Endpoint: GET /a\n## Response 200 fields (application/json):\n", 2);
}
