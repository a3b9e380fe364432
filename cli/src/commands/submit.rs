//! `bulkrail submit`: submits the batches that a file makes.

use crate::args::SubmitArgs;
use crate::connect::connect;
use crate::error::CliError;
use crate::grid::stdout_width;
use crate::printer::{self, Printer};
use crate::signals::Signals;
use crate::state::StateDir;
use crate::submissions::{Submissions, Target};
use crate::submit::{after, submit, submitted_line, wait_command};
use crate::{exit, output};

pub(crate) async fn run(args: SubmitArgs, printer: Printer) -> Result<u8, CliError> {
    let prepared = args.submission.prepare().await?;
    if !args.json {
        prepared.warn();
    }
    let client = connect(&args.submission.provider.id(), &args.connection)?;
    let target = Target::new(&client, &args.submission, &args.connection).await;
    let submissions = Submissions::new(&StateDir::from_env());
    let signals = Signals::listen()?;
    let (flags, total) = (args.connection.flags(), prepared.batches.len());
    for (before, submission) in prepared.batches.iter().enumerate() {
        let note = target.note(&client, submission, before + 1, total);
        let submitted = submit(&client, submission, note, &submissions, signals, printer.for_json(args.json)).await;
        let done = submitted.map_err(|error| after(error, before, total))?;
        let batch = &done.batch;
        let printed = if args.json || done.is_interrupted {
            output::json(batch)
        } else {
            output::text(&printer::fit(&submitted_line(batch, submission.rows().rows), stdout_width()))
        };
        done.record(&submissions, None).await;
        if let Err(error) = printed {
            // The batch exists: its id must not be lost.
            printer::error(&format!("submitted: {batch}"));
            let hint = "the batch was submitted: do not submit it again";
            return Err(CliError::from(error).with_batch(batch).with_hint(hint).with_batch_printed(false));
        }
        if done.is_interrupted {
            let error = done.interrupted(&flags).with_batch_printed(false);
            return Err(after(error, before, total));
        }
        if !args.json {
            printer.note(&format!("wait: {}", wait_command(batch, &flags)));
        }
    }
    // Standard error has one document and nothing else where a JSON submit fails.
    if args.json {
        prepared.warn();
    }
    Ok(exit::SUCCESS)
}
