//! Arguments of `list`.

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  bulkrail list                         # every submission from here, the oldest first
  bulkrail list --open                  # those whose end was not seen, with what to do about each
  bulkrail list --open --json | jq -r '.[].advice'
  bulkrail resume                       # waits for all that are open

States:
  submitting  it was begun, and it is not known whether the provider has the batch: the process was
              killed, or the response was lost. The advice says how to find out. For Reap the same
              file is submitted again with the same key. KillB and CDQ know no key: ask there first
  open        the provider has the batch, and its end was not seen
  ended       its end was seen by run, wait, resume or status
  gave_up     a wait ended before the batch did, at its deadline or without a response

A submission that the provider refused is not listed: there is no batch.

Submissions are noted before anything is sent, in $XDG_STATE_HOME/bulkrail/bulkrail.redb, by default
~/.local/state/bulkrail/bulkrail.redb; on Windows it is below %LOCALAPPDATA%\\bulkrail. A note has
provider, environment, key, path, size and SHA-256 of the file; the file itself is not stored. What
was seen of the batch is beside it: state, counts and the message of the provider. It is safe to
delete the file; `bulkrail forget` removes one submission.

A command has the file open for milliseconds at a time, so several can be used at once. Where
another process has it for 10 s, submit and run end with exit code 2 and name it, before anything is
sent; list, status, wait and rows work. The file submitted.jsonl of earlier versions is imported once, and
renamed to submitted.jsonl.imported.";

/// List the batches that were submitted from here, and what to do about each
///
/// Sends nothing. The state is the one that `run`, `wait`, `resume` or `status` saw last.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ListArgs {
    /// List only submissions whose end was not seen
    #[arg(long)]
    pub(crate) open: bool,
    /// Print an array of documents, one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}
