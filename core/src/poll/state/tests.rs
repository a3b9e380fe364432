use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::model::{Drift, DriftKind, Outcome, Progress, Snapshot, State};
use crate::poll::{FAILURE_BUDGET, FINAL_POLL_GRACE, POLL_TIMEOUT, WaitSet};
use crate::schedule::Schedule;
use crate::test_util::{MockProvider, VirtualClock, finished, queued, running, unavailable};
use crate::{PollLimit, PollingDefaults};

const NOW: Timestamp = VirtualClock::BEGINNING;

/// Document of a state of version 1, as it was first written. It is never written anew: a later version of the library
/// has to read it.
const GOLDEN: &str = include_str!("../golden/wait_state_v1.json");

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn provider() -> MockProvider {
    MockProvider::by_time(&VirtualClock::new())
}

fn state() -> WaitState {
    let provider = provider();
    WaitState::new(provider.submitted("b-1"), &WaitOptions::new(&provider), NOW)
}

fn through_json(state: &WaitState) -> WaitState {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

/// Returns the JSON pointers of all fields of a document.
fn pointers(document: &Value) -> Vec<String> {
    let (mut all, mut open) = (Vec::new(), vec![String::new()]);
    while let Some(pointer) = open.pop() {
        if let Some(object) = document.pointer(&pointer).and_then(Value::as_object) {
            open.extend(object.keys().map(|key| format!("{pointer}/{key}")));
        }
        all.push(pointer);
    }
    all.sort();
    all
}

/// Returns the state of a wait that has seen everything that a state stores.
fn rich_state() -> WaitState {
    let provider = provider();
    let options = WaitOptions::new(&provider)
        .deadline(secs(86_400))
        .failure_budget(secs(600))
        .interval(secs(2)..=secs(300))
        .schedule(Schedule::adaptive().lag_per_request(0.3));
    let batch = provider.submitted("b-1").with_key("k-1").with_environment("sandbox");
    let mut state = WaitState::new(batch, &options, NOW).rows(97);
    let drift = Drift::new("/status", DriftKind::UnknownValue, "a documented word", "PAUSED");
    state.observe(NOW + secs(5), Ok(queued()));
    state.observe(NOW + secs(20), Ok(running(7, 97).with_drift(vec![drift])));
    state.observe(NOW + secs(60), Ok(running(31, 97).with_message(Some("31 done".to_owned()))));
    state.observe(NOW + Duration::from_millis(90_125), Err(unavailable().with_retry_after(secs(7))));
    state
}

#[test]
fn wait_state_of_version_1_stays_readable() {
    if std::env::var_os("BULKRAIL_BLESS").is_some_and(|bless| bless == "wait_state_v1") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/poll/golden/wait_state_v1.json");
        std::fs::write(path, serde_json::to_string_pretty(&rich_state()).unwrap() + "\n").unwrap();
        return;
    }
    let mut stored: WaitState = serde_json::from_str(GOLDEN).unwrap();
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let (written, new) = (serde_json::to_value(&stored).unwrap(), serde_json::to_value(rich_state()).unwrap());
    for pointer in pointers(&golden) {
        let value = golden.pointer(&pointer).unwrap();
        // A later version may write more fields than it was given.
        assert!(value.is_object() || written.pointer(&pointer) == Some(value), "{pointer} is written as it was read");
        assert!(new.pointer(&pointer).is_some(), "{pointer} is written of new states");
    }
    assert_eq!((stored.polls(), stored.batch().key()), (4, Some("k-1")));
    assert_eq!(
        stored.fault().map(|fault| (fault.kind(), fault.http_status())),
        Some((ErrorKind::Unavailable, Some(503)))
    );

    let end = stored.observe(stored.due(), Ok(finished(96, 1)));
    let Step::Ended(report) = end else { panic!("{end:?}") };
    assert_eq!((report.polls, report.snapshot.drift.len()), (5, 1));
    assert!(report.elapsed >= Duration::from_millis(97_125), "with the Retry-After of the last error");
}

