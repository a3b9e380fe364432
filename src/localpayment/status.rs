use super::{raw, rows};
use crate::transport::{Vitals, Words, shape};
use crate::{Progress, Snapshot, State};

const WORDS: Words =
    Words(&[("INPROGRESS", State::Running), ("COMPLETED", State::Finished), ("REJECTED", State::Failed)]);

const CODES: Words = Words(&[("100", State::Running), ("200", State::Finished), ("300", State::Failed)]);

pub(super) fn judge(mut vitals: Vitals<'_>) -> Snapshot {
    vitals.compare(shape!("Batch"));
    let (mut state, mut word) = WORDS.read(&mut vitals, "/status/description");
    if word.is_empty() {
        (state, word) = CODES.read(&mut vitals, "/status/code");
    } else if state == State::Unrecognised && vitals.text("/status/code") == Some("100") {
        // A new word for a batch that is, by its code, still being worked on.
        state = State::Running;
    }
    let progress = progress(&vitals, state);
    let mut snapshot = Snapshot::new(state, word, progress);
    let message = vitals.text("/status/detail").map(str::to_owned);
    snapshot.message = message.or_else(|| vitals.text("/comment").map(str::to_owned));
    snapshot.drift = vitals.into_drift();
    snapshot
}

fn progress(vitals: &Vitals<'_>, state: State) -> Progress {
    let comment = vitals.text("/comment").unwrap_or_default();
    let total = number_after(comment, "Total accounts requested =");
    let stated = number_after(comment, "Total accounts created =");
    let listed = vitals.text("/csvFormatResponse").and_then(rows::count);
    let succeeded = listed.or(stated);
    let errors = vitals.items("/errors").unwrap_or(0);
    let ended = state == State::Finished;
    Progress {
        total,
        processed: total.filter(|_| ended),
        succeeded,
        // The list may hold anything; it never explains more rows than are missing.
        failed: total
            .zip(succeeded)
            .filter(|_| ended)
            .map(|(total, succeeded)| errors.min(total.saturating_sub(succeeded))),
        stated_percent: None,
    }
}

/// The number that follows `label` in a free text, if one does.
fn number_after(text: &str, label: &str) -> Option<u64> {
    let rest = text.split_once(label)?.1.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
