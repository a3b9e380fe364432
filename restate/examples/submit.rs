//! Orders a batch at Restate, shows its status, and waits for its end.
//!
//! `cargo run -p bulkrail-restate --example submit -- ACCOUNT FILE [KEY]`; see the README, "More than one machine".
//!
//! | Variable | Default | Meaning |
//! |---|---|---|
//! | `RESTATE_INGRESS` | `http://127.0.0.1:8080` | ingress of the server |
//! | `RESTATE_TOKEN` | none | bearer token of a gateway before it |

use std::env;
use std::error::Error;
use std::time::Duration;

use bulkrail_core::time::Clock;
use bulkrail_durable::FileOrder;
use bulkrail_restate::{BatchOrder, Ingress, Status};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_ansi(false).init();
    let mut arguments = env::args().skip(1);
    let (Some(account), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: submit ACCOUNT FILE [KEY]".into());
    };
    // The same key again is the same order: a service uses an id that it has saved.
    let key = arguments.next().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());

    let url = env::var("RESTATE_INGRESS").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
    let mut ingress = Ingress::new(&url)?;
    if let Ok(token) = env::var("RESTATE_TOKEN") {
        ingress = ingress.token(&token.into())?;
    }
    let order = BatchOrder::new(account, FileOrder::new(file).await?);
    tracing::info!(key, ordered = ?ingress.submit(&key, &order).await?, "durable");

    let end = ingress.ended(&key);
    let mut end = std::pin::pin!(end);
    loop {
        tokio::select! {
            report = &mut end => {
                let report = report?;
                tracing::info!(batch = %report.batch, outcome = ?report.outcome(), polls = report.polls, "ended");
                return Ok(());
            }
            () = Clock::system().sleep(Duration::from_secs(2)) => show(ingress.status(&key).await?),
        }
    }
}

fn show(status: Option<Status>) {
    match status {
        Some(Status::Waiting { batch, report, due, .. }) => {
            let progress = report.map(|report| report.snapshot.progress);
            tracing::info!(%batch, ?progress, %due, "waiting");
        }
        status => tracing::info!(?status),
    }
}
