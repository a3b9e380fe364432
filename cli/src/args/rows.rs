//! Arguments of `rows`.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Connection, ENVIRONMENT, REPORT, ReportArgs, Target};

const ROWS_EXAMPLES: &str = "\
Examples:
  bulkrail rows killb 550e8400-e29b-41d4-a716-446655440000
  bulkrail rows killb 550e8400 --failed --format csv > failed.csv
  bulkrail rows localpayment payroll-7 --submitted accounts.csv --json
  bulkrail rows killb 550e8400 --report report.html > rows.csv
  bulkrail rows --batch batch.json --submitted import.csv

Rows that each provider reports:
  killb         every row, with the reason where it failed
  reap          counts only; with --submitted, the entity of each row is read, one request for each
  cdq           none
  localpayment  the accounts it created; with --submitted, the other rows are unaccounted for

Exits with 0 once the rows are printed, whatever their outcomes. Where the provider's statements
disagree, the differences and the outcome of the batch are printed to standard error. In CSV, a cell
that a spreadsheet would run as a formula (it begins with = + - @, a tab or a carriage return) has an
apostrophe before it; JSON has every text unchanged.";

/// Print the outcome of every row of a batch
///
/// Fields: index, reference, outcome (succeeded, failed, unaccounted), account_id, reason.
#[derive(Args)]
#[command(override_usage = "bulkrail rows [OPTIONS] <PROVIDER> <ID>\n       bulkrail rows [OPTIONS] --batch <FILE>")]
#[command(after_long_help = format!("{ROWS_EXAMPLES}\n\n{REPORT}\n\n{ENVIRONMENT}"))]
pub(crate) struct RowsArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// File that was submitted: its rows that the provider does not list are then printed as
    /// unaccounted
    #[arg(long, value_name = "FILE")]
    pub(crate) submitted: Option<PathBuf>,
    /// Print only rows that failed
    #[arg(long)]
    pub(crate) failed: bool,
    /// Format of the rows; json is one array, jsonl one object on each line [default: a table on a
    /// terminal, else csv]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl RowsArgs {
    /// Returns the format of the rows; `None` is a table.
    pub(crate) fn format(&self) -> Option<Format> {
        match self.format {
            None if self.json => Some(Format::Json),
            None if std::io::stdout().is_terminal() => None,
            None => Some(Format::Csv),
            format => format,
        }
    }
}

/// Format of rows.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Jsonl,
    Json,
}
