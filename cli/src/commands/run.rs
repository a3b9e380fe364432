//! `bulkrail run`: submits the batches that a file makes, waits for their end and reads their rows.

use std::sync::Arc;

use bulkrail::poll::WaitState;
use bulkrail::{
    AnyClient, Batch, Drift, DurationHistory, Error, ErrorKind, PollEvent, Provider, Report, RowOutcome, SubmittedRows,
    collect_drift,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::args::RunArgs;
use crate::connect::connect;
use crate::drift_report::DriftReport;
use crate::error::CliError;
use crate::follow::{cut_off, follow};
use crate::html::{Commands, ReportPage};
use crate::printer::{self, Printer};
use crate::progress::{Bar, Bars};
use crate::run_result::RunResult;
use crate::signals::Signals;
use crate::state::{HistoryStore, StateDir};
use crate::submissions::{BatchEnd, Saver, Submissions, Target};
use crate::submit::{Prepared, after, submit, submitted_line, wait_command};
use crate::{exit, output};

/// A batch that was submitted.
struct Job {
    batch: Batch,
    rows: SubmittedRows,
    /// Drift of the response to the submit.
    drift: Vec<Drift>,
    bar: Bar,
}

/// Result document, with what `run` knows of the file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Report")]
pub(crate) struct ResultDocument<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// What the provider may not do as expected with the file; `run` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What is printed of a batch.
#[derive(Serialize)]
#[serde(untagged)]
enum Document<'a> {
    Ended(ResultDocument<'a>),
    /// A batch whose end was not seen, for a later wait.
    Open(&'a Batch),
}

pub(crate) async fn run(args: RunArgs, printer: Printer) -> Result<u8, CliError> {
    let prepared = args.submission.prepare().await?;
    if !args.json {
        prepared.warn();
    }
    let client = connect(&args.submission.provider.id(), &args.connection)?;
    let drift = Arc::new(DriftReport::open(args.record.drift_report.as_deref())?);
    let page = ReportPage::open(args.report.report.as_deref(), Commands::default())?;
    let target = Target::new(&client, &args.submission, &args.connection).await;
    let commands = Commands::new(target.place().clone(), target.submitted_file(prepared.batches.len()));
    let state = StateDir::from_env();
    let (store, submissions) = (HistoryStore::open(&state, args.record.no_history).await, Submissions::new(&state));
    let args = Arc::new(args);
    let signals = Signals::listen()?;
    let bars = Bars::new(printer.progress(args.json));
    let (mut jobs, total) = (Vec::new(), prepared.batches.len());
    for (before, submission) in prepared.batches.iter().enumerate() {
        let note = target.note(&client, submission, before + 1, total);
        let submitted = submit(&client, submission, note, &submissions, signals, printer.for_json(args.json));
        let (submitted, submit_drift) = collect_drift(submitted).await;
        drift.add_submit(&client.id(), &submit_drift);
        let ended = match submitted {
            Ok(done) if !done.is_interrupted => {
                let rows = submission.rows().clone();
                printer.for_json(args.json).note(submitted_line(&done.batch, rows.rows).trim_end());
                // Should the process end now, the wait goes on with its deadline.
                let wait = args.wait.wait_options(&client);
                let wait = WaitState::new(done.batch.clone(), &wait, client.clock().wall());
                let wait = if rows.rows > 0 { wait.rows(rows.rows) } else { wait };
                done.record(&submissions, Some(&wait)).await;
                page.set_commands(&done.batch, commands.clone());
                let name = client.id();
                let bar = if total == 1 {
                    bars.add(name.as_str())
                } else {
                    bars.add(&format!("{name} {}/{total}", before + 1))
                };
                jobs.push(Job { batch: done.batch, rows, drift: submit_drift, bar });
                continue;
            }
            ended => ended,
        };
        bars.clear();
        // The batches that were submitted continue at the provider.
        let batches = jobs.iter().map(|job| &job.batch).chain(ended.as_ref().ok().map(|done| &done.batch));
        let submitted: Vec<_> = batches.cloned().collect();
        let printed = submitted.iter().try_for_each(output::json);
        jobs.iter().for_each(|job| page.add_submitted(&job.batch));
        let error = match ended {
            Ok(done) => {
                page.set_commands(&done.batch, commands);
                page.add_submitted(&done.batch);
                done.record(&submissions, None).await;
                done.interrupted(&flags(&args)).with_batch_printed(false)
            }
            Err(error) => {
                error.error().into_iter().for_each(|reason| page.add_error(None, reason, None));
                error
            }
        };
        page.write_or_warn(printer.for_json(args.json));
        if printed.is_err() {
            // The batches exist: their ids must not be lost.
            submitted.iter().for_each(|batch| printer::error(&format!("submitted: {batch}")));
        }
        return Err(after(error, before, total));
    }
    let batches: Vec<_> = jobs.iter().map(|job| job.batch.clone()).collect();
    let saver = Saver::start(&submissions, batches.iter().map(|batch| (batch, client.environment()))).await;
    let running = jobs.into_iter().map(|job| {
        let (client, args, drift) = (client.clone(), Arc::clone(&args), Arc::clone(&drift));
        let (history, saver, on_poll) = (store.history().clone(), saver.clone(), page.observer(total));
        tokio::spawn(async move {
            run_job(&client, &args, job, signals.received(1), &history, &drift, &saver, on_poll).await
        })
    });
    let mut ends = Vec::new();
    for end in running.collect::<Vec<_>>() {
        ends.push(end.await.unwrap_or_else(|_| Err(cut_off().into())));
    }
    bars.clear();
    // What is remembered comes after what is printed: a disk may hang.
    let seen = ends.iter().zip(&batches).filter_map(|(end, batch)| {
        let (last, error) = match end {
            Ok(result) => (Some(result.report.clone()), None),
            Err(error) => (error.last_report(), error.error()),
        };
        BatchEnd::new(batch, client.environment(), last, error)
    });
    let seen: Vec<_> = seen.collect();
    for (batch, end) in batches.iter().zip(&ends) {
        page.add_end(batch, end.as_ref().map(|result| &result.report));
    }
    let code =
        print(&args, &prepared, &batches, ends, &commands, printer).unwrap_or_else(|error| error.print(args.json));
    page.write_or_warn(printer.for_json(args.json));
    submissions.see(seen, saver.finish().await).await;
    store.save().await;
    Ok(code)
}

/// Waits for the end of the batch, then reads its rows.
#[expect(clippy::too_many_arguments, reason = "the arguments of a task")]
async fn run_job(
    client: &AnyClient,
    args: &RunArgs,
    job: Job,
    stop: impl Future<Output = ()> + Send,
    history: &DurationHistory,
    drift: &DriftReport,
    saver: &Saver,
    on_poll: impl FnMut(&PollEvent<'_>) + Send,
) -> Result<RunResult, CliError> {
    let Job { batch, rows, drift: submit_drift, bar } = job;
    let mut stop = Box::pin(stop);
    let mut wait = bulkrail::wait(client, batch.clone()).stop_when(stop.as_mut()).history(history);
    wait = wait.on_state(bar.observer(saver.observer(client.environment()))).on_poll(on_poll);
    if rows.rows > 0 {
        wait = wait.rows(rows.rows);
    }
    let report = follow(args.wait.configure(wait), &bar, |_| Ok(())).await;
    match &report {
        Ok(report) => drift.add_polls(Some(report)),
        Err(error) => drift.add_polls(error.last_report().as_ref()),
    }
    let flags = flags(args);
    let report = report.map_err(|error| error.with_resume(|_| wait_command(&batch, &flags)))?;
    let reconciliation = tokio::select! {
        reconciliation = client.reconcile(&batch, Some(&rows)) => reconciliation,
        () = stop => Err(Error::new(ErrorKind::Interrupted, "reading the rows was stopped").with_batch(batch)),
    };
    match reconciliation {
        Ok(reconciliation) => {
            drift.add_rows(report.batch.provider(), reconciliation.rows.len(), &reconciliation.drift);
            Ok(RunResult { report: with_submit_drift(submit_drift, report.reconciled(reconciliation)) })
        }
        Err(error) => Err(CliError::from(error).with_last(with_submit_drift(submit_drift, report))),
    }
}

/// Returns the options of a wait that continues.
fn flags(args: &RunArgs) -> String {
    args.connection.flags() + &args.report.flags()
}

/// Returns a report with the drift of the response to the submit, which comes first.
fn with_submit_drift(drift: Vec<Drift>, mut report: Report) -> Report {
    let later = std::mem::replace(&mut report.snapshot.drift, drift);
    Drift::merge(&mut report.snapshot.drift, &later);
    report
}

/// Prints the end of every batch, and returns the exit code of the worst.
fn print(
    args: &RunArgs,
    prepared: &Prepared,
    batches: &[Batch],
    ends: Vec<Result<RunResult, CliError>>,
    commands: &Commands,
    printer: Printer,
) -> Result<u8, CliError> {
    let printed = if args.json {
        let documents = ends.iter().zip(batches).zip(&prepared.batches).map(|((end, batch), submission)| match end {
            Ok(result) => {
                Document::Ended(ResultDocument { report: &result.report, warnings: prepared.warnings(submission) })
            }
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
                output::text(&format!("{gap}{}", result.text()))?;
                let rows = result.report.rows.as_deref().unwrap_or_default();
                let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count() as u64;
                let (failed, unaccounted) = (count(RowOutcome::Failed), count(RowOutcome::Unaccounted));
                printer.next_step(commands.retry_line(batch, failed, unaccounted));
                Ok(())
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
    let (mut errors, mut outcomes) = (Vec::new(), Vec::new());
    for end in ends {
        match end {
            Ok(result) => outcomes.push(exit::of_report(&result.report)),
            // Every batch was printed above.
            Err(error) => errors.push(error.with_batch_printed(false)),
        }
    }
    let code = exit::worst(errors.iter().map(CliError::exit_code), outcomes);
    if args.json {
        // An error is one document: that of the exit code.
        errors.retain(|error| error.exit_code() == code);
        errors.truncate(1);
    }
    errors.into_iter().for_each(|error| _ = error.print(args.json));
    Ok(code)
}
