//! Confirmation jobs: the upload before them, their start, and their status.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, Refusal};
use crate::context::{Context, Kind};
use crate::engine::{Pace, Phase, Plan, Run};
use crate::http;

const PACE: Pace = Pace { queue: 6_000..12_000, run: Run::Span(24_000..48_000) };

/// A job has no rows; its plan counts percent.
const PERCENT: usize = 100;

const COLUMNS: [&str; 5] =
    ["International Account ID", "International Bank ID", "Country Code", "National Bank ID", "National Account ID"];

const FEATURES: [&str; 2] = ["CONFIRM_BA_IN_BP_STORAGE", "DATA_MONITOR_REFRESH"];

pub(super) struct Job {
    id: String,
    plan: Plan,
}

pub(super) async fn upload(
    headers: HeaderMap,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, Refusal> {
    if !headers.contains_key(header::CONTENT_LENGTH) {
        return Err(Refusal::invalid("The header Content-Length is required"));
    }
    let file = http::file(multipart).await.map_err(Refusal::invalid)?;
    let (_, records) = http::csv_file(&file, &COLUMNS).map_err(|fault| Refusal::invalid(fault.message))?;
    for record in records {
        record.map_err(|_| Refusal::invalid("The file is not valid CSV"))?;
    }
    Ok(http::json(StatusCode::OK, &json!({})))
}

pub(super) async fn start(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Refusal> {
    let request = http::object(&body).map_err(Refusal::invalid)?;
    if http::text(&request, "storageId").is_none() {
        return Err(Refusal::invalid("storageId must not be empty"));
    }
    let features_known = match request.get("featuresOn") {
        None | Some(Value::Null) => true,
        Some(Value::Array(features)) => {
            (features.iter()).all(|feature| feature.as_str().is_some_and(|name| FEATURES.contains(&name)))
        }
        Some(_) => false,
    };
    if !features_known {
        let message = format!("featuresOn must be an array of {}", FEATURES.join(", "));
        return Err(Refusal::invalid(message));
    }
    let seed = app.context.next(Kind::Batch);
    let percent = (0..PERCENT).map(|_| false);
    let job = Arc::new(Job { id: seed.uuid(), plan: Plan::new(seed, app.context.clock.now(), &PACE, percent) });
    app.jobs.insert(&job.id, Arc::clone(&job), 1);
    app.context.counters.batches_created.add();
    Ok(http::json(StatusCode::CREATED, &job.show(&app.context)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusQuery {
    job_id: Option<String>,
}

pub(super) async fn status(State(app): State<Arc<App>>, Query(query): Query<StatusQuery>) -> Result<Response, Refusal> {
    let id = query.job_id.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Refusal::invalid("jobId must not be empty"))?;
    let job = app.jobs.get(&id);
    let job = job.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "The job was not found"))?;
    Ok(http::json(StatusCode::OK, &job.show(&app.context)))
}

impl Job {
    fn show(&self, context: &Context) -> Value {
        let now = context.clock.now();
        let seen = self.plan.at(now);
        json!({
            "id": self.id,
            "createdAt": context.clock.stamp_seconds(self.plan.created),
            "user": context.seed.text("user").uuid(),
            "progress": seen.processed.to_string(),
            "status": match seen.phase {
                Phase::Queued if now < self.plan.created + self.plan.queue / 3 => "CREATED",
                Phase::Queued => "SCHEDULED",
                Phase::Running => "RUNNING",
                Phase::Done => "FINISHED",
            },
        })
    }
}
