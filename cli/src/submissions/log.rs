//! Submissions, as far as they are known, and what a submit or a poll changes about them.

use std::collections::HashMap;
use std::time::Duration;

use bulkrail::{Batch, Error, ErrorDocument, ErrorKind, Progress, Report, Snapshot, State};
use bulkrail_durable::{Event, Phase as RecordPhase, Record};
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::document::Phase;
use super::entry::Entry;
use super::jsonl::{Begun, Failed, OldRecord, Seen, Submitted};
use super::note::Note;

/// Beginning of the keys of records that were made of lines of `submitted.jsonl` without a note.
pub(super) const IMPORTED: &str = "imported-";

/// 1 ns between two submissions whose times do not tell which was first.
const NEXT: Duration = Duration::from_nanos(1);

/// Submissions in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Vec<Entry>,
    /// Positions of the entries that have, or had, a record key, an id or a key.
    positions: HashMap<(Term, String), Vec<usize>>,
    /// Keys of the records that are not listed any more.
    removed: Vec<String>,
}

/// Text that an entry is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Term {
    Record,
    Id,
    Key,
}

/// How a submit ended that did not return the batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubmitEnd {
    /// The provider does not have the batch.
    Refused,
    /// The provider has a batch under the key.
    Exists,
    /// It is not known whether the provider has the batch.
    Unknown,
}

impl Log {
    /// Returns the submissions of these records.
    pub(super) fn new(records: Vec<Record<Note>>) -> Self {
        let mut entries: Vec<_> = records.into_iter().map(|record| Entry::new(record, false)).collect();
        entries.sort_by(|one, other| {
            let place = |entry: &Entry| entry.record.ordered_at;
            place(one).cmp(&place(other)).then_with(|| one.record.key.cmp(&other.record.key))
        });
        let mut log = Self { entries, ..Self::default() };
        (0..log.entries.len()).for_each(|position| log.index(position));
        log
    }

    /// Returns the submissions. Those that were removed are among them until
    /// [`compact`](Log::compact) is called.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Leaves out the submissions that were removed.
    pub(crate) fn compact(&mut self) {
        self.entries.retain(|entry| !entry.is_removed);
        self.positions.clear();
        (0..self.entries.len()).for_each(|position| self.index(position));
    }

    /// Notes what the entry at `position` is found by.
    fn index(&mut self, position: usize) {
        let Entry { record, id, key, .. } = &self.entries[position];
        let terms = [(Term::Record, Some(&record.key)), (Term::Id, id.as_ref()), (Term::Key, key.as_ref())];
        for (term, text) in terms {
            if let Some(text) = text {
                let positions = self.positions.entry((term, text.clone())).or_default();
                if !positions.contains(&position) {
                    positions.push(position);
                }
            }
        }
    }

    /// Returns the positions at which an entry may be that has `text`, in no order.
    fn candidates(&self, term: Term, text: &str) -> impl Iterator<Item = usize> {
        let positions = self.positions.get(&(term, text.to_owned())).map(Vec::as_slice).unwrap_or_default();
        positions.iter().copied().filter(|position| !self.entries[*position].is_removed)
    }

    /// Returns the last of them for which `is_it` returns true.
    fn last(&self, term: Term, text: &str, is_it: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.candidates(term, text).filter(|position| is_it(&self.entries[*position])).max()
    }

    fn change(&mut self, position: usize, change: impl FnOnce(&mut Record<Note>)) {
        self.entries[position].change(change);
        self.index(position);
    }

    /// Returns the records to store, and the keys of those to remove.
    pub(super) fn changes(&self) -> (Vec<&Record<Note>>, &[String]) {
        let changed = self.entries.iter().filter(|entry| entry.is_changed && !entry.is_removed);
        (changed.map(|entry| &entry.record).collect(), &self.removed)
    }

    /// Adds the submissions of `other` that are not in this log.
    pub(super) fn extend(&mut self, other: Self) {
        for entry in other.entries.into_iter().filter(|entry| !entry.is_removed) {
            if self.noted(&entry.record.key).is_none() {
                self.entries.push(entry);
                self.index(self.entries.len() - 1);
            }
        }
    }

    /// Gives the records of lines without a note keys that follow from `name` of the file and their
    /// place in it.
    pub(super) fn name_imported(&mut self, name: &str) {
        self.compact();
        for (number, entry) in self.entries.iter_mut().enumerate().filter(|(_, entry)| entry.is_old()) {
            entry.record.key = format!("{IMPORTED}{name}-{number}");
        }
        self.compact();
    }

