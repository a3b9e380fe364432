//! The goals: limits of ratios, held against the upper 95 % limit of what is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use bulkrail::schedule::internal::{BatchSchedule, DurationSamples};
use bulkrail::schedule::{IntervalBounds, Schedule};

use crate::account::{self, Client};
use crate::anchor::{self, AWS_SMITHY, AZURE30, Anchor, FIXED30, GOOGLE_RUST, PROVIDER_90_45};
use crate::results::{JOBS, JUDGING_SEEDS, PRICES, Results, TUNING_SEEDS, adaptive, adaptive_name, parallel};
use crate::simulation::{self, Adaptive, JobResult, LIMITS, Limits, Policy, SPACING};
use crate::stats::{Lag, Point, Resample, bootstrap, lag_at, point, requests_at};
use crate::workload::Seeds;
use crate::workload::Workload::{self, *};

/// One figure and its limit.
struct Cell {
    goal: &'static str,
    name: String,
    limit: f64,
    /// The figure and its upper 95 % limit; `None` if the curve does not reach there.
    measured: Option<(f64, f64)>,
}

impl Cell {
    fn passes(&self) -> bool {
        self.measured.is_some_and(|(_, upper)| upper <= self.limit)
    }

    fn loses(&self) -> bool {
        self.measured.is_none_or(|(value, _)| value > 1.0)
    }

    fn figures(&self) -> String {
        match self.measured {
            Some((value, upper)) => format!("{value:.3} (to {upper:.3})"),
            None => "n/a".to_owned(),
        }
    }
}

/// Texts of the goals, in the order of their numbers.
const GOALS: [(&str, &str); 18] = [
    ("P1", "the six with progress: lag at equal requests vs azure30"),
    ("P2", "the six: requests at equal lag vs azure30"),
    ("P3", "the six, default c: lag and requests vs azure30"),
    ("P4", "every workload: lag at equal requests vs google_rust, aws_smithy"),
    ("P5", "regular durations: lag at equal requests vs fixed30"),
    ("P6", "nothing to learn: lag at equal requests vs fixed30 (no harm)"),
    ("P7", "misleading progress: vs fixed30; vs tuned fixed at every c from .1 to 20"),
    ("P8", "every workload: 95th percentile of lag at equal requests vs azure30"),
    ("P9", "mixed: lag at equal requests vs azure30"),
    ("P10", "wrong earlier durations: vs tuned fixed at equal requests, c = 5"),
    ("F1", "1,000 batches in a minute, 5 requests per second: refusals; lag vs fixed 30 in a queue"),
    ("F2", "the same: lag vs a client per batch every 30 s that honours Retry-After; 0.12 to 0.18 was measured"),
    ("S1", "waits outside bounds or Retry-After"),
    ("N1", "nothing known and no progress: lag at equal requests vs tuned fixed at every c; lag + 2 requests at c = 2"),
    ("N2", "whole percent every 5 s: lag at equal requests vs tuned fixed at every c from .5 to 8; lag from c to c"),
    ("N3", "480 short batches submitted in a minute, by default: lag at equal requests vs tuned fixed"),
    (
        "N4",
        "480 short batches in 10 s after 256 whose ends are learned: lag at equal requests vs tuned fixed at every c from .5 to 8",
    ),
    ("S2", "the six with 90/30 s advised: lag and requests vs 90 + 45 s"),
];

/// Prices at which a schedule that learns nothing is measured.
const COLD_PRICES: [f64; 8] = [0.1, 0.3, 1.0, 2.0, 2.5, 5.0, 10.0, 20.0];

/// Prices from .5 to 8.
const MODERATE_PRICES: [f64; 5] = [0.5, 1.0, 2.0, 4.0, 8.0];

/// 6,400 jobs per seed where both schedules poll alike, so that 2 % of lag is more than chance.
const COLD_JOBS: usize = 4 * JOBS;

/// 480 batches in a minute.
const COHORT: usize = 480;

/// 256 batches in a second, as many as are remembered, come before 480 in 10 s that use what was learned from them. Four times per seed:
/// 5,760 batches.
const FIRST_COHORT: usize = DurationSamples::CAPACITY;
const FIRST_COHORT_TIME: u64 = 1_000;
const LEARNED_COHORT_TIME: u64 = 10_000;
const LEARNED_COHORTS: u64 = 4;
/// Distance of the seeds of a first cohort from those of the one that learns.
const FIRST_COHORT_SEEDS: u64 = 500;

