//! The phases of an order, and its document.

use bulkrail_core::poll::{WaitOptions, WaitState};
use bulkrail_core::test_util::{MockProvider, VirtualClock, finished};
use bulkrail_core::{Batch, Error, ErrorDocument, ErrorKind, Report};
use bulkrail_durable::{Event, Record};
use serde_json::value::RawValue;

fn batch() -> Batch {
    Batch::new("acme".parse().unwrap(), "b-1").unwrap()
}

fn state() -> Box<RawValue> {
    let provider = MockProvider::by_time(&VirtualClock::new());
    let state = WaitState::new(provider.submitted("b-1"), &WaitOptions::new(&provider), VirtualClock::BEGINNING);
    serde_json::value::to_raw_value(&state).unwrap()
}

fn error(kind: ErrorKind) -> Box<ErrorDocument> {
    Box::new(Error::new(kind, "it failed").document())
}

fn report() -> Box<Report> {
    Box::new(Report::new(batch(), finished(2, 0), 3, std::time::Duration::from_secs(9)))
}

/// Returns the event of this name.
fn event(name: &str) -> Event {
    match name {
        "submit" => Event::Submit,
        "postponed" => Event::Postponed(error(ErrorKind::Unavailable)),
        "submitted" => Event::Submitted(batch(), state()),
        "polled" => Event::Polled(state()),
        "ended" => Event::Ended(report()),
        "unknown" => Event::GaveUp(error(ErrorKind::OutcomeUnknown)),
        "conflict" => Event::GaveUp(error(ErrorKind::Conflict)),
        "deadline" => Event::GaveUp(Box::new(Error::new(ErrorKind::Deadline, "late").with_batch(batch()).document())),
        "submit again" => Event::SubmitAgain,
        "wait again" => Event::WaitAgain(batch(), state()),
        name => panic!("{name}"),
    }
}

const EVENTS: [&str; 10] = [
    "submit",
    "postponed",
    "submitted",
    "polled",
    "ended",
    "unknown",
    "conflict",
    "deadline",
    "submit again",
    "wait again",
];

#[test]
fn phases_follow_each_other_by_the_table() {
    // Events that lead to a phase; and the phase that each event leads to, in the order of `EVENTS`.
    let table: &[(&[&str], [&str; 10])] = &[
        (&[], ["submitting", "", "", "", "", "gave_up", "gave_up", "gave_up", "", ""]),
        (&["submit"], ["submitting", "ordered", "waiting", "", "", "gave_up", "gave_up", "gave_up", "", ""]),
        (&["submit", "postponed"], ["submitting", "", "", "", "", "gave_up", "gave_up", "gave_up", "", ""]),
        (&["submit", "submitted"], ["", "", "", "waiting", "ended", "gave_up", "gave_up", "gave_up", "", ""]),
        (&["submit", "submitted", "ended"], [""; 10]),
        (&["submit", "unknown"], ["", "", "", "", "", "", "", "", "ordered", "waiting"]),
        (&["submit", "conflict"], ["", "", "", "", "", "", "", "", "", "waiting"]),
        (&["submit", "submitted", "deadline"], ["", "", "", "", "", "", "", "", "", "waiting"]),
    ];
    for (path, expected) in table {
        let mut record = Record::new("k", "order".to_owned(), VirtualClock::BEGINNING);
        for name in *path {
            record.apply(VirtualClock::BEGINNING, event(name)).unwrap();
        }
        for (name, expected) in EVENTS.iter().zip(expected) {
            let mut next = record.clone();
            let applied = next.apply(VirtualClock::BEGINNING, event(name));
            let phase = if applied.is_ok() { next.phase.as_str() } else { "" };
            assert_eq!(phase, *expected, "{path:?}, {name}");
            assert_eq!(next.ended_at.is_some(), next.phase.has_ended());
            if applied.is_err() {
                assert_eq!(serde_json::to_string(&next).unwrap(), serde_json::to_string(&record).unwrap());
            }
            // A process that reads it goes on in the same way.
            let stored = serde_json::to_string(&next).unwrap();
            let read = Record::<String>::from_document(&stored).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), stored);
        }
    }
}

#[test]
fn records_of_version_1_stay_readable_and_later_ones_are_refused() {
    let golden = include_str!("golden/records_v1.jsonl");
    let records: Vec<_> = golden.lines().map(|line| Record::<String>::from_document(line).unwrap()).collect();
    let phases: Vec<_> = records.iter().map(|record| record.phase.as_str()).collect();
    assert_eq!(phases, ["ordered", "ordered", "submitting", "waiting", "ended", "gave_up"]);
    assert_eq!(records[3].wait_state().unwrap().unwrap().batch().id(), "b-1");
    assert_eq!(records[4].snapshot().unwrap().progress.succeeded, Some(2));
    for (line, record) in golden.lines().zip(&records) {
        assert_eq!(serde_json::to_string(record).unwrap(), line, "what this version writes is what version 1 wrote");
    }
    let later = golden.lines().next().unwrap().replace("\"version\":1", "\"version\":2");
    let error = Record::<String>::from_document(&later).unwrap_err().to_string();
    assert!(error.contains("version 2") && error.contains('1'), "{error}");
}

/// Writes the golden file of a new version: `cargo test -p bulkrail-durable --test it write_golden -- --ignored`.
#[test]
#[ignore = "writes a file of the repository"]
fn write_golden() {
    let paths: [&[&str]; 6] = [
        &[],
        &["submit", "postponed"],
        &["submit"],
        &["submit", "submitted"],
        &["submit", "submitted", "ended"],
        &["submit", "submitted", "deadline"],
    ];
    let mut lines = String::new();
    for path in paths {
        let mut record = Record::new("k", "order".to_owned(), VirtualClock::BEGINNING);
        path.iter().for_each(|name| record.apply(VirtualClock::BEGINNING, event(name)).unwrap());
        lines += &(serde_json::to_string(&record).unwrap() + "\n");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/golden/records_v1.jsonl");
    std::fs::write(file, lines).unwrap();
}
