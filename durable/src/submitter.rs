use std::future::Future;

use bulkrail_core::{Batch, Error, Provider, Reconciliation, Recovery};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Provider that orders can be submitted to.
///
/// [`FileOrder`](crate::FileOrder) is the order of a file for [`AnyClient`](bulkrail::AnyClient). Implement it for a type
/// of your own to submit what your service has: the id of an upload, or of rows in its database.
///
/// ```
/// use bulkrail_core::time::Clock;
/// use bulkrail_core::{
///     Batch, Error, PollLimit, PollingDefaults, Provider, ProviderId, Reconciliation, Recovery, Snapshot,
/// };
/// use bulkrail_durable::Submitter;
/// use serde::{Deserialize, Serialize};
///
/// /// Submits imports of our database to Reap.
/// #[derive(Clone)]
/// struct Imports {
///     client: bulkrail::reap::Client,
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct Import {
///     id: u64,
/// }
///
/// impl Imports {
///     async fn csv(&self, import: &Import) -> Result<String, Error> {
///         // ... read from the database ...
/// #       Ok(import.id.to_string())
///     }
/// }
///
/// impl Provider for Imports {
///     fn id(&self) -> ProviderId {
///         self.client.id()
///     }
///
///     async fn poll<'a>(&'a self, batch: &'a Batch) -> Result<Snapshot, Error> {
///         self.client.poll(batch).await
///     }
///
///     fn polling_defaults(&self) -> PollingDefaults {
///         self.client.polling_defaults()
///     }
///
///     fn clock(&self) -> Clock {
///         self.client.clock()
///     }
///
///     fn poll_limit(&self) -> Option<PollLimit> {
///         self.client.poll_limit()
///     }
/// }
///
/// impl Submitter for Imports {
///     type Order = Import;
///
///     async fn submit(&self, import: &Import, key: &str) -> Result<Batch, Error> {
///         self.client.upload(self.csv(import).await?, Some(key)).await
///     }
///
///     fn recovery(&self, _: &Import, key: &str) -> Recovery {
///         self.client.recovery(Some(key))
///     }
///
///     async fn reconcile(&self, _: &Import, _key: &str, batch: &Batch) -> Result<Reconciliation, Error> {
///         // ... with the references of the import ...
///         self.client.reconcile(batch, None).await
///     }
/// }
/// ```
pub trait Submitter: Provider + Clone + 'static {
    /// Order: what is submitted, as a reference to it.
    ///
    /// It is stored as JSON, is kept in memory until its batch has ended, and can be read by everyone who can read the
    /// store. So it holds a path or an id, not the rows themselves.
    type Order: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Submits `order` once, under `key`.
    ///
    /// Where the provider has an idempotency key, or an id that the caller chooses, it is `key`. The future is not dropped
    /// before it completes, unless the process ends.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](bulkrail_core::ErrorKind::OutcomeUnknown) when the batch may exist. Any other error
    /// means that it does not: where it [is transient](Error::is_transient), the order is submitted again later.
    fn submit(&self, order: &Self::Order, key: &str) -> impl Future<Output = Result<Batch, Error>> + Send;

    /// Returns what may be done about a submit whose outcome is not known; see [`Recovery`].
    ///
    /// [`Recovery::SendAgain`] only where the provider documents that a second submit under `key` makes no second batch.
    fn recovery(&self, order: &Self::Order, key: &str) -> Recovery;

    /// Returns the number of rows, where it is known without reading them. Small batches are polled first.
    fn rows(&self, order: &Self::Order) -> Option<u64> {
        let _ = order;
        None
    }

    /// Reads the outcome of every row of a batch that has ended, which was submitted under `key`.
    ///
    /// # Errors
    ///
    /// Those of the client.
    fn reconcile(
        &self,
        order: &Self::Order,
        key: &str,
        batch: &Batch,
    ) -> impl Future<Output = Result<Reconciliation, Error>> + Send;
}
