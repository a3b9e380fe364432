//! Waits of bulkrail: single ones, with and without earlier durations, and sets.

use std::sync::Arc;
use std::time::Duration;

use bulkrail::schedule::Schedule;
use bulkrail::time::Clock;
use bulkrail::{Batch, DurationHistory, Error, PollingDefaults, Provider, ProviderId, Snapshot, WaitSet, cdq};
use tokio::sync::mpsc;

use crate::measure::{Results, Seen, independent, spread_out};
use crate::server::Site;

/// Requests per second of a set. The default, 5, would be the limit of an account, which the other libraries do not
/// have here.
pub(crate) const SET_RATE: f64 = 200.0;

/// Client of a provider with the polling defaults of its pages, or with those for pages that do not advise anything.
#[derive(Clone)]
struct Client {
    cdq: cdq::Client,
    reports_progress: bool,
}

impl Client {
    fn new(site: &Site) -> Self {
        let credentials = cdq::Credentials::api_key("key");
        let cdq = cdq::Client::builder().base_url(&site.url).credentials(credentials).build().expect("a client");
        Self { cdq, reports_progress: site.reports_progress }
    }

    async fn submit(&self, job: usize) -> Result<Batch, Error> {
        self.cdq.start(&job.to_string(), &[]).await
    }
}

impl Provider for Client {
    fn id(&self) -> ProviderId {
        self.cdq.id()
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        self.cdq.poll(batch).await
    }

    fn polling_defaults(&self) -> PollingDefaults {
        if self.reports_progress { self.cdq.polling_defaults() } else { PollingDefaults::new() }
    }

    fn clock(&self) -> Clock {
        self.cdq.clock()
    }
}

/// Waits for every job on its own; those of one `history` learn from each other.
pub(crate) async fn single(
    site: &Arc<Site>,
    spread: Duration,
    price: f64,
    history: Option<DurationHistory>,
) -> Results {
    let client = Client::new(site);
    independent(site, spread, move |job| {
        let (client, history) = (client.clone(), history.clone());
        async move {
            let batch = client.submit(job).await?;
            let wait = bulkrail::wait(&client, batch).schedule(Schedule::adaptive().lag_per_request(price));
            match &history {
                Some(history) => wait.history(history).await?,
                None => wait.await?,
            };
            Ok::<(), Error>(())
        }
    })
    .await
}

/// Waits for all jobs in one set.
pub(crate) async fn set(site: &Arc<Site>, spread: Duration) -> Results {
    let client = Client::new(site);
    let (sender, mut submitted) = mpsc::unbounded_channel();
    let mut submitting = spread_out(site.jobs.len(), spread, |job| {
        let (client, sender) = (client.clone(), sender.clone());
        async move {
            let batch = client.submit(job).await.expect("a batch");
            sender.send(batch).expect("a set that waits");
        }
    });
    drop(sender);
    let mut set = WaitSet::new(client).requests_per_second(SET_RATE);
    let (mut results, mut is_submitting) = (Results::new(site), true);
    while is_submitting || set.progress().ended < set.progress().batches {
        tokio::select! {
            batch = submitted.recv(), if is_submitting => match batch {
                Some(batch) => set.add(batch).expect("a batch of the provider"),
                None => is_submitting = false,
            },
            // `None` while the set is empty.
            Some((batch, end)) = set.next() => {
                let job = batch.id().parse().expect("the number of a job");
                results.add(job, Seen::now(site, job, end.map(drop)));
            }
        }
    }
    while let Some(task) = submitting.join_next().await {
        task.expect("a submission that does not panic");
    }
    results
}
