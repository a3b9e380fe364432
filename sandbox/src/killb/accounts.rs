//! Creation of single accounts, and reading of any account.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{ApiError, AppState};
use crate::context::SeedKind;
use crate::fields::{Field, Kind};
use crate::http::{self, PathId};

/// Documented account types.
pub(super) const ACCOUNT_TYPES: [&str; 22] = [
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

const FIELDS: &[Field] =
    &[Field::text("type"), Field::new("data", Kind::Object(&[])), Field::text("userId"), Field::text("externalId")];

/// Members of `data` that the documented account types share.
const DOCUMENT: Field = Field::new(
    "document",
    Kind::Object(&[
        Field::text("type"),
        Field::text("number"),
        Field::text("issuedCountryCode"),
        Field::text("expeditionDate"),
        Field::text("cic"),
        Field::text("identificadorCiudadano"),
        Field::text("ocr"),
        Field::text("numeroEmision"),
    ]),
);

const FIRST_NAME: Field = Field::text("firstName");
const MIDDLE_NAME: Field = Field::text("middleName");
const LAST_NAME: Field = Field::text("lastName");
const COMPANY_NAME: Field = Field::text("companyName");
const EMAIL: Field = Field::text("email");
const PHONE: Field = Field::text("phone");
const COUNTRY_CODE: Field = Field::text("countryCode");
const ACCOUNT_NUMBER: Field = Field::text("accountNumber");
const BANK_CODE: Field = Field::text("bankCode");

const PSE: &[Field] = &[
    FIRST_NAME,
    MIDDLE_NAME,
    LAST_NAME,
    COMPANY_NAME,
    EMAIL,
    PHONE,
    DOCUMENT,
    COUNTRY_CODE,
    ACCOUNT_NUMBER,
    BANK_CODE,
    Field::new("type", Kind::Word(&["savings", "checking"])),
];

const SPEI: &[Field] = &[
    FIRST_NAME,
    MIDDLE_NAME,
    LAST_NAME,
    COMPANY_NAME,
    EMAIL,
    PHONE,
    DOCUMENT,
    COUNTRY_CODE,
    BANK_CODE,
    Field::text("clabe"),
    Field::new("clabeType", Kind::Word(&["CLABE", "DEBIT_CARD", "PHONE_NUMBER"])),
];

const ACH: &[Field] = &[
    FIRST_NAME,
    MIDDLE_NAME,
    LAST_NAME,
    COMPANY_NAME,
    EMAIL,
    PHONE,
    DOCUMENT,
    COUNTRY_CODE,
    ACCOUNT_NUMBER,
    Field::text("bankName"),
    Field::text("routingNumber"),
    Field::text("type"),
];

const WALLET: &[Field] = &[
    FIRST_NAME,
    MIDDLE_NAME,
    LAST_NAME,
    COMPANY_NAME,
    EMAIL,
    PHONE,
    DOCUMENT,
    COUNTRY_CODE,
    Field::text("currency"),
    Field::text("network"),
    Field::text("address"),
];

/// Returns the documented members of `data`. Those of the other account types are not published.
fn data_fields(account_type: &str) -> &'static [Field] {
    match account_type {
        "PSE" => PSE,
        "SPEI" => SPEI,
        "ACH" => ACH,
        "WALLET" => WALLET,
        _ => &[],
    }
}

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
    ApiError::check(data, data_fields(account_type))?;
    let messages = validation_errors(account_type, data);
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
    let id = id.as_str();
    if let Some(account) = state.accounts.get(id) {
        return Ok(http::json_response(StatusCode::OK, &account.0));
    }
    // Accounts of jobs are not stored here: a job derives them from its processed rows.
    let from_job = state.jobs.values().into_iter().find_map(|job| job.account(&state, id));
    let account = from_job.ok_or_else(|| ApiError::not_found("Account not found"))?;
    Ok(http::json_response(StatusCode::OK, &account))
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

/// Checks the rules for `data` that are documented: those of PSE and SPEI.
fn validation_errors(account_type: &str, data: &Map<String, Value>) -> Vec<String> {
    let mut errors = Vec::new();
    let has = |key| http::non_empty_str(data, key).is_some();
    if matches!(account_type, "PSE" | "SPEI") && !has("firstName") && !has("companyName") {
        errors.push("firstName is required if companyName is not present".to_owned());
        errors.push("companyName is required if firstName is not present".to_owned());
    }
    if account_type == "SPEI" {
        let clabe_type = http::non_empty_str(data, "clabeType");
        if matches!(clabe_type, Some("DEBIT_CARD" | "PHONE_NUMBER")) && !has("bankCode") {
            errors.push("bankCode is required when clabeType is DEBIT_CARD or PHONE_NUMBER".to_owned());
        }
    }
    errors
}
