//! The store in one file.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use redb::backends::InMemoryBackend;
use redb::{
    ConcurrencyMode, Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, ReadableTable,
    TableDefinition, TableError, WriteTransaction,
};
use serde::{Deserialize, Serialize};

use super::{Durability, Entry, Filter, Store, StoreError, StoreFuture};

type Key = (&'static str, &'static str);

/// Time of the end in milliseconds since 1970 ([`OPEN`] before it) and document, by account and key.
const RECORDS: TableDefinition<'_, Key, (i64, &str)> = TableDefinition::new("records");

/// Account and key of the records that are open.
const OPEN_RECORDS: TableDefinition<'_, Key, ()> = TableDefinition::new("open");

/// Account, time of the end and key of the records that have ended.
const ENDED_RECORDS: TableDefinition<'_, (&str, i64, &str), ()> = TableDefinition::new("ended");

/// End of a record that is open.
const OPEN: i64 = i64::MAX;

/// 8 MiB of pages are cached: thousands of open records, and far less than the 1 GiB that redb takes by default.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// 4 KiB of the file that names the holder are read.
const MAX_HOLDER_BYTES: u64 = 4 * 1024;

/// [`Store`] in one file, by [redb](https://www.redb.org). Clones share it.
///
/// One process at a time has it open; another is told which one. Beside the file `NAME` is the file `NAME.holder`, which
/// names that process. [`RedbStore::read_only`] reads beside it.
///
/// Where the process or the machine ends at any moment, the file has what was written durably, and is repaired when it is
/// opened again. A file that was damaged otherwise is an error, not an empty store.
///
/// ```
/// # async fn example() -> Result<(), bulkrail_durable::StoreError> {
/// use bulkrail_durable::RedbStore;
///
/// let store = RedbStore::open("/var/lib/onboarding/bulkrail.redb").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedbStore(Arc<Inner>);

struct Inner {
    access: Access,
    /// Path for messages; empty in memory.
    path: PathBuf,
    holder: Option<PathBuf>,
}

enum Access {
    Writer(Database),
    Reader(ReadOnlyDatabase),
}

/// Content of the file that names the holder.
#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    program: String,
    since: Timestamp,
}

impl RedbStore {
    /// Opens the file, or creates it, as the program that runs.
    ///
    /// # Errors
    ///
    /// [`StoreError::Held`] while another process has it open; [`StoreError::Failed`] when it cannot be opened, or is not
    /// such a file.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        Self::open_as(path, &program.unwrap_or_default()).await
    }

    /// Opens the file, or creates it. Another process is told that `program` has it.
    ///
    /// # Errors
    ///
    /// As for [`RedbStore::open`].
    pub async fn open_as(path: impl AsRef<Path>, program: &str) -> Result<Self, StoreError> {
        let (path, program) = (path.as_ref().to_owned(), program.to_owned());
        blocking(move || {
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_BYTES).set_concurrency_mode(ConcurrencyMode::SingleWriter);
            let database = builder.create(&path).map_err(|error| open_error(&path, error))?;
            let holder = write_holder(&path, program);
            let store = Self(Arc::new(Inner { access: Access::Writer(database), path, holder }));
            store.write_sync(Durability::Durable, |tables| tables.open().map(drop)).map(|()| store)
        })
        .await
    }

    /// Opens the file for reading, beside a process that writes. Writes to this store fail.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when it cannot be opened, when it does not exist, or when its process ended suddenly: then
    /// [`RedbStore::open`] repairs it.
    pub async fn read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        blocking(move || {
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_BYTES).set_concurrency_mode(ConcurrencyMode::SingleWriter);
            let database = builder.open_read_only(&path).map_err(|error| open_error(&path, error))?;
            Ok(Self(Arc::new(Inner { access: Access::Reader(database), path, holder: None })))
        })
        .await
    }

    /// Returns a store in memory, for tests.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when there is no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        let mut builder = Database::builder();
        let database = builder.set_cache_size(CACHE_BYTES).create_with_backend(InMemoryBackend::new());
        let database = database.map_err(|error| StoreError::failed("opening a store in memory", error))?;
        let inner = Inner { access: Access::Writer(database), path: PathBuf::from("memory"), holder: None };
        let store = Self(Arc::new(inner));
        store.write_sync(Durability::Durable, |tables| tables.open().map(drop))?;
        Ok(store)
    }

    fn failed(&self, action: &str, error: impl Into<redb::Error>) -> StoreError {
        StoreError::failed(format!("{action} {}", self.0.path.display()), error.into())
    }

    fn write_sync<T>(
        &self,
        durability: Durability,
        write: impl FnOnce(&WriteTables) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let write = || -> Result<T, redb::Error> {
            let Access::Writer(database) = &self.0.access else {
                return Err(redb::Error::Io(io::Error::other("it is open for reading only")));
            };
            let mut transaction = database.begin_write()?;
            if durability == Durability::Relaxed {
                transaction.set_durability(redb::Durability::None)?;
            }
            let tables = WriteTables(transaction);
            let written = write(&tables)?;
            tables.0.commit()?;
            Ok(written)
        };
        write().map_err(|error| self.failed("writing to", error))
    }

    fn read_sync<T>(&self, read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let transaction = match &self.0.access {
            Access::Writer(database) => database.begin_read(),
            Access::Reader(database) => database.begin_read(),
        };
        let read = transaction.map_err(redb::Error::from).and_then(|transaction| read(&transaction));
        read.map_err(|error| self.failed("reading", error))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Before the lock is free, so that the file of the next holder stays.
        if let Some(holder) = &self.holder {
            let _gone = fs::remove_file(holder);
        }
    }
}

