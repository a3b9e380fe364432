use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::LazyLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::distribution::{DurationDistribution, Point};
use super::document::Document;
use super::progress_estimator::ProgressEstimator;

/// 1/8: the distribution is fitted again once so many of the durations are new. A fit takes about 1
/// ms.
const REFIT: usize = 8;

/// 1 of 20 batches, as if so many had failed before the first one was seen.
const PRIOR_FAILED: f64 = 1.0;
const PRIOR_ENDED: f64 = 20.0;

/// 64 running batches, a quarter of [`DurationSamples::CAPACITY`]: beyond them, each of `n` at once is observed with a
/// chance of 64 in `n`. 150 of 250 are so, and 390 of 10,000.
const OBSERVED: f64 = 64.0;

/// 1 ms to 30 days: durations outside are mistakes.
const PLAUSIBLE_MILLIS: RangeInclusive<u64> = 1..=30 * 86_400_000;

/// Durations of earlier batches of one kind, and how well their progress predicted them: numbers
/// only.
///
/// One per provider, operation and account. It may be kept for as long as wanted, and
/// [stored](DurationSamples::export). Without it the first three batches are polled as if nothing
/// were known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct DurationSamples {
    pub(super) finished: Ring,
    pub(super) failed: Ring,
    pub(super) calibration: Calibration,
    distribution: Option<DurationDistribution>,
    /// Number of durations that were added since the last fit.
    unfitted: usize,
    /// Rows (0 if not known) and milliseconds so far of batches that have not ended. Without them batches that began
    /// together would learn from the short ones alone. Not stored.
    running: Vec<Option<(u64, u64)>>,
    /// Free places in `running`.
    free: Vec<RunningId>,
    /// Part of a batch that is due to be observed: each adds its share. Not stored.
    unobserved: f64,
}

/// Rows (0 if not known) and milliseconds of the last batches. Integers survive storage unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ring(VecDeque<(u64, u64)>);

/// Place of a running batch in [`DurationSamples`].
pub(super) type RunningId = usize;

/// Accuracy of estimates from progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Calibration {
    /// Number of estimates that were compared with the end, [`MAX_COUNT`](Self::MAX_COUNT) at most.
    pub(super) count: u32,
    /// Mean error, of the logarithm of the remaining time.
    pub(super) bias: f64,
    /// Variance of that error.
    pub(super) variance: f64,
    /// When batches start between the last poll without progress and the first with it: from 0 (at
    /// once) to 1.
    pub(super) onset: f64,
}

impl Calibration {
    /// 0.04, an error of 20 %, while nothing is known.
    const INITIAL_VARIANCE: f64 = 0.04;
    /// 0.0025, an error of 5 %: errors are not taken to be more alike when one of them is not known exactly.
    const MIN_VARIANCE: f64 = 0.0025;
    /// 40: a new error counts for 1 in 42 at least, so about the last forty estimates are
    /// remembered.
    const MAX_COUNT: u32 = 40;
    /// A tenth for a new onset: about the last ten batches are remembered.
    const ONSET_WEIGHT: f64 = 0.1;
    /// A factor of 3.5 (`e^1.25`): a greater error counts as this one. Batches that share a throughput seem to last longer
    /// by more at first, and with such errors take more requests.
    const MAX_ERROR: f64 = 1.25;
    /// 5 s or two steps of progress: the error of a shorter estimate is that of clocks and steps.
    const MIN_REMAINING: f64 = 5.0;
    const MIN_STEPS: f64 = 2.0;
    /// 32 errors between the least and the greatest possible one stand for all.
    const ERRORS: u32 = 32;

    /// Returns the values of a document, clamped to what is possible; `None` if they are not
    /// numbers.
    pub(super) fn validated(self) -> Option<Self> {
        let is_valid = self.bias.is_finite() && self.variance >= 0.0 && self.onset.is_finite();
        is_valid.then(|| Self {
            count: self.count.min(Self::MAX_COUNT),
            bias: self.bias.clamp(-Self::MAX_ERROR, Self::MAX_ERROR),
            variance: self.variance.min(Self::MAX_ERROR * Self::MAX_ERROR),
            onset: self.onset.clamp(0.0, 1.0),
        })
    }

    fn add_onset(&mut self, onset: f64) {
        self.onset = rounded(self.onset + Self::ONSET_WEIGHT * (onset - self.onset));
    }

