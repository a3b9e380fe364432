//! Arguments of `resume`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::wait::HISTORY;
use super::{ENVIRONMENT, REPORT, RecordArgs, ReportArgs, WaitArgs};
use crate::commands::completions::complete_submission;

const EXAMPLES: &str = "\
Examples:
  bulkrail resume                       # all batches whose end was not seen
  bulkrail resume --json > ends.json    # the same for a script, such as a cron job
  bulkrail resume import-2026-01-01     # one batch, by its key or its id
  bulkrail resume --gave-up --deadline 2h
  bulkrail resume --report report.html  # an HTML page with a section for each batch

Batches of all providers and environments are waited for at the same time, each at the address that
it was submitted to, with the credentials of the environment. Where those of a provider are missing,
its batches end with an error, and the others are waited for.

A wait goes on where it was stored, also by a run or wait that was killed: with its deadline, its
intervals and what it has learned. Where none was begun, or with --deadline, --interval or
--lag-per-request, it begins now.

Nothing is submitted. Where it is not known whether a batch exists, it is polled if its id was known
before it was submitted (Localpayment). For the others the advice of `bulkrail list` is printed, as
an error of the kind outcome_unknown.

Prints one table; with --json one array: the result document of each batch that ended, the error
document of each other batch. --jsonl prints each of them when its batch ends. The exit code is that
of the worst, as for `bulkrail wait`.

Only one process resumes at a time: another ends with exit code 2 and names the first.";

/// Wait for the batches that were submitted from here and have not ended
///
/// All that are open, or those that are named. A batch whose wait gave up, at its deadline or
/// because the provider could not be reached, is waited for again when it is named, or with
/// --gave-up.
#[derive(Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{REPORT}\n\n{HISTORY}\n\n{ENVIRONMENT}"))]
pub(crate) struct ResumeArgs {
    /// Id or key of a batch, or its beginning, as `bulkrail list` shows it [default: all that are open]
    #[arg(add = ArgValueCompleter::new(complete_submission))]
    pub(crate) id: Vec<String>,
    /// Wait again for batches whose wait gave up
    #[arg(long)]
    pub(crate) gave_up: bool,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    /// Print an array of result and error documents, one line of JSON
    #[arg(long, conflicts_with = "jsonl")]
    pub(crate) json: bool,
    /// Print the result or error document of each batch when it ends, one on each line
    #[arg(long)]
    pub(crate) jsonl: bool,
}
