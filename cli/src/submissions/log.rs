//! Reads the records of `submitted.jsonl` in order, and keeps what became of each submission.

use bulkrail::{Batch, ErrorKind, Outcome, ProviderId};
use jiff::Timestamp;

use super::document::Phase;
use super::record::{Failed, Note, Record, Seen, Submitted};

/// Submissions in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Vec<Entry>,
}

/// A submission, as far as it is known.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) provider: ProviderId,
    pub(crate) environment: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) note: Option<Box<Note>>,
    /// The batch, once the provider has it.
    pub(crate) batch: Option<Batch>,
    pub(crate) phase: Phase,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) provider_status: Option<String>,
    /// Kind of the error that the last attempt to submit or to poll it ended with.
    pub(crate) error: Option<String>,
}

impl Log {
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn push(&mut self, record: Record) {
        match record {
            Record::Begun(note) => self.entries.push(Entry::begun(*note)),
            Record::Submitted(submitted) => self.settle(*submitted),
            Record::Failed(failed) => self.fail(*failed),
            Record::Seen(seen) => self.see(*seen),
        }
    }

    /// Returns whether `batch` was submitted from here.
    pub(crate) fn has(&self, batch: &Batch) -> bool {
        self.position(batch).is_some()
    }

    fn settle(&mut self, Submitted { batch, note }: Submitted) {
        let noted = note.and_then(|note| self.noted(&note));
        let position = noted.or_else(|| self.same_batch(&batch)).unwrap_or_else(|| {
            self.entries.push(Entry::new(batch.provider().clone()));
            self.entries.len() - 1
        });
        let entry = &mut self.entries[position];
        if matches!(entry.phase, Phase::Submitting) {
            entry.phase = Phase::Open;
        }
        entry.error = None;
        entry.set_batch(batch);
        self.absorb(position);
    }

    fn fail(&mut self, failed: Failed) {
        let of_key = |entry: &Entry| {
            entry.is_at(&failed.provider, failed.environment.as_deref())
                && entry.key.is_some()
                && entry.key == failed.key
        };
        let noted = failed.note.as_deref().and_then(|note| self.noted(note));
        let position = noted.or_else(|| match (&failed.note, failed.submitted) {
            // Its own note could not be written; what the provider says is true of every note of the
            // key.
            (Some(_), Some(true)) => self.entries.iter().rposition(of_key),
            (Some(_), _) => None,
            (None, _) => self.entries.iter().rposition(|entry| {
                let is_old = entry.batch.is_none() && entry.note.as_ref().is_none_or(|note| note.note.is_none());
                is_old && of_key(entry)
            }),
        });
        let Some(position) = position else { return };
        match failed.submitted {
            // It does not exist: there is nothing to list.
            Some(false) => drop(self.entries.remove(position)),
            Some(true) => {
                let entry = &mut self.entries[position];
                if matches!(entry.phase, Phase::Submitting) {
                    (entry.phase, entry.error) = (Phase::Open, failed.error);
                }
                self.absorb(position);
            }
            None => self.entries[position].error = failed.error,
        }
    }

    fn see(&mut self, seen: Seen) {
        let Some(position) = self.position(&seen.batch) else { return };
        let entry = &mut self.entries[position];
        let has_ended = seen.outcome.is_some();
        // A batch that has ended stays ended, whatever a later poll failed with.
        if matches!(entry.phase, Phase::Ended) && !has_ended {
            return;
        }
        let gave_up = [ErrorKind::Deadline, ErrorKind::Unreachable];
        let gave_up = gave_up.iter().any(|kind| seen.error.as_deref() == Some(kind.as_str()));
        let was_seen = seen.provider_status.is_some();
        if has_ended {
            entry.phase = Phase::Ended;
        } else if was_seen || !matches!(entry.phase, Phase::Submitting) {
            // Whether a batch of unknown fate exists is not known before a poll has seen it.
            entry.phase = if gave_up { Phase::GaveUp } else { Phase::Open };
        }
        entry.error = seen.error;
        if was_seen {
            (entry.outcome, entry.provider_status) = (seen.outcome, seen.provider_status);
            entry.set_batch(seen.batch);
            self.absorb(position);
        }
    }

