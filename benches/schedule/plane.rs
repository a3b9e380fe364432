//! The plane of lag against requests, with two logarithmic axes.

use crate::curve::Point;
use crate::svg::{Drawing, FAINT, GREY, INK};

/// Ticks of both axes, where they are within the ranges.
const TICKS: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];

pub(crate) struct Plane {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Range of requests per batch.
    pub(crate) requests: (f64, f64),
    /// Range of the lag in seconds.
    pub(crate) lag: (f64, f64),
}

impl Plane {
    /// Returns where a point is; `None` outside the ranges.
    pub(crate) fn place(&self, point: Point) -> Option<(f64, f64)> {
        let share = |value: f64, (from, to): (f64, f64)| (value / from).ln() / (to / from).ln();
        let (x, y) = (share(point.requests, self.requests), share(point.lag, self.lag));
        let inside = (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y);
        inside.then_some((self.left + x * self.width, self.top + (1.0 - y) * self.height))
    }

    pub(crate) fn axes(&self, drawing: &mut Drawing, title: &str) {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        for requests in TICKS {
            let Some((x, _)) = self.place(Point { requests, lag: self.lag.0 }) else { continue };
            drawing.line(&[(x, self.top), (x, bottom)], FAINT, 1.0, "none");
            drawing.text((x, bottom + 16.0), &requests.to_string(), GREY, "middle");
        }
        for lag in TICKS {
            let Some((_, y)) = self.place(Point { requests: self.requests.0, lag }) else { continue };
            drawing.line(&[(self.left, y), (right, y)], FAINT, 1.0, "none");
            drawing.text((self.left - 6.0, y + 4.0), &lag.to_string(), GREY, "end");
        }
        drawing.text((self.left, self.top - 12.0), title, INK, "start");
        drawing.text((self.left + self.width / 2.0, bottom + 34.0), "requests per batch", GREY, "middle");
        drawing.text((self.left, self.top + self.height + 34.0), "↑ mean lag, s", GREY, "start");
    }
}
