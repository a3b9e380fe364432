//! Properties of every wait, whatever the provider does, over random responses.

use std::future::IntoFuture;
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use bulkrail::poll::{FINAL_POLL_GRACE, Step, WaitOptions, WaitState};
use bulkrail::test_util::{MockProvider, PROVIDER, VirtualClock, finished, queued, running, unavailable};
use bulkrail::time::Clock;
use bulkrail::{
    Batch, DurationHistory, Error, ErrorKind, PollingDefaults, Progress, Provider, ProviderId, Report, Snapshot, State,
    Wait, WaitSet, wait,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::common::secs;

/// Response to a poll.
#[derive(Debug, Clone)]
enum Response {
    Queued,
    Running(u64),
    Unknown,
    Hint(u64),
    Fault {
        hint: Option<u64>,
    },
    NotFound,
    Refused,
    Finished,
    Failed,
    Cancelled,
    /// No response.
    Hangs,
}

impl Response {
    fn is_terminal(&self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }

    fn hint(&self) -> Duration {
        match self {
            Self::Hint(hint) | Self::Fault { hint: Some(hint) } => Duration::from_secs(*hint),
            _ => Duration::ZERO,
        }
    }

    fn result(&self) -> Result<Snapshot, Error> {
        let ended = |state| Ok(Snapshot::new(state, "x", Progress::default()));
        match self {
            Self::Queued => Ok(queued()),
            // Of 97 rows: fractions with as many digits as there are.
            Self::Running(done) => Ok(running(*done, 97)),
            Self::Unknown => ended(State::Unknown),
            Self::Hint(_) => Ok(running(1, 2).with_retry_after(Some(self.hint()))),
            Self::Fault { hint: None } => Err(unavailable()),
            Self::Fault { hint: Some(_) } => Err(unavailable().with_retry_after(self.hint())),
            Self::NotFound => Err(Error::new(ErrorKind::NotFound, "not there")),
            Self::Refused => Err(Error::new(ErrorKind::Permission, "not allowed")),
            Self::Finished => Ok(finished(1, 1)),
            Self::Failed => ended(State::Failed),
            Self::Cancelled => ended(State::Cancelled),
            Self::Hangs => Err(unavailable()),
        }
    }
}

/// Provider that returns `responses` in order, then `Running`, and records when each poll began and
/// ended.
struct Recorder {
    clock: VirtualClock,
    responses: Vec<Response>,
    defaults: PollingDefaults,
    times: Mutex<Vec<(Duration, Duration)>>,
}

impl Provider for Recorder {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, _batch: &Batch) -> Result<Snapshot, Error> {
        let began = self.clock.elapsed();
        let number = {
            let mut times = self.times.lock().unwrap();
            times.push((began, began));
            times.len() - 1
        };
        let response = self.responses.get(number).cloned().unwrap_or(Response::Running(1));
        let takes = if matches!(response, Response::Hangs) { 1_000_000 } else { 100 };
        self.clock.clock().sleep(Duration::from_millis(takes)).await;
        self.times.lock().unwrap()[number].1 = self.clock.elapsed();
        response.result()
    }

    fn polling_defaults(&self) -> PollingDefaults {
        self.defaults
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }
}

#[derive(Debug, Clone)]
struct Case {
    responses: Vec<Response>,
    first: u64,
    min: u64,
    spread: u64,
    deadline: u64,
    budget: u64,
    submitted: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let response = prop_oneof![
        3 => Just(Response::Queued),
        6 => (0u64..200).prop_map(Response::Running),
        2 => Just(Response::Unknown),
        1 => (0u64..200).prop_map(Response::Hint),
        3 => Just(Response::Fault { hint: None }),
        1 => (0u64..2_000_000_000).prop_map(|hint| Response::Fault { hint: Some(hint) }),
        1 => Just(Response::NotFound),
        1 => Just(Response::Refused),
        1 => Just(Response::Finished),
        1 => Just(Response::Failed),
        1 => Just(Response::Cancelled),
        1 => Just(Response::Hangs),
    ];
    (prop::collection::vec(response, 0..30), 0u64..200, 1u64..60, 0u64..120, 1u64..2000, 1u64..1000, any::<bool>())
        .prop_map(|(responses, first, min, spread, deadline, budget, submitted)| Case {
            responses,
            first,
            min,
            spread,
            deadline,
            budget,
            submitted,
        })
}

