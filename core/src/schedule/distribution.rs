//! Distribution of durations, fitted to those of earlier batches. Times in seconds.

use std::collections::BTreeMap;

use super::without_progress::cold_hazard;

/// 700 geometric steps of 1.7 % from 0.25 s to 8 h: the resolution of durations.
const STEPS: usize = 700;
const MIN: f64 = 0.25;
const MAX: f64 = 28_800.0;

/// 3 durations: fewer say nothing about their spread.
pub(super) const MIN_SAMPLES: usize = 3;

/// 4 durations, and a sum of squares of 0.5 of the logarithm of their rows, for a slope: rows have
/// to differ.
const MIN_SLOPE_SAMPLES: usize = 4;
const MIN_ROWS_SPREAD: f64 = 0.5;

/// 1.2, at which twice the rows take 2.3 times as long: a steeper slope is an accident of few
/// durations.
const MAX_SLOPE: f64 = 1.2;

/// 1.69, as if one more duration had been off by a factor of 3.7 (`e^1.3`): few durations that
/// agree prove little.
const PRIOR_SQUARE: f64 = 1.69;

/// Bandwidth of the smoothing: 0.7 of the spread for one duration, decreasing with their number by
/// the power of -0.3, 6 % at least.
const BANDWIDTH_FACTOR: f64 = 0.7;
const BANDWIDTH_EXPONENT: f64 = -0.3;
const MIN_BANDWIDTH: f64 = 0.06;
const MIN_IQR: f64 = 0.02;

/// 20 batches at most: so much evidence of running batches is taken to contradict what the few that have ended say. It
/// decreases with the share of running batches.
const COLD_WEIGHT: f64 = 20.0;

/// 1.34 standard deviations between the quartiles of a normal distribution.
const IQR_OF_NORMAL: f64 = 1.34;

/// 1.702, the scale at which a logistic function is closest to a normal distribution function.
const LOGISTIC_TO_NORMAL: f64 = 1.702;

/// Logarithms of rows and duration. Where rows are not known, they are all the same.
pub(super) type Point = (f64, f64);

/// Distribution of the durations of a batch of average size, and how it scales with size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DurationDistribution {
    slope: f64,
    mean_log_rows: f64,
    p95: f64,
    /// Integral of the square root of the hazard up to each step.
    root_hazard: Vec<f64>,
}

impl DurationDistribution {
    /// Fits a distribution to `points` and to the ages of `running` batches; `None` while there are fewer than [`MIN_SAMPLES`].
    pub(super) fn fit(points: &[Point], running: &[Point]) -> Option<Self> {
        if points.len() < MIN_SAMPLES {
            return None;
        }
        let n = points.len() as f64;
        let (slope, mean_log_rows) = slope(points);
        let mut residuals: Vec<f64> =
            points.iter().map(|(rows, time)| time - scale(slope, mean_log_rows, *rows)).collect();
        residuals.sort_by(f64::total_cmp);

        let mean = residuals.iter().sum::<f64>() / n;
        let squares: f64 = residuals.iter().map(|e| (e - mean).powi(2)).sum();
        let sd = ((squares + PRIOR_SQUARE) / n).sqrt() * (1.0 + 1.0 / n).sqrt();
        let iqr = (quantile(&residuals, 0.75) - quantile(&residuals, 0.25)) / IQR_OF_NORMAL;
        let bandwidth = (BANDWIDTH_FACTOR * sd.min(iqr.max(MIN_IQR)) * n.powf(BANDWIDTH_EXPONENT)).max(MIN_BANDWIDTH);
        let running: Vec<f64> = running.iter().map(|(rows, age)| age - scale(slope, mean_log_rows, *rows)).collect();
        let p95 = percentile_95(&residuals, &running).exp();
        Some(Self { slope, mean_log_rows, p95, root_hazard: root_hazard(&residuals, &running, bandwidth) })
    }

    /// Returns how many times as long as an average batch one of `rows` rows takes; 1 for 0 rows,
    /// which stands for an unknown number.
    pub(super) fn factor(&self, rows: u64) -> f64 {
        if rows == 0 { 1.0 } else { scale(self.slope, self.mean_log_rows, (rows as f64).ln()).exp() }
    }

