//! The confirmation of a single bank account.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{ApiError, AppState};
use crate::fields::Field;
use crate::http;

const FIELDS: [&str; 5] = [
    "internationalBankAccountIdentifier",
    "internationalBankIdentifier",
    "bankCountryCode",
    "nationalBankIdentifier",
    "nationalBankAccountIdentifier",
];

/// Confirms one bank account; the result is derived from the identifiers of the account.
pub(super) async fn confirm(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let mut request = http::parse_object(&headers, &body).map_err(ApiError::bad_request)?;
    let Some(Value::Object(account)) = request.remove("bankAccount") else {
        return Err(ApiError::bad_request("bankAccount must be an object"));
    };
    ApiError::check(&account, &FIELDS.map(Field::text))?;
    if !identifies_account(&account) {
        let message = "Not enough data to identify the bank account";
        return Err(ApiError::bad_request(message));
    }
    let seed = FIELDS
        .iter()
        .fold(state.context.seed, |seed, field| seed.derive(http::non_empty_str(&account, field).unwrap_or_default()));
    let mut response = Map::new();
    let mut add = |key: &str, value: Value| response.insert(key.to_owned(), value);
    match seed.derive("outcome").below(12) {
        0 => {
            add(
                "associatedFraudCases",
                json!([{
                    "cdlId": format!("CDL{}", seed.derive("case").digits(9)),
                    "dateOfAttack": date(seed.derive("attack").below(336)),
                    "type": "ACTIVE_WARNING",
                    "description": "Changed bank details in a forged invoice",
                    "confirmationState": "CONFIRMED",
                    "classification": "STANDARD",
                    "bankAccount": &account,
                }]),
            );
        }
        1 | 2 => {}
        _ => {
            let count = |label: &str, bound| (1 + seed.derive(label).below(bound)).to_string();
            add("bankAccountConfirmed", Value::Object(account.clone()));
            add("numberOfCompanies", count("companies", 20).into());
            add("numberOfPayments", count("payments", 500).into());
            add("lastPaymentAt", date(seed.derive("payment").below(336)).into());
            add("trustScore", count("score", 10).into());
        }
    }
    add("bankAccountRequest", Value::Object(account));
    Ok(http::json_response(StatusCode::OK, &response))
}

/// Returns whether the members identify a bank account.
///
/// Sufficient are an IBAN, a national account number with a BIC, or a national account number with
/// a national bank code and a country.
fn identifies_account(account: &Map<String, Value>) -> bool {
    let has = |key| http::non_empty_str(account, key).is_some();
    has("internationalBankAccountIdentifier")
        || has("nationalBankAccountIdentifier")
            && (has("internationalBankIdentifier") || has("nationalBankIdentifier") && has("bankCountryCode"))
}

/// Formats a day of 2025 as a date, counting 28 days per month.
fn date(day: u64) -> String {
    format!("2025-{:02}-{:02}", day / 28 % 12 + 1, day % 28 + 1)
}
