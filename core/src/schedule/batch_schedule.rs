use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration_samples::RunningId;
use super::next_poll::{NextPoll, Reason};
use super::poll_result::PollStatus;
use super::progress_estimator::{Estimate, ProgressEstimator};
use super::{DurationSamples, End, PollResult, Rule, Schedule, exact, without_progress};

/// Half to all of 1, 2, 4 ... seconds after a failed poll, 30 s at most.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// 30 s: a poll that is overdue so long has the priority of one request more, so no batch starves.
const OVERDUE: Duration = Duration::from_secs(30);

/// 2 s in `sqrt(2c (t + 2) / share)`, the longest interval that notices early failures: batches that
/// fail end before their progress says so. The formula is the density for an end that comes to a
/// share of batches. It is as likely between 1 and 2 hours as between 1 and 2 minutes.
const EARLY_FAILURE_START: f64 = 2.0;

/// 1 s, or the shortest interval if that is less: first polls that are due at once, or at a bound, are spread over it. It is as much as
/// providers ask between two polls of one batch, and hardly noticed by a caller.
const MAX_FIRST_DELAY: Duration = Duration::from_secs(1);

/// 0.618: multiples of it are spread evenly over the numbers from 0 to 1.
const GOLDEN_RATIO: f64 = 0.618_033_988_749_895;

/// 1 year, the longest wait: sums with it do not overflow.
const MAX_WAIT: f64 = 365.0 * 86_400.0;

/// State of one batch under a [`Schedule`]. Times count from its submission.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BatchSchedule {
    schedule: Schedule,
    /// 0 where it is not known.
    rows: u64,
    /// Whether times count from the submission, or almost, and not from the start of the wait.
    since_submission: bool,
    estimator: ProgressEstimator,
    /// The last successful poll.
    #[serde(with = "exact")]
    last_success: f64,
    successes: u32,
    /// Failed polls since the last successful one.
    failures: u32,
    /// The last poll, successful or not.
    #[serde(with = "exact")]
    last_poll: f64,
    #[serde(with = "exact")]
    due: f64,
    /// Before this time a bound, a `Retry-After` or a backoff forbids a poll.
    #[serde(with = "exact")]
    earliest: f64,
    estimate: Option<Estimate>,
    /// Its place among the running batches of the samples. Not stored: they are samples of this process.
    #[serde(skip)]
    running: Option<RunningId>,
    /// Whether the samples observe it; `None` before that is decided.
    is_observed: Option<bool>,
}

/// An interval before bounds and jitter.
struct Interval {
    seconds: f64,
    max: Duration,
    reason: Reason,
}

impl BatchSchedule {
    /// 5 % of an interval either way: waits that began together drift apart. To a `Retry-After`, and to the shortest time
    /// to the first poll, it is added only.
    pub const JITTER: f64 = 0.05;

    /// Returns the schedule of one batch, of `rows` rows if that is known.
    #[must_use]
    pub fn new(schedule: Schedule, rows: Option<u64>, samples: &DurationSamples) -> Self {
        Self {
            schedule,
            rows: rows.unwrap_or(0),
            since_submission: true,
            estimator: ProgressEstimator::new(samples.calibration),
            last_success: 0.0,
            successes: 0,
            failures: 0,
            last_poll: 0.0,
            due: 0.0,
            earliest: 0.0,
            estimate: None,
            running: None,
            is_observed: None,
        }
    }

    /// Returns the same schedule before its first poll, of `rows` rows if that is known.
    pub(crate) fn begin(&self, rows: Option<u64>, samples: &DurationSamples) -> Self {
        let known = if self.rows == 0 { rows } else { Some(self.rows) };
        Self::new(self.schedule, known, samples)
    }

    /// Sets the number of rows, unless it is known already.
    pub fn set_rows(&mut self, rows: u64) {
        if self.rows == 0 {
            self.rows = rows;
        }
    }

