//! What a library made of its jobs.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::curve::{Point, lag_at, quantile};
use crate::job::Job;
use crate::jobs;
use crate::server::Site;

/// Result of one job: seconds of lag, or the error that ended the wait although the job succeeded.
pub(crate) struct Seen {
    result: Result<f64, String>,
    polls: u32,
}

impl Seen {
    /// Returns the result of a wait that has just returned.
    pub(crate) fn now<E: Display>(site: &Site, job: usize, result: Result<(), E>) -> Self {
        let now = Instant::now();
        let lag = || {
            let end = site.end(job).expect("a job that was submitted");
            now.checked_duration_since(end).expect("a wait that returns after the end").as_secs_f64()
        };
        let result = result.map(|()| lag()).map_err(|error| error.to_string());
        Self { result, polls: site.polls(job) }
    }
}

/// Results of all jobs of a library.
pub(crate) struct Results {
    jobs: Arc<[Job]>,
    seen: Vec<(usize, Seen)>,
}

/// Figures of a row of the table.
pub(crate) struct Figures {
    pub(crate) jobs: usize,
    pub(crate) lost: usize,
    /// The error of the first job that was lost.
    pub(crate) error: Option<String>,
    /// Of the jobs that were not lost; not a number if all were.
    pub(crate) point: Point,
    pub(crate) median: f64,
    pub(crate) p95: f64,
    /// Mean lag as a share of that of the fixed interval that takes as many requests for the same jobs.
    pub(crate) against_fixed: Option<f64>,
}

impl Results {
    pub(crate) fn new(site: &Site) -> Self {
        Self { jobs: Arc::clone(&site.jobs), seen: Vec::with_capacity(site.jobs.len()) }
    }

    pub(crate) fn add(&mut self, job: usize, seen: Seen) {
        self.seen.push((job, seen));
    }

    pub(crate) fn figures(&self) -> Figures {
        assert_eq!(self.seen.len(), self.jobs.len(), "every wait returns once");
        let kept: Vec<(usize, f64, u32)> =
            self.seen.iter().filter_map(|(job, seen)| Some((*job, *seen.result.as_ref().ok()?, seen.polls))).collect();
        let count = kept.len() as f64;
        let mut lags: Vec<f64> = kept.iter().map(|(_, lag, _)| *lag).collect();
        let requests = kept.iter().map(|(_, _, polls)| f64::from(*polls)).sum::<f64>() / count;
        let point = Point { requests, lag: lags.iter().sum::<f64>() / count };
        let jobs: Vec<(usize, &Job)> = kept.iter().map(|(job, _, _)| (*job, &self.jobs[*job])).collect();
        let fixed = if jobs.is_empty() { None } else { lag_at(&jobs::fixed_curve(&jobs), point.requests) };
        Figures {
            jobs: self.jobs.len(),
            lost: self.jobs.len() - kept.len(),
            error: self.seen.iter().find_map(|(_, seen)| seen.result.as_ref().err().cloned()),
            point,
            median: quantile(&mut lags, 0.5),
            p95: quantile(&mut lags, 0.95),
            against_fixed: fixed.map(|fixed| point.lag / fixed),
        }
    }
}

/// Runs `work` for all `count` jobs, each in a task of its own, begun within `spread`.
pub(crate) fn spread_out<W, F>(count: usize, spread: Duration, work: W) -> JoinSet<F::Output>
where
    W: Fn(usize) -> F,
    F: Future<Output: Send> + Send + 'static,
{
    let started = tokio::time::Instant::now();
    let mut tasks = JoinSet::new();
    for job in 0..count {
        let begins = started + spread.mul_f64(job as f64 / count as f64);
        let work = work(job);
        tasks.spawn(async move {
            tokio::time::sleep_until(begins).await;
            work.await
        });
    }
    tasks
}

/// Submits all jobs within `spread`, and waits for each in a task of its own.
pub(crate) async fn independent<W, F, E>(site: &Arc<Site>, spread: Duration, wait: W) -> Results
where
    W: Fn(usize) -> F,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display,
{
    let tasks = spread_out(site.jobs.len(), spread, |job| {
        let (site, wait) = (Arc::clone(site), wait(job));
        async move { (job, Seen::now(&site, job, wait.await)) }
    });
    let mut results = Results::new(site);
    results.seen = tasks.join_all().await;
    results
}
