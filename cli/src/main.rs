//! The command `bulkrail`: submits batches to payments providers and waits for them, from a
//! terminal or a script.
//!
//! Standard output holds results and nothing else; messages go to standard error.

mod args;
mod commands;
mod connect;
mod drift_report;
mod error;
mod exit;
mod follow;
mod grid;
mod help;
mod html;
mod input;
mod output;
mod place;
mod printer;
mod profile;
mod progress;
mod row_writer;
mod run_result;
mod screen;
mod signals;
mod state;
mod submissions;
mod submit;
mod table;
mod target;
mod values;

use std::process::ExitCode;

use bulkrail::{Error, ErrorKind};
use clap::{CommandFactory, FromArgMatches};
use clap_complete::CompleteEnv;

use args::{Cli, Command};
use error::CliError;
use printer::Printer;
use profile::Profile;
use signals::Signals;
use values::quoted;

fn main() -> ExitCode {
    // Ends the process where a shell asks for words.
    CompleteEnv::with_factory(Cli::command).var(commands::completions::VARIABLE).complete();
    let parsed = help::fit(Cli::command()).try_get_matches();
    let code = match parsed.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches)) {
        Ok(cli) => {
            let json = cli.command.prints_json();
            run(cli).unwrap_or_else(|error| error.print(json))
        }
        Err(error) => error::print_clap(&error),
    };
    ExitCode::from(code)
}

fn run(mut cli: Cli) -> Result<u8, CliError> {
    let printer = Printer::new(cli.quiet, cli.verbose);
    printer.start_log();
    let provider = cli.command.provider();
    if let Some(connection) = cli.command.connection() {
        block_on(async {
            connection.profile = Profile::selected(connection.profile_name.as_deref(), provider.as_ref()).await?;
            Ok(exit::SUCCESS)
        })?;
    }
    if let Some((report, others)) = cli.command.drift_report() {
        block_on(async {
            drift_report::check(report, others).await?;
            Ok(exit::SUCCESS)
        })?;
    }
    match cli.command {
        Command::Demo(args) => block_on(commands::demo::run(args, printer)),
        Command::Sandbox(args) => block_on(commands::sandbox::run(args, printer)),
        Command::Check(args) => block_on(commands::check::run(args)),
        Command::Submit(args) => block_on(commands::submit::run(args, printer)),
        Command::Status(args) => block_on(commands::status::run(args)),
        Command::Wait(args) => block_on(commands::wait::run(args, printer)),
        Command::Rows(args) => block_on(commands::rows::run(args, printer)),
        Command::Retry(args) => block_on(commands::retry::run(args, printer)),
        Command::Run(args) => block_on(commands::run::run(args, printer)),
        Command::Specs(args) => block_on(commands::specs::run(args.command)),
        Command::List(args) => block_on(commands::list::run(args)),
        Command::Forget(args) => block_on(commands::forget::run(args)),
        Command::Resume(args) => block_on(commands::resume::run(args, printer)),
        Command::Config(args) => block_on(commands::config::run(args, printer)),
        Command::Compare(args) => block_on(commands::compare::run(args, printer)),
        Command::Schema => commands::schema::run(),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
        Command::ExitCodes => commands::help("exit-codes"),
        Command::Environment => commands::help("environment"),
    }
}

/// Returns the error for a command that was stopped before it began to wait or to send, or that does
/// neither.
fn stopped() -> CliError {
    // A word that is not Unicode is shown with replacement characters.
    let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    let command = words.fold("bulkrail".to_owned(), |command, word| format!("{command} {word}"));
    let error = Error::new(ErrorKind::Interrupted, "the command was stopped");
    CliError::from(error.with_hint("nothing was sent to create a batch")).with_resume(|_| command)
}

fn block_on(command: impl Future<Output = Result<u8, CliError>>) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::io("the runtime cannot be started", &error))?;
    let signals = Signals::receive()?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = command => result,
            () = signals.unhandled() => Err(stopped()),
        }
    });
    // A blocking task that is still running (a name being resolved, a disk that hangs) must not delay
    // the exit.
    runtime.shutdown_background();
    result
}
