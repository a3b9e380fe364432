//! Virtual accounts, and the endpoints of single accounts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{ApiError, AppState, invalid_param, missing_param, rejected, status};
use crate::context::SeedKind;
use crate::fields::{Field, Kind};
use crate::http::{self, PathId};
use crate::seed::Seed;

/// Time to create a single account, in milliseconds of batch time.
const CREATION_TIME: std::ops::Range<u64> = 500..2_000;

pub(super) struct Account {
    pub(super) external_id: String,
    pub(super) internal_id: String,
    /// CLABE, CVU or account number, depending on the country.
    pub(super) bank_account: String,
    pub(super) merchant: Arc<Merchant>,
    pub(super) beneficiary: Value,
    /// Time at which the account is created or fails.
    pub(super) ready_at: u64,
    /// Error that the account gets at `ready_at`; `None` if it succeeds.
    pub(super) error: Option<&'static str>,
    /// Whether the account refuses payments.
    is_disabled: AtomicBool,
}

/// Fields that all accounts of a batch share.
pub(super) struct Merchant {
    /// Number of the account that the merchant has at Localpayment.
    pub(super) account_number: String,
    pub(super) country: &'static Country,
}

pub(super) struct Country {
    pub(super) code: &'static str,
    currency: &'static str,
    /// Accepted document types; empty if any is accepted.
    document_types: &'static [&'static str],
    /// Whether batches are available.
    pub(super) batches: bool,
    /// Generates a bank account number.
    bank_account: fn(Seed) -> String,
}

const COUNTRIES: [Country; 3] = [
    Country {
        code: "ARG",
        currency: "ARS",
        document_types: &["CUIT", "CUIL", "CDI"],
        batches: true,
        bank_account: |seed| format!("000{}", seed.digits(19)),
    },
    Country { code: "MEX", currency: "MXN", document_types: &[], batches: true, bank_account: clabe },
    Country {
        code: "BRA",
        currency: "BRL",
        document_types: &["CPF", "CNPJ"],
        batches: false,
        bank_account: |seed| seed.digits(8),
    },
];

pub(super) const BENEFICIARY: Field = Field::new(
    "beneficiary",
    Kind::Object(&[
        Field::text("type"),
        Field::text("name"),
        Field::text("lastName"),
        Field::text("lastname"),
        Field::new("document", Kind::Object(&[Field::text("type"), Field::text("id")])),
    ]),
);

pub(super) const ADDRESS: Field = Field::new(
    "address",
    Kind::Object(&[
        Field::text("street"),
        Field::text("number"),
        Field::text("city"),
        Field::text("state"),
        Field::text("country"),
        Field::text("zipcode"),
    ]),
);

const FIELDS: &[Field] = &[
    Field::text("externalId"),
    Field::text("accountNumber"),
    Field::text("country"),
    Field::text("currency"),
    BENEFICIARY,
    ADDRESS,
];

pub(super) async fn create(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request = http::parse_object(&headers, &body).map_err(|message| ApiError::validation(vec![message]))?;
    ApiError::check(&request, FIELDS)?;
    let mut errors = Vec::new();
    let merchant = merchant(&request, |_| true, &mut errors);
    let external_id = external_id(&request, "", &mut errors);
    let beneficiary = beneficiary(&request, merchant.as_ref(), "", &mut errors);
    let (Some(merchant), Some(external_id), Some(beneficiary)) = (merchant, external_id, beneficiary) else {
        return Err(ApiError::validation(errors));
    };

    let seed = state.context.next_seed(SeedKind::Record);
    let ready_at = state.context.clock.batch_millis() + seed.derive("life").in_range(&CREATION_TIME);
    let merchant = Arc::new(merchant);
    let account = Account::new(seed, external_id, merchant, beneficiary, ready_at, None);
    let account = Arc::new(account);
    let response = account.to_json(0);
    if !store_account(&state, &account) {
        return Err(ApiError::already_used());
    }
    Ok(http::json_response(StatusCode::CREATED, &response))
}

pub(super) async fn read(State(state): State<Arc<AppState>>, external_id: PathId) -> Result<Response, ApiError> {
    let account = state.accounts.get(external_id.as_str());
    let account = account.ok_or_else(ApiError::not_found)?;
    let response = account.to_json(state.context.clock.batch_millis());
    Ok(http::json_response(StatusCode::OK, &response))
}

/// Stores an account under its `externalId`; returns false if another account has it.
///
/// A failed account is replaced.
pub(super) fn store_account(state: &AppState, account: &Arc<Account>) -> bool {
    let failed = |existing: &Account| existing.error.is_some();
    state.accounts.insert_or_replace(&account.external_id, Arc::clone(account), 1, failed)
}

/// Enables or disables an account, where its status allows that.
pub(super) async fn set_activation(
    State(state): State<Arc<AppState>>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Ok(Path((external_id, activation))) = path else { return Err(ApiError::not_found()) };
    let account = state.accounts.get(&external_id).ok_or_else(ApiError::not_found)?;
    let is_created = account.error.is_none() && state.context.clock.batch_millis() >= account.ready_at;
    let is_changed = |to: bool| account.is_disabled.swap(to, Ordering::Relaxed) != to;
    let (code, word, detail) = match activation.as_str() {
        "disable" if is_created && is_changed(true) => ("300", "DISABLED", "Virtual account disabled"),
        "enable" if is_created && is_changed(false) => ("200", "COMPLETED", "Virtual account has been created"),
        "disable" | "enable" => {
            let detail = "The status of the virtual account does not allow that".to_owned();
            return Err(ApiError::validation(vec![detail]));
        }
        _ => return Err(ApiError::validation(vec![invalid_param("status")])),
    };
    let body = json!({"status": status(code, word, detail), "errors": []});
    Ok(http::json_response(StatusCode::OK, &body))
}

