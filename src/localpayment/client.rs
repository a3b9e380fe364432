use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use bulkrail_core::http::{
    CallKind, ClientBuilder, ErrorMapping, HttpClient, ProviderClient, Retry, RetryPolicy, StatusResponse, capture,
    retry, retry_reads,
};
use bulkrail_core::json::{ResponseSchema, StatusFields};
use bulkrail_core::time::Clock;
use bulkrail_core::{
    Batch, Error, ErrorKind, PollLimit, Provider, ProviderId, Reconciler, Reconciliation, Recovery, Snapshot,
    SubmittedRows, Wait, check_id,
};

use super::raw::types;
use super::{Credentials, PROVIDER, Submission, check, errors, raw, status};

/// 1 s before a batch whose response was lost is queried: it may not be visible at once.
const QUERY_DELAY: Duration = Duration::from_secs(1);

/// 3 attempts to find it, from 4 s apart.
const QUERY_RETRIES: RetryPolicy = RetryPolicy::new(3, Duration::from_secs(4));

static SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Batch"));
static ACTIVATION_SCHEMA: LazyLock<ResponseSchema> =
    LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "ActivationResponse"));

/// Client of Localpayment's virtual accounts. Cheap to clone; clones share one access token.
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

    /// Returns what may be done about a submit under the `externalId` `key` whose process ended before it had the
    /// response: [`Recovery::LookUp`] with the batch, or [`Recovery::Never`] without a usable `externalId`.
    ///
    /// A batch is [read by its `externalId`](https://docs.v3.localpayment.com/request-a-payment/payins/bank-transfer/virtual-account/api-reference/check-virtual-account/check-batch-virtual-account).
    /// It is not sent again: no page documents what a second batch of the same `externalId` does. Nor is it documented
    /// how soon a batch can be read, so a batch that is not found at once may still appear.
    ///
    /// ```
    /// use bulkrail::{Recovery, localpayment};
    ///
    /// let client = localpayment::Client::builder().credentials(localpayment::Credentials::login("me", "secret")).build()?;
    /// let Recovery::LookUp(batch) = client.recovery(Some("batch-7")) else { panic!("it has an externalId") };
    /// assert_eq!((batch.id(), batch.environment()), ("batch-7", Some("sandbox")));
    /// # Ok::<(), bulkrail::Error>(())
    /// ```
    #[must_use]
    pub fn recovery(&self, key: Option<&str>) -> Recovery {
        let batch = key.and_then(|key| Some(Batch::new(PROVIDER, key).ok()?.with_key(key)));
        batch.map_or(Recovery::Never, |batch| Recovery::LookUp(batch.with_environment(self.http.environment())))
    }

    /// Submits a prepared batch with [`Client::create_batch`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`] when the response was lost and the batch is not visible. The error has the batch:
    /// wait for it before you submit it again. [`ErrorKind::Conflict`] when the `externalId` was used before. Any other
    /// error means that the batch does not exist.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist. A handler that is dropped with its connection
    /// spawns the submit: `tokio::spawn(async move { client.submit(&submission).await }).await`.
    pub async fn submit(&self, submission: &Submission) -> Result<Batch, Error> {
        self.create_batch(submission.batch()).await
    }

    /// Submits a batch of 10 to 5,000 accounts. Its `externalId` is its id.
    ///
    /// More accounts need several batches; see [`split`](super::split). The batch is checked before anything is sent.
    ///
    /// When the response is lost, the batch is queried by its `externalId`. It is not sent a second time, because no
    /// page documents what happens to a batch whose `externalId` was used before.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`]: the batch breaks a rule; nothing was sent.
    /// - [`ErrorKind::OutcomeUnknown`]: the response was lost, and the batch is not visible. The error has the batch:
    ///   wait for it, or poll it later, before you submit it again.
    /// - [`ErrorKind::Conflict`]: the `externalId`, of the batch or of an account, was used before.
    /// - Any other error means that the batch does not exist.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist. Poll it by its `externalId`.
    pub async fn create_batch(&self, accounts: &types::CreateBatch) -> Result<Batch, Error> {
        check(accounts)?;
        let batch = Batch::new(PROVIDER, &accounts.external_id)?.with_key(&accounts.external_id);
        let batch = batch.with_submitted_at(self.http.clock().wall()).with_environment(self.http.environment());
        let prepare = || capture(self.raw.create_batch(accounts));
        let count = accounts.accounts.len() as u64;
        match self.http.submit(CallKind::Small, &SCHEMA, "/externalId", prepare).await {
            Ok(created) if created.id().eq_ignore_ascii_case(batch.id()) => Ok(batch),
            Ok(_) => {
                let error = Error::new(ErrorKind::OutcomeUnknown, "the response is about another batch");
                let error = error.with_provider(PROVIDER).with_action("submitting the batch");
                self.find_after_loss(batch, count, error).await
            }
            Err(error) if error.is_outcome_unknown() => self.find_after_loss(batch, count, error).await,
            Err(error) => Err(error),
        }
    }

    /// Polls the batch after a lost response, and returns it if it is visible; else `error`. One that has ended with
    /// another number of accounts than `count` is an older one of the same `externalId`.
    async fn find_after_loss(&self, batch: Batch, count: u64, error: Error) -> Result<Batch, Error> {
        self.http.clock().sleep(QUERY_DELAY).await;
        let classify = |error: &Error| {
            let may_appear = error.is_transient() || error.kind() == ErrorKind::NotFound;
            if may_appear { Retry::AfterBackoff } else { Retry::No }
        };
        match retry(self.http.clock(), QUERY_RETRIES, || self.poll(&batch), classify).await {
            Ok(found) if found.is_terminal() && found.progress.total.is_some_and(|total| total != count) => {
                let reason =
                    |reason: &str| format!("{reason}; a batch of this externalId has another number of accounts");
                Err(error.map_reason(reason).with_batch(batch))
            }
            Ok(_) => Ok(batch),
            Err(_) => Err(error.with_batch(batch)),
        }
    }

    /// Enables a single account, so that it takes payments again. It must be `DISABLED`.
    ///
    /// The request is not repeated when its response is lost.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`]: the id cannot be part of a URL; nothing was sent.
    /// - [`ErrorKind::OutcomeUnknown`]: the response was lost; the account may be enabled. Read it before another attempt.
    /// - Any other error means that it was not.
    pub async fn enable_account(&self, external_id: &str) -> Result<types::ActivationResponse, Error> {
        self.set_activation(external_id, types::Activation::Enable, "enabling the account").await
    }

    /// Disables a single account, which refuses payments from then on. It must be `COMPLETED`.
    ///
    /// The response has the code `300`, which is an error elsewhere; see the [module documentation](super). The request is
    /// not repeated when its response is lost.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`]: the id cannot be part of a URL; nothing was sent.
    /// - [`ErrorKind::OutcomeUnknown`]: the response was lost; the account may be disabled. Read it before another
    ///   attempt.
    /// - Any other error means that it was not.
    pub async fn disable_account(&self, external_id: &str) -> Result<types::ActivationResponse, Error> {
        self.set_activation(external_id, types::Activation::Disable, "disabling the account").await
    }

    async fn set_activation(
        &self,
        external_id: &str,
        activation: types::Activation,
        action: &'static str,
    ) -> Result<types::ActivationResponse, Error> {
        check_id(external_id).map_err(|error| {
            let reason = format!("the external id {}", error.reason());
            Error::new(ErrorKind::Usage, reason).with_provider(PROVIDER).with_action(action)
        })?;
        let prepare = || capture(self.raw.set_activation(external_id, activation));
        self.http.create(&ACTIVATION_SCHEMA, action, prepare).await.map_err(|error: Error| {
            match error.is_outcome_unknown() {
                true => error.with_hint("read the account to see whether it is enabled before trying again"),
                false => error,
            }
        })
    }

    /// Polls `batch` once, and returns Localpayment's own response with the snapshot.
    ///
    /// # Errors
    ///
    /// Any failure, with the batch. Nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<StatusResponse<types::Batch>, Error> {
        let request = capture(self.raw.get_batch(batch.id()));
        self.http.status(batch, request, status::ID, status::parse_status).await
    }

    /// Reads the outcome of every row.
    ///
    /// Localpayment lists created accounts only. With the rows that were `submitted`, the others are missing rows in
    /// the result; without them, the result has created accounts only. Transient errors are retried; see
    /// [`READ_RETRIES`](bulkrail_core::http::READ_RETRIES).
    ///
    /// # Errors
    ///
    /// Any permanent error, and a transient one that outlasts the retries, with the batch.
    pub async fn reconcile(&self, batch: &Batch, submitted: Option<&SubmittedRows>) -> Result<Reconciliation, Error> {
        let read = || async {
            let mut reconciler = Reconciler::for_submitted(submitted);
            let request = capture(self.raw.get_batch(batch.id()));
            let parse = |fields: StatusFields<'_>| status::parse_rows(fields, &self.http, &mut reconciler);
            let snapshot = self.http.poll(batch, request, status::ID, parse).await?;
            Ok(reconciler.finish(&snapshot.progress).with_drift(snapshot.drift))
        };
        retry_reads(self.http.clock(), read).await
    }
}

impl Provider for Client {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let request = capture(self.raw.get_batch(batch.id()));
        self.http.poll(batch, request, status::ID, status::parse_status).await
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
        let http = http.with_auth(credentials.into_auth(&http)?);
        Ok(Self { raw: raw::Client::with_http(&http), http })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("localpayment::Client { .. }")
    }
}
