//! Decides what a wait does next. Pure: it gets the time and the result of each poll, and returns a step.
//!
//! Times count from the start of the wait. A stored wait knows the time of day of its start, and counts from it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::document::{Version, fault, snapshot};
use super::history::DurationHistory;
use super::options::{FINAL_POLL_GRACE, VISIBILITY_GRACE, WaitOptions, default_poll_timeout, is_default_poll_timeout};
use crate::error::{Error, ErrorKind};
use crate::http::ConnectorError;
use crate::model::{Batch, Drift, DriftKind, Report, Snapshot, State, identifier_or_length};
use crate::schedule::{BatchSchedule, DurationSamples, End, Fraction, PollResult};

/// Next action. Times count from the start of the wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Sleep until then.
    SleepUntil(Duration),
    /// Poll now, or once the provider's limit on polls in flight has a place for it.
    Poll,
}

/// Effect of a poll on the wait.
#[derive(Debug)]
pub(super) enum Observed {
    /// The batch is not in a terminal state.
    Running(Report),
    /// The wait is over.
    End(Result<Report, Error>),
    /// The poll failed, and the wait continues.
    Nothing,
}

/// The state of one wait. Its fields are those of the document that a [`WaitState`](super::WaitState) is stored as.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Machine {
    version: Version,
    batch: Batch,
    /// Time of day at the start of the wait.
    started_at: Timestamp,
    /// Time up to which the wait has come: of its last poll.
    latest: Duration,
    deadline: Option<Duration>,
    failure_budget: Duration,
    /// Time after which a poll is cut off.
    #[serde(default = "default_poll_timeout", skip_serializing_if = "is_default_poll_timeout")]
    poll_timeout: Duration,
    /// Time from our submission of the batch to the start of the wait.
    age: Option<Duration>,
    schedule: BatchSchedule,
    /// `None` for a wait that shares none: what it learned would be of use to no other wait.
    #[serde(skip)]
    history: Option<DurationHistory>,
    /// Was neither polled nor stored yet.
    #[serde(skip)]
    is_new: bool,
    next_poll: Duration,
    /// Interval that was planned after the last successful poll.
    interval: Duration,
    polls: u32,
    /// The last snapshot, with all differences from the spec so far.
    #[serde(serialize_with = "snapshot::serialize")]
    last: Option<Box<Snapshot>>,
    last_success: Option<Duration>,
    /// When the failures since the last successful poll began.
    failing_since: Option<Duration>,
    #[serde(with = "fault")]
    fault: Option<Error>,
}

impl Machine {
    /// Returns a wait that begins now, at the time of day `wall`, for a batch of `rows` rows, if that is known.
    pub(super) fn new(
        options: &WaitOptions,
        history: Option<DurationHistory>,
        batch: Batch,
        rows: Option<u64>,
        wall: Timestamp,
    ) -> Self {
        // Submitted "in the future" (another machine's clock) counts as just now.
        let age = batch.submitted_at().map(|at| Duration::try_from(wall.duration_since(at)).unwrap_or_default());
        let schedule = BatchSchedule::new(options.bounded_schedule(), rows, DurationSamples::empty());
        let mut machine = Self {
            version: Version,
            batch,
            started_at: wall,
            latest: Duration::ZERO,
            deadline: options.deadline,
            failure_budget: options.failure_budget,
            poll_timeout: options.poll_timeout,
            age,
            schedule,
            history,
            is_new: true,
            next_poll: Duration::ZERO,
            interval: Duration::ZERO,
            polls: 0,
            last: None,
            last_success: None,
            failing_since: None,
            fault: None,
        };
        machine.plan_first(rows);
        machine
    }

    /// Plans the first poll of a wait for a batch of `rows` rows, if that is known.
    fn plan_first(&mut self, rows: Option<u64>) {
        let jitter = jitter(&self.batch, 0);
        let Self { schedule, history, batch, age, .. } = self;
        self.interval = read(history.as_ref(), batch, |samples| {
            *schedule = schedule.begin(rows, samples);
            schedule.first(*age, jitter, samples).wait
        });
        self.plan(Duration::ZERO, self.interval);
    }

    /// Sets the number of rows, unless it is known already.
    pub(super) fn set_rows(&mut self, rows: u64) {
        if self.is_new {
            self.plan_first(Some(rows));
        } else {
            self.schedule.set_rows(rows);
        }
    }

