//! An order from when it is ordered until it has ended.

use std::fmt;

use bulkrail_core::poll::WaitState;
use bulkrail_core::{Batch, ErrorDocument, ErrorKind, Report, Snapshot};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::attempts::Attempts;
use crate::store::Entry;

/// Version of the documents that are written.
const VERSION: u32 = 1;

/// An order, and what became of it.
///
/// Serialises to a document of version 1, which a [`Store`](crate::Store) keeps. Later versions of this crate read it; one
/// of a later version is an error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound(deserialize = "O: serde::de::DeserializeOwned"))]
#[non_exhaustive]
pub struct Record<O> {
    version: Version,
    /// Key of the order.
    pub key: String,
    /// The order.
    pub order: O,
    /// Time at which it was ordered.
    pub ordered_at: Timestamp,
    /// Time at which it ended, or at which it was given up.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// Attempts to submit it.
    #[serde(default)]
    pub attempts: Attempts,
    /// How far it has come.
    pub phase: Phase,
}

/// How far an order has come.
///
/// ```text
/// Ordered -> Submitting -> Waiting -> Ended
///    ^----------'   |         |
///                   v         v
///                 GaveUp    GaveUp
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Nothing was sent, or what was sent was refused and is sent again.
    Ordered {
        /// Error of the last attempt.
        #[serde(default)]
        fault: Option<Box<ErrorDocument>>,
    },
    /// It is being submitted: whether the provider has the batch is not known.
    Submitting,
    /// The provider has the batch, or may have it under an id that was known before.
    Waiting {
        /// The batch.
        batch: Batch,
        /// Document of the [`WaitState`]; see [`Record::wait_state`].
        state: Box<RawValue>,
    },
    /// The batch has ended.
    Ended {
        /// Last report.
        report: Box<Report>,
    },
    /// The end of the batch was not seen, or there is no batch; nothing is sent any more.
    GaveUp {
        /// Error that ended it. Its batch is the one that was polled, or may be polled.
        error: Box<ErrorDocument>,
    },
}

/// Step of an order from one phase to the next.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// It is submitted now.
    Submit,
    /// The provider does not have the batch; it is submitted again later.
    Postponed(Box<ErrorDocument>),
    /// There is a batch to wait for.
    Submitted(Batch, Box<RawValue>),
    /// The batch was polled, and has not ended.
    Polled(Box<RawValue>),
    /// The batch has ended.
    Ended(Box<Report>),
    /// It is given up.
    GaveUp(Box<ErrorDocument>),
    /// The caller wants it to be submitted again.
    SubmitAgain,
    /// The caller wants to wait for this batch.
    WaitAgain(Batch, Box<RawValue>),
}

/// Error returned when an [`Event`] does not follow from a [`Phase`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongPhase {
    phase: &'static str,
    event: &'static str,
}

impl<O> Record<O> {
    /// Returns the record of an order that was just made.
    pub fn new(key: impl Into<String>, order: O, now: Timestamp) -> Self {
        let (key, phase) = (key.into(), Phase::Ordered { fault: None });
        Self { version: Version, key, order, ordered_at: now, ended_at: None, attempts: Attempts::default(), phase }
    }

    /// Goes on to the next phase.
    ///
    /// # Errors
    ///
    /// [`WrongPhase`] when `event` does not follow from the present phase; the record stays as it was.
    pub fn apply(&mut self, now: Timestamp, event: Event) -> Result<(), WrongPhase> {
        let next = match (&self.phase, event) {
            // A second attempt whose first one was lost follows from `Submitting`.
            (Phase::Ordered { .. } | Phase::Submitting, Event::Submit) => {
                self.attempts.begin(now);
                Phase::Submitting
            }
            (Phase::Submitting, Event::Postponed(error)) => Phase::Ordered { fault: Some(error) },
            (Phase::Submitting, Event::Submitted(batch, state))
            | (Phase::GaveUp { .. }, Event::WaitAgain(batch, state)) => Phase::Waiting { batch, state },
            (Phase::Waiting { batch, .. }, Event::Polled(state)) => Phase::Waiting { batch: batch.clone(), state },
            (Phase::Waiting { .. }, Event::Ended(report)) => Phase::Ended { report },
            (Phase::Ordered { .. } | Phase::Submitting | Phase::Waiting { .. }, Event::GaveUp(error)) => {
                Phase::GaveUp { error }
            }
            (Phase::GaveUp { error }, Event::SubmitAgain) if !exists(error) => {
                self.attempts = Attempts::default();
                Phase::Ordered { fault: None }
            }
            (phase, event) => return Err(WrongPhase { phase: phase.as_str(), event: event.as_str() }),
        };
        self.ended_at = next.has_ended().then_some(now);
        self.phase = next;
        Ok(())
    }

