//! The goals, as thresholds on ratios: what is measured, and whether its upper 95 % limit keeps within.

use std::collections::BTreeMap;
use std::time::Duration;

use bulkrail::schedule::{DurationSamples, IntervalBounds, Schedule, WORTH};

use crate::anchor::{self, AWS_SMITHY, AZURE30, Anchor, FIXED30, GOOGLE_RUST, POLLING_DEFAULTS};
use crate::fleet::{self, Who};
use crate::lab::{Lab, SEEDS, WORTHS, adaptive, ours, parallel};
use crate::sim::{LIMITS, Limits, Ours, Policy, Tally};
use crate::stats::{Draw, Of, bootstrap, lag_at, point, requests_at};
use crate::workload::Workload::{self, *};

/// One figure under a threshold.
struct Cell {
    goal: &'static str,
    what: String,
    limit: f64,
    /// The figure and its upper limit; `None` if the curve does not reach there.
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

/// What the goals say, in the order of their numbers.
const GOALS: [(&str, &str); 14] = [
    ("P1", "the six with progress: lag at equal requests vs azure30"),
    ("P2", "the six: requests at equal lag vs azure30"),
    ("P3", "the six, default c: lag and requests vs azure30"),
    ("P4", "every workload: lag at equal requests vs google_rust, aws_smithy"),
    ("P5", "regular durations: lag at equal requests vs fixed30"),
    ("P6", "nothing to learn: lag at equal requests vs fixed30 (no harm)"),
    ("P7", "progress that lies: vs fixed30; vs tuned fixed at every c from .1 to 20"),
    ("P8", "every workload: 95th percentile of lag at equal requests vs azure30"),
    ("P9", "mixed: lag at equal requests vs azure30"),
    ("P10", "a wrong history: vs tuned fixed at equal requests, c = 5"),
    ("F1", "1,000 batches in a minute, 5 requests a second: refusals; lag vs fixed 30 in a queue"),
    ("F2", "the same: lag vs everybody for themselves every 30 s"),
    ("S1", "waits outside bounds, hints or floors"),
    ("S2", "the six with 90/30 s advised: lag and requests vs 90 + 45 s"),
];

const WRONG: [(&str, f64, bool, f64); 2] = [("x4, learns", 4.0, true, 1.15), ("x0.25, frozen", 0.25, false, 2.2)];
const ADVISED: &str = "advised";

/// Measures everything and prints it, all cells if wanted; whether every goal is met.
pub(crate) fn run(all: bool) -> bool {
    let labs: BTreeMap<&str, Lab> =
        Workload::ALL.iter().map(|workload| workload.name()).zip(parallel(&Workload::ALL, |w| lab(*w))).collect();
    let mut cells: Vec<Cell> =
        parallel(&Workload::ALL, |workload| cells(*workload, &labs[workload.name()])).into_iter().flatten().collect();
    cells
        .extend(parallel(&[Linear, QueuePct, Mixed, Lognorm], |workload| fleet_cells(*workload)).into_iter().flatten());
    let (broken, waits) =
        (labs.values().map(Lab::violations).sum::<usize>(), labs.values().map(Lab::waits).sum::<f64>());
    cells.push(exact("S1", format!("of {waits} waits"), broken));
    print(&cells, all);
    cells.iter().all(Cell::passes)
}

fn lab(workload: Workload) -> Lab {
    let mut lab = Lab::of(workload);
    if Workload::SIX.contains(&workload) {
        let bounds = IntervalBounds {
            initial_min: Duration::from_secs(90),
            min: Duration::from_secs(30),
            ..IntervalBounds::default()
        };
        let limits = Limits { first: 90_000, gap: 30_000, ..LIMITS };
        let schedule = Schedule::adaptive().bounds(bounds);
        lab.add(ADVISED.to_owned(), &Policy::Ours(Box::new(Ours { schedule, limits, ..ours(WORTH) })));
    }
    if wrong(workload) {
        for (name, factor, learns, _) in WRONG {
            let history = misled(workload, factor);
            lab.add(name.to_owned(), &Policy::Ours(Box::new(Ours { history, learns, ..ours(5.0) })));
        }
    }
    lab
}

fn wrong(workload: Workload) -> bool {
    matches!(workload, Lognorm | WeibReg | SizeOnly | Linear | QueuePct)
}

/// A full history of the same workload, with all durations `factor` times what they were.
fn misled(workload: Workload, factor: f64) -> DurationSamples {
    let mut history = DurationSamples::new();
    for job in workload.generate(99, bulkrail::schedule::RING) {
        history.add(job.size, Duration::from_millis(job.ends).mul_f64(factor));
    }
    history
}

fn cells(workload: Workload, lab: &Lab) -> Vec<Cell> {
    let (mut cells, mut unbound) = (Vec::new(), Vec::new());
    let mut add = |goal, what: &str, limit, figure: &dyn Fn(Draw<'_>) -> Option<f64>| {
        let what = format!("{} {what}", workload.name());
        cells.push(Cell { goal, what, limit, measured: bootstrap(lab.count(), figure) });
    };
    let lag = |anchor: Anchor, of: Of| move |draw: Draw<'_>| lag_ratio(lab, &anchor, of, draw);
    if Workload::SIX.contains(&workload) {
        add("P1", "lag", 0.30, &lag(AZURE30, Of::Mean));
        add("P2", "requests", 0.40, &|draw| request_ratio(lab, &AZURE30, draw));
        add("P3", "lag", 0.65, &|draw| beside(lab, &adaptive(WORTH), &AZURE30, draw).map(|(lag, _)| lag));
        add("P3", "requests", 0.50, &|draw| {
            beside(lab, &adaptive(WORTH), &AZURE30, draw).map(|(_, requests)| requests)
        });
        add("S2", "lag", 0.90, &|draw| beside(lab, ADVISED, &POLLING_DEFAULTS, draw).map(|(lag, _)| lag));
        add("S2", "requests", 0.75, &|draw| {
            beside(lab, ADVISED, &POLLING_DEFAULTS, draw).map(|(_, requests)| requests)
        });
    }
    add("P4", "vs google_rust", 0.80, &lag(GOOGLE_RUST, Of::Mean));
    add("P4", "vs aws_smithy", 0.60, &lag(AWS_SMITHY, Of::Mean));
    add("P8", "p95", 1.15, &lag(AZURE30, Of::P95));
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
        add(goal, "vs fixed30", limit, &lag(FIXED30, Of::Mean));
    }
    if matches!(workload, Liar99 | LiarJump) {
        for worth in WORTHS.iter().filter(|worth| (0.1..=20.0).contains(*worth)) {
            add("P7", &format!("vs tuned, c={worth}"), 1.1, &|draw| tuned_ratio(lab, &adaptive(*worth), draw));
        }
    }
    // No goals, and said all the same where they are lost.
    for anchor in anchor::ALL {
        for (what, of) in [("lag", Of::Mean), ("p95", Of::P95)] {
            let measured = lag_ratio(lab, &anchor, of, None).map(|value| (value, value));
            let lost = measured.filter(|(value, _)| *value > 1.0);
            let what = format!("{} {what} vs {}", workload.name(), anchor.name);
            unbound.extend(lost.map(|_| Cell { goal: "-", what, limit: f64::INFINITY, measured }));
        }
    }
    if workload == Mixed {
        add("P9", "lag", 0.50, &lag(AZURE30, Of::Mean));
    }
    if wrong(workload) {
        for (name, _, _, limit) in WRONG {
            add("P10", name, limit, &|draw| tuned_ratio(lab, name, draw));
        }
    }
    cells.extend(unbound);
    cells
}