    /// Adds an error between `least` and `greatest`.
    ///
    /// Where an end is known to lie between two polls only, the error is expected to be as those before, within these
    /// limits. An end in the middle would be wrong: polls aim at the expected end.
    fn add_error(&mut self, least: f64, greatest: f64) {
        let [least, greatest] = [least, greatest].map(|error| error.clamp(-Self::MAX_ERROR, Self::MAX_ERROR));
        let (error, square) = self.expected_error(least, greatest);
        self.count = (self.count + 1).min(Self::MAX_COUNT);
        let weight = 1.0 / f64::from(self.count + 2);
        self.bias = rounded(self.bias + weight * (error - self.bias));
        self.variance = rounded(self.variance + weight * (square + (error - self.bias).powi(2) - self.variance));
    }

    /// Returns mean and variance of the normal distribution of errors between two limits.
    fn expected_error(&self, least: f64, greatest: f64) -> (f64, f64) {
        let step = (greatest - least) / f64::from(Self::ERRORS);
        let error = |index: u32| least + step * (f64::from(index) + 0.5);
        let variance = self.variance.max(Self::MIN_VARIANCE);
        // Relative to the likeliest of these errors: the densities may all be too small for a number.
        let likeliest = self.bias.clamp(error(0), error(Self::ERRORS - 1));
        let density =
            |error: f64| (((likeliest - self.bias).powi(2) - (error - self.bias).powi(2)) / (2.0 * variance)).exp();
        let (mut weights, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for error in (0..Self::ERRORS).map(error) {
            let (weight, difference) = (density(error), error - likeliest);
            weights += weight;
            sum += weight * difference;
            squares += weight * difference * difference;
        }
        let mean = sum / weights;
        (likeliest + mean, (squares / weights - mean * mean).max(0.0))
    }
}

impl Default for Calibration {
    fn default() -> Self {
        Self { count: 0, bias: 0.0, variance: Self::INITIAL_VARIANCE, onset: 0.5 }
    }
}

/// Rounds to a millionth: so many digits survive storage unchanged.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

impl Ring {
    /// Adds a batch if its duration is plausible, and returns whether it is.
    pub(super) fn push(&mut self, (rows, millis): (u64, u64)) -> bool {
        let is_plausible = PLAUSIBLE_MILLIS.contains(&millis);
        if is_plausible {
            if self.0.len() == DurationSamples::CAPACITY {
                self.0.pop_front();
            }
            self.0.push_back((rows, millis));
        }
        is_plausible
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(u64, u64)> {
        self.0.iter()
    }
}

impl DurationSamples {
    /// The last 256 durations, and as many of failures: enough for the shape of their distribution,
    /// 8 kB at most when stored, and soon replaced where the provider has become faster or slower.
    pub const CAPACITY: usize = 256;

    /// Returns an empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the empty collection of all waits that neither learn nor teach.
    pub(crate) fn empty() -> &'static Self {
        static EMPTY: LazyLock<DurationSamples> = LazyLock::new(DurationSamples::new);
        &EMPTY
    }

    pub(super) fn restored(finished: Ring, failed: Ring, calibration: Calibration) -> Self {
        let mut samples = Self { finished, failed, calibration, ..Self::default() };
        samples.refit();
        samples
    }

    /// Replaces what was learned by `learned`. Waits still know the places of their batches: running batches stay.
    pub(crate) fn replace(&mut self, learned: Self) {
        let (running, free) = (std::mem::take(&mut self.running), std::mem::take(&mut self.free));
        *self = Self { running, free, ..learned };
    }

    /// Returns the number of durations of batches that finished.
    #[must_use]
    pub fn len(&self) -> usize {
        self.finished.0.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.finished.0.is_empty()
    }

    /// Adds a batch of `rows` rows (if known) that finished `duration` after its submission. An
    /// implausible duration is dropped.
    pub fn add(&mut self, rows: Option<u64>, duration: Duration) {
        if self.finished.push(sample(rows, duration)) {
            self.unfitted += 1;
            if self.distribution.is_none() || self.unfitted * REFIT >= self.len() {
                self.refit();
            }
        }
    }

    /// Adds a batch that failed. Its duration says nothing about those of others.
    pub fn add_failure(&mut self, rows: Option<u64>, duration: Duration) {
        self.failed.push(sample(rows, duration));
    }

