use std::io::Read;

use super::raw::types;
use super::{ADVICE, Credentials, PROVIDER, Rows, errors, raw, status};
use crate::room::client;
use crate::time::Clock;
use crate::transport::{Status, Transport, Upload, shape};
use crate::{Account, Advice, Batch, Error, ErrorKind, Ledger, Provider, Snapshot};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

client! {
    /// A client of KillB's accounts. Cheap to clone; clones share one access token.
    ///
    /// ```
    /// use bulkrail::killb;
    ///
    /// let client = killb::Client::builder().credentials(killb::Credentials::login("me@example.com", "secret")).build()?;
    /// # Ok::<(), bulkrail::Error>(())
    /// ```
    "killb"
}

impl Client {
    /// Uploads a workbook (`.xlsx`), one account a row; [`Workbook`](super::Workbook) makes one (feature `xlsx`).
    ///
    /// KillB documents no idempotency key for this call, so it is sent again only where certainly nothing arrived.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the answer was lost: the batch may exist. Anything else
    /// means that it does not.
    pub async fn upload(&self, workbook: impl Into<Upload>) -> Result<Batch, Error> {
        let workbook = workbook.into();
        check_workbook(&workbook)?;
        let form = workbook.form("batch.xlsx", XLSX)?;
        let transport = self.transport.uploading(&form.content_type);
        let calls = raw::Client::through(&transport);
        transport.submit(|| calls.upload_bulk(form.body()), shape!("BulkUploadAnswer"), "/jobId").await
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
        let created = async {
            let answer = transport.fetch(calls.create_account(account)).await?.good().await?.whole().await?;
            answer.compared(shape!("Account"))
        };
        created.await.map_err(|error: Error| error.of_submit().with_action("creating the account"))
    }

    /// One look at a batch: KillB's own answer, held in memory, and what it means.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<Status<types::BulkJob>, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        transport.status(batch, calls.get_bulk_status(batch.id()), status::judge).await
    }

    /// What happened to each row so far, as a stream: memory does not grow with the rows.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn rows(&self, batch: &Batch) -> Result<Rows, Error> {
        let transport = self.transport.downloading();
        let calls = raw::Client::through(&transport);
        Rows::open(&transport, batch, calls.get_bulk_status(batch.id())).await
    }

    /// An account of every row. With the `externalId`s that were submitted, each of them is in it, whatever KillB lists.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn account(&self, batch: &Batch, submitted: Option<&[String]>) -> Result<Account, Error> {
        let mut ledger = submitted.map_or_else(Ledger::unknown, |references| Ledger::of(references.iter().cloned()));
        let mut rows = self.rows(batch).await?;
        while let Some(result) = rows.next().await {
            ledger.record(result?.row());
        }
        Ok(ledger.close(&rows.snapshot()?.progress).with_drift(rows.drift().to_vec()))
    }
}

impl Provider for Client {
    fn id(&self) -> crate::ProviderId {
        PROVIDER
    }

    async fn look(&self, batch: &Batch) -> Result<Snapshot, Error> {
        self.looks.inner.look(batch, self.looks.get_bulk_status(batch.id()), status::judge).await
    }

    fn advice(&self) -> Advice {
        ADVICE
    }

    fn clock(&self) -> Clock {
        self.transport.clock().clone()
    }
}

/// An `.xlsx` is a zip archive; anything else would only be refused by KillB, after it has travelled.
fn check_workbook(workbook: &Upload) -> Result<(), Error> {
    let mut start = [0; 4];
    let read = workbook.reader()?.read(&mut start).unwrap_or(0);
    if read == 4 && start == *b"PK\x03\x04" {
        return Ok(());
    }
    let reason = "this is no .xlsx workbook (KillB takes Excel files; make one of a CSV with `Workbook`)";
    Err(Error::new(ErrorKind::Usage, reason).with_provider(PROVIDER))
}
