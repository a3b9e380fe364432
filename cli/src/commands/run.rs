//! `bulkrail run`: from a file to an account of every row.

use std::pin::pin;
use std::sync::Arc;

use bulkrail::{Batch, Error, ErrorKind, DurationHistory};
use serde::Serialize;

use super::submit::{after, line, waiting};
use crate::accounted::Accounted;
use crate::args::RunArgs;
use crate::connect::{AnyClient, connect};
use crate::drift::DriftReport;
use crate::failure::Failure;
use crate::follow::follow;
use crate::memory::Memory;
use crate::people::People;
use crate::people::complain;
use crate::progress::{Bar, Bars};
use crate::submitted::Submitted;
use crate::{account, exit, output, signals};

/// A batch that was submitted.
struct Job {
    batch: Batch,
    submitted: Submitted,
    bar: Bar,
}

/// What is printed for each of several batches.
#[derive(Serialize)]
#[serde(untagged)]
enum Document<'a> {
    Ended(&'a Accounted),
    /// To go on with.
    Open(&'a Batch),
}

pub(crate) async fn run(args: RunArgs, people: People) -> Result<u8, Failure> {
    let parts = args.submission.parts()?;
    let client = Arc::new(connect(&args.submission.provider.id(), &args.connection)?);
    let drift = Arc::new(DriftReport::open(args.record.drift_report.as_deref())?);
    let memory = Memory::open(args.record.no_history);
    let args = Arc::new(args);
    let stop = || signals::stop().map_err(|error| Failure::machine("signals cannot be received", &error));
    // Each listens from now on: none misses a signal that comes while another batch is submitted.
    let stops = parts.iter().map(|_| stop()).collect::<Result<Vec<_>, _>>()?;
    let mut submitting = pin!(stop()?);
    let bars = Bars::new(people.want_bars());
    let total = parts.len();
    let mut jobs = Vec::new();
    for part in parts {
        match part.submit(&client, submitting.as_mut(), |warning| people.warn(warning, args.json)).await {
            Ok((batch, submitted)) => {
                if !args.json {
                    people.tell(line(&batch, submitted.rows).trim_end());
                }
                jobs.push(Job { batch, submitted, bar: bars.add(args.submission.provider.id().as_str()) });
            }
            Err(failure) => {
                bars.clear();
                // What was submitted goes on at the provider.
                jobs.iter().try_for_each(|job| output::json(&job.batch))?;
                return Err(after(failure, jobs.len(), total));
            }
        }
    }
    let batches: Vec<_> = jobs.iter().map(|job| job.batch.clone()).collect();
    let running = jobs.into_iter().zip(stops).map(|(job, stop)| {
        let (client, args, drift) = (Arc::clone(&client), Arc::clone(&args), Arc::clone(&drift));
        let histories = memory.histories().clone();
        tokio::spawn(async move { to_the_end(&client, &args, job, stop, &histories, &drift).await })
    });
    let mut ends = Vec::new();
    for end in running.collect::<Vec<_>>() {
        ends.push(end.await.unwrap_or_else(|_| Err(Failure::configuration("the wait broke off"))));
    }
    bars.clear();
    memory.keep().await;
    print(&args, &batches, ends)
}

/// Waits for the batch, then reads its rows.
async fn to_the_end(
    client: &AnyClient,
    args: &RunArgs,
    job: Job,
    stop: impl Future<Output = ()> + Send,
    histories: &DurationHistory,
    drift: &DriftReport,
) -> Result<Accounted, Failure> {
    let Job { batch, submitted, bar } = job;
    let mut stop = Box::pin(stop);
    let mut wait = bulkrail::wait(client, batch.clone()).stop_when(stop.as_mut()).history(histories);
    if submitted.rows > 0 {
        wait = wait.rows(submitted.rows as u64);
    }
    let seen = |report: &bulkrail::Report| {
        bar.show(&report.snapshot);
        Ok(())
    };
    let report = follow(args.patience.of(wait), seen).await;
    match &report {
        Ok(report) => drift.status(Some(report)),
        Err(failure) => drift.status(failure.last_report().as_ref()),
    }
    let words = args.connection.words();
    let report = report.map_err(|failure| failure.resumed_by(|_| waiting(&batch, &words)))?;
    let account = tokio::select! {
        account = account::read(client, &batch, Some(&submitted)) => account,
        () = stop => Err(Error::new(ErrorKind::Interrupted, "reading the rows was stopped").with_batch(batch)),
    };
    match account {
        Ok(account) => {
            drift.rows(report.batch.provider(), account.rows.len(), &account.drift);
            Ok(Accounted::new(report, account))
        }
        Err(error) => Err(Failure::from(error).after(report)),
    }
}

/// Prints what every batch came to; the exit code is that of the worst.
fn print(args: &RunArgs, batches: &[Batch], ends: Vec<Result<Accounted, Failure>>) -> Result<u8, Failure> {
    let documents = ends.iter().zip(batches).map(|(end, batch)| match end {
        Ok(accounted) => Document::Ended(accounted),
        Err(_) => Document::Open(batch),
    });
    let documents: Vec<_> = documents.collect();
    let printed = match &documents[..] {
        [document] if args.json => output::json(document),
        documents if args.json => output::json(&documents),
        documents => documents.iter().enumerate().try_for_each(|(place, document)| match document {
            Document::Ended(accounted) => {
                let gap = if place == 0 { "" } else { "\n" };
                output::text(&format!("{gap}{}", accounted.text()))
            }
            Document::Open(batch) => output::json(batch),
        }),
    };
    if let Err(error) = &printed
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        // They exist all the same: their ids must not be lost.
        batches.iter().for_each(|batch| complain(&format!("submitted: {batch}")));
    }
    output::last(printed)?;
    let mut worst = exit::SUCCESS;
    for end in ends {
        // Printed already, all of them.
        let accounted = end.map_err(|failure| failure.printing_batch(false))?;
        worst = worst.max(exit::of_report(&accounted.report));
    }
    Ok(worst)
}
