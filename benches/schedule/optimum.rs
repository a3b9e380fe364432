//! The best that anybody could do who knows the law of durations and sees nothing else: no progress, no size, no faults. Found by dynamic
//! programming over the very durations of the fixture, so that it is a bound and not a rule.

use crate::job::Job;
use crate::stats::Point;

/// A look is best placed right at an end. `cost[i]` is the least cost (lag and requests, in seconds, of all that have not ended by the
/// `i`-th end) after a look at the `i`-th.
pub(crate) fn frontier(jobs: &[Job], worths: &[f64]) -> Vec<Point> {
    let mut ends: Vec<f64> = jobs.iter().map(|job| job.ends as f64 / 1000.0).collect();
    ends.sort_by(f64::total_cmp);
    worths.iter().map(|worth| best(&ends, *worth)).collect()
}

fn best(ends: &[f64], worth: f64) -> Point {
    let n = ends.len();
    let mut cost = vec![f64::INFINITY; n + 1];
    let mut next = vec![n; n + 1];
    cost[n] = 0.0;
    for from in (0..n).rev() {
        let request = worth * (n - from) as f64;
        let mut lag = 0.0;
        for to in from + 1..=n {
            // All that ended in between wait until this one's end.
            if to > from + 1 {
                lag += (ends[to - 1] - ends[to - 2]) * (to - 1 - from) as f64;
            }
            // The lag only grows: nothing farther can be better.
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
