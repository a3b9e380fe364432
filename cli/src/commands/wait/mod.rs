//! `bulkrail wait`: until the batch ends, or all of them.

mod many;

use bulkrail::Batch;

use crate::args::WaitArgs;
use crate::connect::connect;
use crate::drift::DriftReport;
use crate::failure::Failure;
use crate::follow::follow;
use crate::memory::Memory;
use crate::people::People;
use crate::progress::Bars;
use crate::{exit, output, signals, table};

pub(crate) async fn run(args: WaitArgs, people: People) -> Result<u8, Failure> {
    let mut batches = args.target.batches()?;
    match batches.pop() {
        Some(batch) if batches.is_empty() => one(args, batch, people).await,
        last => {
            batches.extend(last);
            many::run(args, batches, people).await
        }
    }
}

async fn one(args: WaitArgs, batch: Batch, people: People) -> Result<u8, Failure> {
    let client = connect(batch.provider(), &args.connection)?;
    let drift = DriftReport::open(args.record.drift_report.as_deref())?;
    let stop = signals::stop().map_err(|error| Failure::machine("signals cannot be received", &error))?;
    let memory = Memory::open(args.record.no_history);
    let bars = Bars::new(people.want_bars());
    let bar = bars.add(batch.provider().as_str());

    let wait = bulkrail::wait(&client, batch).stop_when(stop).history(memory.histories());
    let ended = follow(args.patience.of(wait), |report| {
        bar.show(&report.snapshot);
        if args.jsonl {
            output::json(report)?;
        }
        Ok(())
    });
    let ended = ended.await;
    bars.clear();
    memory.keep().await;
    match &ended {
        Ok(report) => drift.status(Some(report)),
        Err(failure) => drift.status(failure.last_report().as_ref()),
    }
    let report =
        ended.map_err(|failure| failure.resumed_by(|kind| args.target.resumption(kind, &args.connection.words())))?;
    if args.json {
        output::last(output::json(&report))?;
    } else if !args.jsonl {
        output::last(output::text(&table::report(&report)))?;
    }
    Ok(exit::of_report(&report))
}
