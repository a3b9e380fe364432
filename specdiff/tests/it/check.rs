//! `check`: all rules at once, in the order of the lines.

use std::fs;

use bulkrail_codegen::{Spec, lint};
use bulkrail_specdiff::check;

fn errors(text: &str) -> Vec<String> {
    let spec = Spec::parse("things.yaml", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    check(&spec).iter().map(ToString::to_string).collect()
}

const HEAD: &str = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\ncomponents:\n  schemas:\n";

/// Returns a valid schema with `more` in it.
fn schema(name: &str, more: &str) -> String {
    let evidence = "description: d, x-source: 'https://docs.example.com', x-evidence: page";
    format!("    {name}: {{{evidence}, {more}}}\n")
}

#[test]
fn check_returns_lint_and_example_errors_by_line() {
    let good = format!("{HEAD}{}", schema("Size", "type: integer, example: 1"));
    assert_eq!(errors(&good), [""; 0]);
    let two = format!(
        "{HEAD}{}{}",
        schema("Size", "type: integer, example: large"),
        schema("colour", "type: string, example: red")
    );
    let errors = errors(&two);
    let [example, name] = &errors[..] else { panic!("{errors:#?}") };
    assert!(example.starts_with("things.yaml:5: /components/schemas/Size/example: does not match"), "{example}");
    assert!(name.starts_with("things.yaml:6: /components/schemas/colour: the name must be"), "{name}");
}

/// No example could be validated against such schemas.
#[test]
fn check_skips_examples_after_invalid_reference() {
    for wrong in ["#/components/schemas/Size", "#/components/schemas/Colour", "#/components/schemas/None"] {
        let size =
            schema("Size", "type: object, properties: {a: {$ref: 'X'}}, example: {a: {a: {}}}").replace('X', wrong);
        let itself = schema("Colour", "$ref: '#/components/schemas/Colour', example: red");
        let text = format!("{HEAD}{size}{itself}");
        let spec = Spec::parse("things.yaml", &text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(check(&spec), lint(&spec), "{wrong}");
        assert!(!lint(&spec).is_empty());
    }
}

#[test]
fn check_compares_pages_beside_the_spec() {
    let directory = std::env::temp_dir().join(format!("bulkrail-check-{}", std::process::id()));
    fs::create_dir_all(directory.join("pages/things")).expect("a directory");
    let file = directory.join("things.yaml");
    fs::write(&file, format!("{HEAD}{}", schema("Size", "type: integer"))).expect("a spec");
    let spec = Spec::load(&file).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(check(&spec), []);
    fs::write(directory.join("pages/things/page.txt"), "Endpoint: GET /things ").expect("a page");
    let errors = check(&spec);
    fs::remove_dir_all(&directory).expect("our own directory");
    assert!(errors.len() == 1 && errors[0].reason.contains("the page describes GET /things"), "{errors:?}");
}