    fn noted(&self, note: &str) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.note.as_ref().is_some_and(|known| known.note.as_deref() == Some(note)))
    }

    /// Returns the submission that became `batch`: that of its id, else one of its key without an
    /// id.
    fn position(&self, batch: &Batch) -> Option<usize> {
        let of_key = |entry: &Entry| {
            entry.id.is_none()
                && entry.key.is_some()
                && entry.key.as_deref() == batch.key()
                && entry.is_at(batch.provider(), batch.environment())
        };
        self.same_batch(batch).or_else(|| self.entries.iter().rposition(of_key))
    }

    fn same_batch(&self, batch: &Batch) -> Option<usize> {
        let is_it = |entry: &&Entry| {
            entry.id.as_deref() == Some(batch.id()) && entry.is_at(batch.provider(), batch.environment())
        };
        let exact = |entry: &Entry| is_it(&entry) && entry.environment.as_deref() == batch.environment();
        self.entries.iter().rposition(exact).or_else(|| self.entries.iter().rposition(|entry| is_it(&entry)))
    }

    /// Removes the other submissions that turned out to be the one at `position`: those of its id,
    /// and those of its key whose id is not known.
    fn absorb(&mut self, position: usize) {
        let kept = &self.entries[position];
        let is_same = |(index, other): (usize, &Entry)| {
            index != position
                && other.is_at(&kept.provider, kept.environment.as_deref())
                && match (&other.id, &kept.id) {
                    (Some(other), Some(id)) => other == id,
                    _ => other.key.is_some() && other.key == kept.key,
                }
        };
        let mut is_gone: Vec<bool> = self.entries.iter().enumerate().map(is_same).collect();
        let is_known = |(other, same): (&Entry, &bool)| *same && other.id.is_some();
        if kept.id.is_none() && self.entries.iter().zip(&is_gone).any(is_known) {
            // The batch under this key is listed already.
            is_gone[position] = true;
            for (other, gone) in self.entries.iter().zip(&mut is_gone) {
                *gone &= other.id.is_none();
            }
        } else if kept.note.is_none() {
            let mut notes = self.entries.iter_mut().zip(&is_gone).rev().filter(|(_, gone)| **gone);
            let note = notes.find_map(|(same, _)| same.note.take());
            self.entries[position].note = note;
        }
        let mut gone = is_gone.into_iter();
        self.entries.retain(|_| !gone.next().unwrap_or(false));
    }
}

impl Entry {
    fn new(provider: ProviderId) -> Self {
        Self {
            provider,
            environment: None,
            id: None,
            key: None,
            note: None,
            batch: None,
            phase: Phase::Submitting,
            outcome: None,
            provider_status: None,
            error: None,
        }
    }

    fn begun(note: Note) -> Self {
        Self {
            environment: note.environment.clone(),
            id: note.id.clone(),
            key: note.key.clone(),
            note: Some(Box::new(note.clone())),
            ..Self::new(note.provider)
        }
    }

    /// Sets the batch, and keeps what is known of it and `batch` does not say.
    fn set_batch(&mut self, mut batch: Batch) {
        let known = self.batch.take();
        let known = known.as_ref();
        let environment = known.and_then(Batch::environment).or(self.environment.as_deref());
        if let (None, Some(environment)) = (batch.environment(), environment) {
            batch = batch.with_environment(environment);
        }
        if let (None, Some(key)) = (batch.key(), self.key.as_deref()) {
            batch = batch.with_key(key);
        }
        let begun = || self.note.as_ref().and_then(|note| note.begun_at);
        if let (None, Some(at)) = (batch.submitted_at(), known.and_then(Batch::submitted_at).or_else(begun)) {
            batch = batch.with_submitted_at(at);
        }
        self.environment = batch.environment().map(str::to_owned);
        self.key = batch.key().map(str::to_owned);
        self.id = Some(batch.id().to_owned());
        self.batch = Some(batch);
    }

    /// Returns when the batch was submitted, or when that began.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        let begun = self.note.as_ref().and_then(|note| note.begun_at);
        self.batch.as_ref().and_then(Batch::submitted_at).or(begun)
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

