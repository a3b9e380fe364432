//! Means and confidence limits.

pub(crate) use crate::curve::{Point, lag_at, quantile, requests_at};
use crate::rng::Rng;
use crate::simulation::JobResult;

/// 200 resamples of the jobs, of which the 95th percentile is held against the limit.
const RESAMPLES: usize = 200;
const UPPER: f64 = 0.95;

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
