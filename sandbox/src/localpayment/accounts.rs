//! Virtual accounts: what one is, and those made singly.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{App, Failure, is_invalid, is_missing, rejected, status};
use crate::context::Kind;
use crate::http;
use crate::seed::Seed;

/// How long a single account takes, in virtual milliseconds.
const LIFE: std::ops::Range<u64> = 500..2_000;

pub(super) struct Account {
    pub(super) external_id: String,
    pub(super) internal_id: String,
    /// CLABE, CVU or account number.
    pub(super) bank_account: String,
    pub(super) owner: Arc<Owner>,
    pub(super) beneficiary: Value,
    /// When it is there, or is known to have failed.
    pub(super) ready: u64,
    /// Why it will fail, if it will.
    pub(super) error: Option<&'static str>,
}

/// What all accounts of a batch have in common.
pub(super) struct Owner {
    pub(super) account_number: String,
    pub(super) country: &'static Country,
}

pub(super) struct Country {
    pub(super) code: &'static str,
    currency: &'static str,
    /// The document types accepted; any if none is listed.
    documents: &'static [&'static str],
    pub(super) batches: bool,
    bank_account: fn(Seed) -> String,
}

const COUNTRIES: [Country; 3] = [
    Country {
        code: "ARG",
        currency: "ARS",
        documents: &["CUIT", "CUIL", "CDI"],
        batches: true,
        bank_account: |seed| format!("000{}", seed.digits(19)),
    },
    Country { code: "MEX", currency: "MXN", documents: &[], batches: true, bank_account: clabe },
    Country {
        code: "BRA",
        currency: "BRL",
        documents: &["CPF", "CNPJ"],
        batches: false,
        bank_account: |seed| seed.digits(8),
    },
];

pub(super) async fn create(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Failure> {
    let request = http::object(&body).map_err(|message| Failure::rejected(vec![message]))?;
    let mut problems = Vec::new();
    let owner = owner(&request, |_| true, &mut problems);
    let external_id = external_id(&request, "", &mut problems);
    let beneficiary = beneficiary(&request, owner.as_ref(), "", &mut problems);
    let (Some(owner), Some(external_id), Some(beneficiary)) = (owner, external_id, beneficiary) else {
        return Err(Failure::rejected(problems));
    };

    let seed = app.context.next(Kind::Record);
    let ready = app.context.clock.now() + seed.text("life").between(&LIFE);
    let owner = Arc::new(owner);
    let account = Account::new(seed, external_id, owner, beneficiary, ready, None);
    let account = Arc::new(account);
    let answer = account.show(0);
    if !keep(&app, &account) {
        return Err(Failure::already_used());
    }
    Ok(http::json(StatusCode::CREATED, &answer))
}

pub(super) async fn read(State(app): State<Arc<App>>, Path(external_id): Path<String>) -> Result<Response, Failure> {
    let account = app.accounts.get(&external_id);
    let account = account.ok_or_else(Failure::not_found)?;
    let answer = account.show(app.context.clock.now());
    Ok(http::json(StatusCode::OK, &answer))
}

/// Keeps an account under its `externalId`; false if that is taken. One that failed does not take it.
pub(super) fn keep(app: &App, account: &Arc<Account>) -> bool {
    let failed = |kept: &Account| kept.error.is_some();
    app.accounts.insert_over(&account.external_id, Arc::clone(account), 1, failed)
}

impl Account {
    pub(super) fn new(
        seed: Seed,
        external_id: String,
        owner: Arc<Owner>,
        beneficiary: Value,
        ready: u64,
        error: Option<&'static str>,
    ) -> Self {
        Self {
            external_id,
            internal_id: seed.uuid(),
            bank_account: (owner.country.bank_account)(seed.text("bank account")),
            owner,
            beneficiary,
            ready,
            error,
        }
    }

    fn show(&self, now: u64) -> Value {
        let mut beneficiary = self.beneficiary.clone();
        let (status, errors) = match self.error {
            _ if now < self.ready => {
                let detail = "Virtual account in progress";
                (status("100", "INPROGRESS", detail), json!([]))
            }
            Some(error) => (rejected("300", error), json!([rejected("300", error)])),
            None => {
                beneficiary["bank"] = json!({"account": {"number": self.bank_account}});
                let detail = "Virtual account has been created";
                (status("200", "COMPLETED", detail), json!([]))
            }
        };
        json!({
            "externalId": self.external_id,
            "internalId": self.internal_id,
            "accountNumber": self.owner.account_number,
            "country": self.owner.country.code,
            "currency": self.owner.country.currency,
            "beneficiary": beneficiary,
            "status": status,
            "errors": errors,
        })
    }
}

/// `accountNumber` and `country` of a request; adds what is wrong to `problems`.
pub(super) fn owner(
    request: &Map<String, Value>,
    offered: impl Fn(&Country) -> bool,
    problems: &mut Vec<String>,
) -> Option<Owner> {
    let account_number = http::text(request, "accountNumber");
    if account_number.is_none() {
        problems.push(is_missing("accountNumber"));
    }
    let code = http::text(request, "country");
    let country = COUNTRIES.iter().find(|country| code == Some(country.code) && offered(country));
    match (code, country) {
        (None, _) => problems.push(is_missing("country")),
        (Some(_), None) => problems.push(is_invalid("country")),
        _ => {}
    }
    Some(Owner { account_number: account_number?.to_owned(), country: country? })
}

/// `externalId`: letters, digits and hyphens.
pub(super) fn external_id(object: &Map<String, Value>, at: &str, problems: &mut Vec<String>) -> Option<String> {
    let name = format!("{at}externalId");
    let Some(id) = http::text(object, "externalId") else {
        problems.push(is_missing(&name));
        return None;
    };
    if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        problems.push(is_invalid(&name));
        return None;
    }
    Some(id.to_owned())
}

