//! One line of JSON for every workload, policy and seed, with the bounds beside it.

use serde_json::{Value, json};

use crate::anchor;
use crate::job::{Job, fingerprint};
use crate::optimum::frontier;
use crate::results::{PRICES, Results, TUNING_SEEDS, adaptive_name, fixed_name, parallel};
use crate::simulation::{JobResult, Run};
use crate::stats::{Lag, Point, lag_at, point, quantile};
use crate::workload::Workload;

pub(crate) fn run() {
    for lines in
        parallel(&Workload::ALL, |workload| lines(workload.name(), &Results::of_workload(*workload, &TUNING_SEEDS)))
    {
        for line in lines {
            println!("{line}");
        }
    }
}

/// Returns the lines of one workload.
pub(crate) fn lines(workload: &str, results: &Results) -> Vec<Value> {
    let mut lines = Vec::new();
    for (index, (seed, jobs)) in results.jobs.iter().enumerate() {
        let optimum = frontier(jobs, &PRICES);
        let run = |name: &str| results.runs().get(name).and_then(|runs| runs.get(index));
        let mean = |name: &str| run(name).map(|run| point(&run.results, Lag::Mean, None));
        let fixed: Vec<Point> = anchor::tuned().filter_map(|interval| mean(&fixed_name(interval))).collect();
        for (policy, runs) in results.runs() {
            let price = PRICES.iter().find(|price| adaptive_name(**price) == *policy);
            if let Some(run) = runs.get(index) {
                lines.push(line(workload, policy, price, *seed, jobs, run, &optimum, &fixed));
            }
        }
    }
    lines
}

#[expect(clippy::too_many_arguments, reason = "one line has that many sources")]
fn line(
    workload: &str,
    policy: &str,
    price: Option<&f64>,
    seed: u64,
    jobs: &[Job],
    run: &Run,
    optimum: &[Point],
    fixed: &[Point],
) -> Value {
    let results = &run.results;
    let n = results.len() as f64;
    let Point { requests, lag } = point(results, Lag::Mean, None);
    let early: Vec<f64> = results.iter().filter(|result| result.failed).map(|result| result.lag).collect();
    let share = |of: fn(&JobResult) -> bool| results.iter().filter(|result| of(result)).count() as f64 / n;
    json!({
        "workload": workload,
        "policy": policy,
        "c": price,
        "seed": seed,
        "jobs": results.len(),
        "lag_mean": rounded(lag),
        "lag_p50": rounded(quantile_of(results, 0.5, |result| result.lag)),
        "lag_p95": rounded(quantile_of(results, 0.95, |result| result.lag)),
        "lag_max": rounded(quantile_of(results, 1.0, |result| result.lag)),
        "req_mean": rounded(requests),
        "req_p95": rounded(quantile_of(results, 0.95, |result| result.requests)),
        "lag_x_req": rounded(lag * requests),
        "throttled": results.iter().map(|result| result.refused).sum::<f64>(),
        "abandoned": rounded(share(|result| result.abandoned)),
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

fn quantile_of(results: &[JobResult], q: f64, value: fn(&JobResult) -> f64) -> f64 {
    quantile(&mut results.iter().map(value).collect::<Vec<_>>(), q)
}

/// Rounds to a thousandth: a millisecond of lag.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
