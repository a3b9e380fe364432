use std::sync::LazyLock;

use bulkrail_core::json::{ResponseSchema, StatusFields, StatusMap};
use bulkrail_core::{Progress, Snapshot, State};

use super::raw;

/// KillB's status words and the state that each means; sources are in the [module documentation](super).
pub const STATES: StatusMap = StatusMap::new(&[
    ("PENDING", State::Queued),
    ("PROCESSING", State::Running),
    ("COMPLETED", State::Finished),
    ("FAILED", State::Failed),
]);

/// JSON pointer of the id of the batch.
pub(super) const ID: &str = "/jobId";

static SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "BulkJob"));

/// Reads the job's own fields. Its rows are skipped.
pub(super) fn parse_status(mut fields: StatusFields<'_>) -> Snapshot {
    fields.compare(&SCHEMA);
    let (state, word) = STATES.parse_status(&mut fields, "/status");
    let progress = Progress::default()
        .with_total(fields.count("/totalRows"))
        .with_processed(fields.count("/processedRows"))
        .with_succeeded(fields.count("/successCount"))
        .with_failed(fields.count("/errorCount"));
    let message = fields.text("/error").map(str::to_owned);
    Snapshot::new(state, word, progress).with_message(message).with_drift(fields.into_drift())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_every_status_word_of_the_spec() {
        assert_eq!(STATES.words_without_state(raw::SCHEMAS, "BulkJobStatus"), [""; 0]);
    }
}
