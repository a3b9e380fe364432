//! Implements `Provider` for a client of your own. A wait then adds deadline, failure budget,
//! stream, resume and traces.
//!
//! ```text
//! cargo run --example own_provider
//! ```
//!
//! "Paystub" answers a status request with a line of text such as `busy 3/10` or `ok 9/10`.
#![expect(clippy::print_stdout, reason = "an example prints what it does")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail::{Batch, Error, ErrorKind, Outcome, PollingDefaults, Progress, Provider, ProviderId, Snapshot, State};

const PAYSTUB: ProviderId = ProviderId::from_static("paystub");

/// A real client holds an HTTP client. This one counts requests and makes up the responses.
#[derive(Default)]
struct Paystub {
    requests: AtomicU32,
}

impl Paystub {
    /// Stands for one HTTP request.
    async fn status_line(&self, _batch_id: &str) -> Result<String, Error> {
        match self.requests.fetch_add(1, Ordering::Relaxed) {
            // A transient error: the wait continues.
            1 => Err(Error::new(ErrorKind::Unavailable, "the provider is unavailable").with_http_status(502)),
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
        let (word, processed, total) = parse(&line).ok_or_else(|| {
            Error::new(ErrorKind::Decode, "the response is not a status line").with_batch(batch.clone())
        })?;
        let progress = Progress::default().with_total(total).with_processed(processed);
        Ok(match word {
            "busy" => Snapshot::new(State::Running, word, progress),
            // The outcome follows from the counts: one row of ten is unaccounted for.
            "ok" => Snapshot::new(State::Finished, word, progress.with_succeeded(processed).with_failed(0)),
            // A word that is not documented does not end the wait.
            _ => Snapshot::new(State::Unknown, word, progress),
        })
    }

    fn polling_defaults(&self) -> PollingDefaults {
        let millis = Duration::from_millis;
        PollingDefaults::new().with_delays(millis(100), millis(100), millis(500)).with_deadline(Duration::from_secs(10))
    }
}

fn parse(line: &str) -> Option<(&str, u64, u64)> {
    let (word, counts) = line.split_once(' ')?;
    let (processed, total) = counts.split_once('/')?;
    Some((word, processed.parse().ok()?, total.parse().ok()?))
}

/// Waits for the end of a batch, and prints every successful poll.
async fn watch(provider: &Paystub, clock: Clock) -> Result<Option<Outcome>, Error> {
    let batch = Batch::new(PAYSTUB, "batch-7")?;
    let mut reports = bulkrail::wait(provider, batch).clock(clock).into_stream();
    let mut outcome = None;
    while let Some(report) = reports.next().await {
        let report = report?;
        let percent = report.snapshot.progress.percent().unwrap_or_default();
        println!("poll {}: {} {percent} %", report.polls, report.snapshot.state);
        outcome = report.outcome();
    }
    Ok(outcome)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let outcome = watch(&Paystub::default(), Clock::system()).await?;
    println!("{outcome:?}");
    Ok(())
}

#[test]
fn watch_survives_a_502_and_one_unaccounted_row_makes_the_outcome_partial() {
    let clock = bulkrail::test_util::VirtualClock::new();
    let provider = Paystub::default();
    let outcome = clock.run(watch(&provider, clock.clock())).unwrap();
    assert_eq!(outcome, Some(Outcome::Partial));
    assert_eq!(provider.requests.into_inner(), 4);
}