    /// Returns the time of the first poll of a batch that was submitted `age` ago. With an unknown
    /// age the poll is due at once, and times count from now.
    ///
    /// `jitter`, from 0 to 1, spreads waits out. The same `jitter` gives the same wait. The first polls of waits that
    /// began together are spread over a tenth of the interval. Those that are due at once or at a bound are spread over
    /// the shortest interval, 1 s at most, as far as the bounds allow.
    pub fn first(&mut self, age: Option<Duration>, jitter: f64, samples: &DurationSamples) -> NextPoll {
        self.since_submission = age.is_some();
        let bounds = self.schedule.bounds;
        let max_delay = bounds.min().min(MAX_FIRST_DELAY);
        let delay = duration(max_delay.as_secs_f64() * unit(jitter));
        let Some(age) = age else {
            return self.plan(0.0, delay, Reason::LowerBound, samples);
        };
        self.earliest = bounds.initial_min().as_secs_f64();
        let interval = match self.schedule.rule {
            Rule::Adaptive => self.first_interval(samples),
            Rule::Fixed(_) | Rule::Exponential { .. } => self.fixed(),
        };
        // Bounds would take the jitter away.
        let max = interval.max.saturating_sub(max_delay.saturating_sub(delay));
        let min = bounds.min().saturating_add(delay).min(max);
        let (wait, reason) = self.bounded(&Interval { max, ..interval }, bounds.initial_min(), jitter);
        let wait = wait.max(min);
        // Planned from the submission: a wait that begins late polls at once if that time has
        // passed.
        self.plan(age.as_secs_f64(), wait.saturating_sub(age).max(delay), reason, samples)
    }

    /// Returns the time of the next poll after one at `t` that did not end the batch.
    pub fn after(&mut self, result: PollResult, t: Duration, jitter: f64, samples: &DurationSamples) -> NextPoll {
        let t = t.as_secs_f64().max(self.last_poll);
        // It was submitted lately: times count from when it was first seen.
        self.since_submission |= self.successes == 0 && result.status == PollStatus::Queued;
        self.last_poll = t;
        let retry_after = result.retry_after.unwrap_or_default();
        let interval = match result.status {
            PollStatus::Failed | PollStatus::Throttled => {
                self.failures = self.failures.saturating_add(1);
                let reason = if result.status == PollStatus::Failed { Reason::Retry } else { Reason::Throttled };
                let (backoff, _) = self.bounded(&self.backoff(jitter), Duration::ZERO, 0.5);
                let wait = backoff.max(with_jitter(retry_after, jitter));
                self.earliest = t + wait.as_secs_f64();
                return self.plan(t, wait, reason, samples);
            }
            PollStatus::Queued => {
                self.record_success(t);
                self.estimator.record_queued(t);
                self.interval(t, None, samples)
            }
            PollStatus::Running(progress) => {
                self.record_success(t);
                let min = self.schedule.bounds.min().as_secs_f64();
                self.estimate = progress.and_then(|progress| self.estimator.record_progress(t, progress, min));
                self.interval(t, self.estimate, samples)
            }
        };
        let (wait, reason) = self.bounded(&interval, retry_after, jitter);
        self.earliest = t + self.schedule.bounds.min().max(retry_after).as_secs_f64();
        self.plan(t, wait, reason, samples)
    }

    /// Counts the batch as a running one in `samples`, as old as the last successful poll saw it.
    pub fn record_running(&mut self, samples: &mut DurationSamples) {
        if self.since_submission && self.successes > 0 && self.is_observed(samples) {
            let id = *self.running.get_or_insert_with(|| samples.next_running());
            samples.set_running(id, self.rows, self.last_success);
        }
    }

    /// Adds what the batch teaches to `samples`, once a poll at `t` has seen its end.
    pub fn ended(&mut self, end: End, t: Duration, samples: &mut DurationSamples) {
        self.stopped(samples);
        let t = t.as_secs_f64().max(self.last_success);
        let bounds = self.schedule.bounds;
        // Longer without a poll than any schedule asks for: the wait was interrupted, and the end
        // is at any time in between.
        let was_interrupted = t - self.last_success > 2.0 * bounds.max().max(bounds.initial_min()).as_secs_f64();
        let (earliest, latest) = match end.at {
            Some(at) => (at.as_secs_f64(), at.as_secs_f64()),
            None if was_interrupted => return,
            None => (self.last_success, t),
        };
        if !self.since_submission {
            return;
        }
        if self.is_observed(samples) {
            let (rows, at) = (Some(self.rows), duration(any_time(earliest, latest)));
            if end.is_failure {
                samples.add_failure(rows, at);
            } else {
                samples.add(rows, at);
            }
        }
        if !end.is_failure {
            samples.calibrate(&self.estimator, earliest, latest);
        }
    }

    /// Returns whether `samples` observe the batch, which is decided once.
    fn is_observed(&mut self, samples: &mut DurationSamples) -> bool {
        *self.is_observed.get_or_insert_with(|| samples.observe_next())
    }

    /// Takes the batch from the running ones in `samples`: its wait is over, with or without an end.
    pub fn stopped(&mut self, samples: &mut DurationSamples) {
        if let Some(id) = self.running.take() {
            samples.remove_running(id);
        }
    }

    /// Returns the value of a poll at `now` in seconds of lag; 0 while a bound, a `Retry-After` or
    /// a backoff forbids it.
    ///
    /// Of many batches that are due, the one with the highest priority is polled first.
    #[must_use]
    pub fn priority(&self, now: Duration, samples: &DurationSamples) -> f64 {
        self.priority_at(now.as_secs_f64(), samples)
    }

