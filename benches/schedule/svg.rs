//! The part of SVG that the pictures need: lines, dots, and labels that do not overlap.

use std::fmt::Write;

pub(crate) const INK: &str = "#1f2933";
pub(crate) const FAINT: &str = "#d9dee4";
pub(crate) const GREY: &str = "#7b8794";
pub(crate) const ADAPTIVE: &str = "#0b6bcb";
pub(crate) const OTHERS: &str = "#c2570c";

/// Height of a line of text, and the width of a character as a share of it.
const TEXT_HEIGHT: f64 = 11.5;
const CHARACTER_WIDTH: f64 = 0.58;

pub(crate) struct Drawing {
    width: f64,
    height: f64,
    body: String,
    /// Boxes that labels must not overlap.
    taken: Vec<[f64; 4]>,
}

impl Drawing {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new(), taken: Vec::new() }
    }

    pub(crate) fn line(&mut self, points: &[(f64, f64)], colour: &str, width: f64, dash: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        let _ = writeln!(
            self.body,
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dash}"/>"#
        );
    }

    pub(crate) fn dot(&mut self, (x, y): (f64, f64), radius: f64, colour: &str) {
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" fill="{colour}" stroke="white" stroke-width="1"/>"#
        );
        self.taken.push([x - radius, y - radius, x + radius, y + radius]);
    }

    /// Draws text whose baseline is at `(x, y)`; `anchor` is `start`, `middle` or `end`.
    pub(crate) fn text(&mut self, (x, y): (f64, f64), text: &str, colour: &str, anchor: &str) {
        let _ =
            writeln!(self.body, r#"<text x="{x:.1}" y="{y:.1}" fill="{colour}" text-anchor="{anchor}">{text}</text>"#);
    }

    /// Keeps labels away from a line.
    pub(crate) fn avoid(&mut self, points: &[(f64, f64)]) {
        for pair in points.windows(2) {
            let ((from_x, from_y), (to_x, to_y)) = (pair[0], pair[1]);
            for step in 0..=10 {
                let share = f64::from(step) / 10.0;
                let (x, y) = (from_x + (to_x - from_x) * share, from_y + (to_y - from_y) * share);
                self.taken.push([x - 2.0, y - 2.0, x + 2.0, y + 2.0]);
            }
        }
    }

    /// Draws a label as near to a dot as there is space for, between `left` and `right`. A line
    /// leads to the dot where the label is not beside it.
    pub(crate) fn label(&mut self, at: (f64, f64), text: &str, colour: &str, (left, right): (f64, f64)) {
        let width = text.len() as f64 * TEXT_HEIGHT * CHARACTER_WIDTH;
        let bounding_box = |(x, y): (f64, f64)| [x - 3.0, y - TEXT_HEIGHT - 1.0, x + width + 3.0, y + 5.0];
        let place = |radius: f64, turn: f64| {
            let (sin, cos) = (turn * std::f64::consts::TAU).sin_cos();
            // A label on the left ends where one on the right begins.
            let shift = width * (1.0 - cos) / 2.0;
            (at.0 + radius * cos - shift, at.1 + radius * sin + 4.0)
        };
        let turns = [0.0, 0.5, 0.75, 0.25, 0.9, 0.1, 0.6, 0.4, 0.83, 0.17, 0.67, 0.33];
        let places =
            [9.0, 16.0, 24.0, 34.0, 46.0, 60.0, 76.0].into_iter().flat_map(|radius| turns.map(|turn| (radius, turn)));
        let free = |(radius, turn): &(f64, f64)| {
            let here = bounding_box(place(*radius, *turn));
            here[0] >= left && here[2] <= right && !self.taken.iter().any(|other| overlap(&here, other))
        };
        let (radius, turn) = places.into_iter().find(free).unwrap_or((9.0, 0.0));
        let (x, y) = place(radius, turn);
        if radius > 16.0 {
            let near = (at.0.clamp(x, x + width), if y - 4.0 > at.1 { y - TEXT_HEIGHT + 2.0 } else { y + 3.0 });
            self.line(&[at, near], colour, 0.6, "none");
        }
        self.taken.push(bounding_box((x, y)));
        self.text((x, y), text, colour, "start");
    }

    pub(crate) fn finish(self, title: &str) -> String {
        let Self { width, height, body, .. } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             font-family=\"system-ui, sans-serif\" font-size=\"{TEXT_HEIGHT}\">\n<title>{title}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n{body}</svg>\n"
        )
    }
}

fn overlap(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}