    /// Shares `history` from now on: a new wait plans its first poll by it.
    pub(super) fn set_history(&mut self, history: &DurationHistory) {
        self.leave_history();
        self.history = Some(history.clone());
        if self.is_new {
            self.plan_first(None);
        }
    }

    /// Sets the time after which a poll is cut off: a stored wait may go on with a client of other limits.
    pub(super) fn set_poll_timeout(&mut self, poll_timeout: Duration) {
        self.poll_timeout = poll_timeout;
    }

    /// Returns the time of the wait at the time of day `wall`. It does not decrease, whatever the clock does.
    pub(super) fn time(&self, wall: Timestamp) -> Duration {
        Duration::try_from(wall.duration_since(self.started_at)).unwrap_or_default().max(self.latest)
    }

    /// Returns the same, and counts from it: where the clock was set back, the wait goes on from where it was.
    pub(super) fn advance(&mut self, wall: Timestamp) -> Duration {
        let now = self.time(wall);
        self.synchronise(now, wall);
        now
    }

    /// Records that the time of the wait is `now` at the time of day `wall`.
    pub(super) fn synchronise(&mut self, now: Duration, wall: Timestamp) {
        self.latest = self.latest.max(now);
        self.started_at = wall.checked_sub(now).unwrap_or(Timestamp::MIN);
    }

    /// Returns the time of day of the time `then` of the wait.
    pub(super) fn wall(&self, then: Duration) -> Timestamp {
        self.started_at.checked_add(then).unwrap_or(Timestamp::MAX)
    }

    /// Goes on at the time of day `wall`, after a time in which the wait may not have run, and returns the time.
    pub(super) fn resume(&mut self, wall: Timestamp) -> Duration {
        let now = self.advance(wall);
        // Time in which no poll was made is not time in which polls failed.
        let missed = now.saturating_sub(self.next_poll);
        self.failing_since = self.failing_since.map(|since| since.saturating_add(missed).min(now));
        now
    }

    /// Returns whether the deadline has passed at `now`.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// Returns the last error, if no poll has succeeded since.
    pub(super) fn fault(&self) -> Option<&Error> {
        self.fault.as_ref()
    }

    /// Returns the batch.
    pub(super) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Returns when the next poll is due.
    pub(super) fn next_poll(&self) -> Duration {
        self.next_poll
    }

    /// Returns the value of a poll at `now` in seconds of lag. The last poll, at the deadline, comes before any other.
    pub(super) fn priority(&self, now: Duration) -> f64 {
        if self.is_over(now) {
            return f64::INFINITY;
        }
        let t = self.since_submission(now);
        read(self.history.as_ref(), &self.batch, |samples| self.schedule.priority(t, samples))
    }

    /// Returns all differences from the spec so far; the list only grows at its end.
    pub(super) fn drift(&self) -> &[Drift] {
        self.last.as_ref().map_or(&[], |last| &last.drift)
    }

    /// Returns the last snapshot; `None` before the first successful poll.
    pub(super) fn last(&self) -> Option<&Snapshot> {
        self.last.as_deref()
    }

    /// Returns the number of polls so far.
    pub(super) fn polls(&self) -> u32 {
        self.polls
    }

    /// Returns what to do at `now`.
    pub(super) fn step(&self, now: Duration) -> Step {
        if now < self.next_poll {
            return Step::SleepUntil(self.next_poll);
        }
        Step::Poll
    }

    /// Returns when a poll that is sent at `now` is cut off, if it was begun at `begun`.
    pub(super) fn poll_until(&self, begun: Duration, now: Duration) -> Duration {
        let timeout = now.saturating_add(self.poll_timeout);
        self.ends_by(begun).map_or(timeout, |end| timeout.min(end))
    }

