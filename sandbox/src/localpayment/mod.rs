//! Localpayment: virtual accounts one by one, or up to 5,000 in a batch.
//!
//! The sandbox's own choices, where the documentation is silent:
//!
//! - Creating is answered with 201. Wrong credentials are answered with 401, and so is a refused refresh token, with
//!   a body like theirs.
//! - Accounts that fail are missing from `csvFormatResponse`; asked for singly, they are `"300"` `REJECTED`.
//! - A single account always comes out well, also one that failed in a batch before.
//! - An account `externalId` that is taken fails the account in a batch, and the request for a single one.
//! - Batches are for `ARG` and `MEX`, single accounts also for `BRA`; other countries are refused with `"300"`.
//! - In errors without a published code, `status.code` repeats the HTTP status.

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
mod batches;

pub(crate) static PROVIDER: Provider = Provider {
    name: "localpayment",
    credentials: &[
        ("LOCALPAYMENT_USERNAME", "localpayment-sandbox"),
        ("LOCALPAYMENT_PASSWORD", "localpayment-sandbox-password"),
    ],
    status_path: "/api/virtual-account-batch/",
    body_limit: 20 * 1024 * 1024,
    rate_hint: RateHint::RetryAfter,
    shape: Shape {
        status: "/status/description",
        running: "INPROGRESS",
        unknown: "VALIDATING",
        number: "/status/code",
        value: "/comment",
    },
    plain_error: |_, status, _| Failure::plain(status).into_response(),
    routes,
};

const LIVES: Lives = Lives { access: 5 * 60_000, refresh: 24 * 3_600_000 };

struct App {
    context: Arc<Context>,
    batches: Store<batches::Batch>,
    /// Single ones and those of batches, by their `externalId`.
    accounts: Store<accounts::Account>,
}

fn routes(context: Arc<Context>) -> Router {
    let app = Arc::new(App { context, batches: Store::batches(), accounts: Store::records() });
    let batch = "/api/virtual-account-batch/{externalId}";
    let account = "/api/virtual-account/{externalId}";
    Router::new()
        .route("/api/virtual-account-batch", post(batches::create))
        // The documentation has both, in its heading and in its example.
        .route(batch, get(batches::read))
        .route(&format!("{batch}/"), get(batches::read))
        .route("/api/virtual-account", post(accounts::create))
        .route(account, get(accounts::read))
        .route(&format!("{account}/"), get(accounts::read))
        .route_layer(from_fn_with_state(Arc::clone(&app), require_bearer))
        .route("/api/token/", post(login))
        .route("/api/token/refresh", post(refresh))
        .route("/api/token/refresh/", post(refresh))
        .with_state(app)
}

async fn login(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Failure> {
    let object = http::object(&body).map_err(|message| Failure::rejected(vec![message]))?;
    let matches = |key: &str, credential: usize| http::text(&object, key) == Some(PROVIDER.credentials[credential].1);
    if !(matches("username", 0) && matches("password", 1)) {
        return Ok(refused("No active account found with the given credentials"));
    }
    Ok(tokens(auth::login(&app.context, &LIVES)))
}

async fn refresh(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Failure> {
    let object = http::object(&body).map_err(|message| Failure::rejected(vec![message]))?;
    let token = http::text(&object, "refresh").unwrap_or_default();
    Ok(match auth::refresh(&app.context, &LIVES, token) {
        Ok(pair) => tokens(pair),
        Err(fault) => refused(reason(fault)),
    })
}

/// No tokens: the one error of this provider without a status object.
fn refused(detail: &str) -> Response {
    http::json(StatusCode::UNAUTHORIZED, &json!({"detail": detail}))
}

fn tokens(pair: Pair) -> Response {
    let body = json!({"refresh": pair.refresh, "access": pair.access});
    http::json(StatusCode::OK, &body)
}

async fn require_bearer(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, Failure> {
    auth::check_bearer(&app.context, request.headers())?;
    Ok(next.run(request).await)
}

/// `{code, description, detail}`, of answers and errors alike. The code is a string and no HTTP status.
fn status(code: &str, description: &str, detail: &str) -> Value {
    json!({"code": code, "description": description, "detail": detail})
}

fn rejected(code: &str, detail: &str) -> Value {
    status(code, "REJECTED", detail)
}

fn is_missing(name: &str) -> String {
    format!("Invalid param + [{name}] + [Is mandatory]")
}

fn is_invalid(name: &str) -> String {
    format!("Invalid param + [{name}] + [Is invalid]")
}

/// Localpayment's error body: the first error as the status, all of them as a list.
struct Failure {
    status: StatusCode,
    code: String,
    details: Vec<String>,
}

impl Failure {
    fn rejected(details: Vec<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "300".to_owned(), details }
    }

    /// The one error code of the list that a batch is documented to share: `"500"`, under an HTTP status of 400.
    fn already_used() -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "500".to_owned(), details: vec![ALREADY_USED.to_owned()] }
    }

    fn not_found() -> Self {
        Self::plain(StatusCode::NOT_FOUND)
    }

    fn plain(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        Self::with_detail(status, reason)
    }

    fn with_detail(status: StatusCode, detail: &str) -> Self {
        Self { status, code: status.as_str().to_owned(), details: vec![detail.to_owned()] }
    }
}

const ALREADY_USED: &str = "External ID already used";

impl From<TokenFault> for Failure {
    fn from(fault: TokenFault) -> Self {
        Self::with_detail(StatusCode::UNAUTHORIZED, reason(fault))
    }
}

fn reason(fault: TokenFault) -> &'static str {
    match fault {
        TokenFault::Missing => "Authentication credentials were not provided",
        TokenFault::Invalid => "Token is invalid",
        TokenFault::Expired => "Token is expired",
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let errors: Vec<Value> = (self.details.iter()).map(|detail| rejected(&self.code, detail)).collect();
        let body = json!({"status": errors.first(), "errors": errors});
        http::json(self.status, &body)
    }
}
