use std::sync::LazyLock;

use bulkrail_core::json::{ResponseSchema, StatusFields, StatusMap};
use bulkrail_core::{Outcome, Progress, Snapshot, State};

use super::raw;

/// CDQ's status words and the state that each means; sources are in the [module documentation](super).
pub const STATES: StatusMap = StatusMap::new(&[
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
    ("UNKNOWN", State::Unknown),
]);

/// JSON pointer of the id of the batch.
pub(super) const ID: &str = "/id";

static SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Job"));

pub(super) fn parse_status(mut fields: StatusFields<'_>) -> Snapshot {
    fields.compare(&SCHEMA);
    let (state, word) = STATES.parse_status(&mut fields, "/status");
    // An integer by its type, a string in every example; `percent` reads both.
    let progress = Progress::default().with_stated_percent(fields.percent("/progress"));
    let succeeded = word.trim().eq_ignore_ascii_case("FINISHED");
    let snapshot = Snapshot::new(state, word, progress).with_drift(fields.into_drift());
    // A job has no counts, so its word decides the outcome. That of ARCHIVED stays unknown.
    if succeeded { snapshot.with_outcome(Outcome::Succeeded) } else { snapshot }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_every_status_word_of_the_spec() {
        assert_eq!(STATES.words_without_state(raw::SCHEMAS, "JobStatus"), [""; 0]);
    }
}
