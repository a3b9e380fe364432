//! `Spec::parse`: what it reads, what it refuses and with which error.

use bulkrail_codegen::{Error, Spec};
use proptest::prelude::*;

fn refused(text: &str) -> Error {
    Spec::parse("specs/some.yaml", text).expect_err("must be refused")
}

/// Asserts that `text` is refused with one line that has the file, the line and the reason.
#[track_caller]
fn assert_refused(text: &str, line: usize, reason: &str) {
    let message = refused(text).to_string();
    assert!(message.starts_with(&format!("specs/some.yaml:{line}: ")), "{message}");
    assert!(message.contains(reason), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn parse_refuses_aliases_anchors_and_tags() {
    // An alias needs an anchor before it, which is refused first.
    assert_refused("a: 1\nb: *word\n", 2, "/b: is not YAML: while parsing node, found unknown anchor");
    assert_refused("a: &word 1\n", 1, "/a: anchors are not supported, they can expand without limit; use $ref");
    assert_refused("a:\n  b: &list\n    - 1\n", 2, "/a/b: anchors are not supported");
    assert_refused("a:\n  &map\n  b: 1\n", 2, "anchors are not supported");
    assert_refused("a: 1\nb: !!str 2\n", 2, "/b: tags are not supported; remove it");
    assert_refused("a: !own [1]\n", 1, "/a: tags are not supported");
    assert_refused("a: !own {b: 1}\n", 1, "/a: tags are not supported");
}

#[test]
fn parse_refuses_anchor_before_alias_expands() {
    let laughs = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n";
    assert_refused(laughs, 1, "anchors are not supported");
}

#[test]
fn parse_refuses_duplicate_key() {
    assert_refused("paths: {}\ninfo: {}\npaths: {}\n", 3, "/paths: duplicate key; keep one");
    assert_refused("a:\n  b: 1\n  'b': 2\n", 3, "/a/b: duplicate key");
}

#[test]
fn parse_refuses_key_that_is_not_a_scalar() {
    assert_refused("a: 1\n? [b, c]\n: 2\n", 2, "a key must be a scalar");
    assert_refused("{a: {{b: 1}: 2}}\n", 1, "a key must be a scalar");
}

#[test]
fn parse_refuses_second_document() {
    assert_refused("a: 1\n---\nb: 2\n", 2, "contains more than one document");
    assert_refused("a: 1\n...\n---\nb: 2\n", 3, "contains more than one document");
}

#[test]
fn parse_bounds_nesting() {
    assert_refused(&"[".repeat(200), 1, "nested deeper than 96 levels");
    // At this depth the YAML library fails first.
    assert_refused(&"[".repeat(100_000), 1, "");
    assert_refused(&"- ".repeat(100_000), 1, "");
    let steps: String = (0..200).map(|step| format!("{}a:\n", " ".repeat(step))).collect();
    assert_refused(&steps, 98, "nested deeper than 96 levels");
    let deep = format!("{}{}", "[".repeat(96), "]".repeat(96));
    assert!(Spec::parse("specs/some.yaml", &deep).is_ok());
}

#[test]
fn parse_refuses_invalid_yaml_with_line() {
    assert_refused("a: 1\nb: [1, 2\n", 3, "is not YAML");
    assert_refused("a:\n\tb: 2\n", 2, "is not YAML");
    assert_refused("a: 'unclosed\n", 1, "is not YAML");
    assert_refused("a: 1\n  b: 2\n", 2, "is not YAML");
}

#[test]
fn parse_refuses_empty_text() {
    assert_refused("", 1, "is empty");
    assert_refused("# only a comment\n\n", 1, "is empty");
}

#[test]
fn error_display_is_one_line_for_any_key() {
    let message = refused("\"a\\ncargo::rustc-cfg=evil\": 1\n\"a\\ncargo::rustc-cfg=evil\": 2\n").to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("a\\ncargo::rustc-cfg=evil: duplicate key"), "{message}");
}

#[test]
fn load_names_file_that_cannot_be_read() {
    let missing = Spec::load("specs/missing.yaml").expect_err("there is none").to_string();
    assert!(missing.starts_with("specs/missing.yaml: cannot be read: "), "{missing}");
    let directory = std::env::temp_dir().join(format!("bulkrail-codegen-parse-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let file = directory.join("large.yaml");
    std::fs::write(&file, b"a: \xff\n").expect("a file");
    let binary = Spec::load(&file).expect_err("not UTF-8").to_string();
    assert!(
        binary.ends_with("is not text: byte 3 is not UTF-8; save it as text") && binary.lines().count() == 1,
        "{binary}"
    );
    std::fs::remove_dir_all(&directory).expect("our own directory");
}

#[test]
fn parse_reads_scalars_by_core_schema() {
    let text =
        "a: 1\nb: '1'\nc: 1.5\nd: null\ne: ~\nf:\ng: yes\nh: true\ni: 2025-01-01\nj: 007x\nk: \"\"\nl: '200'\nm: -3\n";
    let spec = Spec::parse("specs/some.yaml", text).expect("a spec");
    let expected = serde_json::json!({
        "a": 1, "b": "1", "c": 1.5, "d": null, "e": null, "f": null, "g": "yes", "h": true, "i": "2025-01-01", "j": "007x",
        "k": "", "l": "200", "m": -3,
    });
    assert_eq!(spec.document, expected);
}

/// JSON may write a character as a surrogate pair of escapes; YAML must not.
#[test]
fn parse_combines_surrogate_pairs_of_json() {
    let json = r#"{"a": "\\ud83d \ud83d\ude00é\ud83d\ude00\"",
        "\ud83d\ude00": "\/\n"}"#;
    let spec = Spec::parse("specs/some.json", json).expect("JSON");
    assert_eq!(spec.document, serde_json::from_str::<serde_json::Value>(json).expect("JSON"));
    assert_eq!(spec.line("/\u{1f600}"), Some(2));
    let plain = Spec::parse("specs/some.yaml", r"a: '\ud83d\ude00'").expect("YAML");
    assert_eq!(plain.document["a"], r"\ud83d\ude00");
    assert_refused(r#"{"a": "\ud83d"}"#, 1, "is not YAML");
    assert_refused(r#"{"a": "\ud83d\ude00", b: 1}"#, 1, "is not YAML");
}

#[test]
fn line_of_an_empty_value_at_the_end_is_one_of_the_text() {
    let spec = Spec::parse("x.yaml", "?\n# xx\u{1a}").unwrap();
    assert_eq!((spec.line("/"), spec.line("")), (Some(2), Some(1)), "{:?}", spec.document);
}

#[test]
fn line_returns_line_of_value_or_enclosing_value() {
    let text = "a:\n  b/c:\n    - 1\n    - d: 2\n  e: |\n    text\n    text\n";
    let spec = Spec::parse("specs/some.yaml", text).expect("a spec");
    for (pointer, line) in [("", 1), ("/a", 1), ("/a/b~1c", 2), ("/a/b~1c/0", 3), ("/a/b~1c/1/d", 4), ("/a/e", 5)] {
        assert_eq!(spec.line(pointer), Some(line), "{pointer}");
    }
    assert_eq!(spec.line("/a/e/not/there"), Some(5));
    assert_eq!(spec.line("/nowhere"), Some(1));
}

/// Spec with most of the constructs that specs use.
const SPEC: &str = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /a/{b}:\n    get:\n      operationId: get_a\n      \
                    responses:\n        '200':\n          description: >-\n            Some\n            text.\n          content: {}\n\
                    components:\n  schemas:\n    A:\n      type: object\n      properties:\n        b: {$ref: '#/components/schemas/B'}\n    \
                    B:\n      type: string\n      enum: [x, \"y\"] # a comment\n";

/// Asserts that the text is read, or refused with one line.
fn check_text(text: &str) -> Result<(), TestCaseError> {
    match Spec::parse("specs/some.yaml", text) {
        Ok(spec) => {
            for error in bulkrail_codegen::lint(&spec) {
                prop_assert_eq!(error.to_string().lines().count(), 1);
            }
            let _ = bulkrail_codegen::lower(&spec);
        }
        Err(error) => {
            let message = error.to_string();
            prop_assert_eq!(message.lines().count(), 1, "{}", message);
            prop_assert!(error.line.is_some_and(|line| line > 0), "{}", message);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parse_returns_spec_or_one_line_for_any_text(text in any::<String>()) {
        check_text(&text)?;
    }

    #[test]
    fn parse_returns_spec_or_one_line_for_yaml_characters(text in "[-?:,\\[\\]{}#&*!|>'\"%@`~\\\\ \t\r\n a0.]{0,80}") {
        check_text(&text)?;
    }

    #[test]
    fn parse_returns_spec_or_one_line_for_mutated_spec(
        position in any::<prop::sample::Index>(),
        cut in 0_usize..40,
        put in "[-?:,\\[\\]{}#&*!|>'\"%~ \t\na0]{0,6}",
    ) {
        let start = position.index(SPEC.len());
        let end = SPEC.len().min(start + cut);
        check_text(&format!("{}{put}{}", &SPEC[..start], &SPEC[end..]))?;
    }
}
