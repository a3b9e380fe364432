use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::estimator::ProgressEstimator;
use super::fit::{Fit, Point};

/// The last 256 durations are kept, and as many of failures: enough for the shape of their law, at most 8 kB stored, and soon made up of
/// new ones where the provider has become faster or slower.
pub const RING: usize = 256;

/// The law is fitted again once an eighth more durations have come in: a fit costs about a millisecond.
const REFIT: usize = 8;

/// As if 1 of 20 batches had failed before the first was seen.
const PRIOR_FAILED: f64 = 1.0;
const PRIOR_ENDED: f64 = 20.0;

/// No batch takes longer than 30 days; a longer duration is a mistake. Nor is there one that takes no time.
const MILLIS: RangeInclusive<u64> = 1..=30 * 86_400_000;

/// How long batches of one kind took, and how well their progress foretold it: numbers, nothing that names anybody.
///
/// One for each provider, operation and account. Keep it as long as you like, [export](History::export) it if you wish; without it the
/// first three batches are looked at as if nothing were known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct DurationSamples {
    pub(super) finished: Ring,
    pub(super) failed: Ring,
    pub(super) calibration: Calibration,
    fit: Option<Fit>,
    /// Durations that came in since the fit.
    fresh: usize,
}

/// The last so many batches: rows (0 where nobody knows) and milliseconds. Whole numbers are the same after they were stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ring(VecDeque<(u64, u64)>);

/// What progress is worth: mean and variance of the error (of the logarithm) over `count` forecasts, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Calibration {
    pub(super) count: u32,
    pub(super) bias: f64,
    pub(super) variance: f64,
    /// Where between the look before and the first that saw progress batches begin, from 0 (at once) to 1.
    pub(super) onset: f64,
}

impl Calibration {
    /// 20 % off, where nothing is known.
    const VARIANCE: f64 = 0.04;
    /// A new error counts for at least 1 in 42: the last forty forecasts or so are what is remembered.
    const MEMORY: u32 = 40;
    /// A new onset counts for a tenth: the last ten batches or so.
    const NEW_ONSET: f64 = 0.1;
    /// Forecasts are off by a factor of 7.4 at most (`e^2`); more is an accident.
    const MOST: f64 = 2.0;
    /// Forecasts of less than 5 s, or of two steps of progress, tell about clocks and steps rather than forecasts.
    const LEAST_FORECAST: f64 = 5.0;
    const LEAST_STEPS: f64 = 2.0;
    /// The end has to be known more precisely than the rest of the way was long: by this factor.
    const PRECISION: f64 = 2.0;

    /// What a document says, held within what it can be.
    pub(super) fn checked(self) -> Option<Self> {
        let known = self.bias.is_finite() && self.variance >= 0.0 && self.onset.is_finite();
        known.then(|| Self {
            count: self.count.min(Self::MEMORY),
            bias: self.bias.clamp(-Self::MOST, Self::MOST),
            variance: self.variance.min(Self::MOST * Self::MOST),
            onset: self.onset.clamp(0.0, 1.0),
        })
    }

    fn learn_onset(&mut self, onset: f64) {
        self.onset = rounded(self.onset + Self::NEW_ONSET * (onset - self.onset));
    }

    fn learn(&mut self, error: f64) {
        self.count = (self.count + 1).min(Self::MEMORY);
        let weight = 1.0 / f64::from(self.count + 2);
        self.bias = rounded(self.bias + weight * (error - self.bias));
        self.variance = rounded(self.variance + weight * ((error - self.bias).powi(2) - self.variance));
    }
}

impl Default for Calibration {
    fn default() -> Self {
        Self { count: 0, bias: 0.0, variance: Self::VARIANCE, onset: 0.5 }
    }
}

/// To a millionth: as many digits are the same after they were stored.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

impl Ring {
    /// Takes in a batch, if its duration can be true; whether it can.
    pub(super) fn push(&mut self, (size, millis): (u64, u64)) -> bool {
        let plausible = MILLIS.contains(&millis);
        if plausible {
            if self.0.len() == RING {
                self.0.pop_front();
            }
            self.0.push_back((size, millis));
        }
        plausible
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(u64, u64)> {
        self.0.iter()
    }
}

impl DurationSamples {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn restored(finished: Ring, failed: Ring, calibration: Calibration) -> Self {
        let mut history = Self { finished, failed, calibration, ..Self::default() };
        history.refit();
        history
    }

    /// How many durations of batches that finished it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.finished.0.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.finished.0.is_empty()
    }

    /// Takes in a batch of `size` rows (if that is known) that finished `after` its submission. What cannot be true is dropped.
    pub fn add(&mut self, size: Option<u64>, after: Duration) {
        if self.finished.push(record(size, after)) {
            self.fresh += 1;
            if self.fit.is_none() || self.fresh * REFIT >= self.len() {
                self.refit();
            }
        }
    }

    /// Takes in a batch that failed. How long it took says nothing about how long others take.
    pub fn add_failure(&mut self, size: Option<u64>, after: Duration) {
        self.failed.push(record(size, after));
    }

    /// Compares what progress foretold with the end, `end` give or take half of `uncertainty`.
    pub(super) fn calibrate(&mut self, track: &ProgressEstimator, end: f64, uncertainty: f64) {
        if let Some(onset) = track.onset() {
            self.calibration.learn_onset(onset);
        }
        for forecast in track.forecasts() {
            let took = end - forecast.at;
            let telling =
                forecast.remaining > Calibration::LEAST_FORECAST.max(Calibration::LEAST_STEPS * forecast.step);
            if telling && took > Calibration::PRECISION * uncertainty && took > 0.0 {
                let error = (took / forecast.remaining).ln().clamp(-Calibration::MOST, Calibration::MOST);
                self.calibration.learn(error);
            }
        }
    }

    pub(super) fn fit(&self) -> Option<&Fit> {
        self.fit.as_ref()
    }

    /// The share of batches that fail.
    pub(super) fn failing(&self) -> f64 {
        let (failed, ended) = (self.failed.0.len() as f64, (self.failed.0.len() + self.len()) as f64);
        (failed + PRIOR_FAILED) / (ended + PRIOR_ENDED)
    }

    fn refit(&mut self) {
        // One batch of unknown size among others would look like a very small one.
        let sized = self.finished.iter().all(|(size, _)| *size > 0);
        let log_size = |size: u64| if sized { (size as f64).ln() } else { 0.0 };
        let point = |(size, millis): &(u64, u64)| -> Point { (log_size(*size), (*millis as f64 / 1000.0).ln()) };
        let points: Vec<Point> = self.finished.iter().map(point).collect();
        self.fit = Fit::of(&points);
        self.fresh = 0;
    }
}

fn record(size: Option<u64>, after: Duration) -> (u64, u64) {
    (size.unwrap_or(0), u64::try_from(after.as_millis()).unwrap_or(u64::MAX))
}
