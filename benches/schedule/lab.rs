//! All runs of one workload, pooled over the seeds.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bulkrail::schedule::{DurationSamples, Schedule};

use crate::anchor::{self, Anchor};
use crate::job::Job;
use crate::sim::{LIMITS, Ours, Policy, Run, Tally, run};
use crate::stats::{Draw, Of, Point, point};
use crate::workload::Workload;

pub(crate) const SEEDS: [u64; 3] = [1, 2, 3];

/// Jobs for each seed: 4,800 in all are gated on.
pub(crate) const JOBS: usize = 1_600;

/// The worths that make the curve.
pub(crate) const WORTHS: [f64; 13] = [0.02, 0.1, 0.3, 1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 200.0, 500.0];

const ADAPTIVE: &str = "adaptive";

/// The names that the policies go by.
pub(crate) fn adaptive(worth: f64) -> String {
    format!("{ADAPTIVE} c={worth}")
}

pub(crate) fn tuned(interval: f64) -> String {
    format!("fixed {interval}")
}

pub(crate) fn ours(worth: f64) -> Ours {
    let schedule = Schedule::adaptive().worth(worth);
    Ours { schedule, history: DurationSamples::new(), learns: true, limits: LIMITS }
}

/// The jobs of a workload, and what each policy made of them: for every seed a run.
pub(crate) struct Lab {
    pub(crate) jobs: Vec<(u64, Vec<Job>)>,
    runs: BTreeMap<String, Vec<Run>>,
    pooled: BTreeMap<String, Vec<Tally>>,
}

impl Lab {
    /// A workload, measured with everything that the goals and the report need.
    pub(crate) fn of(workload: Workload) -> Self {
        let jobs = SEEDS.iter().map(|seed| (*seed, workload.generate(*seed, JOBS))).collect();
        Self::measure(jobs)
    }

    pub(crate) fn measure(jobs: Vec<(u64, Vec<Job>)>) -> Self {
        let mut lab = Self { jobs, runs: BTreeMap::new(), pooled: BTreeMap::new() };
        for anchor in anchor::ALL {
            lab.add(anchor.name.to_owned(), &Policy::Anchor(anchor));
        }
        for interval in anchor::TUNED {
            lab.add(tuned(interval), &Policy::Anchor(anchor::plain("", interval)));
        }
        for worth in WORTHS {
            lab.add(adaptive(worth), &Policy::Ours(Box::new(ours(worth))));
        }
        lab
    }

    pub(crate) fn add(&mut self, name: String, policy: &Policy) {
        let runs: Vec<Run> = self.jobs.iter().map(|(seed, jobs)| run(jobs, policy, *seed)).collect();
        self.pooled.insert(name.clone(), runs.iter().flat_map(|run| run.tallies.iter().copied()).collect());
        self.runs.insert(name, runs);
    }

    /// For every seed, the run of the policy of that name.
    pub(crate) fn runs(&self) -> &BTreeMap<String, Vec<Run>> {
        &self.runs
    }

    pub(crate) fn tallies(&self, name: &str) -> &[Tally] {
        self.pooled.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn count(&self) -> usize {
        self.jobs.iter().map(|(_, jobs)| jobs.len()).sum()
    }

    /// Requests of ours, each with a wait before it.
    pub(crate) fn waits(&self) -> f64 {
        let ours = self.pooled.iter().filter(|(name, _)| name.starts_with(ADAPTIVE));
        ours.flat_map(|(_, tallies)| tallies).map(|tally| tally.requests).sum()
    }

    pub(crate) fn violations(&self) -> usize {
        self.runs.values().flatten().map(|run| run.violations).sum()
    }

    pub(crate) fn point(&self, name: &str, of: Of, draw: Draw<'_>) -> Point {
        point(self.tallies(name), of, draw)
    }

    pub(crate) fn anchor(&self, anchor: &Anchor, of: Of, draw: Draw<'_>) -> Point {
        self.point(anchor.name, of, draw)
    }

    /// Ours, from the dearest lag to the dearest request.
    pub(crate) fn curve(&self, of: Of, draw: Draw<'_>) -> Vec<Point> {
        WORTHS.iter().map(|worth| self.point(&adaptive(*worth), of, draw)).collect()
    }

    /// Fixed intervals, from the shortest to the longest.
    pub(crate) fn tuned(&self, draw: Draw<'_>) -> Vec<Point> {
        anchor::TUNED.iter().map(|interval| self.point(&tuned(*interval), Of::Mean, draw)).collect()
    }
}

/// Does `work` on every item, on all the cores there are, and gives the results in order.
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
