//! One line of JSON for every workload, policy and seed, with the bounds beside it.

use serde_json::{Value, json};

use crate::anchor;
use crate::job::{Job, fingerprint};
use crate::lab::{Lab, WORTHS, adaptive, parallel, tuned};
use crate::optimum::frontier;
use crate::sim::{Run, Tally};
use crate::stats::{Of, Point, lag_at, point, quantile};
use crate::workload::Workload;

pub(crate) fn run() {
    for lines in parallel(&Workload::ALL, |workload| lines(workload.name(), &Lab::of(*workload))) {
        for line in lines {
            println!("{line}");
        }
    }
}

/// The lines of one workload.
pub(crate) fn lines(workload: &str, lab: &Lab) -> Vec<Value> {
    let mut lines = Vec::new();
    for (index, (seed, jobs)) in lab.jobs.iter().enumerate() {
        let optimum = frontier(jobs, &WORTHS);
        let of = |name: &str| lab.runs().get(name).and_then(|runs| runs.get(index));
        let mean = |name: &str| of(name).map(|run| point(&run.tallies, Of::Mean, None));
        let fixed: Vec<Point> = anchor::TUNED.iter().filter_map(|interval| mean(&tuned(*interval))).collect();
        for (policy, runs) in lab.runs() {
            let worth = WORTHS.iter().find(|worth| adaptive(**worth) == *policy);
            if let Some(run) = runs.get(index) {
                lines.push(line(workload, policy, worth, *seed, jobs, run, &optimum, &fixed));
            }
        }
    }
    lines
}

#[expect(clippy::too_many_arguments, reason = "one line has that many sources")]
fn line(
    workload: &str,
    policy: &str,
    worth: Option<&f64>,
    seed: u64,
    jobs: &[Job],
    run: &Run,
    optimum: &[Point],
    fixed: &[Point],
) -> Value {
    let tallies = &run.tallies;
    let n = tallies.len() as f64;
    let Point { requests, lag } = point(tallies, Of::Mean, None);
    let early: Vec<f64> = tallies.iter().filter(|tally| tally.failed).map(|tally| tally.lag).collect();
    let share = |of: fn(&Tally) -> bool| tallies.iter().filter(|tally| of(tally)).count() as f64 / n;
    json!({
        "workload": workload,
        "policy": policy,
        "c": worth,
        "seed": seed,
        "jobs": tallies.len(),
        "lag_mean": rounded(lag),
        "lag_p50": rounded(of(tallies, 0.5, |tally| tally.lag)),
        "lag_p95": rounded(of(tallies, 0.95, |tally| tally.lag)),
        "lag_max": rounded(of(tallies, 1.0, |tally| tally.lag)),
        "req_mean": rounded(requests),
        "req_p95": rounded(of(tallies, 0.95, |tally| tally.requests)),
        "lag_x_req": rounded(lag * requests),
        "throttled": tallies.iter().map(|tally| tally.refused).sum::<f64>(),
        "abandoned": rounded(share(|tally| tally.abandoned)),
        "early_fail_lag_mean": (!early.is_empty()).then(|| rounded(early.iter().sum::<f64>() / early.len() as f64)),
        "violations": run.violations,
        "fixture_hash": format!("{:016x}", fingerprint(jobs)),
        "bounds": {
            "clairvoyant": { "req": 1, "lag": 0 },
            "optimum_without_information_lag": lag_at(optimum, requests).map(rounded),
            "tuned_fixed_lag": lag_at(fixed, requests).map(rounded),
        },
    })
}

fn of(tallies: &[Tally], q: f64, value: fn(&Tally) -> f64) -> f64 {
    quantile(&mut tallies.iter().map(value).collect::<Vec<_>>(), q)
}

/// To a thousandth: a millisecond of lag, where it is a lag.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