/// Wrong earlier durations: name, factor, whether it learns, and limit.
const WRONG: [(&str, f64, bool, f64); 2] = [("x4, learns", 4.0, true, 1.15), ("x0.25, frozen", 0.25, false, 2.2)];
/// Name of the adaptive schedule with the bounds of a provider that advises 90 and 30 s.
const ADVISED: &str = "advised";

/// Measures everything, prints it (all cells if `all`), and returns whether every goal is met on both sets of seeds.
pub(crate) fn run(all: bool) -> bool {
    let sets = [("tuned on", TUNING_SEEDS), ("judged by", JUDGING_SEEDS)];
    let is_met = sets.map(|(name, seeds)| {
        println!("Seeds {seeds:?}, {name}\n");
        let cells = measure(&seeds);
        print(&cells, all);
        println!();
        cells.iter().all(Cell::passes)
    });
    is_met.iter().all(|is_met| *is_met)
}

fn measure(seeds: &Seeds) -> Vec<Cell> {
    let measured = parallel(&Workload::ALL, |workload| results(*workload, seeds));
    let by_name: BTreeMap<&str, Results> = Workload::ALL.iter().map(|workload| workload.name()).zip(measured).collect();
    let mut cells: Vec<Cell> = parallel(&Workload::ALL, |workload| cells(*workload, &by_name[workload.name()]))
        .into_iter()
        .flatten()
        .collect();
    let on_account = parallel(&[Linear, QueuePct, Mixed, Lognorm], |workload| account_cells(*workload, seeds));
    cells.extend(on_account.into_iter().flatten());
    cells.extend(parallel(&Workload::WITHOUT_PROGRESS, |workload| cold_cells(*workload, seeds)).into_iter().flatten());
    cells.extend(percent_cells(seeds));
    cells.extend(cohort_cells(seeds));
    cells.extend(
        parallel(&[LogUniform, PercentSteps], |workload| learned_cells(*workload, seeds)).into_iter().flatten(),
    );
    let violations = by_name.values().map(Results::violations).sum();
    let waits = by_name.values().map(Results::waits).sum::<f64>();
    cells.push(zero("S1", format!("of {waits} waits"), violations));
    cells
}

fn results(workload: Workload, seeds: &Seeds) -> Results {
    let mut results = Results::of_workload(workload, seeds);
    if Workload::SIX.contains(&workload) {
        let bounds = IntervalBounds::new().with_initial_min(Duration::from_secs(90)).with_min(Duration::from_secs(30));
        let limits = Limits { initial_min: 90_000, min: 30_000, ..LIMITS };
        let schedule = Schedule::adaptive().bounds(bounds);
        let policy = Adaptive { schedule, limits, ..adaptive(Schedule::LAG_PER_REQUEST) };
        results.add(ADVISED.to_owned(), &Policy::Adaptive(Box::new(policy)));
    }
    if has_wrong_samples(workload) {
        for (name, factor, learns, _) in WRONG {
            let samples = wrong_samples(workload, factor);
            results.add(name.to_owned(), &Policy::Adaptive(Box::new(Adaptive { samples, learns, ..adaptive(5.0) })));
        }
    }
    results
}

fn has_wrong_samples(workload: Workload) -> bool {
    matches!(workload, Lognorm | WeibReg | SizeOnly | Linear | QueuePct)
}

/// Returns as many samples of the workload as are kept, with all durations multiplied by `factor`.
fn wrong_samples(workload: Workload, factor: f64) -> DurationSamples {
    let mut samples = DurationSamples::new();
    for job in workload.generate(99, DurationSamples::CAPACITY) {
        samples.add(job.size, Duration::from_millis(job.end).mul_f64(factor));
    }
    samples
}

