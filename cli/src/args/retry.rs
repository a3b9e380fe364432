//! Arguments of `retry`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::{Connection, ENVIRONMENT, Target};

const EXAMPLES: &str = "\
Examples:
  bulkrail retry killb 550e8400 --submitted people.csv --out next.csv && bulkrail run killb next.csv
  bulkrail retry killb 550e8400 --submitted people.xlsx --out next.xlsx
  bulkrail retry localpayment payroll-7 --submitted batch.json --out next.json
  bulkrail retry reap 784d4045 --submitted import.csv > next.csv

The rows are written in the form of FILE:
  .csv   the same columns in the same order; each row is copied byte for byte
  .xlsx  the workbook without the other rows; a formula becomes its value. It is said where formats
         cannot be kept
  .json  each account, and the other fields of a batch, as they are written. The next batch needs an
         externalId of its own: that of the batch with -retry added, then -retry2 and so on; or --key

Rows of which the provider reports no outcome may exist there: submitted again, they may exist twice.
On a terminal it is asked whether to include them. Elsewhere they are left out, unless --unaccounted is
given. Find out at the provider first.

Only a batch that has ended is retried. Nothing is submitted, and FILE is not changed. Where every row
succeeded, nothing is written.";

/// Write the next file from the rows that did not succeed
#[derive(Args)]
#[command(override_usage = "bulkrail retry [OPTIONS] <PROVIDER> <ID> --submitted <FILE>\n       \
                            bulkrail retry [OPTIONS] --batch <FILE> --submitted <FILE>")]
#[command(after_long_help = format!("{EXAMPLES}\n\n{ENVIRONMENT}"))]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// File that was submitted
    #[arg(long, value_name = "FILE")]
    pub(crate) submitted: PathBuf,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file of --out where it exists
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// Include rows of which the provider does not report an outcome, without asking
    #[arg(long)]
    pub(crate) unaccounted: bool,
    /// localpayment: externalId of the next batch, for a batch document
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}
