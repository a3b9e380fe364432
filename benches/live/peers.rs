//! The other libraries, with the defaults that their users get, and loops by hand.
//!
//! Where a library sends requests itself, it does so here. Where it only decides when to poll, the requests are made
//! with reqwest, and any status but success is an error.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use serde::Deserialize;
use tokio_retry2::strategy::{ExponentialBackoff, MaxInterval, jitter};
use tokio_retry2::{Retry, RetryError};

use crate::measure::{Results, independent};
use crate::server::Site;

/// A job as the server returns it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) status: String,
}

impl Job {
    pub(crate) fn is_finished(&self) -> bool {
        self.status == "FINISHED"
    }
}

/// Requests with reqwest.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    url: Arc<str>,
}

impl Http {
    pub(crate) fn new(site: &Site) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { client, url: site.url.as_str().into() }
    }

    pub(crate) async fn submit(&self, job: usize) -> reqwest::Result<()> {
        let url = format!("{}/bankaccounts/jobs/confirmation", self.url);
        let body = serde_json::json!({ "storageId": job.to_string(), "featuresOn": [] });
        self.client.post(url).json(&body).send().await?.error_for_status()?;
        Ok(())
    }

    /// Sends a status request.
    pub(crate) async fn send(&self, id: &str) -> reqwest::Result<reqwest::Response> {
        self.client.get(format!("{}/bankaccounts/jobs?jobId={id}", self.url)).send().await
    }

    async fn status(&self, job: usize) -> reqwest::Result<Job> {
        self.send(&job.to_string()).await?.error_for_status()?.json().await
    }
}

/// A loop as many write it: `tokio::time::interval` and `?`.
pub(crate) async fn interval_and_question_mark(site: &Arc<Site>, spread: Duration, every: Duration) -> Results {
    let http = Http::new(site);
    independent(site, spread, move |job| {
        let http = http.clone();
        async move {
            http.submit(job).await?;
            let mut interval = tokio::time::interval(every);
            loop {
                interval.tick().await;
                if http.status(job).await?.is_finished() {
                    return Ok::<(), reqwest::Error>(());
                }
            }
        }
    })
    .await
}

/// A loop that goes on after an error.
pub(crate) async fn fixed(site: &Arc<Site>, spread: Duration, every: Duration) -> Results {
    let http = Http::new(site);
    independent(site, spread, move |job| {
        let http = http.clone();
        async move {
            http.submit(job).await?;
            let start = tokio::time::Instant::now() + every;
            let mut interval = tokio::time::interval_at(start, every);
            loop {
                interval.tick().await;
                if http.status(job).await.is_ok_and(|job| job.is_finished()) {
                    return Ok::<(), reqwest::Error>(());
                }
            }
        }
    })
    .await
}

/// Reason of a retry.
#[derive(Debug)]
enum NotFinished {
    Running,
    Failed(reqwest::Error),
}

impl fmt::Display for NotFinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("the job is running"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

async fn until_finished(http: &Http, job: usize) -> Result<(), NotFinished> {
    match http.status(job).await {
        Ok(job) if job.is_finished() => Ok(()),
        Ok(_) => Err(NotFinished::Running),
        Err(error) => Err(NotFinished::Failed(error)),
    }
}

pub(crate) async fn backon(site: &Arc<Site>, spread: Duration, backoff: ExponentialBuilder) -> Results {
    let http = Http::new(site);
    independent(site, spread, move |job| {
        let http = http.clone();
        async move {
            http.submit(job).await.map_err(NotFinished::Failed)?;
            (|| until_finished(&http, job)).retry(backoff).await
        }
    })
    .await
}

/// The strategy of the README of tokio-retry2; the crate has no default.
pub(crate) async fn tokio_retry2(site: &Arc<Site>, spread: Duration) -> Results {
    let http = Http::new(site);
    independent(site, spread, move |job| {
        let http = http.clone();
        async move {
            http.submit(job).await.map_err(NotFinished::Failed)?;
            let strategy = ExponentialBackoff::from_millis(10)
                .factor(1)
                .max_delay_millis(100)
                .max_interval(10_000)
                .map(jitter)
                .take(3);
            let attempt = || async { until_finished(&http, job).await.map_err(RetryError::transient) };
            Retry::spawn(strategy, attempt).await
        }
    })
    .await
}
