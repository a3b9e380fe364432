//! KillB: single bank accounts, and bulk jobs created from a workbook.
//!
//! The sandbox's own choices where the documentation is silent:
//!
//! - Login and refresh return 200. Refresh tokens expire after 24 h; a refresh does not invalidate
//!   the old one. A refresh without `refreshToken` gets a 400.
//! - The columns of a workbook are the keys of the documented `originalRowData`. Unknown columns
//!   are ignored.
//! - A job takes 20 to 90 s. While it runs, `results` lists the rows processed so far.
//! - A failed row has the status `ERROR` as in KillB's SDK; the documentation shows only `SUCCESS`.
//! - Valid rows fail with the error of the documented example or of a documented error code.
//! - A workbook without rows creates a job that ends as `FAILED`.
//! - An account is `ACTIVE` from its creation. A missing `userId` or `externalId` is generated.
//! - The account of a row of a workbook belongs to the user with the row's e-mail, and is listed as soon as the row is
//!   processed. A workbook has no column for a user, and no page says who owns its accounts.
//! - Two jobs with the same `externalId` create two accounts.
//! - `complianceUrl` and `resultsFileUrl` have the host example.com and are not served.
//! - A duplicate `externalId` gets a 409, also that of a deleted account.
//! - A single account of a kind that no page shows needs the members that KillB's client requires. The pages show PSE,
//!   SPEI and ACH, and mark none of their members as required. Rows of a workbook are not checked by these rules.
//! - The template has the columns of `originalRowData`; those of an export are chosen here. An export without `type`
//!   has all kinds but CUSTODIAL, the oldest accounts first.
//! - The list of a user without accounts is empty. A second deletion of an account gets a 404.
//! - The banks are made up, and the same in each country.
//! - Uploads of up to 50 MB, 100,000 rows and a million cells are accepted. A workbook over a limit, also after
//!   decompression, gets a 400 that names the sheet and the cell, or the part.
//! - An unknown job gets the documented code of an unknown account.
//! - Error codes that start with `SANDBOX.` are used where no code is published.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use crate::auth::{self, TokenError, TokenLifetimes, TokenPair};
use crate::context::{Context, Provider};
use crate::drift::DriftTargets;
use crate::fields::{self, Field, Mismatch};
use crate::http;
use crate::rate_limit::RateLimitHeaders;
use crate::store::Store;

mod accounts;
mod banks;
mod bulk;
mod kinds;
mod workbook;
mod xlsx;

pub(crate) use bulk::user_id;

pub(crate) static PROVIDER: Provider = Provider {
    name: "killb",
    credentials: &[("KILLB_EMAIL", "sandbox@killb.example"), ("KILLB_PASSWORD", "killb-sandbox-password")],
    status_path_prefix: "/api/v2/accounts/bulk/status/",
    body_limit: 50 * 1024 * 1024,
    rate_limit_headers: RateLimitHeaders::XRateLimit,
    drift_targets: DriftTargets {
        status: "/status",
        running_status: "PROCESSING",
        unknown_status: "VERIFYING",
        number: "/processedRows",
        non_null: "/updatedAt",
    },
    error_response: |_, status, _| ApiError::from_status(status).into_response(),
    routes,
};

const TOKEN_LIFETIMES: TokenLifetimes = TokenLifetimes { access: 3_600_000, refresh: 24 * 3_600_000 };

struct AppState {
    context: Arc<Context>,
    accounts: Store<accounts::Account>,
    /// `externalId` of every account created singly.
    external_ids: Store<()>,
    /// Id of every deleted account.
    deleted: Store<()>,
    jobs: Store<bulk::Job>,
}

