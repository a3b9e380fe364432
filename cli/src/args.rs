//! Command line: subcommands, and the arguments that several of them share.

mod check;
mod compare;
mod config;
mod forget;
mod list;
mod resume;
mod retry;
mod rows;
mod specs;
mod submit;
mod wait;

use std::path::PathBuf;

use bulkrail::{ProviderId, cdq, killb, localpayment, reap};
use bulkrail_sandbox::Faults;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use clap_complete::engine::ArgValueCompleter;

pub(crate) use check::CheckArgs;
pub(crate) use compare::CompareArgs;
pub(crate) use config::{ConfigArgs, ConfigCommand};
pub(crate) use forget::ForgetArgs;
pub(crate) use list::ListArgs;
pub(crate) use resume::ResumeArgs;
pub(crate) use retry::RetryArgs;
pub(crate) use rows::{Format, RowsArgs};
pub(crate) use specs::{DiffArgs, LintArgs, SpecsArgs, SpecsCommand, SuggestArgs};
pub(crate) use submit::{RunArgs, SubmissionArgs, SubmitArgs};
pub(crate) use wait::{RecordArgs, StatusArgs, WaitArgs, WaitCommandArgs};

use crate::commands::completions::{complete_batch, complete_profile};
use crate::html::file_name;
use crate::profile::Profile;
use crate::values::{BaseUrlParser, faults, option, speed};

const ABOUT: &str = "Submits batches to payments providers, waits for their end, and reports the outcome of every row";

const EXAMPLES: &str = "\
Examples:
  bulkrail demo                                   # four batches, without credentials or network
  bulkrail check killb people.csv                 # what can be known before sending
  bulkrail run killb people.csv                   # submit, wait, and print the outcome of each row
  bulkrail status reap 784d4045-c900-4050-aad6-8fe4c8d2fb16
  bulkrail wait killb 550e8400 --deadline 30m     # wait for the end, for at most half an hour
  bulkrail wait --batch batch.json --json         # the same from a saved batch, for a script
  bulkrail list --open                            # what was submitted and has not been seen to end
  bulkrail resume                                 # wait for those that no wait has given up
  bulkrail retry killb 550e8400 --submitted people.csv --out next.csv
                                                  # the next file, from the rows that failed

See also: bulkrail help exit-codes, bulkrail help environment";

const EXIT_CODES: &str = "\
Exit codes:
    0  every row succeeded; or a command without a batch did its job
    1  any other error
    2  wrong arguments or configuration
    3  partial: some rows succeeded, others failed or are unaccounted for; specs: differences found;
       check: errors or warnings; compare: a row without exactly one account
    4  failed, cancelled, or outcome unknown: the batch ended, but its rows are unaccounted for
    5  the deadline passed, and the batch is still running
    6  the credentials were refused, or do not allow the request
    7  the batch was not found
    8  the provider could not be reached, or limits the rate
    9  it is unknown whether the batch was submitted
  130  interrupted
";

/// Template of the help of a topic: the text alone.
const TOPIC: &str = "{before-help}";

const REPORT: &str = "\
Report:
  --report FILE writes one HTML page, which needs nothing else and sends nothing. It opens in any
  browser and prints. Rows can be filtered, sorted and downloaded as CSV. The file is checked before
  anything is sent, and replaced as a whole at the end, also after an error or an interrupt. It has
  references of people: on Unix only you can read it.";

const ENVIRONMENT: &str = "\
Environment:
  killb         KILLB_EMAIL and KILLB_PASSWORD, or KILLB_ACCESS_TOKEN
  reap          REAP_API_KEY
  cdq           CDQ_API_KEY
  localpayment  LOCALPAYMENT_USERNAME and LOCALPAYMENT_PASSWORD, or LOCALPAYMENT_ACCESS_TOKEN
  KILLB_BASE_URL, REAP_BASE_URL, CDQ_BASE_URL, LOCALPAYMENT_BASE_URL
                used where neither --base-url nor --production nor a profile is given
  BULKRAIL_PROFILE, BULKRAIL_CONFIG
                profile to use where --profile is not given, and the configuration file that has it,
                by default $XDG_CONFIG_HOME/bulkrail/config.toml (see bulkrail config check --help)
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY
                proxy for https:// and http:// addresses, for both, and hosts to reach without it;
                also in lower case; this machine is always reached without a proxy
  SSL_CERT_FILE, SSL_CERT_DIR
                CA certificates to trust instead of the system's (not on macOS and Windows)";