#[test]
fn wait_state_of_a_later_version_is_an_error_that_names_it() {
    let mut document: Value = serde_json::from_str(GOLDEN).unwrap();
    document["version"] = json!(2);
    document.as_object_mut().unwrap().remove("schedule");
    let error = serde_json::from_value::<WaitState>(document.clone()).unwrap_err().to_string();
    assert!(error.contains("a wait state of version 2; this version of the library reads version 1"), "{error}");
    let error = serde_json::from_str::<WaitState>(&document.to_string()).unwrap_err().to_string();
    assert!(error.contains("a wait state of version 2"), "{error}");
    document.as_object_mut().unwrap().remove("version");
    assert!(serde_json::from_value::<WaitState>(document).is_err());
}

#[test]
fn wait_state_that_was_damaged_is_refused_or_polls_without_a_panic() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let values = [
        json!(null),
        json!(-1),
        json!(u64::MAX),
        json!(""),
        json!("NaN"),
        json!("1e308"),
        json!({"secs": u64::MAX, "nanos": 999_999_999}),
        json!([]),
    ];
    let (mut refused, mut read) = (0, 0);
    for pointer in pointers(&golden) {
        for value in &values {
            let mut document = golden.clone();
            *document.pointer_mut(&pointer).unwrap() = value.clone();
            let Ok(mut state) = serde_json::from_value::<WaitState>(document) else {
                refused += 1;
                continue;
            };
            read += 1;
            let now = NOW + secs(100);
            let _ = (state.due(), state.due_in(now), state.time_limit(now), through_json(&state));
            state.observe(now, Ok(running(50, 97)));
            state.observe(now + secs(10), Err(unavailable()));
            state.observe(now + secs(900), Ok(finished(97, 0)));
        }
    }
    assert!(refused > 200 && read > 100, "{refused} and {read}");
}

#[test]
fn wait_state_keeps_the_retry_after_of_a_successful_response() {
    let mut state = state();
    state.observe(NOW + secs(5), Ok(running(1, 2).with_retry_after(Some(secs(200)))));
    let restored = through_json(&state);
    assert!(restored.due_in(NOW + secs(5)) >= secs(200));
    assert_eq!(restored.due(), state.due());
}

#[test]
fn wait_state_goes_on_where_it_was_when_the_clock_is_set_back() {
    let mut state = state();
    let Step::Again { after, .. } = state.observe(NOW + secs(600), Ok(running(1, 2))) else { panic!("it has ended") };
    let mut state = through_json(&state);

    // An hour back: the next poll is as far away as it was planned, not an hour more.
    let back = NOW + secs(600) - secs(3600);
    assert_eq!(state.due_in(back), after);
    let polled = back + after;
    let Step::Again { report, after, .. } = state.observe(polled, Ok(running(1, 2))) else { panic!("it has ended") };
    assert_eq!(report.unwrap().elapsed, secs(600), "time does not run backwards");
    assert_eq!((state.due(), state.due_in(polled)), (polled + after, after));

    // From there on it counts on.
    let Step::Again { report, .. } = state.observe(state.due(), Ok(running(1, 2))) else { panic!("it has ended") };
    assert_eq!(report.unwrap().elapsed, secs(600) + after);
}

#[test]
fn wait_state_ends_at_its_deadline_after_a_clock_jump_forward() {
    let mut state = through_json(&state());
    let step = state.observe(NOW + secs(30 * 86_400), Ok(running(1, 2)));
    let Step::GaveUp(error) = step else { panic!("{step:?}") };
    assert_eq!((error.kind(), error.polls(), error.last_snapshot().is_some()), (ErrorKind::Deadline, 1, true));
}

