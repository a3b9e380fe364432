//! The gap while a batch shows no progress. Times in seconds since its submission.

use super::DurationSamples;

/// Gaps of `1.05 sqrt(2c) (t + 2)^(1/3)` where nothing is known: a little longer the longer it takes, within 1.4 times the optimum for
/// smooth laws of any spread, where doubling is off by 5 and more. The 2 s let it begin.
const COLD: f64 = 1.05;
const COLD_START: f64 = 2.0;

/// Past the time at which 19 of 20 earlier batches had ended the history is no longer believed: at most 2.5 times the gap of somebody
/// without one. Without that a history four times too short costs 3.7 times the lag of a fixed interval.
const OVERRUN: f64 = 2.5;

/// The gap after a look at `t` for a batch of so many rows (0: nobody knows) at worth `c`. `longest` holds unless the history is overrun.
pub(super) fn gap(history: &DurationSamples, rows: u64, c: f64, t: f64, longest: f64) -> f64 {
    let price = (2.0 * c).sqrt();
    let cold = price * cold_gap(t);
    let Some(fit) = history.fit() else {
        return cold.min(longest);
    };
    let factor = fit.factor(rows);
    let longest = if t > fit.p95(factor) { longest.min(OVERRUN * cold) } else { longest };
    match fit.inverse(fit.integral(t, factor) + price, factor) {
        Some(next) => (next - t).min(longest),
        None => longest,
    }
}

/// What a look at `t` is worth when the last was at `last`.
pub(super) fn worth(history: &DurationSamples, rows: u64, last: f64, t: f64) -> f64 {
    let looks = match history.fit() {
        Some(fit) => {
            let factor = fit.factor(rows);
            fit.integral(t, factor) - fit.integral(last, factor)
        }
        None => (t - last) / cold_gap(last),
    };
    looks * looks / 2.0
}

fn cold_gap(t: f64) -> f64 {
    COLD * (t + COLD_START).cbrt()
}
