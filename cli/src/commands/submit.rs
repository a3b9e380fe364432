//! `bulkrail submit`: from a file to a batch.

use std::pin::pin;

use bulkrail::Batch;

use crate::args::SubmitArgs;
use crate::connect::connect;
use crate::failure::Failure;
use crate::people::{People, complain};
use crate::values::quoted;
use crate::{exit, output, signals};

pub(crate) async fn run(args: SubmitArgs, people: People) -> Result<u8, Failure> {
    let parts = args.submission.parts()?;
    let client = connect(&args.submission.provider.id(), &args.connection)?;
    let mut stop = pin!(signals::stop().map_err(|error| Failure::machine("signals cannot be received", &error))?);
    let total = parts.len();
    for (done, part) in parts.into_iter().enumerate() {
        let sent = part.submit(&client, stop.as_mut(), |warning| people.warn(warning, args.json)).await;
        let (batch, submitted) = sent.map_err(|failure| after(failure, done, total))?;
        let shown = if args.json { output::json(&batch) } else { output::text(&line(&batch, submitted.rows)) };
        if let Err(error) = shown {
            // It exists all the same: its id must not be lost.
            complain(&format!("submitted: {batch}"));
            return Err(error.into());
        }
        if !args.json {
            people.tell(&format!("wait: {}", waiting(&batch, &args.connection.words())));
        }
    }
    Ok(exit::SUCCESS)
}

/// The failure of one of several batches, after `done` that worked.
pub(crate) fn after(failure: Failure, done: usize, total: usize) -> Failure {
    if total == 1 {
        return failure;
    }
    failure.said(|message| format!("{message} (batch {} of {total}; the {done} before it were submitted)", done + 1))
}

/// The command that waits for `batch`.
pub(crate) fn waiting(batch: &Batch, connection: &str) -> String {
    format!("bulkrail wait {} {}{connection}", batch.provider(), quoted(batch.id()))
}

/// What was submitted, in a line.
pub(crate) fn line(batch: &Batch, rows: usize) -> String {
    match rows {
        0 => format!("submitted: {batch}\n"),
        1 => format!("submitted: {batch}, 1 row\n"),
        rows => format!("submitted: {batch}, {rows} rows\n"),
    }
}
