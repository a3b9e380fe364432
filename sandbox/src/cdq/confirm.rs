//! The confirmation of a single bank account.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{App, Refusal};
use crate::http;

const FIELDS: [&str; 5] = [
    "internationalBankAccountIdentifier",
    "internationalBankIdentifier",
    "bankCountryCode",
    "nationalBankIdentifier",
    "nationalBankAccountIdentifier",
];

/// Of twelve accounts about one is a fraud case and two are unknown; the account decides which.
pub(super) async fn confirm(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Refusal> {
    let mut request = http::object(&body).map_err(Refusal::invalid)?;
    let Some(Value::Object(account)) = request.remove("bankAccount") else {
        return Err(Refusal::invalid("bankAccount must not be null"));
    };
    if !identifies(&account) {
        let message = "Not enough data to identify the bank account";
        return Err(Refusal::invalid(message));
    }
    let seed =
        FIELDS.iter().fold(app.context.seed, |seed, field| seed.text(http::text(&account, field).unwrap_or_default()));
    let mut answer = Map::new();
    let mut add = |key: &str, value: Value| answer.insert(key.to_owned(), value);
    match seed.text("outcome").below(12) {
        0 => {
            add(
                "associatedFraudCases",
                json!([{
                    "cdlId": format!("CDL{}", seed.text("case").digits(9)),
                    "dateOfAttack": date(seed.text("attack").below(336)),
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
            let count = |label: &str, bound| (1 + seed.text(label).below(bound)).to_string();
            add("bankAccountConfirmed", Value::Object(account.clone()));
            add("numberOfCompanies", count("companies", 20).into());
            add("numberOfPayments", count("payments", 500).into());
            add("lastPaymentAt", date(seed.text("payment").below(336)).into());
            add("trustScore", count("score", 10).into());
        }
    }
    add("bankAccountRequest", Value::Object(account));
    Ok(http::json(StatusCode::OK, &answer))
}

/// An IBAN; or a national account number with a BIC; or one with a national bank code and a country.
fn identifies(account: &Map<String, Value>) -> bool {
    let has = |key| http::text(account, key).is_some();
    has("internationalBankAccountIdentifier")
        || has("nationalBankAccountIdentifier")
            && (has("internationalBankIdentifier") || has("nationalBankIdentifier") && has("bankCountryCode"))
}

/// Some day of 2025, in months of 28 days.
fn date(day: u64) -> String {
    format!("2025-{:02}-{:02}", day / 28 % 12 + 1, day % 28 + 1)
}
