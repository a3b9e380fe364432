//! Checks a spec against the pages in its archive.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bulkrail_codegen::{Error, Spec, document, pointer};
use serde_json::Value;

use crate::diff::accepted::AcceptedDifferences;
use crate::diff::claims::Claim;
use crate::diff::difference::{Change, Difference};
use crate::diff::report::{DiffReport, diff};
use crate::pages::evidence::sources;
use crate::pages::model::Page;

/// Directory of pages beside the specs. It has a directory for each provider, named like the spec.
const PAGES: &str = "pages";

/// File name of the accepted differences, in the directory of the specs.
pub const ACCEPTED_DIFFERENCES_FILE: &str = "accepted-differences.yaml";

/// Saved pages of one provider, and the accepted differences.
///
/// Layout on disk, for the provider `NAME`:
///
/// ```text
/// specs/NAME.yaml
/// specs/accepted-differences.yaml
/// specs/pages/NAME/*
/// ```
#[derive(Debug, Clone, Default)]
pub struct PageArchive {
    pages: Vec<(PathBuf, Page)>,
    accepted: AcceptedDifferences,
    /// Errors about files that could not be read.
    load_errors: Vec<Error>,
}

impl PageArchive {
    /// Returns an archive of these pages, each with the name of its file.
    #[must_use]
    pub fn new(pages: Vec<(PathBuf, Page)>, accepted: AcceptedDifferences) -> Self {
        Self { pages, accepted, load_errors: Vec::new() }
    }

    /// Loads the archive beside the file of a spec, or `None` if the directory `pages` does not
    /// exist there.
    ///
    /// A file that cannot be read becomes an error of [`PageArchive::check`].
    #[must_use]
    pub fn load_beside(spec: &Path) -> Option<Self> {
        let pages = spec.with_file_name(PAGES);
        if !pages.is_dir() {
            return None;
        }
        let mut archive = Self::default();
        let own = pages.join(spec.file_stem().unwrap_or_default());
        match list_files(&own) {
            Ok(files) => files.into_iter().for_each(|file| match Page::load(&file) {
                Ok(page) => archive.pages.push((file, page)),
                Err(error) => archive.load_errors.push(error),
            }),
            Err(error) => {
                archive.load_errors.push(Error::new(&own, None, "", format!("cannot be read: {error}")));
            }
        }
        let accepted = spec.with_file_name(ACCEPTED_DIFFERENCES_FILE);
        if accepted.exists() {
            match AcceptedDifferences::load(&accepted) {
                Ok(accepted) => archive.accepted = accepted,
                Err(error) => archive.load_errors.push(error),
            }
        }
        Some(archive)
    }

    /// Returns an error for each difference between `spec` and the pages that is not accepted.
    ///
    /// Further errors are about accepted differences that no page has, about statements of the spec
    /// that their own page does not make, and about operations with the evidence `seed` whose page
    /// is not in the archive.
    #[must_use]
    pub fn check(&self, spec: &Spec) -> Vec<Error> {
        let mut errors = self.load_errors.clone();
        let mut reports = Vec::new();
        for (file, page) in &self.pages {
            match diff(spec, page, &self.accepted) {
                Ok(report) => {
                    let differences = report.unaccepted().filter(|one| one.change != Change::StaleAcceptance);
                    errors.extend(differences.map(|difference| difference_error(spec, file, difference)));
                    reports.push((file, report));
                }
                // The spec itself is invalid: one error instead of one per page.
                Err(error) => return vec![error],
            }
        }
        errors.extend(claims_without_evidence(spec, &reports));
        if self.load_errors.is_empty() {
            errors.extend(seeds_without_page(spec, &reports));
            let used = reports.iter().flat_map(|(_, report)| report.used_entries.iter().copied()).collect();
            let provider = spec.file.file_stem().unwrap_or_default().to_string_lossy();
            errors.extend(self.accepted.unused(&provider, &used));
        }
        errors
    }
}

/// Returns an error for each file in a directory of specs that does not belong to a spec.
///
/// Those are directories of pages and accepted differences of a provider without a spec, and pages
/// outside of the directory of a provider.
#[must_use]
pub fn orphans(directory: &Path) -> Vec<Error> {
    let has_spec = |name: &str| directory.join(format!("{name}.yaml")).is_file();
    let mut errors = Vec::new();
    for file in list_files(&directory.join(PAGES)).unwrap_or_default() {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !file.is_dir() {
            errors.push(Error::new(&file, None, "", format!("does not belong to a spec; move it to {PAGES}/NAME")));
        } else if !has_spec(&name) {
            errors.push(Error::new(&file, None, "", format!("there is no spec {name}.yaml for these pages")));
        }
    }
    if let Ok(accepted) = AcceptedDifferences::load(directory.join(ACCEPTED_DIFFERENCES_FILE)) {
        errors.extend(accepted.without_spec(has_spec));
    }
    errors
}

