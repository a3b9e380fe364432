use std::fmt;
use std::sync::LazyLock;

use bulkrail_core::http::{
    Auth, CallKind, ClientBuilder, EnvCredentials, ErrorMapping, HttpClient, ProviderClient, StatusResponse, Upload,
    capture, retry_reads,
};
use bulkrail_core::json::ResponseSchema;
use bulkrail_core::time::Clock;
use bulkrail_core::{
    Batch, Drift, Error, ErrorKind, PollLimit, PollingDefaults, Provider, ProviderId, Reconciler, Reconciliation,
    Recovery, Row, RowOutcome, Snapshot, SubmittedRows, Wait, check_id,
};
use secrecy::SecretString;
use serde_json::Value;

use super::raw::types;
use super::{POLLING_DEFAULTS, PROVIDER, Submission, errors, raw, rows, status};
use crate::submission::SubmitOptions;

static UPLOAD_SCHEMA: LazyLock<ResponseSchema> =
    LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "BatchUploadAnswer"));
static ENTITY_SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Entity"));

/// 5 entities that go on failing are retried, for two minutes each: thousands of them would take days.
const MAX_RETRIED_ENTITIES: u32 = 5;

/// Credentials for Reap: an API key (Reap Dashboard: Settings, Product Settings, KYC API Keys).
pub struct Credentials(SecretString);

impl Credentials {
    /// Environment variables that hold credentials.
    pub const ENV: EnvCredentials = EnvCredentials(&[&["REAP_API_KEY"]]);

    /// Returns credentials with the API key `key`.
    #[must_use]
    pub fn api_key(key: impl Into<SecretString>) -> Self {
        Self(key.into())
    }

    /// Returns credentials with the API key in `REAP_API_KEY`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], naming the variable, when it is not set.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(bulkrail_core::http::env_secret)
    }

    /// Returns credentials of a store of your own: `secret` returns the secret of a variable's name, as
    /// [`from_env`](Self::from_env) reads it.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env).
    pub fn from_variables(secret: impl Fn(&str) -> Option<SecretString>) -> Result<Self, Error> {
        let (_, mut secrets) = Self::ENV.read_from(secret).map_err(|error| error.with_provider(PROVIDER))?;
        Ok(Self(secrets.remove(0)))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials { .. }")
    }
}

/// Client of Reap's KYC batch import. Cheap to clone.
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
    http: HttpClient,
}

impl Client {
    /// Returns a builder of the client.
    #[must_use]
    pub fn builder() -> ClientBuilder<Self> {
        ClientBuilder::new()
    }

    /// Returns the generated client, for operations that this client does not have.
    ///
    /// Its errors print whole responses: convert them with [`map_raw_error`](Client::map_raw_error).
    #[must_use]
    pub fn raw(&self) -> &raw::Client {
        &self.raw
    }

    /// Returns the environment that requests go to, as [`Batch::environment`] has it.
    ///
    /// ```
    /// use bulkrail::reap;
    ///
    /// let client = reap::Client::builder().credentials(reap::Credentials::api_key("my-key")).build()?;
    /// assert_eq!(client.environment(), "sandbox");
    /// # Ok::<(), bulkrail::Error>(())
    /// ```
    #[must_use]
    pub fn environment(&self) -> &str {
        self.http.environment()
    }

    /// Checks that `batch` is of this provider and of this environment. Nothing is sent; each call for a batch does it
    /// first, too.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it is not.
    pub fn check_batch(&self, batch: &Batch) -> Result<(), Error> {
        self.http.check_batch(batch)
    }

    /// Converts an error of the [generated client](Client::raw).
    pub async fn map_raw_error<E>(&self, error: raw::Error<E>) -> Error {
        self.http.map_raw_error(error).await
    }

