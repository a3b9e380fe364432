//! Proposes changes to specs from drift reports.
//!
//! A drift report says how live responses differed from the spec. `bulkrail wait` and `bulkrail
//! run` write it with `--drift-report`, one JSON document a line:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use bulkrail_codegen::Spec;
//! use bulkrail_specdiff::suggest::{DriftReports, ReportedSpec, propose_patch};
//!
//! let report = concat!(
//!     r#"{"provider": "tiny", "operation": "status", "responses": 3, "drift": ["#,
//!     r#"{"pointer": "/addedLater", "kind": "unknown_field", "expected": "no such field", "#,
//!     r#""found": "string", "count": 2}]}"#,
//! );
//! let mut reports = DriftReports::default();
//! reports.add("drift.jsonl", report.as_bytes())?;
//!
//! let spec = "
//! paths:
//!   /jobs:
//!     get:
//!       operationId: get_job
//!       responses:
//!         '200': {content: {application/json: {schema: {$ref: '#/components/schemas/Job'}}}}
//! components: {schemas: {Job: {type: object, properties: {id: {type: string}}}}}
//! ";
//! let spec = ReportedSpec::new(Spec::parse("tiny.yaml", spec)?, [("status", "get_job")]);
//! let patch = propose_patch(&reports, &BTreeMap::from([("tiny".to_owned(), spec)]));
//! assert!(patch.contains(
//!     "- pointer: /components/schemas/Job/properties\n  add:\n    addedLater:\n      type: string\n"
//! ));
//! # Ok::<(), bulkrail_codegen::Error>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use bulkrail_codegen::{Error, Spec, document, input};
use serde::Deserialize;
use serde_json::{Value, json};

/// Maximum number of references followed in a row. `lint` refuses circular references, but the spec
/// may not have passed it.
const MAX_REFERENCES: usize = 16;

/// Maximum size of a line of a report: 4 MiB, as of a spec or a page. A line has kilobytes.
const MAX_LINE_BYTES: u64 = input::MAX_BYTES;

/// Maximum size of a report: 64 MiB, tens of thousands of batches.
const MAX_REPORT_BYTES: u64 = 64 * 1024 * 1024;

/// Operations of the maintained specs: provider, name in drift reports, `operationId`.
const MAINTAINED_OPERATIONS: [(&str, &str, &str); 10] = [
    ("killb", "submit", "upload_bulk"),
    ("reap", "submit", "upload_batch"),
    ("cdq", "submit", "start_confirmation"),
    ("localpayment", "submit", "create_batch"),
    ("killb", "status", "get_bulk_status"),
    ("killb", "rows", "get_bulk_status"),
    ("reap", "status", "get_batch_status"),
    ("reap", "rows", "get_entity"),
    ("cdq", "status", "get_job"),
    ("localpayment", "status", "get_batch"),
];

/// Spec of a provider, and the operations that its drift reports are about.
#[derive(Debug, Clone)]
pub struct ReportedSpec {
    spec: Spec,
    /// `operationId` by the name in drift reports.
    operations: BTreeMap<String, String>,
}

impl ReportedSpec {
    /// Returns a spec with its operations: the name in drift reports (`status`, `rows`) and the
    /// `operationId`.
    pub fn new<N: Into<String>, I: Into<String>>(spec: Spec, operations: impl IntoIterator<Item = (N, I)>) -> Self {
        let operations = operations.into_iter().map(|(name, id)| (name.into(), id.into()));
        Self { spec, operations: operations.collect() }
    }

    /// Returns a spec with the operations of the maintained provider `provider`, or none if it is
    /// another one.
    #[must_use]
    pub fn maintained(provider: &str, spec: Spec) -> Self {
        let operations = MAINTAINED_OPERATIONS.into_iter().filter(|(known, ..)| *known == provider);
        Self::new(spec, operations.map(|(_, name, id)| (name, id)))
    }

