use std::fmt;
use std::sync::LazyLock;

use bulkrail_core::http::{
    CallKind, ClientBuilder, ErrorMapping, HttpClient, PreparedRequest, ProviderClient, StatusResponse, Upload,
    capture, retry_reads,
};
use bulkrail_core::json::{ResponseSchema, trace_drift};
use bulkrail_core::time::Clock;
use bulkrail_core::{
    Batch, Drift, Error, ErrorKind, PollLimit, PollingDefaults, Provider, ProviderId, Reconciler, Reconciliation,
    Recovery, Snapshot, State, SubmittedRows, Wait, check_id,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::existing::{AccountListReader, Comparison, UserAccounts};
use super::raw::types;
use super::{
    CreateAccount, Credentials, ExistingAccounts, POLLING_DEFAULTS, PROVIDER, Rows, Submission, errors, poll_timeout,
    raw, rows, status,
};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Name under which every workbook is sent.
const FILE_NAME: &str = "batch.xlsx";

static UPLOAD_SCHEMA: LazyLock<ResponseSchema> =
    LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "BulkUploadAnswer"));
static ACCOUNT_SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Account"));
static BANK_SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Bank"));

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
    /// The [page of the upload](https://docs.killb.com/api-reference/account/upload-bulk-beneficiaries) documents neither an
    /// idempotency key nor what a second upload of a file does, and no page has a list of jobs. To find out whether the
    /// rows arrived, see [`compare_with_existing`](Client::compare_with_existing).
    #[must_use]
    pub fn recovery(&self, _key: Option<&str>) -> Recovery {
        Recovery::Never
    }

    /// Submits a prepared workbook.
    ///
    /// KillB does not document an idempotency key, so the request is repeated only when KillB certainly did not receive
    /// it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the response was lost: the batch may exist.
    /// The message has the time, the number of rows and the name of the file as it was sent;
    /// [`compare_with_existing`](Client::compare_with_existing) is one way to find out. A
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) says that KillB has it already. Any other error means that the
    /// batch does not exist.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist. A handler that is dropped with its connection
    /// spawns the submit: `tokio::spawn(async move { client.submit(&submission).await }).await`.
    pub async fn submit(&self, submission: &Submission) -> Result<Batch, Error> {
        let form = submission
            .upload()
            .clone()
            .into_form("file", FILE_NAME, XLSX)
            .await
            .map_err(|error| error.with_provider(PROVIDER).with_action("reading the file"))?;
        let prepare = || Ok(capture(self.raw.upload_bulk(form.body()))?.with_content_type(form.content_type()));
        let began = self.http.clock().wall();
        let submitted = self.http.submit(CallKind::Upload, &UPLOAD_SCHEMA, "/jobId", prepare).await;
        submitted.map_err(|error| with_sent(error, submission.rows().rows, began))
    }

    /// Checks that a file is a workbook (`.xlsx`) and submits it. Each of its rows creates an account.
    ///
    /// The rows are not read; `Submission::from_workbook` (feature `xlsx`) reads them.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`](crate::ErrorKind::Usage): the file is not a workbook; nothing was sent.
    /// - [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): the response was lost; the batch may exist.
    /// - [`ErrorKind::Conflict`](crate::ErrorKind::Conflict): KillB says that it has it already.
    /// - Any other error means that the batch does not exist.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist.
    pub async fn upload(&self, workbook: impl Into<Upload>) -> Result<Batch, Error> {
        self.submit(&Submission::from_upload(workbook).await?).await
    }

    /// Creates one account. KillB recommends an `external_id` to avoid duplicates.
    ///
    /// The request is not repeated when its response is lost.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the response was lost: the account may
    /// exist. Any other error means that it does not.
    ///
    /// ```no_run
    /// use bulkrail::killb::{
    ///     BankAccountType, Client, CreateAccount, Document, DocumentTypeKnown, Holder, PseData,
    /// };
    ///
    /// # async fn create(client: Client) -> Result<(), bulkrail::Error> {
    /// let document = Document::new(DocumentTypeKnown::Nit, "123456", "CO");
    /// let holder = Holder::company("Acme Corp", "acme@example.com", "+576015555555", document);
    /// let data = PseData::new(holder, "10203049", "001", BankAccountType::Checking, "CO");
    /// let account = client.create_account(&CreateAccount::new(data).with_external_id("acme-1")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_account(&self, account: &CreateAccount) -> Result<types::Account, Error> {
        let generated = account.to_generated();
        let prepare = || match &generated {
            Some(generated) => capture(self.raw.create_account(generated)),
            // Method, path and headers are those of any kind; only the body differs.
            None => capture(self.raw.create_account(&types::CreateAccount::Custodial {
                data: serde_json::Map::new().into(),
                external_id: None,
                user_id: None,
            }))?
            .with_json(account),
        };
        self.http.create(&ACCOUNT_SCHEMA, "creating the account", prepare).await
    }

    /// Deletes an account. KillB does not document a way back.
    ///
    /// The request is not repeated when its response is lost.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`](crate::ErrorKind::Usage): the id cannot be part of a URL; nothing was sent.
    /// - [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): the response was lost; the account may be
    ///   deleted. Read it before another attempt.
    /// - Any other error means that it was not deleted.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the account may be deleted.
    pub async fn delete_account(&self, id: &str) -> Result<(), Error> {
        let delete = async {
            check_path_id(id, "the account id")?;
            let response = self.http.send(capture(self.raw.delete_account(id))?, CallKind::Small).await?;
            // The body is documented as empty; whatever it has does not change that the account is deleted.
            response.error_for_status().await.map(drop)
        };
        delete.await.map_err(|error: Error| {
            let error = error.into_submit_error().with_provider(PROVIDER).with_action("deleting the account");
            match error.is_outcome_unknown() {
                true => error.with_hint("read the account to see whether it still exists before deleting it again"),
                false => error,
            }
        })
    }

    /// Reads the accounts of a user.
    ///
    /// Transient errors are retried; see [`READ_RETRIES`](bulkrail_core::http::READ_RETRIES).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the id cannot be part of a URL; any permanent error.
    pub async fn accounts_of_user(&self, user_id: &str) -> Result<Vec<types::Account>, Error> {
        let in_context = |error: Error| error.with_provider(PROVIDER).with_action("reading the accounts of the user");
        check_path_id(user_id, "the user id").map_err(in_context)?;
        let request = || capture(self.raw.list_accounts_of_user(user_id));
        self.list(&ACCOUNT_SCHEMA, request).await.map_err(in_context)
    }

    /// Compares submitted rows with the accounts that these users have: the way to find out what became of a
    /// [submit](Client::submit) whose outcome is unknown. It is not called by any other method, and changes nothing.
    ///
    /// Reads the accounts of each user once, one user after the other, and compares them by `externalId` with the rows. The
    /// rows are those of a workbook (`Workbook::submitted_rows`, or `Submission::rows_of_file` without making one) or
    /// [your own references](SubmittedRows::new). After a double submission a row has two
    /// [`accounts`](super::ComparedRow::accounts).
    ///
    /// Memory grows with the rows, not with the accounts of a user, whose list is read as it arrives. A list may be as
    /// long as [`max_streamed_bytes`](crate::Limits::max_streamed_bytes) allows. Transient errors are retried; see
    /// [`READ_RETRIES`](bulkrail_core::http::READ_RETRIES).
    ///
    /// # What it cannot say
    ///
    /// The list is in the [types of KillB's own client] alone; no page has it. Not documented anywhere:
    ///
    /// - Which user owns the account of a row: a workbook has no column for a user, so that the ids come from you. An
    ///   account of a user who is not among them is not found. KillB's list of all accounts ([page of the list], not in
    ///   this client) has a filter by e-mail and shows the user of each account, but not its `externalId`.
    /// - When the account of a row is listed. A row that is missing soon after the submit may not be processed yet, and
    ///   no page says how long a job takes: compare again before you rely on it.
    /// - Whether a missing row was received: KillB makes no account of a row that it refuses.
    /// - Whether an account is of this submit. It may be of an earlier one, under the same `externalId`: compare its
    ///   [`created_at`](super::ExistingAccount::created_at) with the time of the submit.
    /// - Whether the list is cut off at some length, and whether it has deleted accounts.
    /// - Whether a user without accounts has an empty list or is not found. An empty one may also mean that the id is
    ///   wrong: see [`ComparedUser::accounts`](super::ComparedUser::accounts).
    ///
    /// So an account that exists is a fact, and one that is missing is not proof that the batch does not exist.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`](crate::ErrorKind::Usage): there is no user, an id cannot be part of a URL, no row has a
    ///   reference, or two rows have the same one. Nothing was sent.
    /// - [`ErrorKind::Decode`](crate::ErrorKind::Decode): a list, or an account in it, cannot be read.
    /// - Any other permanent error. The message names the user.
    ///
    /// ```no_run
    /// use bulkrail::SubmittedRows;
    /// use bulkrail::killb::Client;
    ///
    /// # async fn example(client: Client) -> Result<(), bulkrail::Error> {
    /// let submitted = SubmittedRows::new(["person-1", "person-2"]);
    /// let compared = client.compare_with_existing(&submitted, ["7f0a8ad6-29a1-4a66-a6c4-8bb398eb78d1"]).await?;
    /// println!("{} exist, {} are missing, {} exist twice", compared.existing, compared.missing, compared.duplicates);
    /// for row in compared.missing_rows() {
    ///     println!("missing so far: {}", row.reference);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [types of KillB's own client]: https://github.com/Kill-B/sdk/blob/5d0c54811e0008d0e7834cb4f968bc273039473b/src/types/schema.ts
    /// [page of the list]: https://docs.killb.com/api-reference/account/get-accounts
    pub async fn compare_with_existing(
        &self,
        submitted: &SubmittedRows,
        user_ids: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<ExistingAccounts, Error> {
        let in_context =
            |error: Error| error.with_provider(PROVIDER).with_action("comparing the rows with the accounts");
        let mut users: Vec<String> = Vec::new();
        for user in user_ids.into_iter().map(Into::into) {
            check_path_id(&user, "the user id").map_err(in_context)?;
            if !users.contains(&user) {
                users.push(user);
            }
        }
        if users.is_empty() {
            return Err(in_context(Error::new(ErrorKind::Usage, "the id of a user is missing")));
        }
        let mut comparison = Comparison::new(submitted).map_err(in_context)?;
        for user in users {
            let attempt = async || self.matching_accounts(&user, &comparison).await;
            let found = retry_reads(self.http.clock(), attempt).await.map_err(|error| {
                let user = bulkrail_core::identifier_or_length(&user);
                in_context(
                    error.map_reason(|reason| format!("the accounts of the user {user} were not read: {reason}")),
                )
            })?;
            comparison.add(user, found);
        }
        Ok(comparison.finish())
    }

    /// Reads the accounts of a user that have a submitted reference.
    async fn matching_accounts(&self, user_id: &str, comparison: &Comparison<'_>) -> Result<UserAccounts, Error> {
        let request = capture(self.raw.list_accounts_of_user(user_id))?;
        let mut body = self.http.send(request, CallKind::Download).await?.error_for_status().await?;
        let mut list = AccountListReader::new(comparison, user_id, &ACCOUNT_SCHEMA);
        while let Some(chunk) = body.chunk().await? {
            list.push(&chunk);
            if list.buffered_bytes() as u64 > body.max_buffered_bytes() {
                return Err(body.too_large());
            }
        }
        body.redact_drift(&mut list.drift);
        list.drift.iter().for_each(trace_drift);
        list.finish().map_err(|error| body.with_response_context(error))
    }

    /// Reads the banks of a country, given by its two-letter code. Their codes are the `bankCode` of accounts and rows.
    ///
    /// Transient errors are retried; see [`READ_RETRIES`](bulkrail_core::http::READ_RETRIES).
    ///
    /// # Errors
    ///
    /// Any permanent error.
    pub async fn banks(&self, country_code: &str) -> Result<Vec<types::Bank>, Error> {
        let request = || capture(self.raw.list_banks(Some(country_code)));
        let banks = self.list(&BANK_SCHEMA, request).await;
        banks.map_err(|error| error.with_provider(PROVIDER).with_action("reading the banks"))
    }

    /// Downloads KillB's template of a workbook for [`upload`](Client::upload), an `.xlsx` file.
    ///
    /// Its sheets and column headings are published nowhere else. Transient errors are retried; see
    /// [`READ_RETRIES`](bulkrail_core::http::READ_RETRIES).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) when the response is not a workbook; any permanent error.
    pub async fn template(&self) -> Result<Vec<u8>, Error> {
        let workbook = self.workbook(|| capture(self.raw.download_template())).await;
        workbook.map_err(|error| error.with_provider(PROVIDER).with_action("downloading the template"))
    }

    /// Downloads the `ACTIVE` accounts of these kinds, such as `PSE`, as an `.xlsx` file. It holds personal data.
    ///
    /// KillB lists at most 10,000 accounts, and no CUSTODIAL ones. What it lists without kinds is not documented. The
    /// file is held in memory up to [`max_buffered_bytes`](crate::Limits::max_buffered_bytes). Transient errors are
    /// retried; see [`READ_RETRIES`](bulkrail_core::http::READ_RETRIES).
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`](crate::ErrorKind::Usage): a kind is empty or has a comma, which separates kinds.
    /// - [`ErrorKind::Decode`](crate::ErrorKind::Decode): the response is not a workbook.
    /// - Any permanent error.
    pub async fn export_accounts(&self, kinds: &[&str]) -> Result<Vec<u8>, Error> {
        let in_context = |error: Error| error.with_provider(PROVIDER).with_action("exporting the accounts");
        if kinds.iter().any(|kind| kind.is_empty() || kind.contains(',')) {
            return Err(in_context(Error::new(ErrorKind::Usage, "a kind of account is empty or has a comma")));
        }
        let kinds = kinds.join(",");
        let kinds = Some(&*kinds).filter(|kinds| !kinds.is_empty());
        self.workbook(|| capture(self.raw.export_accounts(kinds))).await.map_err(in_context)
    }

    /// Reads a list. A single object in place of a list is a list of one, as KillB's client has it for banks.
    async fn list<T: DeserializeOwned>(
        &self,
        schema: &ResponseSchema,
        request: impl Fn() -> Result<PreparedRequest, Error>,
    ) -> Result<Vec<T>, Error> {
        let attempt = async || {
            let response = self.http.send(request()?, CallKind::Small).await?;
            let body = response.error_for_status().await?.bytes().await?;
            let (items, is_list) = match body.decode()? {
                Value::Array(items) => (items, true),
                item => (vec![item], false),
            };
            let mut drift = Vec::new();
            items.iter().for_each(|item| Drift::merge(&mut drift, &schema.differences(item)));
            self.http.redact_drift(&mut drift);
            drift.iter().for_each(trace_drift);
            match items.iter().map(|item| T::deserialize(item)).collect() {
                Ok(items) => Ok(items),
                // The error names the place in the body.
                Err(_) if is_list => body.decode(),
                Err(_) => Ok(vec![body.decode()?]),
            }
        };
        retry_reads(self.http.clock(), attempt).await
    }

    /// Downloads a workbook into memory.
    async fn workbook(&self, request: impl Fn() -> Result<PreparedRequest, Error>) -> Result<Vec<u8>, Error> {
        let attempt = async || {
            let response = self.http.send(request()?, CallKind::Download).await?;
            let mut body = response.error_for_status().await?;
            let mut bytes = Vec::new();
            while let Some(chunk) = body.chunk().await? {
                if (bytes.len() + chunk.len()) as u64 > body.max_buffered_bytes() {
                    return Err(body.too_large());
                }
                bytes.extend_from_slice(&chunk);
            }
            // An `.xlsx` is a zip archive.
            if !bytes.starts_with(b"PK\x03\x04") {
                let reason = "the response is not an .xlsx workbook";
                return Err(body.with_response_context(Error::new(ErrorKind::Decode, reason)));
            }
            Ok(bytes)
        };
        retry_reads(self.http.clock(), attempt).await
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
        self.rows_by(CallKind::Download, batch).await
    }

    async fn rows_by(&self, kind: CallKind, batch: &Batch) -> Result<Rows, Error> {
        Rows::open(&self.http, kind, batch, capture(self.raw.get_bulk_status(batch.id()))).await
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

/// Adds to an error that leaves the outcome of a submit unknown what is needed to find out about it.
fn with_sent(error: Error, rows: u64, began: Timestamp) -> Error {
    if !error.is_outcome_unknown() {
        return error;
    }
    let rows = match rows {
        0 => String::new(),
        1 => ", with 1 row".to_owned(),
        rows => format!(", with {rows} rows"),
    };
    let began = Timestamp::from_second(began.as_second()).unwrap_or(began);
    let hint = "compare its rows with the accounts that exist (`bulkrail compare killb`, or `compare_with_existing`), \
                or ask KillB for a bulk job of that time, before submitting it again; no page has a list of jobs";
    error.map_reason(|reason| format!("{reason}; the submit began at {began}, as {FILE_NAME}{rows}")).with_hint(hint)
}

/// Checks an id that becomes a segment of a path, in which `..` would lead to another call.
fn check_path_id(id: &str, name: &str) -> Result<(), Error> {
    check_id(id).map_err(|error| Error::new(ErrorKind::Usage, format!("{name} {}", error.reason())))
}

impl Provider for Client {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    /// Polls `batch` once. When it has finished, a second request reads the rows, because they overrule the counts.
    ///
    /// Both responses have all rows: each must begin within the [request timeout](crate::Limits::request_timeout), and may
    /// take the [download timeout](crate::Limits::download_timeout).
    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let request = capture(self.raw.get_bulk_status(batch.id()));
        let snapshot = self.http.poll_with_rows(batch, request, status::ID, status::parse_status).await?;
        if snapshot.state != State::Finished {
            return Ok(snapshot);
        }
        // Rows are counted and not held: a batch may have millions.
        let mut rows = self.rows_by(CallKind::PollWithRows, batch).await?;
        let mut counter = rows::RowCounter::default();
        while let Some(result) = rows.next().await {
            counter.push(&result?);
        }
        let last = rows.snapshot()?;
        // The second response is the newer one, and the only one whose counts belong to the rows.
        Ok(if last.state == State::Finished { last.with_row_counts(&counter.counts()) } else { last })
    }

    fn polling_defaults(&self) -> PollingDefaults {
        POLLING_DEFAULTS.with_poll_timeout(poll_timeout(self.http.limits()))
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
