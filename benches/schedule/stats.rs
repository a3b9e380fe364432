//! Means, quantiles, curves and confidence limits.

use crate::rng::Rng;
use crate::simulation::JobResult;

/// 200 resamples of the jobs, of which the 95th percentile is held against the limit.
const RESAMPLES: usize = 200;
const UPPER: f64 = 0.95;

/// Mean requests and a measure of lag: one point of a curve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) requests: f64,
    pub(crate) lag: f64,
}

/// Measure of the lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lag {
    Mean,
    P95,
}

/// A resample: which job is taken in each place. `None` takes each job once.
pub(crate) type Resample<'a> = Option<&'a [u32]>;

pub(crate) fn point(results: &[JobResult], lag: Lag, resample: Resample<'_>) -> Point {
    let n = results.len() as f64;
    let mean = |value: &dyn Fn(&JobResult) -> f64| -> f64 {
        match resample {
            None => results.iter().map(value).sum::<f64>() / n,
            Some(resample) => resample.iter().map(|job| value(&results[*job as usize])).sum::<f64>() / n,
        }
    };
    let lag = match lag {
        Lag::Mean => mean(&|result| result.lag),
        Lag::P95 => {
            let mut lags: Vec<f64> = match resample {
                None => results.iter().map(|result| result.lag).collect(),
                Some(resample) => resample.iter().map(|job| results[*job as usize].lag).collect(),
            };
            quantile(&mut lags, 0.95)
        }
    };
    Point { requests: mean(&|result| result.requests), lag }
}

/// Returns the value that a share `q` stays at or below.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let at = ((values.len() as f64 * q).ceil() as usize).clamp(1, values.len()) - 1;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Returns the lag of a curve where it takes `requests`; `None` beyond its ends.
pub(crate) fn lag_at(curve: &[Point], requests: f64) -> Option<f64> {
    interpolate(curve, requests, |point| point.requests, |point| point.lag)
}

/// Returns the requests of a curve where it has `lag`; `None` beyond its ends.
pub(crate) fn requests_at(curve: &[Point], lag: f64) -> Option<f64> {
    interpolate(curve, lag, |point| point.lag, |point| point.requests)
}

/// Interpolates linearly in logarithms between neighbours.
fn interpolate(curve: &[Point], x: f64, of: fn(&Point) -> f64, to: fn(&Point) -> f64) -> Option<f64> {
    curve.windows(2).find_map(|pair| {
        let (from, until) = (of(&pair[0]), of(&pair[1]));
        let is_inside = x >= from.min(until) && x <= from.max(until);
        if !is_inside || from <= 0.0 || until <= 0.0 {
            return None;
        }
        let (low, high) = (to(&pair[0]).max(1e-9).ln(), to(&pair[1]).max(1e-9).ln());
        let share = if from == until { 0.0 } else { (x / from).ln() / (until / from).ln() };
        Some((low + (high - low) * share).exp())
    })
}

/// Returns a figure and its upper 95 % limit over resampled jobs.
///
/// `None` if it is not defined; the limit is infinite if it is not in more than 1 of 20 resamples.
pub(crate) fn bootstrap(jobs: usize, figure: impl Fn(Resample<'_>) -> Option<f64>) -> Option<(f64, f64)> {
    let value = figure(None)?;
    let mut rng = Rng::new(&[jobs as u64]);
    let mut resample = vec![0u32; jobs];
    let mut values = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        resample.fill_with(|| rng.below(jobs) as u32);
        // A resample beyond the curve counts as a loss.
        values.push(figure(Some(&resample)).unwrap_or(f64::INFINITY));
    }
    Some((value, quantile(&mut values, UPPER)))
}
