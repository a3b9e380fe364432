//! Means, quantiles, curves, and how sure we are of them.

use crate::rng::Rng;
use crate::sim::Tally;

/// Resamplings of the jobs. The 95th percentile of 200 is what is gated on.
const RESAMPLES: usize = 200;
const UPPER: f64 = 0.95;

/// Mean requests and a measure of lag, one point of a curve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) requests: f64,
    pub(crate) lag: f64,
}

/// What is taken of the lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Mean,
    P95,
}

/// A resample: which job is taken in each place.
pub(crate) type Draw<'a> = Option<&'a [u32]>;

pub(crate) fn point(tallies: &[Tally], of: Of, draw: Draw<'_>) -> Point {
    let n = tallies.len() as f64;
    let each = |value: &dyn Fn(&Tally) -> f64| -> f64 {
        match draw {
            None => tallies.iter().map(value).sum::<f64>() / n,
            Some(draw) => draw.iter().map(|job| value(&tallies[*job as usize])).sum::<f64>() / n,
        }
    };
    let lag = match of {
        Of::Mean => each(&|tally| tally.lag),
        Of::P95 => {
            let mut lags: Vec<f64> = match draw {
                None => tallies.iter().map(|tally| tally.lag).collect(),
                Some(draw) => draw.iter().map(|job| tallies[*job as usize].lag).collect(),
            };
            quantile(&mut lags, 0.95)
        }
    };
    Point { requests: each(&|tally| tally.requests), lag }
}

/// The value that a share `q` stays at or below.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let at = ((values.len() as f64 * q).ceil() as usize).clamp(1, values.len()) - 1;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// The lag of a curve where it takes `requests`; `None` beyond its ends.
pub(crate) fn lag_at(curve: &[Point], requests: f64) -> Option<f64> {
    along(curve, requests, |point| point.requests, |point| point.lag)
}

/// The requests of a curve where it has `lag`; `None` beyond its ends.
pub(crate) fn requests_at(curve: &[Point], lag: f64) -> Option<f64> {
    along(curve, lag, |point| point.lag, |point| point.requests)
}

/// Straight in logarithms between neighbours.
fn along(curve: &[Point], x: f64, of: fn(&Point) -> f64, to: fn(&Point) -> f64) -> Option<f64> {
    curve.windows(2).find_map(|pair| {
        let (from, until) = (of(&pair[0]), of(&pair[1]));
        let inside = x >= from.min(until) && x <= from.max(until);
        if !inside || from <= 0.0 || until <= 0.0 {
            return None;
        }
        let (low, high) = (to(&pair[0]).max(1e-9).ln(), to(&pair[1]).max(1e-9).ln());
        let share = if from == until { 0.0 } else { (x / from).ln() / (until / from).ln() };
        Some((low + (high - low) * share).exp())
    })
}

/// A figure, and its upper 95 % limit over resampled jobs. `None`: it cannot be had, or not in more than 1 of 20 resamples.
pub(crate) fn bootstrap(jobs: usize, figure: impl Fn(Draw<'_>) -> Option<f64>) -> Option<(f64, f64)> {
    let value = figure(None)?;
    let mut rng = Rng::new(&[jobs as u64]);
    let mut draw = vec![0u32; jobs];
    let mut values = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        draw.fill_with(|| rng.below(jobs) as u32);
        // A resample that leaves the curve counts against us.
        values.push(figure(Some(&draw)).unwrap_or(f64::INFINITY));
    }
    Some((value, quantile(&mut values, UPPER)))
}