fn cells(workload: Workload, results: &Results) -> Vec<Cell> {
    let (mut cells, mut without_goal) = (Vec::new(), Vec::new());
    let mut add = |goal, name: &str, limit, figure: &dyn Fn(Resample<'_>) -> Option<f64>| {
        let name = format!("{} {name}", workload.name());
        cells.push(Cell { goal, name, limit, measured: bootstrap(results.count(), figure) });
    };
    let lag = |anchor: Anchor, lag: Lag| move |resample: Resample<'_>| lag_ratio(results, &anchor, lag, resample);
    let default = adaptive_name(Schedule::LAG_PER_REQUEST);
    if Workload::SIX.contains(&workload) {
        add("P1", "lag", 0.30, &lag(AZURE30, Lag::Mean));
        add("P2", "requests", 0.40, &|resample| request_ratio(results, &AZURE30, resample));
        add("P3", "lag", 0.65, &|resample| Some(ratios(results, &default, &AZURE30, resample).lag));
        add("P3", "requests", 0.50, &|resample| Some(ratios(results, &default, &AZURE30, resample).requests));
        add("S2", "lag", 0.90, &|resample| Some(ratios(results, ADVISED, &PROVIDER_90_45, resample).lag));
        add("S2", "requests", 0.75, &|resample| Some(ratios(results, ADVISED, &PROVIDER_90_45, resample).requests));
    }
    add("P4", "vs google_rust", 0.80, &lag(GOOGLE_RUST, Lag::Mean));
    add("P4", "vs aws_smithy", 0.60, &lag(AWS_SMITHY, Lag::Mean));
    add("P8", "p95", 1.15, &lag(AZURE30, Lag::P95));
    let against_fixed = match workload {
        SizeOnly => Some(("P5", 0.65)),
        Bimodal => Some(("P5", 0.70)),
        WeibReg => Some(("P5", 0.80)),
        Lognorm | WeibHeavy => Some(("P6", 1.10)),
        Liar99 => Some(("P7", 0.70)),
        LiarJump => Some(("P7", 0.45)),
        _ => None,
    };
    if let Some((goal, limit)) = against_fixed {
        add(goal, "vs fixed30", limit, &lag(FIXED30, Lag::Mean));
    }
    if matches!(workload, Liar99 | LiarJump) {
        for price in PRICES.iter().filter(|price| (0.1..=20.0).contains(*price)) {
            let name = adaptive_name(*price);
            add("P7", &format!("vs tuned, c={price}"), 1.1, &|resample| tuned_ratio(results, &name, resample));
        }
    }
    // Without a goal, but reported where they are lost.
    for anchor in anchor::ALL {
        for (name, lag) in [("lag", Lag::Mean), ("p95", Lag::P95)] {
            let measured = lag_ratio(results, &anchor, lag, None).map(|value| (value, value));
            let lost = measured.filter(|(value, _)| *value > 1.0);
            let name = format!("{} {name} vs {}", workload.name(), anchor.name);
            without_goal.extend(lost.map(|_| Cell { goal: "-", name, limit: f64::INFINITY, measured }));
        }
    }
    if workload == Mixed {
        add("P9", "lag", 0.50, &lag(AZURE30, Lag::Mean));
    }
    if has_wrong_samples(workload) {
        for (name, _, _, limit) in WRONG {
            add("P10", name, limit, &|resample| tuned_ratio(results, name, resample));
        }
    }
    cells.extend(without_goal);
    cells
}

/// Returns the adaptive schedule's lag where it takes as many requests as the anchor, as a share of
/// the anchor's.
fn lag_ratio(results: &Results, anchor: &Anchor, lag: Lag, resample: Resample<'_>) -> Option<f64> {
    let other = results.anchor(anchor, lag, resample);
    Some(lag_at(&results.curve(lag, resample), other.requests)? / other.lag)
}

/// Returns the adaptive schedule's requests where it has the anchor's lag, as a share of the
/// anchor's.
fn request_ratio(results: &Results, anchor: &Anchor, resample: Resample<'_>) -> Option<f64> {
    let other = results.anchor(anchor, Lag::Mean, resample);
    Some(requests_at(&results.curve(Lag::Mean, resample), other.lag)? / other.requests)
}

/// Returns lag and requests of a policy as shares of the anchor's.
fn ratios(results: &Results, name: &str, anchor: &Anchor, resample: Resample<'_>) -> Point {
    let point = results.point(name, Lag::Mean, resample);
    let other = results.anchor(anchor, Lag::Mean, resample);
    Point { requests: point.requests / other.requests, lag: point.lag / other.lag }
}

/// Returns the lag of a policy as a share of that of the fixed interval that takes as many
/// requests.
fn tuned_ratio(results: &Results, name: &str, resample: Resample<'_>) -> Option<f64> {
    let point = results.point(name, Lag::Mean, resample);
    Some(point.lag / lag_at(&results.fixed(resample), point.requests)?)
}

