//! The two pictures of `docs/schedule`.

use std::path::Path;

use bulkrail::schedule::Schedule;

use crate::anchor::{self, AWS_SMITHY, AZURE30, Anchor, FIXED30, GOOGLE_RUST};
use crate::optimum::frontier;
use crate::plane::Plane;
use crate::results::{JOBS, PRICES, Results, TUNING_SEEDS, adaptive, adaptive_name, parallel};
use crate::simulation::{Policy, Poll, run_traced};
use crate::stats::{Lag, Point};
use crate::svg::{ADAPTIVE, Drawing, FAINT, GREY, INK, OTHERS};
use crate::workload::Workload;

pub(crate) fn run() -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schedule");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for (name, picture) in [("lag-requests.svg", lag_requests()), ("timeline.svg", timeline())] {
        std::fs::write(folder.join(name), picture).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// Ranges of requests per batch and of seconds of lag.
const REQUESTS: (f64, f64) = (2.0, 200.0);
const LAG: (f64, f64) = (0.7, 150.0);

fn lag_requests() -> String {
    let shown = [
        (Workload::Mixed, "mixed: all kinds of batches, learned together"),
        (Workload::Lognorm, "lognorm: neither progress nor size, nothing to learn"),
    ];
    let results = parallel(&shown, |(workload, _)| Results::of_workload(*workload, &TUNING_SEEDS));
    let mut drawing = Drawing::new(1060.0, 600.0);
    for (index, ((_, title), results)) in shown.iter().zip(&results).enumerate() {
        let left = 50.0 + 520.0 * index as f64;
        let plane = Plane { left, top: 70.0, width: 470.0, height: 470.0, requests: REQUESTS, lag: LAG };
        plane.axes(&mut drawing, title);
        panel(&mut drawing, &plane, results);
    }
    let legend = [
        (ADAPTIVE, "none", 2.5, "adaptive, c from 0.02 to 500"),
        (GREY, "none", 1.5, "fixed intervals"),
        (GREY, "4 3", 1.5, "optimum with all durations known, without progress"),
    ];
    let mut x = 50.0;
    for (colour, dash, width, text) in legend {
        drawing.line(&[(x, 25.0), (x + 26.0, 25.0)], colour, width, dash);
        drawing.text((x + 32.0, 29.0), text, INK, "start");
        x += 62.0 + 6.6 * text.len() as f64;
    }
    drawing.dot((x, 25.0), 4.0, OTHERS);
    drawing.text((x + 10.0, 29.0), "defaults of others", INK, "start");
    drawing.finish("Mean lag and requests of the adaptive schedule among the defaults of others")
}

fn panel(drawing: &mut Drawing, plane: &Plane, results: &Results) {
    let sides = (plane.left, plane.left + plane.width);
    let place = |points: Vec<Point>| -> Vec<(f64, f64)> { points.into_iter().filter_map(|p| plane.place(p)).collect() };
    let jobs: Vec<_> = results.jobs.iter().flat_map(|(_, jobs)| jobs.iter().cloned()).collect();
    let fixed = place(results.fixed(None));
    drawing.line(&fixed, GREY, 1.5, "none");
    let optimum = place(frontier(&jobs, &PRICES));
    drawing.line(&optimum, GREY, 1.5, "4 3");
    drawing.avoid(&optimum);
    let curve = place(results.curve(Lag::Mean, None));
    drawing.line(&curve, ADAPTIVE, 2.5, "none");
    drawing.avoid(&curve);
    drawing.avoid(&fixed);
    let anchors: Vec<(&str, (f64, f64))> = anchor::ALL
        .iter()
        // It is on the line of the fixed intervals.
        .filter(|anchor| anchor.name != FIXED30.name)
        .filter_map(|anchor| Some((anchor.name, plane.place(results.anchor(anchor, Lag::Mean, None))?)))
        .collect();
    for (_, at) in &anchors {
        drawing.dot(*at, 4.0, OTHERS);
    }
    for price in PRICES {
        if let Some(at) = plane.place(results.point(&adaptive_name(price), Lag::Mean, None)) {
            drawing.dot(at, if price == Schedule::LAG_PER_REQUEST { 5.0 } else { 3.0 }, ADAPTIVE);
        }
    }
    for price in [0.1, Schedule::LAG_PER_REQUEST, 20.0] {
        if let Some(at) = plane.place(results.point(&adaptive_name(price), Lag::Mean, None)) {
            let default = if price == Schedule::LAG_PER_REQUEST { " (default)" } else { "" };
            drawing.label(at, &format!("c = {price}{default}"), ADAPTIVE, sides);
        }
    }
    for (name, at) in anchors {
        drawing.label(at, name, OTHERS, sides);
    }
}

