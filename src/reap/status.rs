use std::sync::LazyLock;
use std::time::Duration;

use bulkrail_core::json::{ResponseSchema, StatusFields, StatusMap};
use bulkrail_core::{CountMismatch, PollingDefaults, Progress, Snapshot, State};

use super::raw;

/// Polling defaults of the [status page](https://reap-ra.readme.io/reference/get_entity-kyc-import-batch-batchid).
///
/// A first poll 1 to 2 minutes after the upload (90 s is used), then one every 30 to 60 s, for 30 minutes at most.
pub const POLLING_DEFAULTS: PollingDefaults = PollingDefaults::new()
    .with_delays(Duration::from_secs(90), Duration::from_secs(30), Duration::from_secs(60))
    .with_deadline(Duration::from_secs(30 * 60))
    .with_progress();

/// Reap's status words and the state that each means; sources are in the [module documentation](super).
pub const STATES: StatusMap = StatusMap::new(&[
    ("pending", State::Queued),
    ("in_progress", State::Running),
    ("processing", State::Running),
    ("completed", State::Finished),
    ("failed", State::Failed),
]);

/// JSON pointer of the id of the batch.
pub(super) const ID: &str = "/batchId";

static SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "BatchStatus"));

pub(super) fn parse_status(mut fields: StatusFields<'_>) -> Snapshot {
    fields.compare(&SCHEMA);
    let (state, word) = STATES.parse_status(&mut fields, "/status");
    let progress = Progress::default()
        .with_total(fields.count("/totalRecords"))
        .with_processed(fields.count("/processedRecords"))
        .with_succeeded(fields.count("/summary/successfulRecords"))
        .with_failed(fields.count("/failedRecords"));
    // Reserved by the page and empty today: an error that no count has is no success.
    let errors = fields.items("/summary/errors").unwrap_or(0);
    let is_uncounted = state == State::Finished && errors > 0 && progress.failed.unwrap_or(0) == 0;
    let mismatch = is_uncounted.then(|| CountMismatch::new("failed", 0, errors));
    let snapshot = Snapshot::new(state, word, progress).with_drift(fields.into_drift());
    snapshot.with_count_mismatches(mismatch.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_every_status_word_of_the_spec() {
        assert_eq!(STATES.words_without_state(raw::SCHEMAS, "BatchState"), [""; 0]);
    }
}
