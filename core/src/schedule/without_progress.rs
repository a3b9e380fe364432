//! The interval while a batch reports no progress. Times in seconds since its submission.

use super::DurationSamples;

/// 45 s, the duration that a batch is taken to have on average while nothing is known. A constant
/// interval is the best for a constant hazard, and within a third of the best for most other
/// distributions; growing intervals have up to twice its lag.
const COLD_MEAN: f64 = 45.0;
/// 15 min: later the hazard is taken to fall with time, so intervals grow with its square root.
const COLD_GROWTH: f64 = 900.0;

/// `7.1 (2c)^0.35` seconds, the first interval where progress is expected: about when a poll that
/// predicts the end costs less than the ends that it misses. It was fitted to batches of 8 to 90 s.
const FIRST_WITH_PROGRESS: f64 = 7.1;
const FIRST_WITH_PROGRESS_EXPONENT: f64 = 0.35;

/// 2.5 times the interval of a cold start at most, past the 95th percentile of earlier durations:
/// they are not trusted there. Without this, durations that are four times too short cost 3.7 times
/// the lag of a fixed interval.
const OVERRUN_FACTOR: f64 = 2.5;

/// Returns the interval after a poll at `t` of a batch of `rows` rows (0: not known) at `c` seconds
/// of lag per request. It is `max` at most, and less past the 95th percentile of earlier durations.
pub(super) fn interval(samples: &DurationSamples, rows: u64, c: f64, t: f64, max: f64) -> f64 {
    let price = (2.0 * c).sqrt();
    let cold = price * cold_interval(t);
    let Some(distribution) = samples.distribution() else {
        return cold.min(max);
    };
    let factor = distribution.factor(rows);
    let max = if t > distribution.p95(factor) { max.min(OVERRUN_FACTOR * cold) } else { max };
    match distribution.inverse(distribution.integral(t, factor) + price, factor) {
        Some(next) => (next - t).min(max),
        None => max,
    }
}

/// Returns the value of a poll at `t`, in seconds of lag, when the last one was at `last`.
pub(super) fn priority(samples: &DurationSamples, rows: u64, last: f64, t: f64) -> f64 {
    let polls = match samples.distribution() {
        Some(distribution) => {
            let factor = distribution.factor(rows);
            distribution.integral(t, factor) - distribution.integral(last, factor)
        }
        None => (t - last) / cold_interval(last),
    };
    polls * polls / 2.0
}

/// Returns the longest interval to the first poll of a batch whose progress will predict its end.
pub(super) fn first_with_progress(c: f64) -> f64 {
    FIRST_WITH_PROGRESS * (2.0 * c).powf(FIRST_WITH_PROGRESS_EXPONENT)
}

/// Returns the hazard at `t` that is assumed while nothing is known.
pub(super) fn cold_hazard(t: f64) -> f64 {
    1.0 / (COLD_MEAN * (t / COLD_GROWTH).max(1.0))
}

/// Returns the interval of a cold start at `2c = 1`.
fn cold_interval(t: f64) -> f64 {
    cold_hazard(t).recip().sqrt()
}
