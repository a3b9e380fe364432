//! Reap: batch import of KYC records from a CSV file, and the entities that the records belong to.
//!
//! The sandbox's own choices where the documentation is silent:
//!
//! - An upload returns 201; its body and the code of a duplicate key follow Reap's own upload tool.
//! - A second upload with the same `Idempotency-Key` gets a 409. The key is optional.
//! - A file over 10 MB gets a 413. A file that breaks another documented rule, or has no rows, gets
//!   a 400 with the validation code of the entity endpoints.
//! - A batch is `pending` for 45 to 75 s (documented: up to 10 min), then processes 7 rows per
//!   second as Reap's tool describes. It never ends as `failed`.
//! - A row without an `externalId` or a `shareToken` fails.
//! - The `externalId` of a row may be the id or the `externalId` of an entity. If the entity does
//!   not exist, it is created as an individual.
//! - A created entity has an `externalId` that is not empty.
//! - The result of a row is one submitted requirement of its entity; `enabledFeatures` stays empty.
//! - Every 5xx error has the code documented for 500. Other error codes that are not published
//!   start with `9999999`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::context::{Context, Provider};
use crate::drift::DriftTargets;
use crate::http;
use crate::rate_limit::RateLimitHeaders;
use crate::store::Store;

mod batches;
mod entities;

const API_KEY: &str = "reap-sandbox-key";

pub(crate) static PROVIDER: Provider = Provider {
    name: "reap",
    credentials: &[("REAP_API_KEY", API_KEY)],
    status_path_prefix: "/entity/kyc/import/batch/",
    body_limit: 10 * 1024 * 1024,
    rate_limit_headers: RateLimitHeaders::RetryAfter,
    drift_targets: DriftTargets {
        status: "/status",
        running_status: "in_progress",
        unknown_status: "verifying",
        number: "/processedRecords",
        non_null: "/updatedAt",
    },
    error_response: |_, status, _| ApiError::from_status(status).into_response(),
    routes,
};

struct AppState {
    context: Arc<Context>,
    batches: Store<batches::Batch>,
    /// Idempotency keys of accepted uploads.
    idempotency_keys: Store<()>,
    entities: Store<entities::Entity>,
    /// `externalId` of every entity.
    external_ids: Store<()>,
}

fn routes(context: Arc<Context>) -> Router {
    let state = Arc::new(AppState {
        context,
        batches: Store::for_batches(),
        idempotency_keys: Store::for_records(),
        entities: Store::for_records(),
        external_ids: Store::for_records(),
    });
    let batches = Router::new()
        .route("/entity/kyc/import/batch", post(batches::upload))
        .route("/entity/kyc/import/batch/{batchId}", get(batches::status))
        .route_layer(from_fn_with_state(BATCH_KEY_ERRORS, require_api_key));
    let entities = Router::new()
        .route("/entity", post(entities::create))
        .route("/entity/{entityId}", get(entities::read))
        .route_layer(from_fn_with_state(ENTITY_KEY_ERRORS, require_api_key));
    batches.merge(entities).with_state(state)
}

/// Returns the id of the business that the API key belongs to.
fn business_id(context: &Context) -> String {
    context.seed.derive("business").uuid()
}

/// Status and error code of a group of endpoints for a missing and a wrong API key.
#[derive(Clone, Copy)]
struct KeyErrors {
    missing: (StatusCode, &'static str),
    wrong: (StatusCode, &'static str),
}

const BATCH_KEY_ERRORS: KeyErrors =
    KeyErrors { missing: (StatusCode::UNAUTHORIZED, "0000000100"), wrong: (StatusCode::UNAUTHORIZED, "0000000200") };

/// The messages are those of the batch endpoints; the codes and one status differ.
const ENTITY_KEY_ERRORS: KeyErrors =
    KeyErrors { missing: (StatusCode::BAD_REQUEST, "0501001400"), wrong: (StatusCode::UNAUTHORIZED, "0501002401") };

async fn require_api_key(State(errors): State<KeyErrors>, request: Request, next: Next) -> Result<Response, ApiError> {
    match request.headers().get("x-reap-api-key") {
        Some(key) if key == API_KEY => Ok(next.run(request).await),
        Some(_) => {
            let (status, code) = errors.wrong;
            Err(ApiError::new(status, code, "Invalid Authorization"))
        }
        None => {
            let (status, code) = errors.missing;
            let message = "Invalid Authorization: missing API key";
            Err(ApiError::new(status, code, message))
        }
    }
}

/// Error in Reap's format.
struct ApiError {
    status: StatusCode,
    code: String,
    message: String,
    parameter: String,
}

impl ApiError {
    fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), parameter: String::new() }
    }

    fn bad_request(parameter: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::BAD_REQUEST, "0701001400", message);
        error.parameter = parameter.into();
        error
    }

    fn from_status(status: StatusCode) -> Self {
        let code = match status.is_server_error() {
            true => "0601001400".to_owned(),
            false => format!("9999999{:03}", status.as_u16()),
        };
        Self::new(status, code, status.canonical_reason().unwrap_or_default())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "parameter": self.parameter,
        });
        http::json_response(self.status, &body)
    }
}
