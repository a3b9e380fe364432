use std::sync::LazyLock;

use bulkrail_core::json::{ResponseSchema, StatusFields, StatusMap};
use bulkrail_core::{CountMismatch, Drift, DriftKind, Outcome, Progress, Snapshot, State};

use super::raw;
use super::rows::Listing;

/// Localpayment's status words and the state that each means; sources are in the [module documentation](super).
pub const STATES: StatusMap =
    StatusMap::new(&[("INPROGRESS", State::Running), ("COMPLETED", State::Finished), ("REJECTED", State::Failed)]);

/// Localpayment's status codes and the state that each means, for a response without a word.
const CODES: StatusMap = StatusMap::new(&[("100", State::Running), ("200", State::Finished), ("300", State::Failed)]);

/// JSON pointer of the id of the batch.
pub(super) const ID: &str = "/externalId";

static SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Batch"));

pub(super) fn parse_status(mut fields: StatusFields<'_>) -> Snapshot {
    fields.compare(&SCHEMA);
    let (mut state, mut word) = STATES.parse_status(&mut fields, "/status/description");
    if word.is_empty() {
        (state, word) = CODES.parse_status(&mut fields, "/status/code");
    } else if state == State::Unknown && fields.text("/status/code") == Some("100") {
        // By its code the batch is still in progress.
        state = State::Running;
    }
    let code = fields.text("/status/code").and_then(|code| CODES.state(code));
    let contradicts = state.is_terminal() && code.is_some_and(|code| code != state);
    let listing = fields.text("/csvFormatResponse").and_then(Listing::parse).unwrap_or_default();
    let has_listing = fields.text("/csvFormatResponse").is_some_and(|csv| !csv.trim().is_empty());
    let (progress, mismatches) = progress(&fields, state, has_listing.then(|| listing.succeeded()));
    let message = fields.text("/status/detail").or_else(|| fields.text("/comment")).map(str::to_owned);
    listing.drift.into_iter().for_each(|drift| fields.note(drift));
    if contradicts {
        let expected = "the code of the word in /status/description";
        fields.note(Drift::new("/status/code", DriftKind::UnknownValue, expected, "the code of another state"));
    }
    let snapshot = Snapshot::new(state, word, progress).with_message(message).with_drift(fields.into_drift());
    let snapshot = snapshot.with_count_mismatches(mismatches);
    // Two statements of one response that disagree are never a success.
    match snapshot.outcome {
        Some(Outcome::Succeeded | Outcome::Partial) if contradicts => snapshot.with_outcome(Outcome::Unknown),
        _ => snapshot,
    }
}

/// Returns the counts, and those that the free text and the list of accounts state differently. The lower count of
/// successes is believed.
fn progress(fields: &StatusFields<'_>, state: State, listed: Option<u64>) -> (Progress, Vec<CountMismatch>) {
    let comment = fields.text("/comment").unwrap_or_default();
    let total = number_after(comment, "Total accounts requested =");
    let stated = number_after(comment, "Total accounts created =");
    let succeeded = listed.zip(stated).map(|(listed, stated)| listed.min(stated)).or(listed).or(stated);
    let errors = fields.items("/errors").unwrap_or(0);
    let ended = state == State::Finished;
    // The content of `errors` is not documented: at most the missing rows count as failed.
    let failed = total.zip(succeeded).map(|(total, succeeded)| errors.min(total.saturating_sub(succeeded)));
    let progress = Progress::default()
        .with_total(total)
        .with_processed(total.filter(|_| ended))
        .with_succeeded(succeeded)
        .with_failed(failed.filter(|_| ended));
    let differs = stated.zip(listed).filter(|(stated, listed)| ended && stated != listed);
    (progress, differs.map(|(stated, listed)| CountMismatch::new("succeeded", stated, listed)).into_iter().collect())
}

/// Returns the number that follows `label` in a free text.
fn number_after(text: &str, label: &str) -> Option<u64> {
    let rest = text.split_once(label)?.1.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
