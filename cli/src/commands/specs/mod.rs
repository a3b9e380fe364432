//! `bulkrail specs`: checks specs, compares them with pages, and proposes changes from drift
//! reports.

mod diff;
mod lint;
mod suggest;

use bulkrail_codegen::{Error, Spec};

use crate::args::SpecsCommand;
use crate::error::CliError;

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

pub(crate) fn run(command: SpecsCommand) -> Result<u8, CliError> {
    match command {
        SpecsCommand::Lint(args) => lint::run(args),
        SpecsCommand::Diff(args) => diff::run(args),
        SpecsCommand::Suggest(args) => suggest::run(args),
    }
}

/// Returns the built-in spec of `provider`.
fn built_in(provider: &str) -> Result<Option<Spec>, CliError> {
    let text = SPECS.into_iter().find(|(name, _)| *name == provider).map(|(_, text)| text);
    text.map(|text| Spec::parse(format!("specs/{provider}.yaml"), text)).transpose().map_err(unreadable)
}

/// Returns the error for an input that cannot be read.
fn unreadable(error: Error) -> CliError {
    CliError::usage(error.to_string())
}
