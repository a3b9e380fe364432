//! `bulkrail run`: submits the batches that a file makes, waits for their end and reads their rows.

use std::pin::pin;
use std::sync::Arc;

use bulkrail::{AnyClient, AnySubmission, Batch, DurationHistory, Error, ErrorKind, Report, SubmittedRows};
use serde::Serialize;

use crate::args::RunArgs;
use crate::connect::connect;
use crate::drift_report::DriftReport;
use crate::error::CliError;
use crate::follow::follow;
use crate::printer::{self, Printer};
use crate::progress::{Bar, Bars};
use crate::run_result::RunResult;
use crate::state_store::StateStore;
use crate::submit::{after, submit, submitted_line, wait_command};
use crate::{exit, output, signals};

/// A batch that was submitted.
struct Job {
    batch: Batch,
    rows: SubmittedRows,
    bar: Bar,
}

/// Document that is printed for each of several batches.
#[derive(Serialize)]
#[serde(untagged)]
enum Document<'a> {
    Ended(&'a Report),
    /// A batch whose end was not seen, for a later wait.
    Open(&'a Batch),
}

pub(crate) async fn run(args: RunArgs, printer: Printer) -> Result<u8, CliError> {
    let submissions = args.submission.prepare().await?;
    let warnings = submissions.iter().flat_map(AnySubmission::warnings);
    warnings.for_each(|warning| printer.warning(&warning, args.json));
    let client = connect(&args.submission.provider.id(), &args.connection)?;
    let drift = Arc::new(DriftReport::open(args.record.drift_report.as_deref())?);
    let store = StateStore::open(args.record.no_history).await;
    let args = Arc::new(args);
    // Each listens from now on: a signal that comes while another batch is submitted stops all.
    let stops = submissions.iter().map(|_| signals::stop()).collect::<Result<Vec<_>, _>>()?;
    let mut stop_submitting = pin!(signals::stop()?);
    let bars = Bars::new(printer.draws_progress());
    let mut jobs = Vec::new();
    for submission in &submissions {
        let warn = |warning: &str| printer.warning(warning, args.json);
        match submit(&client, submission, stop_submitting.as_mut(), warn).await {
            Ok(batch) => {
                let rows = submission.rows().clone();
                if !args.json {
                    printer.note(submitted_line(&batch, rows.rows).trim_end());
                }
                jobs.push(Job { batch, rows, bar: bars.add(args.submission.provider.id().as_str()) });
            }
            Err(error) => {
                bars.clear();
                // The batches that were submitted continue at the provider.
                jobs.iter().try_for_each(|job| output::json(&job.batch))?;
                return Err(after(error, jobs.len(), submissions.len()));
            }
        }
    }
    let batches: Vec<_> = jobs.iter().map(|job| job.batch.clone()).collect();
    let running = jobs.into_iter().zip(stops).map(|(job, stop)| {
        let (client, args, drift) = (client.clone(), Arc::clone(&args), Arc::clone(&drift));
        let history = store.history().clone();
        tokio::spawn(async move { run_job(&client, &args, job, stop, &history, &drift).await })
    });
    let mut ends = Vec::new();
    for end in running.collect::<Vec<_>>() {
        ends.push(end.await.unwrap_or_else(|_| Err(CliError::configuration("the wait was cut off"))));
    }
    bars.clear();
    store.save().await;
    print(&args, &batches, ends)
}

/// Waits for the end of the batch, then reads its rows.
async fn run_job(
    client: &AnyClient,
    args: &RunArgs,
    job: Job,
    stop: impl Future<Output = ()> + Send,
    history: &DurationHistory,
    drift: &DriftReport,
) -> Result<RunResult, CliError> {
    let Job { batch, rows, bar } = job;
    let mut stop = Box::pin(stop);
    let mut wait = bulkrail::wait(client, batch.clone()).stop_when(stop.as_mut()).history(history);
    if rows.rows > 0 {
        wait = wait.rows(rows.rows);
    }
    let on_report = |report: &Report| {
        bar.show(&report.snapshot);
        Ok(())
    };
    let report = follow(args.wait.configure(wait), on_report).await;
    match &report {
        Ok(report) => drift.add_polls(Some(report)),
        Err(error) => drift.add_polls(error.last_report().as_ref()),
    }
    let flags = args.connection.flags();
    let report = report.map_err(|error| error.with_resume(|_| wait_command(&batch, &flags)))?;
    let reconciliation = tokio::select! {
        reconciliation = client.reconcile(&batch, Some(&rows)) => reconciliation,
        () = stop => Err(Error::new(ErrorKind::Interrupted, "reading the rows was stopped").with_batch(batch)),
    };
    match reconciliation {
        Ok(reconciliation) => {
            drift.add_rows(report.batch.provider(), reconciliation.rows.len(), &reconciliation.drift);
            Ok(RunResult { report: report.reconciled(reconciliation) })
        }
        Err(error) => Err(CliError::from(error).with_last(report)),
    }
}

/// Prints the end of every batch, and returns the exit code of the worst.
fn print(args: &RunArgs, batches: &[Batch], ends: Vec<Result<RunResult, CliError>>) -> Result<u8, CliError> {
    let printed = if args.json {
        let documents = ends.iter().zip(batches).map(|(end, batch)| match end {
            Ok(result) => Document::Ended(&result.report),
            Err(_) => Document::Open(batch),
        });
        match &documents.collect::<Vec<_>>()[..] {
            [document] => output::json(document),
            documents => output::json(&documents),
        }
    } else {
        ends.iter().zip(batches).enumerate().try_for_each(|(number, (end, batch))| match end {
            Ok(result) => {
                let gap = if number == 0 { "" } else { "\n" };
                output::text(&format!("{gap}{}", result.text()))
            }
            Err(_) => output::json(batch),
        })
    };
    if let Err(error) = &printed
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        // The batches exist: their ids must not be lost.
        batches.iter().for_each(|batch| printer::error(&format!("submitted: {batch}")));
    }
    output::last(printed)?;
    let mut worst = exit::SUCCESS;
    for end in ends {
        // Every batch was printed above.
        let result = end.map_err(|error| error.with_batch_printed(false))?;
        worst = worst.max(exit::of_report(&result.report));
    }
    Ok(worst)
}
