//! The place where records are kept.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;

#[cfg(feature = "redb")]
mod redb_store;

#[cfg(feature = "redb")]
pub use redb_store::RedbStore;

/// Place where the records of a [`Service`](crate::Service) are kept. Implement it to keep them in
/// the database of your service.
///
/// A record is a text under an account and a key. The store does not read it: the text comes back
/// byte for byte. Accounts and keys have 1 to 1,024 bytes and no control character, which not every
/// database can hold. The end of a record is kept to the millisecond at least.
///
/// Entries of one call are taken in their order: the second of two with the same key finds the
/// first. One process at a time writes the records of an account: an implementation over a server
/// takes a lock, such as an advisory lock of PostgreSQL, for as long as it lives.
///
/// Calls of one service come one after the other. They are dropped only with the service; a call
/// that was dropped has happened completely or not at all.
///
/// `examples/postgres` of the repository implements it over PostgreSQL. The feature `test-util` has
/// a conformance test for your own.
pub trait Store: Send + Sync + 'static {
    /// Adds the entries whose keys are new, durably and all at once.
    ///
    /// Returns, for each entry, the document that was there before; none where the entry was added.
    fn insert(&self, entries: Vec<Entry>) -> StoreFuture<'_, Vec<Option<String>>>;

    /// Replaces entries, all at once. An entry that is not there any more is added.
    fn write(&self, entries: Vec<Entry>, durability: Durability) -> StoreFuture<'_, ()>;

    /// Returns the document under a key.
    fn get<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, Option<String>>;

    /// Returns up to `limit` entries of an account whose keys come after `after`, in the order of
    /// their keys as bytes.
    fn page<'a>(
        &'a self,
        account: &'a str,
        filter: Filter,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Entry>>;

    /// Removes an entry durably, and returns whether it was there.
    fn remove<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, bool>;

    /// Removes the entries of an account that ended before `before`, and returns their number.
    fn remove_ended<'a>(&'a self, account: &'a str, before: Timestamp) -> StoreFuture<'a, u64>;
}

/// Future of a call of a [`Store`].
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Record as a [`Store`] has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name of the account.
    pub account: String,
    /// Key of the order.
    pub key: String,
    /// JSON document of the record.
    pub document: String,
    /// Time at which the record ended; none while it is open.
    pub ended_at: Option<Timestamp>,
}

/// Which entries a [page](Store::page) has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// All entries.
    #[default]
    All,
    /// Entries that have not ended.
    Open,
}

/// Whether a [write](Store::write) is on the disk when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is on the disk.
    Durable,
    /// It may be lost with the process or the machine. It is on the disk after the next durable
    /// write at the latest, and never in a part.
    Relaxed,
}

/// Error of a [`Store`].
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the store.
    Held {
        /// The process, as far as it is known: `process 4711 (bulkrail resume, since
        /// 2026-01-01T00:00:00Z)`.
        holder: String,
    },
    /// The store cannot be read or written.
    Failed {
        /// What was being done, with the name of the file or server.
        action: String,
        /// Cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Returns the error of a failed `action`, such as `writing to bulkrail.redb`.
    pub fn failed(action: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed { action: action.into(), source: source.into() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { holder } => write!(f, "another process has the store: {holder}"),
            Self::Failed { action, source } => write!(f, "{action}: {source}"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Held { .. } => None,
            // Its text is in the message already.
            Self::Failed { source, .. } => source.source(),
        }
    }
}