/// Our lag where we take as many requests as the anchor, as a share of its lag.
fn lag_ratio(lab: &Lab, anchor: &Anchor, of: Of, draw: Draw<'_>) -> Option<f64> {
    let theirs = lab.anchor(anchor, of, draw);
    Some(lag_at(&lab.curve(of, draw), theirs.requests)? / theirs.lag)
}

/// Our requests where we have the anchor's lag, as a share of its requests.
fn request_ratio(lab: &Lab, anchor: &Anchor, draw: Draw<'_>) -> Option<f64> {
    let theirs = lab.anchor(anchor, Of::Mean, draw);
    Some(requests_at(&lab.curve(Of::Mean, draw), theirs.lag)? / theirs.requests)
}

/// Lag and requests of one policy of ours, as shares of the anchor's.
fn beside(lab: &Lab, name: &str, anchor: &Anchor, draw: Draw<'_>) -> Option<(f64, f64)> {
    let (ours, theirs) = (lab.point(name, Of::Mean, draw), lab.anchor(anchor, Of::Mean, draw));
    Some((ours.lag / theirs.lag, ours.requests / theirs.requests))
}

/// The lag of one policy of ours, as a share of that of the fixed interval that takes as many requests.
fn tuned_ratio(lab: &Lab, name: &str, draw: Draw<'_>) -> Option<f64> {
    let ours = lab.point(name, Of::Mean, draw);
    Some(ours.lag / lag_at(&lab.tuned(draw), ours.requests)?)
}

