//! `bulkrail wait`: waits for the end of one batch, or of several.

mod set;

use bulkrail::Batch;

use crate::args::WaitCommandArgs;
use crate::connect::connect;
use crate::drift_report::DriftReport;
use crate::error::CliError;
use crate::follow::follow;
use crate::printer::Printer;
use crate::progress::Bars;
use crate::state_store::StateStore;
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
    let client = connect(batch.provider(), &args.connection)?;
    let drift = DriftReport::open(args.record.drift_report.as_deref())?;
    let stop = signals::stop()?;
    let store = StateStore::open(args.record.no_history).await;
    let bars = Bars::new(printer.draws_progress());
    let bar = bars.add(batch.provider().as_str());

    let wait = client.wait(batch).stop_when(stop).history(store.history());
    let ended = follow(args.wait.configure(wait), |report| {
        bar.show(&report.snapshot);
        if args.jsonl {
            output::json(report)?;
        }
        Ok(())
    });
    let ended = ended.await;
    bars.clear();
    store.save().await;
    match &ended {
        Ok(report) => drift.add_polls(Some(report)),
        Err(error) => drift.add_polls(error.last_report().as_ref()),
    }
    let report =
        ended.map_err(|error| error.with_resume(|kind| args.target.resume_command(kind, &args.connection.flags())))?;
    if args.json {
        output::last(output::json(&report))?;
    } else if !args.jsonl {
        output::last(output::text(&table::report(&report)))?;
    }
    Ok(exit::of_report(&report))
}
