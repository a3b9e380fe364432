//! Bulk jobs: upload of a workbook and status.

use std::sync::Arc;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::accounts;
use super::kinds::ACCOUNT_TYPES;
use super::workbook::{self, Row};
use super::{ApiError, AppState};
use crate::context::{Context, SeedKind};
use crate::http::{self, PathId};
use crate::seed::Seed;
use crate::timeline::{Phase, ProcessingTime, Timeline, Timing, failure_reason};

const TIMING: Timing = Timing { queue: 4_000..12_000, processing: ProcessingTime::Total(16_000..78_000) };

/// Errors of failing rows that are valid.
const FAILURE_REASONS: &[&str] = &[
    "Account already exists for this user",
    "Invalid bank code",
    "Invalid document",
    "User e-mail already exists",
    "User is under age",
];

const NO_ROWS: &str = "The file has no data rows";
const PARTIAL_FAILURE: &str = "Partial failure during processing";

pub(super) struct Job {
    id: String,
    seed: Seed,
    rows: Vec<JobRow>,
    timeline: Timeline,
}

struct JobRow {
    row: Row,
    /// Error that the row gets when it is processed; `None` if it succeeds.
    error: Option<&'static str>,
}

pub(super) async fn upload(
    State(state): State<Arc<AppState>>,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, ApiError> {
    let file = http::read_file_part(multipart).await.map_err(ApiError::bad_request)?;
    let rows = tokio::task::spawn_blocking(move || workbook::read(&file))
        .await
        .map_err(|_| ApiError::from_status(StatusCode::INTERNAL_SERVER_ERROR))?
        .map_err(ApiError::bad_request)?;
    let job = Job::new(&state.context, rows);
    let body = json!({
        "jobId": job.id,
        "status": "PENDING",
        "message": "Bulk beneficiary job created successfully",
    });
    let id = job.id.clone();
    let weight = job.rows.len();
    state.jobs.insert(&id, Arc::new(job), weight);
    state.context.counters.batches_created.increment();
    Ok(http::json_response(StatusCode::CREATED, &body))
}

pub(super) async fn status(State(state): State<Arc<AppState>>, id: PathId) -> Result<Response, ApiError> {
    let job = state.jobs.get(id.as_str());
    let job =
        job.ok_or_else(|| ApiError::not_found("Bulk upload job not found").with_argument("jobId", id.as_str()))?;
    Ok(http::json_response(StatusCode::OK, &job.status(&state.context)))
}

/// Returns the template of a workbook. Its columns are the known ones: the headings are published nowhere.
pub(super) async fn template() -> Result<Response, ApiError> {
    accounts::workbook_response([workbook::COLUMNS.iter().map(ToString::to_string).collect()])
}

impl Job {
    fn new(context: &Context, rows: Vec<Row>) -> Self {
        let seed = context.next_seed(SeedKind::Batch);
        let rows: Vec<JobRow> = (rows.into_iter())
            .map(|row| {
                let failure = || failure_reason(context.seed, &row_reference(&row), FAILURE_REASONS);
                JobRow { error: validation_error(&row).or_else(failure), row }
            })
            .collect();
        let failures = rows.iter().map(|row| row.error.is_some());
        Self {
            id: seed.uuid(),
            seed,
            timeline: Timeline::new(seed, context.clock.batch_millis(), &TIMING, failures),
            rows,
        }
    }

    fn status(&self, context: &Context) -> Status<'_> {
        let snapshot = self.timeline.snapshot(context.clock.batch_millis());
        let done = snapshot.phase == Phase::Done;
        Status {
            job_id: &self.id,
            status: match snapshot.phase {
                Phase::Queued => "PENDING",
                Phase::Running => "PROCESSING",
                Phase::Done if self.rows.is_empty() => "FAILED",
                Phase::Done => "COMPLETED",
            },
            total_rows: self.timeline.rows,
            processed_rows: snapshot.processed,
            success_count: snapshot.succeeded(),
            error_count: snapshot.failed,
            results: Results { job: self, processed: snapshot.processed as usize },
            created_at: context.clock.format_millis(self.timeline.created),
            updated_at: context.clock.format_millis(snapshot.updated),
            results_file_url: (done && !self.rows.is_empty()).then(|| {
                let short = self.id.get(..8).unwrap_or_default();
                format!("https://storage.example.com/results/job-{short}.xlsx")
            }),
            error: match (done, self.rows.is_empty(), snapshot.failed) {
                (true, true, _) => Some(NO_ROWS),
                (true, false, 1..) => Some(PARTIAL_FAILURE),
                _ => None,
            },
        }
    }

    fn account_id(&self, index: usize) -> String {
        self.seed.derive("account").derive_index(index as u64).uuid()
    }

    /// Returns the account with this id, if a row of this job has created it.
    pub(super) fn account(&self, state: &AppState, id: &str) -> Option<Value> {
        let (index, _) = self.created(state).find(|(index, _)| self.account_id(*index) == id)?;
        Some(self.account_at(state, index))
    }

    /// Returns the accounts that the rows of this job have created so far.
    pub(super) fn accounts<'a>(&'a self, state: &'a AppState) -> impl Iterator<Item = Value> + 'a {
        self.created(state).map(|(index, _)| self.account_at(state, index))
    }

    /// Returns the accounts of a user that the rows of this job have created so far.
    pub(super) fn accounts_of<'a>(&'a self, state: &'a AppState, user: &'a str) -> impl Iterator<Item = Value> + 'a {
        // Accounts of other users are not made: a job may have 100,000.
        let created = self.created(state).filter(move |(index, _)| self.user_id(*index) == user);
        created.map(|(index, _)| self.account_at(state, index))
    }

    /// Returns the id of the user who owns the account of a row.
    fn user_id(&self, index: usize) -> String {
        match self.rows[index].row.cell("email") {
            Some(email) => user_id(email),
            None => self.seed.derive("ids").derive_index(index as u64).derive("user").uuid(),
        }
    }

    /// Returns the rows that have created an account, each with its index.
    fn created(&self, state: &AppState) -> impl Iterator<Item = (usize, &JobRow)> {
        let processed = self.timeline.snapshot(state.context.clock.batch_millis()).processed as usize;
        self.rows[..processed].iter().enumerate().filter(|(_, job_row)| job_row.error.is_none())
    }

    fn account_at(&self, state: &AppState, index: usize) -> Value {
        let clock = &state.context.clock;
        let row = &self.rows[index].row;
        let external_id = match row.cell("externalId") {
            Some(id) => id.to_owned(),
            None => self.seed.derive("ids").derive_index(index as u64).uuid(),
        };
        accounts::account_json(
            &self.account_id(index),
            self.user_id(index),
            row.cell("accountType").unwrap_or_default(),
            account_data(row),
            &external_id,
            clock.format_millis(self.timeline.row_processed_at(index as u64)),
        )
    }
}

