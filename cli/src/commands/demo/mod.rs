//! `bulkrail demo`: four batches at an embedded sandbox, waited for at once.

mod batches;

use std::ops::RangeInclusive;
use std::time::Duration;

use bulkrail::cdq::raw::types::ConfirmationFeature;
use bulkrail::{
    Batch, ClientBuilder, Error, ErrorKind, Provider, Report, Row, RowOutcome, cdq, killb, localpayment, reap,
};
use bulkrail_sandbox::Sandbox;

use crate::args::DemoArgs;
use crate::failure::Failure;
use crate::follow::follow;
use crate::people::People;
use crate::progress::{Bar, Bars};
use crate::{exit, output, signals, table};

/// One with which the three batches that count rows end partially, and the slowest takes about 80 s at its own pace.
const SEED: u64 = 1;
/// Looks often enough for the bars to move smoothly.
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_millis(500);

/// What came of the four batches.
struct Ended {
    reports: [Report; 4],
    failed: Vec<FailedRow>,
}

struct FailedRow {
    provider: &'static str,
    row: Row,
}

pub(crate) async fn run(args: DemoArgs, people: People) -> Result<u8, Failure> {
    let stop = signals::stop().map_err(|error| Failure::machine("signals cannot be received", &error))?;
    let sandbox = Sandbox::builder()
        .seed(SEED)
        .speed(args.speed)
        .start()
        .await
        .map_err(|error| Failure::machine("the sandbox cannot be started", &error))?;
    people.tell(&format!(
        "Four providers, played by a sandbox on 127.0.0.1:{} at {} times their speed. A batch at each:",
        sandbox.port(),
        args.speed,
    ));
    let bars = Bars::new(people.want_bars());
    let ended = tokio::select! {
        ended = play(&sandbox, &bars) => ended,
        () = stop => {
            let error = Error::new(ErrorKind::Interrupted, "the demo was stopped");
            Err(Failure::from(error).said(|_| "the demo was stopped".to_owned()))
        }
    };
    let ended = ended.inspect_err(|_| bars.clear())?;
    sandbox.shutdown().await;
    if people.want_bars() {
        people.tell("");
    }
    output::last(if args.json { output::json(&ended.reports) } else { output::text(&shown(&ended)) })?;
    Ok(exit::SUCCESS)
}

async fn play(sandbox: &Sandbox, bars: &Bars) -> Result<Ended, Failure> {
    let base_url = |provider| sandbox.base_url(provider).unwrap_or_default();
    let credential = |provider, place: usize| {
        let credentials = sandbox.credentials(provider);
        credentials.get(place).map_or("", |(_, value)| value)
    };
    let killb = client(
        killb::Client::builder(),
        base_url("killb"),
        killb::Credentials::login(credential("killb", 0), credential("killb", 1)),
    )?;
    let reap = client(reap::Client::builder(), base_url("reap"), reap::Credentials::api_key(credential("reap", 0)))?;
    let cdq = client(cdq::Client::builder(), base_url("cdq"), cdq::Credentials::api_key(credential("cdq", 0)))?;
    let localpayment = client(
        localpayment::Client::builder(),
        base_url("localpayment"),
        localpayment::Credentials::login(credential("localpayment", 0), credential("localpayment", 1)),
    )?;

    let workbook = batches::killb()?;
    let people = workbook.references().to_vec();
    let csv = batches::reap();
    let accounts = batches::localpayment();
    let submitted = tokio::try_join!(
        killb.upload(workbook),
        reap.upload(csv, Some("demo-key")),
        cdq.start("demo-storage", &[ConfirmationFeature::ConfirmBaInBpStorage]),
        localpayment.submit(&accounts),
    )?;

    let reports = tokio::try_join!(
        watch(&killb, submitted.0, bars.add("killb")),
        watch(&reap, submitted.1, bars.add("reap")),
        watch(&cdq, submitted.2, bars.add("cdq")),
        watch(&localpayment, submitted.3, bars.add("localpayment")),
    )?;

    let requested: Vec<_> = accounts.accounts.into_iter().map(|account| account.external_id).collect();
    let rows = tokio::try_join!(
        killb.account(&reports.0.batch, Some(&people)),
        localpayment.account(&reports.3.batch, Some(&requested)),
    )?;
    let mut failed = Vec::new();
    for (provider, account) in [("killb", rows.0), ("localpayment", rows.1)] {
        let rows = account.rows.into_iter().filter(|row| row.outcome != RowOutcome::Succeeded);
        failed.extend(rows.map(|row| FailedRow { provider, row }));
    }
    Ok(Ended { reports: reports.into(), failed })
}

fn client<C: bulkrail::http::Room>(
    builder: ClientBuilder<C>,
    base_url: String,
    credentials: C::Credentials,
) -> Result<C, Error> {
    builder.base_url(base_url).credentials(credentials).build()
}

async fn watch<P: Provider>(provider: &P, batch: Batch, bar: Bar) -> Result<Report, Failure> {
    let wait = bulkrail::wait(provider, batch).interval(INTERVAL);
    let seen = |report: &Report| {
        bar.show(&report.snapshot);
        Ok(())
    };
    follow(wait, seen).await
}

fn shown(ended: &Ended) -> String {
    let mut failed = table::framed(["provider", "row", "reference", "reason"]);
    for FailedRow { provider, row } in &ended.failed {
        failed.add_row([
            (*provider).to_owned(),
            table::number(row.index),
            table::text(row.reference.as_deref()),
            table::reason(row),
        ]);
    }
    let unnamed = ended.reports[1].snapshot.progress.failed.unwrap_or_default();
    format!(
        "{}\n Rows that did not succeed:\n\n{}\n reap: {unnamed} rows failed; Reap counts them and does not say which.\n \
         cdq: a job has no rows; it ends as a bytes.\n",
        table::reports(&ended.reports),
        table::finished(&failed),
    )
}