    /// Returns the 95th percentile of the durations.
    pub(super) fn p95(&self, factor: f64) -> f64 {
        self.p95 * factor
    }

    /// Returns the integral of the square root of the hazard from 0 to `t`.
    ///
    /// Durations that are `factor` times as long have their hazard divided by it.
    pub(super) fn integral(&self, t: f64, factor: f64) -> f64 {
        let step = (t / factor).max(MIN).ln() - MIN.ln();
        let step = (step / log_step()).min((STEPS - 1) as f64);
        let below = (step as usize).min(STEPS - 2);
        let (from, to) = (self.root_hazard[below], self.root_hazard[below + 1]);
        (from + (to - from) * (step - below as f64)) * factor.sqrt()
    }

    /// Returns the time at which that integral is `integral`; `None` beyond the last step.
    pub(super) fn inverse(&self, integral: f64, factor: f64) -> Option<f64> {
        let integral = integral / factor.sqrt();
        let above = self.root_hazard.partition_point(|value| *value <= integral);
        let below = above.checked_sub(1)?;
        let (from, to) = (self.root_hazard[below], *self.root_hazard.get(above)?);
        let step = below as f64 + (integral - from) / (to - from);
        Some(MIN * (step * log_step()).exp() * factor)
    }
}

/// Returns the slope of log duration on log rows, 0 where there is none to see, and the mean of log
/// rows.
fn slope(points: &[Point]) -> (f64, f64) {
    let n = points.len() as f64;
    let mean_rows = points.iter().map(|(rows, _)| rows).sum::<f64>() / n;
    let mean_time = points.iter().map(|(_, time)| time).sum::<f64>() / n;
    let spread: f64 = points.iter().map(|(rows, _)| (rows - mean_rows).powi(2)).sum();
    if points.len() < MIN_SLOPE_SAMPLES || spread <= MIN_ROWS_SPREAD {
        return (0.0, mean_rows);
    }
    let product: f64 = points.iter().map(|(rows, time)| (rows - mean_rows) * (time - mean_time)).sum();
    ((product / spread).clamp(0.0, MAX_SLOPE), mean_rows)
}

fn scale(slope: f64, mean_log_rows: f64, log_rows: f64) -> f64 {
    slope * (log_rows - mean_log_rows)
}

/// Returns the integral of the square root of the hazard at each step: of the batches that run at least so long, the
/// share that ends there, both smoothed by a kernel.
///
/// Running batches count up to their age. Beyond it nothing is seen of them, so that there as many batches as
/// [`COLD_WEIGHT`] follow the hazard of a cold start.
fn root_hazard(residuals: &[f64], running: &[f64], bandwidth: f64) -> Vec<f64> {
    let n = residuals.len() as f64;
    let range = (MAX / MIN).ln() + 1.0;
    let cold = COLD_WEIGHT * running.len() as f64 / (running.len() as f64 + n);
    let running = binned(running);
    let ended_before = |x: f64| -> f64 { residuals.iter().map(|e| kernel((x - e) / bandwidth)).sum() };
    let running_at = |x: f64| -> f64 { running.iter().map(|(age, count)| count * kernel((age - x) / bandwidth)).sum() };
    let mut integral = Vec::with_capacity(STEPS);
    let (mut sum, mut before, mut time) = (0.0, ended_before(MIN.ln()), MIN);
    integral.push(sum);
    for step in 1..STEPS {
        let over = step as f64 * log_step();
        let x = MIN.ln() + over;
        let (until, next) = (ended_before(x), x.exp());
        let width = next - time;
        // One more duration, anywhere in the range: a duration that was never seen is possible.
        let ended = until - before + log_step() / range + cold * width * cold_hazard(next);
        let still_running =
            n - f64::midpoint(before, until) + running_at(x) + 1.0 - (over - log_step() / 2.0) / range + cold;
        let hazard = ended / width / still_running.max(1e-9);
        // Strictly increasing, so that it can be inverted.
        sum += (hazard.max(1e-12)).sqrt() * width;
        integral.push(sum);
        (before, time) = (until, next);
    }
    integral
}

