//! The command `bulkrail`: submits batches to payments providers and waits for them, from a terminal or a script.
//!
//! Standard output holds results and nothing else; what people read meanwhile goes to standard error.

mod account;
mod accounted;
mod args;
mod commands;
mod connect;
mod drift;
mod exit;
mod failure;
mod follow;
mod input;
mod memory;
mod output;
mod people;
mod progress;
mod sheet;
mod signals;
mod submission;
mod submitted;
mod table;
mod target;
mod values;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use failure::Failure;
use people::People;

fn main() -> ExitCode {
    let code = match Cli::try_parse() {
        Ok(cli) => {
            let json = cli.command.is_for_programs();
            run(cli).unwrap_or_else(|failure| failure.report(json))
        }
        Err(error) => failure::of_clap(&error),
    };
    ExitCode::from(code)
}

fn run(cli: Cli) -> Result<u8, Failure> {
    let people = People::new(cli.quiet, cli.verbose);
    people.start_log();
    match cli.command {
        Command::Demo(args) => block_on(commands::demo::run(args, people)),
        Command::Sandbox(args) => block_on(commands::sandbox::run(args, people)),
        Command::Submit(args) => block_on(commands::submit::run(args, people)),
        Command::Status(args) => block_on(commands::status::run(args)),
        Command::Wait(args) => block_on(commands::wait::run(args, people)),
        Command::Rows(args) => block_on(commands::rows::run(args, people)),
        Command::Run(args) => block_on(commands::run::run(args, people)),
        Command::Specs(args) => commands::specs::run(args.command),
        Command::Schema => commands::schema::run(),
        Command::Completions(args) => commands::completions::run(args),
    }
}

fn block_on(command: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::machine("the runtime cannot be started", &error))?;
    let result = runtime.block_on(command);
    // Nothing that is still under way (a name being resolved) may hold up the end.
    runtime.shutdown_background();
    result
}
