//! Arguments of `forget`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::commands::completions::complete_submission;

const EXAMPLES: &str = "\
Examples:
  bulkrail forget import-2026-01-01             # a submission, by its key or the id of its batch
  bulkrail forget /home/me/people.csv           # one without a key and an id, by its file
  bulkrail forget /home/me/people.csv --all     # every one of that file
  bulkrail list --open                          # shows their names

For a submission that was dealt with in another way: one of which it was not known whether the
provider has it, or a batch that is not waited for any more. A batch at the provider goes on.";

/// Remove submissions from the list
///
/// Sends nothing, and changes nothing at the provider.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ForgetArgs {
    /// Id or key of a submission, or its beginning; its file, where it has neither
    #[arg(required = true, add = ArgValueCompleter::new(complete_submission))]
    pub(crate) name: Vec<String>,
    /// Remove all submissions that have a name, where several have it, such as those of one file
    #[arg(long)]
    pub(crate) all: bool,
}
