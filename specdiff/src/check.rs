//! All rules for a spec, including those that the build does without.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bulkrail_codegen::{Error, Spec, lint};

use crate::archive::{ACCEPTED_DIFFERENCES_FILE, PageArchive};
use crate::diff::accepted::AcceptedDifferences;
use crate::examples;

/// Checks `spec` against every rule of `specs/README.md` and returns the errors in the order of the
/// lines.
///
/// The errors are those of [`lint`], those of [`examples::check`], and those of the [`PageArchive`]
/// beside the file. A build needs [`lint`] only; this function is for those who change a spec.
///
/// ```
/// use bulkrail_codegen::Spec;
///
/// let spec = Spec::parse("specs/tiny.yaml", "openapi: 3.0.2\ninfo: {title: t, version: '1'}\npaths: {}\n")?;
/// let errors = bulkrail_specdiff::check(&spec);
/// assert_eq!(errors[0].to_string(), "specs/tiny.yaml:1: /openapi: must be 3.0.3");
/// # Ok::<(), bulkrail_codegen::Error>(())
/// ```
#[must_use]
pub fn check(spec: &Spec) -> Vec<Error> {
    let mut errors = lint(spec);
    // An invalid or circular reference would make each check of an example fail as well.
    if !errors.iter().any(|error| error.pointer.ends_with("/$ref")) {
        errors.extend(examples::check(spec));
        errors.extend(PageArchive::load_beside(&spec.file).map(|archive| archive.check(spec)).unwrap_or_default());
    }
    // Errors about other files (pages, accepted differences) come last.
    errors.sort_by_key(|error| (error.file != spec.file, error.line));
    errors
}

/// Checks specs and files of accepted differences, and returns each error once.
///
/// Errors about accepted differences or pages can concern several specs.
#[must_use]
pub fn check_files<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Vec<Error> {
    let mut errors = Vec::new();
    for file in files {
        for error in check_file(file.as_ref()) {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
    }
    errors
}

fn check_file(file: &Path) -> Vec<Error> {
    if file.file_name().is_some_and(|name| name == ACCEPTED_DIFFERENCES_FILE) {
        return AcceptedDifferences::load(file).err().into_iter().collect();
    }
    match Spec::load(file) {
        Ok(spec) => check(&spec),
        Err(error) => vec![error],
    }
}

/// Returns the files `*.yaml` of a directory by name: the specs and the accepted differences.
///
/// # Errors
///
/// Returns an error if the directory cannot be read.
pub fn spec_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let is_yaml = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "yaml");
    let mut files: Vec<_> = entries.into_iter().filter(is_yaml).collect();
    files.sort();
    Ok(files)
}