/// Tables of a write transaction.
struct WriteTables(WriteTransaction);

type Records<'t> = redb::Table<'t, Key, (i64, &'static str)>;
type OpenRecords<'t> = redb::Table<'t, Key, ()>;
type EndedRecords<'t> = redb::Table<'t, (&'static str, i64, &'static str), ()>;

impl WriteTables {
    fn open(&self) -> Result<(Records<'_>, OpenRecords<'_>, EndedRecords<'_>), redb::Error> {
        let records = self.0.open_table(RECORDS)?;
        Ok((records, self.0.open_table(OPEN_RECORDS)?, self.0.open_table(ENDED_RECORDS)?))
    }

    fn put(&self, entries: &[Entry]) -> Result<(), redb::Error> {
        let (mut records, mut open, mut ended) = self.open()?;
        for Entry { account, key, document, ended_at } in entries {
            let (account, key) = (account.as_str(), key.as_str());
            let end = ended_at.map_or(OPEN, |at| at.as_millisecond());
            let before = records.insert((account, key), (end, document.as_str()))?.map(|before| before.value().0);
            if before == Some(end) {
                continue;
            }
            match before {
                Some(OPEN) => drop(open.remove((account, key))?),
                Some(at) => drop(ended.remove((account, at, key))?),
                None => {}
            }
            if end == OPEN {
                open.insert((account, key), ())?.map(drop)
            } else {
                ended.insert((account, end, key), ())?.map(drop)
            };
        }
        Ok(())
    }

    fn remove(&self, account: &str, key: &str) -> Result<bool, redb::Error> {
        let (mut records, mut open, mut ended) = self.open()?;
        let Some(end) = records.remove((account, key))?.map(|record| record.value().0) else { return Ok(false) };
        if end == OPEN {
            open.remove((account, key))?.map(drop)
        } else {
            ended.remove((account, end, key))?.map(drop)
        };
        Ok(true)
    }
}

impl Store for RedbStore {
    fn insert(&self, entries: Vec<Entry>) -> StoreFuture<'_, Vec<Option<String>>> {
        let store = self.clone();
        Box::pin(blocking(move || {
            store.write_sync(Durability::Durable, |tables| {
                let mut known = Vec::with_capacity(entries.len());
                for entry in entries {
                    let document = {
                        let records = tables.0.open_table(RECORDS)?;
                        let before = records.get((entry.account.as_str(), entry.key.as_str()))?;
                        before.map(|before| before.value().1.to_owned())
                    };
                    if document.is_none() {
                        tables.put(&[entry])?;
                    }
                    known.push(document);
                }
                Ok(known)
            })
        }))
    }

    fn write(&self, entries: Vec<Entry>, durability: Durability) -> StoreFuture<'_, ()> {
        let store = self.clone();
        Box::pin(blocking(move || store.write_sync(durability, |tables| tables.put(&entries))))
    }

    fn get<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, Option<String>> {
        let (store, account, key) = (self.clone(), account.to_owned(), key.to_owned());
        Box::pin(blocking(move || {
            store.read_sync(|transaction| {
                let Some(records) = existing(transaction.open_table(RECORDS))? else { return Ok(None) };
                Ok(records.get((account.as_str(), key.as_str()))?.map(|record| record.value().1.to_owned()))
            })
        }))
    }

    fn page<'a>(
        &'a self,
        account: &'a str,
        filter: Filter,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Entry>> {
        let (store, account, after) = (self.clone(), account.to_owned(), after.map(str::to_owned));
        Box::pin(blocking(move || {
            store.read_sync(|transaction| {
                let Some(records) = existing(transaction.open_table(RECORDS))? else { return Ok(Vec::new()) };
                let from = (account.as_str(), after.as_deref().unwrap_or_default());
                let is_of_page = |(of, key): (&str, &str)| of == account && Some(key) != after.as_deref();
                let entry = |key: &str, (end, document): (i64, &str)| Entry {
                    account: account.clone(),
                    key: key.to_owned(),
                    document: document.to_owned(),
                    ended_at: if end == OPEN { None } else { Timestamp::from_millisecond(end).ok() },
                };
                let mut page = Vec::new();
                match filter {
                    Filter::All => {
                        for record in records.range(from..)? {
                            let (key, record) = record?;
                            if key.value().0 != account || page.len() >= limit {
                                break;
                            }
                            if is_of_page(key.value()) {
                                page.push(entry(key.value().1, record.value()));
                            }
                        }
                    }
                    Filter::Open => {
                        let Some(open) = existing(transaction.open_table(OPEN_RECORDS))? else { return Ok(page) };
                        for key in open.range(from..)? {
                            let (key, _) = key?;
                            if key.value().0 != account || page.len() >= limit {
                                break;
                            }
                            if is_of_page(key.value())
                                && let Some(record) = records.get(key.value())?
                            {
                                page.push(entry(key.value().1, record.value()));
                            }
                        }
                    }
                }
                Ok(page)
            })
        }))
    }

    fn remove<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, bool> {
        let (store, account, key) = (self.clone(), account.to_owned(), key.to_owned());
        Box::pin(blocking(move || store.write_sync(Durability::Durable, |tables| tables.remove(&account, &key))))
    }

    fn remove_ended<'a>(&'a self, account: &'a str, before: Timestamp) -> StoreFuture<'a, u64> {
        let (store, account) = (self.clone(), account.to_owned());
        Box::pin(blocking(move || {
            store.write_sync(Durability::Durable, |tables| {
                let (mut records, _, mut ended) = tables.open()?;
                let account = account.as_str();
                let range = (account, i64::MIN, "")..(account, before.as_millisecond(), "");
                let mut removed = 0;
                for record in ended.extract_from_if(range, |_, ()| true)? {
                    let (key, ()) = record.map(|(key, value)| (key, value.value()))?;
                    let (account, _, key) = key.value();
                    records.remove((account, key))?;
                    removed += 1;
                }
                Ok(removed)
            })
        }))
    }
}