/// Returns values rounded to steps of the distribution, and how often each occurs: there may be ten thousands.
fn binned(values: &[f64]) -> Vec<(f64, f64)> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry((value / log_step()).round() as i64).or_insert(0.0) += 1.0;
    }
    counts.into_iter().map(|(step, count)| (step as f64 * log_step(), count)).collect()
}

/// Returns the 95th percentile of sorted durations, by the product-limit estimate of Kaplan and Meier: running batches
/// have not ended up to their age. The longest duration where too many are running.
fn percentile_95(residuals: &[f64], running: &[f64]) -> f64 {
    let mut survival = 1.0;
    for (index, end) in residuals.iter().enumerate() {
        let running = running.iter().filter(|age| *age > end).count();
        survival *= 1.0 - 1.0 / (residuals.len() - index + running) as f64;
        if survival <= 0.05 + 1e-9 {
            return *end;
        }
    }
    residuals.last().copied().unwrap_or_default()
}

fn log_step() -> f64 {
    (MAX / MIN).ln() / (STEPS - 1) as f64
}

/// Returns the smoothed step from 0 to 1.
fn kernel(x: f64) -> f64 {
    let x = LOGISTIC_TO_NORMAL * x;
    // Saves the time of an exponential far from the middle.
    if x > 20.0 {
        1.0
    } else if x < -20.0 {
        0.0
    } else {
        1.0 / (1.0 + (-x).exp())
    }
}

