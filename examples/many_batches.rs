//! Waits for many batches under one request budget, with progress, and stops on Ctrl-C.
//!
//! ```text
//! cargo run --example many_batches
//! ```
//!
//! One `WaitSet` for each account at a provider. A batch that fails ends alone.
#![expect(clippy::print_stdout, reason = "an example prints what it does")]

mod shared;

use std::pin::pin;

use bulkrail::{Batch, Error, Outcome, SubmitOptions, WaitSet, reap};

/// Submits `batches` files of ten rows. In a service they come from users, one at a time.
async fn submit(client: &reap::Client, batches: u32) -> Result<Vec<(Batch, u64)>, Error> {
    let mut submitted = Vec::new();
    for batch in 0..batches {
        let rows = (0..10).map(|row| format!("applicant-{batch}-{row},token-{row}\n"));
        let csv: String = std::iter::once("externalId,shareToken\n".to_owned()).chain(rows).collect();
        let submission = reap::Submission::from_csv(csv, &SubmitOptions::default()).await?;
        submitted.push((client.submit(&submission).await?, submission.rows().rows));
    }
    Ok(submitted)
}

/// Waits for all `batches`. Returns the outcomes, and the batches that were open when `stop`
/// completed.
async fn wait_for_all(
    client: &reap::Client,
    batches: Vec<(Batch, u64)>,
    stop: impl Future<Output = ()>,
) -> Result<(Vec<Option<Outcome>>, Vec<Batch>), Error> {
    // Two requests a second, whether it is ten batches or a thousand. The default follows the
    // provider's pages.
    let mut set = WaitSet::new(client.clone()).requests_per_second(2.0).on_poll(|event| {
        // For metrics: the duration of each poll, and whether it failed.
        println!("  {} poll {}: {:?}", event.batch, event.poll, event.result.map(|snapshot| snapshot.state));
    });
    for (batch, rows) in batches {
        set.add_with_rows(batch, rows)?;
    }
    let (mut outcomes, mut open) = (Vec::new(), Vec::new());
    let (mut stop, mut is_stopped) = (pin!(stop), false);
    loop {
        tokio::select! {
            end = set.next() => match end {
                None => return Ok((outcomes, open)),
                Some((batch, Ok(report))) => {
                    outcomes.push(report.outcome());
                    let progress = set.progress();
                    println!("{batch}: {:?} ({} of {} ended)", report.outcome(), progress.ended, progress.batches);
                }
                // Stopped, or the provider was unreachable: save it, and wait for it later.
                Some((batch, Err(error))) if error.is_resumable() => open.push(batch),
                Some((_, Err(error))) => println!("{error}"),
            },
            () = &mut stop, if !is_stopped => {
                set.stop(); // From now on `next` returns the open batches at once.
                is_stopped = true;
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In a service: `reap::Client::builder().credentials(reap::Credentials::from_env()?).build()?`.
    let (_sandbox, client) = shared::sandbox().await?;
    let batches = submit(&client, 10).await?;
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    let (outcomes, open) = wait_for_all(&client, batches, stop).await?;
    println!("{} ended, {} open", outcomes.len(), open.len());
    Ok(())
}

#[tokio::test]
async fn wait_for_all_returns_every_outcome() {
    let (_sandbox, client) = shared::sandbox().await.unwrap();
    let batches = submit(&client, 5).await.unwrap();
    let (outcomes, open) = wait_for_all(&client, batches, std::future::pending()).await.unwrap();
    assert!(outcomes.len() == 5 && outcomes.iter().all(Option::is_some), "{outcomes:?}");
    assert_eq!(open, []);
}

#[tokio::test]
async fn wait_for_all_returns_open_batches_when_it_is_stopped() {
    let (_sandbox, client) = shared::sandbox().await.unwrap();
    let batches = submit(&client, 5).await.unwrap();
    let expected: Vec<_> = batches.iter().map(|(batch, _)| batch.clone()).collect();
    let (outcomes, open) = wait_for_all(&client, batches, std::future::ready(())).await.unwrap();
    assert_eq!((outcomes.len(), open), (0, expected));
}
