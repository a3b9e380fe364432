//! The command lines that submit, and that ask for rows.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use bulkrail::Provider;
use bulkrail::cdq::raw::types::ConfirmationFeature;
use bulkrail::schedule::Schedule;
use bulkrail::poll::{WaitSet, Wait};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::{Connection, ENVIRONMENT, HISTORY, ProviderName, Target};
use crate::values::{duration, interval, worth};

const FILES: &str = "\
Files:
  killb         .xlsx, sent as it is; or .csv with the keys of KillB's rows as columns (such as
                externalId, accountType, firstName), made into a workbook
  reap          CSV with the columns externalId and shareToken, and optionally applicantLevel and
                cardProcessorPublicToken; up to 5,000 rows and 10 MB
  cdq           none, with --storage-id: the storage holds the accounts. A CSV file (International
                Reconciliation ID, International Bank ID, Country Code, National Bank ID, National Reconciliation
                ID) is uploaded first; --storage-id is needed all the same, because CDQ documents no
                way from an upload to a storage id
  localpayment  .json: a batch as Localpayment documents it, or an array of its accounts; or .csv
                with the columns externalId,type,name,lastName,documentType,documentId (a form of
                our own: Localpayment has none). 10 accounts or more; more than 5,000 make several
                batches, the first with the externalId given, the others with -2, -3 and so on
                added to it

A file that breaks a rule is refused before anything is sent, without showing a cell of it.";

const SUBMIT_EXAMPLES: &str = "\
Examples:
  bulkrail submit killb people.xlsx --json > batch.json && bulkrail wait --batch batch.json
  bulkrail submit reap import.csv --key import-2026-01-01
  bulkrail submit cdq --storage-id 72d6900fce6b326088f5d9d91049e3e6
  bulkrail submit localpayment batch.json
  bulkrail submit localpayment accounts.csv --account-number 484.484.00000011 --country MEX

Nothing is submitted twice: where the answer is lost and nobody can tell (exit 9), find out at the
provider first. Reap tells by the key whether it has the batch, so there the same command, with the
same --key, may be given again.";

/// Upload or start a batch, and print it
///
/// Does not wait for it: see `bulkrail wait`, or `bulkrail run` for both in one.
#[derive(Args)]
#[command(override_usage = "bulkrail submit [OPTIONS] <PROVIDER> <FILE>\n       \
                            bulkrail submit [OPTIONS] cdq --storage-id <ID> [FILE]")]
#[command(after_long_help = format!("{SUBMIT_EXAMPLES}\n\n{FILES}\n\n{ENVIRONMENT}"))]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    pub(crate) submission: Submission,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Print the batch document, one line of JSON; of several batches each on a line of its own
    #[arg(long)]
    pub(crate) json: bool,
}

const RUN_EXAMPLES: &str = "\
Examples:
  bulkrail run killb people.csv
  bulkrail run reap import.csv --key import-2026-01-01 --deadline 1h --json > result.json
  bulkrail run localpayment batch.json
  bulkrail run cdq --storage-id 72d6900fce6b326088f5d9d91049e3e6

A run that ends early (out of time, interrupted, out of reach) prints the batch document, to go on
with:
  bulkrail wait --batch FILE && bulkrail rows --batch FILE --submitted people.csv

Rows of which the provider says nothing are unaccounted for, and make the outcome partial (exit 3).
With --json, several batches give an array, and the exit code is that of the worst.";

/// Submit a batch, wait for its end, and account for every row
#[derive(Args)]
#[command(override_usage = "bulkrail run [OPTIONS] <PROVIDER> <FILE>\n       \
                            bulkrail run [OPTIONS] cdq --storage-id <ID> [FILE]")]
#[command(after_long_help = format!("{RUN_EXAMPLES}\n\n{FILES}\n\n{HISTORY}\n\n{ENVIRONMENT}"))]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) submission: Submission,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) patience: Patience,
    #[command(flatten)]
    pub(crate) record: Record,
    /// Print the result document with its rows, one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const ROWS_EXAMPLES: &str = "\
Examples:
  bulkrail rows killb 550e8400-e29b-41d4-a716-446655440000
  bulkrail rows killb 550e8400 --failed --format csv > failed.csv
  bulkrail rows localpayment payroll-7 --submitted accounts.csv --json
  bulkrail rows --batch batch.json --submitted import.csv

What providers tell of rows:
  killb         every row, with the reason where it failed
  reap          counts only; with --submitted each entity in the file, one request a row
  cdq           nothing
  localpayment  the accounts it created; with --submitted the rest shows as unaccounted for

