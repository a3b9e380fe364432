//! Client of Persona's account importers: upload a CSV of accounts, wait until the importer is ready.
//!
//! Persona lists no rows and states no total: [`reconcile`] compares its counts with the rows that were submitted.

use std::sync::LazyLock;

use bulkrail_core::csv::CsvFormat;
use bulkrail_core::http::{
    ApiErrorBody, Auth, CallKind, ErrorMapping, HttpClient, ProviderClient, TokenCache, Upload, capture, text_at,
};
use bulkrail_core::json::{ResponseSchema, StatusFields, StatusMap};
use bulkrail_core::secrecy::SecretString;
use bulkrail_core::{
    Batch, Error, Outcome, PollingDefaults, Progress, Provider, ProviderId, Reconciler, Reconciliation, Snapshot,
    State, SubmittedRows,
};

pub mod raw {
    include!(concat!(env!("OUT_DIR"), "/persona.rs"));
}

pub const PROVIDER: ProviderId = ProviderId::from_static("persona");
pub const VERSION: &str = "2025-12-08";
/// Columns of the file; Persona does not say which are required.
pub const CSV: CsvFormat = CsvFormat::new(&["reference_id"])
    .with_optional(&["name_first", "name_middle", "name_last", "birthdate", "social_security_number", "tags"])
    .with_reference("reference_id");
/// Status words, to which Persona may add others: those do not end a wait.
pub const STATES: StatusMap =
    StatusMap::new(&[("pending", State::Running), ("ready", State::Finished), ("errored", State::Failed)]);

static ERRORS: ErrorMapping = ErrorMapping {
    provider: PROVIDER,
    read: |body| ApiErrorBody {
        message: text_at(body, "/errors/0/details").or_else(|| text_at(body, "/errors/0/title")),
        parameter: text_at(body, "/errors/0/source/pointer"),
        ..ApiErrorBody::default()
    },
    codes: &[],
};
static SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "ImporterResponse"));

/// Client of Persona's importers. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    raw: raw::Client,
    http: HttpClient,
}

impl Client {
    /// Checks a CSV file and submits it with an idempotency key. The rows are for [`reconcile`].
    pub async fn submit(&self, csv: impl Into<Upload>, key: &str) -> Result<(Batch, SubmittedRows), Error> {
        let csv = csv.into();
        let rows = csv.inspect(|file, size| CSV.check(file, size)).await?;
        let body = csv.into_form("data[attributes][file]", "accounts.csv", "text/csv").await?;
        let request = || capture(self.raw.import_accounts(Some(key), Some(VERSION), body.body()));
        let prepare = || Ok(request()?.with_content_type(body.content_type()));
        let batch = self.http.submit_with_key(CallKind::Upload, &SCHEMA, "/data/id", key, prepare).await?;
        Ok((batch.with_key(key), rows))
    }
}

/// Returns every submitted row as unaccounted: the counts decide how the batch ended.
pub fn reconcile(submitted: &SubmittedRows) -> Reconciliation {
    Reconciler::new(submitted).finish(&Progress::default())
}

fn parse_status(mut fields: StatusFields<'_>) -> Snapshot {
    fields.compare(&SCHEMA);
    let (state, word) = STATES.parse_status(&mut fields, "/data/attributes/status");
    let succeeded = fields.count("/data/attributes/successful-count");
    let progress =
        Progress::default().with_succeeded(succeeded).with_failed(fields.count("/data/attributes/error-count"));
    let duplicates = fields.count("/data/attributes/duplicate-count").filter(|count| *count > 0);
    let message = duplicates.map(|count| format!("{count} rows are duplicates, which made no account"));
    let snapshot = Snapshot::new(state, word, progress).with_message(message).with_drift(fields.into_drift());
    let is_partial = state == State::Failed && succeeded > Some(0);
    if is_partial { snapshot.with_outcome(Outcome::Partial) } else { snapshot }
}

impl Provider for Client {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let request = capture(self.raw.get_importer(batch.id(), Some(VERSION)));
        self.http.poll(batch, request, "/data/id", parse_status).await
    }

    fn polling_defaults(&self) -> PollingDefaults {
        // 300 requests a minute are allowed in Persona's examples; half of it is left for other programs.
        PollingDefaults::new().with_requests_per_second(2.5)
    }

    fn clock(&self) -> bulkrail_core::time::Clock {
        self.http.clock().clone()
    }

    fn poll_limit(&self) -> Option<bulkrail_core::PollLimit> {
        Some(self.http.poll_limit().clone())
    }
}

impl ProviderClient for Client {
    type Credentials = SecretString;

    fn error_mapping() -> &'static ErrorMapping {
        &ERRORS
    }

    fn servers() -> &'static [(&'static str, &'static str)] {
        raw::SERVERS
    }

    fn from_http(http: HttpClient, key: SecretString) -> Result<Self, Error> {
        let http = http.with_auth(Auth::bearer(TokenCache::fixed(&key)?));
        Ok(Self { raw: raw::Client::with_http(&http), http })
    }
}