fn routes(context: Arc<Context>) -> Router {
    let state = Arc::new(AppState {
        context,
        accounts: Store::for_records(),
        external_ids: Store::for_records(),
        deleted: Store::for_records(),
        jobs: Store::for_batches(),
    });
    Router::new()
        .route("/api/v2/accounts", post(accounts::create))
        .route("/api/v2/accounts/{id}", get(accounts::read).delete(accounts::delete))
        .route("/api/v2/accounts/export", get(accounts::export))
        .route("/api/v2/accounts/userId/{userId}", get(accounts::of_user))
        .route("/api/v2/accounts/bulk/template", get(bulk::template))
        .route("/api/v2/accounts/bulk/upload", post(bulk::upload))
        .route("/api/v2/accounts/bulk/status/{jobId}", get(bulk::status))
        .route("/api/v2/banks", get(banks::list))
        .route_layer(from_fn_with_state(Arc::clone(&state), require_bearer))
        .route("/api/v2/auth/login", post(login))
        .route("/api/v2/auth/refresh", post(refresh))
        .with_state(state)
}

async fn login(State(state): State<Arc<AppState>>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let request = http::parse_object(&headers, &body).map_err(ApiError::bad_request)?;
    ApiError::check(&request, &[Field::text("email"), Field::text("password")])?;
    let matches = |key: &str, index: usize| http::non_empty_str(&request, key) == Some(PROVIDER.credentials[index].1);
    if !(matches("email", 0) && matches("password", 1)) {
        let message = "Invalid credentials";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "AUTH.0001", message));
    }
    Ok(token_response(auth::login(&state.context, &TOKEN_LIFETIMES)))
}

async fn refresh(State(state): State<Arc<AppState>>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let request = http::parse_object(&headers, &body).map_err(ApiError::bad_request)?;
    let token = http::non_empty_str(&request, "refreshToken")
        .ok_or_else(|| ApiError::bad_request("refreshToken must be a string"))?;
    Ok(token_response(auth::refresh(&state.context, &TOKEN_LIFETIMES, token)?))
}

fn token_response(pair: TokenPair) -> Response {
    let body = json!({
        "accessToken": pair.access,
        "expiresIn": pair.access_lifetime,
        "refreshToken": pair.refresh,
    });
    http::json_response(StatusCode::OK, &body)
}

async fn require_bearer(
    State(state): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    auth::check_bearer(&state.context, request.headers())?;
    Ok(next.run(request).await)
}

/// Error in KillB's format, with an array of messages and the status code as a string.
struct ApiError {
    status: StatusCode,
    code: String,
    messages: Vec<String>,
    arguments: Vec<(&'static str, String)>,
}

impl ApiError {
    fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), messages: vec![message.into()], arguments: Vec::new() }
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "SANDBOX.0400", message)
    }

    /// Returns an error if members of a request have other types than `fields`.
    fn check(object: &Map<String, Value>, fields: &[Field]) -> Result<(), Self> {
        let messages: Vec<String> = fields::mismatches(object, fields).iter().map(Mismatch::message).collect();
        if messages.is_empty() {
            return Ok(());
        }
        Err(Self { messages, ..Self::bad_request("") })
    }

    fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ACCOUNT.0001", message)
    }

    fn from_status(status: StatusCode) -> Self {
        let code = format!("SANDBOX.{:04}", status.as_u16());
        Self::new(status, code, status.canonical_reason().unwrap_or_default())
    }

    fn with_argument(mut self, key: &'static str, value: &str) -> Self {
        self.arguments.push((key, value.to_owned()));
        self
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        let (code, message) = match error {
            TokenError::Expired => ("AUTH.0002", "Token expired"),
            TokenError::Missing | TokenError::Invalid => ("AUTH.0003", "Invalid token"),
        };
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let arguments: Vec<Value> =
            (self.arguments.iter()).map(|(key, value)| json!({"key": key, "value": value})).collect();
        let body = json!({
            "errorCode": self.code,
            "message": self.messages,
            "statusCode": self.status.as_str(),
            "arguments": arguments,
        });
        http::json_response(self.status, &body)
    }
}
