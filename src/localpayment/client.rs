use std::fmt;

use super::raw::types;
use super::{Credentials, PROVIDER, errors, raw, rows, status};
use crate::time::Clock;
use crate::transport::{Dialect, Room, Status, Transport};
use crate::wait::Wait;
use crate::{Batch, ClientBuilder, Error, ErrorKind, Provider, Row, Snapshot};

/// A client of Localpayment's virtual accounts. Cheap to clone; clones share one access token.
///
/// ```
/// use bulkrail::localpayment;
///
/// let client = localpayment::Client::builder().credentials(localpayment::Credentials::login("me", "secret")).build()?;
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

    /// Submits a batch of 10 to 5,000 accounts. Your `externalId` of it is the id of the batch.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`] when the answer was lost; the error carries the batch, and a
    /// look at it tells whether it exists. Anything else means that it was not accepted.
    pub async fn submit(&self, accounts: &types::CreateBatch) -> Result<Batch, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        let batch = Batch::named(PROVIDER, &accounts.external_id)?.with_key(&accounts.external_id);
        match transport.submit(calls.create_batch(accounts), "/externalId").await {
            // The id is ours, whatever the answer calls it.
            Ok(accepted) => Ok(batch.with_submitted_at(accepted.submitted_at().unwrap_or_default())),
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => Err(error.with_batch(batch)),
            Err(error) => Err(error),
        }
    }

    /// One look at a batch: Localpayment's own answer and what it means.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<Status<types::Batch>, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        transport.look(batch, calls.get_batch(batch.id()), status::judge).await
    }

    /// The accounts created so far. Localpayment lists no others: what is missing here was not created, or not yet.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn rows(&self, batch: &Batch) -> Result<Vec<Row>, Error> {
        let answer = self.status(batch).await?.json()?;
        Ok(answer["csvFormatResponse"].as_str().and_then(rows::read).unwrap_or_default())
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
        f.debug_struct("localpayment::Client").finish_non_exhaustive()
    }
}