const OTHER_ENVIRONMENT: &str = "\
\x20 XDG_STATE_HOME, XDG_CONFIG_HOME
                directories that have bulkrail/bulkrail.redb (what was submitted), bulkrail/history.json
                (how long batches took) and bulkrail/config.toml (profiles); by default ~/.local/state
                and ~/.config
  NO_COLOR      messages about arguments are without colours
  TERM          where it is dumb, and where standard error is not a terminal, progress is shown in
                lines instead of one that is drawn again

Options come before a profile, and a profile before the variables of a provider.
";

#[derive(Parser)]
#[command(name = "bulkrail", version, about = ABOUT, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print results and errors only: neither progress bars nor messages
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,

    /// Log requests and polls to standard error; repeat for more detail
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Demo(DemoArgs),
    Sandbox(SandboxArgs),
    Check(CheckArgs),
    Submit(SubmitArgs),
    Status(StatusArgs),
    Wait(WaitCommandArgs),
    Rows(RowsArgs),
    Run(RunArgs),
    Retry(RetryArgs),
    List(ListArgs),
    Resume(ResumeArgs),
    Forget(ForgetArgs),
    Compare(CompareArgs),
    Config(ConfigArgs),
    Specs(SpecsArgs),
    /// Print the JSON Schema of the documents that other commands print
    ///
    /// One JSON document with a schema (draft 2020-12) in each of the fields `batch`, `result`, `error`,
    /// `list`, `check`, `compare`, `rows` and `specs_diff`.
    #[command(after_long_help = "Examples:\n  bulkrail schema > schema.json")]
    Schema,
    Completions(CompletionsArgs),
    Man(ManArgs),
    /// List the exit codes
    #[command(name = "exit-codes", hide = true, help_template = TOPIC, before_long_help = EXIT_CODES)]
    ExitCodes,
    /// List the environment variables
    #[command(hide = true, help_template = TOPIC, before_long_help = format!("{ENVIRONMENT}\n{OTHER_ENVIRONMENT}"))]
    Environment,
}

impl Command {
    /// Returns how it connects to a provider, where it does.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        match self {
            Self::Submit(args) => Some(&mut args.connection),
            Self::Status(args) => Some(&mut args.connection),
            Self::Wait(args) => Some(&mut args.connection),
            Self::Rows(args) => Some(&mut args.connection),
            Self::Run(args) => Some(&mut args.connection),
            Self::Retry(args) => Some(&mut args.connection),
            Self::Compare(args) => Some(&mut args.connection),
            _ => None,
        }
    }

    /// Returns the provider that it names beside a connection, where it does.
    pub(crate) fn provider(&self) -> Option<ProviderId> {
        let provider = match self {
            Self::Submit(args) => Some(args.submission.provider),
            Self::Run(args) => Some(args.submission.provider),
            Self::Status(args) => args.target.provider,
            Self::Wait(args) => args.target.provider,
            Self::Rows(args) => args.target.provider,
            Self::Retry(args) => args.target.provider,
            Self::Compare(args) => Some(args.provider),
            _ => None,
        };
        provider.map(ProviderName::id)
    }

    /// Returns the file of `--drift-report`, where it is given, and the other files of the command by their options.
    pub(crate) fn drift_report(&self) -> Option<(PathBuf, Vec<(&'static str, PathBuf)>)> {
        let (record, report, submitted, batch) = match self {
            Self::Wait(args) => (&args.record, &args.report, None, args.target.batch.clone()),
            Self::Run(args) => (&args.record, &args.report, args.submission.file.clone(), None),
            Self::Resume(args) => (&args.record, &args.report, None, None),
            _ => return None,
        };
        let others = [("FILE", submitted), ("--batch", batch), ("--report", report.report.clone())];
        let others = others.into_iter().filter_map(|(name, file)| Some((name, file?))).collect();
        record.drift_report.clone().map(|file| (file, others))
    }

    /// Returns whether results are JSON, so that errors are JSON too.
    pub(crate) fn prints_json(&self) -> bool {
        match self {
            Self::Demo(args) => args.json,
            Self::Check(args) => args.json,
            Self::Submit(args) => args.json,
            Self::Status(args) => args.json,
            Self::Rows(args) => args.json || matches!(args.format, Some(Format::Json | Format::Jsonl)),
            Self::Run(args) => args.json,
            Self::List(args) => args.json,
            Self::Compare(args) => args.json,
            Self::Wait(args) => args.json || args.jsonl,
            Self::Resume(args) => args.json || args.jsonl,
            Self::Specs(args) => matches!(&args.command, SpecsCommand::Diff(args) if args.json),
            Self::Sandbox(_)
            | Self::Retry(_)
            | Self::Forget(_)
            | Self::Config(_)
            | Self::Schema
            | Self::Completions(_)
            | Self::Man(_)
            | Self::ExitCodes
            | Self::Environment => false,
        }
    }
}

