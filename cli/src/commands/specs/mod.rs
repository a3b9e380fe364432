//! `bulkrail specs`: checks specs, compares them with pages, and proposes changes from drift
//! reports.

mod diff;
mod lint;
mod suggest;

use std::fmt::Display;
use std::fs::{self, File};
use std::path::Path;

use bulkrail_codegen::{Error, Spec};

pub(crate) use diff::DiffDocument;

use crate::args::SpecsCommand;
use crate::error::CliError;
use crate::{exit, output};

/// Exit code of `lint` with errors and of `diff` with differences that are not accepted.
const DIFFERENCES: u8 = 3;

/// Maintained specs, so that the command works outside of the repository.
const SPECS: [(&str, &str); 4] = [
    ("killb", bulkrail::specs::KILLB),
    ("reap", bulkrail::specs::REAP),
    ("cdq", bulkrail::specs::CDQ),
    ("localpayment", bulkrail::specs::LOCALPAYMENT),
];
const ACCEPTED_DIFFERENCES: &str = bulkrail::specs::ACCEPTED_DIFFERENCES;

pub(crate) async fn run(command: SpecsCommand) -> Result<u8, CliError> {
    // A file may be a pipe, and a page may be long: a signal must not wait for them.
    let done = tokio::task::spawn_blocking(move || run_blocking(command));
    done.await.unwrap_or_else(|error| Err(CliError::configuration(format!("the command was cut off: {error}"))))
}

fn run_blocking(command: SpecsCommand) -> Result<u8, CliError> {
    match command {
        SpecsCommand::Lint(args) => lint::run(args),
        SpecsCommand::Show(args) => show(args.provider.id().as_str()),
        SpecsCommand::Diff(args) => diff::run(args),
        SpecsCommand::Suggest(args) => suggest::run(args),
    }
}

/// Prints the built-in spec of `provider`.
fn show(provider: &str) -> Result<u8, CliError> {
    let text = text(provider).ok_or_else(|| CliError::usage(format!("there is no spec of {provider}")))?;
    output::last(output::text(text))?;
    Ok(exit::SUCCESS)
}

fn text(provider: &str) -> Option<&'static str> {
    SPECS.into_iter().find(|(name, _)| *name == provider).map(|(_, text)| text)
}

/// Returns the built-in spec of `provider`.
fn built_in(provider: &str) -> Result<Option<Spec>, CliError> {
    text(provider).map(|text| Spec::parse(format!("specs/{provider}.yaml"), text)).transpose().map_err(unreadable)
}

/// Refuses what cannot be read: an error of usage, not of a spec. A device or a pipe may never end, or block when it is
/// opened.
fn require_file(file: &Path) -> Result<(), CliError> {
    let unreadable = |reason: &dyn Display| CliError::usage(format!("{} cannot be read: {reason}", file.display()));
    let found = fs::metadata(file).map_err(|error| unreadable(&error))?;
    if found.is_dir() {
        return Err(unreadable(&"it is a directory"));
    }
    if !found.is_file() {
        return Err(unreadable(&"it is not a regular file; save it as one"));
    }
    File::open(file).map(drop).map_err(|error| unreadable(&error))
}

/// Returns the error for an input that cannot be read.
fn unreadable(error: Error) -> CliError {
    CliError::usage(error.to_string())
}
