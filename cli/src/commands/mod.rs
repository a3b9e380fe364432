//! Subcommands, one module each.

pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod forget;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod schema;
pub(crate) mod specs;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod wait;

use clap::CommandFactory;

use crate::args::Cli;
use crate::error::CliError;
use crate::help::fit;
use crate::{exit, output};

/// Prints the help of a hidden command: a topic of `bulkrail help`.
pub(crate) fn help(topic: &str) -> Result<u8, CliError> {
    let mut command = fit(Cli::command());
    let text = command.find_subcommand_mut(topic).map(|topic| topic.render_long_help().to_string()).unwrap_or_default();
    output::last(output::text(&text))?;
    Ok(exit::SUCCESS)
}