/// Run four batches at an embedded sandbox, without network or credentials
///
/// Starts a sandbox on a free loopback port, submits one batch to each provider, waits for all four
/// at the same time, and prints their outcomes and the rows that failed. The names in the batches
/// are made up.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  bulkrail demo
  bulkrail demo --json | jq '.[].outcome'
  bulkrail demo --report report.html              # an HTML page about the four batches")]
pub(crate) struct DemoArgs {
    /// Print an array of four result documents instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Speed of the sandbox: how many times faster than the real providers it processes batches
    #[arg(long, value_name = "X", default_value_t = 8.0, value_parser = speed)]
    pub(crate) speed: f64,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

const SANDBOX_EXAMPLES: &str = "\
Examples:
  bulkrail sandbox --speed 10
  bulkrail sandbox --port 8417 --faults flaky > sandbox.env &
  sleep 1 && . ./sandbox.env
  bulkrail run cdq --storage-id 72d6900fce6b326088f5d9d91049e3e6

The other commands read the variables that it prints.";

/// Run a sandbox that behaves like the four providers, until interrupted
///
/// Prints each provider's base URL and credentials as `export` lines.
#[derive(Args)]
#[command(after_long_help = SANDBOX_EXAMPLES)]
pub(crate) struct SandboxArgs {
    /// Port of 127.0.0.1 to listen on; 0 for a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port: u16,
    /// Seed from which ids, failing rows and durations are derived
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Speed of the sandbox: how many times faster than the real providers it processes batches
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// Faults to inject
    #[arg(long, value_name = "NAME", default_value = "none", value_parser = faults())]
    pub(crate) faults: Faults,
}

/// The batch that a command is about.
#[derive(Args)]
pub(crate) struct Target {
    /// Provider that has the batch
    #[arg(value_enum, required_unless_present = "batch", conflicts_with = "batch")]
    pub(crate) provider: Option<ProviderName>,
    /// Id of the batch at the provider; its beginning (4 characters or more) is enough for a batch that
    /// was submitted from here
    #[arg(add = ArgValueCompleter::new(complete_batch))]
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    pub(crate) id: Option<String>,
    /// File with a batch document, or a document that has a field `batch`; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) batch: Option<PathBuf>,
}

/// Page about the batches of a command.
#[derive(Args)]
pub(crate) struct ReportArgs {
    /// Write an HTML page about the outcome to FILE: counts, progress, rows that did not succeed, what
    /// to do next
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(file_name))]
    pub(crate) report: Option<PathBuf>,
}

impl ReportArgs {
    /// Returns the same option as part of a command line that continues.
    pub(crate) fn flags(&self) -> String {
        self.report.as_ref().map_or_else(String::new, |file| option("report", &file.to_string_lossy()))
    }
}

