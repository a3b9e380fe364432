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
    /// 40: a new error counts for 1 in 42 at least, so about the last forty estimates are
    /// remembered.
    const MAX_COUNT: u32 = 40;
    /// A tenth for a new onset: about the last ten batches are remembered.
    const ONSET_WEIGHT: f64 = 0.1;
    /// A factor of 7.4 (`e^2`): a greater error is an accident.
    const MAX_ERROR: f64 = 2.0;
    /// 5 s or two steps of progress: the error of a shorter estimate is that of clocks and steps.
    const MIN_REMAINING: f64 = 5.0;
    const MIN_STEPS: f64 = 2.0;
    /// A factor of 2: the estimated time has to be longer than the uncertainty of the end by it.
    const MIN_PRECISION: f64 = 2.0;

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

    fn add_error(&mut self, error: f64) {
        self.count = (self.count + 1).min(Self::MAX_COUNT);
        let weight = 1.0 / f64::from(self.count + 2);
        self.bias = rounded(self.bias + weight * (error - self.bias));
        self.variance = rounded(self.variance + weight * ((error - self.bias).powi(2) - self.variance));
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

    /// Compares the estimates of a batch with its end, which is known to half of `uncertainty`
    /// either way.
    pub(super) fn calibrate(&mut self, estimator: &ProgressEstimator, end: f64, uncertainty: f64) {
        if let Some(onset) = estimator.onset() {
            self.calibration.add_onset(onset);
        }
        for forecast in estimator.forecasts() {
            let actual = end - forecast.at;
            let min_remaining = Calibration::MIN_REMAINING.max(Calibration::MIN_STEPS * forecast.step);
            let is_long_enough = forecast.remaining > min_remaining;
            if is_long_enough && actual > Calibration::MIN_PRECISION * uncertainty && actual > 0.0 {
                let error = (actual / forecast.remaining).ln();
                self.calibration.add_error(error.clamp(-Calibration::MAX_ERROR, Calibration::MAX_ERROR));
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

    /// Returns the number of batches that have not ended.
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