/// Returns a quantile of sorted values.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(times: impl IntoIterator<Item = f64>) -> DurationDistribution {
        let points: Vec<Point> = times.into_iter().map(|time| (0.0, time.ln())).collect();
        DurationDistribution::fit(&points, &[]).expect("enough durations")
    }

    #[test]
    fn inverse_of_integral_returns_the_time() {
        let distribution = distribution((1..50).map(f64::from));
        for factor in [0.1, 1.0, 7.0] {
            for t in [2.0, 10.0, 60.0, 500.0] {
                let back = distribution.inverse(distribution.integral(t, factor), factor).expect("within the steps");
                assert!((back / t - 1.0).abs() < 1e-6, "{t} came back as {back}");
            }
        }
        assert_eq!(distribution.inverse(1e9, 1.0), None);
    }

    #[test]
    fn intervals_are_shorter_where_batches_end() {
        let distribution = distribution((0..100).map(|i| 290.0 + f64::from(i) / 5.0));
        let interval = |t: f64| {
            let next = distribution.inverse(distribution.integral(t, 1.0) + 2.0, 1.0);
            next.unwrap_or(f64::INFINITY) - t
        };
        assert!(interval(100.0) > 5.0 * interval(300.0), "{} and {}", interval(100.0), interval(300.0));
    }

    #[test]
    fn factor_doubles_with_rows_when_durations_do() {
        let points: Vec<Point> = (1..40).map(|i| (f64::from(i).ln(), (3.0 * f64::from(i)).ln())).collect();
        let distribution = DurationDistribution::fit(&points, &[]).expect("enough durations");
        let ratio = distribution.factor(2000) / distribution.factor(1000);
        assert!((ratio - 2.0).abs() < 0.01, "{ratio}");
    }

    #[test]
    fn fit_of_two_durations_is_none() {
        assert_eq!(DurationDistribution::fit(&[(0.0, 1.0), (0.0, 2.0)], &[]), None);
    }

    /// Durations in seconds with their rows, and ages of running batches with theirs.
    fn fit(ended: &[(f64, f64)], running: &[(f64, f64)]) -> DurationDistribution {
        let logarithms = |pairs: &[(f64, f64)]| -> Vec<Point> {
            pairs.iter().map(|(rows, seconds)| (rows.ln(), seconds.ln())).collect()
        };
        DurationDistribution::fit(&logarithms(ended), &logarithms(running)).expect("enough durations")
    }

    fn assert_near(value: f64, expected: f64, of: &str) {
        assert!((value - expected).abs() <= 1e-7 * expected.abs(), "{of}: {value} is not {expected}");
    }

    /// Checks a distribution against an independent program of the formulas.
    fn assert_distribution(
        distribution: &DurationDistribution,
        (slope, p95): (f64, f64),
        factors: [f64; 3],
        integrals: &[(f64, f64, f64)],
    ) {
        assert_near(distribution.slope, slope, "slope");
        assert_near(distribution.p95(1.0), p95, "95th percentile");
        assert_near(distribution.p95(2.5), 2.5 * p95, "95th percentile of larger batches");
        assert_near(distribution.factor(0), 1.0, "factor of an unknown number of rows");
        for (rows, factor) in [1, 50, 1_000].into_iter().zip(factors) {
            assert_near(distribution.factor(rows), factor, &format!("factor of {rows} rows"));
        }
        for (t, one, other) in integrals {
            assert_near(distribution.integral(*t, 1.0), *one, &format!("integral to {t} s"));
            assert_near(distribution.integral(*t, 2.5), *other, &format!("integral to {t} s of larger batches"));
        }
    }

    #[test]
    fn distribution_of_durations_without_rows_follows_the_formula() {
        let distribution = fit(
            &[(1.0, 20.0), (1.0, 25.0), (1.0, 31.0), (1.0, 33.0), (1.0, 40.0), (1.0, 47.0), (1.0, 58.0), (1.0, 90.0)],
            &[],
        );
        let integrals = [
            (0.1, 0.0, 0.0),
            (1.0, 0.0940248495, 0.0392922047),
            (10.0, 0.504872558, 0.447838371),
            (30.0, 2.9608737, 0.896837357),
            (60.0, 8.68350999, 3.00784759),
            (100.0, 14.908657, 7.79310369),
            (600.0, 29.6023724, 34.4201934),
            (10000.0, 116.656072, 110.3478),
            (50000.0, 232.993792, 285.699315),
        ];
        assert_distribution(&distribution, (0.0, 90.0), [1.0, 1.0, 1.0], &integrals);
    }

    #[test]
    fn distribution_with_running_batches_follows_the_formula() {
        let distribution = fit(
            &[(1.0, 20.0), (1.0, 25.0), (1.0, 31.0), (1.0, 33.0), (1.0, 40.0), (1.0, 47.0), (1.0, 58.0), (1.0, 90.0)],
            &[(1.0, 5.0), (1.0, 35.0), (1.0, 35.1), (1.0, 80.0), (1.0, 200.0)],
        );
        let integrals = [
            (0.1, 0.0, 0.0),
            (1.0, 0.0904185154, 0.032934159),
            (10.0, 0.950321724, 0.608524839),
            (30.0, 3.433486, 1.79918979),
            (60.0, 7.90306104, 4.06238347),
            (100.0, 13.4558682, 7.84341327),
            (600.0, 85.259703, 52.1417839),
            (10000.0, 743.166107, 663.754919),
            (50000.0, 1359.52372, 1753.54748),
        ];
        assert_distribution(&distribution, (0.0, 90.0), [1.0, 1.0, 1.0], &integrals);
    }

    #[test]
    fn distribution_of_three_equal_durations_follows_the_formula() {
        let distribution = fit(&[(1.0, 30.0), (1.0, 30.0), (1.0, 30.0)], &[]);
        let integrals = [
            (0.1, 0.0, 0.0),
            (1.0, 0.141645906, 0.0590177632),
            (10.0, 0.766777091, 0.678248665),
            (30.0, 2.79821871, 1.35184447),
            (60.0, 6.77467359, 2.05061296),
            (100.0, 8.49025089, 9.03603181),
            (600.0, 20.7392118, 20.407051),
            (10000.0, 107.792912, 96.3339131),
            (50000.0, 224.130631, 271.685427),
        ];
        assert_distribution(&distribution, (0.0, 30.0), [1.0, 1.0, 1.0], &integrals);
    }

    #[test]
    fn distribution_of_sized_batches_follows_the_formula() {
        let distribution = fit(
            &[(10.0, 12.0), (20.0, 19.0), (40.0, 33.0), (80.0, 70.0), (160.0, 100.0), (300.0, 260.0)],
            &[(50.0, 20.0), (500.0, 150.0)],
        );
        let integrals = [
            (0.1, 0.0, 0.0),
            (1.0, 0.101238168, 0.0379507094),
            (10.0, 0.978946541, 0.64964101),
            (30.0, 2.87843718, 1.84171009),
            (60.0, 8.24599204, 3.61232803),
            (100.0, 14.1825872, 6.47235095),
            (600.0, 85.7624358, 53.9949471),
            (10000.0, 738.321591, 659.409972),
            (50000.0, 1352.29322, 1743.32741),
        ];
        assert_distribution(
            &distribution,
            (0.880513973, 59.2771011),
            [0.028903239, 0.905551892, 12.6615954],
            &integrals,
        );
    }

    #[test]
    fn distribution_with_the_steepest_slope_follows_the_formula() {
        let distribution = fit(&[(10.0, 2.0), (20.0, 9.0), (40.0, 33.0), (80.0, 170.0)], &[]);
        let integrals = [
            (0.1, 0.0, 0.0),
            (1.0, 0.126503062, 0.0527614982),
            (10.0, 1.65795153, 0.67549387),
            (30.0, 5.54367288, 3.25388707),
            (60.0, 10.3080151, 7.18668476),
            (100.0, 14.0729252, 11.0308002),
            (600.0, 26.6657618, 29.7719492),
            (10000.0, 113.71949, 105.704657),
            (50000.0, 230.05721, 281.056171),
        ];
        assert_distribution(&distribution, (1.2, 48.8196801), [0.0181194916, 1.98111649, 72.1349953], &integrals);
    }

    #[test]
    fn distribution_of_batches_that_are_shorter_with_more_rows_has_no_slope() {
        let distribution = fit(&[(10.0, 170.0), (20.0, 33.0), (40.0, 9.0), (80.0, 2.0)], &[]);
        let integrals = [
            (0.1, 0.0, 0.0),
            (1.0, 0.204029011, 0.0626485887),
            (10.0, 2.10046944, 1.58283075),
            (30.0, 4.68626949, 3.82174404),
            (60.0, 7.51151273, 6.31682377),
            (100.0, 10.3985414, 9.07530733),
            (600.0, 33.4405273, 30.6239466),
            (10000.0, 124.08186, 121.893719),
            (50000.0, 240.445654, 297.475086),
        ];
        assert_distribution(&distribution, (0.0, 170.0), [1.0, 1.0, 1.0], &integrals);
    }

    #[test]
    fn distribution_of_three_sized_batches_has_no_slope() {
        let distribution = fit(&[(10.0, 12.0), (20.0, 24.0), (80.0, 96.0)], &[]);
        let integrals = [
            (0.1, 0.0, 0.0),
            (1.0, 0.141662786, 0.0590180409),
            (10.0, 1.23889686, 0.699621269),
            (30.0, 4.60384073, 2.55035139),
            (60.0, 7.35089059, 5.85896346),
            (100.0, 11.347811, 9.05149194),
            (600.0, 29.4487173, 33.051302),
            (10000.0, 116.528837, 110.14659),
            (50000.0, 232.866557, 285.498139),
        ];
        assert_distribution(&distribution, (0.0, 96.0), [1.0, 1.0, 1.0], &integrals);
    }

    #[test]
    fn distribution_of_nearly_equal_sizes_has_no_slope() {
        let distribution = fit(&[(100.0, 10.0), (110.0, 20.0), (120.0, 30.0), (130.0, 40.0)], &[]);
        let integrals = [
            (0.1, 0.0, 0.0),
            (1.0, 0.126494968, 0.0527614644),
            (10.0, 1.19512149, 0.606824713),
            (30.0, 4.93887069, 2.52754714),
            (60.0, 10.8273843, 5.8531301),
            (100.0, 13.2120417, 11.4761077),
            (600.0, 25.4884057, 27.9160911),
            (10000.0, 112.542106, 103.843048),
            (50000.0, 228.879825, 279.194562),
        ];
        assert_distribution(&distribution, (0.0, 40.0), [1.0, 1.0, 1.0], &integrals);
    }

    #[test]
    fn distribution_of_long_and_short_batches_follows_the_formula() {
        let distribution =
            fit(&[(1.0, 0.3), (1.0, 40.0), (1.0, 9000.0), (1.0, 28000.0)], &[(1.0, 0.26), (1.0, 28500.0)]);
        let integrals = [
            (0.1, 0.0, 0.0),
            (1.0, 0.17206324, 0.0675413928),
            (10.0, 1.40033831, 0.989969256),
            (30.0, 3.83969627, 2.60784191),
            (60.0, 7.44240562, 4.92529493),
            (100.0, 12.238942, 7.97358453),
            (600.0, 72.8882303, 46.0092722),
            (10000.0, 641.950426, 566.780548),
            (50000.0, 1198.06075, 1533.57936),
        ];
        assert_distribution(&distribution, (0.0, 28000.0), [1.0, 1.0, 1.0], &integrals);
    }

    #[test]
    fn distribution_of_twenty_durations_has_its_95th_percentile_at_the_nineteenth() {
        let distribution = fit(
            &[
                (1.0, 50.0),
                (1.0, 55.0),
                (1.0, 60.0),
                (1.0, 65.0),
                (1.0, 70.0),
                (1.0, 75.0),
                (1.0, 80.0),
                (1.0, 85.0),
                (1.0, 90.0),
                (1.0, 95.0),
                (1.0, 100.0),
                (1.0, 105.0),
                (1.0, 110.0),
                (1.0, 115.0),
                (1.0, 120.0),
                (1.0, 125.0),
                (1.0, 130.0),
                (1.0, 135.0),
                (1.0, 140.0),
                (1.0, 145.0),
            ],
            &[],
        );
        let integrals = [
            (0.1, 0.0, 0.0),
            (1.0, 0.0614337142, 0.0257069944),
            (10.0, 0.328106094, 0.291916166),
            (30.0, 0.615162301, 0.577751496),
            (60.0, 2.33854569, 0.858375058),
            (100.0, 7.20534407, 1.22664371),
            (600.0, 33.0220427, 39.7837676),
            (10000.0, 120.075743, 115.754774),
            (50000.0, 236.413462, 291.106288),
        ];
        assert_distribution(&distribution, (0.0, 140.0), [1.0, 1.0, 1.0], &integrals);
    }

    #[test]
    fn inverse_follows_the_factor_and_ends_at_the_last_step() {
        let distribution = distribution((1..50).map(f64::from));
        let at = |integral: f64, factor: f64| distribution.inverse(integral, factor).expect("within the steps");
        // Twice as long, at the root of the hazard divided by it.
        assert_near(at(3.0, 2.0), 2.0 * at(3.0 / 2.0_f64.sqrt(), 1.0), "scaled");
        assert_near(at(0.0, 1.0), MIN, "the first step");
        let last = distribution.integral(MAX, 1.0);
        assert_near(at(last * (1.0 - 1e-9), 1.0), MAX, "the last step");
        assert_eq!(distribution.inverse(last, 1.0), None);
        assert_eq!(distribution.inverse(-1.0, 1.0), None);
    }

    #[test]
    fn percentile_counts_running_batches_up_to_their_age() {
        let ended: Vec<f64> = (1..=100).map(f64::from).collect();
        for (count, age, expected) in [
            (0, 0.0, 95.0),
            (50, 0.5, 95.0),
            (50, 1.0, 95.0),
            (50, 50.0, 97.0),
            (50, 50.5, 97.0),
            (10, 90.0, 98.0),
            (10, 90.5, 98.0),
            (3, 94.0, 97.0),
            (3, 94.5, 97.0),
            (2, 98.5, 97.0),
            (5, 200.0, 100.0),
            (50, 200.0, 100.0),
        ] {
            assert_eq!(percentile_95(&ended, &vec![age; count]), expected, "{count} of {age}");
        }
        assert_eq!(percentile_95(&[], &[]), 0.0);
    }
}
