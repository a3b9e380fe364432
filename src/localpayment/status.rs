use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::LazyLock;

use bulkrail_core::csv::CsvRecords;
use bulkrail_core::http::HttpClient;
use bulkrail_core::json::{ResponseSchema, StatusFields, StatusMap};
use bulkrail_core::{CountMismatch, Drift, DriftKind, Outcome, Progress, Reconciler, Snapshot, State};
use foldhash::quality::RandomState;

use super::raw;
use super::rows::{Line, Listing};

/// Localpayment's status words and the state that each means; sources are in the [module documentation](super).
pub const STATES: StatusMap =
    StatusMap::new(&[("INPROGRESS", State::Running), ("COMPLETED", State::Finished), ("REJECTED", State::Failed)]);

/// Localpayment's status codes and the state that each means, for a response without a word.
const CODES: StatusMap = StatusMap::new(&[("100", State::Running), ("200", State::Finished), ("300", State::Failed)]);

/// JSON pointer of the id of the batch.
pub(super) const ID: &str = "/externalId";

static SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Batch"));

/// Returns the snapshot. Accounts are counted as they are read, and not kept.
pub(super) fn parse_status(fields: StatusFields<'_>) -> Snapshot {
    parse(fields, |_, _| ())
}

/// Returns the snapshot, and adds the listed rows to `reconciler`. Where code and word of the batch contradict each
/// other, no row is known to have succeeded.
pub(super) fn parse_rows(fields: StatusFields<'_>, http: &HttpClient, reconciler: &mut Reconciler) -> Snapshot {
    parse(fields, |line, contradicts| {
        if contradicts {
            return reconciler.push(line.to_contradicted_row());
        }
        let mut row = line.to_row();
        row.reason.iter_mut().for_each(|reason| http.redact_text(reason));
        reconciler.push(row);
    })
}

/// Calls `on_line` with each listed account, and whether the code of the batch contradicts its word.
fn parse(mut fields: StatusFields<'_>, mut on_line: impl FnMut(&Line<'_>, bool)) -> Snapshot {
    fields.compare(&SCHEMA);
    // A string by the page; a number means the same, and an odd one is not ignored: it is the code of no state.
    let code = fields.text("/status/code").map(|code| code.trim().to_owned());
    let code = code.or_else(|| fields.percent("/status/code").map(|code| code.to_string()));
    let (mut state, mut word) = STATES.parse_status(&mut fields, "/status/description");
    if let Some(code) = code.as_ref().filter(|_| word.is_empty()) {
        (state, word) = (CODES.parse(&mut fields, "/status/code", code), code.clone());
    } else if state == State::Unknown && code.as_deref() == Some("100") {
        // By its code the batch is still in progress.
        state = State::Running;
    }
    let contradicts = code.is_some_and(|code| contradicts(&code, state));
    let records = match fields.escaped_lines("/csvFormatResponse") {
        Some(lines) => CsvRecords::from_escaped_lines(lines),
        None => CsvRecords::new(fields.text("/csvFormatResponse").unwrap_or_default()),
    };
    let (listed, drift) = count_lines(records, |line| on_line(line, contradicts)).unzip();
    let is_blank = || fields.text("/csvFormatResponse").is_none_or(|csv| csv.trim().is_empty());
    let listed = listed.or_else(|| (!is_blank()).then(Listed::default));
    let (mut progress, mut mismatches) = progress(&fields, state, listed);
    // By its code the batch is not in the state that its word says: no account is known to exist.
    if let Some(stated @ 1..) = progress.succeeded.filter(|_| contradicts && state == State::Finished) {
        progress = progress.with_succeeded(0).with_failed(0);
        mismatches.push(CountMismatch::new("succeeded", stated, 0));
    }
    let message = fields.text("/status/detail").or_else(|| fields.text("/comment")).map(str::to_owned);
    drift.into_iter().flatten().for_each(|drift| fields.note(drift));
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

/// 93 bytes: a line of the page's sample has two UUIDs, 18 digits and separators. Capacity is reserved by it.
const LINE_LEN: usize = 93;

/// Number of accounts in a listing.
#[derive(Clone, Copy, Default)]
struct Listed {
    lines: u64,
    /// Accounts that exist; one that is listed twice counts once.
    succeeded: u64,
}

/// Counts the lines of the CSV in a response and calls `on_line` with each. Returns the drift of the header, too.
///
/// `None` where the text is not such a CSV.
fn count_lines(csv: CsvRecords<'_>, mut on_line: impl FnMut(&Line<'_>)) -> Option<(Listed, Vec<Drift>)> {
    let mut listing = Listing::parse(csv.clone())?;
    let mut listed = Listed::default();
    // References differ where their hashes do, and need not be kept to be counted.
    let hash = RandomState::default();
    let mut hashes = HashSet::with_capacity_and_hasher(csv.remaining_bytes() / LINE_LEN, hash.clone());
    while let Some(line) = listing.next_line() {
        listed.lines += 1;
        if let Some(reference) = line.reference.filter(|_| line.has_succeeded()) {
            hashes.insert(hash.hash_one(reference));
            listed.succeeded += 1;
        }
        on_line(&line);
    }
    if hashes.len() as u64 != listed.succeeded {
        listed.succeeded = count_references(csv);
    }
    Some((listed, listing.into_drift()))
}

