//! The law of durations, from the durations in a history. Times in seconds.

/// Durations are told apart in 700 geometric steps (1.7 % each) from a quarter of a second to 8 h.
const STEPS: usize = 700;
const MIN: f64 = 0.25;
const MAX: f64 = 28_800.0;

/// Three durations are the least that say something about their spread.
pub(super) const MIN_SAMPLES: usize = 3;

/// Sizes have to differ for a slope: the sum of squares of `ln size`, and one duration more.
const LEAST_SIZE_SPREAD: f64 = 0.5;
const ENOUGH_FOR_SLOPE: usize = 4;

/// Twice the rows take at most 2.3 times as long: steeper slopes are an accident of few durations.
const STEEPEST: f64 = 1.2;

/// As if one more duration had been off by a factor of 3.7 (`e^1.3`): few durations that agree prove little.
const PRIOR_SQUARE: f64 = 1.69;

/// Bandwidth of the smoothing: this much of the spread, shrinking with the number of durations, never below 6 %.
const SMOOTHING: f64 = 0.7;
const SHRINKING: f64 = -0.3;
const LEAST_BANDWIDTH: f64 = 0.06;
const LEAST_IQR: f64 = 0.02;

/// The quartiles of a normal law are this many standard deviations apart.
const IQR_OF_NORMAL: f64 = 1.34;

/// A logistic with its argument stretched so is nearly a normal distribution function.
const LOGISTIC_TO_NORMAL: f64 = 1.702;

/// In logarithms, size and duration. Where sizes are not known they are all the same.
pub(super) type Point = (f64, f64);

/// A fitted law: the distribution of durations of a batch of average size, and how it scales with size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fit {
    slope: f64,
    mean_size: f64,
    p95: f64,
    /// At step `j`, the integral of the square root of the hazard up to there.
    density: Vec<f64>,
}

impl Fit {
    /// `None` while there are too few durations.
    pub(super) fn of(points: &[Point]) -> Option<Self> {
        if points.len() < MIN_SAMPLES {
            return None;
        }
        let n = points.len() as f64;
        let (slope, mean_size) = slope(points);
        let mut residuals: Vec<f64> = points.iter().map(|(size, time)| time - scale(slope, mean_size, *size)).collect();
        residuals.sort_by(f64::total_cmp);

        let mean = residuals.iter().sum::<f64>() / n;
        let squares: f64 = residuals.iter().map(|e| (e - mean).powi(2)).sum();
        let sd = ((squares + PRIOR_SQUARE) / n).sqrt() * (1.0 + 1.0 / n).sqrt();
        let iqr = (quantile(&residuals, 0.75) - quantile(&residuals, 0.25)) / IQR_OF_NORMAL;
        let bandwidth = (SMOOTHING * sd.min(iqr.max(LEAST_IQR)) * n.powf(SHRINKING)).max(LEAST_BANDWIDTH);
        Some(Self { slope, mean_size, p95: quantile(&residuals, 0.95).exp(), density: density(&residuals, bandwidth) })
    }

    /// How many times as long as an average batch one of so many rows takes. 0 rows: nobody knows how many.
    pub(super) fn factor(&self, rows: u64) -> f64 {
        if rows == 0 { 1.0 } else { scale(self.slope, self.mean_size, (rows as f64).ln()).exp() }
    }

    /// The duration that 19 of 20 batches stay below.
    pub(super) fn p95(&self, factor: f64) -> f64 {
        self.p95 * factor
    }

    /// The integral of the square root of the hazard from 0 to `t`. A law stretched by `factor` has its hazard divided by it.
    pub(super) fn integral(&self, t: f64, factor: f64) -> f64 {
        let step = (t / factor).max(MIN).ln() - MIN.ln();
        let step = (step / log_step()).min((STEPS - 1) as f64);
        let below = (step as usize).min(STEPS - 2);
        let (from, to) = (self.density[below], self.density[below + 1]);
        (from + (to - from) * (step - below as f64)) * factor.sqrt()
    }

    /// Where that integral reaches `integral`; `None` beyond the longest duration.
    pub(super) fn inverse(&self, integral: f64, factor: f64) -> Option<f64> {
        let integral = integral / factor.sqrt();
        let above = self.density.partition_point(|value| *value <= integral);
        let below = above.checked_sub(1)?;
        let (from, to) = (self.density[below], *self.density.get(above)?);
        let step = below as f64 + (integral - from) / (to - from);
        Some(MIN * (step * log_step()).exp() * factor)
    }
}