    /// Returns the pointer of the schema of the operation's 2xx response.
    fn response_schema(&self, operation: &str) -> Option<String> {
        let id = self.operations.get(operation)?;
        let operations = document::operations(&self.spec.document);
        let (pointer, operation) = operations.into_iter().find(|(_, operation)| operation["operationId"] == **id)?;
        let status = operation["responses"].as_object()?.keys().find(|status| status.starts_with('2'))?;
        self.follow(format!("{pointer}/responses/{status}/content/application~1json/schema"))
    }

    /// Returns the pointer of the schema of the value at `pointer` of a response, with references
    /// followed.
    fn schema(&self, root: &str, pointer: &str) -> Option<String> {
        self.follow(self.property(root, pointer)?)
    }

    /// Returns the pointer of the property for the value at `pointer` of a response.
    fn property(&self, root: &str, pointer: &str) -> Option<String> {
        let mut property = root.to_owned();
        for segment in pointer.split('/').skip(1) {
            let schema = self.follow(property)?;
            property =
                if segment == "*" { format!("{schema}/items") } else { format!("{schema}/properties/{segment}") };
            self.spec.document.pointer(&property)?;
        }
        Some(property)
    }

    /// Returns the pointer of the schema that `pointer` leads to. Of the members of a union, the
    /// first reference counts.
    fn follow(&self, mut pointer: String) -> Option<String> {
        for _ in 0..MAX_REFERENCES {
            let schema = self.spec.document.pointer(&pointer)?;
            let unions =
                ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|key| Some((key, schema.get(key)?.as_array()?)));
            let member = unions.into_iter().find_map(|(key, members)| {
                let index = members.iter().position(|member| member.get("$ref").is_some())?;
                Some(format!("{pointer}/{key}/{index}"))
            });
            match (schema.get("$ref").and_then(Value::as_str), member) {
                (Some(reference), _) => pointer = reference.strip_prefix('#')?.to_owned(),
                (None, Some(member)) => pointer = member,
                (None, None) => return Some(pointer),
            }
        }
        None
    }
}

/// Line of a drift report.
#[derive(Deserialize)]
struct ReportLine {
    provider: String,
    operation: String,
    /// Number of responses compared; number of rows for the operation `rows`.
    #[serde(alias = "answers")]
    responses: u64,
    drift: Vec<Drift>,
}

/// Difference between responses and the spec.
#[derive(Deserialize)]
struct Drift {
    pointer: String,
    kind: DriftKind,
    expected: String,
    found: String,
    count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DriftKind {
    MissingField,
    TypeMismatch,
    UnknownField,
    UnknownValue,
}

impl DriftKind {
    fn name(self) -> &'static str {
        match self {
            Self::MissingField => "missing_field",
            Self::TypeMismatch => "type_mismatch",
            Self::UnknownField => "unknown_field",
            Self::UnknownValue => "unknown_value",
        }
    }
}

/// Drift reports of many runs, added up.
#[derive(Debug, Clone, Default)]
pub struct DriftReports {
    /// By provider and operation.
    operations: BTreeMap<(String, String), OperationDrift>,
}

#[derive(Debug, Clone, Default)]
struct OperationDrift {
    batches: u64,
    responses: u64,
    /// By pointer and kind.
    places: BTreeMap<(String, DriftKind), PlaceDrift>,
}

/// Drift of one kind at one pointer.
#[derive(Debug, Clone)]
struct PlaceDrift {
    expected: String,
    /// Number of times each word or type was seen.
    counts: BTreeMap<String, u64>,
}

impl DriftReports {
    /// Adds the lines of a file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or is too large. Returns an error with its number for a line
    /// that is not part of a drift report.
    pub fn add_file(&mut self, file: impl AsRef<Path>) -> Result<(), Error> {
        let file = file.as_ref();
        let open = File::open(file).map_err(|error| Error::new(file, None, "", format!("cannot be read: {error}")))?;
        self.add(file, open)
    }

