use serde_json::Value;

use crate::transport::text_at;
use crate::{Row, RowOutcome};

/// What an entity says about its row. The reason is the requirement that was rejected: Reap gives no other.
pub(super) fn read(index: u64, reference: &str, entity: &Value) -> Row {
    let submitted: Vec<_> = entity["submittedRequirements"].as_array().into_iter().flatten().collect();
    let status = |requirement: &&&Value, word: &str| {
        text_at(requirement, "/status").is_some_and(|status| status.eq_ignore_ascii_case(word))
    };
    let rejected = submitted.iter().find(|requirement| status(requirement, "REJECTED"));
    let outcome = if rejected.is_some() {
        RowOutcome::Failed
    } else if !submitted.is_empty() && submitted.iter().all(|requirement| status(&requirement, "APPROVED")) {
        RowOutcome::Succeeded
    } else {
        RowOutcome::Unaccounted
    };
    let mut row = Row::new(outcome);
    row.index = Some(index);
    row.reference = Some(reference.to_owned());
    row.account_id = text_at(entity, "/id");
    row.reason = rejected.map(|requirement| {
        let name = text_at(requirement, "/requirement/name").unwrap_or_else(|| "a requirement".to_owned());
        format!("{name} was rejected")
    });
    row
}
