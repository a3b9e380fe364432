//! The store in one file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;
use redb::backends::InMemoryBackend;
use redb::{
    ConcurrencyMode, Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, ReadableTable,
    TableDefinition, TableError, WriteTransaction,
};
use serde::{Deserialize, Serialize};

use super::{Durability, Entry, Filter, Store, StoreError, StoreFuture};

type Key = (&'static str, &'static str);

/// Time of the end in milliseconds since 1970 ([`OPEN`] before it) and document, by account and
/// key.
const RECORDS: TableDefinition<'_, Key, (i64, &str)> = TableDefinition::new("records");

/// Account and key of the records that are open.
const OPEN_RECORDS: TableDefinition<'_, Key, ()> = TableDefinition::new("open");

/// Account, time of the end and key of the records that have ended.
const ENDED_RECORDS: TableDefinition<'_, (&str, i64, &str), ()> = TableDefinition::new("ended");

/// End of a record that is open.
const OPEN: i64 = i64::MAX;

/// 8 MiB of pages are cached: thousands of open records, and far less than the 1 GiB that redb
/// takes by default.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// 1 MiB of documents waits for the next durable write: states of hundreds of waits. More are
/// written at once.
const RELAXED_BYTES: usize = 1024 * 1024;

/// 4 KiB of the file that names the holder are read.
const MAX_HOLDER_BYTES: u64 = 4 * 1024;

/// [`Store`] in one file, by [redb](https://www.redb.org). Clones share it.
///
/// One process at a time has it open; the error of another names it. Beside the file `NAME` is the file
/// `NAME.holder`, which names that process. [`RedbStore::read_only`] reads beside it.
///
/// [Relaxed](Durability::Relaxed) writes stay in memory, up to 1 MiB of documents, until the next
/// durable write, the next page that is read or its end. Readers of other processes see them then.
///
/// Where the process or the machine ends at any moment, the file has what was written durably, and
/// is repaired when it is opened again. A file that was damaged otherwise is an error, not an empty
/// store.
///
/// After a failed write or read of the file, such as on a full disk, it is opened anew by the next call. What was written
/// durably is in it then.
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
    access: RwLock<Access>,
    relaxed: Mutex<RelaxedWrites>,
    /// Path for messages; empty in memory.
    path: PathBuf,
    holder: Option<PathBuf>,
}

enum Access {
    Writer(Database),
    Reader(ReadOnlyDatabase),
    /// It has failed, and could not be opened again yet.
    Closed,
}

/// Entries that the next transaction writes.
///
/// redb has commits without fsync, too, but not for a file that other processes read meanwhile.
#[derive(Default)]
struct RelaxedWrites {
    /// By account and key.
    entries: BTreeMap<(String, String), Entry>,
    /// Sum of the documents.
    bytes: usize,
}

impl RelaxedWrites {
    fn get(&self, account: &str, key: &str) -> Option<String> {
        let entry = self.entries.get(&(account.to_owned(), key.to_owned()))?;
        Some(entry.document.clone())
    }

    fn add(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.bytes += entry.document.len();
            if let Some(before) = self.entries.insert((entry.account.clone(), entry.key.clone()), entry) {
                self.bytes -= before.document.len();
            }
        }
    }
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
    /// [`StoreError::Held`] while another process has it open; [`StoreError::Failed`] when it
    /// cannot be opened, or is not such a file.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        Self::open_as(path, &program.unwrap_or_default()).await
    }

    /// Opens the file, or creates it. The error of another process says that `program` has it.
    ///
    /// # Errors
    ///
    /// As for [`RedbStore::open`].
    pub async fn open_as(path: impl AsRef<Path>, program: &str) -> Result<Self, StoreError> {
        let (path, program) = (path.as_ref().to_owned(), program.to_owned());
        blocking(move || {
            let access = RwLock::new(Access::Writer(open_writer(&path)?));
            let holder = write_holder(&path, program);
            Ok(Self::new(access, path, holder))
        })
        .await
    }

    /// Opens the file for reading, beside a process that writes. Writes to this store fail.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when it cannot be opened, when it does not exist, or when its process
    /// ended suddenly: then [`RedbStore::open`] repairs it.
    pub async fn read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        blocking(move || {
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_BYTES).set_concurrency_mode(ConcurrencyMode::SingleWriter);
            let database = builder.open_read_only(&path).map_err(|error| open_error(&path, error))?;
            Ok(Self::new(RwLock::new(Access::Reader(database)), path, None))
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
        Ok(Self::new(RwLock::new(Access::Writer(database)), PathBuf::from("memory"), None))
    }

    fn new(access: RwLock<Access>, path: PathBuf, holder: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner { access, relaxed: Mutex::default(), path, holder }))
    }

    fn write_sync<T>(&self, write: impl Fn(&WriteTables) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        self.0.write(&mut self.0.relaxed(), write)
    }

    /// Writes the entries with the next transaction.
    fn write_relaxed_sync(&self, entries: Vec<Entry>) -> Result<(), StoreError> {
        let mut relaxed = self.0.relaxed();
        relaxed.add(entries);
        if relaxed.bytes <= RELAXED_BYTES && !self.0.is_reader() {
            return Ok(());
        }
        self.0.write(&mut relaxed, |_| Ok(()))
    }

    /// Reads what was written, relaxed writes, too.
    fn read_sync<T>(&self, read: impl Fn(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        self.0.write_relaxed()?;
        self.0.read(read)
    }
}

