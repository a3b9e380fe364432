//! CDQ: jobs that confirm bank accounts, and the confirmation of a single one.
//!
//! The sandbox's own choices, where the documentation is silent:
//!
//! - An upload is answered with 200 and an empty object: no success answer is described. Where the `storageId` of a job
//!   comes from after it is not described either, so any is accepted.
//! - Numbers of answers are strings of digits (`"progress": "77"`), as in every example, though they are declared integers.
//! - `progress` is `"0"` before the job runs and `"100"` at `FINISHED`.
//! - A request without `jobId` is answered with 400.
//! - All five columns of an upload must be there, in any order.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::context::{Context, Kind, Provider, RateHint};
use crate::drift::Shape;
use crate::http;
use crate::store::Store;

mod confirm;
mod jobs;

const KEY: &str = "cdq-sandbox-key";

pub(crate) static PROVIDER: Provider = Provider {
    name: "cdq",
    credentials: &[("CDQ_API_KEY", KEY)],
    status_path: "/bankaccounts/jobs",
    body_limit: 100 * 1024 * 1024,
    rate_hint: RateHint::RetryAfter,
    shape: Shape { status: "/status", running: "RUNNING", unknown: "PAUSED", number: "/progress", value: "/user" },
    plain_error: |context, status, path| {
        let message = status.canonical_reason().unwrap_or_default();
        error(context, status, path, message)
    },
    routes,
};

struct App {
    context: Arc<Context>,
    jobs: Store<jobs::Job>,
}

fn routes(context: Arc<Context>) -> Router {
    let app = Arc::new(App { context, jobs: Store::batches() });
    Router::new()
        .route("/bankaccounts", post(jobs::upload))
        .route("/bankaccounts/jobs/confirmation", post(jobs::start))
        .route("/bankaccounts/jobs", get(jobs::status))
        .route("/v2/bankaccounts/confirm", post(confirm::confirm))
        .route_layer(from_fn_with_state(Arc::clone(&app), guard))
        .with_state(app)
}

/// Checks the key and what the client accepts, and dresses every refusal as CDQ's error body.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let headers = request.headers();
    let response = if headers.get("x-api-key").is_none_or(|key| key != KEY) {
        let message = "Full authentication is required to access this resource";
        Refusal::new(StatusCode::UNAUTHORIZED, message).into_response()
    } else if !accepts_json(headers) {
        let message = "Could not find acceptable representation";
        Refusal::new(StatusCode::NOT_ACCEPTABLE, message).into_response()
    } else {
        next.run(request).await
    };
    match response.extensions().get::<Refusal>() {
        Some(refusal) => error(&app.context, refusal.status, &path, &refusal.message),
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

/// A request that is refused. The error body also needs the path, which only `guard` knows.
#[derive(Clone)]
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn error(context: &Context, status: StatusCode, path: &str, message: &str) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    let body = json!({
        "id": context.next(Kind::Error).uuid(),
        "path": path,
        "timestamp": context.clock.stamp_seconds(context.clock.now()),
        "message": message,
        "error": reason.to_uppercase().replace(' ', "_"),
        "status": status.as_str(),
    });
    http::json(status, &body)
}
