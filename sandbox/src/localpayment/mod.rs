//! Localpayment: single virtual accounts, and batches of 10 to 5,000 accounts.
//!
//! The sandbox's own choices where the documentation is silent:
//!
//! - A created batch or account returns 201.
//! - Wrong credentials get a 401 with the documented body. A rejected refresh token gets a body of
//!   the same format, and so does a malformed request of a token: no other error is documented. A refresh does not invalidate the old refresh token.
//! - The `comment` of a batch in progress; those of a created and a completed batch are documented.
//! - A batch takes 6 to 20 s, a single account 0.5 to 2 s.
//! - Failed accounts are missing from `csvFormatResponse`; read singly, they are `"300"`
//!   `REJECTED`. Their reasons are taken from the documented errors of payins.
//! - A single account always succeeds, even with the `externalId` of an account that failed in a
//!   batch.
//! - A duplicate `externalId` gets a 400 with code `"500"`, which is documented for payins only. A
//!   duplicate within a batch fails that account alone.
//! - Batches are available in `ARG` and `MEX`, single accounts also in `BRA`. Other countries get
//!   a 400 with code `"300"`. A bank account in `BRA` is a number of 8 digits.
//! - Enabling an enabled account, or disabling a disabled one, gets a 400 with code `"300"`, as does an account whose
//!   status does not allow it. An account of a batch can be disabled, too.
//! - In errors without a published code, `status.code` repeats the HTTP status.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde_json::{Map, Value, json};

use crate::auth::{self, TokenError, TokenLifetimes, TokenPair};
use crate::context::{Context, Provider};
use crate::drift::DriftTargets;
use crate::fields::{self, Field};
use crate::http;
use crate::rate_limit::RateLimitHeaders;
use crate::store::Store;

mod accounts;
mod batches;

pub(crate) static PROVIDER: Provider = Provider {
    name: "localpayment",
    credentials: &[
        ("LOCALPAYMENT_USERNAME", "localpayment-sandbox"),
        ("LOCALPAYMENT_PASSWORD", "localpayment-sandbox-password"),
    ],
    status_path_prefix: "/api/virtual-account-batch/",
    body_limit: 20 * 1024 * 1024,
    rate_limit_headers: RateLimitHeaders::RetryAfter,
    drift_targets: DriftTargets {
        status: "/status/description",
        running_status: "INPROGRESS",
        unknown_status: "VALIDATING",
        number: "/status/code",
        non_null: "/comment",
    },
    error_response: |_, status, _| ApiError::from_status(status).into_response(),
    routes,
};

const TOKEN_LIFETIMES: TokenLifetimes = TokenLifetimes { access: 5 * 60_000, refresh: 24 * 3_600_000 };

struct AppState {
    context: Arc<Context>,
    batches: Store<batches::Batch>,
    /// Single accounts and accounts of batches, by their `externalId`.
    accounts: Store<accounts::Account>,
}

fn routes(context: Arc<Context>) -> Router {
    let state = Arc::new(AppState { context, batches: Store::for_batches(), accounts: Store::for_records() });
    let batch = "/api/virtual-account-batch/{externalId}";
    let account = "/api/virtual-account/{externalId}";
    Router::new()
        .route("/api/virtual-account-batch", post(batches::create))
        // The documentation has both forms: one in the heading, one in the example.
        .route(batch, get(batches::read))
        .route(&format!("{batch}/"), get(batches::read))
        .route("/api/virtual-account", post(accounts::create))
        .route(account, get(accounts::read))
        .route(&format!("{account}/"), get(accounts::read))
        .route(&format!("{account}/activation/{{status}}"), put(accounts::set_activation))
        .route(&format!("{account}/activation/{{status}}/"), put(accounts::set_activation))
        .route_layer(from_fn_with_state(Arc::clone(&state), require_bearer))
        .route("/api/token/", post(login))
        .route("/api/token/refresh", post(refresh))
        .route("/api/token/refresh/", post(refresh))
        .with_state(state)
}