    /// Adds the lines of a report. `file` is the name used in errors.
    ///
    /// # Errors
    ///
    /// Returns an error if reading fails, or the report or a line of it is too large. Returns an error with its number for
    /// a line that is not part of a drift report.
    pub fn add(&mut self, file: impl AsRef<Path>, report: impl Read) -> Result<(), Error> {
        let file = file.as_ref();
        let unreadable = |error: io::Error| Error::new(file, None, "", format!("cannot be read: {error}"));
        let mut report = BufReader::new(report.take(MAX_REPORT_BYTES + 1));
        let (mut bytes, mut line) = (0, Vec::new());
        for number in 1.. {
            line.clear();
            let read =
                report.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line).map_err(unreadable)? as u64;
            bytes += read;
            if bytes > MAX_REPORT_BYTES {
                return Err(Error::new(file, None, "", format!("is larger than {MAX_REPORT_BYTES} bytes; split it")));
            }
            if read > MAX_LINE_BYTES {
                let reason = format!("is longer than {MAX_LINE_BYTES} bytes, which a line of a drift report is not");
                return Err(Error::new(file, Some(number), "", reason));
            }
            if read == 0 {
                break;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let line: ReportLine = serde_json::from_slice(&line).map_err(|error| {
                Error::new(file, Some(number), "", format!("is not a line of a drift report: {error}"))
            })?;
            self.add_line(line);
        }
        Ok(())
    }

    /// Returns the providers that the reports are about, sorted.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        let providers: BTreeSet<&str> = self.operations.keys().map(|(provider, _)| provider.as_str()).collect();
        providers.into_iter()
    }

    fn add_line(&mut self, line: ReportLine) {
        let operation = self.operations.entry((line.provider, line.operation)).or_default();
        operation.batches += 1;
        operation.responses = operation.responses.saturating_add(line.responses);
        for drift in line.drift {
            let new = || PlaceDrift { expected: drift.expected, counts: BTreeMap::new() };
            let place = operation.places.entry((drift.pointer, drift.kind)).or_insert_with(new);
            let count = place.counts.entry(drift.found).or_default();
            *count = count.saturating_add(drift.count);
        }
    }
}

/// Returns a YAML patch for the specs of the reported providers.
///
/// Each entry names a schema by its pointer and says what to add, replace or remove there, with the
/// counts in a comment. The patch is a proposal: apply it only after reading the provider's page
/// again. Providers without an entry in `specs` get comments only.
#[must_use]
pub fn propose_patch(reports: &DriftReports, specs: &BTreeMap<String, ReportedSpec>) -> String {
    let mut patch =
        "# Proposed from live responses by `bulkrail specs suggest`. Read the provider's page again before \
                     you apply any of it.\n"
            .to_owned();
    for ((provider, name), operation) in &reports.operations {
        let OperationDrift { batches, responses, places } = operation;
        let unit = if name == "rows" { "rows" } else { "responses" };
        let (provider_text, name_text) = (one_line(provider), one_line(name));
        // Writing to a string cannot fail.
        let _ = writeln!(patch, "\n# specs/{provider_text}.yaml, {name_text}: {batches} batches, {responses} {unit}");
        if places.is_empty() {
            patch.push_str("# Nothing differed.\n");
            continue;
        }
        let spec = specs.get(provider);
        let root = spec.and_then(|spec| spec.response_schema(name));
        for ((pointer, kind), place) in places {
            let total = place.counts.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
            let found: Vec<_> =
                place.counts.iter().map(|(found, count)| format!("{} ({count})", found_text(found))).collect();
            // One response may have a value of a list many times.
            let seen = match *responses {
                responses if total > responses => format!("seen {total} times in {responses} {unit}"),
                responses => format!("seen in {total} of {responses} {unit}"),
            };
            let (kind_name, pointer_text) = (kind.name(), one_line(pointer));
            let _ = writeln!(patch, "\n# {kind_name} at {pointer_text}: {seen}");
            let _ = writeln!(patch, "# found: {}; the spec says: {}", found.join(", "), one_line(&place.expected));
            let entry = spec.zip(root.as_deref()).and_then(|(spec, root)| entry(spec, root, pointer, *kind, place));
            match entry {
                Some(entry) => patch.push_str(&entry),
                None => patch.push_str("# No proposal: this value is not in the spec.\n"),
            }
        }
    }
    patch
}

/// Lines of YAML with their indentation.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, indent: usize, line: impl AsRef<str>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{}{}", "  ".repeat(indent), line.as_ref());
    }
}

