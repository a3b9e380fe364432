use std::time::Duration;

use super::raw::types;
use super::{Credentials, PROVIDER, check, errors, raw, rows, status};
use crate::room::client;
use crate::time::Clock;
use crate::transport::{Status, Transport, shape};
use crate::{Account, Batch, Error, ErrorKind, Ledger, Provider, Snapshot};

/// After a lost answer the batch is looked up after these pauses: it may take a moment to become visible.
const LOOK_UPS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

client! {
    /// A client of Localpayment's virtual accounts. Cheap to clone; clones share one access token.
    ///
    /// ```
    /// use bulkrail::localpayment;
    ///
    /// let client = localpayment::Client::builder().credentials(localpayment::Credentials::login("me", "secret")).build()?;
    /// # Ok::<(), bulkrail::Error>(())
    /// ```
    "localpayment"
}

impl Client {
    /// Submits a batch of 10 to 5,000 accounts; [`split`](super::split) makes several of more. Your `externalId` of it is its id.
    ///
    /// The batch is checked before anything is sent. Where the answer is lost, the batch is looked up by its `externalId`; it is never
    /// sent a second time, because no page says what happens to a batch whose `externalId` was used before.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`]: the batch breaks a rule; nothing was sent.
    /// - [`ErrorKind::OutcomeUnknown`]: the answer was lost, and the batch cannot be seen. The error carries it: wait for it, or look again
    ///   later, before you submit it again.
    pub async fn submit(&self, accounts: &types::CreateBatch) -> Result<Batch, Error> {
        check(accounts)?;
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        let batch = Batch::named(PROVIDER, &accounts.external_id)?.with_key(&accounts.external_id);
        let batch = batch.with_submitted_at(transport.clock().wall());
        match transport.submit(|| calls.create_batch(accounts), shape!("Batch"), "/externalId").await {
            Ok(_) => Ok(batch),
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => self.looked_up(batch, error).await,
            Err(error) => Err(error),
        }
    }

    /// The batch, if it can be seen; otherwise `error`.
    async fn looked_up(&self, batch: Batch, error: Error) -> Result<Batch, Error> {
        for pause in LOOK_UPS {
            self.transport.clock().sleep(pause).await;
            match self.look(&batch).await {
                Ok(_) => return Ok(batch),
                Err(lost) if lost.is_transient() || lost.kind() == ErrorKind::NotFound => {}
                Err(_) => break,
            }
        }
        Err(error.with_batch(batch))
    }

    /// One look at a batch: Localpayment's own answer and what it means.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<Status<types::Batch>, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        transport.status(batch, calls.get_batch(batch.id()), status::judge).await
    }

    /// An account of every row. Localpayment lists the accounts that it created and no others, so with the `externalId`s that were
    /// submitted the rest shows as missing; without them, only what was created is in it.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn account(&self, batch: &Batch, submitted: Option<&[String]>) -> Result<Account, Error> {
        let mut ledger = submitted.map_or_else(Ledger::unknown, |references| Ledger::of(references.iter().cloned()));
        let status = self.status(batch).await?;
        let listed = status.json()?["csvFormatResponse"].as_str().and_then(rows::read);
        listed.into_iter().flatten().for_each(|row| ledger.record(row));
        Ok(ledger.close(&status.snapshot.progress))
    }
}

impl Provider for Client {
    fn id(&self) -> crate::ProviderId {
        PROVIDER
    }

    async fn look(&self, batch: &Batch) -> Result<Snapshot, Error> {
        self.looks.inner.look(batch, self.looks.get_batch(batch.id()), status::judge).await
    }

    fn clock(&self) -> Clock {
        self.transport.clock().clone()
    }
}
