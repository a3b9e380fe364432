use std::fmt;

use secrecy::SecretString;

use super::raw::types;
use super::{CSV, PROVIDER, errors, raw, status};
use crate::time::Clock;
use crate::transport::{Auth, Dialect, Room, Status, Transport, Upload, env_secret, shape};
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
    /// For polls, which are many: made once.
    looks: raw::Client,
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
    /// CDQ documents no idempotency key for this call, so it is sent again only where certainly nothing arrived.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the answer was lost: the job may have started. Anything else means that it did not.
    pub async fn start(&self, storage_id: &str, features: &[types::ConfirmationFeature]) -> Result<Batch, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        let body = types::StartConfirmation { storage_id: Some(storage_id.to_owned()), features_on: features.to_vec() };
        transport.submit(|| calls.start_confirmation(&body), shape!("Job"), "/id").await
    }

    /// Uploads a CSV file of bank accounts (up to 100 MB) with the columns `International Account ID`, `International Bank ID`,
    /// `Country Code`, `National Bank ID`, `National Account ID`, in any order.
    ///
    /// CDQ documents no answer to this call, and so not how it leads to the storage id that [`Client::start`] takes: ask CDQ. It
    /// documents no idempotency key either.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the file breaks a rule (row and column are named, nothing was sent);
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the answer was lost.
    pub async fn upload_accounts(&self, csv: impl Into<Upload>) -> Result<(), Error> {
        let csv = csv.into();
        CSV.check(&csv).map_err(|error| error.with_provider(PROVIDER).with_action("checking the file"))?;
        let form = csv.form("accounts.csv", "text/csv")?;
        let transport = self.transport.uploading(&form.content_type);
        let calls = raw::Client::through(&transport);
        let sent = async { transport.fetch(calls.upload_bank_accounts(form.body())).await?.good().await.map(drop) };
        sent.await.map_err(|error: Error| error.of_submit().with_action("uploading the bank accounts"))
    }

    /// One look at a job: CDQ's own answer and what it means.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<Status<types::Job>, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        transport.status(batch, calls.get_job(Some(batch.id())), status::judge).await
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
        self.looks.inner.look(batch, self.looks.get_job(Some(batch.id())), status::judge).await
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
        let looks = raw::Client::through(&transport.looking());
        Ok(Self { raw: raw::Client::through(&transport), looks, transport })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("cdq::Client").finish_non_exhaustive()
    }
}