/// The `beneficiary` of an account, with the last name spelled as in answers; adds what is wrong to `problems`.
pub(super) fn beneficiary(
    object: &Map<String, Value>,
    owner: Option<&Owner>,
    at: &str,
    problems: &mut Vec<String>,
) -> Option<Value> {
    let before = problems.len();
    let empty = Map::new();
    let given = object.get("beneficiary").and_then(Value::as_object);
    let given = given.unwrap_or(&empty);
    let document = given.get("document").and_then(Value::as_object);
    let document = document.unwrap_or(&empty);
    let mut need = |object, key: &str, name: &str| {
        let found: Option<&str> = http::text(object, key);
        if found.is_none() {
            problems.push(is_missing(&format!("{at}beneficiary.{name}")));
        }
        found.unwrap_or_default().to_owned()
    };
    let kind = need(given, "type", "type");
    let name = need(given, "name", "name");
    let document_type = need(document, "type", "document.type");
    let document_id = need(document, "id", "document.id");
    // The documentation spells it both ways.
    let last_name = http::text(given, "lastName").or_else(|| http::text(given, "lastname"));
    if kind == "INDIVIDUAL" && last_name.is_none() {
        problems.push(is_missing(&format!("{at}beneficiary.lastName")));
    }
    if !matches!(kind.as_str(), "" | "INDIVIDUAL" | "COMPANY") {
        problems.push(is_invalid(&format!("{at}beneficiary.type")));
    }
    let documents = owner.map_or(&[][..], |owner| owner.country.documents);
    if !document_type.is_empty() && !documents.is_empty() && !documents.contains(&document_type.as_str()) {
        problems.push(is_invalid(&format!("{at}beneficiary.document.type")));
    }
    (problems.len() == before).then(|| {
        json!({
            "type": kind,
            "name": name,
            "lastname": last_name.unwrap_or_default(),
            "document": {"type": document_type, "id": document_id},
        })
    })
}

/// 18 digits; the last one checks the others.
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
    fn account_numbers_have_the_length_of_their_country() {
        let lengths = COUNTRIES.map(|country| (country.bank_account)(Seed::new(1)).len());
        assert_eq!(lengths, [22, 18, 8]);
        assert!(clabe(Seed::new(1)).starts_with("646"));
    }
}
