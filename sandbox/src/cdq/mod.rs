//! CDQ: jobs that confirm bank accounts, and the confirmation of a single account.
//!
//! The sandbox's own choices where the documentation is silent:
//!
//! - An upload returns 200 and an empty object: no success response is documented. Where a client
//!   gets the `storageId` of a job is not documented either, so any value is accepted.
//! - An upload must have all five columns.
//! - A job goes through `CREATED`, `SCHEDULED`, `RUNNING` and `FINISHED`; the other documented
//!   status values never occur. It takes 30 to 60 s in all.
//! - Numbers in responses are strings of digits (`"progress": "77"`), as in every example, though
//!   they are declared as integers.
//! - `progress` is `"0"` before the job runs and `"100"` at `FINISHED`.
//! - A poll without `jobId`, or a start without `storageId`, gets a 400.
//! - Of twelve single accounts about nine are confirmed, one is a fraud case and two are unknown.
//! - All error messages are the sandbox's own.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use crate::context::{Context, Provider, SeedKind};
use crate::drift::DriftTargets;
use crate::fields::{self, Field, Mismatch};
use crate::http;
use crate::rate_limit::RateLimitHeaders;
use crate::store::Store;

mod confirm;
mod jobs;

const API_KEY: &str = "cdq-sandbox-key";

pub(crate) static PROVIDER: Provider = Provider {
    name: "cdq",
    credentials: &[("CDQ_API_KEY", API_KEY)],
    status_path_prefix: "/bankaccounts/jobs",
    body_limit: 100 * 1024 * 1024,
    rate_limit_headers: RateLimitHeaders::RetryAfter,
    drift_targets: DriftTargets {
        status: "/status",
        running_status: "RUNNING",
        unknown_status: "PAUSED",
        number: "/progress",
        non_null: "/user",
    },
    error_response: |context, status, path| {
        let message = status.canonical_reason().unwrap_or_default();
        error(context, status, path, message)
    },
    routes,
};

struct AppState {
    context: Arc<Context>,
    jobs: Store<jobs::Job>,
}

fn routes(context: Arc<Context>) -> Router {
    let state = Arc::new(AppState { context, jobs: Store::for_batches() });
    Router::new()
        .route("/bankaccounts", post(jobs::upload))
        .route("/bankaccounts/jobs/confirmation", post(jobs::start))
        .route("/bankaccounts/jobs", get(jobs::status))
        .route("/v2/bankaccounts/confirm", post(confirm::confirm))
        .route_layer(from_fn_with_state(Arc::clone(&state), handle))
        .with_state(state)
}

/// Checks the API key and the `Accept` header, and gives every error CDQ's error body.
async fn handle(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let headers = request.headers();
    let response = if headers.get("x-api-key").is_none_or(|key| key != API_KEY) {
        let message = "Full authentication is required to access this resource";
        ApiError::new(StatusCode::UNAUTHORIZED, message).into_response()
    } else if !accepts_json(headers) {
        let message = "Could not find acceptable representation";
        ApiError::new(StatusCode::NOT_ACCEPTABLE, message).into_response()
    } else {
        next.run(request).await
    };
    match response.extensions().get::<ApiError>() {
        Some(api_error) => error(&state.context, api_error.status, &path, &api_error.message),
        None => response,
    }
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(header::ACCEPT) else {
        return true;
    };
    let ranges = accept.to_str().unwrap_or_default().split(',');
    ranges
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .any(|range| matches!(range, "*/*" | "application/*" | "application/json"))
}

/// Error of a handler. The error body also needs the request path, which `handle` adds.
#[derive(Clone)]
struct ApiError {
    status: StatusCode,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// Returns an error if a member of a request has another type than in `fields`.
    fn check(object: &Map<String, Value>, fields: &[Field]) -> Result<(), Self> {
        let messages: Vec<String> = fields::mismatches(object, fields).iter().map(Mismatch::message).collect();
        if messages.is_empty() {
            return Ok(());
        }
        Err(Self::bad_request(messages.join("; ")))
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Returns a response with CDQ's error body.
fn error(context: &Context, status: StatusCode, path: &str, message: &str) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    let body = json!({
        "id": context.next_seed(SeedKind::Error).uuid(),
        "path": path,
        "timestamp": context.clock.format_seconds(context.clock.batch_millis()),
        "message": message,
        "error": reason.to_uppercase().replace(' ', "_"),
        "status": status.as_str(),
    });
    http::json_response(status, &body)
}
