//! Estimate of the end of one batch from its progress. Times in seconds since its submission.

use serde::{Deserialize, Serialize};

use super::duration_samples::Calibration;
use super::exact;
use super::poll_result::Fraction;

/// 0.003 to 2, the squared error of an estimate: 5 % at least.
const MIN_ERROR: f64 = 0.003;
const MAX_ERROR: f64 = 2.0;
/// 0.25 of squared error for progress that falls.
const FALL_ERROR: f64 = 0.25;
/// 40 % for a new error in the running mean: about the last three polls count.
const ERROR_WEIGHT: f64 = 0.4;
/// 3 steps of expected progress before an estimate is checked: fewer say nothing.
const MIN_CHECK_STEPS: f64 = 3.0;
/// A tenth of the expected progress: less counts as the same error.
const MIN_CHECK_SHARE: f64 = 0.1;
/// A quarter of the squared difference between the overall rate and the recent rate counts as
/// error.
const RATE_DIFFERENCE_WEIGHT: f64 = 0.25;
/// The last third of the run is recent.
const RECENT_SHARE: f64 = 3.0;
/// 0.5 s, the shortest time that a rate is taken over.
const MIN_RATE_TIME: f64 = 0.5;
/// 0.25 s, by which clocks and responses are late.
const CLOCK_ERROR: f64 = 0.25;
/// 0.03 to 1.2 standard deviations of the logarithm, for which the rule of [`Estimate::interval`]
/// was fitted.
const MIN_SPREAD: f64 = 0.03;
const MAX_SPREAD: f64 = 1.2;
/// 0.7 times as long as progress has stalled it is expected to stall still, with a standard
/// deviation of a factor of 2.2 (`e^0.8`). This decides where the rate leaves little to do: at 99
/// %, at 100 % without an end, and in a stall near the end.
const STALL_SHARE: f64 = 0.7;
const STALL_SPREAD: f64 = 0.8;
/// 1 year: progress that has hardly begun predicts no end, and sums need a number.
const MAX_REMAINING: f64 = 365.0 * 86_400.0;
/// 6 estimates are kept for the calibration.
const MAX_FORECASTS: usize = 6;
/// 64 points of progress: the recent rate needs one from a third of the run ago, and thinned by
/// half there still is one.
const MAX_POINTS: usize = 64;

/// Estimate of the remaining time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Estimate {
    /// Remaining seconds.
    #[serde(with = "exact")]
    pub(super) remaining: f64,
    /// Standard deviation of the logarithm of `remaining`.
    #[serde(with = "exact")]
    pub(super) spread: f64,
    pub(super) is_stalled: bool,
}

/// Estimate that is compared with the end later.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Forecast {
    #[serde(with = "exact")]
    pub(super) at: f64,
    #[serde(with = "exact")]
    pub(super) remaining: f64,
    /// Seconds that one step of progress takes.
    #[serde(with = "exact")]
    pub(super) step: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ProgressEstimator {
    #[serde(with = "exact")]
    bias: f64,
    /// As in [`Calibration`].
    #[serde(with = "exact")]
    onset: f64,
    #[serde(with = "exact")]
    error: f64,
    #[serde(with = "exact")]
    min_error: f64,
    #[serde(with = "exact")]
    last_queued: f64,
    /// Allocated once progress is reported: many batches end before, or never report it.
    run: Option<Box<Run>>,
}

/// Progress since it was first reported.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Run {
    /// The first poll with progress, and the last one before it.
    #[serde(with = "exact")]
    first_poll: f64,
    #[serde(with = "exact")]
    poll_before: f64,
    /// Estimated start, between the two.
    #[serde(with = "exact")]
    start: f64,
    #[serde(with = "exact")]
    last_poll: f64,
    #[serde(with = "exact")]
    last_change: f64,
    #[serde(with = "exact::pairs")]
    points: Vec<(f64, f64)>,
    /// Time, progress and rate of the last estimate.
    #[serde(with = "exact::triple")]
    last_estimate: Option<(f64, f64, f64)>,
    /// The first estimates.
    forecasts: Vec<Forecast>,
}

