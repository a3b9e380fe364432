//! Reads the outcome of every row, and submits the failed rows as the next batch.
//!
//! ```text
//! cargo run --example reconcile_and_retry
//! ```
//!
//! Rows are paired by their reference, never by their position. Rows that are *unaccounted for* are
//! not submitted again: they may have succeeded.
#![expect(clippy::print_stdout, reason = "an example prints what it does")]

mod shared;

use bulkrail::{Error, Reconciliation, SubmitOptions, reap};

#[derive(Debug, Clone, PartialEq)]
struct Applicant {
    id: String,
    share_token: String,
}

/// Submits `applicants`, waits for the end, and reads the outcome of each.
async fn import(client: &reap::Client, applicants: &[Applicant]) -> Result<Reconciliation, Error> {
    let rows = applicants.iter().map(|applicant| format!("{},{}\n", applicant.id, applicant.share_token));
    let csv: String = std::iter::once("externalId,shareToken\n".to_owned()).chain(rows).collect();
    let submission = reap::Submission::from_csv(csv, &SubmitOptions::default()).await?;
    let batch = client.submit(&submission).await?;
    let report = client.wait(batch).await?;
    let reconciliation = client.reconcile(&report.batch, Some(submission.rows())).await?;
    println!("{}: {:?}", report.batch, reconciliation.outcome(&report.snapshot));
    Ok(reconciliation)
}

/// Imports `applicants`, and the failed ones a second time. Returns those that failed the first and
/// the second time.
async fn import_twice(
    client: &reap::Client,
    applicants: Vec<Applicant>,
) -> Result<(Vec<Applicant>, Vec<Applicant>), Error> {
    let reconciliation = import(client, &applicants).await?;
    for row in reconciliation.failed_rows() {
        // The provider's own words, which may hold personal data: keep them out of logs.
        println!("  row {:?} failed: {}", row.index, row.reason.as_deref().unwrap_or("without a reason"));
    }
    println!("  {} rows are unaccounted for", reconciliation.unaccounted_rows().count());

    let failed = reconciliation.retryable_rows(applicants, |applicant| &applicant.id);
    if failed.is_empty() {
        return Ok((failed, Vec::new()));
    }
    // Here a service lets the user correct the rows. A row that fails for its content fails again.
    let reconciliation = import(client, &failed).await?;
    let failed_again = reconciliation.retryable_rows(failed.clone(), |applicant| &applicant.id);
    Ok((failed, failed_again))
}

fn applicants(number: u32) -> Vec<Applicant> {
    let applicant = |n| Applicant { id: format!("applicant-{n}"), share_token: format!("share-token-{n}") };
    (0..number).map(applicant).collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In a service: `reap::Client::builder().credentials(reap::Credentials::from_env()?).build()?`.
    let (_sandbox, client) = shared::sandbox().await?;
    let (failed, failed_again) = import_twice(&client, applicants(40)).await?;
    println!("{} failed, {} of them again", failed.len(), failed_again.len());
    Ok(())
}

#[tokio::test]
async fn import_twice_submits_the_failed_rows_and_only_those_again() {
    let (sandbox, client) = shared::sandbox().await.unwrap();
    let all = applicants(40);
    let (failed, failed_again) = import_twice(&client, all.clone()).await.unwrap();
    assert!(!failed.is_empty() && failed.len() < all.len() / 2, "{failed:?}");
    assert!(failed.iter().all(|applicant| all.contains(applicant)));
    // In the sandbox the reference of a row decides whether it fails.
    assert_eq!(failed_again, failed);
    assert_eq!(sandbox.stats("reap").batches_created, 2);
}