fn fleet_cells(workload: Workload) -> Vec<Cell> {
    let pooled = |fleet| {
        let runs = SEEDS.iter().map(|seed| fleet::run(&workload.generate(*seed, 1_000), fleet, *seed));
        runs.fold((Vec::<Tally>::new(), 0), |(mut all, refused), (tallies, more)| {
            all.extend(tallies);
            (all, refused + more)
        })
    };
    let (ours, refused) = pooled(Who::Ours);
    let against = |theirs: &[Tally]| {
        bootstrap(ours.len(), |draw| Some(point(&ours, Of::Mean, draw).lag / point(theirs, Of::Mean, draw).lag))
    };
    let limit = match workload {
        Linear => 0.45,
        QueuePct => 0.65,
        Mixed => 0.80,
        _ => 1.05,
    };
    let name = workload.name();
    let mut cells = vec![
        exact("F1", format!("{name} refusals"), refused),
        Cell { goal: "F1", what: format!("{name} vs queue"), limit, measured: against(&pooled(Who::Fifo).0) },
    ];
    if workload == Linear {
        let measured = against(&pooled(Who::Naive).0);
        cells.push(Cell { goal: "F2", what: format!("{name} vs naive"), limit: 0.10, measured });
    }
    cells
}

/// What has to be nought.
fn exact(goal: &'static str, what: String, count: usize) -> Cell {
    Cell { goal, what, limit: 0.0, measured: Some((count as f64, count as f64)) }
}

fn print(cells: &[Cell], all: bool) {
    println!("Losing cells (more than 1 times the other; - where there is no goal):");
    for cell in cells.iter().filter(|cell| cell.loses()) {
        println!("  {:4} {:32} {}", cell.goal, cell.what, cell.figures());
    }
    if all {
        println!("\nAll cells:");
        cells
            .iter()
            .for_each(|cell| println!("  {:4} {:32} {:22} {}", cell.goal, cell.what, cell.figures(), cell.limit));
    }
    println!("\nMissed:");
    for cell in cells.iter().filter(|cell| !cell.passes()) {
        println!("  {:4} {:32} {}, limit {}", cell.goal, cell.what, cell.figures(), cell.limit);
    }
    println!("\n{:4} {:8} {:32} {:22} {:6} goal", "", "", "nearest to its limit", "measured (upper 95 %)", "limit");
    for (goal, text) in GOALS {
        let of_goal = cells.iter().filter(|cell| cell.goal == goal);
        let margin = |cell: &&Cell| match cell.measured {
            // What has to be nought and is, is as far from its limit as can be.
            Some((_, upper)) if upper <= 0.0 => 0.0,
            Some((_, upper)) => upper / cell.limit,
            None => f64::INFINITY,
        };
        let passes = of_goal.clone().all(Cell::passes);
        if let Some(nearest) = of_goal.max_by(|a, b| margin(a).total_cmp(&margin(b))) {
            let verdict = if passes { "pass" } else { "MISSED" };
            println!("{goal:4} {verdict:8} {:32} {:22} {:<6} {text}", nearest.what, nearest.figures(), nearest.limit);
        }
    }
}
