//! What `Spec::parse` refuses, and how it says so.

use bulkrail_codegen::{Error, Spec};
use proptest::prelude::*;

fn refused(text: &str) -> Error {
    Spec::parse("specs/some.yaml", text).expect_err("must be refused")
}

/// Refuses `text` with one line that names the file, the line and the reason.
#[track_caller]
fn refuses(text: &str, line: usize, reason: &str) {
    let message = refused(text).to_string();
    assert!(message.starts_with(&format!("specs/some.yaml:{line}: ")), "{message}");
    assert!(message.contains(reason), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn aliases_anchors_and_tags() {
    // An alias needs an anchor before it, which is refused first.
    refuses("a: 1\nb: *word\n", 2, "/b: is not YAML: while parsing node, found unknown anchor");
    refuses("a: &word 1\n", 1, "/a: anchors are not read, they can grow without bound; use $ref");
    refuses("a:\n  b: &list\n    - 1\n", 2, "/a/b: anchors are not read");
    refuses("a:\n  &map\n  b: 1\n", 2, "anchors are not read");
    refuses("a: 1\nb: !!str 2\n", 2, "/b: tags are not read; take it out");
    refuses("a: !own [1]\n", 1, "/a: tags are not read");
    refuses("a: !own {b: 1}\n", 1, "/a: tags are not read");
}

#[test]
fn an_alias_is_refused_before_it_can_grow() {
    let laughs = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n";
    refuses(laughs, 1, "anchors are not read");
}

#[test]
fn a_key_that_stands_twice() {
    refuses("paths: {}\ninfo: {}\npaths: {}\n", 3, "/paths: stands here twice; keep one");
    refuses("a:\n  b: 1\n  'b': 2\n", 3, "/a/b: stands here twice");
}

#[test]
fn a_key_that_is_no_word() {
    refuses("a: 1\n? [b, c]\n: 2\n", 2, "a key must be a plain word or a string");
    refuses("{a: {{b: 1}: 2}}\n", 1, "a key must be a plain word or a string");
}

#[test]
fn a_second_document() {
    refuses("a: 1\n---\nb: 2\n", 2, "holds more than one document");
    refuses("a: 1\n...\n---\nb: 2\n", 3, "holds more than one document");
}

#[test]
fn nesting_without_end() {
    refuses(&"[".repeat(200), 1, "nested deeper than 96 levels");
    // So many that the YAML library gives up first.
    refuses(&"[".repeat(100_000), 1, "");
    refuses(&"- ".repeat(100_000), 1, "");
    let steps: String = (0..200).map(|step| format!("{}a:\n", " ".repeat(step))).collect();
    refuses(&steps, 98, "nested deeper than 96 levels");
    let deep = format!("{}{}", "[".repeat(96), "]".repeat(96));
    assert!(Spec::parse("specs/some.yaml", &deep).is_ok());
}

#[test]
fn what_is_no_yaml() {
    refuses("a: 1\nb: [1, 2\n", 3, "is not YAML");
    refuses("a:\n\tb: 2\n", 2, "is not YAML");
    refuses("a: 'unclosed\n", 1, "is not YAML");
    refuses("a: 1\n  b: 2\n", 2, "is not YAML");
}

#[test]
fn nothing() {
    refuses("", 1, "is empty");
    refuses("# only a comment\n\n", 1, "is empty");
}

#[test]
fn an_error_is_one_line_whatever_the_spec_holds() {
    let message = refused("\"a\\ncargo::rustc-cfg=evil\": 1\n\"a\\ncargo::rustc-cfg=evil\": 2\n").to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("a\\ncargo::rustc-cfg=evil: stands here twice"), "{message}");
}

#[test]
fn files_that_cannot_be_read() {
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
fn scalars_are_read_by_the_core_schema() {
    let text =
        "a: 1\nb: '1'\nc: 1.5\nd: null\ne: ~\nf:\ng: yes\nh: true\ni: 2025-01-01\nj: 007x\nk: \"\"\nl: '200'\nm: -3\n";
    let spec = Spec::parse("specs/some.yaml", text).expect("a spec");
    let expected = serde_json::json!({
        "a": 1, "b": "1", "c": 1.5, "d": null, "e": null, "f": null, "g": "yes", "h": true, "i": "2025-01-01", "j": "007x",
        "k": "", "l": "200", "m": -3,
    });
    assert_eq!(spec.document, expected);
}

/// JSON may write a sign as two halves; in YAML they stand for themselves, or for nothing.
#[test]
fn signs_in_two_halves() {
    let json = r#"{"a": "\\ud83d \ud83d\ude00é\ud83d\ude00\"",
        "\ud83d\ude00": "\/\n"}"#;
    let spec = Spec::parse("specs/some.json", json).expect("JSON");
    assert_eq!(spec.document, serde_json::from_str::<serde_json::Value>(json).expect("JSON"));
    assert_eq!(spec.line("/\u{1f600}"), Some(2));
    let plain = Spec::parse("specs/some.yaml", r"a: '\ud83d\ude00'").expect("YAML");
    assert_eq!(plain.document["a"], r"\ud83d\ude00");
    refuses(r#"{"a": "\ud83d"}"#, 1, "is not YAML");
    refuses(r#"{"a": "\ud83d\ude00", b: 1}"#, 1, "is not YAML");
}

#[test]
fn every_value_knows_its_line() {
    let text = "a:\n  b/c:\n    - 1\n    - d: 2\n  e: |\n    text\n    text\n";
    let spec = Spec::parse("specs/some.yaml", text).expect("a spec");
    for (pointer, line) in [("", 1), ("/a", 1), ("/a/b~1c", 2), ("/a/b~1c/0", 3), ("/a/b~1c/1/d", 4), ("/a/e", 5)] {
        assert_eq!(spec.line(pointer), Some(line), "{pointer}");
    }
    assert_eq!(spec.line("/a/e/not/there"), Some(5));
    assert_eq!(spec.line("/nowhere"), Some(1));
}

/// A spec with most things that specs have.
const SPEC: &str = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /a/{b}:\n    get:\n      operationId: get_a\n      \
                    responses:\n        '200':\n          description: >-\n            Some\n            text.\n          content: {}\n\
                    components:\n  schemas:\n    A:\n      type: object\n      properties:\n        b: {$ref: '#/components/schemas/B'}\n    \
                    B:\n      type: string\n      enum: [x, \"y\"] # a comment\n";

/// Whatever comes of it, it is a document or one line.
fn is_tame(text: &str) -> Result<(), TestCaseError> {
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
    fn any_text_is_taken_or_refused(text in any::<String>()) {
        is_tame(&text)?;
    }

    #[test]
    fn any_text_of_yaml_signs_is_taken_or_refused(text in "[-?:,\\[\\]{}#&*!|>'\"%@`~\\\\ \t\r\n a0.]{0,80}") {
        is_tame(&text)?;
    }

    #[test]
    fn a_mutated_spec_is_taken_or_refused(
        at in any::<prop::sample::Index>(),
        cut in 0_usize..40,
        put in "[-?:,\\[\\]{}#&*!|>'\"%~ \t\na0]{0,6}",
    ) {
        let start = at.index(SPEC.len());
        let end = SPEC.len().min(start + cut);
        is_tame(&format!("{}{put}{}", &SPEC[..start], &SPEC[end..]))?;
    }
}
