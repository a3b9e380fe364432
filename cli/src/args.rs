//! The command line.

mod job;
mod specs;

use std::path::PathBuf;

use bulkrail::{ProviderId, cdq, killb, localpayment, reap};
use bulkrail_sandbox::Faults;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use job::{Format, Patience, Record, RowsArgs, RunArgs, Submission, SubmitArgs};
pub(crate) use specs::{DiffArgs, LintArgs, SpecsArgs, SpecsCommand, SuggestArgs};

use crate::values::{faults, quoted, speed};

const ABOUT: &str = "Submits batches to payments providers, waits for them, and accounts for every row";

const EXAMPLES: &str = "\
Examples:
  bulkrail demo                                   see it work; no account, no network
  bulkrail run killb people.csv                   submit, wait, and see what became of each row
  bulkrail status reap 784d4045-c900-4050-aad6-8fe4c8d2fb16
  bulkrail wait killb 550e8400 --deadline 30m     until it ends, for half an hour at most
  bulkrail wait --batch batch.json --json         the same from a saved batch, for a script

Exit codes:
  0  ended, every row succeeded; or nothing to wait for and all done
  2  called or set up wrongly        6  credentials refused
  3  ended, some rows failed;        7  batch not found
     specs: something was found
  4  ended, failed or cancelled      8  provider not available
  5  deadline passed, still running  9  nobody knows whether it was submitted
  1  anything else                 130  interrupted";

const ENVIRONMENT: &str = "\
Environment:
  killb         KILLB_EMAIL and KILLB_PASSWORD, or KILLB_ACCESS_TOKEN
  reap          REAP_API_KEY
  cdq           CDQ_API_KEY
  localpayment  LOCALPAYMENT_USERNAME and LOCALPAYMENT_PASSWORD, or LOCALPAYMENT_ACCESS_TOKEN
  KILLB_BASE_URL, REAP_BASE_URL, CDQ_BASE_URL, LOCALPAYMENT_BASE_URL
                stand in for --base-url, where neither it nor --production is given";

#[derive(Parser)]
#[command(name = "bulkrail", version, about = ABOUT, after_long_help = EXAMPLES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Say nothing but errors: no progress bar, no messages
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,

    /// Log requests and snapshots to standard error; twice for more
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Demo(DemoArgs),
    Sandbox(SandboxArgs),
    Submit(SubmitArgs),
    Status(StatusArgs),
    Wait(WaitArgs),
    Rows(RowsArgs),
    Run(RunArgs),
    Specs(SpecsArgs),
    /// Print the JSON Schema of the documents that other commands print
    ///
    /// One JSON document with the fields `batch`, `result` and `error`, each a schema (draft 2020-12).
    #[command(after_long_help = "Examples:\n  bulkrail schema > schema.json")]
    Schema,
    Completions(CompletionsArgs),
}

impl Command {
    /// Whether a program reads the output, so that errors are documents, too.
    pub(crate) fn is_for_programs(&self) -> bool {
        match self {
            Self::Demo(args) => args.json,
            Self::Submit(args) => args.json,
            Self::Status(args) => args.json,
            Self::Rows(args) => args.json || matches!(args.format, Some(Format::Json | Format::Jsonl)),
            Self::Run(args) => args.json,
            Self::Wait(args) => args.json || args.jsonl,
            Self::Specs(args) => matches!(&args.command, SpecsCommand::Diff(args) if args.json),
            Self::Sandbox(_) | Self::Schema | Self::Completions(_) => false,
        }
    }
}

/// Watch four batches at an embedded sandbox; needs no network and no credentials
///
/// Starts a sandbox on a free loopback port, submits one batch to each provider, waits for all four at once, and
/// prints how they ended and which rows failed. The people in the batches are made up.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  bulkrail demo\n  bulkrail demo --json | jq '.[].outcome'")]
pub(crate) struct DemoArgs {
    /// Print an array of four result documents instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// How many times faster than the providers batches are worked on
    #[arg(long, value_name = "X", default_value_t = 8.0, value_parser = speed)]
    pub(crate) speed: f64,
}

const SANDBOX_EXAMPLES: &str = "\
Examples:
  bulkrail sandbox --speed 10
  bulkrail sandbox --port 8080 --faults flaky > sandbox.env &
  . ./sandbox.env && bulkrail status reap 784d4045-c900-4050-aad6-8fe4c8d2fb16

The variables it prints are those that the other commands read.";

/// Run a sandbox that answers as the four providers do, until interrupted
///
/// Prints each provider's base URL and credentials as `export` lines.
#[derive(Args)]
#[command(after_long_help = SANDBOX_EXAMPLES)]
pub(crate) struct SandboxArgs {
    /// Port of 127.0.0.1 to listen on; 0 for any that is free
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port: u16,
    /// What every id, failing row and duration is derived from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// How many times faster than the providers batches are worked on
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// What goes wrong
    #[arg(long, value_name = "NAME", default_value = "none", value_parser = faults())]
    pub(crate) faults: Faults,
}