impl Case {
    fn recorder(&self, clock: &VirtualClock) -> Recorder {
        let (first, min) = (secs(self.first), secs(self.min));
        let defaults = PollingDefaults::new().with_delays(first, min, min + secs(self.spread));
        Recorder { clock: clock.clone(), responses: self.responses.clone(), defaults, times: Mutex::default() }
    }

    fn batch(&self, provider: &Recorder) -> Batch {
        let batch = Batch::new(PROVIDER, "b-1").unwrap();
        if self.submitted { batch.with_submitted_at(provider.clock.clock().wall()) } else { batch }
    }

    fn options(&self, provider: &Recorder) -> WaitOptions {
        WaitOptions::new(provider).deadline(secs(self.deadline)).failure_budget(secs(self.budget))
    }

    fn wait<'a>(&self, provider: &'a Recorder) -> Wait<'a> {
        wait(provider, self.batch(provider)).deadline(secs(self.deadline)).failure_budget(secs(self.budget))
    }
}

struct Trace {
    end: Result<Report, Error>,
    times: Vec<(Duration, Duration)>,
    elapsed: Duration,
}

fn run(case: &Case) -> Trace {
    let clock = VirtualClock::new();
    let recorder = case.recorder(&clock);
    let end = clock.run(case.wait(&recorder));
    let times = recorder.times.lock().unwrap().clone();
    Trace { end, times, elapsed: clock.elapsed() }
}

/// Everything that a wait does.
#[derive(Debug, PartialEq)]
struct Course {
    /// Begin and end of each poll.
    times: Vec<(Duration, Duration)>,
    /// Time and document of each item of the stream, the end included.
    items: Vec<(Duration, Value)>,
    /// Durations that the wait adds to the history.
    history: String,
}

/// Runs the stream of `case`, and drops the future of `next` at each await that `is_dropped` names
/// by its number.
///
/// Returns the course and the number of awaits.
fn run_dropping(case: &Case, is_dropped: impl Fn(usize) -> bool) -> (Course, usize) {
    let clock = VirtualClock::new();
    let (recorder, history) = (case.recorder(&clock), DurationHistory::default());
    let mut stream = case.wait(&recorder).history(&history).into_stream();
    let (mut items, mut awaits) = (Vec::new(), 0);
    clock.run(async {
        loop {
            let next = {
                let mut next = pin!(stream.next());
                std::future::poll_fn(|context| match next.as_mut().poll(context) {
                    Poll::Ready(item) => Poll::Ready(Some(item)),
                    Poll::Pending => {
                        awaits += 1;
                        if is_dropped(awaits - 1) { Poll::Ready(None) } else { Poll::Pending }
                    }
                })
                .await
            };
            match next {
                Some(Some(item)) => items.push((clock.elapsed(), document(item))),
                Some(None) => break,
                // Without a future of its own, the task is woken only by what the stream goes on
                // waiting for.
                None => pending_once().await,
            }
        }
    });
    let times = recorder.times.lock().unwrap().clone();
    (Course { times, items, history: history.export() }, awaits)
}