/// Returns the entry of the patch for one place, or `None` if the spec does not have it.
fn entry(spec: &ReportedSpec, root: &str, pointer: &str, kind: DriftKind, place: &PlaceDrift) -> Option<String> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let found: BTreeSet<&str> = place.counts.keys().map(String::as_str).collect();
    let mut lines = Lines::default();
    match kind {
        DriftKind::UnknownField => {
            let object = spec.schema(root, parent)?;
            lines.add(0, format!("- pointer: {}", yaml(&format!("{object}/properties"))));
            lines.add(1, "add:");
            lines.add(2, format!("{}:", yaml(&unescape(name))));
            add_property(&mut lines, 3, &found);
            lines.add(3, "x-evidence: inference");
        }
        DriftKind::UnknownValue => {
            let schema = spec.schema(root, pointer)?;
            lines.add(0, format!("- pointer: {}", yaml(&format!("{schema}/enum"))));
            lines.add(1, "add:");
            for value in &found {
                lines.add(2, format!("- {}", yaml(value)));
            }
        }
        DriftKind::TypeMismatch => {
            let property = spec.property(root, pointer)?;
            lines.add(0, format!("- pointer: {}", yaml(&property)));
            let others: BTreeSet<&str> = found.iter().copied().filter(|name| *name != "null").collect();
            if others.is_empty() {
                lines.add(1, "add:");
                lines.add(2, "nullable: true");
                return Some(lines.0);
            }
            let declared = spec.spec.document.pointer(&property).cloned().unwrap_or_default();
            lines.add(1, "# Replaces the type; description and x- keys stay.");
            lines.add(1, "replace:");
            lines.add(2, "oneOf:");
            for member in union_members(&declared) {
                lines.add(3, format!("- {member}"));
            }
            for name in others {
                lines.add(3, format!("- type: {}", yaml(name)));
            }
            if found.contains("null") {
                lines.add(2, "nullable: true");
            }
            lines.add(2, "x-contradiction:");
            let reason = "Live responses have another type than the page declares; both are accepted.";
            lines.add(3, format!("- {}", yaml(reason)));
        }
        DriftKind::MissingField => {
            let object = spec.schema(root, parent)?;
            lines.add(0, format!("- pointer: {}", yaml(&format!("{object}/required"))));
            lines.add(1, "remove:");
            lines.add(2, format!("- {}", yaml(&unescape(name))));
        }
    }
    Some(lines.0)
}

/// Adds a property with the types that were seen.
fn add_property(lines: &mut Lines, indent: usize, types: &BTreeSet<&str>) {
    let named: Vec<_> = types.iter().copied().filter(|name| *name != "null").collect();
    match &named[..] {
        [] => lines.add(indent, "# only null was seen; the type is unknown"),
        [name] => lines.add(indent, format!("type: {}", yaml(name))),
        names => {
            lines.add(indent, "oneOf:");
            for name in names {
                lines.add(indent + 1, format!("- type: {}", yaml(name)));
            }
        }
    }
    if types.contains("null") {
        lines.add(indent, "nullable: true");
    }
}

/// Returns the members of a `oneOf` for what the spec declares so far, the declared type first.
fn union_members(declared: &Value) -> Vec<String> {
    if let Some(members) = declared["oneOf"].as_array() {
        return members.iter().filter_map(union_member).collect();
    }
    union_member(declared).into_iter().collect()
}

fn union_member(schema: &Value) -> Option<String> {
    let pair = |key: &str| Some(format!("{}: {}", yaml(key), yaml(schema.get(key)?.as_str()?)));
    pair("$ref").or_else(|| pair("type"))
}

fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// Returns a YAML scalar. Everything but plain words and pointers is quoted like JSON, which is
/// valid YAML.
fn yaml(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_~-.".contains(c);
    let starts_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let keywords = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if starts_plain && text.chars().all(is_plain) && !keywords.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    json!(text).to_string()
}

/// Returns a text for a comment, which ends with its line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c }).collect()
}

fn found_text(found: &str) -> String {
    if found.is_empty() { "nothing".to_owned() } else { one_line(found) }
}
