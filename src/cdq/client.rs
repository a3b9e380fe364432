use super::raw::types;
use super::{CSV, PROVIDER, errors, raw, status};
use crate::room::{api_key, client};
use crate::time::Clock;
use crate::transport::{Status, Transport, Upload, shape};
use crate::{Batch, Error, Provider, Snapshot};

api_key! {
    /// An API key of CDQ's developer portal.
    "x-api-key", "CDQ_API_KEY"
}

client! {
    /// A client of CDQ's bank account confirmation. Cheap to clone.
    ///
    /// ```
    /// use bulkrail::cdq;
    ///
    /// let client = cdq::Client::builder().credentials(cdq::Credentials::api_key("my-key")).build()?;
    /// # Ok::<(), bulkrail::Error>(())
    /// ```
    "cdq"
}

impl Client {
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