    fn priority_at(&self, now: f64, samples: &DurationSamples) -> f64 {
        if now < self.earliest {
            return 0.0;
        }
        let overdue = now - self.due;
        let min =
            if overdue >= 0.0 { self.schedule.lag_per_request * (1.0 + overdue / OVERDUE.as_secs_f64()) } else { 0.0 };
        if self.schedule.rule != Rule::Adaptive {
            return min;
        }
        let priority = match self.estimate {
            Some(estimate) => estimate.priority(now - self.last_success),
            None => without_progress::priority(samples, self.rows, self.last_success, now.max(self.last_success)),
        };
        priority.max(min)
    }

    fn record_success(&mut self, t: f64) {
        self.failures = 0;
        self.successes = self.successes.saturating_add(1);
        self.last_success = t;
        self.estimate = None;
    }

    fn interval(&self, t: f64, estimate: Option<Estimate>, samples: &DurationSamples) -> Interval {
        match (self.schedule.rule, estimate) {
            (Rule::Adaptive, None) => self.without_progress(t, samples),
            (Rule::Adaptive, Some(estimate)) => self.with_progress(t, estimate, samples),
            (Rule::Fixed(_) | Rule::Exponential { .. }, _) => self.fixed(),
        }
    }

    fn fixed(&self) -> Interval {
        let seconds = match self.schedule.rule {
            Rule::Adaptive => 0.0,
            Rule::Fixed(interval) => interval.as_secs_f64(),
            Rule::Exponential { first, factor, max } => {
                // Infinity times zero is NaN, of which `min` returns `max`.
                let grown = first.as_secs_f64() * factor.powi(self.successes.min(10_000) as i32);
                grown.min(max.as_secs_f64())
            }
        };
        Interval { seconds, max: self.schedule.bounds.max(), reason: Reason::Fixed }
    }

    fn first_interval(&self, samples: &DurationSamples) -> Interval {
        let interval = self.without_progress(0.0, samples);
        if !self.schedule.expects_progress {
            return interval;
        }
        let seconds = without_progress::first_with_progress(self.schedule.lag_per_request);
        Interval { seconds: interval.seconds.min(seconds), ..interval }
    }

    fn without_progress(&self, t: f64, samples: &DurationSamples) -> Interval {
        let max = self.schedule.bounds.max_without_progress();
        let c = self.schedule.lag_per_request;
        let seconds = without_progress::interval(samples, self.rows, c, t, max.as_secs_f64());
        Interval { seconds, max, reason: Reason::NoProgress }
    }

    fn with_progress(&self, t: f64, estimate: Estimate, samples: &DurationSamples) -> Interval {
        let (c, max) = (self.schedule.lag_per_request, self.schedule.bounds.max());
        let expected = Interval { seconds: estimate.interval(c), max, reason: Reason::ExpectedEnd };
        let seconds = (2.0 * c * (t + EARLY_FAILURE_START) / samples.failure_rate()).sqrt();
        let early_failure = Interval { seconds, max, reason: Reason::EarlyFailure };
        let expected = if estimate.is_stalled {
            // Never longer than without progress.
            Interval { reason: Reason::Stalled, ..expected.shorter(self.without_progress(t, samples)) }
        } else {
            expected
        };
        expected.shorter(early_failure)
    }

    fn backoff(&self, jitter: f64) -> Interval {
        let doubled = f64::from(1u32 << self.failures.saturating_sub(1).min(16)).min(MAX_BACKOFF.as_secs_f64());
        Interval { seconds: doubled * (0.5 + 0.5 * unit(jitter)), max: MAX_BACKOFF, reason: Reason::Retry }
    }

    /// Returns an interval with jitter, within the bounds and not shorter than `min`.
    fn bounded(&self, interval: &Interval, min: Duration, jitter: f64) -> (Duration, Reason) {
        let bounds = self.schedule.bounds;
        let jittered = duration(interval.seconds * (1.0 + Self::JITTER * (2.0 * unit(jitter) - 1.0)));
        let wait = jittered.clamp(bounds.min(), interval.max.max(bounds.min())).max(with_jitter(min, jitter));
        let reason = if wait > jittered { Reason::LowerBound } else { interval.reason };
        (wait, reason)
    }

    fn plan(&mut self, t: f64, wait: Duration, reason: Reason, samples: &DurationSamples) -> NextPoll {
        self.due = t + wait.as_secs_f64();
        NextPoll {
            wait,
            reason,
            remaining: self.estimate.map(|estimate| estimate.remaining),
            spread: self.estimate.map(|estimate| estimate.spread),
            priority: self.priority_at(self.due, samples),
        }
    }
}

