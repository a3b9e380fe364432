//! Confirmation jobs: upload, start and status.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::multipart::MultipartRejection;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Multipart, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::{ApiError, AppState};
use crate::context::{Context, SeedKind};
use crate::fields::{Field, Kind};
use crate::http;
use crate::timeline::{Phase, ProcessingTime, Timeline, Timing};

const TIMING: Timing = Timing { queue: 6_000..12_000, processing: ProcessingTime::Total(24_000..48_000) };

/// Number of rows in the timeline of a job: a job has no rows, so the timeline counts percent.
const PERCENT: usize = 100;

const COLUMNS: [&str; 5] =
    ["International Account ID", "International Bank ID", "Country Code", "National Bank ID", "National Account ID"];

const FIELDS: &[Field] = &[
    Field::text("storageId"),
    Field::new("featuresOn", Kind::List(&Kind::Word(&["CONFIRM_BA_IN_BP_STORAGE", "DATA_MONITOR_REFRESH"]))),
];

pub(super) struct Job {
    id: String,
    timeline: Timeline,
}

pub(super) async fn upload(
    headers: HeaderMap,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, ApiError> {
    if !headers.contains_key(header::CONTENT_LENGTH) {
        return Err(ApiError::bad_request("The header Content-Length is required"));
    }
    let file = http::read_file_part(multipart).await.map_err(ApiError::bad_request)?;
    let (_, records) = http::parse_csv(&file, &COLUMNS).map_err(|error| ApiError::bad_request(error.message))?;
    for record in records {
        record.map_err(|_| ApiError::bad_request("The file is not valid CSV"))?;
    }
    Ok(http::json_response(StatusCode::OK, &json!({})))
}

pub(super) async fn start(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request = http::parse_object(&headers, &body).map_err(ApiError::bad_request)?;
    ApiError::check(&request, FIELDS)?;
    if http::non_empty_str(&request, "storageId").is_none() {
        return Err(ApiError::bad_request("storageId must not be empty"));
    }
    let seed = state.context.next_seed(SeedKind::Batch);
    let percent = (0..PERCENT).map(|_| false);
    let job = Arc::new(Job {
        id: seed.uuid(),
        timeline: Timeline::new(seed, state.context.clock.batch_millis(), &TIMING, percent),
    });
    state.jobs.insert(&job.id, Arc::clone(&job), 1);
    state.context.counters.batches_created.increment();
    Ok(http::json_response(StatusCode::CREATED, &job.to_json(&state.context)))
}

pub(super) async fn status(
    State(state): State<Arc<AppState>>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|_| ApiError::bad_request("The query is malformed"))?;
    let mut ids = query.into_iter().filter(|(name, _)| name == "jobId").map(|(_, id)| id);
    let id = ids.next().filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| ApiError::bad_request("jobId must not be empty"))?;
    if ids.next().is_some() {
        return Err(ApiError::bad_request("jobId must not be repeated"));
    }
    let job = state.jobs.get(&id);
    let job = job.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "The job was not found"))?;
    Ok(http::json_response(StatusCode::OK, &job.to_json(&state.context)))
}

impl Job {
    fn to_json(&self, context: &Context) -> Value {
        let now = context.clock.batch_millis();
        let snapshot = self.timeline.snapshot(now);
        json!({
            "id": self.id,
            "createdAt": context.clock.format_seconds(self.timeline.created),
            "user": context.seed.derive("user").uuid(),
            "progress": snapshot.processed.to_string(),
            "status": match snapshot.phase {
                Phase::Queued if now < self.timeline.created + self.timeline.queue / 3 => "CREATED",
                Phase::Queued => "SCHEDULED",
                Phase::Running => "RUNNING",
                Phase::Done => "FINISHED",
            },
        })
    }
}
