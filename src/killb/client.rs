use std::fmt;

use super::raw::types;
use super::{Credentials, PROVIDER, errors, raw, rows, status};
use crate::time::Clock;
use crate::transport::{Dialect, FilePart, Room, Status, Transport};
use crate::wait::Wait;
use crate::{Batch, ClientBuilder, Error, Provider, Row, Snapshot};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A client of KillB's accounts. Cheap to clone; clones share one access token.
///
/// ```
/// use bulkrail::killb;
///
/// let client = killb::Client::builder().credentials(killb::Credentials::login("me@example.com", "secret")).build()?;
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

    /// Uploads a workbook (`.xlsx`), one account a row.
    ///
    /// KillB documents no idempotency key for this call, so it is sent once and never again by itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the answer was lost: the batch may exist. Anything else
    /// means that it does not.
    pub async fn upload(&self, workbook: &[u8]) -> Result<Batch, Error> {
        let file = FilePart::new("batch.xlsx", XLSX, workbook);
        let transport = self.transport.uploading(&file);
        let calls = raw::Client::through(&transport);
        transport.submit(calls.upload_bulk(file.body), "/jobId").await
    }

    /// Creates one account of any of the 22 kinds. Sent once, never again by itself; KillB advises an `externalId` against duplicates.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the answer was lost: the account may exist. Anything else
    /// means that it does not.
    pub async fn create_account(&self, account: &types::CreateAccount) -> Result<types::Account, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        let created = async { transport.fetch(calls.create_account(account)).await?.body().await?.decode() };
        created.await.map_err(|error: Error| error.of_submit().with_action("creating the account"))
    }

    /// One look at a batch: KillB's own answer and what it means.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<Status<types::BulkJob>, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        transport.look(batch, calls.get_bulk_status(batch.id()), status::judge).await
    }

    /// What happened to each row so far, as the status answer lists them.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn rows(&self, batch: &Batch) -> Result<Vec<Row>, Error> {
        let status = self.status(batch).await?;
        Ok(rows::read(&status.json()?))
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
        let transport = transport.with_auth(credentials.into_auth(&transport)?);
        Ok(Self { raw: raw::Client::through(&transport), transport })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("killb::Client").finish_non_exhaustive()
    }
}
