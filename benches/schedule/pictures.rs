//! The two pictures of `docs/schedule`.

use std::path::Path;

use bulkrail::schedule::WORTH;

use crate::anchor::{self, AWS_SMITHY, AZURE30, Anchor, FIXED30, GOOGLE_RUST};
use crate::lab::{JOBS, Lab, WORTHS, adaptive, ours, parallel};
use crate::optimum::frontier;
use crate::sim::{Look, Policy, traced};
use crate::stats::{Of, Point};
use crate::svg::{FAINT, GREY, INK, OTHERS, OURS, Sheet};
use crate::workload::Workload;

pub(crate) fn run() -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schedule");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for (name, picture) in [("lag-requests.svg", lag_requests()), ("timeline.svg", timeline())] {
        std::fs::write(folder.join(name), picture).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// A plane with two logarithmic axes.
struct Plane {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// Requests a batch, and seconds of lag.
const REQUESTS: (f64, f64) = (2.0, 200.0);
const LAG: (f64, f64) = (0.7, 150.0);

impl Plane {
    fn place(&self, point: Point) -> Option<(f64, f64)> {
        let share = |value: f64, (from, to): (f64, f64)| (value / from).ln() / (to / from).ln();
        let (x, y) = (share(point.requests, REQUESTS), share(point.lag, LAG));
        let inside = (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y);
        inside.then_some((self.left + x * self.width, self.top + (1.0 - y) * self.height))
    }

    fn axes(&self, sheet: &mut Sheet, title: &str) {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        for requests in [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0] {
            let Some((x, _)) = self.place(Point { requests, lag: LAG.0 }) else { continue };
            sheet.line(&[(x, self.top), (x, bottom)], FAINT, 1.0, "none");
            sheet.text((x, bottom + 16.0), &requests.to_string(), GREY, "middle");
        }
        for lag in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0] {
            let Some((_, y)) = self.place(Point { requests: REQUESTS.0, lag }) else { continue };
            sheet.line(&[(self.left, y), (right, y)], FAINT, 1.0, "none");
            sheet.text((self.left - 6.0, y + 4.0), &lag.to_string(), GREY, "end");
        }
        sheet.text((self.left, self.top - 12.0), title, INK, "start");
        sheet.text((self.left + self.width / 2.0, bottom + 34.0), "requests a batch", GREY, "middle");
        sheet.text((self.left, self.top + self.height + 34.0), "↑ mean lag, s", GREY, "start");
    }
}

fn lag_requests() -> String {
    let shown = [
        (Workload::Mixed, "mixed: all kinds of batches, one history"),
        (Workload::Lognorm, "lognorm: no progress, no size, nothing to learn"),
    ];
    let labs = parallel(&shown, |(workload, _)| Lab::of(*workload));
    let mut sheet = Sheet::new(1060.0, 600.0);
    for (index, ((_, title), lab)) in shown.iter().zip(&labs).enumerate() {
        let plane = Plane { left: 50.0 + 520.0 * index as f64, top: 70.0, width: 470.0, height: 470.0 };
        plane.axes(&mut sheet, title);
        panel(&mut sheet, &plane, lab);
    }
    let legend = [
        (OURS, "none", 2.5, "adaptive, c from 0.02 to 500"),
        (GREY, "none", 1.5, "fixed intervals"),
        (GREY, "4 3", 1.5, "optimum that knows all durations and sees no progress"),
    ];
    let mut x = 50.0;
    for (colour, dash, width, text) in legend {
        sheet.line(&[(x, 25.0), (x + 26.0, 25.0)], colour, width, dash);
        sheet.text((x + 32.0, 29.0), text, INK, "start");
        x += 62.0 + 6.6 * text.len() as f64;
    }
    sheet.dot((x, 25.0), 4.0, OTHERS);
    sheet.text((x + 10.0, 29.0), "what others do by default", INK, "start");
    sheet.done("Mean lag and requests of the adaptive schedule among the defaults of others")
}

