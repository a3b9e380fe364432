//! Batches of virtual accounts.

use std::fmt::Write;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::accounts::{self, Account, Owner};
use super::{ALREADY_USED, App, Failure, is_invalid, is_missing, status};
use crate::context::{Context, Kind};
use crate::engine::{Pace, Phase, Plan, Run, fate};
use crate::http;

const PACE: Pace = Pace { queue: 500..1_500, run: Run::Span(5_000..18_000) };

const SIZES: std::ops::RangeInclusive<usize> = 10..=5_000;

/// How many of the things that are wrong with a request are told.
const MAX_PROBLEMS: usize = 20;

/// Why an account fails that has nothing wrong with it.
const REASONS: &[&str] =
    &["Beneficiary blacklisted", "AML rejection", "Compliance limits exceeded", "Rejected by provider"];

pub(super) struct Batch {
    external_id: String,
    internal_id: String,
    owner: Arc<Owner>,
    accounts: Vec<Arc<Account>>,
    plan: Plan,
}

pub(super) async fn create(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Failure> {
    let request = http::object(&body).map_err(|message| Failure::rejected(vec![message]))?;
    let mut problems = Vec::new();
    let owner = accounts::owner(&request, |country| country.batches, &mut problems);
    let external_id = accounts::external_id(&request, "", &mut problems);
    let items = items(&request, owner.as_ref(), &mut problems);
    let (Some(owner), Some(external_id), true) = (owner, external_id, problems.is_empty()) else {
        problems.truncate(MAX_PROBLEMS);
        return Err(Failure::rejected(problems));
    };
    if app.batches.get(&external_id).is_some() {
        return Err(Failure::already_used());
    }

    let batch = Arc::new(Batch::new(&app.context, external_id, owner, items, |id| {
        let kept = app.accounts.get(id);
        kept.is_some_and(|account| account.error.is_none())
    }));
    let weight = batch.accounts.len();
    if !app.batches.insert(&batch.external_id, Arc::clone(&batch), weight) {
        return Err(Failure::already_used());
    }
    for account in &batch.accounts {
        if account.error != Some(ALREADY_USED) {
            accounts::keep(&app, account);
        }
    }
    app.context.counters.batches_created.add();
    Ok(http::json(StatusCode::CREATED, &batch.accepted()))
}

pub(super) async fn read(State(app): State<Arc<App>>, Path(external_id): Path<String>) -> Result<Response, Failure> {
    let batch = app.batches.get(&external_id);
    let batch = batch.ok_or_else(Failure::not_found)?;
    Ok(http::json(StatusCode::OK, &batch.show(&app.context)))
}

/// `externalId` and beneficiary of each account of a request; adds what is wrong to `problems`.
fn items(request: &Map<String, Value>, owner: Option<&Owner>, problems: &mut Vec<String>) -> Vec<(String, Value)> {
    let Some(items) = request.get("accounts").and_then(Value::as_array) else {
        problems.push(is_missing("accounts"));
        return Vec::new();
    };
    if !SIZES.contains(&items.len()) {
        let detail =
            format!("Invalid param + [accounts] + [Must have from {} to {} items]", SIZES.start(), SIZES.end());
        problems.push(detail);
        return Vec::new();
    }
    let item = |(index, item): (usize, &Value)| {
        let at = format!("accounts[{index}].");
        let Some(item) = item.as_object() else {
            problems.push(is_invalid(&format!("accounts[{index}]")));
            return None;
        };
        let external_id = accounts::external_id(item, &at, problems);
        let beneficiary = accounts::beneficiary(item, owner, &at, problems);
        Some((external_id?, beneficiary?))
    };
    items.iter().enumerate().filter_map(item).collect()
}

impl Batch {
    fn new(
        context: &Context,
        external_id: String,
        owner: Owner,
        items: Vec<(String, Value)>,
        is_taken: impl Fn(&str) -> bool,
    ) -> Self {
        let seed = context.next(Kind::Batch);
        let owner = Arc::new(owner);
        let mut seen = std::collections::HashSet::new();
        let errors: Vec<Option<&'static str>> = (items.iter())
            .map(|(id, _)| {
                if is_taken(id) || !seen.insert(id.as_str()) {
                    return Some(ALREADY_USED);
                }
                fate(context.seed, id, REASONS)
            })
            .collect();
        let failures = errors.iter().map(Option::is_some);
        let plan = Plan::new(seed, context.clock.now(), &PACE, failures);
        let accounts = (items.into_iter().zip(errors).zip(0..))
            .map(|(((id, beneficiary), error), index)| {
                let seed = seed.text("account").number(index);
                let ready = plan.row_done(index);
                let owner = Arc::clone(&owner);
                Arc::new(Account::new(seed, id, owner, beneficiary, ready, error))
            })
            .collect();
        Self { external_id, internal_id: seed.uuid(), owner, accounts, plan }
    }

    fn accepted(&self) -> Value {
        let comment = format!(
            "The batch process was started. To check its status, call \
             GET /api/virtual-account-batch/{} after a brief interval",
            self.external_id
        );
        self.in_progress(&comment)
    }

    fn in_progress(&self, comment: &str) -> Value {
        let detail = "Batch Process Virtual Account in progress";
        json!({
            "externalId": self.external_id,
            "internalId": self.internal_id,
            "accountNumber": self.owner.account_number,
            "status": status("100", "INPROGRESS", detail),
            "comment": comment,
        })
    }

    fn show(&self, context: &Context) -> Value {
        let seen = self.plan.at(context.clock.now());
        let stamp = |at| context.clock.stamp_plain(at);
        let started = stamp(seen.started.unwrap_or(self.plan.created));
        let total = self.plan.rows;
        let Some(finished) = seen.finished else {
            let comment = match seen.phase {
                Phase::Queued => format!("The batch process is queued - Total accounts requested = {total} - "),
                _ => format!(
                    "The batch process is running - The process started at = {started} - \
                     Total accounts requested = {total} - "
                ),
            };
            return self.in_progress(&comment);
        };
        let comment = format!(
            "The batch process is done - The process started at = {started} - \
             Total accounts requested = {total} - Total accounts created = {} - \
             The process finished at = {} - ",
            seen.succeeded(),
            stamp(finished)
        );
        let mut answer = self.in_progress(&comment);
        let detail = "Batch Process Virtual Account completed";
        answer["status"] = status("200", "COMPLETED", detail);
        answer["csvFormatResponse"] = self.csv().into();
        answer
    }

    /// The accounts that were created; nothing is said of the others.
    fn csv(&self) -> String {
        let mut csv = "internal_id,external_id,bank_account\n".to_owned();
        for account in self.accounts.iter().filter(|account| account.error.is_none()) {
            let _ = writeln!(csv, "{},{},{}", account.internal_id, account.external_id, account.bank_account);
        }
        csv
    }
}
