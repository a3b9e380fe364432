//! What a wait does next. Pure: it is told the time and what was seen, and answers with a step.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use super::options::{LAST_LOOK, Options};
use crate::drift::Drift;
use crate::history::Histories;
use crate::schedule::{End, Fraction, Observation, Pace};
use crate::{Batch, Error, ErrorKind, Report, Snapshot, State};

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
    pace: Pace,
    histories: Histories,
    next_look: Duration,
    /// The gap that was planned after the last good look.
    gap: Duration,
    polls: u32,
    last: Option<Snapshot>,
    last_good: Option<Duration>,
    /// When the failures since the last good look began.
    failing_since: Option<Duration>,
    fault: Option<Error>,
    drift: Vec<Drift>,
}

impl Machine {
    /// A wait that begins now, at `wall` o'clock, for a batch of so many `rows`, if that is known.
    pub(super) fn new(
        options: Options,
        histories: Histories,
        batch: Batch,
        rows: Option<u64>,
        wall: Timestamp,
    ) -> Self {
        // Submitted "in the future" (another machine's clock) counts as just now.
        let age = batch.submitted_at().map(|at| Duration::try_from(wall.duration_since(at)).unwrap_or_default());
        let u = u(&batch, 0);
        let (pace, first) = histories.read(batch.provider(), |history| {
            let mut pace = options.schedule().pace(rows, history);
            let first = pace.first(age, u, history);
            (pace, first.wait)
        });
        let mut machine = Self {
            options,
            batch,
            age,
            pace,
            histories,
            next_look: Duration::ZERO,
            gap: first,
            polls: 0,
            last: None,
            last_good: None,
            failing_since: None,
            fault: None,
            drift: Vec::new(),
        };
        machine.plan(Duration::ZERO, first);
        machine
    }

    /// The batch that is waited for.
    pub(super) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// When the next look is due.
    pub(super) fn next_look(&self) -> Duration {
        self.next_look
    }

    /// What a look at `now` is worth, in seconds of lag. The last one, at the deadline, is worth more than any other.
    pub(super) fn worth(&self, now: Duration) -> f64 {
        if self.is_over(now) {
            return f64::INFINITY;
        }
        self.histories.read(self.batch.provider(), |history| self.pace.worth(self.since_submission(now), history))
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
        Step::LookUntil(self.look_until(now))
    }

    /// When a look that begins at `now` is given up.
    pub(super) fn look_until(&self, now: Duration) -> Duration {
        let last = self.options.deadline.map(|deadline| deadline.max(now).saturating_add(LAST_LOOK));
        let limit = now.saturating_add(self.options.look_timeout);
        last.map_or(limit, |last| limit.min(last))
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

    /// When the wait is given up even without a last look, where there was no request left for one.
    pub(super) fn ends_by(&self) -> Option<Duration> {
        self.options.deadline.map(|deadline| deadline.saturating_add(LAST_LOOK))
    }

    /// The end of the wait then.
    pub(super) fn expired(&mut self, now: Duration) -> Error {
        let end = self.over(now);
        self.complete(now, end)
    }

    /// The end of the wait because its caller wants it.
    pub(super) fn interrupted(&mut self, now: Duration) -> Error {
        self.complete(now, Error::new(ErrorKind::Interrupted, "the wait was stopped"))
    }

    fn good(&mut self, now: Duration, mut snapshot: Snapshot) -> Seen {
        self.last_good = Some(now);
        self.failing_since = None;
        // It is over; what comes later has other causes.
        self.fault = None;
        Drift::merge(&mut self.drift, &snapshot.drift);
        snapshot.drift.clone_from(&self.drift);
        self.last = Some(snapshot.clone());
        let report = Report::new(self.batch.clone(), snapshot, self.polls, now);
        if report.snapshot.is_end() {
            self.learn(now, report.snapshot.state);
            return Seen::End(Ok(report));
        }
        if self.is_over(now) {
            return Seen::End(Err(self.complete(now, Error::new(ErrorKind::Deadline, "the deadline passed"))));
        }
        if let Some(total) = report.snapshot.progress.total {
            self.pace.sized(total);
        }
        let seen = match report.snapshot.state {
            State::Queued => Observation::queued(),
            _ => Observation::running(fraction(&report.snapshot)),
        };
        self.gap = self.decide(now, seen.with_hint(report.snapshot.retry_after));
        self.plan(now, self.gap);
        Seen::Running(report)
    }

    fn fault(&mut self, now: Duration, error: Error) -> Seen {
        let failing_since = *self.failing_since.get_or_insert(now);
        let seen = match error.kind() {
            ErrorKind::RateLimited => Observation::throttled(),
            _ => Observation::failed(),
        };
        let seen = seen.with_hint(error.retry_after());
        self.fault = Some(error);
        let end = if self.is_over(now) {
            self.over(now)
        } else if now - failing_since >= self.options.failure_budget {
            Error::new(ErrorKind::Unreachable, "no look at the batch succeeded within the failure budget")
        } else {
            let gap = self.decide(now, seen);
            self.plan(now, gap);
            return Seen::Nothing;
        };
        Seen::End(Err(self.complete(now, end)))
    }

    /// What the end at the deadline is: one bad look at the very end does not turn "still running" into "unreachable".
    fn over(&self, now: Duration) -> Error {
        let fresh = self.gap.saturating_add(self.options.look_timeout);
        if self.last_good.is_some_and(|good| now.saturating_sub(good) <= fresh) {
            return Error::new(ErrorKind::Deadline, "the deadline passed");
        }
        Error::new(ErrorKind::Unreachable, "the deadline passed without a fresh look at the batch")
    }

    fn decide(&mut self, now: Duration, seen: Observation) -> Duration {
        let (t, u) = (self.since_submission(now), u(&self.batch, self.polls));
        let Self { pace, histories, batch, .. } = self;
        histories.read(batch.provider(), |history| pace.after(seen, t, u, history).wait)
    }

    /// What the end of this batch teaches about others of its kind.
    fn learn(&self, now: Duration, state: State) {
        let end = if state == State::Finished { End::finished() } else { End::failed() };
        let (pace, t) = (self.pace.clone(), self.since_submission(now));
        self.histories.write(self.batch.provider(), |history| pace.ended(end, t, history));
    }

    fn since_submission(&self, now: Duration) -> Duration {
        self.age.unwrap_or_default().saturating_add(now)
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
        let error = error.with_batch(self.batch.clone()).with_wait(self.last.take(), self.polls, now);
        match self.fault.take() {
            Some(fault) => error.with_source(fault),
            None => error,
        }
    }
}

/// A number from 0 to 1 that belongs to this batch and poll: waits differ, the same wait repeats itself.
fn u(batch: &Batch, polls: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (batch.id(), polls).hash(&mut hasher);
    (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
}

fn fraction(snapshot: &Snapshot) -> Option<Fraction> {
    let progress = &snapshot.progress;
    match (progress.processed, progress.total) {
        (Some(processed), Some(total)) => Fraction::counted(processed, total),
        _ => Fraction::percent(progress.percent()?),
    }
}