impl Inner {
    fn failed(&self, action: &str, error: redb::Error) -> StoreError {
        StoreError::failed(format!("{action} {}", self.path.display()), error)
    }

    fn relaxed(&self) -> MutexGuard<'_, RelaxedWrites> {
        self.relaxed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_reader(&self) -> bool {
        matches!(*self.access.read().unwrap_or_else(PoisonError::into_inner), Access::Reader(_))
    }

    /// Writes durably, with the relaxed writes before it. Where it fails, they wait for the next.
    fn write<T>(
        &self,
        relaxed: &mut RelaxedWrites,
        write: impl Fn(&WriteTables) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let write = |access: &Access| -> Result<T, redb::Error> {
            let database = match access {
                Access::Writer(database) => database,
                Access::Reader(_) => return Err(redb::Error::Io(io::Error::other("it is open for reading only"))),
                Access::Closed => return Err(redb::Error::PreviousIo),
            };
            let tables = WriteTables(database.begin_write()?);
            if !relaxed.entries.is_empty() {
                tables.put(relaxed.entries.values())?;
            }
            let written = write(&tables)?;
            tables.0.commit()?;
            Ok(written)
        };
        let written = self.with_access("writing to", write)?;
        *relaxed = RelaxedWrites::default();
        Ok(written)
    }

    /// Reads what is in the file.
    fn read<T>(&self, read: impl Fn(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let read = |access: &Access| -> Result<T, redb::Error> {
            let transaction = match access {
                Access::Writer(database) => database.begin_read()?,
                Access::Reader(database) => database.begin_read()?,
                Access::Closed => return Err(redb::Error::PreviousIo),
            };
            read(&transaction)
        };
        self.with_access("reading", read)
    }

    fn write_relaxed(&self) -> Result<(), StoreError> {
        let mut relaxed = self.relaxed();
        if relaxed.entries.is_empty() { Ok(()) } else { self.write(&mut relaxed, |_| Ok(())) }
    }

    /// Runs a transaction. After an error of the file redb refuses every other one, so the file is opened anew then.
    fn with_access<T>(&self, action: &str, run: impl Fn(&Access) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let mut result = run(&self.access.read().unwrap_or_else(PoisonError::into_inner));
        if matches!(result, Err(redb::Error::PreviousIo)) {
            let mut access = self.access.write().unwrap_or_else(PoisonError::into_inner);
            result = run(&access);
            // Not opened by another thread meanwhile.
            if matches!(result, Err(redb::Error::PreviousIo)) && !matches!(*access, Access::Reader(_)) {
                *access = Access::Closed;
                *access = Access::Writer(open_writer(&self.path)?);
                result = run(&access);
            }
        }
        result.map_err(|error| self.failed(action, error))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // They may be lost.
        let _lost = self.write_relaxed();
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

    fn put<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) -> Result<(), redb::Error> {
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
            store.write_sync(|tables| {
                let mut known = Vec::with_capacity(entries.len());
                for entry in &entries {
                    let document = {
                        let records = tables.0.open_table(RECORDS)?;
                        let before = records.get((entry.account.as_str(), entry.key.as_str()))?;
                        before.map(|before| before.value().1.to_owned())
                    };
                    if document.is_none() {
                        tables.put(std::slice::from_ref(entry))?;
                    }
                    known.push(document);
                }
                Ok(known)
            })
        }))
    }

    fn write(&self, entries: Vec<Entry>, durability: Durability) -> StoreFuture<'_, ()> {
        let store = self.clone();
        Box::pin(async move {
            match durability {
                Durability::Durable => blocking(move || store.write_sync(|tables| tables.put(&entries))).await,
                Durability::Relaxed => blocking(move || store.write_relaxed_sync(entries)).await,
            }
        })
    }

    fn get<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, Option<String>> {
        let (store, account, key) = (self.clone(), account.to_owned(), key.to_owned());
        Box::pin(blocking(move || {
            if let Some(document) = store.0.relaxed().get(&account, &key) {
                return Ok(Some(document));
            }
            store.0.read(|transaction| {
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
        Box::pin(blocking(move || store.write_sync(|tables| tables.remove(&account, &key))))
    }

    fn remove_ended<'a>(&'a self, account: &'a str, before: Timestamp) -> StoreFuture<'a, u64> {
        let (store, account) = (self.clone(), account.to_owned());
        Box::pin(blocking(move || {
            store.write_sync(|tables| {
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

fn open_writer(path: &Path) -> Result<Database, StoreError> {
    // A new file is for this user only: it has what providers said, and paths of files.
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(StoreError::failed(format!("opening {}", path.display()), error));
        }
        _ => {}
    }
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_concurrency_mode(ConcurrencyMode::SingleWriter);
    builder.create(path).map_err(|error| open_error(path, error))
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
    // One of a process that was killed. A link in its place is not followed.
    let _gone = fs::remove_file(&path);
    let mut file = fs::File::create_new(&path).ok()?;
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
        None => format!("it is not known which ({} is open)", path.display()),
    }
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RedbStore").field(&self.0.path).finish()
    }
}