/// The slope of `ln duration` on `ln size`, 0 where there is none to see, and the mean of `ln size`.
fn slope(points: &[Point]) -> (f64, f64) {
    let n = points.len() as f64;
    let size = points.iter().map(|(size, _)| size).sum::<f64>() / n;
    let time = points.iter().map(|(_, time)| time).sum::<f64>() / n;
    let spread: f64 = points.iter().map(|(s, _)| (s - size).powi(2)).sum();
    if points.len() < ENOUGH_FOR_SLOPE || spread <= LEAST_SIZE_SPREAD {
        return (0.0, size);
    }
    let product: f64 = points.iter().map(|(s, t)| (s - size) * (t - time)).sum();
    ((product / spread).clamp(0.0, STEEPEST), size)
}

fn scale(slope: f64, mean_size: f64, size: f64) -> f64 {
    slope * (size - mean_size)
}

/// The kernel estimate of the law, as the integral of the square root of its hazard over the steps.
fn density(residuals: &[f64], bandwidth: f64) -> Vec<f64> {
    let n = residuals.len() as f64;
    let range = (MAX / MIN).ln();
    let distribution = |step: usize| {
        let over = step as f64 * log_step();
        let x = over + MIN.ln();
        let seen: f64 = residuals.iter().map(|e| logistic(LOGISTIC_TO_NORMAL * (x - e) / bandwidth)).sum();
        // One more duration, anywhere between the shortest and the longest: what never happened may.
        (seen + over / (range + 1.0)) / (n + 1.0)
    };
    let mut density = Vec::with_capacity(STEPS);
    let (mut sum, mut below, mut time) = (0.0, distribution(0), MIN);
    density.push(sum);
    for step in 1..STEPS {
        let here = distribution(step);
        let next = MIN * (step as f64 * log_step()).exp();
        let (ended, gap) = (here - below, next - time);
        let hazard = ended / gap / (1.0 - below - ended / 2.0).max(1e-9);
        // Strictly rising, so that it can be inverted.
        sum += (hazard.max(1e-12)).sqrt() * gap;
        density.push(sum);
        (below, time) = (here, next);
    }
    density
}

fn log_step() -> f64 {
    (MAX / MIN).ln() / (STEPS - 1) as f64
}

fn logistic(x: f64) -> f64 {
    // Far from the middle the exponential is not worth its time.
    if x > 20.0 {
        1.0
    } else if x < -20.0 {
        0.0
    } else {
        1.0 / (1.0 + (-x).exp())
    }
}

/// Of sorted values.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(times: impl IntoIterator<Item = f64>) -> Fit {
        let points: Vec<Point> = times.into_iter().map(|time| (0.0, time.ln())).collect();
        Fit::of(&points).expect("enough durations")
    }

    #[test]
    fn the_integral_and_its_inverse_agree() {
        let fit = fit((1..50).map(f64::from));
        for factor in [0.1, 1.0, 7.0] {
            for t in [2.0, 10.0, 60.0, 500.0] {
                let back = fit.inverse(fit.integral(t, factor), factor).expect("within the steps");
                assert!((back / t - 1.0).abs() < 1e-6, "{t} came back as {back}");
            }
        }
        assert_eq!(fit.inverse(1e9, 1.0), None);
    }

    #[test]
    fn looks_gather_where_batches_end() {
        let fit = fit((0..100).map(|i| 290.0 + f64::from(i) / 5.0));
        let gap = |t: f64| fit.inverse(fit.integral(t, 1.0) + 2.0, 1.0).unwrap_or(f64::INFINITY) - t;
        assert!(gap(100.0) > 5.0 * gap(300.0), "{} and {}", gap(100.0), gap(300.0));
    }

    #[test]
    fn a_batch_of_twice_the_rows_takes_twice_as_long() {
        let points: Vec<Point> = (1..40).map(|i| (f64::from(i).ln(), (3.0 * f64::from(i)).ln())).collect();
        let fit = Fit::of(&points).expect("enough durations");
        let ratio = fit.factor(2000) / fit.factor(1000);
        assert!((ratio - 2.0).abs() < 0.01, "{ratio}");
    }

    #[test]
    fn two_durations_say_nothing() {
        assert_eq!(Fit::of(&[(0.0, 1.0), (0.0, 2.0)]), None);
    }
}
