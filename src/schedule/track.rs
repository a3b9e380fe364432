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
/// A batch that shows 100 % and does not end is expected to take 0.7 times as long again as it has shown it, give or take a factor of 2.2.
const STUCK_SHARE: f64 = 0.7;
const STUCK_SPREAD: f64 = 0.8;
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
pub(super) struct Track {
    bias: f64,
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
    start: f64,
    changed: f64,
    path: Vec<(f64, f64)>,
    /// Time, progress and rate as last estimated.
    last: Option<(f64, f64, f64)>,
}

impl Track {
    pub(super) fn new(calibration: Calibration) -> Self {
        let error = calibration.variance.max(LEAST_ERROR);
        Self {
            bias: calibration.bias,
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

    pub(super) fn queued(&mut self, t: f64) {
        self.queued = t;
    }

    /// `None` if progress has not begun. `least` is the shortest gap.
    pub(super) fn running(&mut self, t: f64, progress: Fraction, least: f64) -> Option<Estimate> {
        let (p, step) = (progress.done(), progress.step());
        // It began somewhere between the last look that saw it queued and this one.
        let start = f64::midpoint(self.queued, t);
        let begun = self.begun.get_or_insert_with(|| Begun {
            first: t,
            start,
            changed: t,
            path: vec![(start, 0.0)],
            last: None,
        });
        if begun.see(t, p) {
            self.error = (self.error + FALL_ERROR).min(MOST_ERROR);
        }
        if p <= 0.0 {
            return None;
        }
        if let Some(error) = begun.check(t, p, step) {
            self.error = (1.0 - NEW_ERROR) * self.error + NEW_ERROR * (error * error).min(MOST_ERROR);
        }

        let run = t - begun.start;
        let whole = p / run.max(LEAST_TIME);
        let (then, before) = begun.late(t - run / LATE);
        let late = (p - before).max(0.25 * step) / (t - then).max(LEAST_TIME);
        let rate = (whole * late).sqrt();
        begun.last = Some((t, p, rate));

        let bare = (1.0 - p).max(step / 2.0) / rate;
        let step_time = step / rate;
        if self.forecasts.len() < FORECASTS {
            self.forecasts.push(Forecast { at: t, remaining: bare, step: step_time });
        }
        let (remaining, square, stuck) = if progress.is_spent() {
            let one_more = if p < 1.0 { step_time } else { 0.0 };
            ((STUCK_SHARE * (t - begun.changed)).max(one_more).max(least), STUCK_SPREAD.powi(2), true)
        } else {
            let disagreement = DISAGREEMENT * (whole / late).ln().powi(2);
            (bare * self.bias.exp(), self.error.max(self.error_floor) + disagreement, false)
        };
        let unseen = remaining * (begun.first - self.queued) / (4.0 * run.max(1.0));
        let absolute = step_time / 2.0 + CLOCK_ERROR + unseen;
        let spread = (square.min(MOST_ERROR) + (absolute / remaining).powi(2)).sqrt();
        Some(Estimate { remaining, spread: spread.clamp(SPREADS.0, SPREADS.1), stuck })
    }
}

impl Begun {
    /// Takes in a look; whether progress fell.
    fn see(&mut self, t: f64, p: f64) -> bool {
        let before = self.path.last().map_or(0.0, |(_, p)| *p);
        if p == before {
            return false;
        }
        self.changed = t;
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

    /// The last point of the path no later than `t`.
    fn late(&self, t: f64) -> (f64, f64) {
        let after = self.path.partition_point(|(then, _)| *then <= t);
        self.path[after.saturating_sub(1)]
    }
}

impl Estimate {
    /// The best aim in standard deviations is `0.2 - 0.6 ln(spread * remaining / c)`, fitted to a value iteration over estimates that each
    /// failed look renews: an uncertainty worth less than a request is waited out, a greater one is looked at early.
    const AIM: (f64, f64) = (0.2, 0.6);
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
