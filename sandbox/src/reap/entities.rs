//! Entities: the people whose KYC records are imported.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::batches::Verdict;
use super::{App, Failure};
use crate::context::{Context, Kind};
use crate::http;

const TYPES: [&str; 2] = ["INDIVIDUAL", "BUSINESS"];
const MODES: [&str; 5] = ["KYCAAS", "UKYC", "UKYB", "SUMSUB_TOKEN_SHARING", "UKYC_INTERNAL"];

pub(super) struct Entity {
    external_id: String,
    kind: String,
    created: u64,
}

pub(super) async fn create(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Failure> {
    let request = http::object(&body).map_err(|message| Failure::invalid("", message))?;
    let known = ["externalId", "type", "verificationMode"];
    if let Some(other) = request.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(Failure::invalid(other, "Unknown property"));
    }
    let external_id = http::text(&request, "externalId")
        .ok_or_else(|| Failure::invalid("externalId", "externalId must be a string"))?;
    let kind = http::text(&request, "type").unwrap_or_default();
    if !TYPES.contains(&kind) {
        let message = format!("type must be one of {}", TYPES.join(", "));
        return Err(Failure::invalid("type", message));
    }
    if request.contains_key("verificationMode") {
        let mode = http::text(&request, "verificationMode").unwrap_or_default();
        if !MODES.contains(&mode) {
            let message = format!("verificationMode must be one of {}", MODES.join(", "));
            return Err(Failure::invalid("verificationMode", message));
        }
    }

    let id = app.context.next(Kind::Record).uuid();
    if !app.external_ids.insert(external_id, Arc::new(()), 1) {
        let message = "An entity with this externalId already exists";
        let mut failure = Failure::new(StatusCode::CONFLICT, "0101003409", message);
        failure.parameter = "externalId".to_owned();
        return Err(failure);
    }
    let entity =
        Entity { external_id: external_id.to_owned(), kind: kind.to_owned(), created: app.context.clock.now() };
    let body = json!({
        "id": id,
        "externalId": external_id,
        "businessId": super::business_id(&app.context),
        "type": kind,
    });
    app.entities.insert(&id, Arc::new(entity), 1);
    Ok(http::json(StatusCode::CREATED, &body))
}

pub(super) async fn read(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Failure> {
    let clock = &app.context.clock;
    let now = clock.now();
    let entity = app.entities.get(&id).or_else(|| named_in_a_batch(&app, &id, now));
    let entity = entity.ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "0102001404", "Entity not found"))?;
    let verdicts: Vec<Verdict> =
        (app.batches.all().iter()).flat_map(|batch| batch.verdicts(now, [&id, &entity.external_id])).collect();
    let updated = verdicts.iter().map(|verdict| verdict.updated).max();
    let requirements: Vec<Value> = (verdicts.iter()).map(|verdict| requirement(&app.context, verdict)).collect();
    let body = json!({
        "id": id,
        "externalId": entity.external_id,
        "businessId": super::business_id(&app.context),
        "type": entity.kind,
        "enabledFeatures": [],
        "submittedRequirements": requirements,
        "createdAt": clock.stamp(entity.created),
        "updatedAt": clock.stamp(updated.unwrap_or_default().max(entity.created)),
    });
    Ok(http::json(StatusCode::OK, &body))
}

/// Rows need not name entities that were created here first; those that do not are taken to have been there all along.
fn named_in_a_batch(app: &App, id: &str, now: u64) -> Option<Arc<Entity>> {
    let batches = app.batches.all();
    let first =
        batches.iter().flat_map(|batch| batch.verdicts(now, [id, id])).map(|verdict| verdict.submitted).min()?;
    Some(Arc::new(Entity { external_id: id.to_owned(), kind: TYPES[0].to_owned(), created: first }))
}

fn requirement(context: &Context, verdict: &Verdict) -> Value {
    json!({
        "submissionId": verdict.seed.text("submission").uuid(),
        "requirement": {
            "id": context.seed.text("requirement").uuid(),
            "name": "Sumsub KYC import",
            "valueType": "JSON",
            "jsonSchema": null,
        },
        // Never the share token itself.
        "value": {"provider": "sumsub"},
        "status": verdict.status,
        "createdAt": context.clock.stamp(verdict.submitted),
        "updatedAt": context.clock.stamp(verdict.updated),
    })
}
