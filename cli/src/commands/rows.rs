//! `bulkrail rows`: prints the outcome of every row.

use std::time::Duration;

use bulkrail::http::retry_reads;
use bulkrail::{
    AnyClient, AnySubmission, Batch, Error, ErrorKind, FileFormat, Provider, Report, Row, RowCounts, RowOutcome,
    Snapshot, SubmittedRows, Upload, cdq, killb, localpayment, reap,
};

use crate::args::{Format, RowsArgs};
use crate::connect::connect_for;
use crate::error::CliError;
use crate::html::{Commands, ReportPage};
use crate::place::{Place, SubmittedFile};
use crate::printer::Printer;
use crate::row_writer::RowWriter;
use crate::state::StateDir;
use crate::submissions::Submissions;
use crate::{exit, input, output, signals, table};

const NOT_ENDED: &str = "the batch has not ended: rows may be missing, and may still change";

pub(crate) async fn run(args: RowsArgs, printer: Printer) -> Result<u8, CliError> {
    let batch = args.target.batch().await?;
    check(&batch, &args)?;
    let submitted = submitted_rows(&args, &batch).await?;
    let client = connect_for(&batch, &args.connection).await?;
    let page = ReportPage::open(args.report.report.as_deref(), Commands::default())?;
    let stop = signals::stop()?;
    let format = args.format();
    let mut commands = Commands::default();
    match args.submitted.as_deref().map(SubmittedFile::named) {
        Some(file) => commands = Commands::new(Place::new(&client, &args.connection), file),
        None if page.is_wanted() || format.is_none() => {
            let submissions = Submissions::new(&StateDir::from_env());
            let found = Commands::of(&client, &args.connection, &submissions, &[&batch]).await;
            commands = found.into_iter().next().unwrap_or_default();
        }
        None => {}
    }
    page.set_commands(&batch, commands.clone());
    let print = || print(&client, &batch, submitted.as_ref(), format, args.failed, &page, &commands);
    let print = async {
        match (&client, format, &submitted) {
            _ if page.is_wanted() => print().await,
            (AnyClient::Killb(client), Some(Format::Csv), None) => {
                print_stream(client, &batch, RowWriter::csv, args.failed).await
            }
            (AnyClient::Killb(client), Some(Format::Jsonl), None) => {
                print_stream(client, &batch, || Ok(RowWriter::json_lines()), args.failed).await
            }
            _ => print().await,
        }
    };
    let notes = tokio::select! {
        notes = print => notes,
        () = stop => {
            let error = Error::new(ErrorKind::Interrupted, "reading the rows was stopped").with_batch(batch.clone());
            // A batch document does not belong between lines of rows.
            let lines = matches!(format, Some(Format::Csv | Format::Jsonl));
            Err(CliError::from(error).with_batch_printed(!lines))
        }
    };
    let notes = match notes {
        Ok(notes) => notes,
        Err(error) => {
            let error = args.target.explain(error).await;
            page.add_end(&batch, Err(&error));
            page.write_or_warn(printer);
            return Err(error);
        }
    };
    notes.iter().for_each(|note| printer.note(note));
    page.write(printer)?;
    Ok(exit::SUCCESS)
}

/// Refuses arguments for which the provider does not report rows, before anything is sent.
fn check(batch: &Batch, args: &RowsArgs) -> Result<(), CliError> {
    if *batch.provider() == cdq::PROVIDER {
        let reason = "CDQ does not list rows: a job ends as a whole, and no public page has a result for each account";
        return Err(CliError::usage(reason));
    }
    if *batch.provider() == reap::PROVIDER && args.submitted.is_none() {
        let hint = "name the file with --submitted, to read the entity of each row; `bulkrail status` shows the counts";
        return Err(CliError::usage("Reap counts rows and does not list them").with_hint(hint));
    }
    Ok(())
}

