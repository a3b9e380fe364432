//! A wait that is stored between its polls.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::Instrument;

use super::history::DurationHistory;
use super::machine::{Machine, Observed};
use super::options::WaitOptions;
use super::stream::{place_until, poll_until};
use super::trace;
use crate::error::{Error, ErrorDocument, ErrorKind};
use crate::model::{Batch, ProviderId, Report, Snapshot};
use crate::provider::Provider;

/// State of a wait between two polls, to be stored, and to go on in another process.
///
/// It is what a [`Wait`](super::Wait) and a [`WaitSet`](super::WaitSet) run on, one poll at a time: a workflow engine or a
/// queue does the waiting. A wait that is stored and read after every poll polls at the same times as a `Wait`, and has
/// the same end.
///
/// ```
/// use bulkrail_core::poll::{Step, WaitOptions, WaitState};
/// use bulkrail_core::test_util::{MockProvider, VirtualClock, finished, running};
///
/// let clock = VirtualClock::new();
/// let provider = MockProvider::in_order(&clock).then(|| Ok(running(1, 2))).then(|| Ok(finished(2, 0)));
/// let now = || clock.clock().wall();
///
/// let state = WaitState::new(provider.submitted("b-1"), &WaitOptions::new(&provider), now());
/// let mut stored = serde_json::to_string(&state)?;
///
/// // In any process, until the end:
/// let report = loop {
///     let mut state: WaitState = serde_json::from_str(&stored)?;
///     clock.run(clock.clock().sleep(state.due_in(now())));
///     match clock.run(state.poll(&provider)) {
///         Step::Again { .. } => stored = serde_json::to_string(&state)?,
///         Step::Ended(report) => break report,
///         Step::GaveUp(error) => panic!("{error}"),
///     }
/// };
/// assert_eq!((report.polls, report.snapshot.progress.succeeded), (2, Some(2)));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Document
///
/// Serialises to a document of version 1, of 1 to 5 kB; a response with a hundred differences from the spec adds up to
/// 20 kB. Later versions of this crate read it; one of a later version is an error that names the version. Its fields may
/// change between versions: read it with this type only.
///
/// It holds the batch, numbers, the last snapshot as its own JSON has it, and the last transient error as an
/// [`ErrorDocument`]. So it holds those texts of the provider that they hold: the status word, the message (which may name
/// people), an error code and a request id, up to 500 characters each. Secrets and
/// [`Error::provider_message`] are not in it.
///
/// Store it after each poll: then it has the decision, and a `Retry-After` of a successful response is part of it.
///
/// # Clock
///
/// It counts on the time of day. Where the clock is set back, the wait goes on from where it was: an interval is not
/// longer than planned, and the deadline is later by what the clock has lost. Time in which no process ran counts for
/// the deadline.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WaitState(pub(super) Machine);

impl WaitState {
    /// Returns the state of a wait that begins at `now`.
    #[must_use]
    pub fn new(batch: Batch, options: &WaitOptions, now: Timestamp) -> Self {
        Self(Machine::new(options, None, batch, None, now))
    }

    /// Sets how many rows were submitted, if it is known; see [`Wait::rows`](super::Wait::rows).
    #[must_use]
    pub fn rows(mut self, rows: u64) -> Self {
        self.0.set_rows(rows);
        self
    }

    /// Uses the durations of earlier batches to time polls, and adds the duration of this one.
    ///
    /// The history is not part of the document: call this again when the state was read. A new state plans its first poll
    /// by it.
    #[must_use]
    pub fn history(mut self, history: &DurationHistory) -> Self {
        self.0.set_history(history);
        self
    }

