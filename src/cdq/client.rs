use std::fmt;

use secrecy::SecretString;

use super::raw::types;
use super::{PROVIDER, errors, raw, status};
use crate::time::Clock;
use crate::transport::{Auth, Dialect, Room, Status, Transport, env_secret};
use crate::wait::Wait;
use crate::{Batch, ClientBuilder, Error, Provider, Snapshot};

/// An API key.
pub struct Credentials(SecretString);

impl Credentials {
    /// An API key of CDQ's developer portal.
    #[must_use]
    pub fn api_key(key: impl Into<SecretString>) -> Self {
        Self(key.into())
    }

    /// The key in `CDQ_API_KEY`; `None` where it is not set.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        env_secret("CDQ_API_KEY").map(Self)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials { .. }")
    }
}

/// A client of CDQ's bank account confirmation. Cheap to clone.
///
/// ```
/// use bulkrail::cdq;
///
/// let client = cdq::Client::builder().credentials(cdq::Credentials::api_key("my-key")).build()?;
/// # Ok::<(), bulkrail::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    raw: raw::Client,
    transport: Transport,
}

impl Client {
    /// Sets up a client.
    #[must_use]
    pub fn builder() -> ClientBuilder<Self> {
        ClientBuilder::new()
    }

    /// The generated client, for everything that has no method here.
    #[must_use]
    pub fn raw(&self) -> &raw::Client {
        &self.raw
    }

    /// Starts the confirmation of all accounts in the storage `storage_id`.
    ///
    /// CDQ documents no idempotency key for this call, so it is sent once and never again by itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the answer was lost: the job may have started. Anything else means that it did not.
    pub async fn start(&self, storage_id: &str, features: &[types::ConfirmationFeature]) -> Result<Batch, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        let body = types::StartConfirmation { storage_id: Some(storage_id.to_owned()), features_on: features.to_vec() };
        transport.submit(calls.start_confirmation(&body), "/id").await
    }

    /// One look at a job: CDQ's own answer and what it means.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<Status<types::Job>, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        transport.look(batch, calls.get_job(Some(batch.id())), status::judge).await
    }

    /// Waits for the end of `batch`; see [`Wait`].
    pub fn wait(&self, batch: Batch) -> Wait<'_, Self> {
        crate::wait(self, batch)
    }
}

impl Provider for Client {
    fn id(&self) -> crate::ProviderId {
        PROVIDER
    }

    async fn look(&self, batch: &Batch) -> Result<Snapshot, Error> {
        Ok(self.status(batch).await?.snapshot)
    }

    fn clock(&self) -> Clock {
        self.transport.clock().clone()
    }
}

impl Room for Client {
    type Credentials = Credentials;

    fn dialect() -> &'static Dialect {
        &errors::DIALECT
    }

    fn servers() -> &'static [(&'static str, &'static str)] {
        raw::SERVERS
    }

    fn assemble(transport: Transport, credentials: Credentials) -> Result<Self, Error> {
        let transport = transport.with_auth(Auth::header("x-api-key", &credentials.0)?);
        Ok(Self { raw: raw::Client::through(&transport), transport })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("cdq::Client").finish_non_exhaustive()
    }
}