/// Counts the different references of accounts that exist.
fn count_references(csv: CsvRecords<'_>) -> u64 {
    let (mut listing, mut references) = (Listing::parse(csv), HashSet::new());
    while let Some(line) = listing.as_mut().and_then(Listing::next_line) {
        references.extend(line.reference.filter(|_| line.has_succeeded()).map(str::to_owned));
    }
    references.len() as u64
}

/// Returns the counts, and those that the free text, the list of errors and the list of accounts state differently. The
/// lower count of successes is believed.
fn progress(fields: &StatusFields<'_>, state: State, listing: Option<Listed>) -> (Progress, Vec<CountMismatch>) {
    let comment = fields.text("/comment").unwrap_or_default();
    let total = number_after(comment, "Total accounts requested =");
    let stated = number_after(comment, "Total accounts created =");
    let listed = listing.map(|listing| listing.succeeded);
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
    let lines = listing.map(|listing| listing.lines);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_that_is_listed_twice_counts_once() {
        let (listed, _) = count_lines(CsvRecords::new("external_id,bank_account\na-1,6\na-1,6\n"), |_| ()).unwrap();
        assert_eq!((listed.lines, listed.succeeded), (2, 1));
    }

    #[test]
    fn accounts_are_counted_by_their_references_where_one_is_listed_twice() {
        let csv = "external_id,bank_account\na-1,6\na-1,6\na-2,7\na-3,8\na-4,\n";
        let (listed, _) = count_lines(CsvRecords::new(csv), |_| ()).unwrap();
        assert_eq!((listed.lines, listed.succeeded), (5, 3));
        let (listed, _) = count_lines(CsvRecords::new(&csv.replacen("a-1,6\n", "", 1)), |_| ()).unwrap();
        assert_eq!((listed.lines, listed.succeeded), (4, 3));
    }

    #[test]
    fn number_after_a_label_may_end_a_sentence_and_has_no_fraction() {
        for (text, expected) in [
            ("of = 12", Some(12)),
            ("of = 12.", Some(12)),
            ("of = 12. Done", Some(12)),
            ("of = 12, 13", Some(12)),
            ("of = 12 345", Some(12)),
            ("of = 12-5", Some(12)),
            ("of = 12.5", None),
            ("of = 12,345", None),
            ("of = 12\u{a0}345", None),
            ("of = twelve", None),
            ("in = 12", None),
        ] {
            assert_eq!(number_after(text, "of ="), expected, "{text}");
        }
    }
}