/// Runs `case` on a state that is written as JSON and read after every poll.
fn run_through_json(case: &Case) -> Course {
    let clock = VirtualClock::new();
    let (recorder, history) = (case.recorder(&clock), DurationHistory::default());
    let now = || clock.clock().wall();
    let options = case.options(&recorder);
    let state = WaitState::new(case.batch(&recorder), &options, now()).history(&history);
    let (mut stored, mut items) = (serde_json::to_string(&state).unwrap(), Vec::new());
    clock.run(async {
        loop {
            let mut state = serde_json::from_str::<WaitState>(&stored).unwrap().history(&history);
            clock.clock().sleep(state.due_in(now())).await;
            assert_eq!(state.due().max(now()), now(), "it is due");
            let step = state.poll(&recorder).await;
            stored = serde_json::to_string(&state).unwrap();
            let written = serde_json::to_value(&step).unwrap();
            assert_eq!(
                serde_json::to_value(serde_json::from_value::<Step>(written.clone()).unwrap()).unwrap(),
                written
            );
            let item = match step {
                Step::Again { after, report: Some(report), fault: None } => {
                    assert_eq!(after, state.due_in(now()));
                    Ok(*report)
                }
                Step::Again { report: None, fault: Some(_), .. } => continue,
                Step::Ended(report) => Ok(*report),
                Step::GaveUp(error) => Err(error),
                step => panic!("{step:?}"),
            };
            let is_end = item.as_ref().map_or(true, |report| report.snapshot.is_terminal());
            items.push((clock.elapsed(), document(item)));
            if is_end {
                return;
            }
        }
    });
    let times = recorder.times.lock().unwrap().clone();
    Course { times, items, history: history.export() }
}

/// Runs `case` in a wait set that is dropped after every poll: the next one resumes the state that it stored. The only
/// item is the end.
fn run_in_a_set_per_poll(case: &Case) -> Course {
    let clock = VirtualClock::new();
    let (recorder, history) = (case.recorder(&clock), DurationHistory::default());
    let state = WaitState::new(case.batch(&recorder), &case.options(&recorder), clock.clock().wall());
    let stored = Mutex::new(serde_json::to_string(&state).unwrap());
    // The first plan is that of the first set.
    let mut first = Some(state);
    let end = loop {
        let before = stored.lock().unwrap().clone();
        let store = |state: &WaitState| *stored.lock().unwrap() = serde_json::to_string(state).unwrap();
        let mut set = WaitSet::new(&recorder).history(&history).on_state(store);
        set.resume(first.take().unwrap_or_else(|| serde_json::from_str(&before).unwrap())).unwrap();
        let mut next = pin!(set.next());
        let end = clock.run(std::future::poll_fn(|context| match next.as_mut().poll(context) {
            Poll::Pending if *stored.lock().unwrap() == before => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
            Poll::Ready(end) => Poll::Ready(end),
        }));
        if let Some((_, end)) = end {
            break end;
        }
    };
    let times = recorder.times.lock().unwrap().clone();
    Course { times, items: vec![(clock.elapsed(), document(end))], history: history.export() }
}

/// Returns control to the executor once, without arranging to be woken.
async fn pending_once() {
    let mut is_first = true;
    std::future::poll_fn(|_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }).await;
}

