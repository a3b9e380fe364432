//! A provider of one's own: implement `Provider`, and everything that a wait does comes with it (deadline, failure budget, hints, stream,
//! resume, traces). Run it with `cargo run --example own_provider`.
//!
//! "Paystub" answers with a line of text such as `busy 3/10` or `ok 9/10`.

#![expect(clippy::print_stdout, reason = "an example")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail::{Batch, Error, ErrorKind, Outcome, PollingDefaults, Progress, Provider, ProviderId, Snapshot, State};

const PAYSTUB: ProviderId = ProviderId::from_static("paystub");

/// Would hold an HTTP client; here it makes up its answers.
#[derive(Default)]
struct Paystub {
    asked: AtomicU32,
}

impl Paystub {
    /// Stands for one HTTP request.
    async fn status_line(&self, _batch_id: &str) -> Result<String, Error> {
        match self.asked.fetch_add(1, Ordering::Relaxed) {
            1 => Err(Error::new(ErrorKind::Unavailable, "the provider cannot answer now").with_http_status(502)),
            0..=2 => Ok("busy 3/10".to_owned()),
            _ => Ok("ok 9/10".to_owned()),
        }
    }
}

impl Provider for Paystub {
    fn id(&self) -> ProviderId {
        PAYSTUB
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let line = self.status_line(batch.id()).await?;
        let unreadable = || Error::new(ErrorKind::Decode, "the answer is not a status line");
        let (word, counts) = line.split_once(' ').ok_or_else(unreadable)?;
        let (done, total) = counts.split_once('/').ok_or_else(unreadable)?;
        let (done, total) = (done.parse().map_err(|_| unreadable())?, total.parse().map_err(|_| unreadable())?);

        let mut progress = Progress::default();
        (progress.total, progress.processed) = (Some(total), Some(done));
        let state = match word {
            "busy" => State::Running,
            "ok" => State::Finished,
            _ => State::Unknown, // a new word is no end: the wait goes on
        };
        if state == State::Finished {
            (progress.succeeded, progress.failed) = (Some(done), Some(0));
        }
        Ok(Snapshot::new(state, word, progress))
    }

    fn polling_defaults(&self) -> PollingDefaults {
        let millis = Duration::from_millis;
        PollingDefaults::new().with_delays(millis(100), millis(100), millis(500))
    }
}

/// Waits for the end of a batch, telling what is seen on the way.
async fn watch(provider: &Paystub, clock: Clock) -> Result<Option<Outcome>, Error> {
    let batch = Batch::new(PAYSTUB, "batch-7")?;
    let mut snapshots = bulkrail::wait(provider, batch).deadline(Duration::from_secs(10)).clock(clock).into_stream();
    let mut outcome = None;
    while let Some(report) = snapshots.next().await {
        let report = report?;
        let percent = report.snapshot.progress.percent().unwrap_or_default();
        println!("poll {}: {} {percent}%", report.polls, report.snapshot.state);
        outcome = report.outcome();
    }
    Ok(outcome)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let outcome = runtime.block_on(async { watch(&Paystub::default(), Clock::system()).await })?;
    println!("{outcome:?}");
    Ok(())
}

#[test]
fn one_row_unaccounted_for_is_partial_and_a_502_ends_nothing() {
    let clock = bulkrail::test_util::VirtualClock::new();
    let provider = Paystub::default();
    let outcome = clock.run(watch(&provider, clock.clock())).unwrap();
    assert_eq!(outcome, Some(Outcome::Partial));
    assert_eq!(provider.asked.into_inner(), 4);
}
