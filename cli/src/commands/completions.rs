//! `bulkrail completions`: prints a completion script for a shell.

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::error::CliError;
use crate::{exit, output};

pub(crate) fn run(args: CompletionsArgs) -> Result<u8, CliError> {
    // Generated in memory, because the generator panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bulkrail", &mut script);
    output::last(output::text(&String::from_utf8_lossy(&script)))?;
    Ok(exit::SUCCESS)
}
