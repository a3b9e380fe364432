//! `bulkrail specs lint`.

use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use bulkrail_codegen::docs::{Explained, strays};
use bulkrail_codegen::{Error, Spec, check};

use super::FOUND;
use crate::args::LintArgs;
use crate::error::CliError;
use crate::{exit, output};

/// Where the specs are, below the current directory.
const SPECS: &str = "specs";

/// Beside the specs, and not one of them.
const EXPLAINED: &str = "explained.yaml";

pub(super) fn run(args: LintArgs) -> Result<u8, CliError> {
    let (files, mut found) = match args.files.is_empty() {
        true => (beside()?, strays(Path::new(SPECS))),
        false => (args.files, Vec::new()),
    };
    for file in files {
        // What is no file, or not there, is no finding about a spec.
        let unreadable = |why: &dyn Display| CliError::usage(format!("{} cannot be read: {why}", file.display()));
        if fs::metadata(&file).map_err(|error| unreadable(&error))?.is_dir() {
            return Err(unreadable(&"it is a directory"));
        }
        File::open(&file).map_err(|error| unreadable(&error))?;
        // Explanations that cannot be read are a finding about each spec that they are for.
        let new: Vec<Error> = findings(&file).into_iter().filter(|finding| !found.contains(finding)).collect();
        found.extend(new);
    }
    let lines: String = found.iter().map(|finding| format!("{finding}\n")).collect();
    output::last(output::text(&lines))?;
    Ok(if found.is_empty() { exit::SUCCESS } else { FOUND })
}

fn findings(file: &Path) -> Vec<Error> {
    if file.file_name().is_some_and(|name| name == EXPLAINED) {
        return Explained::load(file).err().into_iter().collect();
    }
    match Spec::load(file) {
        Ok(spec) => check(&spec),
        Err(error) => vec![error],
    }
}

fn beside() -> Result<Vec<PathBuf>, CliError> {
    let missing = |why: &str| CliError::usage(format!("{why}; name the files, or go where specs/*.yaml is"));
    let read = |entries: fs::ReadDir| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    let files = fs::read_dir(SPECS).and_then(read);
    let mut files = files.map_err(|error| missing(&format!("the directory specs cannot be read: {error}")))?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    if files.is_empty() { Err(missing("there is no specs/*.yaml")) } else { Ok(files) }
}