impl ProgressEstimator {
    pub(super) fn new(calibration: Calibration) -> Self {
        let error = calibration.variance.max(MIN_ERROR);
        Self {
            bias: calibration.bias,
            onset: calibration.onset,
            error,
            min_error: error / 2.0,
            last_queued: 0.0,
            run: None,
        }
    }

    pub(super) fn forecasts(&self) -> &[Forecast] {
        self.run.as_ref().map_or(&[], |run| &run.forecasts)
    }

    /// Returns when the batch started between the last poll without progress and the first with it,
    /// from 0 to 1; `None` if progress does not show it.
    pub(super) fn onset(&self) -> Option<f64> {
        let run = self.run.as_ref()?;
        let between = run.first_poll - run.poll_before;
        (run.points.len() > 2 && between > 0.0).then(|| (run.start - run.poll_before) / between)
    }

    /// Records a poll at `t` that found the batch queued.
    pub(super) fn record_queued(&mut self, t: f64) {
        self.last_queued = t;
    }

    /// Records `progress` at `t` and returns the new estimate, of `min` seconds at least; `None` if
    /// progress has not begun.
    pub(super) fn record_progress(&mut self, t: f64, progress: Fraction, min: f64) -> Option<Estimate> {
        let (p, step) = (progress.done(), progress.step());
        // Started at some time between the last poll that found it queued (or the submission) and
        // this one.
        let start = self.last_queued + self.onset * (t - self.last_queued);
        let run = self.run.get_or_insert_with(|| {
            Box::new(Run {
                first_poll: t,
                poll_before: self.last_queued,
                start,
                last_poll: self.last_queued,
                last_change: t,
                points: vec![(start, 0.0)],
                last_estimate: None,
                forecasts: Vec::new(),
            })
        });
        if run.record(t, progress) {
            self.error = (self.error + FALL_ERROR).min(MAX_ERROR);
        }
        if p <= 0.0 {
            return None;
        }
        if let Some(error) = run.rate_error(t, p, step) {
            self.error = (1.0 - ERROR_WEIGHT) * self.error + ERROR_WEIGHT * (error * error).min(MAX_ERROR);
        }

        run.extrapolate_start(t, p);
        let elapsed = t - run.start;
        let overall_rate = p / elapsed.max(MIN_RATE_TIME);
        let (recent_t, recent_p) = run.point_at(t - elapsed / RECENT_SHARE);
        let recent_rate = (p - recent_p).max(0.25 * step) / (t - recent_t).max(MIN_RATE_TIME);
        let rate = (overall_rate * recent_rate).sqrt();
        run.last_estimate = Some((t, p, rate));

        let uncorrected = (1.0 - p).max(step / 2.0) / rate;
        let step_time = step / rate;
        if run.forecasts.len() < MAX_FORECASTS {
            run.forecasts.push(Forecast { at: t, remaining: uncorrected, step: step_time });
        }
        let stalled = STALL_SHARE * (t - run.last_change);
        let moving = uncorrected * self.bias.exp();
        let (remaining, square, is_stalled) = if stalled > moving {
            (stalled, STALL_SPREAD.powi(2), true)
        } else {
            let difference = RATE_DIFFERENCE_WEIGHT * (overall_rate / recent_rate).ln().powi(2);
            (moving, self.error.max(self.min_error) + difference, false)
        };
        let remaining = remaining.clamp(min, MAX_REMAINING.max(min));
        let start_error = remaining * (run.first_poll - run.poll_before) / (4.0 * elapsed.max(1.0));
        let absolute = step_time / 2.0 + CLOCK_ERROR + start_error;
        let spread = (square.min(MAX_ERROR) + (absolute / remaining).powi(2)).sqrt();
        Some(Estimate { remaining, spread: spread.clamp(MIN_SPREAD, MAX_SPREAD), is_stalled })
    }
}

