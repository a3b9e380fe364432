//! Accounts made one by one, and reading any account.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{App, Failure};
use crate::context::Kind;
use crate::http;

/// The kinds of account there are.
pub(super) const TYPES: [&str; 22] = [
    "PSE",
    "ACH",
    "ACH_HN",
    "ACH_SV",
    "ACH_NI",
    "ACH_GT",
    "ACH_PA",
    "ACH_BO",
    "WIRE",
    "WALLET",
    "COELSA",
    "BREB",
    "SPEI",
    "PIX",
    "CCI",
    "CUSTODIAL",
    "TRANSFIYA",
    "SWIFT",
    "SPI",
    "SPI_PY",
    "SPI_DO",
    "SINPE",
];

/// The answer of both calls, as it was made.
pub(super) struct Account(Value);

pub(super) async fn create(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Failure> {
    let request = http::object(&body).map_err(Failure::invalid)?;
    let kind = http::text(&request, "type").unwrap_or_default();
    if !TYPES.contains(&kind) {
        let message = format!("type must be one of the following values: {}", TYPES.join(", "));
        return Err(Failure::invalid(message).about("type", kind));
    }
    let Some(Value::Object(data)) = request.get("data") else {
        return Err(Failure::invalid("data must be an object").about("type", kind));
    };
    let messages = problems(kind, data);
    if !messages.is_empty() {
        let mut failure = Failure::invalid("").about("type", kind);
        failure.messages = messages;
        return Err(failure);
    }

    let seed = app.context.next(Kind::Record);
    let id = seed.uuid();
    // Both ids are optional in the request and required in the answer.
    let id_or = |key: &str| match http::text(&request, key) {
        Some(given) => given.to_owned(),
        None => seed.text(key).uuid(),
    };
    let external_id = id_or("externalId");
    if !app.external_ids.insert(&external_id, Arc::new(()), 1) {
        let message = "Account already exists for this user";
        return Err(Failure::new(StatusCode::CONFLICT, "SANDBOX.0409", message).about("externalId", &external_id));
    }
    let account = account(
        &id,
        id_or("userId"),
        kind,
        Value::Object(data.clone()),
        &external_id,
        app.context.clock.stamp(app.context.clock.now()),
    );
    let answer = http::json(StatusCode::CREATED, &account);
    app.accounts.insert(&id, Arc::new(Account(account)), 1);
    Ok(answer)
}

pub(super) async fn read(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Failure> {
    if let Some(account) = app.accounts.get(&id) {
        return Ok(http::json(StatusCode::OK, &account.0));
    }
    // An account of a job is not kept twice; the job knows it once its row is processed.
    let from_job = app.jobs.all().into_iter().find_map(|job| job.account(&app, &id));
    let account = from_job.ok_or_else(|| Failure::not_found("Account not found"))?;
    Ok(http::json(StatusCode::OK, &account))
}

pub(super) fn account(id: &str, user_id: String, kind: &str, data: Value, external_id: &str, at: String) -> Value {
    json!({
        "id": id,
        "userId": user_id,
        "type": kind,
        "status": "ACTIVE",
        "data": data,
        "externalId": external_id,
        "complianceUrl": compliance_url(id),
        "createdAt": at,
        "updatedAt": at,
    })
}

pub(super) fn compliance_url(account_id: &str) -> String {
    let short = account_id.get(..8).unwrap_or(account_id);
    format!("https://compliance.example.com/review/{short}")
}

/// The documented rules for `data`: those of PSE and SPEI, as no others are published.
fn problems(kind: &str, data: &Map<String, Value>) -> Vec<String> {
    let mut problems = Vec::new();
    let has = |key| http::text(data, key).is_some();
    if matches!(kind, "PSE" | "SPEI") && !has("firstName") && !has("companyName") {
        problems.push("firstName is required if companyName is not present".to_owned());
        problems.push("companyName is required if firstName is not present".to_owned());
    }
    if kind == "SPEI" {
        let clabe_type = http::text(data, "clabeType");
        if matches!(clabe_type, Some("DEBIT_CARD" | "PHONE_NUMBER")) && !has("bankCode") {
            problems.push("bankCode is required when clabeType is DEBIT_CARD or PHONE_NUMBER".to_owned());
        }
    }
    problems
}
