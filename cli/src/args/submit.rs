//! Arguments of `submit` and `run`.

use std::path::PathBuf;

use bulkrail::cdq::raw::types::ConfirmationFeature;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::wait::HISTORY;
use super::{Connection, ENVIRONMENT, ProviderName, REPORT, RecordArgs, ReportArgs, WaitArgs};

pub(super) const FILES: &str = "\
Files:
  killb         .xlsx, sent unchanged; or .csv, converted to a workbook. Its columns are the keys of
                KillB's rows, such as externalId, accountType, firstName
  reap          .csv with the columns externalId and shareToken, and optionally applicantLevel and
                cardProcessorPublicToken; up to 5,000 rows and 10 MB
  cdq           none: with --storage-id, the accounts in that storage are confirmed. A .csv
                (International Account ID, International Bank ID, Country Code, National Bank ID,
                National Account ID) is uploaded first. CDQ does not document how an upload leads to
                a storage id, so --storage-id is needed then, too
  localpayment  .json: a batch as Localpayment documents it, or an array of its accounts; or .csv
                with the columns externalId, type, name, lastName, documentType, documentId.
                Localpayment does not document a CSV; this one is bulkrail's. At least 10 accounts;
                more than 5,000 make several batches: the first has the externalId given, the others
                have -2, -3 and so on added to it

A file that breaks a rule is refused before anything is sent. The message names row and column and
does not show a value. `bulkrail check` lists all of them, and what the provider may refuse later.";

const SUBMIT_EXAMPLES: &str = "\
Examples:
  bulkrail submit killb people.xlsx --json > batch.json && bulkrail wait --batch batch.json
  bulkrail submit reap import.csv --key import-2026-01-01
  bulkrail submit cdq --storage-id 72d6900fce6b326088f5d9d91049e3e6
  bulkrail submit localpayment batch.json
  bulkrail submit localpayment accounts.csv --account-number 484.484.00000011 --country MEX

Nothing is submitted twice. Where the response is lost and the outcome is unknown (exit 9), find out
at the provider whether the batch exists. Only for Reap may the same command with the same --key be
run again: Reap recognises the key.

Each batch is noted before it is sent, also for the case that the process is killed: `bulkrail list`
shows it, and what to do next; `bulkrail resume` waits for it. Where another process has the list
for 10 s, nothing is sent (exit 2). Ctrl-C, SIGTERM and SIGHUP wait up to 5 s for the response; a
second signal ends the command at once.";

/// Submit a batch and print it
///
/// Does not wait for its end: see `bulkrail wait`, or `bulkrail run` for both.
#[derive(Args)]
#[command(override_usage = "bulkrail submit [OPTIONS] <PROVIDER> <FILE>\n       \
                            bulkrail submit [OPTIONS] cdq --storage-id <ID> [FILE]")]
#[command(after_long_help = format!("{SUBMIT_EXAMPLES}\n\n{FILES}\n\n{ENVIRONMENT}"))]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    pub(crate) submission: SubmissionArgs,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Print the batch document, one line of JSON; several batches on a line each
    #[arg(long)]
    pub(crate) json: bool,
}

const RUN_EXAMPLES: &str = "\
Examples:
  bulkrail run killb people.csv
  bulkrail run reap import.csv --key import-2026-01-01 --deadline 1h --json > result.json
  bulkrail run localpayment batch.json --report report.html
  bulkrail run cdq --storage-id 72d6900fce6b326088f5d9d91049e3e6

A run that does not see the end of its batch (deadline, interrupt, provider not reachable) prints the
batch document. Save it as batch.json and continue with:
  bulkrail wait --batch batch.json
A run that was killed goes on, without its rows, with:
  bulkrail resume
  bulkrail rows --batch batch.json --submitted people.csv

A row of which the provider does not report an outcome is unaccounted for; the outcome of the batch
is then not a success. With --json, several batches make one array. The exit code is that of the
worst batch.";

/// Submit a batch, wait for its end, and report the outcome of every row
#[derive(Args)]
#[command(override_usage = "bulkrail run [OPTIONS] <PROVIDER> <FILE>\n       \
                            bulkrail run [OPTIONS] cdq --storage-id <ID> [FILE]")]
#[command(after_long_help = format!("{RUN_EXAMPLES}\n\n{REPORT}\n\n{FILES}\n\n{HISTORY}\n\n{ENVIRONMENT}"))]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) submission: SubmissionArgs,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    /// Print the result document with its rows, one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The batch to submit.
#[derive(Args)]
pub(crate) struct SubmissionArgs {
    /// Provider to submit to
    #[arg(value_enum)]
    pub(crate) provider: ProviderName,
    /// File to submit; `--help` lists its formats
    pub(crate) file: Option<PathBuf>,
    /// reap: idempotency key; localpayment: externalId of the batch [default: a random one]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) key: Option<String>,
    /// cdq: storage that has the accounts to confirm
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) storage_id: Option<String>,
    /// cdq: feature of the confirmation; may be given twice
    #[arg(long, value_enum)]
    pub(crate) feature: Vec<Feature>,
    /// localpayment: number of your account there, for a file that has accounts only
    #[arg(long, value_name = "NUMBER", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) account_number: Option<String>,
    /// localpayment: country of the accounts, such as MEX, for a file that has accounts only
    #[arg(long, value_name = "CODE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) country: Option<String>,
}

/// Feature of CDQ's confirmation.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Feature {
    /// Confirm the accounts of the business partners in a business partner storage
    ConfirmBaInBpStorage,
    /// Confirm the accounts in a bank account storage that has an active data monitor
    DataMonitorRefresh,
}

impl From<Feature> for ConfirmationFeature {
    fn from(feature: Feature) -> Self {
        match feature {
            Feature::ConfirmBaInBpStorage => Self::ConfirmBaInBpStorage,
            Feature::DataMonitorRefresh => Self::DataMonitorRefresh,
        }
    }
}
