//! Compares a page with a spec.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use bulkrail_codegen::{Error, Spec, pointer};

use crate::diff::accepted::AcceptedDifferences;
use crate::diff::claims::{self, Claim};
use crate::diff::difference::{Change, Class, Difference};
use crate::diff::operation::compare_operation;
use crate::pages::budget::Budget;
use crate::pages::document::Document;
use crate::pages::model::{Operation, Page, PageFormat, ParseWarning};
use crate::pages::{openapi, paths};

/// Result of [`diff`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DiffReport {
    /// `operationId` of each operation that was compared.
    pub compared: Vec<String>,
    /// Further operations of the page that the spec leaves out, as method and path.
    pub not_in_spec: Vec<String>,
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
    let mut unmatched = Vec::new();
    for operation in &page.operations {
        let Some((matched, same_path)) = paths::find_operation(&known, page, operation) else {
            unmatched.push(operation);
            continue;
        };
        report.differences.extend(compare_operation(spec, matched, operation, page.format, same_path));
        report.claims.extend(claims::collect(&spec.document, matched, operation));
        report.compared.push(matched.name());
    }
    for operation in unmatched {
        match report.compared.is_empty() {
            true => report.differences.push(unknown_operation(operation)),
            false => report.not_in_spec.push(operation.name()),
        }
    }
    let operation = report.compared.first().cloned().unwrap_or_default();
    report.differences.extend(page.warnings.iter().map(|warning| parse_warning(warning, &operation)));
    let (used_entries, stale) = accepted.apply(provider, page.format, &report.compared, &mut report.differences);
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
    let name = format!("{} {}", operation.method.to_uppercase(), operation.path);
    Difference {
        pointer: pointer::join("/paths", &operation.path),
        line: None,
        page_line: operation.line,
        operation: name.clone(),
        class: Class::Unknown,
        change: Change::OperationUnknown,
        message: format!("the page describes {name}; the spec does not have this operation"),
        from: None,
        to: Some(name),
        accepted: None,
    }
}

fn parse_warning(warning: &ParseWarning, operation: &str) -> Difference {
    Difference {
        pointer: String::new(),
        line: None,
        page_line: warning.line,
        operation: operation.to_owned(),
        class: Class::Unknown,
        change: Change::ParseWarning,
        message: warning.reason.clone(),
        from: None,
        to: None,
        accepted: None,
    }
}
