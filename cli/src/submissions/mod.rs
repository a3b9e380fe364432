//! Submissions from this machine, in the store `bulkrail.redb` of the state directory: each is
//! noted before it is sent, settled after, and updated with what is seen of its batch.
//!
//! A store that cannot be written never fails a command; it is a warning. Only one that another
//! process has open stops a submit, before anything is sent.

mod advice;
mod document;
mod entry;
mod jsonl;
mod log;
mod names;
mod note;
mod saver;
mod store;

use std::path::Path;
use std::time::Duration;

use bulkrail::poll::WaitState;
use bulkrail::time::Clock;
use bulkrail::{AnyClient, Batch, Error, ErrorKind, Provider, Report};
use bulkrail_durable::StoreError;
use serde_json::value::RawValue;
use uuid::Uuid;

pub(crate) use document::{Listed, Phase};
pub(crate) use entry::Entry;
pub(crate) use jsonl::{Line, OldRecord, lines, skipped};
pub(crate) use log::{Log, SubmitEnd};
pub(crate) use names::MIN_PREFIX;
pub(crate) use note::{FileNote, Note, Target, digest};
pub(crate) use saver::{Saver, Unsaved};
pub(crate) use store::Contents;

use crate::error::CliError;
use crate::place::Place;
use crate::state::StateDir;
use names::{are_one_batch, several};
use store::{FILE, HOLD_LIMIT, StoreFile};

/// 1 s for another process to close the file, where a command was interrupted.
const SHORT_LIMIT: Duration = Duration::from_secs(1);

/// The submissions.
#[derive(Clone)]
pub(crate) struct Submissions {
    state: StateDir,
    store: Option<StoreFile>,
}

/// Key of the record of a submission.
#[derive(Clone)]
pub(crate) struct RecordKey(String);

impl RecordKey {
    /// Returns a new key. It is not the idempotency key: two submits under that are two
    /// submissions, until a response tells that they are one batch.
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4().to_string())
    }
}

impl Submissions {
    pub(crate) fn new(state: &StateDir) -> Self {
        Self { state: state.clone(), store: StoreFile::new(state) }
    }

    /// Notes what is about to be submitted. The note is on the disk when this returns.
    ///
    /// A note that cannot be written is a warning.
    ///
    /// # Errors
    ///
    /// When another process has the store.
    pub(crate) async fn begin(&self, key: &RecordKey, note: &Note) -> Result<(), CliError> {
        if let Some(store) = &self.store {
            let record = Log::begun(&key.0, note.clone(), Clock::system().wall());
            let begun = store.write(HOLD_LIMIT, async move |store| store::put(store, [&record]).await);
            match begun.await {
                Err(error @ StoreError::Held { .. }) => return Err(held(&error, "nothing was sent")),
                begun => self.warn(begun, "the submission is not recorded"),
            }
        }
        Ok(())
    }

    /// Settles a note with the batch that it became. `wait` is the state of a wait for it that
    /// begins.
    pub(crate) async fn settle(&self, key: &RecordKey, batch: &Batch, wait: Option<&WaitState>) {
        let state = wait.and_then(|wait| serde_json::value::to_raw_value(wait).ok());
        let (needles, key, batch) = (Needles::new([batch]).or_key(&key.0), key.0.clone(), batch.clone());
        self.change(needles, "the submission is not recorded", HOLD_LIMIT, move |log| {
            log.settle(Some(&key), batch, state, Clock::system().wall());
        })
        .await;
    }

    /// Records why a note has no batch.
    pub(crate) async fn fail(&self, key: &RecordKey, note: &Note, end: SubmitEnd, error: &Error) {
        let limit = if error.kind() == ErrorKind::Interrupted { SHORT_LIMIT } else { HOLD_LIMIT };
        let needles = Needles::default().or_key(&key.0).or_quoted(note.key.as_deref());
        let (key, error) = (key.0.clone(), Error::from(error.document()));
        self.change(needles, "the submission is not recorded", limit, move |log| {
            log.fail(&key, end, error, Clock::system().wall());
        })
        .await;
    }

