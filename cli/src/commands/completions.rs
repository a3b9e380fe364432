//! `bulkrail completions`: what a shell needs to complete a command line.

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::failure::Failure;
use crate::{exit, output};

pub(crate) fn run(args: CompletionsArgs) -> Result<u8, Failure> {
    // Into memory first: the generator panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bulkrail", &mut script);
    output::last(output::text(&String::from_utf8_lossy(&script)))?;
    Ok(exit::SUCCESS)
}
