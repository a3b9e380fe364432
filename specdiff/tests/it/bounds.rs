//! Specs that make the checks work or use memory the most: checked, or refused with one line,
//! within bounds.

use std::fmt::Write;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bulkrail_codegen::{Error, Spec};
use bulkrail_specdiff::{check, examples};

/// Limit on memory: far more than checking one file takes, far less than the specs ask for.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Limit on time: far more than any check takes without optimisation on a busy machine.
const MAX_TIME: Duration = Duration::from_secs(60);

/// Returns the errors of a spec with these component schemas.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the test measures real time")]
fn errors(schemas: &str) -> Vec<Error> {
    let text = format!("openapi: 3.0.3\ninfo: {{title: t, version: '1'}}\ncomponents:\n  schemas:\n{schemas}");
    let spec = Spec::parse("hostile.yaml", &text).unwrap_or_else(|error| panic!("{error}"));
    let (start, mut errors) = (Instant::now(), Vec::new());
    let used = measure(|| errors = check(&spec));
    assert!(start.elapsed() < MAX_TIME, "took {:?}", start.elapsed());
    assert!(used.bytes_max < MAX_BYTES, "{} bytes at once", used.bytes_max);
    let longest = errors.iter().map(|error| error.reason.len()).max();
    assert!(longest.is_none_or(|longest| longest < 1000), "{longest:?}");
    errors
}

/// Asserts that one error says that the budget is exceeded.
#[track_caller]
fn assert_exceeds_budget(schemas: &str) {
    let lines: Vec<_> = errors(schemas).iter().filter(|error| is_budget_error(error)).map(|error| error.line).collect();
    assert_eq!(lines, [Some(1)]);
}

fn is_budget_error(error: &Error) -> bool {
    error.reason.contains("the remaining examples are not checked")
}

/// Returns a valid schema with `more` in it.
fn schema(name: impl std::fmt::Display, more: &str) -> String {
    let evidence = "description: d, x-source: 'https://docs.example.com', x-evidence: page";
    format!("    {name}: {{{evidence}, {more}}}\n")
}

/// Returns many schemas with `more` in each.
fn many(more: &str) -> String {
    (0..1500).map(|number| schema(format_args!("S{number}"), more)).collect()
}

/// Returns `count` schemas, each with `more` about the next one, and the last one.
fn chain(count: usize, last: &str, more: impl Fn(&str) -> String) -> String {
    (0..count).fold(schema(format_args!("S{count}"), last), |mut text, number| {
        let next = format!("{{$ref: '#/components/schemas/S{}'}}", number + 1);
        let _ = write!(text, "{}", schema(format_args!("S{number}"), &more(&next)));
        text
    })
}

#[test]
fn check_bounds_work_for_references_that_fan_out() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        assert_exceeds_budget(&chain(40, "type: string", |next| format!("{keyword}: [{next}, {next}], example: a")));
    }
    let both = |next: &str| format!("type: object, properties: {{a: {next}, b: {next}}}");
    assert_eq!(
        errors(&chain(40, "type: object, properties: {}", |next| format!("{}, example: {{a: {{}}}}", both(next)))),
        []
    );
}

#[test]
fn check_bounds_work_for_reference_chain() {
    assert_exceeds_budget(&chain(600, "type: string", |next| format!("{next}, example: a").replace(['{', '}'], "")));
    assert_eq!(errors(&chain(1500, "type: string", |next| format!("properties: {{a: {next}}}"))), []);
    // All of them in a cycle, each with an error.
    let ring = chain(1500, "$ref: '#/components/schemas/S0'", |next| format!("properties: {{a: {next}}}"));
    assert_eq!(errors(&ring).iter().filter(|error| error.reason.ends_with("is circular")).count(), 1501);
}

#[test]
fn check_bounds_work_for_references_to_large_schema() {
    let words: String = (0..2000).map(|number| format!("a{number}, ")).collect();
    let large = schema("Large", &format!("type: string, enum: [{words}z]"));
    let all = many("properties: {a: {$ref: '#/components/schemas/Large'}}");
    assert_eq!(errors(&format!("{large}{all}")), []);
    assert_exceeds_budget(&format!("{large}{}", all.replace("}}", "}}, example: {a: z}")));
}

#[test]
fn check_finds_each_wrong_example_of_many_schemas() {
    let all = many("type: integer, example: 1");
    assert_eq!(errors(&all), []);
    assert_eq!(errors(&all.replace("example: 1", "example: one")).len(), 1500);
}

#[test]
fn check_bounds_work_for_large_examples() {
    let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(", "));
    let of = |kind: &str, example: &str| schema("List", &format!("type: array, items: {{{kind}}}, example: {example}"));
    assert_eq!(errors(&of("type: integer", &list("a", 20_000))).len(), 20_000);
    assert_exceeds_budget(&of("anyOf: [{type: integer}, {type: boolean}]", &list("a", 100_000)));
    // Each member has an error about the whole value.
    let members = list("{type: integer}", 2000);
    let long = "long ".repeat(100_000);
    assert_exceeds_budget(&schema("Text", &format!("allOf: {members}, example: {long}")));
    assert_exceeds_budget(&of(&format!("anyOf: {members}"), &list("a", 2000)));
    assert_eq!(errors(&of("type: array, items: {}, uniqueItems: true", &list(&list("1", 500), 350))).len(), 350);
    // Under a long key.
    let name = "n".repeat(40_000);
    let wrong = format!(
        "type: object, properties: {{{name}: {{type: array, items: {{type: integer}}}}}}, example: {{{name}: {}}}",
        list("a", 700)
    );
    assert_exceeds_budget(&schema("Long", &wrong));
}

#[test]
fn check_bounds_work_for_expensive_patterns() {
    for pattern in ["'^(a+)+$'", "'(a{1000}){1000}'", "'(a|a)*(a|a)*(a|a)*b'", "'^(\\w{50}){50}$'"] {
        let example = "a".repeat(50_000);
        let one = format!("type: string, pattern: {pattern}, example: {example}");
        errors(&schema("Text", &one));
        assert_exceeds_budget(&many(&one.replace(&example, "aaaaaaaaaaaaaaaaaaaaaaaaaaaa!")));
    }
    let regex = schema("Text", "type: string, format: regex, example: '((a{100}){100}){100}'");
    assert_eq!(errors(&regex), []);
}

/// The validator recurses for each level, when it is compiled and when it is used.
#[test]
fn check_bounds_depth_of_nested_schemas() {
    for (open, close, levels) in [("not: {", "}", 85), ("items: {", "}", 85), ("allOf: [{", "}]", 40)] {
        let nested = |next: &str| {
            let next = next.replace(['{', '}'], "");
            format!("{}{next}{}, example: [a]", open.repeat(levels), close.repeat(levels))
        };
        assert!(!errors(&chain(2, "type: string", nested)).iter().any(is_budget_error), "{open}");
        assert_exceeds_budget(&chain(3, "type: string", nested));
    }
}

/// A reference to a value outside of the components must not resolve to the wrapper of the
/// validator.
#[test]
fn check_reports_reference_to_non_component() {
    let text = "components:\n  schemas:\n    S0: {$ref: '#/allOf/0', example: a}\nallOf: [{}]\n";
    let spec = Spec::parse("hostile.yaml", text).unwrap_or_else(|error| panic!("{error}"));
    let errors = examples::check(&spec);
    assert!(errors.iter().any(|error| error.reason.starts_with("is not a valid schema: ")), "{errors:?}");
}
