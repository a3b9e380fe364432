//! `bulkrail submit`: submits the batches that a file makes.

use std::pin::pin;

use bulkrail::AnySubmission;

use crate::args::SubmitArgs;
use crate::connect::connect;
use crate::error::CliError;
use crate::printer::{self, Printer};
use crate::submit::{after, submit, submitted_line, wait_command};
use crate::{exit, output, signals};

pub(crate) async fn run(args: SubmitArgs, printer: Printer) -> Result<u8, CliError> {
    let submissions = args.submission.prepare().await?;
    let warnings = submissions.iter().flat_map(AnySubmission::warnings);
    warnings.for_each(|warning| printer.warning(&warning, args.json));
    let client = connect(&args.submission.provider.id(), &args.connection)?;
    let mut stop = pin!(signals::stop()?);
    for (done, submission) in submissions.iter().enumerate() {
        let submitted = submit(&client, submission, stop.as_mut(), |warning| printer.warning(warning, args.json)).await;
        let batch = submitted.map_err(|error| after(error, done, submissions.len()))?;
        let printed = if args.json {
            output::json(&batch)
        } else {
            output::text(&submitted_line(&batch, submission.rows().rows))
        };
        if let Err(error) = printed {
            // The batch exists: its id must not be lost.
            printer::error(&format!("submitted: {batch}"));
            return Err(error.into());
        }
        if !args.json {
            printer.note(&format!("wait: {}", wait_command(&batch, &args.connection.flags())));
        }
    }
    Ok(exit::SUCCESS)
}
