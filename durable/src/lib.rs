//! Durable submits and waits: a restart of the process loses nothing.

#[cfg(feature = "files")]
mod file_order;
mod store;
mod submitter;
#[cfg(feature = "test-util")]
pub mod test_util;

#[cfg(feature = "files")]
pub use file_order::FileOrder;
#[cfg(feature = "redb")]
pub use store::RedbStore;
pub use store::{Durability, Entry, Filter, Store, StoreError, StoreFuture};
pub use submitter::Submitter;