/// A queue, then a percentage, as most providers report it.
const WORKLOAD: Workload = Workload::QueuePct;
const SEED: u64 = 1;

fn timeline() -> String {
    let jobs = WORKLOAD.generate(SEED, JOBS);
    // The first of the second half that takes about ten minutes and does not fail: by then
    // durations are learned.
    let is_typical = |(_, job): &(usize, &crate::job::Job)| !job.fails && (540_000..660_000).contains(&job.end);
    let Some((chosen, job)) = jobs.iter().enumerate().skip(JOBS / 2).find(is_typical) else {
        return String::new();
    };
    let (left, top, width, height) = (150.0, 60.0, 780.0, 220.0);
    let last = job.end as f64 * 1.12;
    let x = |at: u64| left + at as f64 / last * width;
    let y = |share: f64| top + (1.0 - share) * height;
    let mut drawing = Drawing::new(1060.0, 440.0);
    for percent in [0, 25, 50, 75, 100] {
        let at = y(f64::from(percent) / 100.0);
        drawing.line(&[(left, at), (left + width, at)], FAINT, 1.0, "none");
        drawing.text((left - 8.0, at + 4.0), &format!("{percent} %"), GREY, "end");
    }
    let curve: Vec<(f64, f64)> =
        (0..=400).map(|step| job.end * step / 400).map(|at| (x(at), y(job.actual(at)))).collect();
    drawing.line(&curve, INK, 1.5, "none");
    let title = format!(
        "Polls of one batch: queued, then a whole percentage that is refreshed every 10 s; {} s in total",
        job.end / 1000
    );
    drawing.text((left, 24.0), &title, INK, "start");
    drawing.text(
        (left, 42.0),
        "line: actual progress; dots: successful polls of the adaptive schedule; bars: every request (a pair: the first one failed)",
        GREY,
        "start",
    );
    let policy = |anchor: Anchor| (anchor.name, Policy::Anchor(anchor), OTHERS);
    let rows = [
        ("adaptive", Policy::Adaptive(Box::new(adaptive(Schedule::LAG_PER_REQUEST))), ADAPTIVE),
        policy(AZURE30),
        policy(GOOGLE_RUST),
        policy(AWS_SMITHY),
    ];
    for (row, (name, policy, colour)) in rows.into_iter().enumerate() {
        let mut polls: Vec<Poll> = Vec::new();
        run_traced(&jobs, &policy, SEED, |job, poll| polls.extend((job == chosen).then_some(poll)));
        let middle = top + height + 30.0 + 28.0 * row as f64;
        drawing.text((left - 8.0, middle + 4.0), name, colour, "end");
        for poll in polls.iter().filter(|poll| x(poll.at) <= left + width) {
            drawing.line(&[(x(poll.at), middle - 8.0), (x(poll.at), middle + 8.0)], colour, 1.8, "none");
            if row == 0 && poll.is_success {
                drawing.dot((x(poll.at), y(job.actual(poll.at.min(job.end)))), 4.0, ADAPTIVE);
            }
        }
        let lag = polls.last().map_or(0, |poll| poll.at.saturating_sub(job.end));
        let text = format!("{} polls, {:.1} s late", polls.len(), lag as f64 / 1000.0);
        drawing.text((left + width + 8.0, middle + 4.0), &text, colour, "start");
    }
    let end = x(job.end);
    drawing.line(&[(end, top - 6.0), (end, top + height + 130.0)], INK, 1.0, "3 3");
    drawing.text((end, top + height + 146.0), "the end", INK, "middle");
    drawing.text((left, top + height + 146.0), "submitted", INK, "middle");
    drawing.finish("When the adaptive schedule and others poll one batch")
}
