//! KillB: bank accounts one by one, or many from a workbook.
//!
//! The sandbox's own choices, where the documentation is silent:
//!
//! - Login and refresh answer 200. Refresh tokens live 24 h.
//! - The columns of a workbook are the keys of the documented `originalRowData`. Unknown columns are ignored.
//! - A failed row has the status `ERROR`; the documentation shows only `SUCCESS`.
//! - A workbook without rows makes a job that ends `FAILED`.
//! - An `externalId` that is taken is answered with 409.
//! - Uploads of up to 50 MB and 100,000 rows are accepted.
//! - Error codes that start with `SANDBOX.` stand where no code is published.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::auth::{self, Lives, Pair, TokenFault};
use crate::context::{Context, Provider, RateHint};
use crate::drift::Shape;
use crate::http;
use crate::store::Store;

mod accounts;
mod bulk;
mod workbook;

pub(crate) static PROVIDER: Provider = Provider {
    name: "killb",
    credentials: &[("KILLB_EMAIL", "sandbox@killb.example"), ("KILLB_PASSWORD", "killb-sandbox-password")],
    status_path: "/api/v2/accounts/bulk/status/",
    body_limit: 50 * 1024 * 1024,
    rate_hint: RateHint::XRateLimit,
    shape: Shape {
        status: "/status",
        running: "PROCESSING",
        unknown: "VERIFYING",
        number: "/processedRows",
        value: "/updatedAt",
    },
    plain_error: |_, status, _| Failure::plain(status).into_response(),
    routes,
};

const LIVES: Lives = Lives { access: 3_600_000, refresh: 24 * 3_600_000 };

struct App {
    context: Arc<Context>,
    accounts: Store<accounts::Account>,
    /// The `externalId`s of accounts made singly.
    external_ids: Store<()>,
    jobs: Store<bulk::Job>,
}

fn routes(context: Arc<Context>) -> Router {
    let app =
        Arc::new(App { context, accounts: Store::records(), external_ids: Store::records(), jobs: Store::batches() });
    Router::new()
        .route("/api/v2/accounts", post(accounts::create))
        .route("/api/v2/accounts/{id}", get(accounts::read))
        .route("/api/v2/accounts/bulk/upload", post(bulk::upload))
        .route("/api/v2/accounts/bulk/status/{jobId}", get(bulk::status))
        .route_layer(from_fn_with_state(Arc::clone(&app), require_bearer))
        .route("/api/v2/auth/login", post(login))
        .route("/api/v2/auth/refresh", post(refresh))
        .with_state(app)
}

async fn login(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Failure> {
    let object = http::object(&body).map_err(Failure::invalid)?;
    let matches = |key: &str, credential: usize| http::text(&object, key) == Some(PROVIDER.credentials[credential].1);
    if !(matches("email", 0) && matches("password", 1)) {
        let message = "Invalid credentials";
        return Err(Failure::new(StatusCode::UNAUTHORIZED, "AUTH.0001", message));
    }
    Ok(tokens(auth::login(&app.context, &LIVES)))
}

async fn refresh(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Failure> {
    let object = http::object(&body).map_err(Failure::invalid)?;
    let token = http::text(&object, "refreshToken").ok_or_else(|| Failure::invalid("refreshToken must be a string"))?;
    Ok(tokens(auth::refresh(&app.context, &LIVES, token)?))
}

fn tokens(pair: Pair) -> Response {
    let body = json!({
        "accessToken": pair.access,
        "expiresIn": pair.access_life,
        "refreshToken": pair.refresh,
    });
    http::json(StatusCode::OK, &body)
}

async fn require_bearer(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, Failure> {
    auth::check_bearer(&app.context, request.headers())?;
    Ok(next.run(request).await)
}

/// KillB's error body: the messages are an array, the status code is a string.
struct Failure {
    status: StatusCode,
    code: String,
    messages: Vec<String>,
    arguments: Vec<(&'static str, String)>,
}

impl Failure {
    fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), messages: vec![message.into()], arguments: Vec::new() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "SANDBOX.0400", message)
    }

    fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ACCOUNT.0001", message)
    }

    fn plain(status: StatusCode) -> Self {
        let code = format!("SANDBOX.{:04}", status.as_u16());
        Self::new(status, code, status.canonical_reason().unwrap_or_default())
    }

    fn about(mut self, key: &'static str, value: &str) -> Self {
        self.arguments.push((key, value.to_owned()));
        self
    }
}

impl From<TokenFault> for Failure {
    fn from(fault: TokenFault) -> Self {
        let (code, message) = match fault {
            TokenFault::Expired => ("AUTH.0002", "Token expired"),
            TokenFault::Missing | TokenFault::Invalid => ("AUTH.0003", "Invalid token"),
        };
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let arguments: Vec<Value> =
            (self.arguments.iter()).map(|(key, value)| json!({"key": key, "value": value})).collect();
        let body = json!({
            "errorCode": self.code,
            "message": self.messages,
            "statusCode": self.status.as_str(),
            "arguments": arguments,
        });
        http::json(self.status, &body)
    }
}
