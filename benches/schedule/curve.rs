//! Points and curves of lag against requests.

/// Mean requests and a measure of lag: one point of a curve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) requests: f64,
    pub(crate) lag: f64,
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