/// Returns the id of the user with this e-mail, the same in every sandbox.
pub(crate) fn user_id(email: &str) -> String {
    Seed::new(0).derive("killb user").derive(email).uuid()
}

/// Converts a flat row to the `data` of an account.
///
/// In `data` the document is a nested object, and `type` is the type of bank account.
fn account_data(row: &Row) -> Value {
    let mut data = Map::new();
    let mut document = Map::new();
    for (column, text) in &row.cells {
        let (object, key) = match *column {
            "accountType" | "externalId" | "entityType" => continue,
            "documentNumber" => (&mut document, "number"),
            "documentIssuedCountryCode" => (&mut document, "issuedCountryCode"),
            "personDocumentType" | "companyDocumentType" => (&mut document, "type"),
            "bankAccountType" => (&mut data, "type"),
            other => (&mut data, other),
        };
        object.insert(key.to_owned(), Value::from(&**text));
    }
    if !document.is_empty() {
        data.insert("document".to_owned(), document.into());
    }
    data.into()
}

/// Checks a row against the documented rules.
fn validation_error(row: &Row) -> Option<&'static str> {
    match row.cell("accountType") {
        None => Some("accountType is required"),
        Some(account_type) if !ACCOUNT_TYPES.contains(&account_type) => Some("accountType is not supported"),
        Some("PSE" | "SPEI") if row.cell("firstName").is_none() && row.cell("companyName").is_none() => {
            Some("firstName is required if companyName is not present")
        }
        Some(_) => None,
    }
}

/// Returns the `externalId` of a row, or its sheet and row number if it has none.
fn row_reference(row: &Row) -> String {
    match row.cell("externalId") {
        Some(id) => id.to_owned(),
        None => format!("{}!{}", row.sheet, row.number),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    job_id: &'a str,
    status: &'static str,
    total_rows: u64,
    processed_rows: u64,
    success_count: u64,
    error_count: u64,
    results: Results<'a>,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    results_file_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

/// Results of the rows processed so far.
///
/// Rows are serialized one by one, so that a poll does not build a large response in memory.
struct Results<'a> {
    job: &'a Job,
    processed: usize,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.job.rows[..self.processed].iter().enumerate();
        serializer.collect_seq(rows.map(|(index, JobRow { row, error })| {
            let account_id = error.is_none().then(|| self.job.account_id(index));
            ResultRow {
                row_number: row.number,
                status: if error.is_none() { "SUCCESS" } else { "ERROR" },
                compliance_url: account_id.as_deref().map(accounts::compliance_url),
                account_id,
                error: *error,
                sheet_name: &row.sheet,
                original_row_data: OriginalRowData(row),
            }
        }))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultRow<'a> {
    row_number: u32,
    /// `SUCCESS` or `ERROR`; the documentation does not show the status of a failed row.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compliance_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    sheet_name: &'a str,
    original_row_data: OriginalRowData<'a>,
}

struct OriginalRowData<'a>(&'a Row);

impl Serialize for OriginalRowData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.cells.len() + 1))?;
        map.serialize_entry("rowNumber", &self.0.number)?;
        for (column, text) in &self.0.cells {
            map.serialize_entry(column, text)?;
        }
        map.end()
    }
}
