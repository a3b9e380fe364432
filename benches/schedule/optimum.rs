//! The best that is possible with the durations known and nothing else: no progress, no size, no
//! faults. Found by dynamic programming over the durations of the fixture itself, so it is a bound
//! and not a rule.

use crate::job::Job;
use crate::stats::Point;

/// Returns the points of lowest cost, one per price of a request.
pub(crate) fn frontier(jobs: &[Job], prices: &[f64]) -> Vec<Point> {
    let mut ends: Vec<f64> = jobs.iter().map(|job| job.end as f64 / 1000.0).collect();
    ends.sort_by(f64::total_cmp);
    prices.iter().map(|price| best(&ends, *price)).collect()
}

/// A poll is best placed right at an end. `cost[i]` is the least cost, in seconds of lag, of all
/// that have not ended by the `i`-th end, after a poll at it.
fn best(ends: &[f64], price: f64) -> Point {
    let n = ends.len();
    let mut cost = vec![f64::INFINITY; n + 1];
    let mut next = vec![n; n + 1];
    cost[n] = 0.0;
    for from in (0..n).rev() {
        let request = price * (n - from) as f64;
        let mut lag = 0.0;
        for to in from + 1..=n {
            // All that ended in between wait until this end.
            if to > from + 1 {
                lag += (ends[to - 1] - ends[to - 2]) * (to - 1 - from) as f64;
            }
            // The lag only increases: nothing farther can be better.
            if request + lag >= cost[from] {
                break;
            }
            let total = request + lag + cost[to];
            if total < cost[from] {
                (cost[from], next[from]) = (total, to);
            }
        }
    }
    let (mut requests, mut lag, mut from) = (0.0, 0.0, 0);
    while from < n {
        let to = next[from];
        requests += (n - from) as f64;
        lag += ends[from..to].iter().map(|end| ends[to - 1] - end).sum::<f64>();
        from = to;
    }
    Point { requests: requests / n as f64, lag: lag / n as f64 }
}
