use std::fmt;

use secrecy::SecretString;

use super::raw::types;
use super::{ADVICE, PROVIDER, errors, raw, status};
use crate::time::Clock;
use crate::transport::{Auth, Dialect, FilePart, Room, Status, Transport, env_secret};
use crate::wait::Wait;
use crate::{Advice, Batch, ClientBuilder, Error, Provider, Snapshot};

/// The key of one business in one environment.
pub struct Credentials(SecretString);

impl Credentials {
    /// An API key (Reap Dashboard: Settings, Product Settings, KYC API Keys).
    #[must_use]
    pub fn api_key(key: impl Into<SecretString>) -> Self {
        Self(key.into())
    }

    /// The key in `REAP_API_KEY`; `None` where it is not set.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        env_secret("REAP_API_KEY").map(Self)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials { .. }")
    }
}

/// A client of Reap's KYC batch import. Cheap to clone.
///
/// ```
/// use bulkrail::reap;
///
/// let client = reap::Client::builder().credentials(reap::Credentials::api_key("my-key")).build()?;
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

    /// Uploads a CSV file (columns `externalId` and `shareToken`, up to 5,000 rows and 10 MB) under the idempotency key `key`.
    ///
    /// Make the key before the first try, keep it, and use it again for a retry of the same file: Reap then answers
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) instead of importing twice.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the answer was lost. Anything else means that no batch was made.
    pub async fn upload(&self, csv: &[u8], key: &str) -> Result<Batch, Error> {
        let file = FilePart::new("batch.csv", "text/csv", csv);
        let transport = self.transport.uploading(&file);
        let calls = raw::Client::through(&transport);
        let call = calls.upload_batch(Some(key), types::KycProvider::Sumsub, file.body);
        Ok(transport.submit(call, "/batchId").await?.with_key(key))
    }

    /// One look at a batch: Reap's own answer and what it means.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<Status<types::BatchStatus>, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        transport.look(batch, calls.get_batch_status(batch.id()), status::judge).await
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

    fn advice(&self) -> Advice {
        ADVICE
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
        let transport = transport.with_auth(Auth::header("x-reap-api-key", &credentials.0)?);
        Ok(Self { raw: raw::Client::through(&transport), transport })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("reap::Client").finish_non_exhaustive()
    }
}