const STATUS_EXAMPLES: &str = "\
Examples:
  bulkrail status reap 784d4045-c900-4050-aad6-8fe4c8d2fb16
  bulkrail status --batch batch.json --json | jq .progress";

/// Look at a batch once
///
/// Exits 0 while it runs; for a batch that has ended, the exit code tells how.
#[derive(Args)]
#[command(
    override_usage = "bulkrail status [OPTIONS] <PROVIDER> <ID>\n       bulkrail status [OPTIONS] --batch <FILE>"
)]
#[command(after_long_help = format!("{STATUS_EXAMPLES}\n\n{ENVIRONMENT}"))]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Print the result document, one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const WAIT_EXAMPLES: &str = "\
Examples:
  bulkrail wait reap 784d4045-c900-4050-aad6-8fe4c8d2fb16
  bulkrail wait killb 550e8400 --deadline 30m --interval 200ms..5s
  bulkrail wait --batch batch.json --json > result.json
  bulkrail wait --batch - --jsonl < batch.json
  bulkrail wait --batch many.jsonl                as many batches as are in it, of any providers

A wait that runs out of time (exit 5) or is interrupted (exit 130) prints the batch document, to go on with:
  bulkrail wait reap 784d4045 --json --deadline 10m > out.json
  bulkrail wait --batch out.json --json

A file of many batches (JSON Lines, or an array) is waited for at once, each provider within its
request limit. --json then prints one array in the order of the file, of result documents and, for
batches that could not be seen to their end, error documents; --jsonl prints each of these as it
ends. Without them there is a table, and below it the batch document of each batch that ran out of
time, one a line. An interrupt prints the batch document of each that has not ended, one a line.
The exit code is that of the worst: 130 when interrupted; else the highest code of an error; else 4,
3 or 0 for how the batches ended.";

pub(crate) const HISTORY: &str = "\
DurationSamples:
  How long batches take is kept per provider (times and sizes, nothing else) and used to look at the
  right time: in $XDG_STATE_HOME/bulkrail/history.json, else ~/.local/state/bulkrail/history.json; on
  Windows in %LOCALAPPDATA%\\bulkrail. It is safe to delete. A file that cannot be understood is left
  out of account, and replaced when there is something to keep. --no-history leaves it alone.";

/// Wait until a batch ends, or many do, or the deadline passes
///
/// Faults of the network and of the provider do not end a wait. Ctrl-C does; the batch itself goes on.
#[derive(Args)]
#[command(override_usage = "bulkrail wait [OPTIONS] <PROVIDER> <ID>\n       bulkrail wait [OPTIONS] --batch <FILE>")]
#[command(after_long_help = format!("{WAIT_EXAMPLES}\n\n{HISTORY}\n\n{ENVIRONMENT}"))]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) patience: Patience,
    #[command(flatten)]
    pub(crate) record: Record,
    /// Print the result document, one line of JSON; an array for a file of many batches
    #[arg(long, conflicts_with = "jsonl")]
    pub(crate) json: bool,
    /// Print a result document for each look as it is seen, one a line, the final one last; for a file of many
    /// batches, for each batch as it ends
    #[arg(long)]
    pub(crate) jsonl: bool,
}

/// Which batch.
#[derive(Args)]
pub(crate) struct Target {
    /// Provider that has the batch
    #[arg(value_enum, required_unless_present = "batch", conflicts_with = "batch")]
    pub(crate) provider: Option<ProviderName>,
    /// Id that the provider knows the batch by
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    pub(crate) id: Option<String>,
    /// File with a batch document, or with any document that has a field `batch`; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) batch: Option<PathBuf>,
}

/// Where the provider is.
#[derive(Args)]
pub(crate) struct Connection {
    /// Address of the provider's API [default: its sandbox]
    #[arg(long, value_name = "URL", conflicts_with = "production")]
    pub(crate) base_url: Option<String>,
    /// Use the provider's production environment, not its sandbox
    #[arg(long)]
    pub(crate) production: bool,
    /// Let plain http:// through to other hosts than this one; credentials then travel readable
    #[arg(long)]
    pub(crate) insecure_http: bool,
}

impl Connection {
    /// The same options, for a command line to go on with.
    pub(crate) fn words(&self) -> String {
        let mut words = String::new();
        if let Some(url) = &self.base_url {
            words = format!(" --base-url {}", quoted(url));
        }
        if self.production {
            words.push_str(" --production");
        }
        if self.insecure_http {
            words.push_str(" --insecure-http");
        }
        words
    }
}

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  bulkrail completions bash > ~/.local/share/bash-completion/completions/bulkrail
  bulkrail completions fish > ~/.config/fish/completions/bulkrail.fish")]
pub(crate) struct CompletionsArgs {
    /// Shell to complete for
    pub(crate) shell: Shell,
}

/// A provider we know.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProviderName {
    Killb,
    Reap,
    Cdq,
    Localpayment,
}

impl ProviderName {
    pub(crate) fn id(self) -> ProviderId {
        match self {
            Self::Killb => killb::PROVIDER,
            Self::Reap => reap::PROVIDER,
            Self::Cdq => cdq::PROVIDER,
            Self::Localpayment => localpayment::PROVIDER,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