    /// Takes a line of `submitted.jsonl`.
    pub(crate) fn push(&mut self, record: OldRecord) {
        match record {
            OldRecord::Begun(begun) => self.push_begun(*begun),
            OldRecord::Submitted(submitted) => {
                let Submitted { batch, note } = *submitted;
                self.settle(note.as_deref(), batch, None, Timestamp::MIN);
            }
            OldRecord::Failed(failed) => self.push_failed(*failed),
            OldRecord::Seen(seen) => self.push_seen(*seen),
        }
    }

    fn push_begun(&mut self, Begun { note, order }: Begun) {
        let at = order.begun_at.unwrap_or(Timestamp::MIN);
        self.begin(note, order, at);
    }

    fn push_failed(&mut self, failed: Failed) {
        let of_key = |entry: &Entry| {
            entry.is_at(&failed.provider, failed.environment.as_deref())
                && entry.key.is_some()
                && entry.key == failed.key
        };
        let noted = failed.note.as_deref().and_then(|note| self.noted(note));
        let position = noted.or_else(|| match (&failed.note, failed.submitted) {
            // Its own note could not be written; what the provider says is true of every note of
            // the key.
            (Some(_), Some(true)) => self.last(Term::Key, failed.key.as_deref()?, of_key),
            (Some(_), _) => None,
            (None, _) => {
                let is_open = |entry: &Entry| entry.batch.is_none() && entry.is_old() && of_key(entry);
                self.last(Term::Key, failed.key.as_deref()?, is_open)
            }
        });
        let end = match failed.submitted {
            Some(false) => SubmitEnd::Refused,
            Some(true) => SubmitEnd::Exists,
            None => SubmitEnd::Unknown,
        };
        if let Some(position) = position {
            let at = self.entries[position].record.ordered_at;
            self.fail_at(position, end, error(failed.error.unwrap_or(ErrorKind::OutcomeUnknown)), at);
        }
    }

    fn push_seen(&mut self, seen: Seen) {
        let Seen { batch, state, outcome, provider_status, error: kind, seen_at } = seen;
        let report = provider_status.map(|word| {
            let state = match (state, outcome) {
                (Some(state), _) => state,
                (None, Some(_)) => State::Finished,
                (None, None) => State::Unknown,
            };
            // The line has neither counts nor times.
            let mut snapshot = Snapshot::new(state, word, Progress::default());
            snapshot.outcome = outcome;
            Report::new(batch.clone(), snapshot, 0, Duration::ZERO)
        });
        self.see(&batch, report, kind.map(error), seen_at.unwrap_or(Timestamp::MIN));
    }

    /// Returns the record of a submission that begins now.
    pub(super) fn begun(key: &str, note: Note, now: Timestamp) -> Record<Note> {
        let mut record = Record::new(key, note, now);
        let _submits = record.apply(now, Event::Submit);
        record
    }

    /// Adds a submission that begins now.
    fn begin(&mut self, key: Option<String>, note: Note, now: Timestamp) -> usize {
        let key = key.unwrap_or_else(|| format!("{IMPORTED}{}", self.entries.len()));
        let place = match self.entries.last() {
            // In the order in which they were noted, whatever the clock did.
            Some(last) if last.record.ordered_at >= now => last.record.ordered_at.checked_add(NEXT).unwrap_or(now),
            _ => now,
        };
        self.entries.push(Entry::new(Self::begun(&key, note, place), true));
        let position = self.entries.len() - 1;
        self.index(position);
        position
    }

    /// Records that the submission `key` became `batch`. `state` is that of a wait for it, if one
    /// begins now.
    pub(super) fn settle(&mut self, key: Option<&str>, batch: Batch, state: Option<Box<RawValue>>, now: Timestamp) {
        let noted = key.and_then(|key| self.noted(key));
        let position = noted.or_else(|| self.same_batch(&batch)).unwrap_or_else(|| {
            let note = Note::of(batch.provider().clone(), batch.environment());
            self.begin(key.map(str::to_owned), note, batch.submitted_at().unwrap_or(now))
        });
        let batch = self.entries[position].complete(batch);
        self.change(position, |record| {
            record.order.is_confirmed = true;
            match &mut record.phase {
                RecordPhase::Ended { report } => report.batch = batch,
                RecordPhase::Waiting { batch: known, .. } if state.is_none() => *known = batch,
                _ => go_on(record, batch, state, now),
            }
        });
        self.absorb(position);
    }

