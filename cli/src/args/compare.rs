//! Arguments of `compare`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::{Connection, ENVIRONMENT, ProviderName};

const EXAMPLES: &str = "\
Examples:
  bulkrail compare killb people.csv --user 7f0a8ad6-29a1-4a66-a6c4-8bb398eb78d1
  bulkrail compare killb people.xlsx --user 7f0a8ad6-29a1-4a66-a6c4-8bb398eb78d1 --json | jq .missing

For a submit of which it is unknown whether it arrived. KillB has no list of batches, but a list of the
accounts of a user. It is read once for each --user, and its accounts are compared with the rows by externalId. Name
every user whose accounts the rows create: a workbook does not have them, and no page says who owns
the account of a row.

An account that exists is a fact, if it was created after the submit. A row that is missing is not
proof that the batch does not exist:
  - rows are processed after the submit, and no page says how long that takes; compare again later
  - KillB makes no account of a row that it refuses
  - its account may belong to a user who was not named, or whose id is wrong (0 accounts)
A row with two accounts of one externalId was submitted twice. Nothing is submitted or changed.

Exits with 0 when every row has exactly one account, and with 3 when a row is missing, has several
accounts, or has no externalId.";

/// Compare the rows of a file with the accounts that exist
#[derive(Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{ENVIRONMENT}"))]
pub(crate) struct CompareArgs {
    /// Provider that the file was submitted to: killb
    #[arg(value_enum)]
    pub(crate) provider: ProviderName,
    /// File that was submitted: .xlsx or .csv
    pub(crate) file: PathBuf,
    /// Id of a user whose accounts the rows create; repeat it for each
    #[arg(long = "user", value_name = "ID", required = true, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) users: Vec<String>,
    /// Print a document, one line of JSON, instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}