Exits 0 once the rows are printed, however they ended. In CSV, a cell that a spreadsheet would run
as a formula (it begins with = + - @, a tab or a carriage return) has an apostrophe before it; JSON
has every text as it is.";

/// Print what became of each row of a batch
///
/// Fields: index, reference, outcome (succeeded, failed, unaccounted), account_id, reason.
#[derive(Args)]
#[command(override_usage = "bulkrail rows [OPTIONS] <PROVIDER> <ID>\n       bulkrail rows [OPTIONS] --batch <FILE>")]
#[command(after_long_help = format!("{ROWS_EXAMPLES}\n\n{ENVIRONMENT}"))]
pub(crate) struct RowsArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// File that was submitted: rows of which the provider says nothing then show as unaccounted for
    #[arg(long, value_name = "FILE")]
    pub(crate) submitted: Option<PathBuf>,
    /// Only rows that failed
    #[arg(long)]
    pub(crate) failed: bool,
    /// How to print them; json is one array, jsonl one object a line [default: a table on a terminal, csv elsewhere]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// How rows are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Jsonl,
    Json,
}

/// What to submit.
#[derive(Args)]
pub(crate) struct Submission {
    /// Provider to submit to
    #[arg(value_enum)]
    pub(crate) provider: ProviderName,
    /// What to submit; see below
    pub(crate) file: Option<PathBuf>,
    /// reap: the idempotency key; localpayment: the externalId of the batch [default: a random one]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) key: Option<String>,
    /// cdq: storage with the accounts to confirm
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) storage_id: Option<String>,
    /// cdq: what to confirm; may be given twice
    #[arg(long, value_enum)]
    pub(crate) feature: Vec<Feature>,
    /// localpayment: your account there, for a file that has accounts only
    #[arg(long, value_name = "NUMBER", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) account_number: Option<String>,
    /// localpayment: country of the accounts, such as MEX, for a file that has accounts only
    #[arg(long, value_name = "CODE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) country: Option<String>,
}

/// What a CDQ job confirms.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Feature {
    /// The accounts of the business partners in a business partner storage
    ConfirmBaInBpStorage,
    /// The accounts in a bank account storage that has an active data monitor
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

/// How to wait.
#[derive(Clone, Args)]
pub(crate) struct Patience {
    /// Give up after this time, such as 30m or 1h30m (10 s later at most, for a look that is under way) [default: what the provider advises, else 1h]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Shortest and longest time between two looks, such as 200ms..5s [default: what the provider advises]
    #[arg(long, value_name = "MIN..MAX", value_parser = interval)]
    pub(crate) interval: Option<RangeInclusive<Duration>>,
    /// How many seconds later the end may be noticed to save one request, 0.02 to 500; less looks more often
    /// [default: 2]
    #[arg(long, value_name = "SECONDS", value_parser = worth)]
    pub(crate) worth: Option<f64>,
}

impl Patience {
    /// `wait` with this patience.
    pub(crate) fn of<'a, P: Provider>(&self, mut wait: Wait<'a, P>) -> Wait<'a, P> {
        if let Some(deadline) = self.deadline {
            wait = wait.deadline(deadline);
        }
        if let Some(bounds) = &self.interval {
            wait = wait.interval(bounds.clone());
        }
        if let Some(seconds) = self.worth {
            wait = wait.schedule(Schedule::adaptive().worth(seconds));
        }
        wait
    }

    /// `fleet` with this patience.
    pub(crate) fn of_all<'a, P: Provider>(&self, mut fleet: WaitSet<'a, P>) -> WaitSet<'a, P> {
        if let Some(deadline) = self.deadline {
            fleet = fleet.deadline(deadline);
        }
        if let Some(bounds) = &self.interval {
            fleet = fleet.interval(bounds.clone());
        }
        if let Some(seconds) = self.worth {
            fleet = fleet.schedule(Schedule::adaptive().worth(seconds));
        }
        fleet
    }
}

/// What a wait reads and leaves behind beside its result.
#[derive(Args)]
pub(crate) struct Record {
    /// Leave alone what is kept of how long earlier batches took
    #[arg(long)]
    pub(crate) no_history: bool,
    /// Append a line of JSON a batch: in what the answers differed from the documentation; for `bulkrail specs suggest`
    #[arg(long, value_name = "FILE")]
    pub(crate) drift_report: Option<PathBuf>,
}
