//! The interval while a batch reports no progress. Times in seconds since its submission.

use super::DurationSamples;

/// `1.05 sqrt(2c) (t + 2)^(1/3)` while nothing is known: intervals grow slowly. Their lag is within
/// 1.4 times the optimum for smooth distributions of any spread, where doubling intervals have 5
/// times and more. The 2 s let the first interval be longer than zero.
const COLD_FACTOR: f64 = 1.05;
const COLD_START: f64 = 2.0;

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

/// Returns the interval of a cold start at `2c = 1`.
fn cold_interval(t: f64) -> f64 {
    COLD_FACTOR * (t + COLD_START).cbrt()
}
