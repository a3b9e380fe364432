use serde_json::Value;

use crate::transport::text_at;
use crate::{Row, RowOutcome};

/// The rows of a status answer, read leniently: no page says which of their fields are always there.
///
/// A row has succeeded when its `status` says so, whatever its `error` says: KillB's own example has a `SUCCESS` row with an error
/// text. `ERROR` is the failing word in KillB's own client; any other word leaves the row unaccounted for.
pub(super) fn read(job: &Value) -> Vec<Row> {
    job["results"].as_array().into_iter().flatten().map(row).collect()
}

fn row(result: &Value) -> Row {
    let status = text_at(result, "/status").unwrap_or_default().to_ascii_uppercase();
    let outcome = match status.as_str() {
        "SUCCESS" => RowOutcome::Succeeded,
        "ERROR" | "FAILED" => RowOutcome::Failed,
        _ => RowOutcome::Unaccounted,
    };
    let mut row = Row::new(outcome);
    row.index = result["rowNumber"].as_u64();
    row.reference = text_at(result, "/originalRowData/externalId");
    row.account_id = text_at(result, "/accountId");
    row.reason = text_at(result, "/error").filter(|_| outcome != RowOutcome::Succeeded);
    row
}