#[test]
fn wait_state_of_another_provider_is_not_polled() {
    let other = Batch::new(ProviderId::from_static("other"), "b-1").unwrap();
    let (clock, provider) = (VirtualClock::new(), provider());
    let mut state = WaitState::new(other, &WaitOptions::new(&provider), NOW);
    let step = clock.run(state.poll(&provider));
    let Step::GaveUp(error) = step else { panic!("{step:?}") };
    assert_eq!((error.kind(), error.batch()), (ErrorKind::Usage, Some(state.batch())));
    assert_eq!((provider.polls(), state.polls()), (0, 0));

    let mut set = WaitSet::new(&provider);
    assert_eq!(set.resume(state).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(set.progress().batches, 0);
}

#[test]
fn wait_state_of_a_batch_in_the_set_leaves_it_unchanged() {
    let provider = provider();
    let mut set = WaitSet::new(&provider);
    set.add(provider.submitted("b-1")).unwrap();
    set.resume(rich_state()).unwrap();
    assert_eq!((set.progress().batches, set.state(&provider.batch("b-1").batch_id()).unwrap().polls()), (1, 0));
}

#[test]
fn wait_state_polls_within_the_limit_of_its_provider_and_in_time() {
    let clock = VirtualClock::new();
    let slow = || MockProvider::by_time(&clock).from(Duration::ZERO, || Ok(running(1, 2))).poll_takes(secs(3600));
    let provider = slow().poll_limit(PollLimit::new(1));
    let options = WaitOptions::new(&provider).without_deadline();
    let mut one = WaitState::new(provider.submitted("b-1"), &options, clock.clock().wall());
    let mut other = WaitState::new(provider.submitted("b-2"), &options.deadline(secs(20)), clock.clock().wall());
    assert_eq!((one.time_limit(NOW), other.time_limit(NOW)), (POLL_TIMEOUT, secs(20) + FINAL_POLL_GRACE));
    let (first, second) = clock.run(futures_util::future::join(one.poll(&provider), other.poll(&provider)));
    let Step::Again { fault: Some(fault), .. } = first else { panic!("{first:?}") };
    assert_eq!((fault.error.kind, provider.polls()), (ErrorKind::Unavailable, 1));
    let Step::GaveUp(error) = second else { panic!("{second:?}") };
    assert_eq!((error.kind(), error.polls(), error.elapsed()), (ErrorKind::Unreachable, 0, secs(30)));
    assert_eq!(clock.elapsed(), POLL_TIMEOUT);
}

#[test]
fn poll_is_cut_off_after_the_time_of_its_provider() {
    let hour = secs(3600);
    let defaults = PollingDefaults::new().with_deadline(hour).with_poll_timeout(secs(600));
    let provider = |clock: &VirtualClock, takes: u64| {
        let provider = MockProvider::by_time(clock).from(Duration::ZERO, || Ok(finished(2, 0)));
        provider.polling_defaults(defaults).poll_takes(secs(takes))
    };
    for (takes, has_ended) in [(599, true), (601, false)] {
        let clock = VirtualClock::new();
        let provider = provider(&clock, takes);
        let end = clock.run(crate::wait(&provider, provider.submitted("b-1")));
        assert_eq!(end.is_ok(), has_ended, "{end:?}");
        let mut set = WaitSet::new(&provider);
        set.add(provider.submitted("b-1")).unwrap();
        // Stored by a client of other limits.
        let options = WaitOptions::new(&MockProvider::by_time(&clock)).deadline(hour);
        let stored = || WaitState::new(provider.submitted("b-2"), &options, clock.clock().wall());
        set.resume(through_json(&stored())).unwrap();
        while let Some((_, end)) = clock.run(set.next()) {
            assert_eq!(end.is_ok(), has_ended, "{end:?}");
        }
        let step = clock.run(through_json(&stored()).poll(&provider));
        assert_eq!(matches!(step, Step::Ended(_)), has_ended, "{step:?}");
    }

    // The time is in the documents of options and state.
    let clock = VirtualClock::new();
    let provider = provider(&clock, 1);
    let options: WaitOptions =
        serde_json::from_str(&serde_json::to_string(&WaitOptions::new(&provider)).unwrap()).unwrap();
    let state = through_json(&WaitState::new(provider.submitted("b-1"), &options, NOW));
    assert_eq!(state.time_limit(NOW), secs(600));
}

#[test]
fn success_before_a_slow_poll_is_recent_at_the_deadline() {
    let end = |defaults: PollingDefaults| {
        let options = WaitOptions::from(defaults.with_deadline(secs(1000)));
        let mut state = WaitState::new(provider().submitted("b-1"), &options, NOW);
        let Step::Again { .. } = state.observe(NOW + secs(410), Ok(running(1, 2))) else { panic!("it has not ended") };
        // The next poll was under way at the deadline, and was cut off.
        let Step::GaveUp(error) = state.observe(NOW + secs(1005), Err(unavailable())) else { panic!("it is over") };
        error.kind()
    };
    assert_eq!(end(PollingDefaults::new()), ErrorKind::Unreachable);
    assert_eq!(end(PollingDefaults::new().with_poll_timeout(secs(600))), ErrorKind::Deadline);
}

#[test]
fn wait_state_stays_small() {
    let provider = provider();
    let mut state = WaitState::new(provider.submitted("b-1"), &WaitOptions::new(&provider).without_deadline(), NOW);
    let mut largest = 0;
    for poll in 1_u32..2_000 {
        // Times and fractions with as many digits as there are.
        let at = NOW + Duration::from_nanos(u64::from(poll) * 33_333_333_333);
        let result = if poll % 7 == 0 { Err(unavailable()) } else { Ok(running(u64::from(poll), 2_311)) };
        state.observe(at, result);
        let stored = serde_json::to_string(&state).unwrap();
        largest = largest.max(stored.len());
        if poll % 10 == 0 {
            assert_eq!(serde_json::to_string(&through_json(&state)).unwrap(), stored, "each number is exact");
        }
    }
    assert!((2_000..5_000).contains(&largest), "{largest} bytes");

    // Texts of any length are cut, and the list of differences has a limit of its own.
    let long = |letter: &str| letter.repeat(1_000_000);
    let drift = |n| Drift::new(format!("/{n}"), DriftKind::UnknownField, "a documented field", "string");
    let progress = Progress::default().with_processed(1).with_total(2);
    let snapshot = Snapshot::new(State::Running, long("w"), progress).with_message(Some(long("é")));
    state.observe(NOW + secs(80_000), Ok(snapshot.with_drift((0..1_000).map(drift).collect())));
    let fault = unavailable().with_code(long("c"), None).with_parameter(long("p")).with_request_id(long("r"));
    state.observe(NOW + secs(80_100), Err(fault.with_provider_message("CANARY")));
    let stored = serde_json::to_string(&state).unwrap();
    assert!(stored.len() < 24_000, "{} bytes", stored.len());
    assert!(!stored.contains("CANARY") && !format!("{state:?}").contains("CANARY"));
    let restored = through_json(&state);
    let message = restored.snapshot().unwrap().message.as_deref().unwrap();
    assert!(message.starts_with("éé") && message.ends_with("characters cut)") && message.chars().count() < 540);
    assert_eq!(serde_json::to_string(&restored).unwrap(), stored, "a text is cut once");
}

#[test]
fn wait_state_plans_its_first_poll_by_rows_and_history() {
    let clock = VirtualClock::new();
    let (provider, history) = (MockProvider::by_time(&clock), DurationHistory::default());
    let document = json!({"mock": {"version": 1, "finished": vec![[97, 60_000]; 20], "failed": []}});
    let document = document.to_string().replace("mock", provider.id().as_str());
    history.import(&document).unwrap();
    let options = WaitOptions::new(&provider);
    let plain = crate::wait(&provider, provider.submitted("b-1")).rows(97).history(&history);
    let mut stream = plain.into_stream();
    let state = WaitState::new(provider.submitted("b-1"), &options, NOW).rows(97).history(&history);
    let without = WaitState::new(provider.submitted("b-1"), &options, NOW);
    assert_ne!(state.due(), without.due());
    clock.run(stream.next());
    assert_eq!(state.due(), NOW + clock.elapsed());
}

#[test]
fn wait_set_resumes_after_a_long_stop_without_giving_up_at_once() {
    // Polls had failed for a minute when the process ended. It starts again an hour later, and the network is not up yet.
    let clock = VirtualClock::new();
    let provider = MockProvider::in_order(&clock).then(|| Err(unavailable())).then(|| Ok(finished(2, 0)));
    let options = WaitOptions::new(&provider).deadline(secs(86_400));
    let mut state = WaitState::new(provider.submitted("b-1"), &options, NOW);
    state.observe(NOW + secs(5), Ok(running(1, 2)));
    state.observe(NOW + secs(10), Err(unavailable()));
    state.observe(NOW + secs(70), Err(unavailable()));
    assert_eq!(FAILURE_BUDGET, secs(15 * 60), "less than the hour");
    clock.advance(secs(3670));
    let mut set = WaitSet::new(&provider);
    set.resume(through_json(&state)).unwrap();
    let (_, end) = clock.run(set.next()).unwrap();
    let report = end.unwrap();
    assert_eq!((report.outcome(), report.polls), (Some(Outcome::Succeeded), 5));
    assert_eq!(report.elapsed, clock.elapsed(), "the time since the wait began, restarts included");
}

#[test]
fn wait_set_resumes_batches_past_their_deadline_with_a_last_poll_each() {
    // 200 batches, whose last polls take 40 s at the rate of the set: more than the grace after a deadline.
    let clock = VirtualClock::new();
    let provider = MockProvider::by_time(&clock).from(Duration::ZERO, || Ok(finished(2, 0)));
    let options = WaitOptions::new(&provider).deadline(secs(60));
    let states: Vec<_> =
        (0..200).map(|n| WaitState::new(provider.submitted(&format!("b-{n}")), &options, NOW)).collect();
    clock.advance(secs(3600));
    let mut set = WaitSet::new(&provider).requests_per_second(5.0);
    for state in &states {
        set.resume(through_json(state)).unwrap();
    }
    while let Some((batch, end)) = clock.run(set.next()) {
        assert_eq!(end.unwrap().outcome(), Some(Outcome::Succeeded), "{batch}");
    }
    assert_eq!(provider.polls(), 200);
    assert!(clock.elapsed() > secs(3630), "within the rate: {:?}", clock.elapsed());
}

#[test]
fn wait_set_gives_each_state_after_its_poll() {
    let clock = VirtualClock::new();
    let provider = MockProvider::in_order(&clock)
        .then(|| Ok(running(1, 2).with_retry_after(Some(secs(90)))))
        .then(|| Err(unavailable()))
        .then(|| Ok(finished(2, 0)));
    let mut stored = Vec::new();
    let mut set = WaitSet::new(&provider).on_state(|state| {
        stored.push((state.polls(), state.fault().is_some(), state.due_in(clock.clock().wall())));
    });
    set.add(provider.submitted("b-1")).unwrap();
    let id = provider.batch("b-1").batch_id();
    assert_eq!(set.state(&id).map(WaitState::polls), Some(0));
    clock.run(set.next()).unwrap().1.unwrap();
    assert!(set.state(&id).is_none());
    drop(set);
    let [(1, false, asked), (2, true, backoff)] = stored[..] else { panic!("{stored:?}") };
    assert!(asked >= secs(90) && backoff <= secs(2), "{stored:?}");
}

#[test]
fn wait_gives_each_state_after_its_poll_and_a_set_goes_on_with_it() {
    let clock = VirtualClock::new();
    let provider = MockProvider::in_order(&clock)
        .then(|| Ok(running(1, 2).with_retry_after(Some(secs(90)))))
        .then(|| Err(unavailable()))
        .then(|| Ok(running(1, 2)))
        .then(|| Ok(finished(2, 0)));
    let mut stored = Vec::new();
    let mut stream = crate::wait(&provider, provider.submitted("b-1"))
        .on_state(|state| {
            let due = state.due_in(clock.clock().wall());
            stored.push((state.polls(), state.fault().is_some(), due, serde_json::to_string(state).unwrap()));
        })
        .into_stream();
    clock.run(stream.next()).unwrap().unwrap();
    // The failed poll is not a report, and its state is stored, too.
    clock.run(stream.next()).unwrap().unwrap();
    drop(stream);
    let [(1, false, asked, _), (2, true, backoff, failed), (3, false, ..)] = &stored[..] else { panic!("{stored:?}") };
    assert!(*asked >= secs(90) && *backoff <= secs(2), "{stored:?}");

    let mut set = WaitSet::new(&provider);
    set.resume(serde_json::from_str(failed).unwrap()).unwrap();
    assert_eq!(clock.run(set.next()).unwrap().1.unwrap().polls, 3);
}

#[test]
fn duration_history_merged_while_a_wait_runs_keeps_its_batch() {
    let clock = VirtualClock::new();
    let provider =
        MockProvider::by_time(&clock).from(Duration::ZERO, || Ok(running(1, 2))).from(secs(100), || Ok(finished(2, 0)));
    let history = DurationHistory::default();
    let mut stream = crate::wait(&provider, provider.submitted("b-1")).history(&history).into_stream();
    clock.run(stream.next());
    clock.run(stream.next());
    history.merge(&history.export()).unwrap();
    while clock.run(stream.next()).is_some() {}
    assert!(history.export().contains("[["));
}

/// Returns the seconds at which a wait with a deadline of 10 min polls, whose first response asks to wait `retry_after`.
fn polls_after_hint(retry_after: Duration, is_refused: bool) -> Vec<u64> {
    let clock = VirtualClock::new();
    let first = move || {
        let asked = Error::new(ErrorKind::RateLimited, "too many").with_retry_after(retry_after);
        if is_refused { Err(asked) } else { Ok(running(1, 2).with_retry_after(Some(retry_after))) }
    };
    let provider = MockProvider::in_order(&clock).then(first).then(|| Ok(finished(2, 0)));
    let mut times = Vec::new();
    let wait = crate::wait(&provider, provider.batch("b-1"))
        .deadline(secs(600))
        .schedule(Schedule::fixed(secs(5)))
        .on_poll(|_| times.push(clock.elapsed().as_secs()));
    clock.run(wait).unwrap();
    times
}

#[test]
fn wait_polls_after_the_time_that_a_response_asks_for_but_at_its_deadline() {
    for is_refused in [false, true] {
        for asked in [30, 300, 500] {
            let polls = polls_after_hint(secs(asked), is_refused);
            assert_eq!(polls.len(), 2);
            let waited = polls[1] - polls[0];
            // Jitter of 5 % is added only; so 500 s end well before the deadline.
            assert!((asked..=asked + asked / 20 + 1).contains(&waited), "{asked}: {polls:?}");
        }
        for asked in [secs(601), secs(7_200), secs(86_400), Duration::MAX] {
            assert_eq!(polls_after_hint(asked, is_refused)[1..], [600], "{asked:?} {is_refused}");
        }
    }
}

#[test]
fn wait_set_ends_its_batches_by_their_deadline_whatever_a_refusal_asks_to_wait() {
    for (asked, is_seen) in [(secs(300), true), (secs(605), true), (secs(7_200), false), (Duration::MAX, false)] {
        let clock = VirtualClock::new();
        let refused = move || Err(Error::new(ErrorKind::RateLimited, "too many").with_retry_after(asked));
        let provider = MockProvider::in_order(&clock).then(refused).then(|| Ok(finished(2, 0)));
        let mut set = WaitSet::new(&provider).deadline(secs(600));
        set.add(provider.batch("b-1")).unwrap();
        let end = clock.run(set.next()).unwrap().1;
        assert_eq!(end.is_ok(), is_seen, "{asked:?}: {end:?}");
        assert_eq!(provider.polls(), if is_seen { 2 } else { 1 });
        assert!(clock.elapsed() <= secs(600) + FINAL_POLL_GRACE, "{asked:?}: {:?}", clock.elapsed());
    }
}

#[test]
fn wait_state_plans_its_first_poll_by_its_rows() {
    let (provider, history) = (provider(), DurationHistory::default());
    // A second for each row.
    history.write(&provider.id(), |samples| {
        (10..400).step_by(10).for_each(|rows| samples.add(Some(rows), secs(rows)));
    });
    let options = WaitOptions::new(&provider);
    let due =
        |rows: u64| WaitState::new(provider.submitted("b-1"), &options, NOW).history(&history).rows(rows).due_in(NOW);
    assert!(due(10) < secs(30) && due(300) > secs(60), "{:?} and {:?}", due(10), due(300));
}

#[test]
fn wait_state_expects_an_end_sooner_where_the_batch_was_queued_until_lately() {
    let due = |first: Snapshot| {
        let mut state = state();
        state.observe(NOW + secs(60), Ok(first));
        state.observe(NOW + secs(80), Ok(running(50, 1_000)));
        state.due_in(NOW + secs(80))
    };
    let unknown = Snapshot::new(State::Running, "running", Progress::default());
    assert!(due(queued()) < due(unknown), "50 rows in 20 s are more than 50 rows in 80 s");
}

#[test]
fn wait_state_says_at_its_deadline_what_the_last_response_said() {
    let reason = |snapshot: Snapshot| {
        let provider = provider();
        let options = WaitOptions::new(&provider).deadline(secs(60));
        let mut state = WaitState::new(provider.submitted("b-1"), &options, NOW);
        let Step::GaveUp(error) = state.observe(NOW + secs(60), Ok(snapshot)) else { panic!("it goes on") };
        assert_eq!((error.kind(), error.hint().is_some()), (ErrorKind::Deadline, true));
        error.to_string()
    };
    let unknown = |word: &str, progress: Progress| {
        let drift = Drift::new("/status", DriftKind::UnknownValue, "a documented status word", word);
        reason(Snapshot::new(State::Unknown, word, progress).with_drift(vec![drift]))
    };
    let text = reason(Snapshot::new(State::Unknown, "UNKNOWN", Progress::default()));
    assert!(text.contains("the provider's status is UNKNOWN, which does not say whether it has ended"), "{text}");
    let counted = Progress::default().with_processed(3).with_total(7);
    let text = reason(running(3, 7));
    assert!(text.contains("the deadline passed") && !text.contains("not documented"), "{text}");
    let text = unknown("PAUSED", Progress::default());
    assert!(text.contains("the provider's status is PAUSED, which is not documented"), "{text}");
    assert!(!text.contains("rows processed"), "{text}");
    let text = unknown("PAUSED", counted);
    assert!(text.contains("PAUSED, which is not documented, with 3 of 7 rows processed"), "{text}");
    let text = unknown("", counted);
    assert!(text.contains("does not have a status word, with 3 of 7 rows processed"), "{text}");
}

#[test]
fn wait_state_leaves_a_history_when_it_is_dropped_or_takes_another() {
    let provider = provider();
    let [one, other] = [DurationHistory::default(), DurationHistory::default()];
    let running_in = |history: &DurationHistory| history.read(&provider.id(), |samples| samples.running());
    let mut state = state().history(&one);
    state.observe(NOW + secs(5), Ok(running(1, 2)));
    assert_eq!((running_in(&one), running_in(&other)), (1, 0));
    let mut state = state.history(&other);
    state.observe(NOW + secs(20), Ok(running(1, 2)));
    assert_eq!((running_in(&one), running_in(&other)), (0, 1));
    drop(state);
    assert_eq!((running_in(&one), running_in(&other)), (0, 0));
}

#[test]
fn debug_of_waits_names_the_type_and_the_batch() {
    let provider = provider();
    let wait = || crate::wait(&provider, provider.submitted("b-1"));
    let text = format!("{:?}", wait());
    assert!(text.starts_with("Wait { batch: ") && text.contains("b-1"), "{text}");
    assert_eq!(format!("{:?}", wait().into_stream()), "PollStream { .. }");
    let mut set = WaitSet::new(&provider);
    set.add(provider.submitted("b-1")).unwrap();
    let text = format!("{set:?}");
    assert!(text.starts_with("WaitSet { progress: WaitSetProgress { batches: 1"), "{text}");
}