    /// Returns the batch.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        self.0.batch()
    }

    /// Returns the last snapshot; `None` before the first successful poll.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.0.last()
    }

    /// Returns the last error, if no poll has succeeded since.
    #[must_use]
    pub fn fault(&self) -> Option<&Error> {
        self.0.fault()
    }

    /// Returns the number of polls so far.
    #[must_use]
    pub fn polls(&self) -> u32 {
        self.0.polls()
    }

    /// Returns the time of day at which the next poll is due, for a clock that was not set back since the last poll.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.0.wall(self.0.next_poll())
    }

    /// Returns the time from `now` to the next poll; zero if it is due.
    #[must_use]
    pub fn due_in(&self, now: Timestamp) -> Duration {
        self.0.next_poll().saturating_sub(self.0.time(now))
    }

    /// Returns how long a poll that is sent at `now` may take. [`poll`](WaitState::poll) keeps to it, with the
    /// [time](crate::PollingDefaults::poll_timeout) of its provider.
    #[must_use]
    pub fn time_limit(&self, now: Timestamp) -> Duration {
        let now = self.0.time(now);
        self.0.poll_until(now, now).saturating_sub(now)
    }

    /// Takes the result of a poll that ended at `now`, and returns what to do next. Sends and waits for nothing.
    ///
    /// The time at which the poll is made is up to the caller: [`due`](WaitState::due) is the best one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use bulkrail_core::poll::{Step, WaitOptions, WaitState};
    /// use bulkrail_core::test_util::{MockProvider, VirtualClock, running};
    ///
    /// let clock = VirtualClock::new();
    /// let provider = MockProvider::by_time(&clock);
    /// let mut state = WaitState::new(provider.submitted("b-1"), &WaitOptions::new(&provider), VirtualClock::BEGINNING);
    ///
    /// let asked = running(1, 2).with_retry_after(Some(Duration::from_secs(120)));
    /// let Step::Again { after, .. } = state.observe(state.due(), Ok(asked)) else { panic!("it has not ended") };
    /// assert!(after >= Duration::from_secs(120));
    /// ```
    pub fn observe(&mut self, now: Timestamp, result: Result<Snapshot, Error>) -> Step {
        let now = self.0.advance(now);
        let observed = self.0.observe(now, result);
        self.step(now, observed)
    }

    /// Polls once, whether it is due or not, and returns what to do next.
    ///
    /// It sends one status request, within the provider's [limit on polls in flight](Provider::poll_limit) and the
    /// [time limit](WaitState::time_limit). Traces are those of a [`Wait`](super::Wait).
    ///
    /// A batch of another provider is not polled: the step is [`Step::GaveUp`] with
    /// [`ErrorKind::Usage`], and the state stays as it was.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped, the state is as before, but for the time limit.
    pub async fn poll(&mut self, provider: &impl Provider) -> Step {
        if let Err(error) = check_provider(self.batch(), &provider.id()) {
            return Step::GaveUp(error);
        }
        self.0.set_poll_timeout(provider.polling_defaults().poll_timeout);
        let clock = provider.clock();
        let span = trace::span(self.batch());
        let begun = self.0.time(clock.wall());
        let end = self.0.ends_by(begun).map(|end| end.saturating_sub(begun));
        let Some(_place) = place_until(provider, end.map(|end| clock.sleep(end))).await else {
            let now = self.0.advance(clock.wall());
            let end = Err(self.0.expired(now));
            span.in_scope(|| trace::end(&end));
            return self.step(now, Observed::End(end));
        };
        let (sent, sent_at) = (self.0.time(clock.wall()), clock.now());
        let limit = clock.sleep(self.0.poll_until(begun, sent).saturating_sub(sent));
        let result = poll_until(provider, self.batch(), limit).instrument(span.clone()).await;
        let (now, duration) = (self.0.advance(clock.wall()), clock.now().saturating_sub(sent_at));
        let observed = span.in_scope(|| trace::observe(&mut self.0, now, duration, result, None));
        self.step(now, observed)
    }

    fn step(&self, now: Duration, observed: Observed) -> Step {
        let after = self.0.next_poll().saturating_sub(now);
        match observed {
            Observed::Running(report) => Step::Again { after, report: Some(Box::new(report)), fault: None },
            Observed::Nothing => {
                let fault = self.fault().map(|fault| Box::new(fault.document()));
                Step::Again { after, report: None, fault }
            }
            Observed::End(Ok(report)) => Step::Ended(Box::new(report)),
            Observed::End(Err(error)) => Step::GaveUp(error),
        }
    }
}

/// Returns an error for a batch of another provider.
pub(super) fn check_provider(batch: &Batch, provider: &ProviderId) -> Result<(), Error> {
    if batch.provider() == provider {
        return Ok(());
    }
    let reason = format!("this is a batch of {}, not of {provider}", batch.provider());
    Err(Error::new(ErrorKind::Usage, reason).with_batch(batch.clone()))
}

/// Result of one poll of a [`WaitState`].
///
/// Serialises to `{"again":{"after_ms","report","fault"}}`, `{"ended":REPORT}` or `{"gave_up":ERROR}`, with the documents
/// of [`Report`] and [`Error`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The batch has not ended: poll it again.
    Again {
        /// Time to the next poll; in JSON in milliseconds, rounded up.
        #[serde(rename = "after_ms", with = "millis")]
        after: Duration,
        /// Report of the poll, if it succeeded.
        report: Option<Box<Report>>,
        /// Error of the poll, if it failed.
        fault: Option<Box<ErrorDocument>>,
    },
    /// The batch has ended.
    Ended(Box<Report>),
    /// The wait is over, and the end of the batch was not seen; see [`Wait`](super::Wait) for the errors.
    ///
    /// In JSON it is an [`ErrorDocument`]: an error that was read does not have its sources.
    GaveUp(#[serde(with = "gave_up")] Error),
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(after: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

mod gave_up {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::error::{Error, ErrorDocument};

    pub(super) fn serialize<S: Serializer>(error: &Error, to: S) -> Result<S::Ok, S::Error> {
        error.document().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Error, D::Error> {
        ErrorDocument::deserialize(from).map(Error::from)
    }
}

#[cfg(test)]
mod tests;
