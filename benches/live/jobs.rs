//! The jobs and faults that every library meets, and fixed intervals computed for them.

use std::time::Duration;

use crate::curve::Point;
use crate::job::Job;
use crate::rng::{self, Rng};
use crate::workload::{noisy, percent};

/// Seed of jobs and faults. The constants of the schedule were chosen on others.
const SEED: u64 = 20_261;

/// 1 % of polls get a 502.
const FAULT_RATE: f64 = 0.01;

/// Shortest and longest duration of a job in seconds.
pub(crate) const DURATIONS: (f64, f64) = (8.0, 90.0);

/// Seconds between two refreshes of the whole percentage that a job reports.
pub(crate) const REFRESH: f64 = 5.0;

/// Returns `count` jobs in random order, with log-uniform durations.
///
/// There is one duration in each of `count` parts of the distribution: the mean over the jobs then varies less with
/// the seed than the libraries differ.
pub(crate) fn generate(stream: u64, count: usize) -> Vec<Job> {
    let mut rng = Rng::new(&[SEED, stream]);
    let mut jobs: Vec<Job> = (0..count)
        .map(|part| {
            let share = (part as f64 + rng.unit()) / count as f64;
            let run = DURATIONS.0 * (DURATIONS.1 / DURATIONS.0).powf(share);
            percent(noisy(&mut rng, 0.0, run), 0.0, REFRESH, 0.0)
        })
        .collect();
    for last in (1..jobs.len()).rev() {
        jobs.swap(last, rng.below(last + 1));
    }
    jobs
}

/// Returns whether the poll `number` of `job` fails, whichever library makes it.
pub(crate) fn is_fault(job: usize, number: u32) -> bool {
    rng::unit(&[SEED, job as u64, u64::from(number)]) < FAULT_RATE
}

pub(crate) fn end(job: &Job) -> Duration {
    Duration::from_millis(job.end)
}

/// Returns mean lag and requests of a poll every `interval` seconds that goes on after a fault.
pub(crate) fn fixed(jobs: &[(usize, &Job)], interval: f64) -> Point {
    let mut sum = Point { requests: 0.0, lag: 0.0 };
    for (number, job) in jobs {
        let end = end(job).as_secs_f64();
        let sees_end = |poll: &u32| f64::from(*poll) * interval >= end && !is_fault(*number, *poll - 1);
        let polls = (1..).find(sees_end).map_or(f64::NAN, f64::from);
        sum.requests += polls;
        sum.lag += polls * interval - end;
    }
    let count = jobs.len() as f64;
    Point { requests: sum.requests / count, lag: sum.lag / count }
}

/// Returns the points of fixed intervals from 1 to 128 s, 16 per octave.
pub(crate) fn fixed_curve(jobs: &[(usize, &Job)]) -> Vec<Point> {
    (0..=112).map(|step| fixed(jobs, 2f64.powf(f64::from(step) / 16.0))).collect()
}
