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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn samples(ends: &[(Option<u64>, u64)]) -> DurationSamples {
        let mut samples = DurationSamples::new();
        for (rows, seconds) in ends {
            samples.add(*rows, Duration::from_secs(*seconds));
        }
        // Fits what was added last, too.
        DurationSamples::import(&samples.export()).expect("a document")
    }

    /// Checks intervals of `(c, t, max, interval)` and priorities of `(last, t, priority)` against an independent program.
    fn assert_rules(
        samples: &DurationSamples,
        rows: u64,
        intervals: &[(f64, f64, f64, f64)],
        priorities: &[(f64, f64, f64)],
    ) {
        let is_near = |value: f64, expected: f64| (value - expected).abs() <= 1e-7 * expected.max(1e-3);
        for &(c, t, max, expected) in intervals {
            let interval = interval(samples, rows, c, t, max);
            assert!(is_near(interval, expected), "c {c}, {t} s: {interval} is not {expected}");
        }
        for &(last, t, expected) in priorities {
            let priority = priority(samples, rows, last, t);
            assert!(is_near(priority, expected), "{last} to {t} s: {priority} is not {expected}");
        }
    }

    #[test]
    fn rules_of_a_cold_start_follow_the_formula() {
        assert_rules(
            &DurationSamples::new(),
            0,
            &[
                (0.5, 0.0, 120.0, 6.7082039324993685),
                (2.0, 0.0, 120.0, 13.416407864998737),
                (2.0, 900.0, 120.0, 13.416407864998737),
                (2.0, 3600.0, 120.0, 26.832815729997474),
                (2.0, 100000.0, 120.0, 120.0),
                (2.0, 30.0, 1000.0, 13.416407864998737),
                (2.0, 89.9, 1000.0, 13.416407864998737),
                (2.0, 90.1, 1000.0, 13.416407864998737),
                (2.0, 5000.0, 1000.0, 31.622776601683796),
                (2.0, 500.0, 10.0, 10.0),
                (2.0, 28000.0, 1000000.0, 74.83314773547883),
            ],
            &[
                (0.0, 10.0, 1.1111111111111112),
                (10.0, 30.0, 4.444444444444445),
                (1000.0, 1100.0, 100.00000000000001),
                (30.0, 31.0, 0.011111111111111112),
                (60.0, 60.0, 0.0),
            ],
        );
    }

    #[test]
    fn rules_of_durations_without_rows_follow_the_formula() {
        let ends = [20, 25, 31, 33, 40, 47, 58, 90].map(|seconds| (None, seconds));
        assert_rules(
            &samples(&ends),
            0,
            &[
                (0.5, 0.0, 120.0, 18.18297908005854),
                (2.0, 0.0, 120.0, 24.587046724832295),
                (2.0, 900.0, 120.0, 33.54101966249684),
                (2.0, 3600.0, 120.0, 67.08203932499369),
                (2.0, 100000.0, 120.0, 120.0),
                (2.0, 30.0, 1000.0, 10.166636753777894),
                (2.0, 89.9, 1000.0, 11.247317058697575),
                (2.0, 90.1, 1000.0, 11.271938074401191),
                (2.0, 5000.0, 1000.0, 79.05694150420949),
                (2.0, 500.0, 10.0, 10.0),
                (2.0, 28000.0, 1000000.0, 187.0828693386971),
            ],
            &[
                (0.0, 10.0, 0.1274481496777704),
                (10.0, 30.0, 3.015970816354031),
                (1000.0, 1100.0, 1.1047265405393762),
                (30.0, 31.0, 0.01907674850598908),
                (60.0, 60.0, 0.0),
            ],
        );
    }

    #[test]
    fn rules_of_sized_batches_follow_the_formula() {
        let ends = [(10, 12), (20, 19), (40, 33), (80, 70), (160, 100), (300, 260)];
        let samples = samples(&ends.map(|(rows, seconds)| (Some(rows), seconds)));
        assert_rules(
            &samples,
            50,
            &[
                (0.5, 0.0, 120.0, 25.938673491328135),
                (2.0, 0.0, 120.0, 37.12375426106116),
                (2.0, 900.0, 120.0, 33.54101966249684),
                (2.0, 3600.0, 120.0, 67.08203932499369),
                (2.0, 100000.0, 120.0, 120.0),
                (2.0, 30.0, 1000.0, 11.771795658750058),
                (2.0, 89.9, 1000.0, 33.54101966249684),
                (2.0, 90.1, 1000.0, 33.54101966249684),
                (2.0, 5000.0, 1000.0, 79.05694150420949),
                (2.0, 500.0, 10.0, 10.0),
                (2.0, 28000.0, 1000000.0, 187.0828693386971),
            ],
            &[
                (0.0, 10.0, 0.16762313034369683),
                (10.0, 30.0, 0.13744464264482156),
                (1000.0, 1100.0, 1.1306810292827214),
                (30.0, 31.0, 0.0009197368800161077),
                (60.0, 60.0, 0.0),
            ],
        );
        assert_rules(
            &samples,
            1_000,
            &[
                (0.5, 0.0, 120.0, 41.51666631532352),
                (2.0, 0.0, 120.0, 120.0),
                (2.0, 900.0, 120.0, 33.54101966249684),
                (2.0, 3600.0, 120.0, 67.08203932499369),
                (2.0, 100000.0, 120.0, 120.0),
                (2.0, 30.0, 1000.0, 186.280816623531),
                (2.0, 89.9, 1000.0, 258.7033732814365),
                (2.0, 90.1, 1000.0, 258.8890302681111),
                (2.0, 5000.0, 1000.0, 79.05694150420949),
                (2.0, 500.0, 10.0, 10.0),
                (2.0, 28000.0, 1000000.0, 187.0828693386971),
            ],
            &[
                (0.0, 10.0, 0.04350278897611621),
                (10.0, 30.0, 0.1234382766525786),
                (1000.0, 1100.0, 0.7232916964507535),
                (30.0, 31.0, 0.0001899597259578158),
                (60.0, 60.0, 0.0),
            ],
        );
    }

    #[test]
    fn first_poll_where_progress_is_expected_follows_the_price() {
        for (c, expected) in [(0.5, 7.1), (2.0, 11.533984028258542), (0.02, 2.3013323673037225)] {
            assert!((first_with_progress(c) - expected).abs() < 1e-9, "{c}: {}", first_with_progress(c));
        }
    }
}
