//! Jobs: the upload of a workbook, and its status.

use std::sync::Arc;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::accounts::{self, TYPES};
use super::workbook::{self, Row};
use super::{App, Failure};
use crate::context::{Context, Kind};
use crate::engine::{Pace, Phase, Plan, Run, fate};
use crate::http;
use crate::seed::Seed;

const PACE: Pace = Pace { queue: 4_000..12_000, run: Run::Span(16_000..78_000) };

/// Why a row fails that has nothing wrong with it.
const REASONS: &[&str] = &[
    "Account already exists for this user",
    "Invalid bank code",
    "Invalid document",
    "User e-mail already exists",
    "User is under age",
];

const NO_ROWS: &str = "The file has no data rows";
const PARTIAL: &str = "Partial failure during processing";

pub(super) struct Job {
    id: String,
    seed: Seed,
    rows: Vec<JobRow>,
    plan: Plan,
}

struct JobRow {
    row: Row,
    /// Why it will fail, if it will.
    error: Option<&'static str>,
}

pub(super) async fn upload(
    State(app): State<Arc<App>>,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, Failure> {
    let file = http::file(multipart).await.map_err(Failure::invalid)?;
    let rows = tokio::task::spawn_blocking(move || workbook::read(&file))
        .await
        .map_err(|_| Failure::plain(StatusCode::INTERNAL_SERVER_ERROR))?
        .map_err(Failure::invalid)?;
    let job = Job::new(&app.context, rows);
    let body = json!({
        "jobId": job.id,
        "status": "PENDING",
        "message": "Bulk beneficiary job created successfully",
    });
    let id = job.id.clone();
    let weight = job.rows.len();
    app.jobs.insert(&id, Arc::new(job), weight);
    app.context.counters.batches_created.add();
    Ok(http::json(StatusCode::CREATED, &body))
}

pub(super) async fn status(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Failure> {
    let job = app.jobs.get(&id);
    let job = job.ok_or_else(|| Failure::not_found("Bulk upload job not found").about("jobId", &id))?;
    Ok(http::json(StatusCode::OK, &job.status(&app.context)))
}

impl Job {
    fn new(context: &Context, rows: Vec<Row>) -> Self {
        let seed = context.next(Kind::Batch);
        let rows: Vec<JobRow> = (rows.into_iter())
            .map(|row| JobRow { error: problem(&row).or_else(|| fate(context.seed, &reference(&row), REASONS)), row })
            .collect();
        let failures = rows.iter().map(|row| row.error.is_some());
        Self { id: seed.uuid(), seed, plan: Plan::new(seed, context.clock.now(), &PACE, failures), rows }
    }

    fn status(&self, context: &Context) -> Status<'_> {
        let seen = self.plan.at(context.clock.now());
        let done = seen.phase == Phase::Done;
        Status {
            job_id: &self.id,
            status: match seen.phase {
                Phase::Queued => "PENDING",
                Phase::Running => "PROCESSING",
                Phase::Done if self.rows.is_empty() => "FAILED",
                Phase::Done => "COMPLETED",
            },
            total_rows: self.plan.rows,
            processed_rows: seen.processed,
            success_count: seen.succeeded(),
            error_count: seen.failed,
            results: Results { job: self, processed: seen.processed as usize },
            created_at: context.clock.stamp(self.plan.created),
            updated_at: context.clock.stamp(seen.updated),
            results_file_url: (done && !self.rows.is_empty()).then(|| {
                let short = self.id.get(..8).unwrap_or_default();
                format!("https://storage.example.com/results/job-{short}.xlsx")
            }),
            error: match (done, self.rows.is_empty(), seen.failed) {
                (true, true, _) => Some(NO_ROWS),
                (true, false, 1..) => Some(PARTIAL),
                _ => None,
            },
        }
    }

    fn account_id(&self, index: usize) -> String {
        self.seed.text("account").number(index as u64).uuid()
    }

    /// The account with this id, if a row of this job made it by now.
    pub(super) fn account(&self, app: &App, id: &str) -> Option<Value> {
        let clock = &app.context.clock;
        let processed = self.plan.at(clock.now()).processed as usize;
        let (index, done) = self.rows[..processed]
            .iter()
            .enumerate()
            .filter(|(_, done)| done.error.is_none())
            .find(|(index, _)| self.account_id(*index) == id)?;
        let row = &done.row;
        let seed = self.seed.text("ids").number(index as u64);
        let external_id = match row.cell("externalId") {
            Some(given) => given.to_owned(),
            None => seed.uuid(),
        };
        Some(accounts::account(
            id,
            seed.text("user").uuid(),
            row.cell("accountType").unwrap_or_default(),
            nested(row),
            &external_id,
            clock.stamp(self.plan.row_done(index as u64)),
        ))
    }
}

/// The `data` of an account from a flat row: the document is an object there, and `type` is the kind of bank account.
fn nested(row: &Row) -> Value {
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

/// What is really wrong with a row.
fn problem(row: &Row) -> Option<&'static str> {
    match row.cell("accountType") {
        None => Some("accountType is required"),
        Some(kind) if !TYPES.contains(&kind) => Some("accountType is not supported"),
        Some("PSE" | "SPEI") if row.cell("firstName").is_none() && row.cell("companyName").is_none() => {
            Some("firstName is required if companyName is not present")
        }
        Some(_) => None,
    }
}

/// What a row is known by: its `externalId`, else its place.
fn reference(row: &Row) -> String {
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

/// The rows processed so far, written one by one: a large job is not built up in memory for each poll.
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
                original_row_data: Original(row),
            }
        }))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultRow<'a> {
    row_number: u32,
    /// `ERROR` is the sandbox's word: the documentation names none for a failed row.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compliance_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    sheet_name: &'a str,
    original_row_data: Original<'a>,
}

struct Original<'a>(&'a Row);

impl Serialize for Original<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.cells.len() + 1))?;
        map.serialize_entry("rowNumber", &self.0.number)?;
        for (column, text) in &self.0.cells {
            map.serialize_entry(column, text)?;
        }
        map.end()
    }
}