    /// Compares the estimates of a batch with its end, which is between `earliest` and `latest`.
    pub(super) fn calibrate(&mut self, estimator: &ProgressEstimator, earliest: f64, latest: f64) {
        if let Some(onset) = estimator.onset() {
            self.calibration.add_onset(onset);
        }
        for forecast in estimator.forecasts() {
            let min_remaining = Calibration::MIN_REMAINING.max(Calibration::MIN_STEPS * forecast.step);
            // Every estimate that is long enough counts, whenever the batch ended: to leave those out of batches that
            // ended soon would teach that all take longer.
            if forecast.remaining > min_remaining && latest > forecast.at {
                let error = |end: f64| ((end - forecast.at).max(0.0) / forecast.remaining).ln();
                self.calibration.add_error(error(earliest), error(latest));
            }
        }
    }

    /// Returns the distribution of the durations; `None` while there are too few.
    pub(super) fn distribution(&self) -> Option<&DurationDistribution> {
        self.distribution.as_ref()
    }

    /// Returns the share of batches that fail.
    pub(super) fn failure_rate(&self) -> f64 {
        let (failed, ended) = (self.failed.0.len() as f64, (self.failed.0.len() + self.len()) as f64);
        (failed + PRIOR_FAILED) / (ended + PRIOR_ENDED)
    }

    /// Returns whether the next batch is one of those that are observed: it counts while it runs, and teaches its end.
    ///
    /// Of many batches at once the short ones end first. If all were observed, their ends would push out what is known
    /// of long ones. So few are that the ring holds more ends than run. The choice does not depend on how long the
    /// batch takes.
    pub(super) fn observe_next(&mut self) -> bool {
        if self.len() + self.running() < Self::CAPACITY {
            return true;
        }
        self.unobserved += (1.0 - self.running() as f64 / OBSERVED).exp().min(1.0);
        let observes = self.unobserved >= 1.0;
        if observes {
            self.unobserved -= 1.0;
        }
        observes
    }

    /// Returns the number of batches that are observed and have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len() - self.free.len()
    }

    /// Returns a place for a batch that is running.
    pub(super) fn next_running(&mut self) -> RunningId {
        self.free.pop().unwrap_or_else(|| {
            self.running.push(None);
            self.running.len() - 1
        })
    }

    /// Records that a batch of `rows` rows was running `age` seconds after its submission.
    pub(super) fn set_running(&mut self, id: RunningId, rows: u64, age: f64) {
        // Rounded down, and to the largest number for any longer time.
        self.running[id] = Some((rows, (age * 1000.0) as u64));
    }

    pub(super) fn remove_running(&mut self, id: RunningId) {
        self.running[id] = None;
        self.free.push(id);
        if self.free.len() == self.running.len() {
            self.running.clear();
            self.free.clear();
        }
    }

    fn refit(&mut self) {
        // A batch of unknown size among others would count as a very small one.
        let all_sized = self.finished.iter().all(|(rows, _)| *rows > 0);
        let log_rows = |rows: u64| if all_sized { (rows as f64).ln() } else { 0.0 };
        let point = |(rows, millis): &(u64, u64)| -> Point { (log_rows(*rows), (*millis as f64 / 1000.0).ln()) };
        let points: Vec<Point> = self.finished.iter().map(point).collect();
        let running: Vec<Point> = self.running.iter().flatten().filter(|(_, millis)| *millis > 0).map(point).collect();
        self.distribution = DurationDistribution::fit(&points, &running);
        self.unfitted = 0;
    }
}

