use super::raw;
use crate::transport::{Vitals, Words, shape};
use crate::{Outcome, Progress, Snapshot, State};

const WORDS: Words = Words(&[
    ("CREATED", State::Queued),
    ("PERSISTED", State::Queued),
    ("SCHEDULED", State::Queued),
    ("WAITING", State::Queued),
    ("PENDING", State::Queued),
    ("RUNNING", State::Running),
    ("FINISHED", State::Finished),
    ("FAILED", State::Failed),
    ("DIED", State::Failed),
    ("COULDNT_START", State::Failed),
    ("CANCELED", State::Cancelled),
    ("ARCHIVED", State::Finished),
    ("UNKNOWN", State::Unrecognised),
]);

pub(super) fn judge(mut vitals: Vitals<'_>) -> Snapshot {
    vitals.compare(shape!("Job"));
    let (state, word) = WORDS.read(&mut vitals, "/status");
    // Declared an integer, shown as a string in every example; either is fine.
    let progress = Progress { stated_percent: vitals.percent("/progress"), ..Progress::default() };
    let succeeded = word.trim().eq_ignore_ascii_case("FINISHED");
    let mut snapshot = Snapshot::new(state, word, progress);
    if succeeded {
        // There are no counts to judge by; the word itself is CDQ's verdict. (ARCHIVED stays unknown.)
        snapshot.outcome = Some(Outcome::Succeeded);
    }
    snapshot.drift = vitals.into_drift();
    snapshot
}
