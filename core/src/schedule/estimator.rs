//! The end of one batch, expected from its progress. Times in seconds since its submission.

use super::decision::Fraction;
use super::history::Calibration;

/// The squared error of an estimate is never taken to be below this: 5 %.
const LEAST_ERROR: f64 = 0.003;
/// Nor above this; and a fall of progress adds this much.
const MOST_ERROR: f64 = 2.0;
const FALL_ERROR: f64 = 0.25;
/// A new error counts for 40 % of the running mean: about the last three looks.
const NEW_ERROR: f64 = 0.4;
/// A forecast is checked once progress should have moved by three steps: less says nothing.
const CHECK_STEPS: f64 = 3.0;
/// An estimate that has come true to a tenth or less is as bad as one that has not moved.
const LEAST_TRUE: f64 = 0.1;
/// A quarter of the disagreement (squared) between the rate since the beginning and the rate of late is error.
const DISAGREEMENT: f64 = 0.25;
/// "Of late" is the last third of the run.
const LATE: f64 = 3.0;
/// Rates are taken over half a second at least.
const LEAST_TIME: f64 = 0.5;
/// Clocks and answers are late by a quarter of a second.
const CLOCK_ERROR: f64 = 0.25;
/// Standard deviations (of the logarithm) that the rule for aiming was fitted for.
const SPREADS: (f64, f64) = (0.03, 1.2);
/// Progress that has not moved for a while is expected not to for 0.7 times as long again, give or take a factor of 2.2 (`e^0.8`). That
/// takes over where little is left to go by the rate: at 99 %, at 100 % and no end, in a stall near the end.
const STUCK_SHARE: f64 = 0.7;
const STUCK_SPREAD: f64 = 0.8;
/// A year: progress that has hardly begun promises no end, and sums need one.
const MAX: f64 = 365.0 * 86_400.0;
/// As many forecasts are kept for the calibration.
const FORECASTS: usize = 6;
/// As many points of progress: the rate of late needs one a third of the run ago, and thinned by half there still is one.
const POINTS: usize = 64;

/// What progress says about the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    /// Seconds still to go.
    pub(super) remaining: f64,
    /// Standard deviation of its logarithm.
    pub(super) spread: f64,
    pub(super) stuck: bool,
}

/// An estimate, to be compared with the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Forecast {
    pub(super) at: f64,
    pub(super) remaining: f64,
    /// The seconds that one step of progress takes.
    pub(super) step: f64,
}

#[derive(Debug, Clone)]
pub(super) struct ProgressEstimator {
    bias: f64,
    /// As in [`Calibration`].
    onset: f64,
    error: f64,
    error_floor: f64,
    queued: f64,
    begun: Option<Begun>,
    forecasts: Vec<Forecast>,
}

/// Since progress was first told.
#[derive(Debug, Clone)]
struct Begun {
    first: f64,
    /// The look before that.
    before: f64,
    start: f64,
    seen: f64,
    changed: f64,
    path: Vec<(f64, f64)>,
    /// Time, progress and rate as last estimated.
    last: Option<(f64, f64, f64)>,
}

impl ProgressEstimator {
    pub(super) fn new(calibration: Calibration) -> Self {
        let error = calibration.variance.max(LEAST_ERROR);
        Self {
            bias: calibration.bias,
            onset: calibration.onset,
            error,
            error_floor: error / 2.0,
            queued: 0.0,
            begun: None,
            forecasts: Vec::new(),
        }
    }

    pub(super) fn forecasts(&self) -> &[Forecast] {
        &self.forecasts
    }

    /// Where between the look before and the first that saw progress it began, from 0 to 1; `None` if that is only supposed.
    pub(super) fn onset(&self) -> Option<f64> {
        let begun = self.begun.as_ref()?;
        let between = begun.first - begun.before;
        (begun.path.len() > 2 && between > 0.0).then(|| (begun.start - begun.before) / between)
    }

    pub(super) fn queued(&mut self, t: f64) {
        self.queued = t;
    }