fn sample(rows: Option<u64>, duration: Duration) -> (u64, u64) {
    (rows.unwrap_or(0), u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::schedule::{BatchSchedule, End, PollResult, Schedule};

    /// As they were written before ends were spread over the time between two polls.
    const DOCUMENT: &str =
        r#"{"version":1,"finished":[[120,61250],[0,9000]],"failed":[[7,500]],"calibration":[3,-0.125,0.0625,0.25]}"#;

    fn full(millis: u64) -> DurationSamples {
        let finished = Ring(vec![(0, millis); DurationSamples::CAPACITY].into());
        DurationSamples::restored(finished, Ring::default(), Calibration::default())
    }

    /// Runs batches that begin together, one every 10 ms, and are polled every 10 s.
    fn run_together(seconds: &[u64], samples: &mut DurationSamples, mut each: impl FnMut(u64, &DurationSamples)) {
        let mut batches: Vec<_> =
            seconds.iter().map(|_| BatchSchedule::new(Schedule::adaptive(), None, samples)).collect();
        for poll in 1.. {
            let mut runs = false;
            for (batch, seconds) in batches.iter_mut().zip(seconds) {
                let (before, now) = (10 * (poll - 1), 10 * poll);
                if now < *seconds {
                    batch.after(PollResult::running(None), Duration::from_secs(now), 0.5, samples);
                    batch.record_running(samples);
                    runs = true;
                } else if before < *seconds {
                    batch.ended(End::finished(), Duration::from_secs(now), samples);
                }
                each(now, samples);
            }
            if !runs {
                return;
            }
        }
    }

    #[test]
    fn document_of_version_1_is_read_and_written_unchanged() {
        let samples = DurationSamples::import(DOCUMENT).expect("a document");
        assert_eq!((samples.len(), samples.failed.0.len(), samples.calibration.count), (2, 1, 3));
        assert_eq!(samples.export(), DOCUMENT);
    }

    #[test]
    fn ends_of_a_large_cohort_leave_what_is_known_of_long_batches() {
        // 20 s are known, and half of 480 batches at once end before them.
        let mut samples = full(20_000);
        let seconds: Vec<u64> = (0..480).map(|batch| 2 + batch * 7 % 480 / 12).collect();
        let mut left = 0;
        run_together(&seconds, &mut samples, |now, samples| {
            if now == 20 {
                left = samples.finished.iter().filter(|(_, millis)| *millis == 20_000).count();
            }
        });
        assert!(left > 120, "{left} of 256 are left when half of the cohort has ended");
        let new = samples.finished.iter().map(|(_, millis)| *millis).filter(|millis| *millis != 20_000);
        let new: Vec<u64> = new.collect();
        let short = new.iter().filter(|millis| **millis < 20_000).count();
        assert!((0.35..0.6).contains(&(short as f64 / new.len() as f64)), "{short} of {} are short", new.len());
    }

    #[test]
    fn every_end_is_learned_where_few_batches_run_at_once() {
        let mut samples = full(600_000);
        for _ in 0..DurationSamples::CAPACITY / 16 {
            run_together(&[30; 16], &mut samples, |_, _| {});
        }
        assert!(samples.finished.iter().all(|(_, millis)| *millis <= 30_000), "{}", samples.export());
    }

    #[test]
    fn every_end_is_learned_before_the_samples_are_full() {
        let mut samples = DurationSamples::new();
        run_together(&[25; 200], &mut samples, |_, _| {});
        assert_eq!(samples.len(), 200);
    }

    #[test]
    fn calibration_finds_the_bias_behind_ends_that_are_known_to_an_interval() {
        // Errors of -0.3 to 0.7, known to parts of 0.4.
        let mut calibration = Calibration::default();
        for index in 0..2_000 {
            let error = f64::from(index) * 0.618_034 % 1.0 - 0.3;
            let least = (error / 0.4).floor() * 0.4;
            calibration.add_error(least, least + 0.4);
        }
        assert!((calibration.bias - 0.2).abs() < 0.05, "{calibration:?}");
        assert!((calibration.variance - 1.0 / 12.0).abs() < 0.03, "{calibration:?}");
    }

    #[test]
    fn calibration_learns_from_an_end_before_the_first_poll_after_the_estimate() {
        let mut calibration = Calibration::default();
        for _ in 0..100 {
            calibration.add_error(f64::NEG_INFINITY, -0.5);
        }
        assert!(calibration.bias < -0.5, "{calibration:?}");
    }

    proptest! {
        #[test]
        fn expected_error_is_within_its_limits(
            bias in -2.0..2.0f64, variance in 0.0..4.0f64, limits in [-2.0..2.0f64, -2.0..2.0f64],
        ) {
            let calibration = Calibration { bias, variance, ..Calibration::default() };
            let (least, greatest) = (limits[0].min(limits[1]), limits[0].max(limits[1]));
            let (error, square) = calibration.expected_error(least, greatest);
            prop_assert!(error >= least - 1e-9 && error <= greatest + 1e-9, "{error}");
            prop_assert!((0.0..=(greatest - least).powi(2) / 4.0 + 1e-9).contains(&square), "{square}");
            let (exact, none) = calibration.expected_error(least, least);
            prop_assert!((exact - least).abs() < 1e-9 && none < 1e-9);
        }

        #[test]
        fn calibration_stays_possible(errors in prop::collection::vec((any::<f64>(), any::<f64>()), 0..50)) {
            let mut calibration = Calibration::default();
            for (one, other) in errors.into_iter().filter(|(one, other)| !one.is_nan() && !other.is_nan()) {
                calibration.add_error(one.min(other), one.max(other));
            }
            prop_assert_eq!(calibration.validated(), Some(calibration));
        }

        #[test]
        fn observed_batches_are_few_however_many_run(running in 1..5_000usize) {
            let mut samples = full(1_000);
            for _ in 0..running {
                if samples.observe_next() {
                    samples.next_running();
                }
            }
            let expected = (running as f64).min(OBSERVED * (1.0 + (running as f64 / OBSERVED).max(1.0).ln()));
            prop_assert!((samples.running() as f64 - expected).abs() < 5.0, "{} of {running}", samples.running());
        }
    }

    #[test]
    fn document_has_pairs_of_integers_after_ends_between_two_polls() {
        let mut samples = DurationSamples::new();
        run_together(&[3, 14, 25], &mut samples, |_, _| {});
        let document: serde_json::Value = serde_json::from_str(&samples.export()).expect("JSON");
        let finished = document["finished"].as_array().expect("a list");
        assert!(finished.iter().all(|pair| pair[0] == json!(0) && pair[1].is_u64()), "{document}");
        let millis: Vec<u64> = finished.iter().filter_map(|pair| pair[1].as_u64()).collect();
        assert!(millis.iter().zip([0, 10_000, 20_000]).all(|(millis, from)| (from..=from + 10_000).contains(millis)));
    }

    #[test]
    fn expected_error_of_a_table_is_that_of_an_independent_program() {
        for (bias, variance, limits, error, square) in [
            (0.1, 0.04, (-0.3, 0.5), 0.1, 0.030_956_899_984),
            // An error of 5 % at least.
            (0.1, 0.001, (-0.3, 0.5), 0.1, 0.002_5),
            (-0.8, 0.09, (0.2, 1.25), 0.279_369_643_478, 0.005_406_154_763),
            (0.9, 0.25, (-1.25, -0.5), -0.646_823_246_395, 0.017_615_947_043),
        ] {
            let calibration = Calibration { bias, variance, ..Calibration::default() };
            let (mean, variance) = calibration.expected_error(limits.0, limits.1);
            assert!((mean - error).abs() < 1e-9 && (variance - square).abs() < 1e-9, "{bias}: {mean}, {variance}");
        }
    }

    #[test]
    fn calibration_of_a_table_is_that_of_an_independent_program() {
        let mut calibration = Calibration::default();
        for (least, greatest, expected) in [
            (-0.2, 0.3, (1, 0.009_681, 0.032_332)),
            (0.1, 0.9, (2, 0.061_106, 0.032_356)),
            (f64::NEG_INFINITY, 0.5, (3, 0.060_383, 0.032_035)),
            (0.4, f64::INFINITY, (4, 0.128_586, 0.046_713)),
        ] {
            calibration.add_error(least, greatest);
            assert_eq!((calibration.count, calibration.bias, calibration.variance), expected);
        }
        // The count stays at 40, so that new errors count.
        let mut calibration = Calibration { count: 39, bias: 0.2, variance: 0.05, onset: 0.5 };
        for (least, greatest, expected) in [(0.0, 0.4, (40, 0.2, 0.049_094)), (0.1, 0.5, (40, 0.201_807, 0.048_333))] {
            calibration.add_error(least, greatest);
            assert_eq!((calibration.count, calibration.bias, calibration.variance), expected);
        }
    }

    #[test]
    fn durations_of_one_millisecond_to_thirty_days_are_plausible() {
        let mut ring = Ring::default();
        let day = 86_400_000;
        assert_eq!([0, 1, 30 * day, 30 * day + 1].map(|millis| ring.push((1, millis))), [false, true, true, false]);
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [(1, 1), (1, 2_592_000_000)]);
    }

    #[test]
    fn onset_moves_by_a_tenth_of_the_difference() {
        let mut calibration = Calibration::default();
        for (onset, expected) in [(1.0, 0.55), (0.0, 0.495), (0.495, 0.495)] {
            calibration.add_onset(onset);
            assert_eq!(calibration.onset, expected);
        }
    }

    #[test]
    fn calibration_of_a_document_is_clamped_to_what_is_possible() {
        let validated = |bias, variance, onset| {
            let calibration = Calibration { count: 41, bias, variance, onset }.validated()?;
            Some((calibration.count, calibration.bias, calibration.variance, calibration.onset))
        };
        assert_eq!(validated(1.25, 1.5625, 1.0), Some((40, 1.25, 1.5625, 1.0)));
        assert_eq!(validated(1.26, 1.5626, 1.01), Some((40, 1.25, 1.5625, 1.0)));
        assert_eq!(validated(-1.26, 0.0, -0.01), Some((40, -1.25, 0.0, 0.0)));
        for (bias, variance, onset) in [
            (f64::NAN, 0.1, 0.5),
            (f64::INFINITY, 0.1, 0.5),
            (0.0, -0.001, 0.5),
            (0.0, f64::NAN, 0.5),
            (0.0, 0.1, f64::NAN),
            (0.0, 0.1, f64::INFINITY),
        ] {
            assert_eq!(validated(bias, variance, onset), None, "{bias}, {variance}, {onset}");
        }
    }

    /// Returns an estimator that has seen 10 % of 100 rows at 10 s, and so expects 90 s more.
    fn estimator(percent: u64, total: u64, at: f64) -> ProgressEstimator {
        let mut estimator = ProgressEstimator::new(Calibration { onset: 0.0, ..Calibration::default() });
        let progress = crate::schedule::Fraction::counted(percent, total).expect("rows");
        let _ = estimator.record_progress(at, progress, 1.0);
        estimator
    }

    #[test]
    fn estimate_is_compared_with_the_end_where_it_is_long_enough() {
        let calibrated = |estimator: &ProgressEstimator, earliest: f64, latest: f64| {
            let mut samples = DurationSamples::new();
            samples.calibrate(estimator, earliest, latest);
            samples.calibration
        };
        // 90 s were expected at 10 s.
        let estimator_90 = estimator(10, 100, 10.0);
        let forecast = estimator_90.forecasts()[0];
        assert!((forecast.remaining - 90.0).abs() < 1e-9 && (forecast.step - 1.0).abs() < 1e-9, "{forecast:?}");
        // Twice as long: the logarithm of 2 is 0.69, and counts for a third.
        let calibration = calibrated(&estimator_90, 190.0, 190.0);
        assert_eq!(calibration.count, 1);
        assert!((calibration.bias - 2.0_f64.ln() / 3.0).abs() < 1e-6, "{calibration:?}");
        // As long as expected, and half as long.
        assert!(calibrated(&estimator_90, 100.0, 100.0).bias.abs() < 1e-6);
        let calibration = calibrated(&estimator_90, 55.0, 55.0);
        assert!((calibration.bias + 2.0_f64.ln() / 3.0).abs() < 1e-6, "{calibration:?}");
        // An end before or at the poll says nothing.
        assert_eq!(calibrated(&estimator_90, 5.0, 9.0).count, 0);
        assert_eq!(calibrated(&estimator_90, 5.0, 10.0).count, 0);
        assert_eq!(calibrated(&estimator_90, 5.0, 10.001).count, 1);

        // 5 s have to remain.
        let remaining = |done: u64| estimator(done, 1_000, 10.0);
        assert!(remaining(666).forecasts()[0].remaining > 5.0 && remaining(667).forecasts()[0].remaining < 5.0);
        assert_eq!(calibrated(&remaining(666), 12.0, 12.0).count, 1);
        assert_eq!(calibrated(&remaining(667), 12.0, 12.0).count, 0);
        // More than two steps have to remain, of 10 s and of 32 s here.
        assert_eq!(calibrated(&estimator(7, 10, 70.0), 90.0, 90.0).count, 1);
        assert_eq!(calibrated(&estimator(8, 10, 80.0), 90.0, 90.0).count, 0);
        assert_eq!(calibrated(&estimator(2, 4, 64.0), 90.0, 90.0).count, 0, "exactly two");
    }

    #[test]
    fn failure_rate_counts_failures_among_ends_after_one_of_twenty() {
        let mut samples = DurationSamples::new();
        for (finished, failed, expected) in [(0, 0, 0.05), (10, 0, 1.0 / 30.0), (0, 5, 6.0 / 35.0), (5, 40, 0.575)] {
            for _ in 0..finished {
                samples.add(None, Duration::from_secs(10));
            }
            for _ in 0..failed {
                samples.add_failure(None, Duration::from_secs(10));
            }
            assert!((samples.failure_rate() - expected).abs() < 1e-12, "{}", samples.failure_rate());
        }
        assert_eq!((samples.len(), samples.is_empty(), DurationSamples::new().is_empty()), (15, false, true));
    }

    #[test]
    fn distribution_is_fitted_again_once_an_eighth_is_new() {
        let mut samples = DurationSamples::new();
        let mut fitted = vec![];
        for count in 1..=40 {
            samples.add(None, Duration::from_secs(10));
            if samples.unfitted == 0 {
                fitted.push(count);
            }
        }
        // The first two are too few for a distribution.
        let expected = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 19, 22, 26, 30, 35, 40];
        assert_eq!(fitted, expected);
    }

    #[test]
    fn every_batch_is_observed_until_ends_and_running_batches_fill_the_samples() {
        for (ends, running) in [(0, DurationSamples::CAPACITY), (156, 100), (DurationSamples::CAPACITY, 0)] {
            let mut samples = DurationSamples::new();
            for _ in 0..ends {
                samples.add(None, Duration::from_secs(10));
            }
            for _ in 0..running {
                assert!(samples.observe_next());
                samples.next_running();
            }
            let unobserved = samples.unobserved;
            let _ = samples.observe_next();
            assert_eq!(unobserved, 0.0, "{ends}, {running}");
            // Observed by chance from here on, and always while few run.
            let expected = (1.0 - running as f64 / OBSERVED).exp().min(1.0) % 1.0;
            assert!((samples.unobserved - expected).abs() < 1e-12, "{ends}, {running}: {}", samples.unobserved);
        }
    }

    #[test]
    fn running_batches_are_known_by_rows_and_milliseconds_until_they_are_removed() {
        let mut samples = DurationSamples::new();
        let (one, other) = (samples.next_running(), samples.next_running());
        samples.set_running(one, 7, 1.5);
        samples.set_running(other, 0, 0.0);
        assert_eq!(samples.running, [Some((7, 1_500)), Some((0, 0))]);
        samples.remove_running(one);
        assert_eq!((samples.running(), samples.next_running()), (1, one));
        // Waits that go on know their places after the samples were replaced.
        samples.remove_running(one);
        let mut learned = DurationSamples::new();
        learned.add(None, Duration::from_secs(10));
        samples.replace(learned);
        assert_eq!((samples.len(), samples.running(), samples.next_running()), (1, 1, one));
    }

    #[test]
    fn distribution_scales_with_rows_only_where_all_are_known_and_ignores_new_batches() {
        let fitted = |rows: u64, running: Option<f64>| {
            let mut samples = DurationSamples::new();
            if let Some(age) = running {
                let id = samples.next_running();
                samples.set_running(id, 40, age);
            }
            for (rows, seconds) in [(rows, 1), (10, 10), (20, 20), (40, 40)] {
                samples.add(Some(rows), Duration::from_secs(seconds));
            }
            samples.distribution().expect("enough durations").clone()
        };
        assert!((fitted(1, None).factor(200) / fitted(1, None).factor(100) - 2.0).abs() < 1e-6);
        assert_eq!(fitted(0, None).factor(200), fitted(0, None).factor(100));
        assert_eq!(fitted(1, Some(0.000_9)), fitted(1, None));
        assert_ne!(fitted(1, Some(0.001)), fitted(1, None));
        assert_ne!(fitted(1, Some(30.0)), fitted(1, Some(0.001)));
    }

    #[test]
    fn expected_error_far_from_the_bias_is_a_number() {
        // The density of each of these errors alone is too small for a number.
        let calibration = Calibration { bias: -1.25, variance: 0.0025, ..Calibration::default() };
        let (error, square) = calibration.expected_error(1.2, 1.25);
        assert!((error - 1.201).abs() < 0.001 && (0.0..1e-5).contains(&square), "{error}, {square}");
    }
}
