//! Submits orders and waits for their batches, from a store.

mod builder;
mod driver;
mod view;

use std::fmt;
use std::sync::Arc;

use bulkrail_core::{Batch, Error, Reconciliation, Report};
use tokio::sync::{mpsc, oneshot, watch};

pub use builder::ServiceBuilder;
use driver::Command;
pub use view::{Change, Changes, View};

use crate::error::ServiceError;
use crate::record::Phase;
use crate::submitter::Submitter;

/// 200 bytes: an id of any provider, and a key of any store.
pub const MAX_KEY_LEN: usize = 200;

/// Submits orders of one account and waits for their batches. What it has accepted it finishes, also after a restart.
///
/// Handles are cheap to clone and share one task. It uses the store for one account; several services may share a store,
/// each with the [name of its account](ServiceBuilder::account).
///
/// ```
/// # use bulkrail_core::{Batch, Error, Provider, ProviderId, Reconciliation, Recovery, Snapshot};
/// # use bulkrail_durable::Submitter;
/// # #[derive(Clone)]
/// # struct Acme;
/// # impl Provider for Acme {
/// #     fn id(&self) -> ProviderId { "acme".parse().unwrap() }
/// #     async fn poll<'a>(&'a self, _: &'a Batch) -> Result<Snapshot, Error> {
/// #         Ok(bulkrail_core::test_util::finished(2, 0))
/// #     }
/// # }
/// # impl Submitter for Acme {
/// #     type Order = String;
/// #     async fn submit(&self, _: &String, key: &str) -> Result<Batch, Error> { Ok(Batch::new(self.id(), key)?) }
/// #     fn recovery(&self, _: &String, _: &str) -> Recovery { Recovery::SendAgain }
/// #     async fn reconcile(&self, _: &String, _: &str, _: &Batch) -> Result<Reconciliation, Error> { unimplemented!() }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), bulkrail_durable::ServiceError> {
/// # let acme = Acme;
/// # let path = std::env::temp_dir().join(format!("bulkrail-doc-{}.redb", std::process::id()));
/// use bulkrail_durable::Service;
///
/// let service = Service::open(&path, acme).requests_per_second(24.0).start().await?;
/// service.submit("import-2026-11-25", &"import.csv".to_owned()).await?; // returns once it is on the disk
/// let report = service.ended("import-2026-11-25").await?;
/// assert_eq!(report.snapshot.progress.succeeded, Some(2));
/// service.stop().await;
/// # std::fs::remove_file(path).unwrap();
/// # Ok(())
/// # }
/// ```
///
/// # What is written
///
/// | When | Written | On the disk before it goes on |
/// |---|---|---|
/// | `submit` | the order | yes, before `submit` returns |
/// | before each attempt to submit | that it begins | yes, before anything is sent |
/// | the provider has the batch | its id | yes |
/// | after each poll | state of the wait | no: within 10 s |
/// | the batch has ended, or is given up | report or error | yes |
///
/// So an end of the process loses nothing but polls. What it does to an order that was being submitted follows from the
/// [recovery](Submitter::recovery) of the provider: it is sent again under its key, looked up by its id, or given up as
/// [`OutcomeUnknown`](bulkrail_core::ErrorKind::OutcomeUnknown), and then never sent again unless
/// [you want it](Service::submit_again).
///
/// Where a write fails, nothing is submitted; an id that cannot be written is kept and written later, and is logged.
pub struct Service<S: Submitter> {
    shared: Arc<Shared<S>>,
}

struct Shared<S: Submitter> {
    submitter: S,
    view: View<S::Order>,
    commands: mpsc::Sender<Command>,
    /// Closed once the task has ended.
    ended: watch::Receiver<()>,
}

impl<S: Submitter> Clone for Service<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S: Submitter> fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("view", &self.shared.view).finish_non_exhaustive()
    }
}

impl<S: Submitter> Service<S> {
    /// Orders a batch. Returns once the order is on the disk.
    ///
    /// The same key with the same order again is the same batch: it is not submitted twice.
    ///
    /// # Errors
    ///
    /// [`ServiceError::KeyUsed`] when the key was used for another order, [`ServiceError::InvalidKey`] when it is empty,
    /// longer than [`MAX_KEY_LEN`] or has control characters, [`ServiceError::Store`] when it cannot be written. Nothing
    /// was ordered then.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the batch may be ordered. Call it again with the same key to be sure.
    pub async fn submit(&self, key: &str, order: &S::Order) -> Result<(), ServiceError> {
        check_key(key)?;
        let order = serde_json::value::to_raw_value(order);
        let order = order.map_err(|source| ServiceError::Unreadable { key: key.to_owned(), source })?;
        self.call(|reply| Command::Submit { key: key.to_owned(), order, reply }).await
    }