impl Run {
    /// Records a poll and returns whether progress fell.
    fn record(&mut self, t: f64, progress: Fraction) -> bool {
        let p = progress.done();
        let p_before = self.points.last().map_or(0.0, |(_, p)| *p);
        let poll_before = std::mem::replace(&mut self.last_poll, t);
        if p == p_before {
            return false;
        }
        // It rises until now, unless it can rise no more: then it stopped at some time since the
        // last poll.
        self.last_change = if progress.is_exhausted() { f64::midpoint(poll_before, t) } else { t };
        if p < p_before {
            self.points = vec![(self.start, 0.0)];
        }
        if p > 0.0 {
            if self.points.len() >= MAX_POINTS {
                let mut index = 0;
                self.points.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
            }
            self.points.push((t, p));
        }
        p < p_before
    }

    /// Returns the error of the last rate (of its logarithm), if enough progress was expected
    /// since.
    fn rate_error(&self, t: f64, p: f64, step: f64) -> Option<f64> {
        let (last_t, last_p, rate) = self.last_estimate?;
        let expected = rate * (t - last_t);
        (expected > MIN_CHECK_STEPS * step).then(|| ((p - last_p).max(MIN_CHECK_SHARE * expected) / expected).ln())
    }

    /// Extends the line through the first progress and the present one back to 0: there the batch
    /// started.
    fn extrapolate_start(&mut self, t: f64, p: f64) {
        let Some(&(first_t, first_p)) = self.points.get(1) else { return };
        if p > first_p && t > first_t {
            let start = first_t - first_p * (t - first_t) / (p - first_p);
            // `clamp` would panic if a stored state had them the wrong way round.
            self.start = start.min(self.first_poll).max(self.poll_before);
            self.points[0].0 = self.start;
        }
    }

    /// Returns the last point at or before `t`.
    fn point_at(&self, t: f64) -> (f64, f64) {
        let after = self.points.partition_point(|(at, _)| *at <= t);
        self.points[after.saturating_sub(1)]
    }
}

impl Estimate {
    /// `0.38 - 0.5 ln(spread * remaining / c)`: the best offset of a poll from the expected end, in
    /// standard deviations. It depends on this ratio alone: an uncertainty that costs less than
    /// a request is waited out, a greater one is polled early. Value iteration over estimates that
    /// are made anew at every poll gives `0.2 - 0.6 ln`. The estimates of one batch err alike, so
    /// that an early poll teaches less, and the benchmark prefers this.
    const OFFSET: f64 = 0.38;
    const OFFSET_SLOPE: f64 = 0.5;
    /// 2 standard deviations, as far as the fit goes.
    const MAX_OFFSET: f64 = 2.0;
    /// A factor of 148 (`e^5`): beyond, the priority only has to be high.
    const MAX_LOG_PRIORITY: f64 = 5.0;

    /// Returns the seconds to the next poll at `c` seconds of lag per request.
    pub(super) fn interval(self, c: f64) -> f64 {
        let offset = Self::OFFSET - Self::OFFSET_SLOPE * (self.spread * self.remaining / c).ln();
        self.remaining * (offset.clamp(-Self::MAX_OFFSET, Self::MAX_OFFSET) * self.spread).exp()
    }