    /// Returns whether the submission went to `provider` in `environment`. Lines of earlier versions
    /// have no environment.
    fn is_at(&self, provider: &ProviderId, environment: Option<&str>) -> bool {
        let is_known = self.environment.is_some() && environment.is_some();
        self.provider == *provider && (!is_known || self.environment.as_deref() == environment)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Returns key or id, and phase, of each submission.
    fn log(lines: &[Value]) -> Vec<(String, Phase)> {
        let mut log = Log::default();
        lines.iter().for_each(|line| log.push(Record::parse(line.clone()).unwrap_or_else(|| panic!("{line}"))));
        let name = |entry: &Entry| entry.id.clone().or_else(|| entry.key.clone()).unwrap_or_default();
        log.entries().iter().map(|entry| (name(entry), entry.phase)).collect()
    }

    fn note(note: &str, key: &str, environment: &str) -> Value {
        let at = "2026-01-01T00:00:00Z";
        json!({"note": note, "provider": "reap", "environment": environment, "key": key, "begun_at": at})
    }

    fn batch(note: &str, id: &str, key: &str) -> Value {
        json!({"note": note, "provider": "reap", "id": id, "key": key, "environment": "sandbox"})
    }

    fn conflict(note: &str, key: &str) -> Value {
        let error = "conflict";
        json!({"note": note, "provider": "reap", "environment": "sandbox", "key": key, "submitted": true, "error": error})
    }

    fn seen(id: &str, key: Value, word: Value, outcome: Value, error: Value) -> Value {
        let batch = json!({"provider": "reap", "id": id, "key": key, "environment": "sandbox"});
        json!({"batch": batch, "provider_status": word, "outcome": outcome, "error": error})
    }

    fn listed(name: &str, phase: Phase) -> (String, Phase) {
        (name.to_owned(), phase)
    }

    #[test]
    fn batch_or_conflict_of_a_key_settles_the_notes_of_that_key_and_environment() {
        let (one, two) = (note("n-1", "k", "sandbox"), note("n-2", "k", "sandbox"));
        let others = [note("n-3", "k", "production"), note("n-4", "k-2", "sandbox")];
        let rest = [listed("k", Phase::Submitting), listed("k-2", Phase::Submitting)];
        for (last, name) in [(batch("n-2", "b-1", "k"), "b-1"), (conflict("n-2", "k"), "k")] {
            let all = log(&[&others[..], &[one.clone(), two.clone(), last]].concat());
            assert_eq!(all, [&rest[..], &[listed(name, Phase::Open)]].concat());
        }
        // The batch is known, and a later conflict is about it.
        let known = log(&[one.clone(), batch("n-1", "b-1", "k"), two.clone(), conflict("n-2", "k")]);
        assert_eq!(known, [listed("b-1", Phase::Open)]);
        // The note of the conflict could not be written.
        assert_eq!(log(&[one, conflict("n-9", "k")]), [listed("k", Phase::Open)]);
    }

    #[test]
    fn refusal_removes_its_own_note_only() {
        let refused =
            json!({"note": "n-2", "provider": "reap", "environment": "sandbox", "key": "k", "submitted": false});
        let lines = [note("n-1", "k", "sandbox"), note("n-2", "k", "sandbox"), refused];
        assert_eq!(log(&lines), [listed("k", Phase::Submitting)]);
    }

    #[test]
    fn batches_of_one_key_with_different_ids_are_both_listed() {
        let lines = [note("n-1", "k", "sandbox"), batch("n-1", "b-1", "k"), batch("n-2", "b-2", "k")];
        assert_eq!(log(&lines), [listed("b-1", Phase::Open), listed("b-2", Phase::Open)]);
    }

    #[test]
    fn phase_follows_what_was_seen_and_an_end_stays_an_end() {
        let (null, running, done) = (Value::Null, json!("in_progress"), json!("completed"));
        let mut lines = vec![note("n-1", "k", "sandbox"), batch("n-1", "b-1", "k")];
        for (line, phase) in [
            (seen("b-1", null.clone(), running.clone(), null.clone(), json!("deadline")), Phase::GaveUp),
            (seen("b-1", null.clone(), running.clone(), null.clone(), null.clone()), Phase::Open),
            (seen("b-1", null.clone(), null.clone(), null.clone(), json!("unreachable")), Phase::GaveUp),
            (seen("b-1", null.clone(), done, json!("partial"), null.clone()), Phase::Ended),
            (seen("b-1", null.clone(), null.clone(), null.clone(), json!("unreachable")), Phase::Ended),
        ] {
            lines.push(line);
            assert_eq!(log(&lines), [listed("b-1", phase)]);
        }
        // A poll that did not see the batch does not say that it exists.
        let own = json!({"note": "n", "provider": "localpayment", "id": "i", "key": "i", "begun_at": null});
        let batch = json!({"provider": "localpayment", "id": "i"});
        let missing = json!({"batch": batch, "error": "not_found"});
        assert_eq!(log(&[own.clone(), missing]), [listed("i", Phase::Submitting)]);
        let found = json!({"batch": batch, "provider_status": "INPROGRESS"});
        assert_eq!(log(&[own, found]), [listed("i", Phase::Open)]);
        // The id of a batch that is known by its key.
        let lines = [note("n-1", "k", "sandbox"), seen("b-7", json!("k"), running, null.clone(), null)];
        assert_eq!(log(&lines), [listed("b-7", Phase::Open)]);
    }
}