/// Returns the results of a schedule that learns nothing, and of fixed intervals.
fn cold_results(workload: Workload, seeds: &Seeds) -> Results {
    // Fixed intervals around those of the schedule itself: between two others the lag is uneven where ends are regular.
    let own = PRICES.into_iter().chain(MODERATE_PRICES).map(cold_interval);
    let around = own.flat_map(|interval| [0.9, 1.0, 1.1].map(|factor| factor * interval));
    let fixed = if workload == PercentSteps { anchor::tuned().collect() } else { around.collect() };
    let mut results = Results::of_fixed(workload.jobs(seeds, COLD_JOBS), SPACING, fixed);
    for price in PRICES.into_iter().chain(MODERATE_PRICES) {
        let mut policy = Adaptive { learns: false, ..adaptive(price) };
        if workload == PercentSteps {
            policy.schedule = policy.schedule.expect_progress();
        }
        results.add(adaptive_name(price), &Policy::Adaptive(Box::new(policy)));
    }
    results
}

/// Returns the interval of a schedule that knows nothing, in seconds.
fn cold_interval(price: f64) -> f64 {
    let samples = DurationSamples::new();
    let mut batch = BatchSchedule::new(Schedule::adaptive().lag_per_request(price), None, &samples);
    batch.first(Some(Duration::ZERO), 0.5, &samples).wait.as_secs_f64()
}

/// Returns the ratio to the tuned fixed interval at each price.
fn tuned_cells(goal: &'static str, name: &str, limit: f64, prices: &[f64], results: &Results) -> Vec<Cell> {
    let cell = |price: &f64| {
        let policy = adaptive_name(*price);
        let measured = bootstrap(results.count(), |resample| tuned_ratio(results, &policy, resample));
        Cell { goal, name: format!("{name}, c={price}"), limit, measured }
    };
    prices.iter().map(cell).collect()
}

fn cold_cells(workload: Workload, seeds: &Seeds) -> Vec<Cell> {
    let results = cold_results(workload, seeds);
    let limit = if workload == LogUniform { 1.05 } else { 1.02 };
    let name = format!("{} cold", workload.name());
    let mut cells = tuned_cells("N1", &name, limit, &COLD_PRICES, &results);
    if workload == LogUniform {
        let price = Schedule::LAG_PER_REQUEST;
        let cost = |resample: Resample<'_>| {
            let point = results.point(&adaptive_name(price), Lag::Mean, resample);
            Some(point.lag + price * point.requests)
        };
        let measured = bootstrap(results.count(), cost);
        cells.push(Cell { goal: "N1", name: format!("{name}, cost in s"), limit: 13.0, measured });
    }
    cells
}

fn percent_cells(seeds: &Seeds) -> Vec<Cell> {
    let results = cold_results(PercentSteps, seeds);
    let mut cells = tuned_cells("N2", PercentSteps.name(), 0.55, &MODERATE_PRICES, &results);
    let lag = |price: f64| results.point(&adaptive_name(price), Lag::Mean, None).lag;
    cells.extend(MODERATE_PRICES.windows(2).map(|prices| {
        let ratio = lag(prices[0]) / lag(prices[1]);
        let name = format!("{}, lag of c={} to {}", PercentSteps.name(), prices[0], prices[1]);
        Cell { goal: "N2", name, limit: 1.0, measured: Some((ratio, ratio)) }
    }));
    cells
}

/// Returns the figures of batches that are submitted in a minute and learn from one another.
fn cohort_cells(seeds: &Seeds) -> Vec<Cell> {
    let mut results =
        Results::of_fixed(LogUniform.jobs(seeds, COHORT), 60_000 / COHORT as u64, anchor::tuned().collect());
    for price in MODERATE_PRICES {
        results.add(adaptive_name(price), &Policy::Adaptive(Box::new(adaptive(price))));
    }
    let (default, others): (Vec<f64>, Vec<f64>) =
        MODERATE_PRICES.iter().partition(|price| **price == Schedule::LAG_PER_REQUEST);
    let name = "log-uniform cohort";
    let mut cells = tuned_cells("N3", name, 1.0, &default, &results);
    cells.extend(tuned_cells("-", name, f64::INFINITY, &others, &results));
    cells
}