    /// Waits until the batch has ended, and returns its report.
    ///
    /// # Errors
    ///
    /// [`ServiceError::GaveUp`] when it was given up, [`ServiceError::NotFound`] when there is no such order,
    /// [`ServiceError::Stopped`] when the service stops before.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn ended(&self, key: &str) -> Result<Report, ServiceError> {
        let mut changes = self.shared.view.changes();
        loop {
            let record = self.shared.view.get(key).await?.ok_or_else(|| ServiceError::NotFound(key.to_owned()))?;
            match record.phase {
                Phase::Ended { report } => return Ok(*report),
                Phase::GaveUp { error } => return Err(ServiceError::GaveUp(Box::new(Error::from(*error)))),
                _ => {}
            }
            loop {
                match changes.next().await {
                    Some(Change::Record { key: changed, has_ended, .. }) if *changed != *key || !has_ended => {}
                    Some(_) => break,
                    None => return Err(ServiceError::Stopped),
                }
            }
        }
    }

    /// Reads the outcome of every row of a batch that has ended.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Client`] with the error of the call, [`ServiceError::NotFound`] when there is no such order,
    /// [`ServiceError::UnknownBatch`] when its batch is not known.
    pub async fn reconcile(&self, key: &str) -> Result<Reconciliation, ServiceError> {
        let record = self.shared.view.get(key).await?.ok_or_else(|| ServiceError::NotFound(key.to_owned()))?;
        let batch = record.batch().ok_or_else(|| ServiceError::UnknownBatch(key.to_owned()))?;
        let read = self.shared.submitter.reconcile(&record.order, key, batch).await;
        read.map_err(|error| ServiceError::Client(Box::new(error)))
    }

    /// Submits an order again that was given up, because you know that the provider does not have its batch.
    ///
    /// # Errors
    ///
    /// [`ServiceError::WrongPhase`] unless it was given up without a batch that the provider is known to have.
    pub async fn submit_again(&self, key: &str) -> Result<(), ServiceError> {
        self.call(|reply| Command::SubmitAgain { key: key.to_owned(), reply }).await
    }

    /// Waits again for the batch of an order that was given up, with a new deadline.
    ///
    /// `batch` is the one that you have found out for an order of unknown outcome; `None` is the one that is known.
    ///
    /// # Errors
    ///
    /// [`ServiceError::NotFound`] when there is no such order, [`ServiceError::UnknownBatch`] when its batch is not known,
    /// [`ServiceError::Client`] when `batch` is of another provider, [`ServiceError::WrongPhase`] unless the order was
    /// given up.
    pub async fn wait_again(&self, key: &str, batch: Option<Batch>) -> Result<(), ServiceError> {
        self.call(|reply| Command::WaitAgain { key: key.to_owned(), batch, reply }).await
    }

    /// Removes the record of an order that has ended or was given up. Its key may then be used again.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Open`] while it is open, [`ServiceError::NotFound`] when there is no such order.
    pub async fn remove(&self, key: &str) -> Result<(), ServiceError> {
        self.call(|reply| Command::Remove { key: key.to_owned(), reply }).await
    }

    /// Returns a view of the records, for a user interface.
    #[must_use]
    pub fn view(&self) -> View<S::Order> {
        self.shared.view.clone()
    }

    /// Stops: accepts nothing more, awaits the submits that are under way, and writes the state of all waits.
    ///
    /// Batches continue at the provider, and with the next start. The file of the store is free once the service and its views
    /// are dropped, too. When all handles are dropped, submits are not awaited:
    /// they are then recovered with the next start.
    pub async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.shared.commands.send(Command::Stop { reply }).await.is_ok() {
            let _ended = stopped.await;
        }
        let mut ended = self.shared.ended.clone();
        while ended.changed().await.is_ok() {}
    }

    async fn call(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), ServiceError>>) -> Command,
    ) -> Result<(), ServiceError> {
        let (reply, done) = oneshot::channel();
        let sent = self.shared.commands.send(command(reply)).await;
        sent.map_err(|_closed| ServiceError::Stopped)?;
        done.await.map_err(|_closed| ServiceError::Stopped)?
    }
}

/// Checks a key as [`Service::submit`] does.
///
/// # Errors
///
/// [`ServiceError::InvalidKey`] when it is empty, longer than [`MAX_KEY_LEN`] bytes, or has control characters.
pub fn check_key(key: &str) -> Result<(), ServiceError> {
    let reason = match key {
        "" => "it is empty",
        key if key.len() > MAX_KEY_LEN => "it has more than 200 bytes",
        key if key.chars().any(char::is_control) => "it has control characters",
        _ => return Ok(()),
    };
    Err(ServiceError::InvalidKey(reason))
}
