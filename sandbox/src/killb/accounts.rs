//! Creation of single accounts; reading, deletion, list and export of any account.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::kinds::{self, ACCOUNT_TYPES, CUSTODIAL};
use super::{ApiError, AppState, xlsx};
use crate::context::SeedKind;
use crate::fields::{Field, Kind};
use crate::http::{self, PathId};

const FIELDS: &[Field] =
    &[Field::text("type"), Field::new("data", Kind::Object(&[])), Field::text("userId"), Field::text("externalId")];

/// Account as returned by both calls.
pub(super) struct Account(Value);

pub(super) async fn create(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request = http::parse_object(&headers, &body).map_err(ApiError::bad_request)?;
    ApiError::check(&request, FIELDS)?;
    let account_type = http::non_empty_str(&request, "type").unwrap_or_default();
    if !ACCOUNT_TYPES.contains(&account_type) {
        let message = format!("type must be one of the following values: {}", ACCOUNT_TYPES.join(", "));
        return Err(ApiError::bad_request(message).with_argument("type", account_type));
    }
    let Some(Value::Object(data)) = request.get("data") else {
        return Err(ApiError::bad_request("data must be an object").with_argument("type", account_type));
    };
    for fields in kinds::fields(account_type) {
        ApiError::check(data, fields)?;
    }
    let messages = kinds::violations(account_type, data);
    if !messages.is_empty() {
        let mut error = ApiError::bad_request("").with_argument("type", account_type);
        error.messages = messages;
        return Err(error);
    }

    let seed = state.context.next_seed(SeedKind::Record);
    let id = seed.uuid();
    // Both ids are optional in the request and required in the response.
    let id_or_generated = |key: &str| match http::non_empty_str(&request, key) {
        Some(id) => id.to_owned(),
        None => seed.derive(key).uuid(),
    };
    let external_id = id_or_generated("externalId");
    if !state.external_ids.insert(&external_id, Arc::new(()), 1) {
        let message = "Account already exists for this user";
        return Err(
            ApiError::new(StatusCode::CONFLICT, "SANDBOX.0409", message).with_argument("externalId", &external_id)
        );
    }
    let account = account_json(
        &id,
        id_or_generated("userId"),
        account_type,
        Value::Object(data.clone()),
        &external_id,
        state.context.clock.format_millis(state.context.clock.batch_millis()),
    );
    let response = http::json_response(StatusCode::CREATED, &account);
    state.accounts.insert(&id, Arc::new(Account(account)), 1);
    Ok(response)
}

pub(super) async fn read(State(state): State<Arc<AppState>>, id: PathId) -> Result<Response, ApiError> {
    let account = find(&state, id.as_str()).ok_or_else(|| ApiError::not_found("Account not found"))?;
    Ok(http::json_response(StatusCode::OK, &account))
}

pub(super) async fn delete(State(state): State<Arc<AppState>>, id: PathId) -> Result<Response, ApiError> {
    let id = id.as_str();
    find(&state, id).ok_or_else(|| ApiError::not_found("Account not found"))?;
    state.deleted.insert(id, Arc::new(()), 1);
    Ok(StatusCode::OK.into_response())
}

pub(super) async fn of_user(State(state): State<Arc<AppState>>, user: PathId) -> Response {
    let user = user.as_str();
    let single = state.accounts.values().into_iter().map(|account| account.0.clone());
    let single = single.filter(|account| account["userId"] == user);
    let of_jobs = state.jobs.values().into_iter().flat_map(|job| job.accounts_of(&state, user).collect::<Vec<_>>());
    let accounts: Vec<Value> = single.chain(of_jobs).filter(|account| !is_deleted(&state, account)).collect();
    http::json_response(StatusCode::OK, &accounts)
}

/// Maximum number of accounts in an export, as documented.
const MAX_EXPORTED: usize = 10_000;

/// Columns of an export: the sandbox's own choice.
const EXPORT_COLUMNS: [&str; 6] = ["id", "userId", "externalId", "type", "status", "createdAt"];

#[derive(Deserialize)]
pub(super) struct ExportFilter {
    #[serde(rename = "type")]
    types: Option<String>,
}

pub(super) async fn export(
    State(state): State<Arc<AppState>>,
    Query(filter): Query<ExportFilter>,
) -> Result<Response, ApiError> {
    let types: Option<Vec<&str>> = filter.types.as_deref().map(|types| types.split(',').map(str::trim).collect());
    let is_exported = |account_type: &str| ACCOUNT_TYPES.contains(&account_type) && account_type != CUSTODIAL;
    if let Some(wrong) = types.iter().flatten().find(|account_type| !is_exported(account_type)) {
        return Err(ApiError::bad_request("type must be a list of account types").with_argument("type", wrong));
    }
    let is_wanted = |account: &Value| {
        let account_type = account["type"].as_str().unwrap_or_default();
        let is_wanted = types.as_ref().map_or_else(|| is_exported(account_type), |types| types.contains(&account_type));
        is_wanted && account["status"] == "ACTIVE"
    };
    let rows = all(&state).filter(is_wanted).take(MAX_EXPORTED).map(|account| {
        let cell = |column: &str| account[column].as_str().unwrap_or_default().to_owned();
        EXPORT_COLUMNS.iter().map(|column| cell(column)).collect()
    });
    workbook_response(std::iter::once(EXPORT_COLUMNS.iter().map(ToString::to_string).collect()).chain(rows))
}

/// Returns a response with a workbook of these rows.
pub(super) fn workbook_response(rows: impl IntoIterator<Item = Vec<String>>) -> Result<Response, ApiError> {
    let bytes = xlsx::workbook(rows).map_err(|_| ApiError::from_status(StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, xlsx::MEDIA_TYPE)], bytes).into_response())
}

/// Returns the account with this id, unless it was deleted.
fn find(state: &AppState, id: &str) -> Option<Value> {
    if state.deleted.get(id).is_some() {
        return None;
    }
    if let Some(account) = state.accounts.get(id) {
        return Some(account.0.clone());
    }
    // Accounts of jobs are not stored here: a job derives them from its processed rows.
    state.jobs.values().into_iter().find_map(|job| job.account(state, id))
}

/// Returns all accounts that were not deleted, oldest first: those created singly, then those of jobs.
fn all(state: &AppState) -> impl Iterator<Item = Value> {
    let single = state.accounts.values().into_iter().map(|account| account.0.clone());
    let of_jobs = state.jobs.values().into_iter().flat_map(|job| job.accounts(state).collect::<Vec<_>>());
    single.chain(of_jobs).filter(|account| !is_deleted(state, account))
}

fn is_deleted(state: &AppState, account: &Value) -> bool {
    state.deleted.get(account["id"].as_str().unwrap_or_default()).is_some()
}

pub(super) fn account_json(
    id: &str,
    user_id: String,
    account_type: &str,
    data: Value,
    external_id: &str,
    created_at: String,
) -> Value {
    json!({
        "id": id,
        "userId": user_id,
        "type": account_type,
        "status": "ACTIVE",
        "data": data,
        "externalId": external_id,
        "complianceUrl": compliance_url(id),
        "createdAt": created_at,
        "updatedAt": created_at,
    })
}

pub(super) fn compliance_url(account_id: &str) -> String {
    let short = account_id.get(..8).unwrap_or(account_id);
    format!("https://compliance.example.com/review/{short}")
}