    /// Returns when the wait ends even if the poll that it began at `begun` has not ended or was not sent, because the
    /// limits on requests left no place for it.
    pub(super) fn ends_by(&self, begun: Duration) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.max(begun).saturating_add(FINAL_POLL_GRACE))
    }

    /// Takes the result of a poll that ended at `now`.
    pub(super) fn observe(&mut self, now: Duration, result: Result<Snapshot, Error>) -> Observed {
        self.polls = self.polls.saturating_add(1);
        self.latest = self.latest.max(now);
        self.is_new = false;
        match result {
            Ok(snapshot) => self.observe_snapshot(now, snapshot),
            Err(error) if error.is_transient() => self.observe_fault(now, error),
            Err(error) if is_address_fault(&error) && self.was_reached(now) => self.observe_fault(now, error),
            Err(error) if error.kind() == ErrorKind::NotFound && self.may_be_invisible(now) => {
                self.observe_fault(now, error)
            }
            Err(error) => Observed::End(Err(self.complete(now, error))),
        }
    }

    /// Ends the wait without its last poll.
    pub(super) fn expired(&mut self, now: Duration) -> Error {
        let hint = "its last poll was not sent: raise the rate of the wait set, or the limit on polls in flight";
        let end = self.over(now).with_hint(hint);
        self.complete(now, end)
    }

    /// Ends the wait because the caller stopped it.
    pub(super) fn interrupted(&mut self, now: Duration) -> Error {
        self.complete(now, Error::new(ErrorKind::Interrupted, "the wait was stopped"))
    }

    fn observe_snapshot(&mut self, now: Duration, mut snapshot: Snapshot) -> Observed {
        self.last_success = Some(now);
        self.failing_since = None;
        // The provider has recovered; a later failure has another cause.
        self.fault = None;
        let mut drift = self.last.take().map_or_else(Vec::new, |last| last.drift);
        Drift::merge(&mut drift, &snapshot.drift);
        snapshot.drift = drift;
        self.last = Some(Box::new(snapshot.clone()));
        let report = Report::new(self.batch.clone(), snapshot, self.polls, now);
        if report.snapshot.is_terminal() {
            self.learn(now, report.snapshot.state);
            return Observed::End(Ok(report));
        }
        if self.is_over(now) {
            let end = self.over(now);
            return Observed::End(Err(self.complete(now, end)));
        }
        if let Some(total) = report.snapshot.progress.total {
            self.schedule.set_rows(total);
        }
        let result = match report.snapshot.state {
            State::Queued => PollResult::queued(),
            _ => PollResult::running(fraction(&report.snapshot)),
        };
        self.interval = self.decide(now, result.with_retry_after(report.snapshot.retry_after));
        self.plan(now, self.interval);
        Observed::Running(report)
    }

    fn observe_fault(&mut self, now: Duration, error: Error) -> Observed {
        let failing_since = *self.failing_since.get_or_insert(now);
        let result = PollResult::failed().with_retry_after(error.retry_after());
        self.fault = Some(error);
        let end = if self.is_over(now) {
            self.over(now)
        } else if now.saturating_sub(failing_since) >= self.failure_budget {
            Error::new(ErrorKind::Unreachable, "polls of the batch have failed for the whole failure budget")
        } else {
            let interval = self.decide(now, result);
            self.plan(now, interval);
            return Observed::Nothing;
        };
        Observed::End(Err(self.complete(now, end)))
    }

    /// Returns the error at the deadline: one failed poll at the very end does not turn "still running" into "unreachable".
    fn over(&self, now: Duration) -> Error {
        let recent = self.interval.saturating_add(self.poll_timeout);
        if self.last_success.is_some_and(|last| now.saturating_sub(last) <= recent) {
            return match &self.last {
                Some(last) if last.state == State::Unknown => undocumented_word(last),
                _ => Error::new(ErrorKind::Deadline, "the deadline passed"),
            };
        }
        Error::new(ErrorKind::Unreachable, "the deadline passed without a recent successful poll of the batch")
    }

    fn decide(&mut self, now: Duration, result: PollResult) -> Duration {
        let (t, jitter) = (self.since_submission(now), jitter(&self.batch, self.polls));
        let Self { schedule, history, batch, .. } = self;
        let Some(history) = history else {
            return schedule.after(result, t, jitter, DurationSamples::empty()).wait;
        };
        history.write(batch.provider(), |samples| {
            let next = schedule.after(result, t, jitter, samples);
            schedule.record_running(samples);
            next.wait
        })
    }

    /// Adds the duration of this batch to the history.
    fn learn(&mut self, now: Duration, state: State) {
        let end = if state == State::Finished { End::finished() } else { End::failed() };
        let t = self.since_submission(now);
        let Self { schedule, history, batch, .. } = self;
        if let Some(history) = history {
            history.write(batch.provider(), |samples| schedule.ended(end, t, samples));
        }
    }

    fn since_submission(&self, now: Duration) -> Duration {
        self.age.unwrap_or_default().saturating_add(now)
    }

    /// Plans the next poll after `interval`, but always one at the deadline.
    fn plan(&mut self, now: Duration, interval: Duration) {
        let due = now.saturating_add(interval);
        self.next_poll = self.deadline.map_or(due, |deadline| due.min(deadline.max(now)));
    }

    fn may_be_invisible(&self, now: Duration) -> bool {
        self.last.is_none() && self.was_just_submitted(now)
    }

    /// Returns whether the provider was reached at its address: by this wait, or by the submission a moment ago.
    fn was_reached(&self, now: Duration) -> bool {
        self.last.is_some() || self.was_just_submitted(now)
    }

    fn was_just_submitted(&self, now: Duration) -> bool {
        let age = self.age.map(|age| age.saturating_add(now));
        age.is_some_and(|age| age <= VISIBILITY_GRACE)
    }

    fn complete(&mut self, now: Duration, error: Error) -> Error {
        let error = error.with_batch(self.batch.clone()).with_wait(self.last.as_deref().cloned(), self.polls, now);
        match self.fault.take() {
            // What the error itself was caused by says more.
            Some(fault) if std::error::Error::source(&error).is_none() => error.with_source(fault),
            _ => error,
        }
    }
}