    /// Returns the batch, where it is known.
    #[must_use]
    pub fn batch(&self) -> Option<&Batch> {
        match &self.phase {
            Phase::Ordered { .. } | Phase::Submitting => None,
            Phase::Waiting { batch, .. } => Some(batch),
            Phase::Ended { report } => Some(&report.batch),
            Phase::GaveUp { error } => error.batch.as_ref(),
        }
    }

    /// Returns the last snapshot of the batch, if a poll has succeeded.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        match &self.phase {
            Phase::Ordered { .. } | Phase::Submitting => None,
            Phase::Waiting { .. } => self.wait_state().ok()??.snapshot().cloned(),
            Phase::Ended { report } => Some(report.snapshot.clone()),
            Phase::GaveUp { error } => error.last.as_ref().map(|last| last.snapshot.clone()),
        }
    }

    /// Returns the state of the wait, while it waits.
    ///
    /// # Errors
    ///
    /// An error when the document is of a later version.
    pub fn wait_state(&self) -> Result<Option<WaitState>, serde_json::Error> {
        match &self.phase {
            Phase::Waiting { state, .. } => serde_json::from_str(state.get()).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns whether a caller may submit it again: it was given up, and the provider is not known to have the batch.
    #[must_use]
    pub fn may_submit_again(&self) -> bool {
        matches!(&self.phase, Phase::GaveUp { error } if !exists(error))
    }
}

impl<O: Serialize> Record<O> {
    /// Returns the entry for the store.
    ///
    /// # Errors
    ///
    /// An error when the order does not serialise to JSON.
    pub fn to_entry(&self, account: &str) -> Result<Entry, serde_json::Error> {
        let document = serde_json::to_string(self)?;
        Ok(Entry { account: account.to_owned(), key: self.key.clone(), document, ended_at: self.ended_at })
    }
}

impl<O: DeserializeOwned> Record<O> {
    /// Reads the document of an entry.
    ///
    /// # Errors
    ///
    /// An error when it is not such a document, when it is of a later version, or when the order is of another type.
    pub fn from_document(document: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(document)
    }
}

/// Returns whether the provider has the batch of an order that was given up with `error`: it was seen, there is one under
/// the same key, or its wait was over before its end.
fn exists(error: &ErrorDocument) -> bool {
    let may_be_missing = matches!(error.error.kind, ErrorKind::NotFound | ErrorKind::OutcomeUnknown);
    error.last.is_some() || error.error.kind == ErrorKind::Conflict || (error.batch.is_some() && !may_be_missing)
}

impl Phase {
    /// Returns the word for the phase, as in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ordered { .. } => "ordered",
            Self::Submitting => "submitting",
            Self::Waiting { .. } => "waiting",
            Self::Ended { .. } => "ended",
            Self::GaveUp { .. } => "gave_up",
        }
    }

    /// Returns whether nothing more happens by itself: it has ended or was given up.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::GaveUp { .. })
    }
}

impl Event {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Postponed(_) => "postponed",
            Self::Submitted(..) => "submitted",
            Self::Polled(_) => "polled",
            Self::Ended(_) => "ended",
            Self::GaveUp(_) => "gave up",
            Self::SubmitAgain => "submit again",
            Self::WaitAgain(..) => "wait again",
        }
    }
}

