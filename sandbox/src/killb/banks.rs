//! List of banks. The banks are made up; codes have three digits as in the reference pages.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http;

/// Countries whose banks are listed.
const COUNTRIES: [&str; 12] = ["BO", "CO", "CR", "DO", "GT", "HN", "MX", "NI", "PA", "PY", "SV", "UY"];

/// Codes of the banks of each country.
const CODES: [&str; 4] = ["001", "002", "012", "0114"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    country_code: Option<String>,
}

pub(super) async fn list(Query(filter): Query<Filter>) -> Response {
    let banks: Vec<Value> = (COUNTRIES.into_iter())
        .filter(|country| filter.country_code.as_deref().is_none_or(|wanted| wanted == *country))
        .flat_map(|country| CODES.iter().map(move |code| bank(country, code)))
        .collect();
    http::json_response(StatusCode::OK, &banks)
}

fn bank(country: &str, code: &str) -> Value {
    json!({
        "id": format!("bank-{country}-{code}"),
        "code": code,
        "companyName": format!("Banco {country} {code} S.A."),
        "tradeName": format!("Banco {country} {code}"),
        "countryCode": country,
        "accountTypes": ["savings", "checking"],
        "createdAt": "2026-04-23T00:38:08.439Z",
        "updatedAt": "2026-04-23T00:38:08.439Z",
    })
}

/// Returns whether a listed country has a bank with this code: each has the same ones.
pub(super) fn has_code(code: &str) -> bool {
    CODES.contains(&code)
}
