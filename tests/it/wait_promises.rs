//! What holds for every wait, whatever the provider does: properties over random scripts, with shrinking.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulkrail::test_util::{MockProvider, PROVIDER, VirtualClock, finished, queued, running, unavailable};
use bulkrail::time::Clock;
use bulkrail::{
    Batch, Error, ErrorKind, PollingDefaults, Progress, Provider, ProviderId, Report, Snapshot, State, wait,
};
use proptest::prelude::*;

/// What a look may come to.
#[derive(Debug, Clone)]
enum Look {
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
    /// Never answers.
    Hangs,
}

impl Look {
    fn is_terminal(&self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }

    fn hint(&self) -> Duration {
        match self {
            Self::Hint(hint) | Self::Fault { hint: Some(hint) } => Duration::from_secs(*hint),
            _ => Duration::ZERO,
        }
    }

    fn answer(&self) -> Result<Snapshot, Error> {
        let ended = |state| Ok(Snapshot::new(state, "x", Progress::default()));
        match self {
            Self::Queued => Ok(queued()),
            Self::Running(done) => Ok(running(*done, 100)),
            Self::Unknown => ended(State::Unknown),
            Self::Hint(_) => {
                let mut snapshot = running(1, 2);
                snapshot.retry_after = Some(self.hint());
                Ok(snapshot)
            }
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

/// Goes through a list of looks, then repeats `Running`, and remembers when it was asked and when it answered.
struct Recorder {
    clock: VirtualClock,
    looks: Vec<Look>,
    advice: PollingDefaults,
    times: Arc<Mutex<Vec<(Duration, Duration)>>>,
}

impl Provider for Recorder {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, _batch: &Batch) -> Result<Snapshot, Error> {
        let asked = self.clock.elapsed();
        let number = {
            let mut times = self.times.lock().unwrap();
            times.push((asked, asked));
            times.len() - 1
        };
        let look = self.looks.get(number).cloned().unwrap_or(Look::Running(1));
        let takes = if matches!(look, Look::Hangs) { 1_000_000 } else { 100 };
        self.clock.clock().sleep(Duration::from_millis(takes)).await;
        self.times.lock().unwrap()[number].1 = self.clock.elapsed();
        look.answer()
    }

    fn polling_defaults(&self) -> PollingDefaults {
        self.advice
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }
}

#[derive(Debug, Clone)]
struct Case {
    looks: Vec<Look>,
    first: u64,
    min: u64,
    spread: u64,
    deadline: u64,
    budget: u64,
    submitted: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let look = prop_oneof![
        3 => Just(Look::Queued),
        6 => (0u64..200).prop_map(Look::Running),
        2 => Just(Look::Unknown),
        1 => (0u64..200).prop_map(Look::Hint),
        3 => Just(Look::Fault { hint: None }),
        1 => (0u64..2_000_000_000).prop_map(|hint| Look::Fault { hint: Some(hint) }),
        1 => Just(Look::NotFound),
        1 => Just(Look::Refused),
        1 => Just(Look::Finished),
        1 => Just(Look::Failed),
        1 => Just(Look::Cancelled),
        1 => Just(Look::Hangs),
    ];
    (prop::collection::vec(look, 0..30), 0u64..200, 1u64..60, 0u64..120, 1u64..2000, 1u64..1000, any::<bool>())
        .prop_map(|(looks, first, min, spread, deadline, budget, submitted)| Case {
            looks,
            first,
            min,
            spread,
            deadline,
            budget,
            submitted,
        })
}

struct Trace {
    end: Result<Report, Error>,
    times: Vec<(Duration, Duration)>,
    elapsed: Duration,
}

fn run(case: &Case) -> Trace {
    let secs = Duration::from_secs;
    let clock = VirtualClock::new();
    let times = Arc::default();
    let advice = PollingDefaults::new().with_delays(secs(case.first), secs(case.min), secs(case.min + case.spread));
    let recorder = Recorder { clock: clock.clone(), looks: case.looks.clone(), advice, times: Arc::clone(&times) };
    let mut batch = Batch::new(PROVIDER, "b-1").unwrap();
    if case.submitted {
        batch = batch.with_submitted_at(VirtualClock::BEGINNING);
    }
    let wait = wait(&recorder, batch).deadline(secs(case.deadline)).failure_budget(secs(case.budget));
    let end = clock.run(wait);
    let times = times.lock().unwrap().clone();
    Trace { end, times, elapsed: clock.elapsed() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_wait_ends_for_a_reason_and_in_time(case in case()) {
        let trace = run(&case);
        let seen = &case.looks[..trace.times.len().min(case.looks.len())];
        let last = seen.get(trace.times.len() - 1);
        let deadline = Duration::from_secs(case.deadline);

        // Never past the deadline by more than one look.
        prop_assert!(trace.elapsed <= deadline + wait::FINAL_POLL_GRACE, "{:?}", trace.elapsed);

        // An end word ends it, and nothing before the last look was one.
        prop_assert!(seen.iter().rev().skip(usize::from(last.is_some())).all(|look| !look.is_terminal()));
        prop_assert_eq!(trace.end.is_ok(), last.is_some_and(Look::is_terminal));

        match &trace.end {
            Ok(report) => prop_assert_eq!(report.polls as usize, trace.times.len()),
            Err(error) => {
                // Never an error without its batch, its polls and what was last seen.
                prop_assert_eq!(error.batch().map(Batch::id), Some("b-1"));
                prop_assert_eq!(error.polls() as usize, trace.times.len());
                let good = seen.iter().any(|look| look.answer().is_ok()) || trace.times.len() > seen.len();
                prop_assert_eq!(error.last_snapshot().is_some(), good);
                match error.kind() {
                    ErrorKind::Deadline => prop_assert!(trace.elapsed >= deadline),
                    ErrorKind::Unreachable => {
                        prop_assert!(trace.elapsed >= deadline.min(Duration::from_secs(case.budget)));
                    }
                    ErrorKind::NotFound => prop_assert!(matches!(last, Some(Look::NotFound))),
                    ErrorKind::Permission => prop_assert!(matches!(last, Some(Look::Refused))),
                    other => prop_assert!(false, "no wait ends so: {other}"),
                }
            }
        }
    }

    #[test]
    fn no_look_comes_before_a_floor_or_a_hint(case in case()) {
        let trace = run(&case);
        let deadline = Duration::from_secs(case.deadline);
        let is_due = |at: Duration, floor: Duration| at >= floor.min(deadline) || at >= deadline;
        if case.submitted {
            prop_assert!(is_due(trace.times[0].0, Duration::from_secs(case.first)));
        }
        for (number, pair) in trace.times.windows(2).enumerate() {
            let look = case.looks.get(number).cloned().unwrap_or(Look::Running(1));
            let floor = match look.answer() {
                Ok(_) => Duration::from_secs(case.min),
                Err(_) => Duration::from_secs(1),
            };
            let (answered, next) = (pair[0].1.max(pair[0].0), pair[1].0);
            prop_assert!(is_due(next, answered + floor.max(look.hint())), "look {number}: {look:?} {answered:?} {next:?}");
            if look.answer().is_ok() && look.hint().is_zero() {
                let longest = Duration::from_secs(case.min + case.spread);
                prop_assert!(next <= answered + longest, "look {number}: longer than the longest gap");
            }
        }
    }

    #[test]
    fn the_same_wait_takes_the_same_course(case in case()) {
        let (one, two) = (run(&case), run(&case));
        prop_assert_eq!(one.times, two.times);
        prop_assert_eq!(one.end.map_err(|error| error.to_string()), two.end.map_err(|error| error.to_string()));
    }

    #[test]
    fn dropping_a_wait_anywhere_changes_nothing(case in case(), drops in prop::collection::vec(1u64..50_000, 1..5)) {
        // Cut off after some time, again and again; the wait that is left alone ends as if nothing had been.
        let clock = VirtualClock::new();
        let looks = vec![Look::Running(1); 3];
        let advice = PollingDefaults::new();
        let times = Arc::default();
        let recorder = Recorder { clock: clock.clone(), looks, advice, times };
        let batch = Batch::new(PROVIDER, "b-1").unwrap();
        for after in drops {
            let mut dropped = std::pin::pin!(std::future::IntoFuture::into_future(wait(&recorder, batch.clone())));
            let mut cut = std::pin::pin!(clock.clock().sleep(Duration::from_millis(after)));
            clock.run(std::future::poll_fn(|context| {
                if dropped.as_mut().poll(context).is_ready() {
                    return std::task::Poll::Ready(());
                }
                cut.as_mut().poll(context)
            }));
        }
        let before = recorder.times.lock().unwrap().len();
        let fresh = Recorder { looks: vec![Look::Finished], times: Arc::default(), clock: clock.clone(), advice };
        let report = clock.run(wait(&fresh, batch).deadline(Duration::from_secs(case.deadline))).unwrap();
        prop_assert_eq!(report.polls, 1);
        prop_assert_eq!(recorder.times.lock().unwrap().len(), before, "a dropped wait looks no more");
    }
}

#[test]
fn a_fault_that_is_over_is_no_cause_of_what_comes_later() {
    use std::error::Error as _;
    let clock = VirtualClock::new();
    let gone = || Err(Error::new(ErrorKind::Permission, "not yours"));
    let provider = MockProvider::in_order(&clock).then(|| Err(unavailable())).then(|| Ok(running(1, 10))).then(gone);
    let error = clock.run(wait(&provider, provider.batch("b"))).unwrap_err();
    assert_eq!((error.kind(), error.polls()), (ErrorKind::Permission, 3));
    assert!(error.source().is_none(), "{error:?}");
}

#[test]
fn a_look_that_hangs_holds_a_short_deadline_up_by_no_more_than_the_last_look() {
    let clock = VirtualClock::new();
    let provider = MockProvider::in_order(&clock).then(|| Ok(running(1, 10))).poll_takes(Duration::from_secs(3600));
    let error = clock.run(wait(&provider, provider.batch("b")).deadline(Duration::from_secs(2))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(clock.elapsed() <= Duration::from_secs(2) + wait::FINAL_POLL_GRACE, "{:?}", clock.elapsed());
    let mut fleet = wait::WaitSet::new(&provider).deadline(Duration::from_secs(2));
    fleet.add(provider.batch("c")).unwrap();
    let began = clock.elapsed();
    assert!(clock.run(fleet.next()).unwrap().1.is_err());
    assert!(clock.elapsed() - began <= Duration::from_secs(2) + wait::FINAL_POLL_GRACE);
}