    /// Records why the submission `key` has no batch.
    pub(super) fn fail(&mut self, key: &str, end: SubmitEnd, error: Error, now: Timestamp) {
        if let Some(position) = self.noted(key) {
            self.fail_at(position, end, error, now);
        }
    }

    fn fail_at(&mut self, position: usize, end: SubmitEnd, error: Error, now: Timestamp) {
        match end {
            // It does not exist: there is nothing to list.
            SubmitEnd::Refused => self.remove(position),
            SubmitEnd::Exists => {
                if matches!(self.entries[position].phase, Phase::Submitting) {
                    self.change(position, |record| {
                        record.order.is_confirmed = true;
                        give_up(record, error.document(), now);
                    });
                }
                self.absorb(position);
            }
            SubmitEnd::Unknown => {
                if matches!(self.entries[position].phase, Phase::Submitting) {
                    self.change(position, |record| give_up(record, error.document(), now));
                }
            }
        }
    }

    /// Records the last report of a batch, and the error that its wait ended with.
    pub(super) fn see(&mut self, batch: &Batch, report: Option<Report>, error: Option<Error>, now: Timestamp) {
        let Some(position) = self.position(batch) else { return };
        let entry = &self.entries[position];
        let has_ended = report.as_ref().is_some_and(|report| report.snapshot.outcome.is_some());
        // A batch that has ended stays ended, whatever a later poll failed with.
        if matches!(entry.phase, Phase::Ended) && !has_ended {
            return;
        }
        let Some(mut report) = report else {
            // Whether a batch of unknown fate exists is not known before a poll has seen it.
            if let Some(error) = error {
                let (batch, word) = (entry.batch(), entry.provider_status.clone());
                self.change(position, |record| {
                    record.order.provider_status = word;
                    give_up(record, with_batch(error, batch).document(), now);
                });
            }
            return;
        };
        let batch = entry.complete(batch.clone());
        report.batch = batch.clone();
        // A batch that was seen and is not found any more stays open, with the error.
        let gave_up = error.filter(|error| error.is_timeout() || error.kind() == ErrorKind::NotFound);
        self.change(position, |record| {
            record.order.is_confirmed = true;
            record.order.provider_status = Some(report.snapshot.provider_status.clone());
            match gave_up {
                _ if has_ended => {
                    record.order.provider_status = None;
                    end(record, report, now);
                }
                Some(error) => {
                    let mut document = with_batch(error, Some(batch)).document();
                    document.last.get_or_insert(report);
                    give_up(record, document, now);
                }
                None => match &mut record.phase {
                    RecordPhase::Waiting { batch: known, .. } => *known = batch,
                    _ => go_on(record, batch, None, now),
                },
            }
        });
        self.absorb(position);
    }

    /// Records the state of a wait for the submission `key` after a poll.
    pub(super) fn wait(&mut self, key: &str, batch: &Batch, state: Box<RawValue>, is_seen: bool, now: Timestamp) {
        let Some(position) = self.noted(key) else { return };
        let entry = &self.entries[position];
        if matches!(entry.phase, Phase::Ended) {
            return;
        }
        let batch = entry.complete(batch.clone());
        self.change(position, |record| {
            if is_seen {
                record.order.is_confirmed = true;
                record.order.provider_status = None;
            }
            go_on(record, batch, Some(state), now);
        });
        if is_seen {
            self.absorb(position);
        }
    }

    /// Removes the submissions of these names, and returns their number.
    pub(super) fn forget(&mut self, names: &[String]) -> usize {
        let is_named = |entry: &Entry| !entry.is_removed && names.iter().any(|name| entry.is_named(name, true));
        let named: Vec<_> = (0..self.entries.len()).filter(|position| is_named(&self.entries[*position])).collect();
        named.iter().for_each(|position| self.remove(*position));
        named.len()
    }

    /// Removes the submission at `position`.
    fn remove(&mut self, position: usize) {
        let entry = &mut self.entries[position];
        entry.is_removed = true;
        self.removed.push(entry.record.key.clone());
    }

    fn noted(&self, key: &str) -> Option<usize> {
        self.last(Term::Record, key, |entry| entry.record.key == key)
    }

