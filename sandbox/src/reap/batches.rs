//! Batches of KYC records: the upload of a CSV file, and its status.

use std::sync::Arc;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::{App, Failure};
use crate::context::{Context, Kind};
use crate::engine::{Pace, Phase, Plan, Run, fate};
use crate::http::{self, CsvFault};
use crate::seed::Seed;

const PACE: Pace = Pace { queue: 45_000..75_000, run: Run::RowsPerSecond(7) };

const MAX_ROWS: usize = 5_000;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct Batch {
    id: String,
    seed: Seed,
    rows: Vec<Row>,
    plan: Plan,
}

struct Row {
    reference: String,
    fails: bool,
}

/// What a row has come to.
pub(super) struct Verdict {
    pub(super) seed: Seed,
    pub(super) status: &'static str,
    pub(super) submitted: u64,
    pub(super) updated: u64,
}

pub(super) async fn upload(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, Failure> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if header("x-provider") != Some("sumsub") {
        return Err(Failure::invalid("X-Provider", "X-Provider must be sumsub"));
    }
    let file = http::file(multipart).await.map_err(|message| Failure::invalid("file", message))?;
    let rows = rows(&app.context, &file).map_err(|fault| Failure::invalid(fault.subject, fault.message))?;
    // Only a file that is good uses up its key.
    if let Some(key) = header("idempotency-key")
        && !app.keys.insert(key, Arc::new(()), 1)
    {
        let message = "Duplicate idempotency key";
        return Err(Failure::new(StatusCode::CONFLICT, "9999993401", message));
    }
    let batch = Batch::new(&app.context, rows);
    let body = json!({
        "batchId": batch.id,
        "businessUuid": super::business_id(&app.context),
        "status": "PENDING",
        "totalRecords": batch.plan.rows,
        "message": "Batch uploaded successfully and queued for processing",
        "createdAt": app.context.clock.stamp(batch.plan.created),
    });
    let (id, weight) = (batch.id.clone(), batch.rows.len());
    app.batches.insert(&id, Arc::new(batch), weight);
    app.context.counters.batches_created.add();
    Ok(http::json(StatusCode::CREATED, &body))
}

pub(super) async fn status(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Failure> {
    let batch =
        app.batches.get(&id).ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "0701020100", "Batch not found"))?;
    let clock = &app.context.clock;
    let seen = batch.plan.at(clock.now());
    let stamp = |at: Option<u64>| at.map(|at| clock.stamp(at));
    let body = json!({
        "batchId": id,
        "status": match seen.phase {
            Phase::Queued => "pending",
            Phase::Running => "in_progress",
            Phase::Done => "completed",
        },
        "totalRecords": batch.plan.rows,
        "processedRecords": seen.processed,
        "failedRecords": seen.failed,
        "createdAt": clock.stamp(batch.plan.created),
        "updatedAt": clock.stamp(seen.updated),
        "startedAt": stamp(seen.started),
        "completedAt": stamp(seen.finished),
        "summary": {
            "successfulRecords": seen.succeeded(),
            "errors": [],
        },
    });
    Ok(http::json(StatusCode::OK, &body))
}

/// The rows of a file, or what is wrong with it.
fn rows(context: &Context, file: &[u8]) -> Result<Vec<Row>, CsvFault> {
    if file.starts_with(BYTE_ORDER_MARK) {
        let message = "The file must not start with a byte order mark";
        return Err(CsvFault::new(message, "file"));
    }
    let (places, records) = http::csv_file(file, &["externalId", "shareToken"])?;
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|_| {
            let message = format!("Row {} is malformed", rows.len() + 1);
            CsvFault::new(message, "file")
        })?;
        if rows.len() == MAX_ROWS {
            let message = format!("The file has more than {MAX_ROWS} rows");
            return Err(CsvFault::new(message, "file"));
        }
        let mut required = places.iter().map(|place| record.get(*place));
        let reference = required.next().flatten().unwrap_or_default();
        let share_token = required.next().flatten().unwrap_or_default();
        let incomplete = reference.is_empty() || share_token.is_empty();
        rows.push(Row {
            fails: incomplete || fate(context.seed, reference, &[""]).is_some(),
            reference: reference.to_owned(),
        });
    }
    if rows.is_empty() {
        return Err(CsvFault::new("The file has no data rows", "file"));
    }
    Ok(rows)
}

impl Batch {
    fn new(context: &Context, rows: Vec<Row>) -> Self {
        let seed = context.next(Kind::Batch);
        let failures = rows.iter().map(|row| row.fails);
        Self { id: seed.uuid(), seed, plan: Plan::new(seed, context.clock.now(), &PACE, failures), rows }
    }

    /// What became of each row of this batch whose reference is one of `references`.
    pub(super) fn verdicts(&self, now: u64, references: [&str; 2]) -> Vec<Verdict> {
        let verdict = |(index, row): (usize, &Row)| {
            let index = index as u64;
            let done = self.plan.row_done(index);
            Verdict {
                seed: self.seed.number(index),
                status: match (done <= now, row.fails) {
                    (false, _) => "PENDING",
                    (true, true) => "REJECTED",
                    (true, false) => "APPROVED",
                },
                submitted: self.plan.created,
                updated: if done <= now { done } else { self.plan.created },
            }
        };
        (self.rows.iter().enumerate())
            .filter(|(_, row)| references.contains(&row.reference.as_str()))
            .map(verdict)
            .collect()
    }
}
