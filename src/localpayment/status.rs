use std::sync::LazyLock;

use bulkrail_core::json::{ResponseSchema, StatusFields, StatusMap};
use bulkrail_core::{CountMismatch, Drift, DriftKind, Outcome, Progress, Row, RowOutcome, Snapshot, State};
use serde_json::Value;

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
    // A string by the page; a number means the same.
    let code = fields.text("/status/code").map(|code| code.trim().to_owned());
    let code = code.or_else(|| fields.count("/status/code").map(|code| code.to_string()));
    let (mut state, mut word) = STATES.parse_status(&mut fields, "/status/description");
    if let Some(code) = code.as_ref().filter(|_| word.is_empty()) {
        (state, word) = (CODES.parse(&mut fields, "/status/code", code), code.clone());
    } else if state == State::Unknown && code.as_deref() == Some("100") {
        // By its code the batch is still in progress.
        state = State::Running;
    }
    let contradicts = code.is_some_and(|code| contradicts(&code, state));
    let listing = fields.text("/csvFormatResponse").and_then(Listing::parse).unwrap_or_default();
    let has_listing = fields.text("/csvFormatResponse").is_some_and(|csv| !csv.trim().is_empty());
    let (mut progress, mut mismatches) = progress(&fields, state, has_listing.then_some(&listing));
    // By its code the batch is not in the state that its word says: no account is known to exist.
    if let Some(stated @ 1..) = progress.succeeded.filter(|_| contradicts && state == State::Finished) {
        progress = progress.with_succeeded(0).with_failed(0);
        mismatches.push(CountMismatch::new("succeeded", stated, 0));
    }
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

/// Returns whether `code` is not that of the terminal `state`.
fn contradicts(code: &str, state: State) -> bool {
    state.is_terminal() && CODES.state(code) != Some(state)
}

/// Returns whether code and word of a batch contradict each other, as [`parse_status`] sees them.
pub(super) fn is_contradicted(batch: &Value) -> bool {
    let status = &batch["status"];
    let code = status["code"].as_str().map(|code| code.trim().to_owned());
    let code = code.or_else(|| Some(status["code"].as_u64()?.to_string()));
    let state = status["description"].as_str().and_then(|word| STATES.state(word));
    state.zip(code).is_some_and(|(state, code)| contradicts(&code, state))
}

/// Returns a listed row of a batch whose code says that it was not completed.
pub(super) fn contradicted(row: Row) -> Row {
    let mut unaccounted =
        Row::new(RowOutcome::Unaccounted).with_reason("the status code of the batch contradicts the list");
    (unaccounted.index, unaccounted.reference) = (row.index, row.reference);
    unaccounted.account_id = row.account_id;
    unaccounted
}

/// Returns the counts, and those that the free text, the list of errors and the list of accounts state differently. The
/// lower count of successes is believed.
fn progress(fields: &StatusFields<'_>, state: State, listing: Option<&Listing>) -> (Progress, Vec<CountMismatch>) {
    let comment = fields.text("/comment").unwrap_or_default();
    let total = number_after(comment, "Total accounts requested =");
    let stated = number_after(comment, "Total accounts created =");
    let listed = listing.map(Listing::succeeded);
    let succeeded = listed.zip(stated).map(|(listed, stated)| listed.min(stated)).or(listed).or(stated);
    let errors = fields.items("/errors").unwrap_or(0);
    let ended = state == State::Finished;
    // The content of `errors` is not documented: at most the missing rows count as failed.
    let missing = total.zip(succeeded).map(|(total, succeeded)| total.saturating_sub(succeeded));
    let failed = missing.map(|missing| errors.min(missing));
    let progress = Progress::default()
        .with_total(total)
        .with_processed(total.filter(|_| ended))
        .with_succeeded(succeeded)
        .with_failed(failed.filter(|_| ended));
    if !ended {
        return (progress, Vec::new());
    }
    let lines = listing.map(|listing| listing.rows.len() as u64);
    let mismatches = [
        stated.zip(listed).filter(|(stated, listed)| stated != listed).map(|counts| ("succeeded", counts)),
        total.zip(lines).filter(|(total, lines)| lines > total).map(|counts| ("total", counts)),
        // Documented as empty after a success.
        missing.filter(|missing| errors > *missing).map(|missing| ("failed", (missing, errors))),
    ];
    let mismatches = mismatches.into_iter().flatten();
    (progress, mismatches.map(|(field, (reported, listed))| CountMismatch::new(field, reported, listed)).collect())
}

/// Returns the number that follows `label` in a free text; `None` also for one with a fraction or separators, whose value
/// depends on the locale.
fn number_after(text: &str, label: &str) -> Option<u64> {
    let rest = text.split_once(label)?.1.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    let mut after = after.chars();
    let goes_on =
        after.next().is_some_and(|c| ".,'_\u{a0}\u{202f}".contains(c)) && after.next().is_some_and(char::is_numeric);
    digits.parse().ok().filter(|_| !goes_on)
}
