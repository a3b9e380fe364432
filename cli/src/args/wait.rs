//! Arguments of `status` and `wait`, and the options of every wait.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use bulkrail::poll::WaitOptions;
use bulkrail::schedule::Schedule;
use bulkrail::{AnyClient, ErrorKind, Wait, WaitSet};
use clap::Args;

use super::{Connection, ENVIRONMENT, REPORT, ReportArgs, Target};
use crate::values::{duration, interval, lag_per_request};

const STATUS_EXAMPLES: &str = "\
Examples:
  bulkrail status reap 784d4045-c900-4050-aad6-8fe4c8d2fb16
  bulkrail status --batch batch.json --json | jq .progress";

/// Poll a batch once
///
/// Exits with 0 while the batch is running. Once it has ended, the exit code is that of its
/// outcome.
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
  bulkrail wait killb 550e8400 --report report.html
  bulkrail wait --batch many.jsonl                # any number of batches, of any providers

A wait whose deadline passes (exit 5) or that is interrupted (exit 130) prints the batch document.
Another wait continues from it:
  bulkrail wait reap 784d4045 --json --deadline 10m > out.json
  bulkrail wait --batch out.json --json

The batches of a file (JSON Lines, or an array) are waited for at the same time, each provider
within its request limit. Without --json and --jsonl, a table is printed, and below it the batch
document of each batch whose deadline passed, one on each line. --json prints one array in the order
of the file: the result document of each batch that ended, the error document of each other batch.
--jsonl prints each of these documents when its batch ends. An interrupt prints the batch document
of each batch that has not ended, one on each line. The exit code is that of the worst: 130 when
interrupted; else the highest code of an error; else 4, 3 or 0, by the outcomes.

With --report, rows that did not succeed are read at the end: those of KillB as it lists them, those
of Reap and Localpayment with the file that was submitted from here, while it is unchanged. The page
says where they are missing, and which command reads them.

For a batch that was submitted from here, the last state is noted for `bulkrail list`, and the wait
itself once a second: where the process is killed, `bulkrail resume` goes on with it.";

pub(super) const HISTORY: &str = "\
History:
  The durations and sizes of batches are stored for each provider, to time polls better. The file
  has nothing else. It is $XDG_STATE_HOME/bulkrail/history.json, by default
  ~/.local/state/bulkrail/history.json; on Windows it is below %LOCALAPPDATA%\\bulkrail. It is safe
  to delete. A file that is not a history is ignored, and replaced once there is something to store.
  With --no-history the file is neither read nor written.";

/// Wait until a batch ends, or several do, or the deadline passes
///
/// Network errors and temporary errors of the provider do not end a wait. Ctrl-C, SIGTERM and SIGHUP
/// do; the batch itself continues at the provider. Under nohup, SIGHUP stays ignored.
#[derive(Args)]
#[command(override_usage = "bulkrail wait [OPTIONS] <PROVIDER> <ID>\n       bulkrail wait [OPTIONS] --batch <FILE>")]
#[command(after_long_help = format!("{WAIT_EXAMPLES}\n\n{REPORT}\n\n{HISTORY}\n\n{ENVIRONMENT}"))]
pub(crate) struct WaitCommandArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    /// Print the result document, one line of JSON; an array for a file of several batches
    #[arg(long, conflicts_with = "jsonl")]
    pub(crate) json: bool,
    /// Print a result document for each successful poll, one on each line, the final one last; for
    /// a file of several batches, one for each batch when it ends
    #[arg(long)]
    pub(crate) jsonl: bool,
}

impl WaitCommandArgs {
    /// Returns the command that waits again after an error of `kind`.
    pub(crate) fn resume_command(&self, kind: ErrorKind) -> String {
        self.target.resume_command(kind, &(self.connection.flags() + &self.report.flags()))
    }
}

/// Options of a wait.
#[derive(Clone, Args)]
pub(crate) struct WaitArgs {
    /// Stop waiting after this time, such as 30m or 1h30m; a poll that has begun may take 10 s
    /// longer [default: what the provider advises, else 1h]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Shortest and longest time between two polls, such as 200ms..5s [default: what the provider
    /// advises]
    #[arg(long, value_name = "MIN..MAX", value_parser = interval)]
    pub(crate) interval: Option<RangeInclusive<Duration>>,
    /// Time by which the end may be seen later in order to save one request, from 20ms to 500s; a
    /// shorter time polls more often [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = lag_per_request)]
    pub(crate) lag_per_request: Option<f64>,
}

impl WaitArgs {
    /// Returns `wait` with these options.
    pub(crate) fn configure<'a>(&self, mut wait: Wait<'a>) -> Wait<'a> {
        if let Some(deadline) = self.deadline {
            wait = wait.deadline(deadline);
        }
        if let Some(bounds) = &self.interval {
            wait = wait.interval(bounds.clone());
        }
        match self.schedule() {
            Some(schedule) => wait.schedule(schedule),
            None => wait,
        }
    }

    /// Returns the options of a wait by `client`.
    pub(crate) fn wait_options(&self, client: &AnyClient) -> WaitOptions {
        let mut options = WaitOptions::new(client);
        if let Some(deadline) = self.deadline {
            options = options.deadline(deadline);
        }
        if let Some(bounds) = &self.interval {
            options = options.interval(bounds.clone());
        }
        match self.schedule() {
            Some(schedule) => options.schedule(schedule),
            None => options,
        }
    }

    /// Returns whether an option is given.
    pub(crate) fn is_given(&self) -> bool {
        self.deadline.is_some() || self.interval.is_some() || self.lag_per_request.is_some()
    }

    /// Returns `set` with these options.
    pub(crate) fn configure_set<'a>(&self, mut set: WaitSet<'a>) -> WaitSet<'a> {
        if let Some(deadline) = self.deadline {
            set = set.deadline(deadline);
        }
        if let Some(bounds) = &self.interval {
            set = set.interval(bounds.clone());
        }
        match self.schedule() {
            Some(schedule) => set.schedule(schedule),
            None => set,
        }
    }

    fn schedule(&self) -> Option<Schedule> {
        self.lag_per_request.map(|seconds| Schedule::adaptive().lag_per_request(seconds))
    }
}

/// Files that a wait reads and writes beside its result.
#[derive(Args)]
pub(crate) struct RecordArgs {
    /// Neither read nor store the durations of batches
    #[arg(long)]
    pub(crate) no_history: bool,
    /// Append to FILE how the responses differed from the spec, one line of JSON for each batch;
    /// `bulkrail specs suggest` reads it
    #[arg(long, value_name = "FILE")]
    pub(crate) drift_report: Option<PathBuf>,
}