impl Machine {
    /// Takes the batch from the running ones of the history.
    fn leave_history(&mut self) {
        let Self { schedule, history, batch, .. } = self;
        if let Some(history) = history {
            history.write(batch.provider(), |samples| schedule.stopped(samples));
        }
    }
}

impl Drop for Machine {
    /// A wait that is dropped before the end leaves no running batch in the history.
    fn drop(&mut self) {
        self.leave_history();
    }
}

/// Reads the durations that a wait of `batch` shares with others.
fn read<T>(history: Option<&DurationHistory>, batch: &Batch, read: impl FnOnce(&DurationSamples) -> T) -> T {
    match history {
        Some(history) => history.read(batch.provider(), read),
        None => read(DurationSamples::empty()),
    }
}

/// Returns the error at the deadline of a batch whose status word does not say whether it has ended: it claims nothing
/// but what was seen.
fn undocumented_word(last: &Snapshot) -> Error {
    let progress = &last.progress;
    let rows = match (progress.processed, progress.total) {
        (Some(processed), Some(total)) => format!(", with {processed} of {total} rows processed"),
        _ => String::new(),
    };
    let is_documented = last.drift.iter().all(|drift| drift.kind != DriftKind::UnknownValue);
    let reason = match identifier_or_length(&last.provider_status) {
        word if word.is_empty() => format!("the deadline passed; the last response does not have a status word{rows}"),
        word if is_documented => {
            format!(
                "the deadline passed; the provider's status is {word}, which does not say whether it has ended{rows}"
            )
        }
        word => format!("the deadline passed; the provider's status is {word}, which is not documented{rows}"),
    };
    let hint = "ask the provider whether this status is final; wait for the batch again, do not submit it again";
    Error::new(ErrorKind::Deadline, reason).with_hint(hint)
}

/// Returns whether the request failed because the address of the provider or proxy seems to be wrong.
fn is_address_fault(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref())
        .is_some_and(ConnectorError::is_address_fault)
}

/// Returns a number from 0 to 1 that follows from batch and poll: waits differ, and the same wait repeats itself.
fn jitter(batch: &Batch, polls: u32) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Progress;

    #[test]
    fn fraction_is_that_of_the_rows_where_they_are_counted() {
        let fraction = |progress: Progress| {
            let fraction = fraction(&Snapshot::new(State::Running, "running", progress));
            fraction.map(|fraction| (fraction.done(), fraction.step()))
        };
        let counted = Progress::default().with_processed(1).with_total(1_000);
        assert_eq!(fraction(counted), Some((0.001, 0.001)));
        assert_eq!(fraction(Progress::default().with_processed(1)), None);
        assert_eq!(fraction(Progress::default()), None);
    }

    #[test]
    fn jitter_is_spread_evenly_and_repeats_itself() {
        let batch = |n: u32| Batch::new(crate::model::ProviderId::from_static("mock"), format!("b-{n}")).unwrap();
        for polls in [0, 1, 7] {
            let numbers: Vec<f64> = (0..1_000).map(|n| jitter(&batch(n), polls)).collect();
            assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
            for tenth in 0..10 {
                let from = f64::from(tenth) / 10.0;
                let count = numbers.iter().filter(|number| (from..from + 0.1).contains(*number)).count();
                assert!((60..140).contains(&count), "{count} of 1,000 from {from}");
            }
        }
        assert_eq!(jitter(&batch(1), 3), jitter(&batch(1), 3));
        assert_ne!(jitter(&batch(1), 3), jitter(&batch(1), 4));
    }
}