/// Address of the provider.
#[derive(Default, Args)]
pub(crate) struct Connection {
    /// Base URL of the provider's API [default: its sandbox]
    #[arg(long, value_name = "URL", conflicts_with = "production", value_parser = BaseUrlParser)]
    pub(crate) base_url: Option<String>,
    /// Account of the configuration file: its address and credentials [default: BULKRAIL_PROFILE]
    #[arg(long = "profile", value_name = "NAME", add = ArgValueCompleter::new(complete_profile))]
    pub(crate) profile_name: Option<String>,
    /// The profile with its credentials.
    #[arg(skip)]
    pub(crate) profile: Option<Profile>,
    /// Use the provider's production environment instead of its sandbox
    #[arg(long)]
    pub(crate) production: bool,
    /// Allow plain http:// to other hosts than this one; credentials are then sent unencrypted
    #[arg(long)]
    pub(crate) insecure_http: bool,
    /// Accept a batch that was submitted in another environment than the one asked
    #[arg(long)]
    pub(crate) any_environment: bool,
}

impl Connection {
    /// Returns the same options as part of a command line that continues.
    pub(crate) fn flags(&self) -> String {
        let mut flags = String::new();
        if let Some(name) = &self.profile_name {
            flags.push_str(&option("profile", name));
        }
        if let Some(url) = &self.base_url {
            flags.push_str(&option("base-url", url));
        }
        if self.production {
            flags.push_str(" --production");
        }
        if self.insecure_http {
            flags.push_str(" --insecure-http");
        }
        if self.any_environment {
            flags.push_str(" --any-environment");
        }
        flags
    }
}

/// Print or write the man pages
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  bulkrail man ~/.local/share/man/man1
  bulkrail man | man -l -")]
pub(crate) struct ManArgs {
    /// Directory to write a page for each command to [default: print that of bulkrail]
    pub(crate) dir: Option<PathBuf>,
}

/// Print a completion script for a shell
///
/// The script asks this command for the words that fit, ids and keys of batches in the list and profiles among them.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  bulkrail completions bash > ~/.bulkrail.bash && echo '. ~/.bulkrail.bash' >> ~/.bashrc
  bulkrail completions zsh > ~/.bulkrail.zsh && echo '. ~/.bulkrail.zsh' >> ~/.zshrc
  bulkrail completions fish > ~/.bulkrail.fish && echo '. ~/.bulkrail.fish' >> ~/.config/fish/config.fish

The next session has them; in ~/.zshrc the line has to be below compinit. A package puts the script into
a directory of the shell: for zsh as _bulkrail into one of fpath.")]
pub(crate) struct CompletionsArgs {
    /// Shell that will read the script
    pub(crate) shell: Shell,
}

/// Name of a provider.
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
    fn command_line_passes_the_checks_of_clap() {
        Cli::command().debug_assert();
    }

    #[test]
    fn examples_of_every_help_parse() {
        let mut command = Cli::command();
        command.build();
        let mut commands = vec![command];
        let mut examples = 0;
        while let Some(mut command) = commands.pop() {
            let help = command.render_long_help().to_string();
            for example in help.lines().filter(|line| line.starts_with("  bulkrail ")) {
                // Without the explanation beside it, redirections, and what a shell does with the
                // output.
                let example = example.trim().split("  #").next().unwrap_or_default();
                for part in example.split("&&").map(str::trim).filter(|part| part.starts_with("bulkrail ")) {
                    let words: Vec<_> = part.split_whitespace().collect();
                    let end = words.iter().position(|word| [">", "<", "|", "&"].contains(word)).unwrap_or(words.len());
                    let parsed = Cli::try_parse_from(&words[..end]);
                    assert!(
                        parsed.is_ok(),
                        "{part}: {}",
                        parsed.err().map(|error| error.to_string()).unwrap_or_default()
                    );
                    examples += 1;
                }
            }
            commands.extend(command.get_subcommands().cloned());
        }
        assert!(examples > 30, "only {examples} examples were found");
    }
}
