use std::time::Duration;

use serde_json::Value;

use super::raw::types;
use super::{ADVICE, CSV, PROVIDER, errors, raw, rows, status};
use crate::drift::Drift;
use crate::model::check_id;
use crate::room::{api_key, client};
use crate::time::Clock;
use crate::transport::{Status, Transport, Upload, shape};
use crate::{Account, Advice, Batch, Error, ErrorKind, Ledger, Provider, Snapshot};

api_key! {
    /// An API key (Reap Dashboard: Settings, Product Settings, KYC API Keys).
    "x-reap-api-key", "REAP_API_KEY"
}

/// Tries of one entity, when many are read.
const ENTITY_TRIES: u32 = 5;

/// Between two of them at most.
const MAX_PAUSE: Duration = Duration::from_secs(30);

client! {
    /// A client of Reap's KYC batch import. Cheap to clone.
    ///
    /// ```
    /// use bulkrail::reap;
    ///
    /// let client = reap::Client::builder().credentials(reap::Credentials::api_key("my-key")).build()?;
    /// # Ok::<(), bulkrail::Error>(())
    /// ```
    "reap"
}

impl Client {
    /// Uploads a CSV file (columns `externalId` and `shareToken`, optionally `applicantLevel` and `cardProcessorPublicToken`; up to 5,000
    /// rows and 10 MB of UTF-8) under the idempotency key `key`, or under one made now.
    ///
    /// The file is checked before anything is sent. Where an answer is lost, the same file is sent again under the same key: Reap then
    /// answers as if it had been the first time, or that it has the batch already.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`]: the file breaks a rule; row and column are named, and nothing was sent.
    /// - [`ErrorKind::Conflict`]: Reap has a batch under this key, and does not say its id.
    /// - [`ErrorKind::OutcomeUnknown`]: the answer was lost, and so were those of the tries after it. The key is in the message.
    pub async fn upload(&self, csv: impl Into<Upload>, key: Option<&str>) -> Result<Batch, Error> {
        let csv = csv.into();
        CSV.check(&csv).map_err(|error| error.with_provider(PROVIDER).with_action("checking the file"))?;
        let key = key.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
        let form = csv.form("batch.csv", "text/csv")?;
        let transport = self.transport.uploading(&form.content_type);
        let calls = raw::Client::through(&transport);
        let call = || calls.upload_batch(Some(&key), types::KycProvider::Sumsub, form.body());
        let batch = transport.submit_keyed(call, shape!("BatchUploadAnswer"), "/batchId", &key).await?;
        Ok(batch.with_key(key))
    }

    /// One look at a batch: Reap's own answer and what it means.
    ///
    /// # Errors
    ///
    /// Any; nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<Status<types::BatchStatus>, Error> {
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        transport.status(batch, calls.get_batch_status(batch.id()), status::judge).await
    }

    /// An account of every row, read from the entities that were `submitted` (the `externalId` column: the entities' ids), one request
    /// each. Reap itself only counts rows.
    ///
    /// A row has succeeded when all that the entity submitted is approved, has failed when something is rejected, and is unaccounted for
    /// while something is pending or nothing is there.
    ///
    /// # Errors
    ///
    /// Any but "not found", which leaves the row unaccounted for. A transient fault is met with a few more tries of the same entity.
    pub async fn account(&self, batch: &Batch, submitted: &[String]) -> Result<Account, Error> {
        let (mut ledger, mut drift) = (Ledger::of(submitted.iter().cloned()), Vec::new());
        for (index, reference) in (2..).zip(submitted) {
            match self.entity_at_last(reference).await {
                Ok(entity) => {
                    Drift::merge(&mut drift, &shape!("Entity").differences(&entity));
                    ledger.record(rows::read(index, reference, &entity));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error.with_action("reading the entities of the batch").with_batch(batch.clone()));
                }
            }
        }
        let account = ledger.close(&self.look(batch).await?.progress);
        Ok(account.with_drift(drift))
    }

    /// One bad moment among thousands of entities must not cost them all.
    async fn entity_at_last(&self, id: &str) -> Result<Value, Error> {
        let mut pause = Duration::from_secs(1);
        for _ in 0..ENTITY_TRIES - 1 {
            match self.entity(id).await {
                Err(error) if error.is_transient() => {
                    let asked = error.retry_after().unwrap_or_default();
                    self.transport.clock().sleep(asked.clamp(pause, MAX_PAUSE)).await;
                    pause *= 2;
                }
                done => return done,
            }
        }
        self.entity(id).await
    }

    async fn entity(&self, id: &str) -> Result<Value, Error> {
        check_id(id, "the entity id")?;
        let transport = self.transport.held();
        let calls = raw::Client::through(&transport);
        transport.fetch(calls.get_entity(id)).await?.good().await?.whole().await?.decode()
    }
}

impl Provider for Client {
    fn id(&self) -> crate::ProviderId {
        PROVIDER
    }

    async fn look(&self, batch: &Batch) -> Result<Snapshot, Error> {
        self.looks.inner.look(batch, self.looks.get_batch_status(batch.id()), status::judge).await
    }

    fn advice(&self) -> Advice {
        ADVICE
    }

    fn clock(&self) -> Clock {
        self.transport.clock().clone()
    }
}
