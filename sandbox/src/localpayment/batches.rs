//! Batches of virtual accounts.

use std::fmt::Write;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::accounts::{self, Account, Merchant};
use super::{ALREADY_USED, ApiError, AppState, invalid_param, missing_param, status};
use crate::context::{Context, SeedKind};
use crate::fields::{Field, Kind};
use crate::http::{self, PathId};
use crate::timeline::{Phase, ProcessingTime, Timeline, Timing, failure_reason};

const TIMING: Timing = Timing { queue: 500..1_500, processing: ProcessingTime::Total(5_000..18_000) };

/// Documented number of accounts per batch.
const BATCH_SIZE: std::ops::RangeInclusive<usize> = 10..=5_000;

const FIELDS: &[Field] = &[
    Field::text("externalId"),
    Field::text("accountNumber"),
    Field::text("country"),
    Field::text("name"),
    Field::new(
        "accounts",
        Kind::List(&Kind::Object(&[Field::text("externalId"), accounts::BENEFICIARY, accounts::ADDRESS])),
    ),
];

/// Errors of failing accounts that are valid, from the documented rejections of payins.
const FAILURE_REASONS: &[&str] =
    &["Beneficiary blacklisted", "AML rejection", "Compliance limits exceeded", "Rejected by provider"];

pub(super) struct Batch {
    external_id: String,
    internal_id: String,
    merchant: Arc<Merchant>,
    accounts: Vec<Arc<Account>>,
    timeline: Timeline,
}

pub(super) async fn create(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request = http::parse_object(&headers, &body).map_err(|message| ApiError::validation(vec![message]))?;
    ApiError::check(&request, FIELDS)?;
    let mut errors = Vec::new();
    let merchant = accounts::merchant(&request, |country| country.batches, &mut errors);
    let external_id = accounts::external_id(&request, "", &mut errors);
    let items = parse_items(&request, merchant.as_ref(), &mut errors);
    let (Some(merchant), Some(external_id), true) = (merchant, external_id, errors.is_empty()) else {
        return Err(ApiError::validation(errors));
    };
    if state.batches.get(&external_id).is_some() {
        return Err(ApiError::already_used());
    }

    let batch = Arc::new(Batch::new(&state.context, external_id, merchant, items, |id| {
        let existing = state.accounts.get(id);
        existing.is_some_and(|account| account.error.is_none())
    }));
    let weight = batch.accounts.len();
    if !state.batches.insert(&batch.external_id, Arc::clone(&batch), weight) {
        return Err(ApiError::already_used());
    }
    for account in &batch.accounts {
        if account.error != Some(ALREADY_USED) {
            accounts::store_account(&state, account);
        }
    }
    state.context.counters.batches_created.increment();
    Ok(http::json_response(StatusCode::CREATED, &batch.accepted_json()))
}

pub(super) async fn read(State(state): State<Arc<AppState>>, external_id: PathId) -> Result<Response, ApiError> {
    let batch = state.batches.get(external_id.as_str());
    let batch = batch.ok_or_else(ApiError::not_found)?;
    Ok(http::json_response(StatusCode::OK, &batch.to_json(&state.context)))
}

/// Parses `externalId` and beneficiary of each account; adds error details to `errors`.
fn parse_items(
    request: &Map<String, Value>,
    merchant: Option<&Merchant>,
    errors: &mut Vec<String>,
) -> Vec<(String, Value)> {
    let Some(items) = request.get("accounts").and_then(Value::as_array) else {
        errors.push(missing_param("accounts"));
        return Vec::new();
    };
    if !BATCH_SIZE.contains(&items.len()) {
        let detail = format!(
            "Invalid param + [accounts] + [Must have from {} to {} items]",
            BATCH_SIZE.start(),
            BATCH_SIZE.end()
        );
        errors.push(detail);
        return Vec::new();
    }
    let item = |(index, item): (usize, &Value)| {
        let prefix = format!("accounts[{index}].");
        let Some(item) = item.as_object() else {
            errors.push(invalid_param(&format!("accounts[{index}]")));
            return None;
        };
        let external_id = accounts::external_id(item, &prefix, errors);
        let beneficiary = accounts::beneficiary(item, merchant, &prefix, errors);
        Some((external_id?, beneficiary?))
    };
    items.iter().enumerate().filter_map(item).collect()
}

impl Batch {
    fn new(
        context: &Context,
        external_id: String,
        merchant: Merchant,
        items: Vec<(String, Value)>,
        is_used: impl Fn(&str) -> bool,
    ) -> Self {
        let seed = context.next_seed(SeedKind::Batch);
        let merchant = Arc::new(merchant);
        let mut external_ids = std::collections::HashSet::new();
        let errors: Vec<Option<&'static str>> = (items.iter())
            .map(|(id, _)| {
                if is_used(id) || !external_ids.insert(id.as_str()) {
                    return Some(ALREADY_USED);
                }
                failure_reason(context.seed, id, FAILURE_REASONS)
            })
            .collect();
        let failures = errors.iter().map(Option::is_some);
        let timeline = Timeline::new(seed, context.clock.batch_millis(), &TIMING, failures);
        let accounts = (items.into_iter().zip(errors).zip(0..))
            .map(|(((id, beneficiary), error), index)| {
                let seed = seed.derive("account").derive_index(index);
                let ready_at = timeline.row_processed_at(index);
                let merchant = Arc::clone(&merchant);
                Arc::new(Account::new(seed, id, merchant, beneficiary, ready_at, error))
            })
            .collect();
        Self { external_id, internal_id: seed.uuid(), merchant, accounts, timeline }
    }

    fn accepted_json(&self) -> Value {
        let comment = format!(
            "The batch process was started. To check its status, call \
             GET /api/virtual-account-batch/{} after a brief interval",
            self.external_id
        );
        self.in_progress_json(&comment)
    }

    fn in_progress_json(&self, comment: &str) -> Value {
        let detail = "Batch Process Virtual Account in progress";
        json!({
            "externalId": self.external_id,
            "internalId": self.internal_id,
            "accountNumber": self.merchant.account_number,
            "status": status("100", "INPROGRESS", detail),
            "comment": comment,
        })
    }

    fn to_json(&self, context: &Context) -> Value {
        let snapshot = self.timeline.snapshot(context.clock.batch_millis());
        let format_time = |millis| context.clock.format_without_zone(millis);
        let started = format_time(snapshot.started.unwrap_or(self.timeline.created));
        let total = self.timeline.rows;
        let Some(finished) = snapshot.finished else {
            let comment = match snapshot.phase {
                Phase::Queued => format!("The batch process is queued - Total accounts requested = {total} - "),
                _ => format!(
                    "The batch process is running - The process started at = {started} - \
                     Total accounts requested = {total} - "
                ),
            };
            return self.in_progress_json(&comment);
        };
        let comment = format!(
            "The batch process is done - The process started at = {started} - \
             Total accounts requested = {total} - Total accounts created = {} - \
             The process finished at = {} - ",
            snapshot.succeeded(),
            format_time(finished)
        );
        let mut response = self.in_progress_json(&comment);
        let detail = "Batch Process Virtual Account completed";
        response["status"] = status("200", "COMPLETED", detail);
        response["csvFormatResponse"] = self.csv().into();
        response
    }

    /// Returns the created accounts as CSV; failed accounts are not listed.
    fn csv(&self) -> String {
        let mut csv = "internal_id,external_id,bank_account\n".to_owned();
        for account in self.accounts.iter().filter(|account| account.error.is_none()) {
            let _ = writeln!(csv, "{},{},{}", account.internal_id, account.external_id, account.bank_account);
        }
        csv
    }
}
