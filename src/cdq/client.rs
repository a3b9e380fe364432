use std::fmt;
use std::sync::LazyLock;

use bulkrail_core::http::{
    Auth, CallKind, ClientBuilder, EnvCredentials, ErrorMapping, HttpClient, ProviderClient, StatusResponse, Upload,
    capture,
};
use bulkrail_core::json::ResponseSchema;
use bulkrail_core::time::Clock;
use bulkrail_core::{
    Batch, Error, PollLimit, PollingDefaults, Provider, ProviderId, Reconciler, Reconciliation, Recovery, Snapshot,
    SubmittedRows, Wait,
};
use jiff::Timestamp;
use secrecy::SecretString;

use super::raw::types;
use super::{POLLING_DEFAULTS, PROVIDER, Submission, errors, raw, status, submission};

/// Name under which every file of accounts is sent.
const FILE_NAME: &str = "accounts.csv";

static JOB_SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Job"));

/// Credentials for CDQ: an API key of its developer portal.
pub struct Credentials(SecretString);

impl Credentials {
    /// Environment variables that hold credentials.
    pub const ENV: EnvCredentials = EnvCredentials(&[&["CDQ_API_KEY"]]);

    /// Returns credentials with the API key `key`.
    #[must_use]
    pub fn api_key(key: impl Into<SecretString>) -> Self {
        Self(key.into())
    }

    /// Returns the API key in `CDQ_API_KEY`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration), naming the variable, when it is not set.
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

/// Client of CDQ's bank account confirmation. Cheap to clone.
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

    /// Returns what may be done about a submit whose process ended before it had the response: [`Recovery::Never`].
    ///
    /// The [page of the job](https://developer.cdq.com/apis/bankaccount-data-api/api-v2/bank-account-verification/paths/~1bankaccounts~1jobs~1confirmation/post.md)
    /// does not document a key against a second start, and no public call lists jobs.
    #[must_use]
    pub fn recovery(&self, _key: Option<&str>) -> Recovery {
        Recovery::Never
    }

    /// Uploads the accounts of a prepared submission, if it has any, and starts the confirmation of its storage.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the response to the upload or to the start
    /// was lost; in the latter case the job may have started. Any other error means that it did not. Where the accounts
    /// were uploaded before it, the error is not transient and its hint says so: a second submit uploads them again, and
    /// [`start`](Self::start) alone does not.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist. A handler that is dropped with its connection
    /// spawns the submit: `tokio::spawn(async move { client.submit(&submission).await }).await`.
    pub async fn submit(&self, submission: &Submission) -> Result<Batch, Error> {
        let Some(upload) = submission.upload() else {
            return self.start(submission.storage_id(), submission.features()).await;
        };
        self.send_accounts(upload.clone()).await?;
        let started = self.start(submission.storage_id(), submission.features()).await;
        started.map_err(|error| match error.is_outcome_unknown() {
            true => error,
            false => error.with_part_sent().with_hint(
                "the accounts were uploaded, and no job was started: start it for their storage, without their file",
            ),
        })
    }

    /// Starts the confirmation of all accounts in the storage `storage_id`.
    ///
    /// CDQ does not document an idempotency key, so the request is repeated only when CDQ certainly did not receive it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the response was lost: the job may have
    /// started. The message has the storage and the time, for a question to CDQ: no public call lists jobs. Any other
    /// error means that it did not start.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the job may have started.
    pub async fn start(&self, storage_id: &str, features: &[types::ConfirmationFeature]) -> Result<Batch, Error> {
        let body = types::StartConfirmation { storage_id: Some(storage_id.to_owned()), features_on: features.to_vec() };
        let began = self.http.clock().wall();
        let prepare = || capture(self.raw.start_confirmation(&body));
        let started = self.http.submit(CallKind::Small, &JOB_SCHEMA, "/id", prepare).await;
        let hint = "ask CDQ whether a job for this storage was started at that time before starting another; no public \
                    call lists jobs";
        let storage = bulkrail_core::identifier_or_length(storage_id);
        let sent = |began| format!("the submit began at {began}, for the storage {storage}");
        started.map_err(|error| with_sent(error, began, sent, hint))
    }

    /// Uploads a CSV file of bank accounts of up to 100 MB.
    ///
    /// The columns are `International Account ID`, `International Bank ID`, `Country Code`, `National Bank ID` and
    /// `National Account ID`, in any order. CDQ documents neither a response to this call nor how to get the storage id
    /// that [`Client::start`] takes: ask CDQ. It does not document an idempotency key.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`](crate::ErrorKind::Usage): the file breaks a rule. The message names row and column;
    ///   nothing was sent.
    /// - [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): the response was lost.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the accounts may be in the storage.
    pub async fn upload_accounts(&self, csv: impl Into<Upload>) -> Result<(), Error> {
        let csv = csv.into();
        submission::check(&csv).await?;
        self.send_accounts(csv).await
    }

    async fn send_accounts(&self, csv: Upload) -> Result<(), Error> {
        let form = csv
            .into_form("file", FILE_NAME, "text/csv")
            .await
            .map_err(|error| error.with_provider(PROVIDER).with_action("reading the file"))?;
        let sent = async {
            let request = capture(self.raw.upload_bank_accounts(form.body()))?;
            let request = request.with_content_type(form.content_type());
            self.http.send(request, CallKind::Upload).await?.error_for_status().await.map(drop)
        };
        let began = self.http.clock().wall();
        let hint =
            "ask CDQ whether the accounts arrived before uploading them again; no page says how to find an upload";
        sent.await.map_err(|error: Error| {
            let error = error.into_submit_error().with_action("uploading the bank accounts");
            let sent = |began| format!("the upload began at {began}, as {FILE_NAME}, and no job was started");
            with_sent(error, began, sent, hint)
        })
    }

    /// Polls `batch` once, and returns CDQ's own response with the snapshot.
    ///
    /// # Errors
    ///
    /// Any failure, with the batch. Nothing is retried.
    pub async fn status(&self, batch: &Batch) -> Result<StatusResponse<types::Job>, Error> {
        let request = capture(self.raw.get_job(Some(batch.id())));
        self.http.status(batch, request, status::ID, status::parse_status).await
    }

    /// Returns every `submitted` row as unaccounted, because CDQ does not document a result for each account.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when `batch` is of another provider.
    pub async fn reconcile(&self, batch: &Batch, submitted: Option<&SubmittedRows>) -> Result<Reconciliation, Error> {
        self.http.check_batch(batch).map_err(|error| error.with_batch(batch.clone()))?;
        let mut found = Reconciler::for_submitted(submitted).finish(&Default::default());
        for (index, row) in (2..).zip(&mut found.rows) {
            // Row 1 of the file is its header.
            row.index = Some(index);
        }
        Ok(found)
    }
}

/// Adds to an error that leaves the outcome unknown what is needed to find out about it, and the hint to do so.
fn with_sent(error: Error, began: Timestamp, sent: impl FnOnce(Timestamp) -> String, hint: &'static str) -> Error {
    if !error.is_outcome_unknown() {
        return error;
    }
    let began = Timestamp::from_second(began.as_second()).unwrap_or(began);
    error.map_reason(|reason| format!("{reason}; {}", sent(began))).with_hint(hint)
}

impl Provider for Client {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let request = capture(self.raw.get_job(Some(batch.id())));
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
        let http = http.with_auth(Auth::header("x-api-key", &credentials.0)?);
        Ok(Self { raw: raw::Client::with_http(&http), http })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cdq::Client { .. }")
    }
}
