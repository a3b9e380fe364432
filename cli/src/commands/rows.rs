//! `bulkrail rows`: what became of each row.

use std::io::IsTerminal;

use bulkrail::{Batch, Error, ErrorKind, Progress, Provider, Row, RowOutcome, cdq, localpayment, reap};

use crate::account::{self, differs, doubts, patiently};
use crate::args::{Format, RowsArgs};
use crate::connect::{AnyClient, connect};
use crate::failure::Failure;
use crate::people::People;
use crate::sheet::Sheet;
use crate::submitted::Submitted;
use crate::{exit, output, signals, table};

const NOT_ENDED: &str = "the batch has not ended: rows may be missing, and may still change";

pub(crate) async fn run(args: RowsArgs, people: People) -> Result<u8, Failure> {
    let batch = args.target.batch()?;
    check(&batch, &args)?;
    let submitted = args.submitted.as_deref().map(|file| Submitted::of_file(file, &batch)).transpose()?;
    let client = connect(batch.provider(), &args.connection)?;
    let stop = signals::stop().map_err(|error| Failure::machine("signals cannot be received", &error))?;
    let format = args.format();
    let notes = async {
        match (&client, format, &submitted) {
            (AnyClient::Killb(client), Some(Format::Csv | Format::Jsonl), None) => {
                stream(client, &batch, format, args.failed).await
            }
            _ => print(&client, &batch, submitted.as_ref(), format, args.failed).await,
        }
    };
    let notes = tokio::select! {
        notes = notes => notes?,
        () = stop => {
            let error = Error::new(ErrorKind::Interrupted, "reading the rows was stopped").with_batch(batch.clone());
            // Between lines of rows a batch would be in the way.
            let lines = matches!(format, Some(Format::Csv | Format::Jsonl));
            return Err(Failure::from(error).printing_batch(!lines));
        }
    };
    for note in notes {
        people.tell(&note);
    }
    Ok(exit::SUCCESS)
}

/// Refuses what the provider cannot answer, and says what it can.
fn check(batch: &Batch, args: &RowsArgs) -> Result<(), Failure> {
    if *batch.provider() == cdq::PROVIDER {
        let reason = "CDQ names no rows: a job ends as a bytes, and public pages name no result of each account";
        return Err(Failure::usage(reason));
    }
    if *batch.provider() == reap::PROVIDER && args.submitted.is_none() {
        let reason = "Reap counts rows and does not name them: see `bulkrail status` for the counts, or name the file \
                      with --submitted, to read each entity in it";
        return Err(Failure::usage(reason));
    }
    Ok(())
}

impl RowsArgs {
    /// `None` is a table.
    fn format(&self) -> Option<Format> {
        match self.format {
            None if self.json => Some(Format::Json),
            None if std::io::stdout().is_terminal() => None,
            None => Some(Format::Csv),
            format => format,
        }
    }
}

/// Prints KillB's rows while they arrive, whatever their number; returns what else is to be said.
async fn stream(
    client: &bulkrail::killb::Client,
    batch: &Batch,
    format: Option<Format>,
    failed_only: bool,
) -> Result<Vec<String>, Failure> {
    let mut rows = patiently(&client.clock(), || client.rows(batch)).await?;
    let mut sheet = if format == Some(Format::Jsonl) { Sheet::lines() } else { Sheet::csv()? };
    let mut counts = Counts::default();
    while let Some(row) = rows.next().await {
        let row = row?.row();
        counts.add(&row);
        if !failed_only || row.outcome == RowOutcome::Failed {
            sheet.write(&row)?;
        }
    }
    output::last(sheet.finish())?;
    let snapshot = rows.snapshot()?;
    let mut notes =
        if snapshot.is_terminal() { counts.doubts(batch, &snapshot.progress) } else { vec![NOT_ENDED.to_owned()] };
    notes.extend(left_out(failed_only, counts.unaccounted()));
    Ok(notes)
}

/// Prints an account of all rows; returns what else is to be said.
async fn print(
    client: &AnyClient,
    batch: &Batch,
    submitted: Option<&Submitted>,
    format: Option<Format>,
    failed_only: bool,
) -> Result<Vec<String>, Failure> {
    let snapshot = patiently(&client.clock(), || client.poll(batch)).await?;
    let mut account = account::read(client, batch, submitted).await?;
    let mut notes = if snapshot.is_terminal() { doubts(batch, &account) } else { vec![NOT_ENDED.to_owned()] };
    if submitted.is_none() && *batch.provider() == localpayment::PROVIDER {
        notes.push("Localpayment lists the accounts it created; with --submitted FILE the others show, too".to_owned());
    }
    notes.extend(left_out(failed_only, account.unaccounted().count() as u64));
    if failed_only {
        account.rows.retain(|row| row.outcome == RowOutcome::Failed);
    }
    let rows = &account.rows;
    output::last(match format {
        Some(Format::Json) => output::json(rows),
        Some(format) => lines(format, rows),
        None => output::text(&table::each_row(rows)),
    })?;
    Ok(notes)
}

fn lines(format: Format, rows: &[Row]) -> std::io::Result<()> {
    let mut sheet = if format == Format::Jsonl { Sheet::lines() } else { Sheet::csv()? };
    rows.iter().try_for_each(|row| sheet.write(row))?;
    sheet.finish()
}

/// Whoever asks for failed rows has to know that others may have failed, too.
fn left_out(failed_only: bool, unaccounted: u64) -> Option<String> {
    (failed_only && unaccounted > 0).then(|| format!("not shown: {unaccounted} rows that are unaccounted for"))
}

#[derive(Default)]
struct Counts {
    total: u64,
    succeeded: u64,
    failed: u64,
}

impl Counts {
    fn add(&mut self, row: &Row) {
        self.total += 1;
        match row.outcome {
            RowOutcome::Succeeded => self.succeeded += 1,
            RowOutcome::Failed => self.failed += 1,
            _ => {}
        }
    }

    fn unaccounted(&self) -> u64 {
        self.total - self.succeeded - self.failed
    }

    fn doubts(&self, batch: &Batch, progress: &Progress) -> Vec<String> {
        let counts = [
            ("total", progress.total, self.total),
            ("succeeded", progress.succeeded, self.succeeded),
            ("failed", progress.failed, self.failed),
        ];
        let differing = counts.into_iter().filter_map(|(what, provider, rows)| Some((what, provider?, rows)));
        let differing = differing.filter(|(_, provider, rows)| provider != rows);
        differing.map(|(what, provider, rows)| differs(batch, what, provider, rows)).collect()
    }
}
