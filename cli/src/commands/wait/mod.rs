//! `bulkrail wait`: waits for the end of one batch, or of several.

pub(crate) mod set;

use bulkrail::{Batch, Outcome, Report};

use crate::args::WaitCommandArgs;
use crate::connect::connect_for;
use crate::drift_report::DriftReport;
use crate::error::CliError;
use crate::follow::follow;
use crate::html::{Commands, ReportPage};
use crate::printer::Printer;
use crate::progress::Bars;
use crate::state::{HistoryStore, StateDir};
use crate::submissions::{BatchEnd, Saver, Submissions};
use crate::{exit, output, signals, table};

pub(crate) async fn run(args: WaitCommandArgs, printer: Printer) -> Result<u8, CliError> {
    let mut batches = args.target.batches().await?;
    match batches.pop() {
        Some(batch) if batches.is_empty() => wait_for_one(args, batch, printer).await,
        last => {
            batches.extend(last);
            set::run(args, batches, printer).await
        }
    }
}

async fn wait_for_one(args: WaitCommandArgs, batch: Batch, printer: Printer) -> Result<u8, CliError> {
    let client = connect_for(&batch, &args.connection).await?;
    let drift = DriftReport::open(args.record.drift_report.as_deref())?;
    let page = ReportPage::open(args.report.report.as_deref(), Commands::default())?;
    let stop = signals::stop()?;
    let state = StateDir::from_env();
    let store = HistoryStore::open(&state, args.record.no_history).await;
    let submissions = Submissions::new(&state);
    page.describe(&client, &args.connection, &submissions, &[&batch]).await;
    let saver = Saver::start(&submissions, [(&batch, client.environment())]).await;
    let bars = Bars::new(printer.progress(args.json || args.jsonl));
    let bar = bars.add(batch.provider().as_str());

    let wait = client.wait(batch.clone()).stop_when(stop).history(store.history());
    let wait = wait.on_state(bar.observer(saver.observer(client.environment()))).on_poll(page.observer(1));
    let ended = follow(args.wait.configure(wait), &bar, |report| {
        if args.jsonl {
            output::json(report)?;
        }
        Ok(())
    });
    let ended = ended.await;
    bars.clear();
    // What is remembered comes after what is printed: a disk may hang.
    let (last, error) = match &ended {
        Ok(report) => (Some(report.clone()), None),
        Err(error) => (error.last_report(), error.error()),
    };
    if ended.is_err() {
        page.add_end(&batch, ended.as_ref());
    }
    let end = BatchEnd::new(&batch, client.environment(), last.clone(), error);
    let has_report = ended.is_ok();
    let ended = match ended {
        Ok(report) => Ok(report),
        Err(error) => Err(args.target.explain(error).await),
    };
    let code = print(&args, ended);
    if let (Some(report), true, false) = (&last, has_report, args.json || args.jsonl)
        && report.outcome().is_some_and(|outcome| outcome != Outcome::Succeeded)
    {
        let commands = Commands::of(&client, &args.connection, &submissions, &[&batch]).await;
        printer.next_step(commands.first().and_then(|commands| commands.rows_line(&batch)));
    }
    if let (Some(report), true) = (&last, has_report) {
        page.add_with_rows(&client, report, printer.for_json(args.json || args.jsonl)).await;
    }
    page.write_or_warn(printer.for_json(args.json || args.jsonl));
    drift.add_polls(last.as_ref());
    submissions.see(end, saver.finish().await).await;
    store.save().await;
    code
}

/// Prints the end of the wait, and returns the exit code.
fn print(args: &WaitCommandArgs, ended: Result<Report, CliError>) -> Result<u8, CliError> {
    let report = match ended {
        Ok(report) => report,
        Err(error) => {
            let error = error.with_resume(|kind| args.resume_command(kind));
            return Ok(error.print(args.json || args.jsonl));
        }
    };
    if args.json {
        output::last(output::json(&report))?;
    } else if !args.jsonl {
        output::last(output::text(&table::report(&report)))?;
    }
    Ok(exit::of_report(&report))
}