    /// `None` if progress has not begun. `least` is the shortest gap.
    pub(super) fn running(&mut self, t: f64, progress: Fraction, least: f64) -> Option<Estimate> {
        let (p, step) = (progress.done(), progress.step());
        // It began somewhere between the last look that saw it queued (or its submission) and this one.
        let start = self.queued + self.onset * (t - self.queued);
        let begun = self.begun.get_or_insert_with(|| Begun {
            first: t,
            before: self.queued,
            start,
            seen: self.queued,
            changed: t,
            path: vec![(start, 0.0)],
            last: None,
        });
        if begun.see(t, progress) {
            self.error = (self.error + FALL_ERROR).min(MOST_ERROR);
        }
        if p <= 0.0 {
            return None;
        }
        if let Some(error) = begun.check(t, p, step) {
            self.error = (1.0 - NEW_ERROR) * self.error + NEW_ERROR * (error * error).min(MOST_ERROR);
        }

        begun.reckon(t, p);
        let run = t - begun.start;
        let bytes = p / run.max(LEAST_TIME);
        let (then, before) = begun.late(t - run / LATE);
        let late = (p - before).max(0.25 * step) / (t - then).max(LEAST_TIME);
        let rate = (bytes * late).sqrt();
        begun.last = Some((t, p, rate));

        let bare = (1.0 - p).max(step / 2.0) / rate;
        let step_time = step / rate;
        if self.forecasts.len() < FORECASTS {
            self.forecasts.push(Forecast { at: t, remaining: bare, step: step_time });
        }
        let still = STUCK_SHARE * (t - begun.changed);
        let moving = bare * self.bias.exp();
        let (remaining, square, stuck) = if still > moving {
            (still, STUCK_SPREAD.powi(2), true)
        } else {
            let disagreement = DISAGREEMENT * (bytes / late).ln().powi(2);
            (moving, self.error.max(self.error_floor) + disagreement, false)
        };
        let remaining = remaining.clamp(least, MAX.max(least));
        let unseen = remaining * (begun.first - begun.before) / (4.0 * run.max(1.0));
        let absolute = step_time / 2.0 + CLOCK_ERROR + unseen;
        let spread = (square.min(MOST_ERROR) + (absolute / remaining).powi(2)).sqrt();
        Some(Estimate { remaining, spread: spread.clamp(SPREADS.0, SPREADS.1), stuck })
    }
}

impl Begun {
    /// Takes in a look; whether progress fell.
    fn see(&mut self, t: f64, progress: Fraction) -> bool {
        let p = progress.done();
        let before = self.path.last().map_or(0.0, |(_, p)| *p);
        let seen = std::mem::replace(&mut self.seen, t);
        if p == before {
            return false;
        }
        // It has moved until now; but where it cannot move on it stopped sometime since the last look.
        self.changed = if progress.is_spent() { f64::midpoint(seen, t) } else { t };
        if p < before {
            self.path = vec![(self.start, 0.0)];
        }
        if p > 0.0 {
            if self.path.len() >= POINTS {
                let mut index = 0;
                self.path.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
            }
            self.path.push((t, p));
        }
        p < before
    }

    /// The error of the last forecast (of the logarithm of the rate), where enough should have happened since.
    fn check(&self, t: f64, p: f64, step: f64) -> Option<f64> {
        let (then, before, rate) = self.last?;
        let expected = rate * (t - then);
        (expected > CHECK_STEPS * step).then(|| ((p - before).max(LEAST_TRUE * expected) / expected).ln())
    }

    /// Draws the line through what progress was first and is now back to nothing: there it began.
    fn reckon(&mut self, t: f64, p: f64) {
        let Some(&(first, done)) = self.path.get(1) else { return };
        if p > done && t > first {
            self.start = (first - done * (t - first) / (p - done)).clamp(self.before, self.first);
            self.path[0].0 = self.start;
        }
    }

    /// The last point of the path no later than `t`.
    fn late(&self, t: f64) -> (f64, f64) {
        let after = self.path.partition_point(|(then, _)| *then <= t);
        self.path[after.saturating_sub(1)]
    }
}

impl Estimate {
    /// The best aim in standard deviations depends on `spread * remaining / c` alone: an uncertainty worth less than a request is waited out,
    /// a greater one is looked at early. A value iteration over estimates that every look makes anew gives `0.2 - 0.6 ln` of it; estimates of
    /// one batch err alike, so that looking early teaches less, and the benchmark prefers this.
    const AIM: (f64, f64) = (0.3, 0.5);
    /// The aim is at most two standard deviations off, as far as the fit goes.
    const FARTHEST: f64 = 2.0;
    /// Beyond this the worth of a look only has to be great (`e^5` times).
    const GREATEST: f64 = 5.0;

    /// Seconds to the next look at worth `c`.
    pub(super) fn aim(self, c: f64) -> f64 {
        let off = Self::AIM.0 - Self::AIM.1 * (self.spread * self.remaining / c).ln();
        self.remaining * (off.clamp(-Self::FARTHEST, Self::FARTHEST) * self.spread).exp()
    }

    /// What a look is worth `since` seconds after the estimate: the `c` at which it would be due.
    pub(super) fn worth(self, since: f64) -> f64 {
        let late = since / self.remaining;
        let off = (late.ln() / self.spread - Self::AIM.0) / Self::AIM.1;
        self.spread * self.remaining * off.min(Self::GREATEST).exp() * late.max(1.0)
    }
}
