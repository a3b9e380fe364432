//! Reads the records of a service.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::error::ServiceError;
use crate::record::Record;
use crate::store::{Filter, Store};

/// 1,024 changes wait for a reader that is slow; then it misses some, and the next one says so.
pub(super) const MAX_CHANGES: usize = 1_024;

/// Read-only view of the records of a [`Service`](super::Service), for a user interface. Clones share it.
pub struct View<O> {
    store: Arc<dyn Store>,
    account: Arc<str>,
    changes: broadcast::WeakSender<Change>,
    order: PhantomData<fn() -> O>,
}

/// A change of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A record was added, was polled or went on to another phase.
    #[non_exhaustive]
    Record {
        /// Key of the order.
        key: Arc<str>,
        /// Word for the phase, as [`Phase::as_str`](crate::Phase::as_str) returns it.
        phase: &'static str,
        /// Whether it has ended, or was given up.
        has_ended: bool,
    },
    /// Changes were missed, because they were not read in time: read the records anew.
    Missed(u64),
}

impl<O> View<O> {
    pub(super) fn new(store: Arc<dyn Store>, account: Arc<str>, changes: broadcast::WeakSender<Change>) -> Self {
        Self { store, account, changes, order: PhantomData }
    }

    /// Returns the changes from now on. The stream ends when the service has stopped.
    pub fn changes(&self) -> Changes {
        match self.changes.upgrade() {
            Some(changes) => Changes::new(changes.subscribe()),
            None => Changes { next: Box::pin(std::future::ready(None)) },
        }
    }
}

impl<O: DeserializeOwned> View<O> {
    /// Returns the record of an order; `None` where there is no such order.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Store`] when the store fails, [`ServiceError::Unreadable`] when the record cannot be read.
    pub async fn get(&self, key: &str) -> Result<Option<Record<O>>, ServiceError> {
        let document = self.store.get(&self.account, key).await?;
        document.map(|document| read(key, &document)).transpose()
    }

    /// Returns up to `limit` records whose keys come after `after`, in the order of their keys.
    ///
    /// For the next page, `after` is the last key of this one.
    ///
    /// # Errors
    ///
    /// As for [`View::get`].
    pub async fn list(
        &self,
        filter: Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record<O>>, ServiceError> {
        let page = self.store.page(&self.account, filter, after, limit).await?;
        page.iter().map(|entry| read(&entry.key, &entry.document)).collect()
    }
}

fn read<O: DeserializeOwned>(key: &str, document: &str) -> Result<Record<O>, ServiceError> {
    Record::from_document(document).map_err(|source| ServiceError::Unreadable { key: key.to_owned(), source })
}

impl<O> Clone for View<O> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.store), Arc::clone(&self.account), self.changes.clone())
    }
}

impl<O> std::fmt::Debug for View<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("account", &self.account).finish_non_exhaustive()
    }
}

/// Stream of [changes](View::changes).
#[must_use = "a stream does nothing until it is polled"]
pub struct Changes {
    next: NextChange,
}

type NextChange = Pin<Box<dyn Future<Output = Option<(Change, broadcast::Receiver<Change>)>> + Send>>;

impl Changes {
    fn new(receiver: broadcast::Receiver<Change>) -> Self {
        Self { next: Box::pin(receive(receiver)) }
    }

    /// Returns the next change; `None` when the service has stopped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Change> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

async fn receive(mut receiver: broadcast::Receiver<Change>) -> Option<(Change, broadcast::Receiver<Change>)> {
    match receiver.recv().await {
        Ok(change) => Some((change, receiver)),
        Err(RecvError::Lagged(missed)) => Some((Change::Missed(missed), receiver)),
        Err(RecvError::Closed) => None,
    }
}

impl Stream for Changes {
    type Item = Change;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Change>> {
        match std::task::ready!(self.next.as_mut().poll(context)) {
            Some((change, receiver)) => {
                self.next = Box::pin(receive(receiver));
                Poll::Ready(Some(change))
            }
            None => {
                self.next = Box::pin(std::future::ready(None));
                Poll::Ready(None)
            }
        }
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}
