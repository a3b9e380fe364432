//! Reap: KYC records of many people from a CSV file, and the entities they belong to.
//!
//! The sandbox's own choices, where the documentation is silent:
//!
//! - An upload is answered with 201, and a second one with the same `Idempotency-Key` with 409. The key is optional.
//! - A file that breaks a rule of the documentation, or has no rows, is answered with 400, one over 10 MB with 413.
//! - The `externalId` of a row may be the id or the `externalId` of an entity, and the entity need not exist.
//! - What a row comes to shows as one submitted requirement of its entity, `enabledFeatures` stays empty.
//! - Error codes that start with `9999999` stand where no code is published.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::context::{Context, Provider, RateHint};
use crate::drift::Shape;
use crate::http;
use crate::store::Store;

mod batches;
mod entities;

const KEY: &str = "reap-sandbox-key";

pub(crate) static PROVIDER: Provider = Provider {
    name: "reap",
    credentials: &[("REAP_API_KEY", KEY)],
    status_path: "/entity/kyc/import/batch/",
    body_limit: 10 * 1024 * 1024,
    rate_hint: RateHint::RetryAfter,
    shape: Shape {
        status: "/status",
        running: "in_progress",
        unknown: "verifying",
        number: "/processedRecords",
        value: "/updatedAt",
    },
    plain_error: |_, status, _| Failure::plain(status).into_response(),
    routes,
};

struct App {
    context: Arc<Context>,
    batches: Store<batches::Batch>,
    /// Idempotency keys that were used.
    keys: Store<()>,
    entities: Store<entities::Entity>,
    /// The `externalId`s of entities.
    external_ids: Store<()>,
}

fn routes(context: Arc<Context>) -> Router {
    let app = Arc::new(App {
        context,
        batches: Store::batches(),
        keys: Store::records(),
        entities: Store::records(),
        external_ids: Store::records(),
    });
    let batches = Router::new()
        .route("/entity/kyc/import/batch", post(batches::upload))
        .route("/entity/kyc/import/batch/{batchId}", get(batches::status))
        .route_layer(from_fn_with_state(BATCH_KEYS, require_key));
    let entities = Router::new()
        .route("/entity", post(entities::create))
        .route("/entity/{entityId}", get(entities::read))
        .route_layer(from_fn_with_state(ENTITY_KEYS, require_key));
    batches.merge(entities).with_state(app)
}

/// The business that the one key there is belongs to.
fn business_id(context: &Context) -> String {
    context.seed.text("business").uuid()
}

/// How a family of calls answers a missing and a wrong key.
#[derive(Clone, Copy)]
struct KeyFaults {
    missing: (StatusCode, &'static str),
    wrong: (StatusCode, &'static str),
}

const BATCH_KEYS: KeyFaults =
    KeyFaults { missing: (StatusCode::UNAUTHORIZED, "0000000100"), wrong: (StatusCode::UNAUTHORIZED, "0000000200") };

/// The same two messages, another status and other codes.
const ENTITY_KEYS: KeyFaults =
    KeyFaults { missing: (StatusCode::BAD_REQUEST, "0501001400"), wrong: (StatusCode::UNAUTHORIZED, "0501002401") };

async fn require_key(State(faults): State<KeyFaults>, request: Request, next: Next) -> Result<Response, Failure> {
    match request.headers().get("x-reap-api-key") {
        Some(key) if key == KEY => Ok(next.run(request).await),
        Some(_) => {
            let (status, code) = faults.wrong;
            Err(Failure::new(status, code, "Invalid Authorization"))
        }
        None => {
            let (status, code) = faults.missing;
            let message = "Invalid Authorization: missing API key";
            Err(Failure::new(status, code, message))
        }
    }
}

/// Reap's error body.
struct Failure {
    status: StatusCode,
    code: String,
    message: String,
    parameter: String,
}

impl Failure {
    fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), parameter: String::new() }
    }

    fn invalid(parameter: impl Into<String>, message: impl Into<String>) -> Self {
        let mut failure = Self::new(StatusCode::BAD_REQUEST, "0701001400", message);
        failure.parameter = parameter.into();
        failure
    }

    fn plain(status: StatusCode) -> Self {
        let code = match status.is_server_error() {
            true => "0601001400".to_owned(),
            false => format!("9999999{:03}", status.as_u16()),
        };
        Self::new(status, code, status.canonical_reason().unwrap_or_default())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "parameter": self.parameter,
        });
        http::json(self.status, &body)
    }
}