impl Interval {
    fn shorter(self, other: Self) -> Self {
        if other.seconds < self.seconds { other } else { self }
    }
}

/// Returns a lower bound with jitter added.
fn with_jitter(min: Duration, jitter: f64) -> Duration {
    min.saturating_add(duration(min.as_secs_f64() * BatchSchedule::JITTER * unit(jitter)))
}

/// Returns a time between `earliest` and `latest` that follows from the two. Over many batches, such times are spread
/// evenly; those before the first poll are later rather than sooner, because a batch does not end at once.
///
/// Batches that began together are polled together. If the middle of both polls were taken, all of them would end at a
/// few times.
fn any_time(earliest: f64, latest: f64) -> f64 {
    let share = (latest * 1000.0).round() * GOLDEN_RATIO % 1.0;
    let share = if earliest > 0.0 { share } else { share.sqrt() };
    earliest + (latest - earliest) * share
}

fn unit(jitter: f64) -> f64 {
    if jitter.is_nan() { 0.5 } else { jitter.clamp(0.0, 1.0) }
}

/// Rounds to milliseconds, so that the last digit of a logarithm does not matter. NaN is 0.
fn duration(seconds: f64) -> Duration {
    Duration::from_millis((seconds.min(MAX_WAIT) * 1000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use crate::schedule::Fraction;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_time_is_between_both_polls(earliest in 0.0..1e7f64, interval in 0.0..1e5f64) {
            let at = any_time(earliest, earliest + interval);
            prop_assert!(at >= earliest && at <= earliest + interval, "{at}");
        }

        #[test]
        fn any_time_is_spread_over_the_interval(earliest in 1.0..1e4f64, interval in 1.0..1e3f64) {
            // Polls of 1,000 batches that began together, 10 ms apart.
            let shares = (0..1_000).map(|poll| {
                let shift = f64::from(poll) / 100.0;
                (any_time(earliest + shift, earliest + shift + interval) - earliest - shift) / interval
            });
            let mut shares: Vec<f64> = shares.collect();
            shares.sort_by(f64::total_cmp);
            let longest = shares.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
            prop_assert!(longest < 0.05, "{longest}");
            prop_assert!((shares.iter().sum::<f64>() / 1_000.0 - 0.5).abs() < 0.05);
        }
    }

    #[test]
    fn priority_of_an_overdue_poll_grows_so_that_no_batch_starves() {
        let samples = DurationSamples::default();
        for schedule in [Schedule::adaptive(), Schedule::fixed(Duration::from_secs(60))] {
            let schedule = schedule.lag_per_request(0.5);
            let mut batch = BatchSchedule::new(schedule, None, &samples);
            let _ = batch.first(Some(Duration::ZERO), 0.5, &samples);
            // Progress of one in a million rows in a minute: its end is not near.
            let slow = |done| PollResult::running(Fraction::counted(done, 1_000_000_000));
            let _ = batch.after(slow(1), Duration::from_secs(60), 0.5, &samples);
            let next = batch.after(slow(2), Duration::from_secs(3_600), 0.5, &samples);
            let due = Duration::from_secs(3_600) + next.wait;
            let priority = |late: f64| batch.priority(due + Duration::from_secs_f64(late), &samples);
            assert!(batch.priority(Duration::from_secs(3_600), &samples) < 0.5, "a bound forbids it");
            for (late, min) in [(0.001, 0.5), (30.0, 1.0), (60.0, 1.5), (300.0, 5.5)] {
                assert!(priority(late) >= min - 1e-6, "{late} s late: {} < {min}", priority(late));
            }
        }
    }

    #[test]
    fn priority_is_zero_until_the_time_that_the_provider_asks_for() {
        let samples = DurationSamples::default();
        let priorities = |result: PollResult| {
            let mut batch = BatchSchedule::new(Schedule::adaptive(), None, &samples);
            let _ = batch.first(Some(Duration::ZERO), 0.0, &samples);
            let _ = batch.after(result, Duration::from_secs(60), 0.0, &samples);
            [62, 159, 160].map(|second| batch.priority(Duration::from_secs(second), &samples) > 0.0)
        };
        let asked = Some(Duration::from_secs(100));
        assert_eq!(priorities(PollResult::running(None)), [true, true, true]);
        assert_eq!(priorities(PollResult::running(None).with_retry_after(asked)), [false, false, true]);
        assert_eq!(priorities(PollResult::queued().with_retry_after(asked)), [false, false, true]);
        assert!(!priorities(PollResult::throttled().with_retry_after(asked))[1]);
    }
}
