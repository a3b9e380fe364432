//! What survives a restart: one JSON line for each change of a submission, and the uploaded files.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use bulkrail::{Batch, BatchId, Error, ErrorDocument, ErrorKind, ProviderId, Report, Row, RowOutcome, SubmitOptions};
use serde::{Deserialize, Serialize};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;
use uuid::Uuid;

/// Options of a submission, as the query of a request has them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    key: Option<String>,
    account_number: Option<String>,
    country: Option<String>,
}

impl Options {
    /// Returns the same options for another batch, which must not have the same key.
    pub(crate) fn without_key(&self) -> Self {
        Self { key: None, ..self.clone() }
    }
}

impl From<&Options> for SubmitOptions {
    fn from(Options { key, account_number, country }: &Options) -> Self {
        let mut options = Self::default();
        if let Some(key) = key {
            options = options.key(key);
        }
        if let Some(account_number) = account_number {
            options = options.account_number(account_number);
        }
        if let Some(country) = country {
            options = options.country(country);
        }
        options
    }
}

/// One submission: a line of `submissions.jsonl`. The last line with an id counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Id of the submission.
    pub id: Uuid,
    /// Name of the uploaded file.
    pub file: Uuid,
    /// Provider that it was sent to.
    pub provider: ProviderId,
    /// Options that it was sent with.
    pub options: Options,
    /// Idempotency key or own reference, where the provider has one.
    pub key: Option<String>,
    /// Number of rows.
    pub rows: u64,
    /// Batch whose failed rows these are.
    pub retry_of: Option<BatchId>,
    /// The batch; `None` where the provider refused it or the outcome of the submission is unknown.
    pub batch: Option<Batch>,
    /// Last report, with every row once the batch has ended.
    pub report: Option<Report>,
    /// Error that ended the submission or the wait.
    pub error: Option<ErrorDocument>,
    /// Whether the service has finished its work for this submission.
    pub is_ended: bool,
}

impl Entry {
    pub(crate) fn new(file: Uuid, provider: ProviderId, options: Options, key: Option<String>, rows: u64) -> Self {
        let (id, retry_of, batch, report, error) = (Uuid::new_v4(), None, None, None, None);
        Self { id, file, provider, options, key, rows, retry_of, batch, report, error, is_ended: false }
    }

    /// Ends the submission with an error.
    pub(crate) fn end_with(&mut self, error: &Error) {
        self.batch = error.batch().cloned();
        (self.error, self.is_ended) = (Some(error.document()), true);
    }

    /// Returns the failed rows of a batch that has ended.
    pub(crate) fn failed_rows(&self) -> Result<impl Iterator<Item = &Row>, Error> {
        let rows = self.report.as_ref().and_then(|report| report.rows.as_ref());
        let not_ended = || Error::new(ErrorKind::Conflict, "the batch has not ended").with_hint("read its events");
        Ok(rows.ok_or_else(not_ended)?.iter().filter(|row| row.outcome == RowOutcome::Failed))
    }

    /// Returns whether this submission has, or may have, submitted the failed rows of `batch`.
    pub(crate) fn may_be_retry_of(&self, batch: &Option<BatchId>) -> bool {
        let is_unknown = |error: &ErrorDocument| error.error.kind == ErrorKind::OutcomeUnknown;
        self.retry_of == *batch && (self.batch.is_some() || self.error.as_ref().is_none_or(is_unknown))
    }

    /// Returns whether the batch has to be waited for after a restart.
    fn is_open(&self) -> bool {
        self.batch.is_some() && self.report.as_ref().is_none_or(|report| report.rows.is_none())
    }
}

/// Files of the service. Only their owner can read them.
pub(crate) struct Store {
    directory: PathBuf,
    log: Mutex<File>,
}

impl Store {
    /// Opens `directory`, and returns the submissions in it. The log is written anew with one line
    /// for each.
    pub(crate) async fn open(directory: &Path) -> io::Result<(Self, Vec<Entry>)> {
        fs::create_dir_all(directory).await?;
        let (path, new) = (directory.join("submissions.jsonl"), directory.join("submissions.jsonl.new"));
        let lines = match fs::read_to_string(&path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            lines => lines?,
        };
        // A line that a crash cut off is the last one. The state before that change is in an
        // earlier line.
        let entries = lines.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
        let mut entries: BTreeMap<_, _> = entries.map(|entry| (entry.id, entry)).collect();
        for entry in entries.values_mut() {
            if entry.is_open() {
                (entry.error, entry.is_ended) = (None, false);
            } else if !entry.is_ended {
                let reason = "the service stopped while it submitted the batch";
                entry.end_with(&Error::new(ErrorKind::OutcomeUnknown, reason).with_provider(entry.provider.clone()));
            }
        }
        let _ = fs::remove_file(&new).await;
        let store = Self { directory: directory.to_owned(), log: Mutex::new(create(&new).await?) };
        for entry in entries.values() {
            store.append(entry).await?;
        }
        fs::rename(&new, &path).await?;
        Ok((store, entries.into_values().collect()))
    }

    pub(crate) async fn append(&self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut log = self.log.lock().await;
        log.write_all(&line).await?;
        log.sync_data().await
    }

    pub(crate) async fn save(&self, file: Uuid, content: &[u8]) -> io::Result<()> {
        let mut file = create(&self.path(file)).await?;
        file.write_all(content).await?;
        file.sync_data().await
    }

    pub(crate) async fn remove(&self, file: Uuid) {
        let _ = fs::remove_file(self.path(file)).await;
    }

    pub(crate) fn path(&self, file: Uuid) -> PathBuf {
        self.directory.join(format!("{file}.csv"))
    }
}

async fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await
}