async fn login(State(state): State<Arc<AppState>>, headers: HeaderMap, body: Bytes) -> Response {
    let request = match token_request(&headers, &body, &[Field::text("username"), Field::text("password")]) {
        Ok(request) => request,
        Err(detail) => return unauthorized(&detail),
    };
    let matches = |key: &str, index: usize| http::non_empty_str(&request, key) == Some(PROVIDER.credentials[index].1);
    if !(matches("username", 0) && matches("password", 1)) {
        return unauthorized("No active account found with the given credentials");
    }
    token_response(auth::login(&state.context, &TOKEN_LIFETIMES))
}

async fn refresh(State(state): State<Arc<AppState>>, headers: HeaderMap, body: Bytes) -> Response {
    let request = match token_request(&headers, &body, &[Field::text("refresh")]) {
        Ok(request) => request,
        Err(detail) => return unauthorized(&detail),
    };
    let token = http::non_empty_str(&request, "refresh").unwrap_or_default();
    match auth::refresh(&state.context, &TOKEN_LIFETIMES, token) {
        Ok(pair) => token_response(pair),
        Err(error) => unauthorized(token_error_detail(error)),
    }
}

/// Parses the body of a token request; the error is a message for the client.
fn token_request(headers: &HeaderMap, body: &[u8], fields: &[Field]) -> Result<Map<String, Value>, String> {
    let request = http::parse_object(headers, body)?;
    match fields::mismatches(&request, fields).first() {
        None => Ok(request),
        Some(mismatch) => Err(mismatch.message()),
    }
}

/// Returns a 401 of the token endpoints, whose error body has no status object.
fn unauthorized(detail: &str) -> Response {
    http::json_response(StatusCode::UNAUTHORIZED, &json!({"detail": detail}))
}

fn token_response(pair: TokenPair) -> Response {
    let body = json!({"refresh": pair.refresh, "access": pair.access});
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

/// Returns the `{code, description, detail}` object of responses and errors.
///
/// The code is a string and not an HTTP status.
fn status(code: &str, description: &str, detail: &str) -> Value {
    json!({"code": code, "description": description, "detail": detail})
}

fn rejected(code: &str, detail: &str) -> Value {
    status(code, "REJECTED", detail)
}

fn missing_param(name: &str) -> String {
    format!("Invalid param + [{name}] + [Is mandatory]")
}

fn invalid_param(name: &str) -> String {
    format!("Invalid param + [{name}] + [Is invalid]")
}

/// Error in Localpayment's format, with the first error as the status and all errors as a list.
struct ApiError {
    status: StatusCode,
    code: String,
    details: Vec<String>,
}

impl ApiError {
    fn validation(mut details: Vec<String>) -> Self {
        details.truncate(MAX_ERRORS);
        Self { status: StatusCode::BAD_REQUEST, code: "300".to_owned(), details }
    }

    /// Returns an error if members of a request have other types than `fields`.
    fn check(object: &Map<String, Value>, fields: &[Field]) -> Result<(), Self> {
        let mismatches = fields::mismatches(object, fields);
        match mismatches.is_empty() {
            true => Ok(()),
            false => Err(Self::validation(mismatches.iter().map(|mismatch| invalid_param(&mismatch.path)).collect())),
        }
    }

    /// Returns the error for a duplicate `externalId`.
    fn already_used() -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "500".to_owned(), details: vec![ALREADY_USED.to_owned()] }
    }

    fn not_found() -> Self {
        Self::from_status(StatusCode::NOT_FOUND)
    }

    fn from_status(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        Self::with_detail(status, reason)
    }

    fn with_detail(status: StatusCode, detail: &str) -> Self {
        Self { status, code: status.as_str().to_owned(), details: vec![detail.to_owned()] }
    }
}

/// Maximum number of errors in a response.
const MAX_ERRORS: usize = 20;

const ALREADY_USED: &str = "External ID already used";

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::with_detail(StatusCode::UNAUTHORIZED, token_error_detail(error))
    }
}

fn token_error_detail(error: TokenError) -> &'static str {
    match error {
        TokenError::Missing => "Authentication credentials were not provided",
        TokenError::Invalid => "Token is invalid",
        TokenError::Expired => "Token is expired",
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let errors: Vec<Value> = (self.details.iter()).map(|detail| rejected(&self.code, detail)).collect();
        let body = json!({"status": errors.first(), "errors": errors});
        http::json_response(self.status, &body)
    }
}
