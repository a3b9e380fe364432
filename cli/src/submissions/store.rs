//! The store of submissions: `bulkrail.redb` of the state directory.
//!
//! A process has the file open for each operation only, so that several commands can be used at the
//! same time. A process that has it open for longer (a service of the user, one that was stopped)
//! is named.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail_durable::{Durability, Filter, Record, RedbStore, Store, StoreError};
use tokio::runtime::Handle;

use super::jsonl;
use super::log::Log;
use super::note::Note;
use crate::state::{StateDir, exists, make_private, program};

/// Name of the file in the state directory.
pub(super) const FILE: &str = "bulkrail.redb";

/// Account of the records. One is enough: a record has provider and environment.
const ACCOUNT: &str = "bulkrail";

/// 10 s for another process to close the file: it takes milliseconds, also for ten commands one
/// after the other.
pub(super) const HOLD_LIMIT: Duration = Duration::from_secs(10);

/// 10 ms between two attempts to open a file that another process has open: about as long as a
/// write takes.
const HOLD_PAUSE: Duration = Duration::from_millis(10);

/// 10 s to open the store, which may have to be repaired, and to read and write records: tens of
/// thousands on a busy machine. A disk that hangs is noticed before, when the file is looked up.
const WORK_TIMEOUT: Duration = Duration::from_secs(10);

/// 60 s for the import: 300,000 submissions on a slow disk.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(60);

/// 1,000 records are read at a time.
const PAGE: usize = 1_000;

/// The file of submissions, and the one that it replaces.
#[derive(Clone)]
pub(super) struct StoreFile {
    state: StateDir,
    file: PathBuf,
    old: PathBuf,
}

/// Records and warnings that were read.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) log: Log,
    pub(crate) warnings: Vec<String>,
}

impl StoreFile {
    /// Returns the file in the state directory, if there is one.
    pub(super) fn new(state: &StateDir) -> Option<Self> {
        Some(Self { state: state.clone(), file: state.path(FILE)?, old: state.path(jsonl::FILE)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.file
    }

    /// Returns the file of earlier versions.
    pub(super) fn old_path(&self) -> &Path {
        &self.old
    }

    /// Runs `work` on the open store, waiting up to `limit` while another process has it.
    ///
    /// The file is created where there is none, and `submitted.jsonl` is imported first.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&RedbStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.open(limit).await?;
        let this = self.clone();
        let done = self.state.run_within(WORK_TIMEOUT, move || {
            Ok(Handle::current().block_on(async move {
                let done = work(&store).await;
                // Closed before the next command opens it.
                drop(store);
                done
            }))
        });
        done.await.unwrap_or_else(|error| Err(this.failed("writing to", error)))
    }

    /// Opens the store for writing.
    async fn open(&self, limit: Duration) -> Result<RedbStore, StoreError> {
        let clock = Clock::system();
        let until = clock.now().saturating_add(limit);
        let store = loop {
            match self.open_once().await {
                Err(StoreError::Held { .. }) if clock.now() < until => clock.sleep(HOLD_PAUSE).await,
                opened => break opened?,
            }
        };
        self.import(store).await
    }

    async fn open_once(&self) -> Result<RedbStore, StoreError> {
        let file = self.file.clone();
        let created = self.state.run(move || {
            if !exists(&file)? {
                let mut options = OpenOptions::new();
                options.write(true).create(true).truncate(false);
                make_private(&file, &mut options)?;
                options.open(&file)?;
            }
            Ok(())
        });
        created.await.map_err(|error| self.failed("creating", error))?;
        let file = self.file.clone();
        let open = move || Ok(Handle::current().block_on(RedbStore::open_as(&file, &program())));
        let opened = self.state.run_within(WORK_TIMEOUT, open);
        opened.await.unwrap_or_else(|error| Err(self.failed("opening", error)))
    }

    /// Imports the file of earlier versions, if there is one.
    async fn import(&self, store: RedbStore) -> Result<RedbStore, StoreError> {
        let old = self.old.clone();
        let imported = self.state.run_within(IMPORT_TIMEOUT, move || {
            if !exists(&old)? {
                return Ok((store, Vec::new()));
            }
            let contents = jsonl::read(&old)?;
            let entries: Result<Vec<_>, _> =
                contents.log.changes().0.into_iter().map(|record| record.to_entry(ACCOUNT)).collect();
            let known = Handle::current().block_on(store.insert(entries?));
            known.map_err(io::Error::other)?;
            fs::rename(&old, imported_path(&old))?;
            Ok((store, contents.warnings))
        });
        match imported.await {
            Ok((store, warnings)) => {
                warnings.iter().for_each(|warning| crate::printer::error(&format!("warning: {warning}")));
                Ok(store)
            }
            Err(error) => {
                let old = self.old.display();
                self.state.warn(jsonl::FILE, &format!("{old} is not imported: {error}"));
                // The store itself may be fine.
                self.open_once().await
            }
        }
    }

    /// Reads the records of which `is_wanted` returns true for key and document, also while another
    /// process has the store; none where there is no file.
    pub(super) async fn read(
        &self,
        is_wanted: impl Fn(&str, &str) -> bool + Send + 'static,
    ) -> Result<Contents, StoreError> {
        let (file, old) = (self.file.clone(), self.old.clone());
        let sizes = self.state.run(move || {
            let size = if exists(&file)? { fs::metadata(&file)?.len() } else { 0 };
            // What is not a file is a warning of the import.
            Ok((size, exists(&old).unwrap_or(true)))
        });
        let (size, has_old) = sizes.await.map_err(|error| self.failed("reading", error))?;
        let mut contents = Contents::default();
        if has_old {
            match self.write(Duration::ZERO, async |_| Ok(())).await {
                Ok(()) => {}
                // The file of earlier versions is read as it is.
                Err(_) => contents = self.read_old().await?,
            }
        } else if size == 0 {
            return Ok(contents);
        }
        let file = self.file.clone();
        let open = move || Ok(Handle::current().block_on(RedbStore::read_only(&file)));
        let opened = self.state.run_within(WORK_TIMEOUT, open);
        let store = match opened.await.unwrap_or_else(|error| Err(self.failed("opening", error))) {
            Ok(store) => store,
            // After a crash it is repaired by the next process that writes.
            Err(error) => match self.open(HOLD_LIMIT).await {
                Ok(store) => store,
                Err(held @ StoreError::Held { .. }) => return Err(held),
                Err(_) if has_old && size == 0 => return Ok(contents),
                Err(_) => return Err(error),
            },
        };
        let load = move || Ok(Handle::current().block_on(load(&store, is_wanted)));
        let records = self.state.run_within(WORK_TIMEOUT, load);
        let mut read = records.await.unwrap_or_else(|error| Err(self.failed("reading", error)))?;
        read.log.extend(contents.log);
        read.warnings.extend(contents.warnings);
        Ok(read)
    }

    async fn read_old(&self) -> Result<Contents, StoreError> {
        let old = self.old.clone();
        let read = self.state.run_within(IMPORT_TIMEOUT, move || match exists(&old)? {
            true => jsonl::read(&old),
            false => Ok(jsonl::Contents::default()),
        });
        match read.await {
            Ok(jsonl::Contents { log, warnings }) => Ok(Contents { log, warnings }),
            Err(error) => {
                self.state.warn(jsonl::FILE, &format!("{} is not read: {error}", self.old.display()));
                Ok(Contents::default())
            }
        }
    }

    fn failed(&self, action: &str, error: io::Error) -> StoreError {
        StoreError::failed(format!("{action} {}", self.file.display()), error)
    }
}

/// Changes the submissions of which `is_wanted` returns true for key and document.
pub(super) async fn change(
    store: &RedbStore,
    is_wanted: impl Fn(&str, &str) -> bool,
    change: impl FnOnce(&mut Log),
) -> Result<(), StoreError> {
    let mut log = load(store, is_wanted).await?.log;
    change(&mut log);
    let (changed, removed) = log.changes();
    put(store, changed).await?;
    for key in removed {
        store.remove(ACCOUNT, key).await?;
    }
    Ok(())
}

/// Stores records durably: the file is closed after every write anyway, and then it is on the disk.
pub(super) async fn put<'r>(
    store: &RedbStore,
    records: impl IntoIterator<Item = &'r Record<Note>>,
) -> Result<(), StoreError> {
    let entries: Result<Vec<_>, _> = records.into_iter().map(|record| record.to_entry(ACCOUNT)).collect();
    let entries = entries.map_err(|error| StoreError::failed("writing a submission", error))?;
    if entries.is_empty() { Ok(()) } else { store.write(entries, Durability::Durable).await }
}