fn panel(sheet: &mut Sheet, plane: &Plane, lab: &Lab) {
    let sides = (plane.left, plane.left + plane.width);
    let place = |points: Vec<Point>| -> Vec<(f64, f64)> { points.into_iter().filter_map(|p| plane.place(p)).collect() };
    let jobs: Vec<_> = lab.jobs.iter().flat_map(|(_, jobs)| jobs.iter().cloned()).collect();
    let fixed = place(lab.tuned(None));
    sheet.line(&fixed, GREY, 1.5, "none");
    let optimum = place(frontier(&jobs, &WORTHS));
    sheet.line(&optimum, GREY, 1.5, "4 3");
    sheet.keep_off(&optimum);
    let curve = place(lab.curve(Of::Mean, None));
    sheet.line(&curve, OURS, 2.5, "none");
    sheet.keep_off(&curve);
    sheet.keep_off(&fixed);
    let anchors: Vec<(&str, (f64, f64))> = anchor::ALL
        .iter()
        // It lies on the line of the fixed intervals.
        .filter(|anchor| anchor.name != FIXED30.name)
        .filter_map(|anchor| Some((anchor.name, plane.place(lab.anchor(anchor, Of::Mean, None))?)))
        .collect();
    for (_, at) in &anchors {
        sheet.dot(*at, 4.0, OTHERS);
    }
    for worth in WORTHS {
        if let Some(at) = plane.place(lab.point(&adaptive(worth), Of::Mean, None)) {
            sheet.dot(at, if worth == WORTH { 5.0 } else { 3.0 }, OURS);
        }
    }
    for worth in [0.1, WORTH, 20.0] {
        if let Some(at) = plane.place(lab.point(&adaptive(worth), Of::Mean, None)) {
            let default = if worth == WORTH { " (default)" } else { "" };
            sheet.label(at, &format!("c = {worth}{default}"), OURS, sides);
        }
    }
    for (name, at) in anchors {
        sheet.label(at, name, OTHERS, sides);
    }
}

/// A queue, then a percentage: what most providers show.
const SHOWN: Workload = Workload::QueuePct;
const SEED: u64 = 1;

fn timeline() -> String {
    let jobs = SHOWN.generate(SEED, JOBS);
    // The first that takes about ten minutes and does not fail, of the second half: by then the history is learned.
    let usual = |(_, job): &(usize, &crate::job::Job)| !job.fails && (540_000..660_000).contains(&job.ends);
    let Some((chosen, job)) = jobs.iter().enumerate().skip(JOBS / 2).find(usual) else {
        return String::new();
    };
    let (left, top, width, height) = (150.0, 60.0, 780.0, 220.0);
    let last = job.ends as f64 * 1.12;
    let x = |at: u64| left + at as f64 / last * width;
    let y = |share: f64| top + (1.0 - share) * height;
    let mut sheet = Sheet::new(1060.0, 440.0);
    for percent in [0, 25, 50, 75, 100] {
        let at = y(f64::from(percent) / 100.0);
        sheet.line(&[(left, at), (left + width, at)], FAINT, 1.0, "none");
        sheet.text((left - 8.0, at + 4.0), &format!("{percent} %"), GREY, "end");
    }
    let curve: Vec<(f64, f64)> =
        (0..=400).map(|step| job.ends * step / 400).map(|at| (x(at), y(job.really(at)))).collect();
    sheet.line(&curve, INK, 1.5, "none");
    let title = format!(
        "Looks at one batch: queued, then a bytes percentage that is refreshed every 10 s; {} s in all",
        job.ends / 1000
    );
    sheet.text((left, 24.0), &title, INK, "start");
    sheet.text(
        (left, 42.0),
        "line: how far it really is; dots: where the adaptive schedule looked; marks: every request (two at once: one failed)",
        GREY,
        "start",
    );
    let policy = |anchor: Anchor| (anchor.name, Policy::Anchor(anchor), OTHERS);
    let rows = [
        ("adaptive", Policy::Ours(Box::new(ours(WORTH))), OURS),
        policy(AZURE30),
        policy(GOOGLE_RUST),
        policy(AWS_SMITHY),
    ];
    for (row, (name, policy, colour)) in rows.into_iter().enumerate() {
        let mut looks: Vec<Look> = Vec::new();
        traced(&jobs, &policy, SEED, |job, look| looks.extend((job == chosen).then_some(look)));
        let middle = top + height + 30.0 + 28.0 * row as f64;
        sheet.text((left - 8.0, middle + 4.0), name, colour, "end");
        for look in looks.iter().filter(|look| x(look.at) <= left + width) {
            sheet.line(&[(x(look.at), middle - 8.0), (x(look.at), middle + 8.0)], colour, 1.8, "none");
            if row == 0 && look.answered {
                sheet.dot((x(look.at), y(job.really(look.at.min(job.ends)))), 4.0, OURS);
            }
        }
        let lag = looks.last().map_or(0, |look| look.at.saturating_sub(job.ends));
        let text = format!("{} looks, {:.1} s late", looks.len(), lag as f64 / 1000.0);
        sheet.text((left + width + 8.0, middle + 4.0), &text, colour, "start");
    }
    let end = x(job.ends);
    sheet.line(&[(end, top - 6.0), (end, top + height + 130.0)], INK, 1.0, "3 3");
    sheet.text((end, top + height + 146.0), "the end", INK, "middle");
    sheet.text((left, top + height + 146.0), "submitted", INK, "middle");
    sheet.done("When the adaptive schedule and others look at one batch")
}
