use std::time::Duration;

use super::decision::Seen;
use super::estimator::{Estimate, ProgressEstimator};
use super::{DurationSamples, End, NextPoll, PollResult, Reason, Rule, Schedule, blind};

/// A twentieth of a gap, either way: waits that began together drift apart. After a bound or a hint it is only ever added.
pub const JITTER: f64 = 0.05;

/// Failed looks are repeated after half to all of 1, 2, 4 ... seconds, 30 at most.
pub const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Each 30 s that a look is overdue are worth one more request: no batch starves behind others.
pub const OVERDUE: Duration = Duration::from_secs(30);

/// Batches that fail end before their progress says so. For their sake gaps are held to `sqrt(2c (t + 2) / share)`: the density for an end
/// that comes to a share of batches, and as likely between one and two hours as between one and two minutes.
const EARLY_START: f64 = 2.0;

/// A wait of more than a year is a year: sums with it still fit.
const MAX: f64 = 365.0 * 86_400.0;

/// One batch under a [`Schedule`]. Times count from its submission.
#[derive(Debug, Clone)]
pub struct BatchSchedule {
    schedule: Schedule,
    /// 0 where it is not known.
    size: u64,
    /// Whether times count from the submission, and not from the beginning of the wait.
    since_submission: bool,
    track: ProgressEstimator,
    /// The last look that was an answer.
    last: f64,
    looks: u32,
    failures: u32,
    /// From the last look of any kind.
    asked: f64,
    due: f64,
    earliest: f64,
    estimate: Option<Estimate>,
}

/// A gap, before bounds and jitter.
struct Gap {
    seconds: f64,
    longest: Duration,
    reason: Reason,
}

impl BatchSchedule {
    pub(super) fn new(schedule: Schedule, size: Option<u64>, history: &DurationSamples) -> Self {
        Self {
            schedule,
            size: size.unwrap_or(0),
            since_submission: true,
            track: ProgressEstimator::new(history.calibration),
            last: 0.0,
            looks: 0,
            failures: 0,
            asked: 0.0,
            due: 0.0,
            earliest: 0.0,
            estimate: None,
        }
    }

    /// The batch turns out to have `size` rows. The first to say so is believed.
    pub fn sized(&mut self, size: u64) {
        if self.size == 0 {
            self.size = size;
        }
    }

    /// The wait for the first look at a batch that was submitted `age` ago. If nobody knows when it was, it is looked at at once, and times
    /// count from now. `u`, from 0 to 1, spreads waits out; the same `u` gives the same wait.
    pub fn first(&mut self, age: Option<Duration>, u: f64, history: &DurationSamples) -> NextPoll {
        self.since_submission = age.is_some();
        let Some(age) = age else {
            return self.decide(0.0, Duration::ZERO, Reason::Floor, history);
        };
        let bounds = self.schedule.bounds;
        self.earliest = bounds.initial_min.as_secs_f64();
        let gap = match self.schedule.rule {
            Rule::Adaptive => self.blind(0.0, history),
            Rule::Fixed(_) | Rule::Exponential { .. } => self.plain(),
        };
        let (wait, reason) = self.bounded(&gap, bounds.initial_min, u);
        // Planned from the submission: a wait that begins late looks at once if that has passed.
        self.decide(age.as_secs_f64(), wait.saturating_sub(age), reason, history)
    }

    /// The wait after a look at `t` since the submission that did not end the batch.
    pub fn after(&mut self, observation: PollResult, t: Duration, u: f64, history: &DurationSamples) -> NextPoll {
        let t = t.as_secs_f64().max(self.asked);
        self.asked = t;
        let hint = observation.hint.unwrap_or_default();
        let gap = match observation.seen {
            Seen::Failed | Seen::Throttled => {
                self.failures = self.failures.saturating_add(1);
                let reason = if observation.seen == Seen::Failed { Reason::Retry } else { Reason::Throttled };
                let (backoff, _) = self.bounded(&self.backoff(u), Duration::ZERO, 0.5);
                let wait = backoff.max(spread(hint, u));
                self.earliest = t + wait.as_secs_f64();
                return self.decide(t, wait, reason, history);
            }
            Seen::Queued => {
                self.good(t);
                self.track.queued(t);
                self.gap(t, None, history)
            }
            Seen::Running(progress) => {
                self.good(t);
                let least = self.schedule.bounds.min.as_secs_f64();
                self.estimate = progress.and_then(|progress| self.track.running(t, progress, least));
                self.gap(t, self.estimate, history)
            }
        };
        let (wait, reason) = self.bounded(&gap, hint, u);
        self.earliest = t + self.schedule.bounds.min.max(hint).as_secs_f64();
        self.decide(t, wait, reason, history)
    }

    /// The batch was seen to have ended, at `t`. What that teaches goes into `history`.
    pub fn ended(self, end: End, t: Duration, history: &mut DurationSamples) {
        let t = t.as_secs_f64().max(self.last);
        let bounds = self.schedule.bounds;
        // Not looked at for longer than any schedule would: the wait was interrupted, and the end lies anywhere in between.
        let unseen = t - self.last > 2.0 * bounds.max.max(bounds.initial_min).as_secs_f64();
        let (at, uncertainty) = match end.at {
            Some(at) => (at, 0.0),
            None if unseen => return,
            None => (duration(f64::midpoint(self.last, t)), t - self.last),
        };
        if !self.since_submission {
            return;
        }
        let size = Some(self.size);
        if end.failed {
            history.add_failure(size, at);
        } else {
            history.add(size, at);
            history.calibrate(&self.track, at.as_secs_f64(), uncertainty);
        }
    }

