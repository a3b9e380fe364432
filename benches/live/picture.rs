//! The picture of a live run: lag against requests.

use std::path::Path;

use bulkrail::schedule::Schedule;

use crate::curve::Point;
use crate::job::Job;
use crate::jobs;
use crate::measure::Figures;
use crate::plane::Plane;
use crate::svg::{ADAPTIVE, Drawing, GREY, INK, OTHERS};
use crate::{JOBS, Kind, Learns, Row};

/// Ranges of requests per job and of seconds of lag.
const REQUESTS: (f64, f64) = (1.5, 20.0);
const LAG: (f64, f64) = (0.8, 30.0);

/// Colours of waits that use earlier durations, and of sets.
const LEARNED: &str = "#1a7f4b";
const SET: &str = "#7a3fb0";

pub(crate) fn draw(rows: &[Row<Figures>]) -> Result<(), String> {
    let mut drawing = Drawing::new(1060.0, 600.0);
    for (progress, title) in
        [(false, "a provider that reports no progress"), (true, "a provider that reports a whole percentage every 5 s")]
    {
        let left = if progress { 570.0 } else { 50.0 };
        let plane = Plane { left, top: 70.0, width: 470.0, height: 470.0, requests: REQUESTS, lag: LAG };
        plane.axes(&mut drawing, title);
        panel(&mut drawing, &plane, rows, progress);
    }
    legend(&mut drawing);
    let lost_all: Vec<&str> =
        rows.iter().filter(|row| has_given_up(&row.measured)).map(|row| row.library.as_str()).collect();
    let note = format!("not shown, because they lost most jobs or all: {}", lost_all.join(", "));
    drawing.text((50.0, 594.0), &note, OTHERS, "start");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schedule/live.svg");
    let picture = drawing.finish("Mean lag and requests of real waits on the wall clock");
    std::fs::write(&file, picture).map_err(|error| format!("{}: {error}", file.display()))
}

/// Returns whether the figures are those of a few short jobs.
fn has_given_up(figures: &Figures) -> bool {
    2 * figures.lost > figures.jobs
}

fn legend(drawing: &mut Drawing) {
    let mut x = 50.0;
    for (colour, width, text) in [
        (ADAPTIVE, 2.5, "bulkrail: c = 0.5, 2 and 8"),
        (LEARNED, 2.5, "with a history of 256 jobs"),
        (GREY, 1.5, "fixed intervals: computed (line), measured (dots)"),
    ] {
        drawing.line(&[(x, 25.0), (x + 26.0, 25.0)], colour, width, "none");
        drawing.text((x + 32.0, 29.0), text, INK, "start");
        x += 62.0 + 6.6 * text.len() as f64;
    }
    drawing.dot((x, 25.0), 4.0, OTHERS);
    drawing.text((x + 10.0, 29.0), "others", INK, "start");
}

fn panel(drawing: &mut Drawing, plane: &Plane, rows: &[Row<Figures>], progress: bool) {
    let sides = (plane.left, plane.left + plane.width);
    let jobs = jobs::generate(1, JOBS);
    let jobs: Vec<(usize, &Job)> = jobs.iter().enumerate().collect();
    let place = |points: &[Point]| -> Vec<(f64, f64)> { points.iter().filter_map(|p| plane.place(*p)).collect() };
    let fixed = place(&jobs::fixed_curve(&jobs));
    drawing.line(&fixed, GREY, 1.5, "none");
    drawing.avoid(&fixed);
    let of = |wanted: Learns| {
        rows.iter().filter_map(move |row| match row.kind {
            Kind::Ours { progress: of, learns, price } if of == progress && learns == wanted => {
                Some((price, row.measured.point))
            }
            _ => None,
        })
    };
    for (learns, colour) in [(Learns::Nothing, ADAPTIVE), (Learns::Cohort, LEARNED)] {
        let curve = place(&of(learns).map(|(_, point)| point).collect::<Vec<_>>());
        drawing.line(&curve, colour, 2.5, "none");
        drawing.avoid(&curve);
    }
    let mut labels = Vec::new();
    for (learns, colour) in [(Learns::Nothing, ADAPTIVE), (Learns::Cohort, LEARNED), (Learns::Set, SET)] {
        for (price, point) in of(learns) {
            let Some(position) = plane.place(point) else { continue };
            let is_default = price == Schedule::LAG_PER_REQUEST;
            drawing.dot(position, if is_default { 5.0 } else { 3.0 }, colour);
            match learns {
                Learns::Set => labels.push((position, "WaitSet".to_owned(), colour)),
                _ if is_default => labels.push((position, format!("c = {price} (default)"), colour)),
                _ => {}
            }
        }
    }
    for row in rows {
        let Figures { lost, point, .. } = row.measured;
        let label = match lost {
            0 => row.library.clone(),
            _ => format!("{}, {lost} lost", row.library),
        };
        let Some(position) = plane.place(point).filter(|_| !has_given_up(&row.measured)) else { continue };
        match row.kind {
            Kind::Peer => {
                drawing.dot(position, 4.0, OTHERS);
                labels.push((position, label, OTHERS));
            }
            Kind::Fixed(seconds) => {
                drawing.dot(position, 3.0, GREY);
                labels.push((position, format!("{seconds} s"), GREY));
            }
            Kind::Ours { .. } => {}
        }
    }
    for (position, text, colour) in labels {
        drawing.label(position, &text, colour, sides);
    }
}
