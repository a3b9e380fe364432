use std::fmt;
use std::sync::LazyLock;

use bulkrail_core::http::{
    CallKind, ClientBuilder, ErrorMapping, HttpClient, ProviderClient, StatusResponse, Upload, capture, retry_reads,
};
use bulkrail_core::json::ResponseSchema;
use bulkrail_core::time::Clock;
use bulkrail_core::{
    Batch, Drift, Error, PollLimit, PollingDefaults, Provider, ProviderId, Reconciler, Reconciliation, Snapshot, State,
    SubmittedRows, Wait,
};

use super::raw::types;
use super::{Credentials, POLLING_DEFAULTS, PROVIDER, Rows, Submission, errors, raw, rows, status};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

static UPLOAD_SCHEMA: LazyLock<ResponseSchema> =
    LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "BulkUploadAnswer"));
static ACCOUNT_SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Account"));

/// Client of KillB's accounts. Cheap to clone; clones share one access token.
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

    /// Converts an error of the [generated client](Client::raw).
    pub async fn map_raw_error<E>(&self, error: raw::Error<E>) -> Error {
        self.http.map_raw_error(error).await
    }

    /// Polls `batch` until it reaches a terminal state, the deadline or a permanent error; see [`Wait`].
    pub fn wait(&self, batch: Batch) -> Wait<'static> {
        bulkrail_core::wait(self.clone(), batch)
    }

    /// Submits a prepared workbook.
    ///
    /// KillB does not document an idempotency key, so the request is repeated only when KillB certainly did not receive
    /// it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the response was lost: the batch may exist.
    /// Any other error means that it does not.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist. A handler that is dropped with its connection
    /// spawns the submit: `tokio::spawn(async move { client.submit(&submission).await }).await`.
    pub async fn submit(&self, submission: &Submission) -> Result<Batch, Error> {
        let form = submission
            .upload()
            .clone()
            .into_form("file", "batch.xlsx", XLSX)
            .await
            .map_err(|error| error.with_provider(PROVIDER).with_action("reading the file"))?;
        let prepare = || Ok(capture(self.raw.upload_bulk(form.body()))?.with_content_type(form.content_type()));
        self.http.submit(CallKind::Upload, &UPLOAD_SCHEMA, "/jobId", prepare).await
    }

    /// Checks that a file is a workbook (`.xlsx`) and submits it. Each of its rows creates an account.
    ///
    /// The rows are not read; `Submission::from_workbook` (feature `xlsx`) reads them.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`](crate::ErrorKind::Usage): the file is not a workbook; nothing was sent.
    /// - [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): the response was lost; the batch may exist.
    /// - Any other error means that the batch does not exist.
    pub async fn upload(&self, workbook: impl Into<Upload>) -> Result<Batch, Error> {
        self.submit(&Submission::from_upload(workbook).await?).await
    }

    /// Creates one account, of any of the 22 documented kinds. KillB recommends an `externalId` to avoid duplicates.
    ///
    /// The request is not repeated when its response is lost.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the response was lost: the account may
    /// exist. Any other error means that it does not.
    pub async fn create_account(&self, account: &types::CreateAccount) -> Result<types::Account, Error> {
        let prepare = || capture(self.raw.create_account(account));
        self.http.create(&ACCOUNT_SCHEMA, "creating the account", prepare).await
    }

    /// Polls `batch` once, and returns KillB's own response with the snapshot. The response is kept in memory.
    ///
    /// When it has finished, the rows in the response overrule the counts.
    ///
    /// # Errors
    ///
    /// Any failure, with the batch. Nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<StatusResponse<types::BulkJob>, Error> {
        let request = capture(self.raw.get_bulk_status(batch.id()));
        let mut status: StatusResponse<types::BulkJob> =
            self.http.status(batch, request, status::ID, status::parse_status).await?;
        if status.snapshot.state == State::Finished {
            let counts = rows::count(status.bytes());
            status.snapshot = status.snapshot.with_row_counts(&counts);
        }
        Ok(status)
    }

    /// Returns a stream of the rows of `batch` so far. Memory does not grow with their number.
    ///
    /// # Errors
    ///
    /// Any failure, with the batch. Nothing is retried.
    pub async fn rows(&self, batch: &Batch) -> Result<Rows, Error> {
        Rows::open(&self.http, batch, capture(self.raw.get_bulk_status(batch.id()))).await
    }

    /// Reads the outcome of every row.
    ///
    /// With the rows that were `submitted`, the result has each of them, also those that KillB does not list. Transient
    /// errors are retried; see [`READ_RETRIES`](bulkrail_core::http::READ_RETRIES).
    ///
    /// # Errors
    ///
    /// Any permanent error, with the batch.
    pub async fn reconcile(&self, batch: &Batch, submitted: Option<&SubmittedRows>) -> Result<Reconciliation, Error> {
        retry_reads(self.http.clock(), async || self.reconcile_once(batch, submitted).await).await
    }

    async fn reconcile_once(&self, batch: &Batch, submitted: Option<&SubmittedRows>) -> Result<Reconciliation, Error> {
        let mut reconciler = Reconciler::for_submitted(submitted);
        let mut rows = self.rows(batch).await?;
        while let Some(result) = rows.next().await {
            reconciler.push(result?.row());
        }
        let snapshot = rows.snapshot()?;
        let mut drift = snapshot.drift.clone();
        Drift::merge(&mut drift, rows.drift());
        Ok(reconciler.finish(&snapshot.progress).with_drift(drift))
    }
}

impl Provider for Client {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    /// Polls `batch` once. When it has finished, a second request reads the rows, because they overrule the counts.
    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let request = capture(self.raw.get_bulk_status(batch.id()));
        let snapshot = self.http.poll(batch, request, status::ID, status::parse_status).await?;
        if snapshot.state != State::Finished {
            return Ok(snapshot);
        }
        // Rows are counted and not held: a batch may have millions.
        let (mut rows, mut counter) = (self.rows(batch).await?, rows::RowCounter::default());
        while let Some(result) = rows.next().await {
            counter.push(&result?);
        }
        let last = rows.snapshot()?;
        // The second response is the newer one, and the only one whose counts belong to the rows.
        Ok(if last.state == State::Finished { last.with_row_counts(&counter.counts()) } else { last })
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
        let http = http.with_auth(credentials.into_auth(&http)?);
        Ok(Self { raw: raw::Client::with_http(&http), http })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("killb::Client { .. }")
    }
}
