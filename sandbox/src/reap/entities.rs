//! Entities: individuals and businesses whose KYC records are imported.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::batches::RowState;
use super::{ApiError, AppState};
use crate::context::{Context, SeedKind};
use crate::http::{self, PathId};

const ENTITY_TYPES: [&str; 2] = ["INDIVIDUAL", "BUSINESS"];
const VERIFICATION_MODES: [&str; 5] = ["KYCAAS", "UKYC", "UKYB", "SUMSUB_TOKEN_SHARING", "UKYC_INTERNAL"];

pub(super) struct Entity {
    external_id: String,
    entity_type: String,
    created: u64,
}

pub(super) async fn create(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request = http::parse_object(&headers, &body).map_err(|message| ApiError::bad_request("", message))?;
    let known = ["externalId", "type", "verificationMode"];
    if let Some(other) = request.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(ApiError::bad_request(other, "Unknown property"));
    }
    let external_id = http::non_empty_str(&request, "externalId")
        .ok_or_else(|| ApiError::bad_request("externalId", "externalId must be a string"))?;
    let entity_type = http::non_empty_str(&request, "type").unwrap_or_default();
    if !ENTITY_TYPES.contains(&entity_type) {
        let message = format!("type must be one of {}", ENTITY_TYPES.join(", "));
        return Err(ApiError::bad_request("type", message));
    }
    if request.contains_key("verificationMode") {
        let mode = http::non_empty_str(&request, "verificationMode").unwrap_or_default();
        if !VERIFICATION_MODES.contains(&mode) {
            let message = format!("verificationMode must be one of {}", VERIFICATION_MODES.join(", "));
            return Err(ApiError::bad_request("verificationMode", message));
        }
    }

    let id = state.context.next_seed(SeedKind::Record).uuid();
    if !state.external_ids.insert(external_id, Arc::new(()), 1) {
        let message = "An entity with this externalId already exists";
        let mut error = ApiError::new(StatusCode::CONFLICT, "0101003409", message);
        error.parameter = "externalId".to_owned();
        return Err(error);
    }
    let entity = Entity {
        external_id: external_id.to_owned(),
        entity_type: entity_type.to_owned(),
        created: state.context.clock.batch_millis(),
    };
    let body = json!({
        "id": id,
        "externalId": external_id,
        "businessId": super::business_id(&state.context),
        "type": entity_type,
    });
    state.entities.insert(&id, Arc::new(entity), 1);
    Ok(http::json_response(StatusCode::CREATED, &body))
}

pub(super) async fn read(State(state): State<Arc<AppState>>, id: PathId) -> Result<Response, ApiError> {
    let clock = &state.context.clock;
    let now = clock.batch_millis();
    let id = id.as_str();
    let entity = state.entities.get(id).or_else(|| entity_of_batch_row(&state, id, now));
    let entity = entity.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "0102001404", "Entity not found"))?;
    let row_states: Vec<RowState> =
        (state.batches.values().iter()).flat_map(|batch| batch.row_states(now, [id, &entity.external_id])).collect();
    let updated = row_states.iter().map(|row_state| row_state.updated).max();
    let requirements: Vec<Value> =
        (row_states.iter()).map(|row_state| requirement(&state.context, row_state)).collect();
    let body = json!({
        "id": id,
        "externalId": entity.external_id,
        "businessId": super::business_id(&state.context),
        "type": entity.entity_type,
        "enabledFeatures": [],
        "submittedRequirements": requirements,
        "createdAt": clock.format_millis(entity.created),
        "updatedAt": clock.format_millis(updated.unwrap_or_default().max(entity.created)),
    });
    Ok(http::json_response(StatusCode::OK, &body))
}

/// Returns an entity that was never created but is the reference of a batch row.
///
/// Such an entity exists from the time of its first batch.
fn entity_of_batch_row(state: &AppState, id: &str, now: u64) -> Option<Arc<Entity>> {
    // A row without a reference has no entity.
    if id.is_empty() {
        return None;
    }
    let batches = state.batches.values();
    let first =
        batches.iter().flat_map(|batch| batch.row_states(now, [id, id])).map(|row_state| row_state.submitted).min()?;
    Some(Arc::new(Entity { external_id: id.to_owned(), entity_type: ENTITY_TYPES[0].to_owned(), created: first }))
}

fn requirement(context: &Context, row_state: &RowState) -> Value {
    json!({
        "submissionId": row_state.seed.derive("submission").uuid(),
        "requirement": {
            "id": context.seed.derive("requirement").uuid(),
            "name": "Sumsub KYC import",
            "valueType": "JSON",
            "jsonSchema": null,
        },
        // The share token is a secret and is not returned.
        "value": {"provider": "sumsub"},
        "status": row_state.status,
        "createdAt": context.clock.format_millis(row_state.submitted),
        "updatedAt": context.clock.format_millis(row_state.updated),
    })
}
