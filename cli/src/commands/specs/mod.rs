//! `bulkrail specs`: checks specs, compares them with pages, and proposes changes from drift
//! reports.

mod diff;
mod lint;
mod suggest;

use bulkrail_codegen::{Error, Spec};

use crate::args::SpecsCommand;
use crate::failure::Failure;

/// Exit code of `lint` with errors and of `diff` with differences that are not accepted.
const DIFFERENCES: u8 = 3;

/// Maintained specs, so that the command works outside of the repository.
const SPECS: [(&str, &str); 4] = [
    ("killb", include_str!("../../../../specs/killb.yaml")),
    ("reap", include_str!("../../../../specs/reap.yaml")),
    ("cdq", include_str!("../../../../specs/cdq.yaml")),
    ("localpayment", include_str!("../../../../specs/localpayment.yaml")),
];
const ACCEPTED_DIFFERENCES: &str = include_str!("../../../../specs/accepted-differences.yaml");

pub(crate) fn run(command: SpecsCommand) -> Result<u8, Failure> {
    match command {
        SpecsCommand::Lint(args) => lint::run(args),
        SpecsCommand::Diff(args) => diff::run(args),
        SpecsCommand::Suggest(args) => suggest::run(args),
    }
}

/// Returns the built-in spec of `provider`.
fn built_in(provider: &str) -> Result<Option<Spec>, Failure> {
    let text = SPECS.into_iter().find(|(name, _)| *name == provider).map(|(_, text)| text);
    text.map(|text| Spec::parse(format!("specs/{provider}.yaml"), text)).transpose().map_err(unreadable)
}

/// Returns the error for an input that cannot be read.
fn unreadable(error: Error) -> Failure {
    Failure::usage(error.to_string())
}