    /// Records what was last seen of the batches that were submitted from here: the ends, and the
    /// states of waits that are not stored yet.
    pub(crate) async fn see(&self, ends: impl IntoIterator<Item = BatchEnd>, unsaved: Unsaved) {
        let ends: Vec<_> = ends.into_iter().collect();
        let Some(store) = &self.store else { return };
        let needles = Needles::new(ends.iter().map(|end| &end.batch));
        if unsaved.is_empty() {
            // Most batches that are named by hand were not submitted from here.
            let wanted = needles.clone();
            match store.read(move |key, document| wanted.has(key, document)).await {
                Ok(contents) if !ends.iter().any(|end| contents.log.position(&end.batch).is_some()) => return,
                _ => {}
            }
        }
        let needles = unsaved.keys().fold(needles, |needles, key| needles.or_key(key));
        self.change(needles, "the state of the batch is not recorded", HOLD_LIMIT, move |log| {
            let now = Clock::system().wall();
            unsaved.apply(log, now);
            for BatchEnd { batch, report, error } in ends {
                log.see(&batch, report, error, now);
            }
        })
        .await;
    }

    /// Returns the command that waits for the batch that was submitted to the place of `client` under `key`.
    pub(crate) async fn wait_for_key(&self, client: &AnyClient, key: &str) -> Option<String> {
        let log = self.read_named(key).await.log;
        let is_it = |entry: &&Entry| {
            entry.provider == client.id()
                && entry.environment.as_deref() == Some(client.environment())
                && entry.key.as_deref() == Some(key)
        };
        let known = log.entries().iter().filter(is_it).find_map(|entry| Some((entry, entry.id.as_ref()?)));
        known.map(|(entry, id)| Place::of(entry).wait(id))
    }

    /// Removes the submissions of these names, and returns their number.
    ///
    /// # Errors
    ///
    /// When there is none of a name, or, without `all`, when there are several: then nothing is removed.
    pub(crate) async fn forget(&self, names: Vec<String>, all: bool) -> Result<usize, CliError> {
        let not_found = |name: &str| {
            let error = CliError::usage(format!("nothing is listed that has the name {name}"));
            error.with_hint("its name is its id or its key as bulkrail list shows it, or its file where it has neither")
        };
        let contents = self.read().await?;
        // The records may change until they are removed: names are whole then.
        let mut whole = Vec::new();
        for name in names {
            let found = contents.log.named(&name, true)?;
            if !all && !are_one_batch(&found) {
                return Err(several(&name, &found));
            }
            match &found[..] {
                [] => return Err(not_found(&name)),
                [entry] if !entry.is_named(&name, true) => whole.extend(entry.id.clone().or_else(|| entry.key.clone())),
                _ => whole.push(name),
            }
        }
        let names = whole;
        let Some(store) = &self.store else { return Ok(0) };
        let removed = store.write(HOLD_LIMIT, async move |store| {
            let mut removed = 0;
            let forget = |log: &mut Log| removed = log.forget(&names);
            store::change(store, |_, _| true, forget).await.map(|()| removed)
        });
        removed.await.map_err(|error| match error {
            StoreError::Held { .. } => held(&error, "nothing was removed"),
            error => CliError::configuration(format!("the list of submissions cannot be written: {error}")),
        })
    }