/// Returns the figures of many batches at once that use the ends of an earlier cohort, and learn from one another.
fn learned_cells(workload: Workload, seeds: &Seeds) -> Vec<Cell> {
    let cohorts = seeds.iter().flat_map(|seed| (0..LEARNED_COHORTS).map(move |cohort| seed * 1_000 + cohort));
    let jobs = cohorts.map(|seed| (seed, workload.generate(seed, COHORT))).collect();
    let mut results = Results::of_fixed(jobs, LEARNED_COHORT_TIME / COHORT as u64, anchor::tuned().collect());
    let policy = |price, samples| {
        let mut policy = Adaptive { samples, ..adaptive(price) };
        if workload == PercentSteps {
            policy.schedule = policy.schedule.expect_progress();
        }
        Policy::Adaptive(Box::new(policy))
    };
    let learned = |seed| {
        let jobs = workload.generate(seed, FIRST_COHORT);
        let policy = policy(Schedule::LAG_PER_REQUEST, DurationSamples::new());
        simulation::run(&jobs, &policy, seed, FIRST_COHORT_TIME / FIRST_COHORT as u64).samples
    };
    let seeds = results.jobs.iter().map(|(seed, _)| *seed);
    let learned: BTreeMap<u64, DurationSamples> =
        seeds.map(|seed| (seed, learned(seed + FIRST_COHORT_SEEDS))).collect();
    for price in MODERATE_PRICES {
        results.add_each(adaptive_name(price), |seed| policy(price, learned[&seed].clone()));
    }
    tuned_cells("N4", &format!("{} after others", workload.name()), 1.0, &MODERATE_PRICES, &results)
}

fn account_cells(workload: Workload, seeds: &Seeds) -> Vec<Cell> {
    let pooled = |client| {
        let runs = seeds.iter().map(|seed| account::run(&workload.generate(*seed, 1_000), client, *seed));
        runs.fold((Vec::<JobResult>::new(), 0), |(mut all, all_refused), (results, refused)| {
            all.extend(results);
            (all, all_refused + refused)
        })
    };
    let (results, refused) = pooled(Client::WaitSet);
    let against = |others: &[JobResult]| {
        let lag = |results: &[JobResult], resample: Resample<'_>| point(results, Lag::Mean, resample).lag;
        bootstrap(results.len(), |resample| Some(lag(&results, resample) / lag(others, resample)))
    };
    let limit = match workload {
        Linear => 0.45,
        QueuePct => 0.65,
        Mixed => 0.80,
        _ => 1.05,
    };
    let name = workload.name();
    let mut cells = vec![
        zero("F1", format!("{name} refusals"), refused),
        Cell { goal: "F1", name: format!("{name} vs queue"), limit, measured: against(&pooled(Client::Queue).0) },
    ];
    if workload == Linear {
        let measured = against(&pooled(Client::Naive).0);
        cells.push(Cell { goal: "F2", name: format!("{name} vs naive"), limit: 0.20, measured });
    }
    cells
}

/// Returns the cell of a count that has to be zero.
fn zero(goal: &'static str, name: String, count: usize) -> Cell {
    Cell { goal, name, limit: 0.0, measured: Some((count as f64, count as f64)) }
}

fn print(cells: &[Cell], all: bool) {
    println!("Losing cells (a ratio above 1; - where there is no goal):");
    for cell in cells.iter().filter(|cell| cell.loses()) {
        println!("  {:4} {:32} {}", cell.goal, cell.name, cell.figures());
    }
    if all {
        println!("\nAll cells:");
        cells
            .iter()
            .for_each(|cell| println!("  {:4} {:32} {:22} {}", cell.goal, cell.name, cell.figures(), cell.limit));
    }
    let is_met = cells.iter().all(Cell::passes);
    println!("\nMissed:{}", if is_met { " none" } else { "" });
    for cell in cells.iter().filter(|cell| !cell.passes()) {
        println!("  {:4} {:32} {}, limit {}", cell.goal, cell.name, cell.figures(), cell.limit);
    }
    println!("\n{:4} {:8} {:32} {:22} {:6} goal", "", "", "nearest to its limit", "measured (upper 95 %)", "limit");
    for (goal, text) in GOALS {
        let of_goal = cells.iter().filter(|cell| cell.goal == goal);
        let margin = |cell: &&Cell| match cell.measured {
            // A count that has to be zero and is.
            Some((_, upper)) if upper <= 0.0 => 0.0,
            Some((_, upper)) => upper / cell.limit,
            None => f64::INFINITY,
        };
        let passes = of_goal.clone().all(Cell::passes);
        if let Some(nearest) = of_goal.max_by(|a, b| margin(a).total_cmp(&margin(b))) {
            let verdict = if passes { "pass" } else { "MISSED" };
            println!("{goal:4} {verdict:8} {:32} {:22} {:<6} {text}", nearest.name, nearest.figures(), nearest.limit);
        }
    }
}
