//! Durable submits and waits: a restart of the process loses nothing.
//!
//! A [`Service`] takes orders of one account, submits them, and waits for their batches. It keeps what it has accepted in a
//! [`Store`]: by default in one file, by [`RedbStore`]. A [`Submitter`] is the provider that it submits to: an
//! [`AnyClient`](bulkrail::AnyClient) takes [files](FileOrder), and your own takes what your service has.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempts;
mod error;
#[cfg(feature = "files")]
mod file_order;
mod record;
mod service;
mod store;
mod submitter;
#[cfg(feature = "test-util")]
pub mod test_util;

pub use attempts::{Attempts, SEND_AGAIN_WITHIN, SUBMIT_WITHIN, SubmitStep};
pub use error::ServiceError;
#[cfg(feature = "files")]
pub use file_order::FileOrder;
pub use record::{Event, Phase, Record, WrongPhase};
pub use service::{Change, Changes, MAX_KEY_LEN, Service, ServiceBuilder, View, check_key};
#[cfg(feature = "redb")]
pub use store::RedbStore;
pub use store::{Durability, Entry, Filter, Store, StoreError, StoreFuture};
pub use submitter::Submitter;