    /// Reads the submissions of these batches; none where the list cannot be read.
    pub(crate) async fn read_of<'b>(&self, batches: impl IntoIterator<Item = &'b Batch>) -> Contents {
        let Some(store) = &self.store else { return Contents::default() };
        let needles = Needles::new(batches);
        store.read(move |key, document| needles.has(key, document)).await.unwrap_or_default()
    }

    async fn change(
        &self,
        needles: Needles,
        failure: &str,
        limit: Duration,
        change: impl FnOnce(&mut Log) + Send + 'static,
    ) {
        let Some(store) = &self.store else { return };
        let changed = store.write(limit, async move |store| {
            store::change(store, |key, document| needles.has(key, document), change).await
        });
        self.warn(changed.await, failure);
    }

    fn warn(&self, done: Result<(), StoreError>, failure: &str) {
        if let (Err(error), Some(store)) = (done, &self.store) {
            let reason = match error {
                StoreError::Failed { source, .. } => source.to_string(),
                error => error.to_string(),
            };
            self.state.warn(FILE, &format!("{failure} in {}: {reason}", store.path().display()));
        }
    }

    /// Reads all submissions; none where there is no store.
    pub(crate) async fn read(&self) -> Result<Contents, CliError> {
        let Some(store) = &self.store else { return Ok(Contents::default()) };
        store.read(|_, _| true).await.map_err(|error| match error {
            StoreError::Held { .. } => held(&error, "it cannot be read"),
            error => CliError::configuration(format!("the list of submissions cannot be read: {error}")),
        })
    }

    /// Returns whether `file` is the file in which earlier versions kept submissions.
    pub(crate) fn is_old_file(&self, file: &Path) -> bool {
        let Some(store) = &self.store else { return false };
        file.file_name() == store.old_path().file_name() && is_same(store.old_path(), file)
    }

    /// Returns whether `file` is where that file was, and it has been imported.
    pub(crate) fn is_imported(&self, file: &Path) -> bool {
        let Some(store) = &self.store else { return false };
        let directory = |path: &Path| path.parent().and_then(|directory| directory.canonicalize().ok());
        file.file_name() == store.old_path().file_name()
            && !file.exists()
            && directory(file).is_some_and(|parent| Some(parent) == directory(store.old_path()))
    }
}

fn is_same(path: &Path, other: &Path) -> bool {
    let (path, other) = (path.canonicalize(), other.canonicalize());
    path.is_ok_and(|path| other.is_ok_and(|other| path == other))
}

/// Returns the error for a store that another process has.
fn held(error: &StoreError, effect: &str) -> CliError {
    let holder = match error {
        StoreError::Held { holder } => holder.clone(),
        error => error.to_string(),
    };
    let reason = format!("another process has the list of submissions, and {effect}: {holder}");
    CliError::configuration(reason).with_hint("end that process, or try again once it has ended")
}

/// Texts of which a record that is wanted has one.
#[derive(Clone, Default)]
struct Needles {
    keys: Vec<String>,
    texts: Vec<String>,
}

impl Needles {
    /// Returns the texts for the records of these batches.
    fn new<'b>(batches: impl IntoIterator<Item = &'b Batch>) -> Self {
        batches
            .into_iter()
            .fold(Self::default(), |needles, batch| needles.or_quoted(Some(batch.id())).or_quoted(batch.key()))
    }

    fn or_key(mut self, key: &str) -> Self {
        self.keys.push(key.to_owned());
        self
    }

    /// Adds a text that is a string of the document.
    fn or_quoted(mut self, text: Option<&str>) -> Self {
        self.texts.extend(text.and_then(|text| serde_json::to_string(text).ok()));
        self
    }

    fn has(&self, key: &str, document: &str) -> bool {
        self.keys.iter().any(|known| known == key) || self.texts.iter().any(|text| document.contains(text))
    }
}

/// What a command saw last of a batch.
pub(crate) struct BatchEnd {
    batch: Batch,
    report: Option<Report>,
    error: Option<Error>,
}

impl BatchEnd {
    /// Returns what was seen of `batch` by a client of `environment`: the last report, and the
    /// error that the wait ended with. A batch named by hand has no environment of its own.
    ///
    /// Returns nothing where the provider was not asked.
    pub(crate) fn new(batch: &Batch, environment: &str, report: Option<Report>, error: Option<&Error>) -> Option<Self> {
        let says_something = [ErrorKind::Deadline, ErrorKind::Unreachable, ErrorKind::NotFound];
        if report.is_none() && !error.is_some_and(|error| says_something.contains(&error.kind())) {
            return None;
        }
        let batch = match batch.environment() {
            Some(_) => batch.clone(),
            None => batch.clone().with_environment(environment),
        };
        Some(Self { batch, report, error: error.map(|error| Error::from(error.document())) })
    }
}

/// State of a wait as it is stored.
fn stored(state: &WaitState) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(state).ok()
}