impl fmt::Display for WrongPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` does not follow from the phase `{}`", self.event, self.phase)
    }
}

impl std::error::Error for WrongPhase {}

/// The version of the document.
#[derive(Debug, Clone, Copy)]
struct Version;

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let version = u32::deserialize(from)?;
        if version == VERSION {
            return Ok(Self);
        }
        Err(serde::de::Error::custom(format!("the record has version {version}; this program reads version {VERSION}")))
    }
}

#[cfg(test)]
mod tests {
    use bulkrail_core::{Error, Progress, State};

    use super::*;

    fn batch() -> Batch {
        Batch::new("acme".parse().unwrap(), "b-1").unwrap()
    }

    fn given_up(error: Error) -> Record<String> {
        let mut record = Record::new("k", "order".to_owned(), Timestamp::UNIX_EPOCH);
        record.apply(Timestamp::UNIX_EPOCH, Event::Submit).unwrap();
        record.apply(Timestamp::UNIX_EPOCH, Event::GaveUp(Box::new(error.document()))).unwrap();
        record
    }

    #[test]
    fn order_may_be_submitted_again_where_its_error_does_not_say_that_the_batch_exists() {
        use ErrorKind::{
            Authentication, Conflict, Deadline, Interrupted, InvalidRequest, NotFound, OutcomeUnknown, Unavailable,
            Unreachable,
        };
        // Kind of the error; whether it may be submitted again without a batch, and with one that was not seen.
        let table = [
            (InvalidRequest, true, false),
            (Authentication, true, false),
            (Unavailable, true, false),
            (OutcomeUnknown, true, true),
            (NotFound, true, true),
            (Conflict, false, false),
            (Deadline, true, false),
            (Unreachable, true, false),
            (Interrupted, true, false),
        ];
        for (kind, without, with) in table {
            for (has_batch, expected) in [(false, without), (true, with)] {
                let error = Error::new(kind, "it failed");
                let error = if has_batch { error.with_batch(batch()) } else { error };
                let mut record = given_up(error);
                assert_eq!(record.may_submit_again(), expected, "{kind} {has_batch}");
                assert_eq!(record.batch(), has_batch.then(batch).as_ref());
                assert_eq!(record.attempts.count(), 1);
                let applied = record.apply(Timestamp::UNIX_EPOCH, Event::SubmitAgain);
                assert_eq!(applied.is_ok(), expected, "{kind} {has_batch}");
                assert_eq!(record.attempts.count(), if expected { 0 } else { 1 }, "the attempts begin anew");
                assert_eq!(record.ended_at.is_some(), !expected);
            }
        }
        let record = Record::new("k", "order".to_owned(), Timestamp::UNIX_EPOCH);
        assert!(!record.may_submit_again() && record.batch().is_none() && record.snapshot().is_none());
    }

    #[test]
    fn order_whose_batch_was_seen_is_not_submitted_again() {
        for kind in ["not_found", "outcome_unknown", "deadline"] {
            let mut document = Error::new(ErrorKind::Deadline, "late").with_batch(batch()).document();
            document.error.kind = serde_json::from_value(kind.into()).unwrap();
            let snapshot = Snapshot::new(State::Running, "RUNNING", Progress::default());
            let last = Report::new(batch(), snapshot.clone(), 3, std::time::Duration::from_secs(9));
            document.last = Some(last);
            let record = given_up(document.into());
            assert!(!record.may_submit_again(), "{kind}");
            assert_eq!(record.snapshot(), Some(snapshot), "{kind}");
        }
    }

    #[test]
    fn record_of_another_version_than_1_is_refused() {
        let record = Record::new("k", "order".to_owned(), Timestamp::UNIX_EPOCH);
        let document = serde_json::to_string(&record).unwrap();
        assert!(document.starts_with(r#"{"version":1,"#), "{document}");
        assert!(Record::<String>::from_document(&document).is_ok());
        for version in ["0", "2", "4294967295", "4294967296", "-1", "1.5", "\"1\"", "null"] {
            let other = document.replacen(r#""version":1,"#, &format!(r#""version":{version},"#), 1);
            assert!(Record::<String>::from_document(&other).is_err(), "{version}");
        }
        assert!(Record::<String>::from_document(&document.replacen(r#""version":1,"#, "", 1)).is_err());
        assert!(Record::<u64>::from_document(&document).is_err(), "an order of another type");
        // Fields with a default may be missing.
        let short = document.replace(r#""ended_at":null,"#, "");
        assert_ne!(short, document);
        assert!(Record::<String>::from_document(&short).unwrap().ended_at.is_none());
    }

    #[test]
    fn event_that_does_not_follow_names_itself_and_the_phase() {
        let state = || RawValue::from_string("{}".to_owned()).unwrap();
        let error = || Box::new(Error::new(ErrorKind::Deadline, "late").document());
        let report = || {
            let snapshot = Snapshot::new(State::Finished, "done", Progress::default());
            Box::new(Report::new(batch(), snapshot, 1, std::time::Duration::ZERO))
        };
        let mut ordered = Record::new("k", "order".to_owned(), Timestamp::UNIX_EPOCH);
        let mut ended = Record::new("k", "order".to_owned(), Timestamp::UNIX_EPOCH);
        ended.apply(Timestamp::UNIX_EPOCH, Event::Submit).unwrap();
        ended.apply(Timestamp::UNIX_EPOCH, Event::Submitted(batch(), state())).unwrap();
        ended.apply(Timestamp::UNIX_EPOCH, Event::Ended(report())).unwrap();
        let text =
            |record: &mut Record<String>, event| record.apply(Timestamp::UNIX_EPOCH, event).unwrap_err().to_string();
        for (event, word) in [
            (Event::Submit, "submit"),
            (Event::Postponed(error()), "postponed"),
            (Event::Submitted(batch(), state()), "submitted"),
            (Event::Polled(state()), "polled"),
            (Event::Ended(report()), "ended"),
            (Event::GaveUp(error()), "gave up"),
            (Event::SubmitAgain, "submit again"),
            (Event::WaitAgain(batch(), state()), "wait again"),
        ] {
            assert_eq!(text(&mut ended, event), format!("`{word}` does not follow from the phase `ended`"));
        }
        assert_eq!(text(&mut ordered, Event::Polled(state())), "`polled` does not follow from the phase `ordered`");
    }
}
