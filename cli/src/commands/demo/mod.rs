//! `bulkrail demo`: submits a batch to each provider of an embedded sandbox, and waits for all
//! four.

mod batches;

use std::ops::RangeInclusive;
use std::time::Duration;

use bulkrail::http::ProviderClient;
use bulkrail::{
    AnyClient, AnySubmission, ClientBuilder, Error, ErrorKind, Report, Row, RowOutcome, cdq, killb, localpayment, reap,
};
use bulkrail_sandbox::Sandbox;

use crate::args::DemoArgs;
use crate::error::CliError;
use crate::follow::follow;
use crate::grid::stdout_width;
use crate::html::{Commands, ReportPage};
use crate::printer::{Printer, Progress, fit};
use crate::progress::{Bar, Bars};
use crate::{exit, output, signals, table};

/// With this seed, the three batches that count rows end partially, and the slowest takes about 80
/// s at speed 1.
const SEED: u64 = 1;

/// Polls often enough for the bars to move smoothly.
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_millis(500);

/// End of one of the four batches.
struct End {
    report: Report,
    /// The report with every row, where the provider lists rows.
    reconciled: Report,
    /// Rows that did not succeed, where the provider lists rows.
    unsuccessful: Vec<Row>,
}

pub(crate) async fn run(args: DemoArgs, printer: Printer) -> Result<u8, CliError> {
    let printer = printer.for_json(args.json);
    let page = ReportPage::open(args.report.report.as_deref(), Commands { are_gone: true, ..Commands::default() })?;
    let stop = signals::stop()?;
    let sandbox = Sandbox::builder().seed(SEED).speed(args.speed).start().await;
    let sandbox = sandbox.map_err(|error| CliError::io("the sandbox cannot be started", &error))?;
    printer.note(&format!(
        "One batch to each provider of a sandbox on 127.0.0.1:{}, {} times as fast as the real ones:",
        sandbox.port(),
        args.speed,
    ));
    let bars = Bars::new(printer.progress(true));
    let ends = tokio::select! {
        ends = run_all(&sandbox, &bars, &page) => ends,
        () = stop => {
            let error = Error::new(ErrorKind::Interrupted, "the demo was stopped");
            Err(error.with_hint("run it again: its batches ended with its sandbox").into())
        }
    };
    let ends = ends.inspect_err(|_| bars.clear())?;
    bars.leave();
    sandbox.shutdown().await;
    if printer.progress(true) == Progress::Bars {
        printer.note("");
    }
    ends.iter().for_each(|end| page.add(&end.reconciled));
    output::last(if args.json {
        output::json(&ends.iter().map(|end| &end.report).collect::<Vec<_>>())
    } else {
        output::text(&text(&ends))
    })?;
    page.write(printer)?;
    Ok(exit::SUCCESS)
}

async fn run_all(sandbox: &Sandbox, bars: &Bars, page: &ReportPage) -> Result<[End; 4], CliError> {
    let credential = |provider, position: usize| {
        let credentials = sandbox.credentials(provider);
        credentials.get(position).map_or("", |(_, value)| value)
    };
    let killb = killb::Credentials::login(credential("killb", 0), credential("killb", 1));
    let reap = reap::Credentials::api_key(credential("reap", 0));
    let cdq = cdq::Credentials::api_key(credential("cdq", 0));
    let localpayment = localpayment::Credentials::login(credential("localpayment", 0), credential("localpayment", 1));
    let ends = tokio::try_join!(
        run_one(client(sandbox, killb::Client::builder(), killb)?, batches::killb().await?, bars.add("killb"), page),
        run_one(client(sandbox, reap::Client::builder(), reap)?, batches::reap().await?, bars.add("reap"), page),
        run_one(client(sandbox, cdq::Client::builder(), cdq)?, batches::cdq(), bars.add("cdq"), page),
        run_one(
            client(sandbox, localpayment::Client::builder(), localpayment)?,
            batches::localpayment()?,
            bars.add("localpayment"),
            page,
        ),
    )?;
    Ok(ends.into())
}

fn client<C: ProviderClient + Into<AnyClient>>(
    sandbox: &Sandbox,
    builder: ClientBuilder<C>,
    credentials: C::Credentials,
) -> Result<AnyClient, Error> {
    let base_url = sandbox.base_url(C::error_mapping().provider.as_str()).unwrap_or_default();
    builder.base_url(base_url).credentials(credentials).build().map(Into::into)
}

/// Submits a batch, waits for its end, and reads its rows where the provider lists them.
async fn run_one(client: AnyClient, submission: AnySubmission, bar: Bar, page: &ReportPage) -> Result<End, CliError> {
    let batch = client.submit(&submission).await?;
    let wait = client.wait(batch).interval(INTERVAL).on_poll(page.observer(1));
    let report = follow(wait, &bar, |_| Ok(())).await?;
    let reconciled = match client {
        AnyClient::Killb(_) | AnyClient::Localpayment(_) => {
            report.clone().reconciled(client.reconcile(&report.batch, Some(submission.rows())).await?)
        }
        _ => report.clone(),
    };
    let rows = reconciled.rows.iter().flatten();
    let unsuccessful = rows.filter(|row| row.outcome != RowOutcome::Succeeded).cloned().collect();
    Ok(End { report, reconciled, unsuccessful })
}

fn text(ends: &[End; 4]) -> String {
    let mut unsuccessful = table::framed(["provider", "row", "reference", "reason"]).with_note();
    for End { report, unsuccessful: rows, .. } in ends {
        for row in rows {
            unsuccessful.add_row([
                report.batch.provider().to_string(),
                table::number(row.index),
                table::text(row.reference.as_deref()),
                table::reason(row),
            ]);
        }
    }
    let [_, reap, ..] = ends;
    let failed = reap.report.snapshot.progress.failed.unwrap_or_default();
    let notes = format!(
        " reap: {failed} rows failed; Reap counts them and does not list them.\n \
         cdq: a job has no rows; it ends as a whole.\n"
    );
    format!(
        "{}\n Rows that did not succeed:\n\n{}\n{}",
        table::reports(ends.iter().map(|end| &end.report)),
        table::finished(&unsuccessful),
        fit(&notes, stdout_width()),
    )
}
