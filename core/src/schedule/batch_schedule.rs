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
    // `f64::min` would make NaN a year.
    let seconds = if seconds > MAX_WAIT { MAX_WAIT } else { seconds };
    Duration::from_millis((seconds * 1000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use crate::schedule::{Fraction, IntervalBounds};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn duration_is_a_year_at_most() {
        let table = [(f64::NAN, 0), (-1.0, 0), (0.0004, 0), (1.5, 1_500), (1e7, 10_000_000_000)];
        for (seconds, milliseconds) in table {
            assert_eq!(duration(seconds), Duration::from_millis(milliseconds), "{seconds}");
        }
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        assert_eq!([3.2e7, 1e300, f64::INFINITY].map(duration), [year; 3]);
    }

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

    const HALF: f64 = 0.5;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn bounds(min: f64, max: f64) -> IntervalBounds {
        IntervalBounds::new().with_min(seconds(min)).with_max(seconds(max)).with_max_without_progress(seconds(max))
    }

    /// Returns the schedule of a batch that was submitted just now and found running at 100 s.
    fn running_at_100(schedule: Schedule, samples: &DurationSamples) -> (BatchSchedule, NextPoll) {
        let mut batch = BatchSchedule::new(schedule, None, samples);
        let _ = batch.first(Some(Duration::ZERO), HALF, samples);
        let next = batch.after(PollResult::running(None), seconds(100.0), HALF, samples);
        (batch, next)
    }

    #[test]
    fn jitter_changes_an_interval_by_five_percent_either_way() {
        let samples = DurationSamples::default();
        let jitters = [(-1.0, 95.0), (0.0, 95.0), (0.25, 97.5), (0.5, 100.0), (1.0, 105.0), (2.0, 105.0)];
        for (jitter, expected) in jitters.into_iter().chain([(f64::NAN, 100.0)]) {
            let mut batch = BatchSchedule::new(Schedule::fixed(seconds(100.0)), None, &samples);
            let first = batch.first(Some(Duration::ZERO), jitter, &samples);
            assert_eq!((first.wait, first.reason), (seconds(expected), Reason::Fixed), "first poll, jitter {jitter}");
            let next = batch.after(PollResult::running(None), seconds(200.0), jitter, &samples);
            assert_eq!((next.wait, next.reason), (seconds(expected), Reason::Fixed), "next poll, jitter {jitter}");
        }
    }

    #[test]
    fn reason_is_a_lower_bound_only_where_it_makes_the_interval_longer() {
        let samples = DurationSamples::default();
        let next = |interval: f64, hint: Option<Duration>| {
            let mut batch = BatchSchedule::new(Schedule::fixed(seconds(interval)), None, &samples);
            let next = batch.after(PollResult::running(None).with_retry_after(hint), seconds(50.0), HALF, &samples);
            (next.wait, next.reason)
        };
        assert_eq!(next(0.999, None), (seconds(1.0), Reason::LowerBound));
        assert_eq!(next(1.0, None), (seconds(1.0), Reason::Fixed));
        assert_eq!(next(1.001, None), (seconds(1.001), Reason::Fixed));
        assert_eq!(next(300.001, None), (seconds(300.0), Reason::Fixed), "the upper bound");
        // Half of 5 % is added to what the provider asks for.
        assert_eq!(next(102.499, Some(seconds(100.0))), (seconds(102.5), Reason::LowerBound));
        assert_eq!(next(102.5, Some(seconds(100.0))), (seconds(102.5), Reason::Fixed));
        assert_eq!(next(10.0, Some(seconds(600.0))), (seconds(615.0), Reason::LowerBound), "beyond the upper bound");
    }

    #[test]
    fn reason_of_a_batch_whose_progress_stops_is_that() {
        // None of many has failed, so that an early failure is not expected.
        let mut samples = DurationSamples::default();
        (0..200).for_each(|batch| samples.add(None, seconds(100.0 + f64::from(batch))));
        let mut batch = BatchSchedule::new(Schedule::adaptive(), None, &samples);
        let _ = batch.first(Some(Duration::ZERO), HALF, &samples);
        let mut reasons = Vec::new();
        for (t, done) in [(30.0, 0.3), (60.0, 0.6), (90.0, 0.9), (95.0, 0.9), (120.0, 0.9), (130.0, 0.95)] {
            let result = PollResult::running(Fraction::new(done, 0.001));
            let next = batch.after(result, seconds(t), HALF, &samples);
            reasons.push(next.reason);
        }
        let expected = [[Reason::ExpectedEnd; 4].as_slice(), &[Reason::Stalled, Reason::ExpectedEnd]].concat();
        assert_eq!(reasons, expected);
    }

    #[test]
    fn failed_polls_are_retried_after_half_to_all_of_a_doubling_interval() {
        let samples = DurationSamples::default();
        let rows = [
            (0.0, [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]),
            (0.5, [0.75, 1.5, 3.0, 6.0, 12.0, 22.5, 22.5]),
            (1.0, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]),
        ];
        for (jitter, waits) in rows {
            let results = [(PollResult::failed(), Reason::Retry), (PollResult::throttled(), Reason::Throttled)];
            for (result, reason) in results {
                let schedule = Schedule::adaptive().bounds(bounds(0.001, 300.0));
                let (mut batch, _) = running_at_100(schedule, &samples);
                for (index, wait) in waits.into_iter().enumerate() {
                    let t = 110.0 + 60.0 * index as f64;
                    let next = batch.after(result, seconds(t), jitter, &samples);
                    assert_eq!((next.wait, next.reason), (seconds(wait), reason), "failure {index}, jitter {jitter}");
                    assert_eq!(batch.priority(seconds(t + wait - 0.001), &samples), 0.0, "the backoff forbids it");
                    assert!(batch.priority(seconds(t + wait), &samples) > 0.0, "it is due");
                }
                let next = batch.after(PollResult::running(None), seconds(900.0), jitter, &samples);
                assert_ne!(next.reason, reason);
                let next = batch.after(result, seconds(1_000.0), jitter, &samples);
                assert_eq!(next.wait, seconds(waits[0]), "a success ends the backoff");
            }
        }
        let (mut batch, _) = running_at_100(Schedule::adaptive(), &samples);
        let asked = PollResult::throttled().with_retry_after(Some(seconds(40.0)));
        assert_eq!(batch.after(asked, seconds(110.0), 1.0, &samples).wait, seconds(42.0));
    }

    #[test]
    fn exponential_interval_grows_with_each_successful_poll() {
        let samples = DurationSamples::default();
        let schedule = Schedule::exponential(seconds(2.0), 3.0, seconds(100.0));
        let mut batch = BatchSchedule::new(schedule, None, &samples);
        assert_eq!(batch.first(Some(Duration::ZERO), HALF, &samples).wait, seconds(2.0));
        for (poll, expected) in [6.0, 18.0, 54.0, 100.0, 100.0].into_iter().enumerate() {
            let t = seconds(1_000.0 * (poll + 1) as f64);
            assert_eq!(batch.after(PollResult::running(None), t, HALF, &samples).wait, seconds(expected));
            let _ = batch.after(PollResult::failed(), t, HALF, &samples);
        }
    }

    #[test]
    fn first_poll_of_an_unknown_age_is_spread_over_the_shortest_interval() {
        let samples = DurationSamples::default();
        for (min, jitter, expected) in [(60.0, 0.0, 0.0), (60.0, 0.5, 0.5), (60.0, 1.0, 1.0), (0.4, 0.5, 0.2)] {
            let schedule = Schedule::fixed(seconds(60.0)).bounds(bounds(min, 90.0));
            let first = BatchSchedule::new(schedule, None, &samples).first(None, jitter, &samples);
            assert_eq!((first.wait, first.reason), (seconds(expected), Reason::LowerBound), "{min}, {jitter}");
        }
    }

    #[test]
    fn first_poll_is_spread_below_the_upper_bound() {
        let samples = DurationSamples::default();
        for (jitter, expected) in [(0.0, 1.0), (0.5, 1.0), (0.75, 1.25), (1.0, 1.5)] {
            let schedule = Schedule::fixed(seconds(100.0)).bounds(bounds(1.0, 1.5));
            let first = BatchSchedule::new(schedule, None, &samples).first(Some(Duration::ZERO), jitter, &samples);
            assert_eq!(first.wait, seconds(expected), "{jitter}");
        }
    }

    #[test]
    fn first_poll_comes_at_the_earlier_of_two_times_where_progress_is_expected() {
        let samples = DurationSamples::default();
        let first = |schedule: Schedule| {
            BatchSchedule::new(schedule, None, &samples).first(Some(Duration::ZERO), HALF, &samples).wait
        };
        for (c, without, with) in [(2.0, 13.416, 11.534), (0.5, 6.708, 6.708), (0.72, 8.05, 8.05), (0.8, 8.485, 8.37)] {
            let schedule = Schedule::adaptive().lag_per_request(c);
            assert_eq!(first(schedule), seconds(without), "{c}");
            assert_eq!(first(schedule.expect_progress()), seconds(with), "{c}");
        }
    }

    #[test]
    fn rows_are_those_that_were_known_first() {
        let samples = DurationSamples::default();
        let unknown = BatchSchedule::new(Schedule::adaptive(), None, &samples);
        let known = BatchSchedule::new(Schedule::adaptive(), Some(7), &samples);
        assert_eq!((unknown.begin(Some(5), &samples).rows, known.begin(Some(5), &samples).rows), (5, 7));
        assert_eq!((unknown.begin(None, &samples).rows, known.begin(None, &samples).rows), (0, 7));
        for (mut batch, expected) in [(unknown, 5), (known, 7)] {
            batch.set_rows(5);
            assert_eq!(batch.rows, expected);
            batch.set_rows(9);
            assert_eq!(batch.rows, expected);
        }
    }

    #[test]
    fn times_count_from_the_submission_where_the_first_response_is_queued() {
        let samples = DurationSamples::default();
        let (queued, running) = (PollResult::queued(), PollResult::running(None));
        for (results, expected) in [
            (vec![queued], true),
            (vec![PollResult::failed(), queued], true),
            (vec![running], false),
            (vec![running, queued], false),
            (vec![PollResult::failed()], false),
        ] {
            let mut batch = BatchSchedule::new(Schedule::adaptive(), None, &samples);
            let _ = batch.first(None, HALF, &samples);
            for (index, result) in results.iter().enumerate() {
                let _ = batch.after(*result, seconds(10.0 * index as f64), HALF, &samples);
            }
            assert_eq!(batch.since_submission, expected, "{results:?}");
        }
    }

    #[test]
    fn batch_runs_in_the_samples_from_its_first_successful_poll_to_its_end() {
        let mut samples = DurationSamples::default();
        let mut batch = BatchSchedule::new(Schedule::adaptive(), None, &samples);
        let _ = batch.first(Some(Duration::ZERO), HALF, &samples);
        let _ = batch.after(PollResult::failed(), seconds(10.0), HALF, &samples);
        batch.record_running(&mut samples);
        assert_eq!(samples.running(), 0);
        let _ = batch.after(PollResult::running(None), seconds(20.0), HALF, &samples);
        batch.record_running(&mut samples);
        assert_eq!(samples.running(), 1);
        batch.stopped(&mut samples);
        assert_eq!(samples.running(), 0);
    }

    #[test]
    fn end_is_learned_unless_the_wait_was_interrupted_for_twice_the_longest_interval() {
        let long = bounds(1.0, 300.0).with_initial_min(seconds(400.0));
        for (bounds, longest) in [(bounds(1.0, 300.0), 600.0), (long, 800.0)] {
            for (late, at, learned) in [
                (longest - 0.001, None, 1),
                (longest, None, 1),
                (longest + 0.001, None, 0),
                (longest * 2.0, None, 0),
                (longest * 2.0, Some(seconds(150.0)), 1),
            ] {
                let mut samples = DurationSamples::default();
                let (mut batch, _) = running_at_100(Schedule::fixed(seconds(60.0)).bounds(bounds), &samples);
                batch.ended(End::finished().at(at), seconds(100.0 + late), &mut samples);
                assert_eq!(samples.len(), learned, "{late} s after the last poll, {at:?}");
            }
        }
    }

    #[test]
    fn failed_batch_calibrates_no_estimate_and_counts_as_a_failure() {
        let run = |end: End| {
            let mut samples = DurationSamples::default();
            let mut batch = BatchSchedule::new(Schedule::adaptive(), None, &samples);
            let _ = batch.first(Some(Duration::ZERO), HALF, &samples);
            for (t, done) in [(10.0, 10), (20.0, 20), (30.0, 30)] {
                let progress = PollResult::running(Fraction::counted(done, 100));
                let _ = batch.after(progress, seconds(t), HALF, &samples);
            }
            batch.ended(end, seconds(200.0), &mut samples);
            (samples.len(), samples.failed.iter().count(), samples.calibration.count)
        };
        assert_eq!(run(End::finished()), (1, 0, 3));
        assert_eq!(run(End::failed()), (0, 1, 0));
    }

    #[test]
    fn priority_of_a_due_poll_is_one_request_and_one_more_for_each_half_minute() {
        let samples = DurationSamples::default();
        let (batch, next) = running_at_100(Schedule::fixed(seconds(60.0)).lag_per_request(0.5), &samples);
        assert_eq!((next.wait, next.priority), (seconds(60.0), 0.5));
        for (now, expected) in [(0.0, 0.0), (159.999, 0.0), (160.0, 0.5), (175.0, 0.75), (190.0, 1.0), (280.0, 2.5)] {
            let priority = batch.priority(seconds(now), &samples);
            assert!((priority - expected).abs() < 1e-9, "{now} s: {priority}");
        }
    }

    #[test]
    fn priority_of_a_batch_with_progress_is_that_of_its_estimate_since_the_last_poll() {
        let samples = DurationSamples::default();
        let mut batch = BatchSchedule::new(Schedule::adaptive(), None, &samples);
        let _ = batch.first(Some(Duration::ZERO), HALF, &samples);
        let next = batch.after(PollResult::running(Fraction::counted(50, 100)), seconds(100.0), HALF, &samples);
        let estimate = batch.estimate.expect("an estimate");
        assert_eq!((next.remaining, next.spread), (Some(estimate.remaining), Some(estimate.spread)));
        for now in [120.0, 150.0, 100.0 + next.wait.as_secs_f64()] {
            let priority = batch.priority(seconds(now), &samples);
            let expected = estimate.priority(now - 100.0).max(if now < batch.due { 0.0 } else { 2.0 });
            assert!((priority - expected).abs() < 1e-6 * expected, "{now} s: {priority} is not {expected}");
        }
    }

    #[test]
    fn interval_of_a_far_end_is_the_one_that_notices_early_failures() {
        let samples = DurationSamples::default();
        // The square root of 2 c (t + 2) / share: a twentieth fails while nothing is known.
        for (c, t, expected) in [(0.5, 60.0, 35.214), (2.0, 60.0, 70.427), (2.0, 600.0, 219.454)] {
            let schedule = Schedule::adaptive().lag_per_request(c);
            let mut batch = BatchSchedule::new(schedule, None, &samples);
            let _ = batch.first(Some(Duration::ZERO), HALF, &samples);
            let slow = PollResult::running(Fraction::counted(1, 1_000_000));
            let next = batch.after(slow, seconds(t), HALF, &samples);
            assert_eq!((next.wait, next.reason), (seconds(expected), Reason::EarlyFailure), "{c}, {t}");
        }
    }

    #[test]
    fn shorter_interval_wins_and_the_first_of_two_equal_ones() {
        let interval = |seconds: f64, reason: Reason| Interval { seconds, max: MAX_BACKOFF, reason };
        let first = |seconds: f64| interval(seconds, Reason::ExpectedEnd);
        let second = || interval(2.0, Reason::EarlyFailure);
        assert_eq!(first(1.999).shorter(second()).reason, Reason::ExpectedEnd);
        assert_eq!(first(2.0).shorter(second()).reason, Reason::ExpectedEnd);
        assert_eq!(first(2.001).shorter(second()).reason, Reason::EarlyFailure);
    }

    #[test]
    fn any_time_is_later_before_the_first_poll() {
        // 10,000 times the golden ratio has .339887 after the point.
        assert!((any_time(5.0, 10.0) - 6.699_437).abs() < 1e-6, "{}", any_time(5.0, 10.0));
        assert!((any_time(0.0, 10.0) - 5.829_988).abs() < 1e-6, "{}", any_time(0.0, 10.0));
    }
}
