use super::raw;
use crate::transport::{Vitals, Words, shape};
use crate::{Progress, Snapshot, State};

const WORDS: Words = Words(&[
    ("PENDING", State::Queued),
    ("PROCESSING", State::Running),
    ("COMPLETED", State::Finished),
    ("FAILED", State::Failed),
]);

/// Reads counters only; the rows are skipped.
pub(super) fn judge(mut vitals: Vitals<'_>) -> Snapshot {
    compare(&mut vitals);
    let (state, word) = WORDS.read(&mut vitals, "/status");
    let progress = Progress {
        total: vitals.count("/totalRows"),
        processed: vitals.count("/processedRows"),
        succeeded: vitals.count("/successCount"),
        failed: vitals.count("/errorCount"),
        stated_percent: None,
    };
    let mut snapshot = Snapshot::new(state, word, progress);
    snapshot.message = vitals.text("/error").map(str::to_owned);
    snapshot.drift = vitals.into_drift();
    snapshot
}

/// Notes in what the answer differs from the spec.
pub(crate) fn compare(vitals: &mut Vitals<'_>) {
    vitals.compare(shape!("BulkJob"));
}