    /// What a look at `now` is worth, in seconds of lag; 0 while a bound, a hint or a backoff forbids it. Of many batches whose look is
    /// due, the one with the most comes first.
    #[must_use]
    pub fn worth(&self, now: Duration, history: &DurationSamples) -> f64 {
        self.worth_at(now.as_secs_f64(), history)
    }

    fn worth_at(&self, now: f64, history: &DurationSamples) -> f64 {
        if now < self.earliest {
            return 0.0;
        }
        let overdue = now - self.due;
        let floor = if overdue >= 0.0 { self.schedule.worth * (1.0 + overdue / OVERDUE.as_secs_f64()) } else { 0.0 };
        if self.schedule.rule != Rule::Adaptive {
            return floor;
        }
        let worth = match self.estimate {
            Some(estimate) => estimate.worth(now - self.last),
            None => blind::worth(history, self.size, self.last, now.max(self.last)),
        };
        worth.max(floor)
    }

    fn good(&mut self, t: f64) {
        self.failures = 0;
        self.looks = self.looks.saturating_add(1);
        self.last = t;
        self.estimate = None;
    }

    fn gap(&self, t: f64, estimate: Option<Estimate>, history: &DurationSamples) -> Gap {
        match (self.schedule.rule, estimate) {
            (Rule::Adaptive, None) => self.blind(t, history),
            (Rule::Adaptive, Some(estimate)) => self.aimed(t, estimate, history),
            (Rule::Fixed(_) | Rule::Exponential { .. }, _) => self.plain(),
        }
    }

    fn plain(&self) -> Gap {
        let seconds = match self.schedule.rule {
            Rule::Adaptive => 0.0,
            Rule::Fixed(interval) => interval.as_secs_f64(),
            Rule::Exponential { first, factor, max } => {
                // A power beyond all numbers times nothing is no number: `min` then takes `max`.
                let grown = first.as_secs_f64() * factor.powi(self.looks.min(10_000) as i32);
                grown.min(max.as_secs_f64())
            }
        };
        Gap { seconds, longest: self.schedule.bounds.max, reason: Reason::Fixed }
    }

    fn blind(&self, t: f64, history: &DurationSamples) -> Gap {
        let longest = self.schedule.bounds.max_without_progress;
        let seconds = blind::gap(history, self.size, self.schedule.worth, t, longest.as_secs_f64());
        Gap { seconds, longest, reason: Reason::Blind }
    }

    fn aimed(&self, t: f64, estimate: Estimate, history: &DurationSamples) -> Gap {
        let (c, longest) = (self.schedule.worth, self.schedule.bounds.max);
        let eta = Gap { seconds: estimate.aim(c), longest, reason: Reason::Eta };
        let guard =
            Gap { seconds: (2.0 * c * (t + EARLY_START) / history.failing()).sqrt(), longest, reason: Reason::Guard };
        let aimed = if estimate.stuck {
            // Never sparser than without progress.
            Gap { reason: Reason::Stuck, ..eta.shorter(self.blind(t, history)) }
        } else {
            eta
        };
        aimed.shorter(guard)
    }

    fn backoff(&self, u: f64) -> Gap {
        let doubled = f64::from(1u32 << self.failures.saturating_sub(1).min(16)).min(MAX_BACKOFF.as_secs_f64());
        Gap { seconds: doubled * (0.5 + 0.5 * unit(u)), longest: MAX_BACKOFF, reason: Reason::Retry }
    }

    /// A gap as it is waited: spread out, within the bounds, and no shorter than `floor`.
    fn bounded(&self, gap: &Gap, floor: Duration, u: f64) -> (Duration, Reason) {
        let bounds = self.schedule.bounds;
        let spread_out = duration(gap.seconds * (1.0 + JITTER * (2.0 * unit(u) - 1.0)));
        let wait = spread_out.clamp(bounds.min, gap.longest.max(bounds.min)).max(spread(floor, u));
        let reason = if wait > spread_out { Reason::Floor } else { gap.reason };
        (wait, reason)
    }

    fn decide(&mut self, t: f64, wait: Duration, reason: Reason, history: &DurationSamples) -> NextPoll {
        self.due = t + wait.as_secs_f64();
        NextPoll {
            wait,
            reason,
            remaining: self.estimate.map(|estimate| estimate.remaining),
            spread: self.estimate.map(|estimate| estimate.spread),
            worth: self.worth_at(self.due, history),
        }
    }
}

impl Gap {
    fn shorter(self, other: Self) -> Self {
        if other.seconds < self.seconds { other } else { self }
    }
}

/// A hint with jitter added.
fn spread(floor: Duration, u: f64) -> Duration {
    floor.saturating_add(duration(floor.as_secs_f64() * JITTER * unit(u)))
}

fn unit(u: f64) -> f64 {
    if u.is_nan() { 0.5 } else { u.clamp(0.0, 1.0) }
}

/// In whole milliseconds, so that the last digit of a logarithm decides nothing. What is no number is nothing.
fn duration(seconds: f64) -> Duration {
    Duration::from_millis((seconds.min(MAX) * 1000.0).round() as u64)
}
