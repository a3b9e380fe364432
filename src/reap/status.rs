use std::time::Duration;

use super::raw;
use crate::transport::{Vitals, Words, shape};
use crate::{Advice, Progress, Snapshot, State};

/// What the status page advises: first look 1 to 2 minutes after the upload (we take the middle), then every 30 to 60 seconds, 30
/// minutes at most.
pub const ADVICE: Advice = Advice::silent()
    .with_delays(Duration::from_secs(90), Duration::from_secs(30), Duration::from_secs(60))
    .with_deadline(Duration::from_secs(30 * 60));

const WORDS: Words = Words(&[
    ("pending", State::Queued),
    ("in_progress", State::Running),
    ("processing", State::Running),
    ("completed", State::Finished),
    ("failed", State::Failed),
]);

pub(super) fn judge(mut vitals: Vitals<'_>) -> Snapshot {
    vitals.compare(shape!("BatchStatus"));
    let (state, word) = WORDS.read(&mut vitals, "/status");
    let progress = Progress {
        total: vitals.count("/totalRecords"),
        processed: vitals.count("/processedRecords"),
        succeeded: vitals.count("/summary/successfulRecords"),
        failed: vitals.count("/failedRecords"),
        stated_percent: None,
    };
    let mut snapshot = Snapshot::new(state, word, progress);
    snapshot.drift = vitals.into_drift();
    snapshot
}
