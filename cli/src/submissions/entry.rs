//! A submission, as its record has it.

use bulkrail::poll::WaitState;
use bulkrail::{Batch, ErrorKind, Outcome, ProviderId, Report};
use bulkrail_durable::{Phase as RecordPhase, Record};
use jiff::Timestamp;

use super::document::Phase;
use super::log::IMPORTED;
use super::note::Note;

/// A submission, as far as it is known. Its fields follow from the record.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) record: Record<Note>,
    /// The record is to be stored.
    pub(super) is_changed: bool,
    /// It was removed from the log.
    pub(super) is_removed: bool,
    pub(crate) provider: ProviderId,
    pub(crate) environment: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) key: Option<String>,
    /// The batch, once the provider has it.
    pub(crate) batch: Option<Batch>,
    pub(crate) phase: Phase,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) provider_status: Option<String>,
    /// Kind of the error that the last attempt to submit or to poll it ended with.
    pub(crate) error: Option<String>,
}

impl Entry {
    pub(super) fn new(record: Record<Note>, is_changed: bool) -> Self {
        let mut entry = Self {
            provider: record.order.provider.clone(),
            record,
            is_changed,
            is_removed: false,
            environment: None,
            id: None,
            key: None,
            batch: None,
            phase: Phase::Submitting,
            outcome: None,
            provider_status: None,
            error: None,
        };
        entry.refresh();
        entry
    }

    /// Changes the record, and the fields that follow from it.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Record<Note>)) {
        change(&mut self.record);
        self.is_changed = true;
        self.refresh();
    }

    fn refresh(&mut self) {
        let (record, order) = (&self.record, &self.record.order);
        self.batch = record.batch().filter(|_| order.is_confirmed).cloned();
        let batch = self.batch.as_ref();
        self.environment = batch.and_then(Batch::environment).map(str::to_owned).or_else(|| order.environment.clone());
        self.id = batch.map(|batch| batch.id().to_owned()).or_else(|| order.id.clone());
        self.key = batch.and_then(Batch::key).map(str::to_owned).or_else(|| order.key.clone());
        self.phase = match &record.phase {
            RecordPhase::Ended { .. } => Phase::Ended,
            _ if !order.is_confirmed => Phase::Submitting,
            RecordPhase::GaveUp { error } if is_timeout(error.error.kind) => Phase::GaveUp,
            _ => Phase::Open,
        };
        let snapshot = record.snapshot();
        self.outcome = match &record.phase {
            RecordPhase::Ended { report } => report.outcome(),
            _ => None,
        };
        let word = snapshot.map(|snapshot| snapshot.provider_status);
        self.provider_status = order.provider_status.clone().or(word);
        self.error = match &record.phase {
            RecordPhase::GaveUp { error } => Some(error.error.kind.as_str().to_owned()),
            _ => None,
        };
    }

    /// Returns `batch` with what is known of it and it does not say.
    pub(super) fn complete(&self, mut batch: Batch) -> Batch {
        let known = self.batch.as_ref();
        if let (None, Some(environment)) = (batch.environment(), self.environment.as_deref()) {
            batch = batch.with_environment(environment);
        }
        if let (None, Some(key)) = (batch.key(), self.key.as_deref()) {
            batch = batch.with_key(key);
        }
        let begun = self.record.order.begun_at;
        if let (None, Some(at)) = (batch.submitted_at(), known.and_then(Batch::submitted_at).or(begun)) {
            batch = batch.with_submitted_at(at);
        }
        batch
    }

    /// Returns whether `name` is its id or its key; or, with `or_file`, its file where it has
    /// neither.
    pub(crate) fn is_named(&self, name: &str, or_file: bool) -> bool {
        let file = || self.note().file.as_ref().map(|file| file.file.as_str());
        match (&self.id, &self.key) {
            (None, None) => or_file && file() == Some(name),
            (id, key) => [id, key].into_iter().flatten().any(|known| known == name),
        }
    }

    /// Returns what was noted before it was submitted.
    pub(crate) fn note(&self) -> &Note {
        &self.record.order
    }

    /// Returns the key of the record.
    pub(crate) fn record_key(&self) -> &str {
        &self.record.key
    }

    /// Returns the last report of a batch that has ended.
    pub(crate) fn report(&self) -> Option<&Report> {
        match &self.record.phase {
            RecordPhase::Ended { report } => Some(report),
            _ => None,
        }
    }

    /// Returns the state of the wait that was stored, if one was and can be read.
    pub(crate) fn wait_state(&self) -> Option<WaitState> {
        self.record.wait_state().ok()?
    }

    /// Returns when the batch was submitted, or when that began.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.batch.as_ref().and_then(Batch::submitted_at).or(self.record.order.begun_at)
    }

    /// Returns the batch to wait for, where its id is known, although it may not exist.
    pub(crate) fn batch(&self) -> Option<Batch> {
        if self.batch.is_some() {
            return self.batch.clone();
        }
        let mut batch = Batch::new(self.provider.clone(), self.id.clone()?).ok()?;
        if let Some(key) = &self.key {
            batch = batch.with_key(key);
        }
        if let Some(environment) = &self.environment {
            batch = batch.with_environment(environment);
        }
        Some(match self.at() {
            Some(at) => batch.with_submitted_at(at),
            None => batch,
        })
    }

    /// Returns whether the record was made of a line of `submitted.jsonl` without a note.
    pub(super) fn is_old(&self) -> bool {
        self.record.key.starts_with(IMPORTED)
    }

    /// Returns whether the submission went to `provider` in `environment`. Lines of the first
    /// versions have no environment.
    pub(super) fn is_at(&self, provider: &ProviderId, environment: Option<&str>) -> bool {
        let is_known = self.environment.is_some() && environment.is_some();
        self.provider == *provider && (!is_known || self.environment.as_deref() == environment)
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Deadline | ErrorKind::Unreachable)
}