    /// Returns the submission that became `batch`: that of its id, else one of its key without an
    /// id.
    pub(crate) fn position(&self, batch: &Batch) -> Option<usize> {
        let of_key = |entry: &Entry| {
            entry.id.is_none()
                && entry.key.as_deref() == batch.key()
                && entry.is_at(batch.provider(), batch.environment())
        };
        self.same_batch(batch).or_else(|| self.last(Term::Key, batch.key()?, of_key))
    }

    fn same_batch(&self, batch: &Batch) -> Option<usize> {
        let is_it = |entry: &Entry| {
            entry.id.as_deref() == Some(batch.id()) && entry.is_at(batch.provider(), batch.environment())
        };
        let exact = |entry: &Entry| is_it(entry) && entry.environment.as_deref() == batch.environment();
        self.last(Term::Id, batch.id(), exact).or_else(|| self.last(Term::Id, batch.id(), is_it))
    }

    /// Removes the other submissions that turned out to be the one at `position`: those of its id,
    /// and those of its key whose id is not known.
    fn absorb(&mut self, position: usize) {
        let kept = &self.entries[position];
        let is_same = |other: &Entry| {
            other.is_at(&kept.provider, kept.environment.as_deref())
                && match (&other.id, &kept.id) {
                    (Some(other), Some(id)) => other == id,
                    _ => other.key.is_some() && other.key == kept.key,
                }
        };
        let of_id = kept.id.iter().flat_map(|id| self.candidates(Term::Id, id));
        let of_key = kept.key.iter().flat_map(|key| self.candidates(Term::Key, key));
        let others = of_id.chain(of_key).filter(|other| *other != position && is_same(&self.entries[*other]));
        let mut others: Vec<_> = others.collect();
        others.sort_unstable();
        others.dedup();
        if kept.id.is_none() && others.iter().any(|other| self.entries[*other].id.is_some()) {
            // The batch under this key is listed already.
            others.retain(|other| self.entries[*other].id.is_none());
            others.push(position);
        } else if kept.record.order.begun_at.is_none() {
            let mut notes = others.iter().rev().map(|other| &self.entries[*other].record.order);
            if let Some(note) = notes.find(|note| note.begun_at.is_some()).cloned() {
                self.change(position, |record| {
                    let Note { is_confirmed, provider_status, .. } = record.order.clone();
                    record.order = Note { is_confirmed, provider_status, ..note };
                });
            }
        }
        others.into_iter().for_each(|other| self.remove(other));
    }
}

/// Brings the record to the phase in which `batch` is waited for. Without a `state` no wait has
/// begun.
fn go_on(record: &mut Record<Note>, batch: Batch, state: Option<Box<RawValue>>, now: Timestamp) {
    let state = state.unwrap_or_else(no_state);
    let event = match &mut record.phase {
        RecordPhase::Waiting { batch: known, .. } => {
            *known = batch;
            Event::Polled(state)
        }
        RecordPhase::GaveUp { .. } => Event::WaitAgain(batch, state),
        RecordPhase::Ordered { .. } => {
            let _submits = record.apply(now, Event::Submit);
            Event::Submitted(batch, state)
        }
        _ => Event::Submitted(batch, state),
    };
    // Follows from each phase but that of a batch that has ended, which stays as it is.
    let _waits = record.apply(now, event);
}

/// Ends the record with `report`.
fn end(record: &mut Record<Note>, report: Report, now: Timestamp) {
    if let RecordPhase::Ended { report: known } = &mut record.phase {
        **known = report;
        return;
    }
    go_on(record, report.batch.clone(), None, now);
    let _ends = record.apply(now, Event::Ended(Box::new(report)));
}

/// Gives the record up with `document`.
fn give_up(record: &mut Record<Note>, document: ErrorDocument, now: Timestamp) {
    if let RecordPhase::GaveUp { error } = &mut record.phase {
        **error = document;
        return;
    }
    let _gives_up = record.apply(now, Event::GaveUp(Box::new(document)));
}

/// Returns the state of a batch that no wait has begun for.
fn no_state() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

/// Returns the error of a line, which has its kind only.
fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "noted by an earlier version of this command")
}

fn with_batch(error: Error, batch: Option<Batch>) -> Error {
    match batch {
        Some(batch) => error.with_batch(batch),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Returns key or id, and phase, of each submission.
    fn log(lines: &[Value]) -> Vec<(String, Phase)> {
        let mut log = Log::default();
        lines.iter().for_each(|line| log.push(OldRecord::parse(line.clone()).unwrap_or_else(|| panic!("{line}"))));
        log.compact();
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