/// Returns the records of these keys.
pub(super) async fn load_keys(store: &RedbStore, keys: impl Iterator<Item = &str>) -> Result<Log, StoreError> {
    let mut records = Vec::new();
    for key in keys {
        let document = store.get(ACCOUNT, key).await?;
        records.extend(document.and_then(|document| Record::from_document(&document).ok()));
    }
    Ok(Log::new(records))
}

/// Returns the records of which `is_wanted` returns true, and a warning of each that cannot be read.
async fn load(store: &RedbStore, is_wanted: impl Fn(&str, &str) -> bool) -> Result<Contents, StoreError> {
    let (mut records, mut warnings) = (Vec::new(), Vec::new());
    let mut after: Option<String> = None;
    loop {
        let page = store.page(ACCOUNT, Filter::All, after.as_deref(), PAGE).await?;
        for entry in page.iter().filter(|entry| is_wanted(&entry.key, &entry.document)) {
            match Record::from_document(&entry.document) {
                Ok(record) => records.push(record),
                Err(error) => warnings.push(format!("{FILE}: the submission {} cannot be read: {error}", entry.key)),
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.key.clone()),
            _ => return Ok(Contents { log: Log::new(records), warnings }),
        }
    }
}

/// Returns a name for the file that was imported, which no file has.
fn imported_path(old: &Path) -> PathBuf {
    let name = |number: usize| {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        old.with_file_name(format!("{}.imported{suffix}", jsonl::FILE))
    };
    (1..).map(name).find(|path| fs::symlink_metadata(path).is_err()).unwrap_or_else(|| name(1))
}

#[cfg(test)]
mod tests {
    use bulkrail_durable::Entry;

    use super::*;

    #[tokio::test]
    async fn load_warns_of_a_record_that_cannot_be_read() {
        let store = RedbStore::in_memory().unwrap();
        let (account, key, document) = (ACCOUNT.to_owned(), "n-1".to_owned(), r#"{"version":2}"#.to_owned());
        store.insert(vec![Entry { account, key, document, ended_at: None }]).await.unwrap();
        let Contents { log, warnings } = load(&store, |_, _| true).await.unwrap();
        assert!(log.entries().is_empty());
        assert!(
            warnings.len() == 1 && warnings[0].contains("n-1") && warnings[0].contains("version 2"),
            "{warnings:?}"
        );
    }
}
