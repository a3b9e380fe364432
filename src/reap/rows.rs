use bulkrail_core::http::text_at;
use bulkrail_core::{Row, RowOutcome};
use serde_json::Value;

/// Returns the row of an entity. Its reason names the rejected requirement: Reap does not document another reason.
pub(super) fn parse_entity(index: u64, reference: &str, entity: &Value) -> Row {
    let submitted: Vec<_> = entity["submittedRequirements"].as_array().into_iter().flatten().collect();
    let has_status = |requirement: &Value, word: &str| {
        text_at(requirement, "/status").is_some_and(|status| status.eq_ignore_ascii_case(word))
    };
    let rejected = submitted.iter().find(|requirement| has_status(requirement, "REJECTED"));
    let outcome = if rejected.is_some() {
        RowOutcome::Failed
    } else if !submitted.is_empty() && submitted.iter().all(|requirement| has_status(requirement, "APPROVED")) {
        RowOutcome::Succeeded
    } else {
        RowOutcome::Unaccounted
    };
    let mut row = Row::new(outcome).with_index(index).with_reference(reference);
    row.account_id = text_at(entity, "/id");
    match rejected {
        Some(requirement) => {
            let name = text_at(requirement, "/requirement/name").unwrap_or_else(|| "a requirement".to_owned());
            row.with_reason(format!("{name} was rejected"))
        }
        None => row,
    }
}
