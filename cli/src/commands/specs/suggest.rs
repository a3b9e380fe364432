//! `bulkrail specs suggest`: from what live answers had to a patch that a person reviews.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use bulkrail::{Drift, DriftKind};
use bulkrail_codegen::Spec;
use serde_json::{Value, json};

use super::built_in;
use crate::args::SuggestArgs;
use crate::drift_report::Line;
use crate::error::CliError;
use crate::{exit, output};

/// The operation whose answers a report is about, by provider and the report's word for it.
const OPERATIONS: [(&str, &str, &str); 6] = [
    ("killb", "status", "get_bulk_status"),
    ("killb", "rows", "get_bulk_status"),
    ("reap", "status", "get_batch_status"),
    ("reap", "rows", "get_entity"),
    ("cdq", "status", "get_job"),
    ("localpayment", "status", "get_batch"),
];

/// What the reports say, by provider and operation.
type Seen = BTreeMap<(String, String), Operation>;

#[derive(Default)]
struct Operation {
    batches: u64,
    answers: u64,
    differences: BTreeMap<(String, &'static str), Difference>,
}

/// All that was found at one pointer in one way.
struct Difference {
    kind: DriftKind,
    expected: String,
    /// With how often.
    found: BTreeMap<String, u64>,
}

pub(super) fn run(args: SuggestArgs) -> Result<u8, CliError> {
    let mut seen = Seen::new();
    for file in &args.files {
        read(file, &mut seen)?;
    }
    output::last(output::text(&patch(&seen)?))?;
    Ok(exit::SUCCESS)
}

fn read(file: &Path, seen: &mut Seen) -> Result<(), CliError> {
    let unreadable = |why: String| CliError::usage(format!("{} {why}", file.display()));
    let open = File::open(file).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    for (number, line) in BufReader::new(open).lines().enumerate() {
        let line = line.map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line<'_> = serde_json::from_str(&line)
            .map_err(|error| unreadable(format!("is no drift report: line {}: {error}", number + 1)))?;
        let operation = seen.entry((line.provider.to_string(), line.operation.into_owned())).or_default();
        operation.batches += 1;
        operation.answers = operation.answers.saturating_add(line.responses);
        line.drift.iter().for_each(|drift| operation.add(drift));
    }
    Ok(())
}

impl Operation {
    fn add(&mut self, drift: &Drift) {
        let at = (drift.pointer.clone(), drift.kind.as_str());
        let new = || Difference { kind: drift.kind, expected: drift.expected.to_string(), found: BTreeMap::new() };
        let difference = self.differences.entry(at).or_insert_with(new);
        let count = difference.found.entry(drift.found.clone()).or_default();
        *count = count.saturating_add(drift.count);
    }
}

fn patch(seen: &Seen) -> Result<String, CliError> {
    let mut text =
        "# Proposed from live answers by `bulkrail specs suggest`. Read the provider's page again before you \
                    apply any of it.\n"
            .to_owned();
    for ((provider, word), operation) in seen {
        let unit = if word == "rows" { "rows" } else { "answers" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n# specs/{provider}.yaml, {word}: {} batches, {} {unit}",
            operation.batches, operation.answers
        );
        if operation.differences.is_empty() {
            text.push_str("# Nothing differed.\n");
            continue;
        }
        let spec = built_in(provider)?;
        let known = OPERATIONS.into_iter().find(|known| (known.0, known.1) == (provider, word));
        let root = spec.as_ref().zip(known).and_then(|(spec, (.., id))| answer(spec, id));
        for ((pointer, kind), difference) in &operation.differences {
            let times = difference.found.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
            let found: Vec<_> =
                difference.found.iter().map(|(found, count)| format!("{} ({count})", word_of(found))).collect();
            // In a list, one answer may have it many times.
            let seen = match operation.answers {
                answers if times > answers => format!("seen {times} times in {answers} {unit}"),
                answers => format!("seen in {times} of {answers} {unit}"),
            };
            let _ = writeln!(text, "\n# {kind} at {}: {seen}", one_line(pointer));
            let _ = writeln!(text, "# found: {}; the spec says: {}", found.join(", "), one_line(&difference.expected));
            let entry =
                spec.as_ref().zip(root.as_deref()).and_then(|(spec, root)| entry(spec, root, pointer, difference));
            match entry {
                Some(entry) => text.push_str(&entry),
                None => text.push_str("# Nothing to propose: the place is not in the spec.\n"),
            }
        }
    }
    Ok(text)
}

/// One change, addressed by the pointer of a schema.
fn entry(spec: &Spec, root: &str, pointer: &str, difference: &Difference) -> Option<String> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let types: BTreeSet<&str> = difference.found.keys().map(String::as_str).collect();
    let mut text = String::new();
    let mut line = |indent: usize, line: String| {
        let _ = writeln!(text, "{}{line}", "  ".repeat(indent));
    };
    match difference.kind {
        DriftKind::UnknownField => {
            let object = schema_at(spec, root, parent)?;
            line(0, format!("- at: {}", yaml(&format!("{object}/properties"))));
            line(1, "add:".to_owned());
            line(2, format!("{}:", yaml(&unescaped(name))));
            property(&mut line, 3, &types);
            line(3, "x-evidence: inference".to_owned());
        }
        DriftKind::UnknownValue => {
            let schema = schema_at(spec, root, pointer)?;
            line(0, format!("- at: {}", yaml(&format!("{schema}/enum"))));
            line(1, "add:".to_owned());
            for word in &types {
                line(2, format!("- {}", yaml(word)));
            }
        }
        DriftKind::TypeMismatch => {
            let schema = property_at(spec, root, pointer)?;
            line(0, format!("- at: {}", yaml(&schema)));
            let others: BTreeSet<&str> = types.iter().copied().filter(|kind| *kind != "null").collect();
            let declared = spec.document.pointer(&schema).cloned().unwrap_or_default();
            if others.is_empty() {
                line(1, "add:".to_owned());
                line(2, "nullable: true".to_owned());
                return Some(text);
            }
            line(1, "# In place of its type; description and marks stay.".to_owned());
            line(1, "replace:".to_owned());
            line(2, "oneOf:".to_owned());
            for kind in members(&declared) {
                line(3, format!("- {kind}"));
            }
            for kind in others {
                line(3, format!("- type: {}", yaml(kind)));
            }
            if types.contains("null") {
                line(2, "nullable: true".to_owned());
            }
            line(2, "x-contradiction:".to_owned());
            line(3, format!("- {}", yaml("Live answers have another type than the page declares; both are taken.")));
        }
        DriftKind::MissingField => {
            let object = schema_at(spec, root, parent)?;
            line(0, format!("- at: {}", yaml(&format!("{object}/required"))));
            line(1, "remove:".to_owned());
            line(2, format!("- {}", yaml(&unescaped(name))));
        }
        _ => return None,
    }
    Some(text)
}

