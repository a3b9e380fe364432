//! The pages that are kept beside a spec: the spec must say what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::diff::accepted::Explained;
use crate::diff::claims::Claim;
use crate::diff::difference::{Change, Difference};
use crate::diff::report::{Report, diff};
use crate::pages::model::Page;
use crate::pages::openapi::sources;
use bulkrail_codegen::{Error, Spec, document as lint, pointer};

/// The folder of pages beside the specs; in it, each provider has its own, named as its spec.
const PAGES: &str = "pages";

/// Beside the specs, and not one of them.
const EXPLAINED: &str = "accepted-differences.yaml";

/// The saved pages of one provider, and the differences that are settled.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    pages: Vec<(PathBuf, Page)>,
    explained: Explained,
    unread: Vec<Error>,
}

impl Saved {
    /// These pages, under the names of their files.
    #[must_use]
    pub fn new(pages: Vec<(PathBuf, Page)>, explained: Explained) -> Self {
        Self { pages, explained, unread: Vec::new() }
    }

    /// What is kept beside the spec `specs/NAME.yaml`: the pages `specs/pages/NAME/*` and `specs/accepted-differences.yaml`. None where no
    /// pages are kept at all.
    ///
    /// A page that cannot be read is one of the findings of [`Saved::lint`].
    #[must_use]
    pub fn beside(spec: &Path) -> Option<Self> {
        let pages = spec.with_file_name(PAGES);
        if !pages.is_dir() {
            return None;
        }
        let mut found = Self::default();
        let own = pages.join(spec.file_stem().unwrap_or_default());
        for file in files(&own).unwrap_or_else(|error| found.unreadable(&own, &error)) {
            match Page::load(&file) {
                Ok(page) => found.pages.push((file, page)),
                Err(error) => found.unread.push(error),
            }
        }
        let explained = spec.with_file_name(EXPLAINED);
        if explained.exists() {
            match Explained::load(&explained) {
                Ok(explained) => found.explained = explained,
                // A finding about that file itself.
                Err(error) => found.unread.push(error),
            }
        }
        Some(found)
    }

    /// Everything in which `spec` and the pages differ and that nobody has explained; explanations that explain nothing; what the
    /// spec says on the evidence of a page that does not say it; and operations whose page is not kept.
    #[must_use]
    pub fn lint(&self, spec: &Spec) -> Vec<Error> {
        let mut found = self.unread.clone();
        let mut reports = Vec::new();
        for (file, page) in &self.pages {
            match diff(spec, page, &self.explained) {
                Ok(report) => {
                    let left = report.unexplained().filter(|one| one.change != Change::StaleExplanation);
                    found.extend(left.map(|difference| self.differs(spec, file, difference)));
                    reports.push((file, report));
                }
                // The spec itself, once and not for each of its pages.
                Err(error) => return vec![error],
            }
        }
        found.extend(invented(spec, &reports));
        if self.unread.is_empty() {
            found.extend(not_kept(spec, &reports));
            let used = reports.iter().flat_map(|(_, report)| report.used.iter().copied()).collect();
            let provider = spec.file.file_stem().unwrap_or_default().to_string_lossy();
            found.extend(self.explained.stale(&provider, &used));
        }
        found
    }

    fn differs(&self, spec: &Spec, file: &Path, difference: &Difference) -> Error {
        let Difference { pointer, what, page_line, .. } = difference;
        if pointer.is_empty() {
            return Error::new(file, *page_line, "", format!("{what}; save the page again"));
        }
        let line = page_line.map(|line| format!(":{line}")).unwrap_or_default();
        let way_out = format!("change the spec, or explain it in {EXPLAINED}");
        spec.error(pointer, format!("{what} ({}{line}); {way_out}", file.display()))
    }

    fn unreadable(&mut self, directory: &Path, error: &std::io::Error) -> Vec<PathBuf> {
        self.unread.push(Error::new(directory, None, "", format!("cannot be read: {error}")));
        Vec::new()
    }
}

