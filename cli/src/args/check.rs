//! Arguments of `check`.

use std::path::PathBuf;

use bulkrail::check::MAX_PER_RULE;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::ProviderName;
use super::submit::FILES;

const EXAMPLES: &str = "\
Examples:
  bulkrail check killb people.xlsx
  bulkrail check localpayment accounts.csv --country ARG
  bulkrail check reap import.csv --json | jq '.findings[] | select(.level == \"error\")'
  bulkrail check cdq accounts.csv --show-values

Errors are what submit and run refuse: documented rules, and what cannot be sent. Warnings are what
the provider may refuse later: fields that a kind of account needs (KillB), check digits and formats
of public standards (CLABE, CBU and CVU, ABA, IBAN, BIC, CPF, CNPJ, E.164, ISO 3166, e-mail, UUID),
accounts that are there twice, and values that a spreadsheet has damaged (lost zeros, exponents,
dates). A value that passes is well-formed; the account may not exist. Nothing is sent.

The first row of a table is its header. In a JSON file, rows are accounts, from 1.
Exit code 3 when something was found, else 0.";

/// Check a file as far as possible before it is sent
///
/// Prints a table of row, column, level and reason, with the rule in brackets. Cells are not shown without
/// --show-values: they are personal data. Needs neither network nor credentials.
#[derive(Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{FILES}"))]
pub(crate) struct CheckArgs {
    /// Provider that the file is for
    #[arg(value_enum)]
    pub(crate) provider: ProviderName,
    /// File to check; `--help` lists its formats
    pub(crate) file: PathBuf,
    /// localpayment: country of the accounts, such as MEX, for a file that has accounts only
    #[arg(long, value_name = "CODE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) country: Option<String>,
    /// Show the value of each cell that was found; it may be personal data
    #[arg(long)]
    pub(crate) show_values: bool,
    /// Number of findings to list of each rule in each column; all are counted
    #[arg(long, value_name = "N", default_value_t = MAX_PER_RULE)]
    pub(crate) limit: usize,
    /// Print the findings as a document, one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}