/// A property of the types that were seen.
fn property(line: &mut impl FnMut(usize, String), indent: usize, types: &BTreeSet<&str>) {
    let named: Vec<_> = types.iter().copied().filter(|kind| *kind != "null").collect();
    match &named[..] {
        [] => line(indent, "# only null was seen; any type may come".to_owned()),
        [kind] => line(indent, format!("type: {}", yaml(kind))),
        kinds => {
            line(indent, "oneOf:".to_owned());
            for kind in kinds {
                line(indent + 1, format!("- type: {}", yaml(kind)));
            }
        }
    }
    if types.contains("null") {
        line(indent, "nullable: true".to_owned());
    }
}

/// The members of a `oneOf` that stands for what was declared so far, the declared type first.
fn members(declared: &Value) -> Vec<String> {
    if let Some(members) = declared["oneOf"].as_array() {
        return members.iter().flat_map(members_of_one).collect();
    }
    members_of_one(declared)
}

fn members_of_one(schema: &Value) -> Vec<String> {
    let word = |key: &str| Some(format!("{}: {}", yaml(key), yaml(schema.get(key)?.as_str()?)));
    word("$ref").or_else(|| word("type")).into_iter().collect()
}

/// The pointer of the schema of an operation's good answer.
fn answer(spec: &Spec, id: &str) -> Option<String> {
    let paths = spec.document["paths"].as_object()?;
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation))
    });
    let (path, method, operation) = operations.into_iter().find(|(.., operation)| operation["operationId"] == id)?;
    let status = operation["responses"].as_object()?.keys().find(|status| status.starts_with('2'))?;
    let at = format!("/paths/{}/{method}/responses/{status}/content/application~1json/schema", escaped(path));
    follow(spec, at)
}

/// Where the schema of the value at `pointer` of an answer is, with references followed.
fn schema_at(spec: &Spec, root: &str, pointer: &str) -> Option<String> {
    follow(spec, property_at(spec, root, pointer)?)
}

/// The same, but where the property itself stands.
fn property_at(spec: &Spec, root: &str, pointer: &str) -> Option<String> {
    let mut at = root.to_owned();
    for step in pointer.split('/').skip(1) {
        let here = follow(spec, at)?;
        at = if step == "*" { format!("{here}/items") } else { format!("{here}/properties/{step}") };
        spec.document.pointer(&at)?;
    }
    Some(at)
}

/// The pointer of the schema that the one at `at` leads to; of alternatives, the one that has something inside.
fn follow(spec: &Spec, mut at: String) -> Option<String> {
    // References of a spec do not loop, lint says; of one that does not pass it, they might.
    for _ in 0..16 {
        let schema = spec.document.pointer(&at)?;
        let groups =
            ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|key| Some((key, schema.get(key)?.as_array()?)));
        let inside = groups.into_iter().find_map(|(key, members)| {
            let place = members.iter().position(|member| member.get("$ref").is_some())?;
            Some(format!("{at}/{key}/{place}"))
        });
        match (schema.get("$ref").and_then(Value::as_str), inside) {
            (Some(reference), _) => at = reference.strip_prefix('#')?.to_owned(),
            (None, Some(inside)) => at = inside,
            (None, None) => return Some(at),
        }
    }
    None
}

fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// A scalar of YAML. What is not plainly a word or a pointer is quoted, as JSON is, which is YAML.
fn yaml(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_~-.".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let means = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if starts && text.chars().all(plain) && !means.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    json!(text).to_string()
}

/// A text in a comment, which ends with its line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c }).collect()
}

/// A word or a type that was found.
fn word_of(found: &str) -> String {
    if found.is_empty() { "nothing".to_owned() } else { one_line(found) }
}
