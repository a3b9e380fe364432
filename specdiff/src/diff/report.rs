//! Compares a page with a spec.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use bulkrail_codegen::{Error, Spec, pointer};

use crate::diff::accepted::AcceptedDifferences;
use crate::diff::claims::{self, Claim};
use crate::diff::collector::Collector;
use crate::diff::difference::{Change, Class, Difference};
use crate::diff::operation::compare_operation;
use crate::diff::pairing::{self, Pairing, Relation};
use crate::diff::transport;
use crate::pages::budget::Budget;
use crate::pages::document::Document;
use crate::pages::model::{Operation, Page, PageFormat, ParseWarning};
use crate::pages::openapi;

/// Result of [`diff`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DiffReport {
    /// `operationId` of each operation that was compared.
    pub compared: Vec<String>,
    /// Further operations of the page that the spec leaves out, as method and path.
    pub not_in_spec: Vec<String>,
    /// `operationId` of each operation of the spec that a description of a part of the API leaves
    /// out. Empty for rendered pages, which describe one operation.
    pub not_on_page: Vec<String>,
    /// Differences in the order of the page, accepted ones among them, stale acceptances last.
    pub differences: Vec<Difference>,
    /// Indexes of the accepted differences that matched.
    pub(crate) used_entries: BTreeSet<usize>,
    /// Statements of the spec about the fields that the page describes.
    pub(crate) claims: Vec<Claim>,
}

impl DiffReport {
    /// Returns the differences that are not accepted.
    pub fn unaccepted(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.accepted.is_none())
    }

    /// Returns the accepted differences.
    pub fn accepted(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.accepted.is_some())
    }
}

/// Compares the operations that `page` describes with those of `spec`.
///
/// The comparison covers the facts that the page can express; see
/// [`Expressiveness`](crate::Expressiveness). The file name of the spec without its extension is
/// the provider in `accepted`.
///
/// ```
/// use bulkrail_codegen::Spec;
/// use bulkrail_specdiff::{AcceptedDifferences, Change, Page, diff};
///
/// let spec = Spec::parse(
///     "specs/tiny.yaml",
///     "openapi: 3.0.3
/// paths:
///   /jobs:
///     get:
///       operationId: get_job
///       responses:
///         '200':
///           content:
///             application/json: {schema: {type: object, properties: {id: {type: string}}}}
/// ",
/// )?;
/// let page = "# Job Endpoint: GET /jobs ## Response 200 fields (application/json): \
///     - `name` (string) Name.";
/// let report = diff(&spec, &Page::parse("job.md", page)?, &AcceptedDifferences::default())?;
/// assert_eq!(report.compared, ["get_job"]);
/// let changes: Vec<Change> = report.unaccepted().map(|difference| difference.change).collect();
/// assert_eq!(changes, [Change::FieldAdded, Change::FieldRemoved]);
/// # Ok::<(), bulkrail_codegen::Error>(())
/// ```
///
/// # Errors
///
/// Returns an error if a `$ref` of the spec points at a value that does not exist, or is circular.
pub fn diff(spec: &Spec, page: &Page, accepted: &AcceptedDifferences) -> Result<DiffReport, Error> {
    let provider = spec.file.file_stem().unwrap_or_default().to_string_lossy();
    diff_for_provider(&provider, spec, page, accepted)
}

/// Compares like [`diff`], for a spec whose file does not have the name of the provider.
///
/// # Errors
///
/// Returns an error if a `$ref` of the spec points at a value that does not exist, or is circular.
pub fn diff_for_provider(
    provider: &str,
    spec: &Spec,
    page: &Page,
    accepted: &AcceptedDifferences,
) -> Result<DiffReport, Error> {
    let known = openapi::parse(&Document::from(spec), PageFormat::OpenApi, &mut Budget::new())
        .map_err(|error| error.into_error(&spec.file))?;
    let mut report = DiffReport::default();
    let Pairing { pairs, unknown, missing } = pairing::pair(&known, page);
    for pair in &pairs {
        report.differences.extend(compare_operation(spec, &known, page, pair));
        report.claims.extend(claims::collect(&spec.document, pair.known, pair.page));
        report.compared.push(pair.known.name());
    }
    let operation = report.compared.first().cloned().unwrap_or_default();
    if page.is_description() {
        let mut collector = Collector::new(spec, page, &operation);
        let same_path = pairs.iter().filter(|pair| pair.relation != Relation::Moved);
        let same_path: Vec<_> = same_path.map(|pair| (pair.known, pair.page)).collect();
        transport::compare_servers(&mut collector, &known, page, &same_path);
        report.differences.extend(collector.differences);
        if page.is_whole_api() {
            report.differences.extend(missing.iter().map(|known| removed_operation(spec, known)));
        } else {
            report.not_on_page = missing.iter().map(|known| known.name()).collect();
        }
    }
    for operation in unknown {
        match report.compared.is_empty() {
            true => report.differences.push(unknown_operation(operation)),
            false => report.not_in_spec.push(operation.name()),
        }
    }
    report.differences.extend(page.warnings.iter().map(|warning| parse_warning(warning, &operation)));
    let (used_entries, stale) = accepted.apply(provider, page.format, &pairs, &mut report.differences);
    report.differences = dedup(report.differences);
    report.differences.extend(stale);
    report.used_entries = used_entries;
    Ok(report)
}

/// Merges the differences of a schema that several responses or operations share. The result is
/// accepted only if it is accepted for all of them.
fn dedup(differences: Vec<Difference>) -> Vec<Difference> {
    let mut indexes = BTreeMap::new();
    let mut kept: Vec<Difference> = Vec::new();
    for difference in differences {
        let states = (difference.from.clone(), difference.to.clone());
        // A parse warning has no pointer and is identified by its message.
        let message = difference.pointer.is_empty().then(|| difference.message.clone());
        match indexes.entry((difference.pointer.clone(), difference.change, states, message)) {
            Entry::Vacant(entry) => {
                entry.insert(kept.len());
                kept.push(difference);
            }
            Entry::Occupied(entry) if difference.accepted.is_none() => kept[*entry.get()].accepted = None,
            Entry::Occupied(_) => {}
        }
    }
    kept
}

fn unknown_operation(operation: &Operation) -> Difference {
    let name = operation_address(operation);
    let message = format!("the page describes {name}; the spec does not have this operation");
    let pointer = pointer::join("/paths", &operation.path);
    let difference = Difference::unknown(pointer, &name, Change::OperationUnknown, message);
    Difference { page_line: operation.line, to: Some(name), ..difference }
}

fn removed_operation(spec: &Spec, operation: &Operation) -> Difference {
    let (name, address) = (operation.name(), operation_address(operation));
    let message = format!("{name} ({address}) is missing on the page");
    let pointer = operation.spec_pointer.clone();
    let line = spec.line(&pointer);
    let difference = Difference::unknown(pointer, &name, Change::OperationRemoved, message);
    Difference { line, class: Class::Breaking, from: Some(address), ..difference }
}

fn operation_address(operation: &Operation) -> String {
    format!("{} {}", operation.method.to_uppercase(), operation.path)
}

fn parse_warning(warning: &ParseWarning, operation: &str) -> Difference {
    let difference = Difference::unknown(String::new(), operation, Change::ParseWarning, warning.reason.clone());
    Difference { page_line: warning.line, ..difference }
}
