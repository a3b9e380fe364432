//! Documents that are stored between polls and between runs.

use std::time::Duration;

use bulkrail::poll::{Step, WaitOptions, WaitState};
use bulkrail::test_util::{MockProvider, VirtualClock, running, unavailable};
use bulkrail::{Batch, BatchId, DurationHistory, ErrorDocument, Report, Snapshot};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{check_message, within};

/// Reads a document, and checks that what it is written as is read as the same.
fn round_trip<T: Serialize + DeserializeOwned>(document: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(document).ok()?;
    let written = serde_json::to_string(&read).expect("a document");
    let again: T = serde_json::from_str(&written).expect("a document that was written here");
    assert_eq!(serde_json::to_string(&again).expect("a document"), written);
    Some(again)
}

/// A document that is read is written as the same, and the wait goes on whatever the clock and the provider say.
pub fn wait_state(data: &[u8]) {
    round_trip::<Batch>(data);
    round_trip::<BatchId>(data);
    round_trip::<ErrorDocument>(data);
    round_trip::<Report>(data);
    round_trip::<Snapshot>(data);
    round_trip::<Step>(data);
    round_trip::<WaitOptions>(data);
    let state = within(64 * data.len() + 256 * 1024, || round_trip::<WaitState>(data));
    let Some(mut state) = state else { return };
    let written = serde_json::to_string(&state).expect("a document");
    // Of each text of the provider 500 characters are kept, and of a character an escape has six times as many.
    assert!(written.len() <= 8 * data.len() + 4 * 1024, "{} bytes of {}", written.len(), data.len());
    let other = |wall: Timestamp| {
        let state: WaitState = serde_json::from_str(&written).expect("a document that was written here");
        (state.due_in(wall), state.time_limit(wall), state.due())
    };
    let mut due = state.due();
    for wall in [due, VirtualClock::BEGINNING, Timestamp::MIN, Timestamp::MAX] {
        assert_eq!((state.due_in(wall), state.time_limit(wall), due), other(wall), "at {wall}");
    }
    for poll in 0..4 {
        let result = match poll {
            1 => Err(unavailable()),
            2 => Ok(running(0, 100).with_retry_after(Some(Duration::from_secs(60)))),
            _ => Ok(running(poll * 20, 100)),
        };
        let polls = state.polls();
        let step = state.observe(due, result);
        assert_eq!(state.polls(), polls.saturating_add(1));
        let json = serde_json::to_vec(&step).expect("a document");
        round_trip::<Step>(&json).expect("the document of a step");
        let document = serde_json::to_vec(&state).expect("a document");
        state = round_trip(&document).expect("the document of a state");
        match step {
            Step::Again { after, .. } => {
                assert!(state.due_in(due) == after, "{:?}, after {after:?}", state.due_in(due))
            }
            Step::Ended(_) => panic!("it is running"),
            Step::GaveUp(error) => return check_message(&error.to_string()),
        }
        // Later each time, as far as the calendar goes.
        due = state.due();
    }
}

/// Of any history at most so much is kept: 64 providers with 256 durations of up to 22 characters, twice.
const MAX_HISTORY_BYTES: usize = 64 * (2 * 256 * 48 + 200);

/// A history that is read is written as the same, stays bounded, and lets a wait plan its polls.
pub fn duration_history(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (one, other) = text.split_once("\n\n").unwrap_or((text, text));
    let history = DurationHistory::default();
    if let Err(error) = within(64 * data.len() + 1024 * 1024, || history.import(one)) {
        check_message(&error.to_string());
        assert_eq!(history.export(), "{}", "the content stays as it was");
        return;
    }
    let exported = history.export();
    assert!(exported.len() <= MAX_HISTORY_BYTES, "{} bytes", exported.len());
    let again = DurationHistory::default();
    again.import(&exported).expect("a document that was exported");
    assert_eq!(again.export(), exported);
    again.merge(&exported).expect("a document that was exported");
    assert_eq!(again.export(), exported, "merged with itself");
    if history.merge(other).is_ok() {
        let merged = history.export();
        assert!(merged.len() <= MAX_HISTORY_BYTES, "{} bytes", merged.len());
        again.import(&merged).expect("a document that was merged");
    }
    plan(&history);
}

/// A wait with the history has its first polls within its bounds.
fn plan(history: &DurationHistory) {
    let clock = VirtualClock::new();
    let provider = MockProvider::by_time(&clock);
    let (min, max) = (Duration::from_secs(1), Duration::from_secs(300));
    let options = WaitOptions::new(&provider).interval(min..=max);
    let batch = provider.batch("b-1").with_submitted_at(VirtualClock::BEGINNING);
    let mut state = WaitState::new(batch, &options, VirtualClock::BEGINNING).rows(100).history(history);
    for poll in 0..3 {
        let due = state.due();
        assert!(state.due_in(VirtualClock::BEGINNING) <= 4 * max, "{due}");
        match state.observe(due, Ok(running(poll * 30, 100))) {
            Step::Again { after, .. } => assert!((min..=max).contains(&after), "the next poll after {after:?}"),
            Step::Ended(_) | Step::GaveUp(_) => panic!("it is running"),
        }
    }
}