impl Account {
    pub(super) fn new(
        seed: Seed,
        external_id: String,
        merchant: Arc<Merchant>,
        beneficiary: Value,
        ready_at: u64,
        error: Option<&'static str>,
    ) -> Self {
        Self {
            external_id,
            internal_id: seed.uuid(),
            bank_account: (merchant.country.bank_account)(seed.derive("bank account")),
            merchant,
            beneficiary,
            ready_at,
            error,
            is_disabled: AtomicBool::new(false),
        }
    }

    fn to_json(&self, now: u64) -> Value {
        let mut beneficiary = self.beneficiary.clone();
        let (status, errors) = match self.error {
            _ if now < self.ready_at => {
                let detail = "Virtual account in progress";
                (status("100", "INPROGRESS", detail), json!([]))
            }
            Some(error) => (rejected("300", error), json!([rejected("300", error)])),
            None => {
                beneficiary["bank"] = json!({"account": {"number": self.bank_account}});
                let status = match self.is_disabled.load(Ordering::Relaxed) {
                    true => status("300", "DISABLED", "Virtual account disabled"),
                    false => status("200", "COMPLETED", "Virtual account has been created"),
                };
                (status, json!([]))
            }
        };
        json!({
            "externalId": self.external_id,
            "internalId": self.internal_id,
            "accountNumber": self.merchant.account_number,
            "country": self.merchant.country.code,
            "currency": self.merchant.country.currency,
            "beneficiary": beneficiary,
            "status": status,
            "errors": errors,
        })
    }
}

/// Parses `accountNumber` and `country` of a request; adds error details to `errors`.
pub(super) fn merchant(
    request: &Map<String, Value>,
    is_available: impl Fn(&Country) -> bool,
    errors: &mut Vec<String>,
) -> Option<Merchant> {
    let account_number = http::non_empty_str(request, "accountNumber");
    if account_number.is_none() {
        errors.push(missing_param("accountNumber"));
    }
    let code = http::non_empty_str(request, "country");
    let country = COUNTRIES.iter().find(|country| code == Some(country.code) && is_available(country));
    match (code, country) {
        (None, _) => errors.push(missing_param("country")),
        (Some(_), None) => errors.push(invalid_param("country")),
        _ => {}
    }
    Some(Merchant { account_number: account_number?.to_owned(), country: country? })
}

/// Parses an `externalId` of letters, digits and hyphens; adds error details to `errors`.
///
/// `prefix` is the path of the object within the request.
pub(super) fn external_id(object: &Map<String, Value>, prefix: &str, errors: &mut Vec<String>) -> Option<String> {
    let name = format!("{prefix}externalId");
    let Some(id) = http::non_empty_str(object, "externalId") else {
        errors.push(missing_param(&name));
        return None;
    };
    if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        errors.push(invalid_param(&name));
        return None;
    }
    Some(id.to_owned())
}

/// Parses the `beneficiary` of an account; adds error details to `errors`.
///
/// Requests may have `lastName` or `lastname`; responses have `lastname`.
pub(super) fn beneficiary(
    object: &Map<String, Value>,
    merchant: Option<&Merchant>,
    prefix: &str,
    errors: &mut Vec<String>,
) -> Option<Value> {
    let previous_errors = errors.len();
    let empty = Map::new();
    let fields = object.get("beneficiary").and_then(Value::as_object);
    let fields = fields.unwrap_or(&empty);
    let document = fields.get("document").and_then(Value::as_object);
    let document = document.unwrap_or(&empty);
    let mut required = |object, key: &str, name: &str| {
        let value: Option<&str> = http::non_empty_str(object, key);
        if value.is_none() {
            errors.push(missing_param(&format!("{prefix}beneficiary.{name}")));
        }
        value.unwrap_or_default().to_owned()
    };
    let beneficiary_type = required(fields, "type", "type");
    let name = required(fields, "name", "name");
    let document_type = required(document, "type", "document.type");
    let document_id = required(document, "id", "document.id");
    // The documentation has both spellings.
    let last_name = http::non_empty_str(fields, "lastName").or_else(|| http::non_empty_str(fields, "lastname"));
    if beneficiary_type == "INDIVIDUAL" && last_name.is_none() {
        errors.push(missing_param(&format!("{prefix}beneficiary.lastName")));
    }
    if !matches!(beneficiary_type.as_str(), "" | "INDIVIDUAL" | "COMPANY") {
        errors.push(invalid_param(&format!("{prefix}beneficiary.type")));
    }
    let document_types = merchant.map_or(&[][..], |merchant| merchant.country.document_types);
    if !document_type.is_empty() && !document_types.is_empty() && !document_types.contains(&document_type.as_str()) {
        errors.push(invalid_param(&format!("{prefix}beneficiary.document.type")));
    }
    (errors.len() == previous_errors).then(|| {
        json!({
            "type": beneficiary_type,
            "name": name,
            "lastname": last_name.unwrap_or_default(),
            "document": {"type": document_type, "id": document_id},
        })
    })
}

/// Generates a CLABE: 18 digits, of which the last is a check digit.
fn clabe(seed: Seed) -> String {
    let digits = format!("646{}", seed.digits(14));
    let sum: u32 = (digits.bytes().zip([3, 7, 1].into_iter().cycle()))
        .map(|(digit, weight)| u32::from(digit - b'0') * weight % 10)
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bank_account_has_length_of_country() {
        let lengths = COUNTRIES.map(|country| (country.bank_account)(Seed::new(1)).len());
        assert_eq!(lengths, [22, 18, 8]);
        assert!(clabe(Seed::new(1)).starts_with("646"));
    }
}
