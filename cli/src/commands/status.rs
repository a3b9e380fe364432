//! `bulkrail status`: one look.

use bulkrail::{Error, ErrorKind, Provider, Report};

use crate::args::StatusArgs;
use crate::connect::connect;
use crate::failure::Failure;
use crate::{exit, output, signals, table};

pub(crate) async fn run(args: StatusArgs) -> Result<u8, Failure> {
    let batch = args.target.batch()?;
    let client = connect(batch.provider(), &args.connection)?;
    let stop = signals::stop().map_err(|error| Failure::machine("signals cannot be received", &error))?;
    let clock = client.clock();
    let began = clock.now();
    let look = tokio::select! {
        look = client.poll(&batch) => look,
        () = stop => Err(Error::new(ErrorKind::Interrupted, "the look was stopped").with_batch(batch.clone())),
    };
    let snapshot = look.map_err(|error| {
        Failure::from(error).resumed_by(|kind| args.target.resumption(kind, &args.connection.words()))
    })?;
    let report = Report::new(batch, snapshot, 1, clock.now().saturating_sub(began));
    output::last(if args.json { output::json(&report) } else { output::text(&table::report(&report)) })?;
    Ok(exit::of_report(&report))
}
