//! `bulkrail wait`: until the batch ends.

use crate::args::WaitArgs;
use crate::connect::connect;
use crate::failure::Failure;
use crate::follow::follow;
use crate::people::People;
use crate::progress::Bars;
use crate::{exit, output, signals, table};

pub(crate) async fn run(args: WaitArgs, people: People) -> Result<u8, Failure> {
    let batch = args.target.batch()?;
    let client = connect(batch.provider(), &args.connection)?;
    let stop = signals::stop().map_err(|error| Failure::machine("signals cannot be received", &error))?;
    let bars = Bars::new(people.want_bars());
    let bar = bars.add(batch.provider().as_str());

    let wait = args.patience.of(bulkrail::wait(&client, batch).stop_when(stop));
    let ended = follow(wait, |report| {
        bar.show(&report.snapshot);
        if args.jsonl {
            output::json(report)?;
        }
        Ok(())
    });
    let ended = ended.await;
    bars.clear();
    let report = ended.map_err(|failure| failure.resumed_by(|kind| args.target.resumption(kind)))?;
    if args.json {
        output::last(output::json(&report))?;
    } else if !args.jsonl {
        output::last(output::text(&table::report(&report)))?;
    }
    Ok(exit::of_report(&report))
}
