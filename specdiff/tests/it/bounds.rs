//! Specs that are built to keep the rules busy or to fill the memory with them: checked, or refused in one clear line, within bounds.

use std::fmt::Write;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bulkrail_codegen::{Error, Spec};
use bulkrail_specdiff::check;

/// Far more than checking one file takes; far less than what the specs ask for.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Far more than any of them takes without optimisation on a busy machine; far less than for ever.
const LONGEST: Duration = Duration::from_secs(60);

/// What is found in a spec with these component schemas.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "how long it really takes is what is asked")]
fn found(schemas: &str) -> Vec<Error> {
    let text = format!("openapi: 3.0.3\ninfo: {{title: t, version: '1'}}\ncomponents:\n  schemas:\n{schemas}");
    let spec = Spec::parse("hostile.yaml", &text).unwrap_or_else(|error| panic!("{error}"));
    let (start, mut found) = (Instant::now(), Vec::new());
    let used = measure(|| found = check(&spec));
    assert!(start.elapsed() < LONGEST, "took {:?}", start.elapsed());
    assert!(used.bytes_max < MOST_BYTES, "{} bytes at once", used.bytes_max);
    let longest = found.iter().map(|error| error.reason.len()).max();
    assert!(longest.is_none_or(|longest| longest < 1000), "{longest:?}");
    found
}

/// One error says that the examples are not held against their schemas any further.
#[track_caller]
fn gives_up(schemas: &str) {
    let lines: Vec<_> = found(schemas).iter().filter(|error| is_end(error)).map(|error| error.line).collect();
    assert_eq!(lines, [Some(1)]);
}

fn is_end(error: &Error) -> bool {
    error.reason.contains("they are not held against each other any further")
}

/// A schema that keeps the rules, with `more` in it.
fn schema(name: impl std::fmt::Display, more: &str) -> String {
    let marks = "description: d, x-source: 'https://docs.example.com', x-evidence: page";
    format!("    {name}: {{{marks}, {more}}}\n")
}

/// Schemas that all say `more`.
fn many(more: &str) -> String {
    (0..1500).map(|number| schema(format_args!("S{number}"), more)).collect()
}

/// `count` schemas, each with what `more` says of the next one, and the last.
fn chain(count: usize, last: &str, more: impl Fn(&str) -> String) -> String {
    (0..count).fold(schema(format_args!("S{count}"), last), |mut text, number| {
        let next = format!("{{$ref: '#/components/schemas/S{}'}}", number + 1);
        let _ = write!(text, "{}", schema(format_args!("S{number}"), &more(&next)));
        text
    })
}

#[test]
fn references_that_fan_out() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        gives_up(&chain(40, "type: string", |next| format!("{keyword}: [{next}, {next}], example: a")));
    }
    let both = |next: &str| format!("type: object, properties: {{a: {next}, b: {next}}}");
    assert_eq!(
        found(&chain(40, "type: object, properties: {}", |next| format!("{}, example: {{a: {{}}}}", both(next)))),
        []
    );
}

#[test]
fn references_in_a_row() {
    gives_up(&chain(600, "type: string", |next| format!("{next}, example: a").replace(['{', '}'], "")));
    assert_eq!(found(&chain(1500, "type: string", |next| format!("properties: {{a: {next}}}"))), []);
    // All of them in a ring, and each of them with something wrong.
    let ring = chain(1500, "$ref: '#/components/schemas/S0'", |next| format!("properties: {{a: {next}}}"));
    assert_eq!(found(&ring).iter().filter(|error| error.reason.ends_with("leads back to itself")).count(), 1501);
}

#[test]
fn many_references_to_much() {
    let large = schema("Large", &format!("type: string, enum: [{}z]", "a, ".repeat(2000)));
    let all = many("properties: {a: {$ref: '#/components/schemas/Large'}}");
    assert_eq!(found(&format!("{large}{all}")), []);
    gives_up(&format!("{large}{}", all.replace("}}", "}}, example: {a: z}")));
}

#[test]
fn many_schemas_with_examples() {
    let all = many("type: integer, example: 1");
    assert_eq!(found(&all), []);
    assert_eq!(found(&all.replace("example: 1", "example: one")).len(), 1500);
}

#[test]
fn large_examples() {
    let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(", "));
    let of = |kind: &str, example: &str| schema("List", &format!("type: array, items: {{{kind}}}, example: {example}"));
    assert_eq!(found(&of("type: integer", &list("a", 20_000))).len(), 20_000);
    gives_up(&of("anyOf: [{type: integer}, {type: boolean}]", &list("a", 100_000)));
    // Each of the members says something about all of it.
    let members = list("{type: integer}", 2000);
    let long = "long ".repeat(100_000);
    gives_up(&schema("Text", &format!("allOf: {members}, example: {long}")));
    gives_up(&of(&format!("anyOf: {members}"), &list("a", 2000)));
    assert_eq!(found(&of("type: array, uniqueItems: true", &list(&list("1", 500), 350))).len(), 350);
    // Under a long name.
    let name = "n".repeat(40_000);
    let wrong = format!(
        "type: object, properties: {{{name}: {{type: array, items: {{type: integer}}}}}}, example: {{{name}: {}}}",
        list("a", 700)
    );
    gives_up(&schema("Long", &wrong));
}

#[test]
fn patterns() {
    for pattern in ["'^(a+)+$'", "'(a{1000}){1000}'", "'(a|a)*(a|a)*(a|a)*b'", "'^(\\w{50}){50}$'"] {
        let example = "a".repeat(50_000);
        let one = format!("type: string, pattern: {pattern}, example: {example}");
        found(&schema("Text", &one));
        gives_up(&many(&one.replace(&example, "aaaaaaaaaaaaaaaaaaaaaaaaaaaa!")));
    }
    let regex = schema("Text", "type: string, format: regex, example: '((a{100}){100}){100}'");
    assert_eq!(found(&regex), []);
}

/// A call inside a call for each of them, while the validator is made and while it is used.
#[test]
fn nested_far_down() {
    for (open, close, levels) in [("not: {", "}", 85), ("items: {", "}", 85), ("allOf: [{", "}]", 40)] {
        let nested = |next: &str| {
            let next = next.replace(['{', '}'], "");
            format!("{}{next}{}, example: [a]", open.repeat(levels), close.repeat(levels))
        };
        assert!(!found(&chain(2, "type: string", nested)).iter().any(is_end), "{open}");
        gives_up(&chain(3, "type: string", nested));
    }
}

/// What stands beside the components leads back to itself by a name of ours, which no rule about the file can know.
#[test]
fn references_to_what_is_no_component() {
    let found = found("    S0: {$ref: '#/allOf/0', example: a}\nallOf: [{}]\n");
    assert!(found.iter().any(|error| error.reason.starts_with("nothing can be held against it: ")), "{found:?}");
}