fn document(item: Result<Report, Error>) -> Value {
    match item {
        Ok(report) => serde_json::to_value(report).unwrap(),
        Err(error) => serde_json::to_value(error.document()).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wait_ends_for_a_reason_and_in_time(case in case()) {
        let trace = run(&case);
        let seen = &case.responses[..trace.times.len().min(case.responses.len())];
        let last = seen.get(trace.times.len() - 1);
        let deadline = Duration::from_secs(case.deadline);

        // Not past the deadline by more than the last poll.
        prop_assert!(trace.elapsed <= deadline + FINAL_POLL_GRACE, "{:?}", trace.elapsed);

        // A terminal state ends it, and no state before was terminal.
        prop_assert!(seen.iter().rev().skip(usize::from(last.is_some())).all(|response| !response.is_terminal()));
        prop_assert_eq!(trace.end.is_ok(), last.is_some_and(Response::is_terminal));

        match &trace.end {
            Ok(report) => prop_assert_eq!(report.polls as usize, trace.times.len()),
            Err(error) => {
                // Every error has its batch, its polls and the last snapshot.
                prop_assert_eq!(error.batch().map(Batch::id), Some("b-1"));
                prop_assert_eq!(error.polls() as usize, trace.times.len());
                let good = seen.iter().any(|response| response.result().is_ok()) || trace.times.len() > seen.len();
                prop_assert_eq!(error.last_snapshot().is_some(), good);
                match error.kind() {
                    ErrorKind::Deadline => prop_assert!(trace.elapsed >= deadline),
                    ErrorKind::Unreachable => {
                        prop_assert!(trace.elapsed >= deadline.min(Duration::from_secs(case.budget)));
                    }
                    ErrorKind::NotFound => prop_assert!(matches!(last, Some(Response::NotFound))),
                    ErrorKind::Permission => prop_assert!(matches!(last, Some(Response::Refused))),
                    other => prop_assert!(false, "not an end of a wait: {other}"),
                }
            }
        }
    }

    #[test]
    fn wait_never_polls_before_a_floor_or_retry_after(case in case()) {
        let trace = run(&case);
        let deadline = Duration::from_secs(case.deadline);
        let is_due = |at: Duration, floor: Duration| at >= floor.min(deadline) || at >= deadline;
        if case.submitted {
            prop_assert!(is_due(trace.times[0].0, Duration::from_secs(case.first)));
        }
        for (number, pair) in trace.times.windows(2).enumerate() {
            let response = case.responses.get(number).cloned().unwrap_or(Response::Running(1));
            let floor = match response.result() {
                Ok(_) => Duration::from_secs(case.min),
                Err(_) => Duration::from_secs(1),
            };
            let (ended, next) = (pair[0].1.max(pair[0].0), pair[1].0);
            prop_assert!(is_due(next, ended + floor.max(response.hint())), "poll {number}: {response:?} {ended:?} {next:?}");
            if response.result().is_ok() && response.hint().is_zero() {
                let longest = Duration::from_secs(case.min + case.spread);
                prop_assert!(next <= ended + longest, "poll {number}: later than the longest interval");
            }
        }
    }

    #[test]
    fn wait_repeats_itself_for_the_same_responses(case in case()) {
        let (one, two) = (run(&case), run(&case));
        prop_assert_eq!(one.times, two.times);
        prop_assert_eq!(one.end.map_err(|error| error.to_string()), two.end.map_err(|error| error.to_string()));
    }

    #[test]
    fn poll_stream_dropped_at_any_await_takes_the_same_course(case in case(), place in any::<prop::sample::Index>()) {
        let (undisturbed, awaits) = run_dropping(&case, |_| false);
        let awaited = run(&case);
        prop_assert_eq!(&undisturbed.times, &awaited.times);
        let last = undisturbed.items.last().map(|(_, item)| item);
        prop_assert_eq!(last, Some(&document(awaited.end)), "the last item is the end of the wait");

        let (dropped_always, same_awaits) = run_dropping(&case, |_| true);
        prop_assert_eq!(&dropped_always, &undisturbed);
        prop_assert_eq!(same_awaits, awaits);
        if awaits > 0 {
            let place = place.index(awaits);
            prop_assert_eq!(run_dropping(&case, |number| number == place).0, undisturbed, "dropped at await {}", place);
        }
    }

    #[test]
    fn wait_that_is_dropped_polls_no_more_and_leaves_the_next_one_alone(case in case(), cut in 0usize..60) {
        let clock = VirtualClock::new();
        let (recorder, history) = (case.recorder(&clock), DurationHistory::default());
        let mut dropped = Box::pin(case.wait(&recorder).history(&history).into_future());
        let mut left = cut;
        let end = clock.run(std::future::poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            dropped.as_mut().poll(context).map(Some)
        }));
        drop(dropped);
        let (polls, learned) = (recorder.times.lock().unwrap().clone(), history.export());
        clock.run(clock.clock().sleep(secs(100_000)));
        prop_assert_eq!(&*recorder.times.lock().unwrap(), &polls, "a dropped wait does not poll");
        prop_assert_eq!(history.export(), learned.clone());
        if end.is_none() {
            prop_assert!(!learned.contains("[["), "a wait that did not end learns nothing: {}", learned);
        }

        // A wait that begins now takes the course of one that no other came before.
        let began = clock.elapsed();
        let fresh = case.recorder(&clock);
        let next = clock.run(case.wait(&fresh).history(&history));
        if end.is_none() {
            let alone = run(&case);
            let times: Vec<_> = alone.times.iter().map(|(from, to)| (*from + began, *to + began)).collect();
            prop_assert_eq!(&*fresh.times.lock().unwrap(), &times);
            let without_times = |mut document: Value| {
                let batch = |value: &mut Value| {
                    value.get_mut("batch").and_then(Value::as_object_mut).map(|batch| batch.remove("submitted_at"));
                };
                batch(&mut document);
                document.get_mut("last").map(batch);
                document
            };
            prop_assert_eq!(without_times(document(next)), without_times(document(alone.end)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wait_through_json_after_every_poll_is_the_same_wait(case in case()) {
        let (plain, _) = run_dropping(&case, |_| false);
        prop_assert_eq!(&run_through_json(&case), &plain);

        let end = plain.items.last().cloned().into_iter().collect();
        prop_assert_eq!(run_in_a_set_per_poll(&case), Course { items: end, ..plain });
    }
}

#[test]
fn poll_stream_dropped_at_each_await_in_turn_takes_the_same_course() {
    use Response::{Fault, Finished, Hangs, Hint, Queued, Running};
    let responses =
        vec![Queued, Running(10), Fault { hint: None }, Fault { hint: Some(7) }, Hint(9), Hangs, Running(60), Finished];
    let case = Case { responses, first: 5, min: 1, spread: 20, deadline: 1000, budget: 500, submitted: true };
    let (undisturbed, awaits) = run_dropping(&case, |_| false);
    assert!(awaits >= 15, "a sleep and a poll for each response: {awaits}");
    assert_eq!(undisturbed.times.len(), 8);
    for place in 0..awaits {
        assert_eq!(run_dropping(&case, |number| number == place).0, undisturbed, "dropped at await {place}");
    }
}

#[test]
fn wait_clears_last_fault_after_recovery() {
    use std::error::Error as _;
    let clock = VirtualClock::new();
    let gone = || Err(Error::new(ErrorKind::Permission, "not yours"));
    let provider = MockProvider::in_order(&clock).then(|| Err(unavailable())).then(|| Ok(running(1, 10))).then(gone);
    let error = clock.run(wait(&provider, provider.batch("b"))).unwrap_err();
    assert_eq!((error.kind(), error.polls()), (ErrorKind::Permission, 3));
    assert!(error.source().is_none(), "{error:?}");
}

#[test]
fn wait_with_a_hanging_poll_keeps_a_short_deadline() {
    let clock = VirtualClock::new();
    let provider = MockProvider::in_order(&clock).then(|| Ok(running(1, 10))).poll_takes(Duration::from_secs(3600));
    let error = clock.run(wait(&provider, provider.batch("b")).deadline(Duration::from_secs(2))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(clock.elapsed() <= Duration::from_secs(2) + FINAL_POLL_GRACE, "{:?}", clock.elapsed());
    let mut set = WaitSet::new(&provider).deadline(Duration::from_secs(2));
    set.add(provider.batch("c")).unwrap();
    let began = clock.elapsed();
    assert!(clock.run(set.next()).unwrap().1.is_err());
    assert!(clock.elapsed() - began <= Duration::from_secs(2) + FINAL_POLL_GRACE);
}