async fn submitted_rows(args: &RowsArgs, batch: &Batch) -> Result<Option<SubmittedRows>, CliError> {
    let Some(file) = &args.submitted else { return Ok(None) };
    input::check(file).await?;
    let rows = AnySubmission::rows_of_file(batch, Upload::from_path(file), FileFormat::from_path(file)).await;
    let in_file = |error| CliError::from(error).map_reason(|reason| format!("{}: {reason}", file.display()));
    rows.map(Some).map_err(in_file)
}

/// Prints KillB's rows as they arrive, and returns notes for standard error.
async fn print_stream(
    client: &killb::Client,
    batch: &Batch,
    writer: impl FnOnce() -> std::io::Result<RowWriter>,
    failed_only: bool,
) -> Result<Vec<String>, CliError> {
    let mut rows = retry_reads(&client.clock(), || client.rows(batch)).await?;
    let mut writer = writer()?;
    let mut counts = RowCounts::default();
    while let Some(row) = rows.next().await {
        let row = row?.row();
        if !failed_only || row.outcome == RowOutcome::Failed {
            writer.write(&row)?;
        }
        counts.push(row.outcome);
    }
    output::last(writer.finish())?;
    let report = report(batch, rows.snapshot()?.with_row_counts(&counts));
    Ok(notes(&report, failed_only, counts.unaccounted))
}

/// Prints the reconciled rows, and returns notes for standard error.
async fn print(
    client: &AnyClient,
    batch: &Batch,
    submitted: Option<&SubmittedRows>,
    format: Option<Format>,
    failed_only: bool,
    page: &ReportPage,
    commands: &Commands,
) -> Result<Vec<String>, CliError> {
    let snapshot = retry_reads(&client.clock(), || client.poll(batch)).await?;
    let reconciliation = client.reconcile(batch, submitted).await?;
    let unaccounted = reconciliation.unaccounted_rows().count() as u64;
    let failed = reconciliation.failed_rows().count() as u64;
    let mut report = report(batch, snapshot).reconciled(reconciliation);
    page.add(&report);
    let mut rows = report.rows.take().unwrap_or_default();
    if failed_only {
        rows.retain(|row| row.outcome == RowOutcome::Failed);
    }
    output::last(match format {
        Some(Format::Json) => output::json(&rows),
        Some(Format::Jsonl) => write_lines(RowWriter::json_lines(), &rows),
        Some(Format::Csv) => RowWriter::csv().and_then(|writer| write_lines(writer, &rows)),
        None if rows.is_empty() => {
            output::text(if failed_only { "no row has failed\n" } else { "no rows are listed\n" })
        }
        None => output::text(&table::each_row(&rows)),
    })?;
    let mut notes = notes(&report, failed_only, unaccounted);
    if submitted.is_none() && *batch.provider() == localpayment::PROVIDER {
        notes.push("Localpayment lists the accounts that it created; --submitted FILE adds the other rows".to_owned());
    }
    if format.is_none() && report.outcome().is_some() {
        notes.extend(commands.retry_line(batch, failed, unaccounted));
    }
    Ok(notes)
}

fn report(batch: &Batch, snapshot: Snapshot) -> Report {
    Report::new(batch.clone(), snapshot, 1, Duration::ZERO)
}

fn write_lines(mut writer: RowWriter, rows: &[Row]) -> std::io::Result<()> {
    rows.iter().try_for_each(|row| writer.write(row))?;
    writer.finish()
}

/// Returns a note for each disagreement with the outcome that follows, and for rows that are not
/// printed.
fn notes(report: &Report, failed_only: bool, unaccounted: u64) -> Vec<String> {
    let mut notes = match report.outcome() {
        None => vec![NOT_ENDED.to_owned()],
        Some(outcome) => {
            let mut mismatches = table::mismatches(report);
            if !mismatches.is_empty() {
                mismatches.push(format!("outcome: {outcome}"));
            }
            mismatches
        }
    };
    if failed_only && unaccounted > 0 {
        notes.push(match unaccounted {
            1 => "not shown: 1 row that is unaccounted for".to_owned(),
            rows => format!("not shown: {rows} rows that are unaccounted for"),
        });
    }
    notes
}
