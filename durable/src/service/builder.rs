#[cfg(feature = "redb")]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bulkrail_core::poll::WaitOptions;
use bulkrail_core::schedule::Budget;
use tokio::sync::{broadcast, mpsc, watch};

use super::driver::Driver;
use super::view::{MAX_CHANGES, View};
use super::{Service, Shared};
use crate::error::ServiceError;
use crate::store::Store;
use crate::submitter::Submitter;

/// 4 submits at a time: a slow upload does not hold the others up, and a link is not shared by too many.
const SUBMITS: usize = 4;

/// 1,024 calls of handles wait until the service takes them.
const MAX_COMMANDS: usize = 1_024;

/// Settings of a [`Service`].
#[must_use = "a service does nothing until it is started"]
pub struct ServiceBuilder<S> {
    pub(super) submitter: S,
    place: Place,
    account: Option<String>,
    pub(super) requests_per_second: f64,
    pub(super) burst: f64,
    pub(super) options: WaitOptions,
    pub(super) submits: usize,
    pub(super) retention: Option<Duration>,
}

enum Place {
    #[cfg(feature = "redb")]
    File(PathBuf),
    Store(Arc<dyn Store>),
}

impl<S: Submitter> Service<S> {
    /// Returns the settings of a service whose store is the file `path`; see [`RedbStore`](crate::RedbStore).
    #[cfg(feature = "redb")]
    pub fn open(path: impl AsRef<Path>, submitter: S) -> ServiceBuilder<S> {
        ServiceBuilder::new(Place::File(path.as_ref().to_owned()), submitter)
    }

    /// Returns the settings of a service with a store of your own, or one that several services share.
    pub fn builder(store: impl Store, submitter: S) -> ServiceBuilder<S> {
        ServiceBuilder::new(Place::Store(Arc::new(store)), submitter)
    }
}

impl<S: Submitter> ServiceBuilder<S> {
    fn new(place: Place, submitter: S) -> Self {
        Self {
            place,
            account: None,
            requests_per_second: submitter.polling_defaults().requests_per_second,
            burst: Budget::BURST,
            options: WaitOptions::new(&submitter),
            submits: SUBMITS,
            retention: None,
            submitter,
        }
    }

    /// Sets the name of the account, under which the records are kept. It follows the rules of keys, and does not begin with
    /// a dot.
    ///
    /// Default: the id of the provider.
    pub fn account(self, name: impl Into<String>) -> Self {
        Self { account: Some(name.into()), ..self }
    }

    /// Sets the number of requests per second that polls and submits of the account take together.
    ///
    /// A submit counts as one request, whatever it sends. Default: the
    /// [polling defaults](bulkrail_core::PollingDefaults::requests_per_second) of the provider.
    pub fn requests_per_second(self, rate: f64) -> Self {
        Self { requests_per_second: rate, ..self }
    }

    /// Sets how many seconds of requests may be sent at once; see [`Budget::with_burst`]. Default: [`Budget::BURST`].
    pub fn burst(self, seconds: f64) -> Self {
        Self { burst: seconds, ..self }
    }

    /// Sets the options of the waits that begin from now on. Default: those of the provider.
    pub fn wait_options(self, options: WaitOptions) -> Self {
        Self { options, ..self }
    }

    /// Sets how many orders are submitted at a time; 0 counts as 1. Default: 4.
    pub fn submits_at_a_time(self, submits: usize) -> Self {
        Self { submits: submits.max(1), ..self }
    }

    /// Removes the records of orders that ended longer ago than this: at the start, and once an hour.
    ///
    /// Their keys may then be used again. Default: they are kept until they are [removed](Service::remove).
    pub fn retention(self, retention: Duration) -> Self {
        Self { retention: Some(retention), ..self }
    }

    /// Starts the service, and goes on with everything that is open.
    ///
    /// Needs a tokio runtime with time enabled; the service is a task of it.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Store`] when the store cannot be opened or read; [`ServiceError::Unreadable`] when a record that is
    /// open is of a later version. Nothing is submitted then.
    pub async fn start(self) -> Result<Service<S>, ServiceError> {
        let account: Arc<str> = match &self.account {
            Some(name) => name.as_str().into(),
            None => self.submitter.id().as_str().into(),
        };
        super::check_key(&account)?;
        if account.starts_with('.') {
            return Err(ServiceError::InvalidKey("the name of an account does not begin with a dot"));
        }
        let store: Arc<dyn Store> = match &self.place {
            #[cfg(feature = "redb")]
            Place::File(path) => Arc::new(crate::store::RedbStore::open(path).await?),
            Place::Store(store) => Arc::clone(store),
        };
        let (changes, _) = broadcast::channel(MAX_CHANGES);
        let view = View::new(Arc::clone(&store), Arc::clone(&account), changes.downgrade());
        let submitter = self.submitter.clone();
        let driver = Driver::load(self, store, account, changes).await?;
        let (commands, receiver) = mpsc::channel(MAX_COMMANDS);
        let (running, ended) = watch::channel(());
        tokio::spawn(async move {
            driver.run(receiver).await;
            drop(running);
        });
        Ok(Service { shared: Arc::new(Shared { submitter, view, commands, ended }) })
    }
}

impl<S> std::fmt::Debug for ServiceBuilder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceBuilder").field("account", &self.account).finish_non_exhaustive()
    }
}
