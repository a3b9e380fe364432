//! What a wait does next. Pure: it is told the time and what was seen, and answers with a step.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use super::options::Options;
use super::schedule;
use crate::drift::Drift;
use crate::{Batch, Error, ErrorKind, Report, Snapshot};

/// What to do now. Times count from the beginning of the wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Let it be until then.
    SleepUntil(Duration),
    /// Look now, giving up on the look at the time named.
    LookUntil(Duration),
}

/// What a look came to.
#[derive(Debug)]
pub(super) enum Seen {
    /// The batch goes on.
    Running(Report),
    /// The wait is over.
    End(Result<Report, Error>),
    /// Nothing was seen, and the wait goes on.
    Nothing,
}

/// The state of one wait.
#[derive(Debug)]
pub(super) struct Machine {
    options: Options,
    batch: Batch,
    /// How long before the wait we submitted the batch, if we did.
    age: Option<Duration>,
    next_look: Duration,
    polls: u32,
    looks: u32,
    failures: u32,
    last: Option<Snapshot>,
    last_good: Option<Duration>,
    drift: Vec<Drift>,
}

impl Machine {
    /// A wait that begins now, at `wall` o'clock.
    pub(super) fn new(options: Options, batch: Batch, wall: Timestamp) -> Self {
        // Submitted "in the future" (another machine's clock) counts as just now.
        let age = batch.submitted_at().map(|at| Duration::try_from(wall.duration_since(at)).unwrap_or_default());
        let first = age.map_or(Duration::ZERO, |age| options.first_delay.saturating_sub(age));
        let mut machine = Self {
            options,
            batch,
            age,
            next_look: Duration::ZERO,
            polls: 0,
            looks: 0,
            failures: 0,
            last: None,
            last_good: None,
            drift: Vec::new(),
        };
        machine.plan(Duration::ZERO, first);
        machine
    }

    /// All differences from the spec so far; it only grows at the end.
    pub(super) fn drift(&self) -> &[Drift] {
        &self.drift
    }

    /// Looks so far.
    pub(super) fn polls(&self) -> u32 {
        self.polls
    }

    /// What to do at `now`.
    pub(super) fn step(&self, now: Duration) -> Step {
        if now < self.next_look {
            return Step::SleepUntil(self.next_look);
        }
        Step::LookUntil(now + self.options.look_timeout)
    }

    /// Takes in a look that ended at `now`.
    pub(super) fn seen(&mut self, now: Duration, look: Result<Snapshot, Error>) -> Seen {
        self.polls = self.polls.saturating_add(1);
        match look {
            Ok(snapshot) => self.good(now, snapshot),
            Err(error) if error.is_transient() => self.fault(now, error),
            Err(error) if error.kind() == ErrorKind::NotFound && self.may_be_invisible(now) => self.fault(now, error),
            Err(error) => Seen::End(Err(self.complete(now, error))),
        }
    }

    /// The end of the wait because its caller wants it.
    pub(super) fn interrupted(&mut self, now: Duration) -> Error {
        self.complete(now, Error::new(ErrorKind::Interrupted, "the wait was stopped"))
    }

    fn good(&mut self, now: Duration, mut snapshot: Snapshot) -> Seen {
        self.failures = 0;
        self.looks = self.looks.saturating_add(1);
        self.last_good = Some(now);
        Drift::merge(&mut self.drift, &snapshot.drift);
        snapshot.drift.clone_from(&self.drift);
        self.last = Some(snapshot.clone());
        let report = Report::new(self.batch.clone(), snapshot, self.polls, now);
        if report.snapshot.is_end() {
            return Seen::End(Ok(report));
        }
        if self.is_over(now) {
            return Seen::End(Err(self.complete(now, Error::new(ErrorKind::Deadline, "the deadline passed"))));
        }
        let gap = schedule::after_look(&self.options, self.looks, report.snapshot.retry_after, self.u());
        self.plan(now, gap);
        Seen::Running(report)
    }

    fn fault(&mut self, now: Duration, error: Error) -> Seen {
        self.failures = self.failures.saturating_add(1);
        let silence = now - self.last_good.unwrap_or(Duration::ZERO);
        let reason = if self.is_over(now) {
            // One bad look at the very end does not turn "still running" into "unreachable".
            let fresh = self.last_good.is_some() && silence <= self.options.max_interval.max(self.options.look_timeout);
            if fresh {
                let error = Error::new(ErrorKind::Deadline, "the deadline passed").with_source(error);
                return Seen::End(Err(self.complete(now, error)));
            }
            "the deadline passed without a fresh look at the batch"
        } else if silence >= self.options.failure_budget {
            "no look at the batch succeeded within the failure budget"
        } else {
            let gap = schedule::after_failure(self.failures, error.retry_after(), self.u());
            self.plan(now, gap);
            return Seen::Nothing;
        };
        let unreachable = Error::new(ErrorKind::Unreachable, reason).with_source(error);
        Seen::End(Err(self.complete(now, unreachable)))
    }

    /// The next look comes after `gap`, but there is always one at the deadline.
    fn plan(&mut self, now: Duration, gap: Duration) {
        let due = now.saturating_add(gap);
        self.next_look = self.options.deadline.map_or(due, |deadline| due.min(deadline.max(now)));
    }

    fn is_over(&self, now: Duration) -> bool {
        self.options.deadline.is_some_and(|deadline| now >= deadline)
    }

    fn may_be_invisible(&self, now: Duration) -> bool {
        let age = self.age.map(|age| age.saturating_add(now));
        self.last.is_none() && age.is_some_and(|age| age <= self.options.visibility_grace)
    }

    fn complete(&mut self, now: Duration, error: Error) -> Error {
        error.with_batch(self.batch.clone()).with_wait(self.last.take(), self.polls, now)
    }

    /// A number from 0 to 1 that belongs to this batch and poll: waits differ, the same wait repeats itself.
    fn u(&self) -> f64 {
        let mut hasher = DefaultHasher::new();
        (self.batch.id(), self.polls).hash(&mut hasher);
        (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
    }
}
