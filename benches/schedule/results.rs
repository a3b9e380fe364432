//! Results of all policies on one workload, pooled over the seeds.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bulkrail::schedule::Schedule;
use bulkrail::schedule::internal::DurationSamples;

use crate::anchor::{self, Anchor};
use crate::job::Job;
use crate::simulation::{Adaptive, JobResult, LIMITS, Policy, Run, SPACING, run};
use crate::stats::{Lag, Point, Resample, point};
use crate::workload::{Seeds, Workload};

/// The constants of the schedule were chosen by the first three seeds, and are judged by the others.
pub(crate) const TUNING_SEEDS: Seeds = [1, 2, 3];
pub(crate) const JUDGING_SEEDS: Seeds = [101, 102, 103];

/// 1,600 jobs per seed: the goals are measured on 4,800.
pub(crate) const JOBS: usize = 1_600;

/// Prices of a request, in seconds of lag, that make the curve.
pub(crate) const PRICES: [f64; 13] = [0.02, 0.1, 0.3, 1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 200.0, 500.0];

const ADAPTIVE: &str = "adaptive";

/// Returns the name of the adaptive schedule with a price.
pub(crate) fn adaptive_name(price: f64) -> String {
    format!("{ADAPTIVE} c={price}")
}

/// Returns the name of a fixed interval.
pub(crate) fn fixed_name(interval: f64) -> String {
    format!("fixed {interval}")
}

/// Returns the adaptive schedule with a price, without earlier durations.
pub(crate) fn adaptive(price: f64) -> Adaptive {
    let schedule = Schedule::adaptive().lag_per_request(price);
    Adaptive { schedule, samples: DurationSamples::new(), learns: true, limits: LIMITS }
}

/// Jobs of a workload, and a run of every policy per seed.
pub(crate) struct Results {
    pub(crate) jobs: Vec<(u64, Vec<Job>)>,
    /// Milliseconds between two submissions.
    spacing: u64,
    /// Fixed intervals, from the shortest to the longest.
    fixed: Vec<f64>,
    runs: BTreeMap<String, Vec<Run>>,
    pooled: BTreeMap<String, Vec<JobResult>>,
}

impl Results {
    /// Runs a workload with all policies that the goals and the report need.
    pub(crate) fn of_workload(workload: Workload, seeds: &Seeds) -> Self {
        Self::of_jobs(workload.jobs(seeds, JOBS))
    }

    pub(crate) fn of_jobs(jobs: Vec<(u64, Vec<Job>)>) -> Self {
        let mut results = Self::of_fixed(jobs, SPACING, anchor::tuned().collect());
        for anchor in anchor::ALL {
            results.add(anchor.name.to_owned(), &Policy::Anchor(anchor));
        }
        for price in PRICES {
            results.add(adaptive_name(price), &Policy::Adaptive(Box::new(adaptive(price))));
        }
        results
    }

    /// Runs jobs with fixed intervals, each submitted `spacing` milliseconds after the one before.
    pub(crate) fn of_fixed(jobs: Vec<(u64, Vec<Job>)>, spacing: u64, mut fixed: Vec<f64>) -> Self {
        fixed.sort_by(f64::total_cmp);
        let mut results = Self { jobs, spacing, fixed, runs: BTreeMap::new(), pooled: BTreeMap::new() };
        for interval in results.fixed.clone() {
            results.add(fixed_name(interval), &Policy::Anchor(anchor::fixed_interval("", interval)));
        }
        results
    }

    pub(crate) fn add(&mut self, name: String, policy: &Policy) {
        self.add_each(name, |_| policy.clone());
    }

    /// Runs the jobs of each seed with a policy of their own.
    pub(crate) fn add_each(&mut self, name: String, policy: impl Fn(u64) -> Policy) {
        let runs = self.jobs.iter().map(|(seed, jobs)| run(jobs, &policy(*seed), *seed, self.spacing));
        let runs: Vec<Run> = runs.collect();
        self.pooled.insert(name.clone(), runs.iter().flat_map(|run| run.results.iter().copied()).collect());
        self.runs.insert(name, runs);
    }

    /// Returns the runs by the name of their policy, one per seed.
    pub(crate) fn runs(&self) -> &BTreeMap<String, Vec<Run>> {
        &self.runs
    }

    pub(crate) fn pooled(&self, name: &str) -> &[JobResult] {
        self.pooled.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn count(&self) -> usize {
        self.jobs.iter().map(|(_, jobs)| jobs.len()).sum()
    }

    /// Returns the number of waits of the adaptive schedule, one before each request.
    pub(crate) fn waits(&self) -> f64 {
        let adaptive = self.pooled.iter().filter(|(name, _)| name.starts_with(ADAPTIVE));
        adaptive.flat_map(|(_, results)| results).map(|result| result.requests).sum()
    }

    pub(crate) fn violations(&self) -> usize {
        self.runs.values().flatten().map(|run| run.violations).sum()
    }

    pub(crate) fn point(&self, name: &str, lag: Lag, resample: Resample<'_>) -> Point {
        point(self.pooled(name), lag, resample)
    }

    pub(crate) fn anchor(&self, anchor: &Anchor, lag: Lag, resample: Resample<'_>) -> Point {
        self.point(anchor.name, lag, resample)
    }

    /// Returns the points of the adaptive schedule, from the lowest price of a request to the
    /// highest.
    pub(crate) fn curve(&self, lag: Lag, resample: Resample<'_>) -> Vec<Point> {
        PRICES.iter().map(|price| self.point(&adaptive_name(*price), lag, resample)).collect()
    }

    /// Returns the points of fixed intervals, from the shortest to the longest.
    pub(crate) fn fixed(&self, resample: Resample<'_>) -> Vec<Point> {
        self.fixed.iter().map(|interval| self.point(&fixed_name(*interval), Lag::Mean, resample)).collect()
    }
}

/// Does `work` on every item, on all cores, and returns the results in order.
pub(crate) fn parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len().max(1));
    let queue = Mutex::new(0..items.len());
    let done: Mutex<BTreeMap<usize, R>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(index) = queue.lock().ok().and_then(|mut queue| queue.next()) {
                    let result = work(&items[index]);
                    if let Ok(mut done) = done.lock() {
                        done.insert(index, result);
                    }
                }
            });
        }
    });
    done.into_inner().map(|done| done.into_values().collect()).unwrap_or_default()
}