    /// Returns the value of a poll `elapsed` seconds after the estimate: the `c` at which it would
    /// be due.
    pub(super) fn priority(self, elapsed: f64) -> f64 {
        let ratio = elapsed / self.remaining;
        let offset = (ratio.ln() / self.spread - Self::OFFSET) / Self::OFFSET_SLOPE;
        self.spread * self.remaining * offset.min(Self::MAX_LOG_PRIORITY).exp() * ratio.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Poll {
        Queued(f64),
        /// Time, progress and step, and the expected estimate: remaining time, spread, and whether progress has stalled.
        Progress((f64, f64, f64), Option<(f64, f64, bool)>),
    }

    fn is_near(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= 1e-9 * expected.abs()
    }

    fn assert_near_option(value: Option<f64>, expected: Option<f64>) {
        let equal = match (value, expected) {
            (Some(value), Some(expected)) => is_near(value, expected),
            (value, expected) => value == expected,
        };
        assert!(equal, "{value:?} is not {expected:?}");
    }

    /// Checks estimates against an independent program of the formulas, and returns the estimator.
    fn assert_estimates(calibration: Calibration, min: f64, polls: &[Poll]) -> ProgressEstimator {
        let mut estimator = ProgressEstimator::new(calibration);
        for poll in polls {
            match *poll {
                Poll::Queued(t) => estimator.record_queued(t),
                Poll::Progress((t, done, step), expected) => {
                    let progress = Fraction::new(done, step).expect("numbers");
                    let estimate = estimator.record_progress(t, progress, min);
                    let values = estimate.map(|estimate| (estimate.remaining, estimate.spread, estimate.is_stalled));
                    let equal = match (values, expected) {
                        (Some(value), Some(expected)) => {
                            is_near(value.0, expected.0) && is_near(value.1, expected.1) && value.2 == expected.2
                        }
                        (value, expected) => value == expected,
                    };
                    assert!(equal, "at {t} s: {values:?} is not {expected:?}");
                }
            }
        }
        estimator
    }

    #[test]
    fn estimates_of_counted_rows_after_a_queued_poll_follow_the_formula() {
        let polls = [
            Poll::Queued(10.0),
            Poll::Progress((20.0, 0.05, 0.001), Some((95.0, 0.5414497825616066, false))),
            Poll::Progress((30.0, 0.16, 0.001), Some((76.36363636363636, 0.2419082107396505, false))),
            Poll::Progress((45.0, 0.3, 0.001), Some((72.4568837309472, 0.1903267168220648, false))),
            Poll::Progress((60.0, 0.47, 0.001), Some((48.585020342495206, 0.1786568565632159, false))),
            Poll::Progress((100.0, 0.8, 0.001), Some((22.741409744598435, 0.2304445024540941, false))),
            Poll::Progress((120.0, 0.97, 0.001), Some((3.4262414443209677, 0.2099317452904065, false))),
        ];
        let estimator = assert_estimates(Calibration::default(), 1.0, &polls);
        assert_near_option(estimator.onset(), Some(0.45652173913043476));
    }

    #[test]
    fn estimates_of_a_percentage_that_stays_at_its_end_follow_the_formula() {
        let polls = [
            Poll::Progress((5.0, 0.0, 0.01), None),
            Poll::Progress((12.0, 0.02, 0.01), Some((643.3739028608695, 0.1568549531447735, false))),
            Poll::Progress((14.0, 0.1, 0.01), Some((98.93362341097375, 0.1769338534745117, false))),
            Poll::Progress((20.0, 0.5, 0.01), Some((12.954932592825132, 0.9687073610033003, false))),
            Poll::Progress((24.0, 0.99, 0.01), Some((1.4, 0.8532841804630218, true))),
            Poll::Progress((30.0, 0.99, 0.01), Some((5.6, 0.808210849994711, true))),
            Poll::Progress((32.0, 1.0, 0.01), Some((1.0, 0.9052161170270157, true))),
            Poll::Progress((60.0, 1.0, 0.01), Some((20.299999999999997, 0.8319536750528297, true))),
        ];
        let estimator = assert_estimates(
            Calibration { bias: 0.2, variance: 0.01, onset: 0.25, ..Calibration::default() },
            1.0,
            &polls,
        );
        assert_near_option(estimator.onset(), Some(1.0));
    }

    #[test]
    fn estimates_after_progress_fell_and_stalled_follow_the_formula() {
        let polls = [
            Poll::Progress((30.0, 0.2, 0.1), Some((54.29024508215757, 0.5762868364868117, false))),
            Poll::Progress((60.0, 0.4, 0.1), Some((81.43536762323635, 0.492397128078848, false))),
            Poll::Progress((70.0, 0.1, 0.1), Some((570.0475733626545, 0.6874120880795046, false))),
            Poll::Progress((90.0, 0.3, 0.1), Some((89.57433438303752, 0.7789945306427609, false))),
            Poll::Progress((150.0, 0.3, 0.1), Some((620.5891928223392, 1.2, false))),
            Poll::Progress((400.0, 0.3, 0.1), Some((2575.4243807449975, 1.2, false))),
            Poll::Progress((410.0, 0.0, 0.1), None),
            Poll::Progress((430.0, 0.2, 0.1), Some((1556.3203590218504, 1.150609141508792, false))),
            Poll::Progress((440.0, 0.3, 0.1), Some((865.6277965877346, 1.1514770152234293, false))),
        ];
        let estimator =
            assert_estimates(Calibration { bias: -0.1, variance: 0.0, ..Calibration::default() }, 2.0, &polls);
        assert_near_option(estimator.onset(), Some(1.0));
    }

    #[test]
    fn estimates_within_a_second_follow_the_formula() {
        let polls = [
            Poll::Progress((0.2, 0.5, 0.0001), Some((0.5, 0.5853289758759599, false))),
            Poll::Progress((0.4, 0.6, 0.0001), Some((0.8164965809277263, 1.070392165714806, false))),
            Poll::Progress((0.5, 0.60001, 0.0001), Some((0.8164285442234536, 1.2, false))),
        ];
        let estimator = assert_estimates(Calibration::default(), 0.001, &polls);
        assert_near_option(estimator.onset(), Some(0.0));
    }

    #[test]
    fn estimates_of_hardly_any_progress_are_limited_to_a_year() {
        let polls = [
            Poll::Progress((1000000.0, 1e-07, 1e-07), Some((31536000.0, 1.2, false))),
            Poll::Progress((2000000.0, 1.1e-07, 1e-07), Some((31536000.0, 1.2, false))),
        ];
        let estimator = assert_estimates(Calibration { variance: 3.0, ..Calibration::default() }, 1.0, &polls);
        assert_near_option(estimator.onset(), Some(0.0));
    }

    #[test]
    fn estimates_of_progress_that_falls_again_and_again_are_limited_in_error() {
        let polls = [
            Poll::Progress((10.0, 0.49, 0.0001), Some((5.204081632653061, 0.583484747196923, false))),
            Poll::Progress((20.0, 0.48, 0.0001), Some((16.25, 1.0035824273092921, false))),
            Poll::Progress((30.0, 0.47, 0.0001), Some((28.191489361702132, 1.2, false))),
            Poll::Progress((40.0, 0.46, 0.0001), Some((41.08695652173913, 1.2, false))),
            Poll::Progress((50.0, 0.45, 0.0001), Some((55.0, 1.2, false))),
            Poll::Progress((60.0, 0.44, 0.0001), Some((70.0, 1.2, false))),
            Poll::Progress((70.0, 0.43, 0.0001), Some((86.16279069767444, 1.2, false))),
            Poll::Progress((80.0, 0.42, 0.0001), Some((103.57142857142858, 1.2, false))),
            Poll::Progress((90.0, 0.41000000000000003, 0.0001), Some((122.31707317073169, 1.2, false))),
            Poll::Progress((100.0, 0.4, 0.0001), Some((142.5, 1.2, false))),
            Poll::Progress((110.0, 0.39, 0.0001), Some((164.23076923076923, 1.2, false))),
        ];
        let estimator = assert_estimates(Calibration::default(), 1.0, &polls);
        assert_near_option(estimator.onset(), None);
    }

    #[test]
    fn estimates_of_a_hundred_polls_are_those_of_the_points_that_are_kept() {
        let mut estimator = ProgressEstimator::new(Calibration::default());
        let mut estimate = None;
        for poll in 1..=100 {
            let poll = f64::from(poll);
            let progress = Fraction::new(poll / 110.0, 0.001).expect("numbers");
            estimate = estimator.record_progress(poll * poll, progress, 1.0);
            let points = estimator.run.as_ref().map_or(0, |run| run.points.len());
            assert!((2..=MAX_POINTS).contains(&points), "{points} points");
        }
        let estimate = estimate.expect("progress");
        assert!(is_near(estimate.remaining, 1341.6407864998746), "{estimate:?}");
        assert!(is_near(estimate.spread, 0.49765957741258493), "{estimate:?}");
        let run = estimator.run.expect("progress");
        assert_eq!((run.points.len(), run.forecasts.len()), (37, MAX_FORECASTS));
    }

    #[test]
    fn interval_and_priority_of_an_estimate_follow_the_formula() {
        let estimate = |remaining, spread| Estimate { remaining, spread, is_stalled: false };
        for (remaining, spread, c, expected) in [
            (100.0, 0.2, 0.5, 74.61057405850767),
            (100.0, 0.2, 20.0, 107.89625741572839),
            (1000.0, 1.2, 0.01, 90.7179532894125),
            (10.0, 0.03, 50.0, 10.618365465453596),
            (5.0, 0.5, 2.0, 5.7181883008740595),
        ] {
            let interval = estimate(remaining, spread).interval(c);
            assert!(is_near(interval, expected), "{remaining}, {spread}, {c}: {interval}");
        }
        for (remaining, spread, elapsed, expected) in [
            (100.0, 0.2, 90.0, 3.261304005139114),
            (100.0, 0.2, 110.0, 26.686137915774918),
            (100.0, 0.2, 300.0, 8904.789546154596),
            (10.0, 0.5, 5.0, 0.14614575844059663),
            (10.0, 0.5, 12.0, 5.818518618286485),
            (10.0, 1.2, 1.0, 0.12090681284560946),
        ] {
            let priority = estimate(remaining, spread).priority(elapsed);
            assert!(is_near(priority, expected), "{remaining}, {spread}, {elapsed}: {priority}");
        }
    }

    #[test]
    fn estimates_at_the_end_of_coarse_progress_are_half_a_step_away() {
        let polls = [
            Poll::Progress((10.0, 0.5, 0.5), Some((5.0, 1.0688779163215976, false))),
            Poll::Progress((12.0, 1.0, 0.5), Some((1.0, 1.2, false))),
        ];
        let estimator = assert_estimates(Calibration::default(), 1.0, &polls);
        assert_near_option(estimator.onset(), Some(0.8));
    }

    #[test]
    fn estimates_of_progress_that_stays_where_it_began_follow_the_formula() {
        let polls = [
            Poll::Progress((10.0, 0.2, 0.1), Some((20.0, 0.608789783094296, false))),
            Poll::Progress((20.0, 0.2, 0.1), Some((138.5640646055102, 1.2, false))),
            Poll::Progress((30.0, 0.3, 0.1), Some((98.99494936611664, 0.9843030752037599, false))),
            Poll::Progress((31.0, 0.35, 0.05), Some((72.3809367167903, 0.9441524759330109, false))),
        ];
        let estimator = assert_estimates(Calibration::default(), 1.0, &polls);
        assert_near_option(estimator.onset(), Some(0.0));
    }

    #[test]
    fn estimates_of_two_responses_at_one_time_follow_the_formula() {
        let polls = [
            Poll::Progress((10.0, 0.2, 0.1), Some((20.0, 0.608789783094296, false))),
            Poll::Progress((10.0, 0.4, 0.1), Some((7.5, 0.6482883446258908, false))),
            Poll::Progress((20.0, 0.5, 0.1), Some((28.867513459481295, 1.0920816669196804, false))),
        ];
        let estimator = assert_estimates(Calibration::default(), 1.0, &polls);
        assert_near_option(estimator.onset(), Some(0.3333333333333333));
    }

    #[test]
    fn estimates_from_the_submission_on_have_no_onset() {
        let polls = [
            Poll::Progress((0.0, 0.1, 0.1), Some((9.0, 0.7262213563113149, false))),
            Poll::Progress((10.0, 0.2, 0.1), Some((56.568542494923804, 0.9739566016524311, false))),
            Poll::Progress((20.0, 0.4, 0.1), Some((30.0, 0.9123611005395713, false))),
        ];
        let estimator = assert_estimates(Calibration::default(), 1.0, &polls);
        assert_near_option(estimator.onset(), None);
    }
}