/// Returns the table; none in a file that is new.
fn existing<T>(table: Result<T, TableError>) -> Result<Option<T>, redb::Error> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(run).await {
        Ok(done) => done,
        Err(error) => Err(StoreError::failed("using the store", error)),
    }
}

fn open_error(path: &Path, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Held { holder: holder_of(path) },
        error => StoreError::failed(format!("opening {}", path.display()), error),
    }
}

fn holder_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".holder");
    name.into()
}

/// Returns whether the file that names the holder is a regular file, or does not exist. Opening a pipe would block.
fn may_be_opened(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

/// Names this process as the holder. It is for messages only: without the file they say less.
fn write_holder(path: &Path, program: String) -> Option<PathBuf> {
    let holder = Holder { pid: std::process::id(), program, since: bulkrail_core::time::Clock::system().wall() };
    let path = holder_path(path);
    if !may_be_opened(&path) {
        return None;
    }
    let mut file = fs::File::create(&path).ok()?;
    file.write_all(&serde_json::to_vec(&holder).ok()?).ok()?;
    Some(path)
}

fn holder_of(path: &Path) -> String {
    let read = || -> Option<Holder> {
        let path = holder_path(path);
        let file = if may_be_opened(&path) { fs::File::open(path).ok()? } else { return None };
        serde_json::from_reader(io::Read::take(file, MAX_HOLDER_BYTES)).ok()
    };
    match read() {
        Some(Holder { pid, program, since }) => format!("process {pid} ({program}, since {since:.0})"),
        None => format!("which has {} open", path.display()),
    }
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RedbStore").field(&self.0.path).finish()
    }
}
