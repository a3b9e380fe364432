//! `bulkrail specs lint`.

use std::path::{Path, PathBuf};

use bulkrail_specdiff::{check_files, orphans, spec_files};

use super::{DIFFERENCES, require_file};
use crate::args::LintArgs;
use crate::error::CliError;
use crate::{exit, output, printer};

/// Directory of the specs, below the current directory.
const SPECS: &str = "specs";

pub(super) fn run(args: LintArgs) -> Result<u8, CliError> {
    let (files, mut errors) = match args.files.is_empty() {
        true => (default_files()?, orphans(Path::new(SPECS))),
        false => (args.files, Vec::new()),
    };
    files.iter().try_for_each(|file| require_file(file))?;
    for error in check_files(&files) {
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
    let lines: String = errors.iter().map(|error| format!("{}\n", printer::lines(&error.to_string()))).collect();
    output::last(output::text(&lines))?;
    Ok(if errors.is_empty() { exit::SUCCESS } else { DIFFERENCES })
}

fn default_files() -> Result<Vec<PathBuf>, CliError> {
    let missing =
        |reason: &str| CliError::usage(format!("{reason}; pass the files, or run it where specs/*.yaml exists"));
    let files = spec_files(Path::new(SPECS));
    let files = files.map_err(|error| missing(&format!("the directory specs cannot be read: {error}")))?;
    if files.is_empty() { Err(missing("there is no file specs/*.yaml")) } else { Ok(files) }
}