    /// Polls `batch` until it reaches a terminal state, the deadline or a permanent error; see [`Wait`].
    pub fn wait(&self, batch: Batch) -> Wait<'static> {
        bulkrail_core::wait(self.clone(), batch)
    }

    /// Returns what may be done about a submit under `key` whose process ended before it had the response:
    /// [`Recovery::SendAgain`], or [`Recovery::Never`] without its key.
    ///
    /// The [page of the upload](https://reap-ra.readme.io/reference/post_entity-kyc-import-batch) has the header
    /// `Idempotency-Key` against uploading the same file twice. A repeated submit may fail with [`ErrorKind::Conflict`]:
    /// the batch exists then, and Reap does not return its id. How long a key is kept is not documented.
    ///
    /// ```
    /// use bulkrail::{Recovery, reap};
    ///
    /// let client = reap::Client::builder().credentials(reap::Credentials::api_key("my-key")).build()?;
    /// assert_eq!(client.recovery(Some("payroll-2026-01")), Recovery::SendAgain);
    /// assert_eq!(client.recovery(None), Recovery::Never);
    /// # Ok::<(), bulkrail::Error>(())
    /// ```
    #[must_use]
    pub fn recovery(&self, key: Option<&str>) -> Recovery {
        if key.is_some() { Recovery::SendAgain } else { Recovery::Never }
    }

    /// Submits a prepared batch with its idempotency key.
    ///
    /// When the response is lost, the request is repeated with the same key. Reap then returns the batch, or the error
    /// that the key was used before.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Conflict`]: Reap has a batch with this key, and does not return its id.
    /// - [`ErrorKind::OutcomeUnknown`]: a response was lost, and no later attempt returned the batch. The message has the key.
    /// - Any other error means that the batch does not exist.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist. A handler that is dropped with its connection
    /// spawns the submit: `tokio::spawn(async move { client.submit(&submission).await }).await`.
    pub async fn submit(&self, submission: &Submission) -> Result<Batch, Error> {
        let key = submission.key();
        let form = submission
            .upload()
            .clone()
            .into_form("file", "batch.csv", "text/csv")
            .await
            .map_err(|error| error.with_provider(PROVIDER).with_action("reading the file"))?;
        let prepare = || {
            let request = capture(self.raw.upload_batch(Some(key), types::KycProvider::Sumsub, form.body()))?;
            Ok(request.with_content_type(form.content_type()))
        };
        let http = &self.http;
        let batch = http.submit_with_key(CallKind::Upload, &UPLOAD_SCHEMA, "/batchId", key, prepare).await?;
        Ok(batch.with_key(key))
    }

    /// Checks a CSV file and submits it with the idempotency key `key`, or a random one.
    ///
    /// The columns are `externalId`, `shareToken` and, optionally, `applicantLevel` and `cardProcessorPublicToken`. The
    /// limits are 5,000 rows and 10 MB of UTF-8.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`]: the file breaks a rule. The message names row and column; nothing was sent.
    /// - [`ErrorKind::Conflict`]: Reap has a batch with this key, and does not return its id.
    /// - [`ErrorKind::OutcomeUnknown`]: a response was lost, and no later attempt returned the batch. The message has the key.
    /// - Any other error means that the batch does not exist.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn upload(&self, csv: impl Into<Upload>, key: Option<&str>) -> Result<Batch, Error> {
        let options = key.map_or_else(SubmitOptions::default, |key| SubmitOptions::default().key(key));
        self.submit(&Submission::from_csv(csv, &options).await?).await
    }

    /// Polls `batch` once, and returns Reap's own response with the snapshot.
    ///
    /// # Errors
    ///
    /// Any failure, with the batch. Nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<StatusResponse<types::BatchStatus>, Error> {
        let request = capture(self.raw.get_batch_status(batch.id()));
        self.http.status(batch, request, status::ID, status::parse_status).await
    }

    /// Reads the outcome of every `submitted` row from its entity, whose id is in the column `externalId`: Reap itself
    /// only counts rows.
    ///
    /// A row has succeeded if everything that the entity submitted is approved. It has failed if something is rejected.
    /// It is unaccounted while something is pending. A row whose entity cannot be read is unaccounted too, with the reason.
    ///
    /// Sends one request for each row. Transient errors are retried, see
    /// [`READ_RETRIES`](bulkrail_core::http::READ_RETRIES), for the first five entities that go on failing: ten minutes
    /// at most. Each later one is read once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] without `submitted`, or when `batch` is of another provider or environment. Any error that is
    /// not about one entity: the credentials are refused, no entity may be read, or transient errors outlast the retries
    /// for two entities in a row or for the batch, too.
    pub async fn reconcile(&self, batch: &Batch, submitted: Option<&SubmittedRows>) -> Result<Reconciliation, Error> {
        let in_context =
            |error: Error| error.with_action("reading the entities of the batch").with_batch(batch.clone());
        self.http.check_batch(batch).map_err(in_context)?;
        let submitted = submitted.ok_or_else(|| {
            in_context(Error::new(ErrorKind::Usage, "Reap does not list rows; they are read by their references"))
        })?;
        let (mut reconciler, mut drift) = (Reconciler::new(submitted), Vec::new());
        let (mut not_allowed, mut was_unavailable, mut retried) = (0, false, 0);
        for (index, reference) in (2..).zip(&submitted.references) {
            let index = submitted.numbers.get(index - 2).copied().unwrap_or(index as u64);
            let entity = match retried < MAX_RETRIED_ENTITIES {
                true => retry_reads(self.http.clock(), || self.entity(reference)).await,
                false => self.entity(reference).await,
            };
            let error = match entity {
                Ok(entity) => {
                    let mut found = ENTITY_SCHEMA.differences(&entity);
                    self.http.redact_drift(&mut found);
                    Drift::merge(&mut drift, &found);
                    let mut row = rows::parse_entity(index, reference, &entity);
                    row.reason.iter_mut().for_each(|reason| self.http.redact_text(reason));
                    reconciler.push(row);
                    was_unavailable = false;
                    continue;
                }
                Err(error) => error,
            };
            // An error that is not about this entity is about each of them.
            not_allowed += usize::from(error.kind() == ErrorKind::Permission);
            let is_general = match error.kind() {
                ErrorKind::Authentication | ErrorKind::RateLimited => true,
                // A wrong certificate or host name, for example: what is wrong with the connection.
                ErrorKind::Unavailable if !error.is_transient() => true,
                ErrorKind::Permission => not_allowed == submitted.references.len(),
                _ if error.is_transient() => was_unavailable || self.poll(batch).await.is_err(),
                _ => false,
            };
            if is_general {
                return Err(in_context(error));
            }
            was_unavailable = error.is_transient();
            retried += u32::from(was_unavailable);
            let row = Row::new(RowOutcome::Unaccounted).with_index(index).with_reference(reference);
            reconciler.push_missing(row.with_reason(error.with_action("reading the entity").to_string()));
        }
        let snapshot = retry_reads(self.http.clock(), || self.poll(batch)).await?;
        Ok(reconciler.finish(&snapshot.progress).with_drift(drift))
    }

    async fn entity(&self, id: &str) -> Result<Value, Error> {
        check_id(id).map_err(|error| Error::new(ErrorKind::Usage, format!("the entity id {}", error.reason())))?;
        let request = capture(self.raw.get_entity(id))?;
        self.http.send(request, CallKind::Small).await?.error_for_status().await?.bytes().await?.decode()
    }
}

impl Provider for Client {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let request = capture(self.raw.get_batch_status(batch.id()));
        self.http.poll(batch, request, status::ID, status::parse_status).await
    }

    fn polling_defaults(&self) -> PollingDefaults {
        POLLING_DEFAULTS
    }

    fn clock(&self) -> Clock {
        self.http.clock().clone()
    }

    fn poll_limit(&self) -> Option<PollLimit> {
        Some(self.http.poll_limit().clone())
    }
}

impl ProviderClient for Client {
    type Credentials = Credentials;

    fn error_mapping() -> &'static ErrorMapping {
        &errors::ERROR_MAPPING
    }

    fn servers() -> &'static [(&'static str, &'static str)] {
        raw::SERVERS
    }

    fn from_http(http: HttpClient, credentials: Credentials) -> Result<Self, Error> {
        let http = http.with_auth(Auth::header("x-reap-api-key", &credentials.0)?);
        Ok(Self { raw: raw::Client::with_http(&http), http })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reap::Client { .. }")
    }
}
