use std::fmt;

use bulkrail_core::Error;

use crate::record::WrongPhase;
use crate::store::StoreError;

/// Error of a [`Service`](crate::Service).
#[derive(Debug)]
#[non_exhaustive]
pub enum ServiceError {
    /// The store failed.
    Store(StoreError),
    /// A record cannot be read: it is of a later version, or was written by another program.
    Unreadable {
        /// Key of the record.
        key: String,
        /// Cause.
        source: serde_json::Error,
    },
    /// The key cannot be used.
    InvalidKey(&'static str),
    /// The key was used for another order.
    KeyUsed(String),
    /// There is no order with this key.
    NotFound(String),
    /// The batch of the order is not known: it was not submitted yet, or its outcome is unknown.
    UnknownBatch(String),
    /// The order is not in a phase that allows it.
    WrongPhase(String, WrongPhase),
    /// The order is open: it cannot be removed before it has ended.
    Open(String),
    /// The order was given up; the error says why.
    GaveUp(Box<Error>),
    /// A call to the provider failed, or was refused before anything was sent. The order is as it was.
    Client(Box<Error>),
    /// The service was stopped.
    Stopped,
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Unreadable { key, source } => write!(f, "the record of {key:?} cannot be read: {source}"),
            Self::InvalidKey(reason) => write!(f, "the key cannot be used: {reason}"),
            Self::KeyUsed(key) => write!(f, "the key {key:?} was used for another order"),
            Self::NotFound(key) => write!(f, "there is no order with the key {key:?}"),
            Self::UnknownBatch(key) => write!(f, "the batch of the order {key:?} is not known"),
            Self::WrongPhase(key, error) => write!(f, "the order {key:?}: {error}"),
            Self::Open(key) => write!(f, "the order {key:?} is open"),
            Self::GaveUp(error) | Self::Client(error) => error.fmt(f),
            Self::Stopped => f.write_str("the service was stopped"),
        }
    }
}

impl std::error::Error for ServiceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The text of each cause is in the message already.
        match self {
            Self::Store(error) => error.source(),
            Self::GaveUp(error) | Self::Client(error) => error.source(),
            _ => None,
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