/// What lies in a directory of specs and belongs to none of them: folders of pages, pages outside of any, explanations.
#[must_use]
pub fn strays(directory: &Path) -> Vec<Error> {
    let has_spec = |name: &str| directory.join(format!("{name}.yaml")).is_file();
    let mut found = Vec::new();
    for kept in files(&directory.join(PAGES)).unwrap_or_default() {
        let name = kept.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !kept.is_dir() {
            found.push(Error::new(&kept, None, "", format!("is held against no spec; move it to {PAGES}/NAME")));
        } else if !has_spec(&name) {
            found.push(Error::new(
                &kept,
                None,
                "",
                format!("there is no spec {name}.yaml to hold against these pages"),
            ));
        }
    }
    if let Ok(explained) = Explained::load(directory.join(EXPLAINED)) {
        found.extend(explained.without(has_spec));
    }
    found
}

/// What is in a directory, by name, without what is hidden. Nothing if there is no directory.
fn files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let is_hidden = |file: &Path| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let mut entries: Vec<_> = entries.into_iter().filter(|file| !is_hidden(file)).collect();
    entries.sort();
    Ok(entries)
}

/// What no page says of those that it is said to be from. A mark that several pages could have is there if one of them has it.
fn invented(spec: &Spec, reports: &[(&PathBuf, Report)]) -> Vec<Error> {
    let kept: BTreeSet<String> = compared(spec, reports).flat_map(|(_, operation)| sources(operation)).collect();
    let mut claims: BTreeMap<&str, (&Claim, &Path, bool)> = BTreeMap::new();
    for (file, claim) in reports.iter().flat_map(|(file, report)| report.claims.iter().map(move |claim| (file, claim)))
    {
        // `page` is another page than these, unless all that it names are kept.
        let all_kept = || !claim.sources.is_empty() && claim.sources.is_subset(&kept);
        if claim.evidence == "seed" || (claim.evidence == "page" && all_kept()) {
            claims.entry(&claim.at).or_insert((claim, file, false)).2 |= claim.shown;
        }
    }
    let invented = claims.into_values().filter(|(claim, _, shown)| !shown && !is_told(claim, reports));
    let errors = invented.map(|(Claim { at, what, evidence, .. }, file, _)| {
        let way_out = "take it out, or name the page that says so with `x-evidence` and `x-source`";
        spec.error(
            at,
            format!("`{what}` has the evidence `{evidence}`, but {} does not say so; {way_out}", file.display()),
        )
    });
    errors.collect()
}

/// Whether the page says the contrary, or has no such field, which is a difference of its own.
fn is_told(claim: &Claim, reports: &[(&PathBuf, Report)]) -> bool {
    use Change::{FieldRemoved, NullableRemoved, ParameterRemoved, RequiredRemoved};
    let is_mark = |change| matches!(change, FieldRemoved | NullableRemoved | ParameterRemoved | RequiredRemoved);
    reports.iter().flat_map(|(_, report)| &report.differences).any(|difference| {
        difference.pointer == claim.at || (difference.pointer == claim.about && is_mark(difference.change))
    })
}

/// Operations that are said to be from one of the pages that are kept, and are on none of them.
fn not_kept(spec: &Spec, reports: &[(&PathBuf, Report)]) -> Vec<Error> {
    let on_page: BTreeSet<String> = compared(spec, reports).map(|(at, _)| at).collect();
    let stem = spec.file.file_stem().unwrap_or_default().to_string_lossy();
    let seeds = lint::operations(&spec.document).into_iter().filter(|(_, operation)| operation["x-evidence"] == "seed");
    let missing = seeds.filter(|(at, _)| !on_page.contains(at));
    let errors = missing.map(|(at, _)| {
        let at = pointer::join(&at, "x-evidence");
        spec.error(&at, format!("`seed` needs its page among the saved ones; save it to {PAGES}/{stem}"))
    });
    errors.collect()
}

/// The operations of the spec that a page is about.
fn compared<'a>(
    spec: &'a Spec,
    reports: &'a [(&PathBuf, Report)],
) -> impl Iterator<Item = (String, &'a serde_json::Value)> {
    lint::operations(&spec.document).into_iter().filter(|(_, operation)| {
        let id = operation["operationId"].as_str().unwrap_or_default();
        reports.iter().any(|(_, report)| report.compared.iter().any(|compared| compared == id))
    })
}
