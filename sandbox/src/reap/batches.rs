//! Batches of KYC records: upload of a CSV file and status.

use std::sync::Arc;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::{ApiError, AppState};
use crate::context::{Context, SeedKind};
use crate::http::{self, CsvError, PathId};
use crate::seed::Seed;
use crate::timeline::{Phase, ProcessingTime, Timeline, Timing, failure_reason};

const TIMING: Timing = Timing { queue: 45_000..75_000, processing: ProcessingTime::RowsPerSecond(7) };

const MAX_ROWS: usize = 5_000;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct Batch {
    id: String,
    seed: Seed,
    rows: Vec<Row>,
    timeline: Timeline,
}

struct Row {
    /// The `externalId` column: the id or the `externalId` of an entity.
    reference: String,
    fails: bool,
}

/// State of a row at a given time.
pub(super) struct RowState {
    pub(super) seed: Seed,
    pub(super) status: &'static str,
    pub(super) submitted: u64,
    pub(super) updated: u64,
}

pub(super) async fn upload(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, ApiError> {
    if headers.get("x-provider").is_none_or(|provider| provider != "sumsub") {
        return Err(ApiError::bad_request("X-Provider", "X-Provider must be sumsub"));
    }
    let key = headers.get("idempotency-key").map(|key| key.to_str().map(str::to_owned));
    let key = key.transpose().map_err(|_| ApiError::bad_request("Idempotency-Key", "Idempotency-Key must be ASCII"))?;
    let file = http::read_file_part(multipart).await.map_err(|message| ApiError::bad_request("file", message))?;
    let rows =
        parse_rows(&state.context, &file).map_err(|error| ApiError::bad_request(error.parameter, error.message))?;
    // A rejected file does not consume its key.
    if let Some(key) = key
        && !state.idempotency_keys.insert(&key, Arc::new(()), 1)
    {
        let message = "Duplicate idempotency key";
        return Err(ApiError::new(StatusCode::CONFLICT, "9999993401", message));
    }
    let batch = Batch::new(&state.context, rows);
    let body = json!({
        "batchId": batch.id,
        "businessUuid": super::business_id(&state.context),
        "status": "PENDING",
        "totalRecords": batch.timeline.rows,
        "message": "Batch uploaded successfully and queued for processing",
        "createdAt": state.context.clock.format_millis(batch.timeline.created),
    });
    let (id, weight) = (batch.id.clone(), batch.rows.len());
    state.batches.insert(&id, Arc::new(batch), weight);
    state.context.counters.batches_created.increment();
    Ok(http::json_response(StatusCode::CREATED, &body))
}

pub(super) async fn status(State(state): State<Arc<AppState>>, id: PathId) -> Result<Response, ApiError> {
    let batch = state
        .batches
        .get(id.as_str())
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "0701020100", "Batch not found"))?;
    let clock = &state.context.clock;
    let snapshot = batch.timeline.snapshot(clock.batch_millis());
    let format = |millis: Option<u64>| millis.map(|millis| clock.format_millis(millis));
    let body = json!({
        "batchId": id.as_str(),
        "status": match snapshot.phase {
            Phase::Queued => "pending",
            Phase::Running => "in_progress",
            Phase::Done => "completed",
        },
        "totalRecords": batch.timeline.rows,
        "processedRecords": snapshot.processed,
        "failedRecords": snapshot.failed,
        "createdAt": clock.format_millis(batch.timeline.created),
        "updatedAt": clock.format_millis(snapshot.updated),
        "startedAt": format(snapshot.started),
        "completedAt": format(snapshot.finished),
        "summary": {
            "successfulRecords": snapshot.succeeded(),
            "errors": [],
        },
    });
    Ok(http::json_response(StatusCode::OK, &body))
}

/// Parses and checks the rows of a file.
fn parse_rows(context: &Context, file: &[u8]) -> Result<Vec<Row>, CsvError> {
    if file.starts_with(BYTE_ORDER_MARK) {
        let message = "The file must not start with a byte order mark";
        return Err(CsvError::new(message, "file"));
    }
    let (columns, records) = http::parse_csv(file, &["externalId", "shareToken"])?;
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|_| {
            let message = format!("Row {} is malformed", rows.len() + 1);
            CsvError::new(message, "file")
        })?;
        if rows.len() == MAX_ROWS {
            let message = format!("The file has more than {MAX_ROWS} rows");
            return Err(CsvError::new(message, "file"));
        }
        let mut required = columns.iter().map(|column| record.get(*column));
        let reference = required.next().flatten().unwrap_or_default();
        let share_token = required.next().flatten().unwrap_or_default();
        let incomplete = reference.is_empty() || share_token.is_empty();
        rows.push(Row {
            fails: incomplete || failure_reason(context.seed, reference, &[""]).is_some(),
            reference: reference.to_owned(),
        });
    }
    if rows.is_empty() {
        return Err(CsvError::new("The file has no data rows", "file"));
    }
    Ok(rows)
}

impl Batch {
    fn new(context: &Context, rows: Vec<Row>) -> Self {
        let seed = context.next_seed(SeedKind::Batch);
        let failures = rows.iter().map(|row| row.fails);
        Self {
            id: seed.uuid(),
            seed,
            timeline: Timeline::new(seed, context.clock.batch_millis(), &TIMING, failures),
            rows,
        }
    }

    /// Returns the state of each row of this batch whose reference is one of `references`.
    pub(super) fn row_states(&self, now: u64, references: [&str; 2]) -> Vec<RowState> {
        let row_state = |(index, row): (usize, &Row)| {
            let index = index as u64;
            let processed_at = self.timeline.row_processed_at(index);
            RowState {
                seed: self.seed.derive_index(index),
                status: match (processed_at <= now, row.fails) {
                    (false, _) => "PENDING",
                    (true, true) => "REJECTED",
                    (true, false) => "APPROVED",
                },
                submitted: self.timeline.created,
                updated: if processed_at <= now { processed_at } else { self.timeline.created },
            }
        };
        (self.rows.iter().enumerate())
            .filter(|(_, row)| references.contains(&row.reference.as_str()))
            .map(row_state)
            .collect()
    }
}
