//! `bulkrail status`: polls a batch once.

use bulkrail::{Error, ErrorKind, Provider, Report};

use crate::args::StatusArgs;
use crate::connect::connect_for;
use crate::error::CliError;
use crate::state::StateDir;
use crate::submissions::{BatchEnd, Submissions, Unsaved};
use crate::{exit, output, signals, table};

pub(crate) async fn run(args: StatusArgs) -> Result<u8, CliError> {
    let batch = args.target.batch().await?;
    let client = connect_for(&batch, &args.connection).await?;
    let stop = signals::stop()?;
    let clock = client.clock();
    let started = clock.now();
    let polled = tokio::select! {
        polled = client.poll(&batch) => polled,
        () = stop => {
            let error = Error::new(ErrorKind::Interrupted, "the poll was stopped").with_batch(batch.clone());
            let resume = |kind| args.target.resume_command(kind, &args.connection.flags());
            return Err(CliError::from(error).with_resume(resume));
        }
    };
    let end = |report, error| BatchEnd::new(&batch, client.environment(), report, error);
    let (code, end, printed) = match polled {
        Ok(snapshot) => {
            let report = Report::new(batch.clone(), snapshot, 1, clock.now().saturating_sub(started));
            let printed = if args.json { output::json(&report) } else { output::text(&table::report(&report)) };
            (exit::of_report(&report), end(Some(report), None), output::last(printed))
        }
        Err(error) => {
            let end = end(None, Some(&error));
            let error = args.target.explain(CliError::from(error).with_polls(1)).await;
            (error.print(args.json), end, Ok(()))
        }
    };
    Submissions::new(&StateDir::from_env()).see(end, Unsaved::default()).await;
    // What was seen is recorded, also where it cannot be printed.
    printed?;
    Ok(code)
}