/// Returns the visible entries of a directory by name, or none if there is no directory.
fn list_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let is_hidden = |file: &Path| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let mut entries: Vec<_> = entries.into_iter().filter(|file| !is_hidden(file)).collect();
    entries.sort();
    Ok(entries)
}

fn difference_error(spec: &Spec, file: &Path, difference: &Difference) -> Error {
    let Difference { pointer, message, page_line, .. } = difference;
    if pointer.is_empty() {
        return Error::new(file, *page_line, "", format!("{message}; save the page again"));
    }
    let line = page_line.map(|line| format!(":{line}")).unwrap_or_default();
    let hint = format!("change the spec, or accept the difference in {ACCEPTED_DIFFERENCES_FILE}");
    spec.error(pointer, format!("{message} ({}{line}); {hint}", file.display()))
}

/// Returns an error for each statement whose evidence is a page of the archive that does not make
/// it.
///
/// A statement that several pages could make needs one of them.
fn claims_without_evidence(spec: &Spec, reports: &[(&PathBuf, DiffReport)]) -> Vec<Error> {
    let archived: BTreeSet<String> =
        compared_operations(spec, reports).flat_map(|(_, operation)| sources(operation)).collect();
    let mut claims: BTreeMap<&str, (&Claim, &Path, bool)> = BTreeMap::new();
    let all = reports.iter().flat_map(|(file, report)| report.claims.iter().map(move |claim| (file, claim)));
    for (file, claim) in all {
        // The evidence `page` is checked only if all pages that it names are in the archive.
        let is_archived = || !claim.sources.is_empty() && claim.sources.is_subset(&archived);
        if claim.evidence == "seed" || (claim.evidence == "page" && is_archived()) {
            claims.entry(&claim.pointer).or_insert((claim, file, false)).2 |= claim.is_on_page;
        }
    }
    let unproven = claims.into_values().filter(|(claim, _, is_on_page)| !is_on_page && !is_difference(claim, reports));
    let errors = unproven.map(|(Claim { pointer, statement, evidence, .. }, file, _)| {
        let hint = "remove it, or name the page that says so in `x-evidence` and `x-source`";
        let reason =
            format!("`{statement}` has the evidence `{evidence}`, but {} does not say so; {hint}", file.display());
        spec.error(pointer, reason)
    });
    errors.collect()
}

/// Returns whether a difference already says that the page contradicts the claim or lacks its
/// subject.
fn is_difference(claim: &Claim, reports: &[(&PathBuf, DiffReport)]) -> bool {
    use Change::{FieldRemoved, NullableRemoved, ParameterRemoved, RequiredRemoved};
    let concerns_subject =
        |change| matches!(change, FieldRemoved | NullableRemoved | ParameterRemoved | RequiredRemoved);
    reports.iter().flat_map(|(_, report)| &report.differences).any(|difference| {
        difference.pointer == claim.pointer
            || (difference.pointer == claim.subject && concerns_subject(difference.change))
    })
}

/// Returns an error for each operation with the evidence `seed` that no page of the archive
/// describes.
fn seeds_without_page(spec: &Spec, reports: &[(&PathBuf, DiffReport)]) -> Vec<Error> {
    let archived: BTreeSet<String> = compared_operations(spec, reports).map(|(pointer, _)| pointer).collect();
    let provider = spec.file.file_stem().unwrap_or_default().to_string_lossy();
    let operations = document::operations(&spec.document).into_iter();
    let missing =
        operations.filter(|(pointer, operation)| operation["x-evidence"] == "seed" && !archived.contains(pointer));
    let errors = missing.map(|(pointer, _)| {
        let pointer = pointer::join(&pointer, "x-evidence");
        spec.error(&pointer, format!("`seed` needs its page in the archive; save it to {PAGES}/{provider}"))
    });
    errors.collect()
}

/// Returns the operations of the spec that a page describes.
fn compared_operations<'a>(
    spec: &'a Spec,
    reports: &'a [(&PathBuf, DiffReport)],
) -> impl Iterator<Item = (String, &'a Value)> {
    document::operations(&spec.document).into_iter().filter(|(_, operation)| {
        let id = operation["operationId"].as_str().unwrap_or_default();
        reports.iter().any(|(_, report)| report.compared.iter().any(|compared| compared == id))
    })
}
