//! Submits a CSV file to Reap, waits until the batch has ended, and prints its outcome.
//!
//! ```text
//! cargo run --example submit_and_wait
//! REAP_API_KEY=... cargo run --example submit_and_wait -- import.csv
//! ```
//!
//! The first command runs against a sandbox on loopback, sixty times faster than in reality. The
//! second one sends a file of yours to Reap's own sandbox.
#![expect(clippy::print_stdout, reason = "an example prints what it does")]

mod shared;

use bulkrail::{Environment, Error, Report, SubmitOptions, Upload, reap};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/import.csv");

async fn submit_and_wait(client: &reap::Client, file: Upload) -> Result<Report, Error> {
    // Checks the whole file first. A fault names its row and column, and nothing is sent.
    let submission = reap::Submission::from_csv(file, &SubmitOptions::default()).await?;
    println!("{} rows, submitted under the key {}", submission.rows().rows, submission.key());

    let batch = match client.submit(&submission).await {
        Ok(batch) => batch,
        Err(error) if error.is_outcome_unknown() => {
            // The response was lost: the batch may exist. Submit again under the same key only.
            println!("{error}\nhint: {}", error.hint().unwrap_or_default());
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    println!("{batch}: submitted");

    // `client.wait(batch).await` returns the last report alone. Intervals and deadline follow the
    // provider's pages. A 502 or a lost connection does not end the wait.
    let mut reports = client.wait(batch).into_stream();
    loop {
        let report = reports.next().await.expect("a wait ends with a report or an error")?;
        let (state, percent) = (report.snapshot.state, report.snapshot.progress.percent());
        println!("poll {}: {state}, {:.0} %", report.polls, percent.unwrap_or_default());
        if report.snapshot.is_terminal() {
            return Ok(report);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let report = match std::env::args_os().nth(1) {
        None => {
            let (_sandbox, client) = shared::sandbox().await?;
            submit_and_wait(&client, Upload::from_path(FILE)).await?
        }
        Some(file) => {
            let credentials = reap::Credentials::from_env()?; // names the variable that is missing
            let client = reap::Client::builder().environment(Environment::Sandbox).credentials(credentials).build()?;
            submit_and_wait(&client, Upload::from_path(file)).await?
        }
    };
    let progress = report.snapshot.progress;
    println!("{}: {:?}", report.batch, report.outcome());
    println!("{:?} succeeded, {:?} failed, after {:.0?}", progress.succeeded, progress.failed, report.elapsed);
    Ok(())
}

#[tokio::test]
async fn submit_and_wait_accounts_for_every_row_of_the_sample() {
    let (sandbox, client) = shared::sandbox().await.unwrap();
    let report = submit_and_wait(&client, Upload::from_path(FILE)).await.unwrap();
    assert_eq!(report.outcome(), Some(bulkrail::Outcome::Partial));
    assert_eq!((report.snapshot.progress.total, report.snapshot.progress.unaccounted()), (Some(30), Some(0)));
    assert_eq!(sandbox.stats("reap").batches_created, 1);
}

#[tokio::test]
async fn submit_and_wait_sends_nothing_of_a_file_with_an_empty_cell() {
    let (sandbox, client) = shared::sandbox().await.unwrap();
    let error = submit_and_wait(&client, "externalId,shareToken\nent-1,\n".into()).await.unwrap_err();
    assert!(error.to_string().contains("row 2, column shareToken: is empty"), "{error}");
    assert_eq!(sandbox.stats("reap").batches_created, 0);
}
