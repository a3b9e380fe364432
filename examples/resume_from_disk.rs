//! Saves a batch, stops waiting, and waits for it again in another process.
//!
//! ```text
//! cargo run --example resume_from_disk
//! ```
//!
//! A batch is a few fields without a secret: provider, id, key and time of submission. All that a
//! wait needs is in it.
#![expect(clippy::print_stdout, reason = "an example prints what it does")]

mod shared;

use std::error::Error;
use std::path::Path;

use bulkrail::{Batch, ErrorKind, Outcome, SubmitOptions, Upload, reap};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/import.csv");

/// Submits, saves the batch, and waits until `stop` completes: the end of a process.
async fn first_process(
    client: &reap::Client,
    saved: &Path,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Box<dyn Error>> {
    let submission = reap::Submission::from_csv(Upload::from_path(FILE), &SubmitOptions::default()).await?;
    let batch = client.submit(&submission).await?;
    // Save it before the wait. From here on the process may die.
    tokio::fs::write(saved, serde_json::to_vec(&batch)?).await?;

    match client.wait(batch).stop_when(stop).await {
        Ok(report) => println!("{}: {:?}", report.batch, report.outcome()),
        Err(error) if error.kind() == ErrorKind::Interrupted => println!("{error}; {}", error.hint().unwrap_or("")),
        // The batch exists whatever ended the wait: never submit it again because of an error here.
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Reads the batch, and waits for its end.
async fn second_process(client: &reap::Client, saved: &Path) -> Result<Option<Outcome>, Box<dyn Error>> {
    let batch: Batch = serde_json::from_slice(&tokio::fs::read(saved).await?)?;
    println!("{batch}: submitted at {:?}", batch.submitted_at());
    let report = client.wait(batch).await?;
    tokio::fs::remove_file(saved).await?;
    Ok(report.outcome())
}

fn path(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("bulkrail-example-{name}-{}.json", std::process::id()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // In a service: `reap::Client::builder().credentials(reap::Credentials::from_env()?).build()?`.
    let (_sandbox, client) = shared::sandbox().await?;
    let saved = path("main");
    // In a service: the token of a graceful shutdown, or `tokio::signal::ctrl_c()`.
    first_process(&client, &saved, std::future::ready(())).await?;
    println!("{:?}", second_process(&client, &saved).await?);
    Ok(())
}

#[tokio::test]
async fn batch_saved_by_one_process_is_waited_for_by_another() {
    let (sandbox, client) = shared::sandbox().await.unwrap();
    let saved = path("test");
    first_process(&client, &saved, std::future::ready(())).await.unwrap();
    assert_eq!(sandbox.stats("reap").polls, 0, "the first process was stopped before its first poll");
    assert_eq!(second_process(&client, &saved).await.unwrap(), Some(Outcome::Partial));
    assert_eq!(sandbox.stats("reap").batches_created, 1);
    assert!(!saved.exists());
}
