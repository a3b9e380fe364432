//! Many batches of one account: one budget, one pause, and nobody's failure is another's.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use bulkrail::poll::WaitSet;
use bulkrail::test_util::{PROVIDER, VirtualClock, finished, running, unavailable};
use bulkrail::time::Clock;
use bulkrail::{
    Batch, DurationHistory, Error, ErrorKind, Outcome, PollingDefaults, Provider, ProviderId, Report, Snapshot,
};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// An account with a limit of its own: more than `limit` looks within a second are refused.
struct Reconciliation {
    clock: VirtualClock,
    limit: usize,
    ends: fn(&str) -> Duration,
    looks: Mutex<Vec<(Duration, String)>>,
    refused: Mutex<Vec<Duration>>,
}

impl Reconciliation {
    fn new(clock: &VirtualClock, limit: usize, ends: fn(&str) -> Duration) -> Self {
        Self { clock: clock.clone(), limit, ends, looks: Mutex::default(), refused: Mutex::default() }
    }

    fn looks_at(&self) -> HashMap<String, usize> {
        self.looks.lock().unwrap().iter().fold(HashMap::new(), |mut counts, (_, id)| {
            *counts.entry(id.clone()).or_default() += 1;
            counts
        })
    }
}

impl Provider for Reconciliation {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let now = self.clock.elapsed();
        {
            let mut looks = self.looks.lock().unwrap();
            looks.push((now, batch.id().to_owned()));
            let recent = looks.iter().rev().take_while(|(at, _)| now - *at < secs(1)).count();
            if recent > self.limit {
                self.refused.lock().unwrap().push(now);
                let error = Error::new(ErrorKind::RateLimited, "too many").with_retry_after(secs(2));
                return Err(error);
            }
        }
        self.clock.clock().sleep(Duration::from_millis(50)).await;
        match batch.id() {
            "gone" => Err(Error::new(ErrorKind::NotFound, "not there")),
            "dark" => Err(unavailable()),
            id if now >= (self.ends)(id) => Ok(finished(10, 0)),
            _ => Ok(running(1, 10)),
        }
    }

    fn polling_defaults(&self) -> PollingDefaults {
        PollingDefaults::new()
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }
}

fn batch(id: &str) -> Batch {
    Batch::new(PROVIDER, id).unwrap()
}

fn run(clock: &VirtualClock, mut fleet: WaitSet<'_, Reconciliation>) -> HashMap<String, Result<Report, Error>> {
    let mut ends = HashMap::new();
    while let Some((batch, end)) = clock.run(fleet.next()) {
        assert!(ends.insert(batch.id().to_owned(), end).is_none(), "each ends once");
    }
    let progress = fleet.progress();
    assert_eq!((progress.ended, progress.batches), (ends.len(), ends.len()));
    ends
}

#[test]
fn the_budget_holds_however_many_batches_there_are() {
    let clock = VirtualClock::new();
    let account = Reconciliation::new(&clock, 15, |_| secs(120));
    let mut fleet = WaitSet::new(&account).requests_per_second(5.0);
    (0..300).for_each(|number| fleet.add(batch(&format!("b-{number}"))).unwrap());
    let ends = run(&clock, fleet);
    assert!(ends.values().all(|end| end.as_ref().unwrap().outcome() == Some(Outcome::Succeeded)));
    assert!(account.refused.lock().unwrap().is_empty(), "no limit was hit");
    let looks = account.looks.lock().unwrap();
    for (from, _) in looks.iter() {
        let within = looks.iter().filter(|(at, _)| *at >= *from && *at < *from + secs(10)).count();
        assert!(within <= 5 * 10 + 10 + 1, "{within} looks within ten seconds of {from:?}");
    }
}

#[test]
fn a_limit_lower_than_assumed_is_found_and_kept() {
    let clock = VirtualClock::new();
    let account = Reconciliation::new(&clock, 4, |_| secs(400));
    let mut fleet = WaitSet::new(&account).requests_per_second(50.0);
    (0..200).for_each(|number| fleet.add(batch(&format!("b-{number}"))).unwrap());
    let ends = run(&clock, fleet);
    assert!(ends.values().all(Result::is_ok));
    let refused = account.refused.lock().unwrap();
    let first_minute = refused.iter().filter(|at| **at < secs(60)).count();
    assert!(first_minute > 0, "it has to be found out");
    // A refusal pauses everybody: after each there is silence for as long as the provider asked.
    let looks = account.looks.lock().unwrap();
    for at in refused.iter() {
        let during =
            looks.iter().filter(|(look, _)| *look > *at + Duration::from_millis(100) && *look < *at + secs(2)).count();
        assert_eq!(during, 0, "a look during the pause after {at:?}");
    }
}

#[test]
fn one_batch_that_fails_touches_no_other() {
    let clock = VirtualClock::new();
    let account = Reconciliation::new(&clock, 1000, |_| secs(60));
    let mut fleet = WaitSet::new(&account).deadline(secs(600));
    for id in ["gone", "a", "dark", "b"] {
        fleet.add(batch(id)).unwrap();
    }
    let ends = run(&clock, fleet);
    assert_eq!(ends["gone"].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(ends["dark"].as_ref().unwrap_err().kind(), ErrorKind::Unreachable);
    for id in ["a", "b"] {
        let report = ends[id].as_ref().unwrap();
        assert!(report.elapsed < secs(200), "{id}: {:?}", report.elapsed);
    }
    for (id, end) in ends.iter().filter(|(_, end)| end.is_err()) {
        assert_eq!(end.as_ref().unwrap_err().batch().map(Batch::id), Some(id.as_str()));
    }
}

#[test]
fn a_deadline_holds_where_the_budget_has_no_request_left() {
    use bulkrail::test_util::MockProvider;
    let clock = VirtualClock::new();
    let refuse = || Err(Error::new(ErrorKind::RateLimited, "too many").with_retry_after(secs(86_400)));
    let provider = MockProvider::by_time(&clock).from(secs(0), refuse);
    let mut fleet = WaitSet::new(&provider).deadline(secs(60));
    fleet.add(provider.batch("b")).unwrap();
    let error = clock.run(fleet.next()).unwrap().1.unwrap_err();
    assert_eq!((error.kind(), error.polls()), (ErrorKind::Unreachable, 1));
    assert!(clock.elapsed() <= secs(60) + bulkrail::poll::FINAL_POLL_GRACE, "{:?}", clock.elapsed());

    let clock = VirtualClock::new();
    let account = Reconciliation::new(&clock, 1000, |_| secs(10_000));
    let mut fleet = WaitSet::new(&account).deadline(secs(60));
    (0..1000).for_each(|number| fleet.add(batch(&format!("b-{number}"))).unwrap());
    let ends = run(&clock, fleet);
    assert_eq!(ends.len(), 1000);
    assert!(ends.values().all(Result::is_err));
    assert!(clock.elapsed() <= secs(60) + bulkrail::poll::FINAL_POLL_GRACE, "{:?}", clock.elapsed());
}

#[test]
fn looks_that_hang_keep_no_other_batch_from_being_seen() {
    struct Half(VirtualClock);
    impl Provider for Half {
        fn id(&self) -> ProviderId {
            PROVIDER
        }

        async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
            if batch.id().starts_with("hangs") {
                self.0.clock().sleep(secs(1_000_000)).await;
            }
            if self.0.elapsed() >= secs(60) { Ok(finished(10, 0)) } else { Ok(running(1, 10)) }
        }

        fn clock(&self) -> Clock {
            self.0.clock()
        }
    }
    let seen_by = |hanging: usize| {
        let provider = Half(VirtualClock::new());
        let mut fleet = WaitSet::new(&provider).requests_per_second(20.0).deadline(secs(7200));
        (0..hanging).for_each(|number| fleet.add(batch(&format!("hangs-{number}"))).unwrap());
        (0..100).for_each(|number| fleet.add(batch(&format!("b-{number}"))).unwrap());
        for _ in 0..100 {
            let (batch, end) = provider.0.run(fleet.next()).unwrap();
            assert!(batch.id().starts_with("b-") && end.is_ok());
        }
        provider.0.elapsed()
    };
    let (alone, beside) = (seen_by(0), seen_by(300));
    assert!(beside < alone * 5, "{alone:?} alone, {beside:?} beside 300 that hang");
}

#[test]
fn a_batch_added_twice_is_looked_at_once() {
    let clock = VirtualClock::new();
    let account = Reconciliation::new(&clock, 1000, |_| secs(0));
    let mut fleet = WaitSet::new(&account);
    for _ in 0..5 {
        fleet.add(batch("b")).unwrap();
    }
    assert_eq!(run(&clock, fleet).len(), 1);
    assert_eq!(account.looks_at()["b"], 1);
    let other = Batch::new(ProviderId::from_static("other"), "b").unwrap();
    assert_eq!(WaitSet::new(&account).add(other).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn durations_are_learned_and_survive_a_restart() {
    let polls = |histories: &DurationHistory| {
        let clock = VirtualClock::new();
        let account = Reconciliation::new(&clock, 1000, |_| secs(300));
        let mut fleet = WaitSet::new(&account).history(histories);
        let submitted = VirtualClock::BEGINNING;
        (0..20).for_each(|number| fleet.add(batch(&format!("b-{number}")).with_submitted_at(submitted)).unwrap());
        run(&clock, fleet);
        account.looks_at().values().sum::<usize>()
    };
    let learned = DurationHistory::default();
    let before = polls(&learned);
    let restored = DurationHistory::default();
    restored.import(&learned.export()).unwrap();
    assert!(!restored.export().contains("b-"), "durations only");
    let after = polls(&restored);
    assert!(after <= before, "{after} looks where it was {before}");
    for garbage in ["", "[]", "null", "{\"reap\":7}", "{\"NOT A NAME\":{}}", "{\"reap\":{\"version\":99}}"] {
        assert_eq!(restored.import(garbage).unwrap_err().kind(), ErrorKind::Usage, "{garbage}");
    }
}

#[test]
fn a_fleet_that_is_stopped_hands_over_what_it_saw_of_each() {
    let clock = VirtualClock::new();
    let account = Reconciliation::new(&clock, 1000, |id| secs(if id == "early" { 10 } else { 1000 }));
    let mut fleet = WaitSet::new(&account);
    for id in ["a", "early", "b"] {
        fleet.add(batch(id)).unwrap();
    }
    let (first, end) = clock.run(fleet.next()).unwrap();
    assert_eq!((first.id(), end.unwrap().outcome()), ("early", Some(Outcome::Succeeded)));
    fleet.stop();
    fleet.add(batch("late")).unwrap();
    let looks = account.looks_at();
    let mut ends = HashMap::new();
    while let Some((batch, end)) = clock.run(fleet.next()) {
        ends.insert(batch.id().to_owned(), end);
    }
    assert_eq!((ends.len(), fleet.progress().ended), (3, 4));
    assert_eq!(account.looks_at(), looks, "nothing is asked any more");
    let last = |id: &str| {
        let error = ends[id].as_ref().unwrap_err();
        assert_eq!((error.kind(), error.batch().map(Batch::id)), (ErrorKind::Interrupted, Some(id)));
        error.last_report().map(|report| report.snapshot.progress.processed)
    };
    assert_eq!((last("a"), last("b"), last("late")), (Some(Some(1)), Some(Some(1)), None));
}

#[test]
fn where_rows_are_known_small_batches_are_looked_at_before_large_ones() {
    let firsts = |with_rows: bool| {
        let clock = VirtualClock::new();
        // A second a row.
        let account = Reconciliation::new(&clock, 1000, |id| secs(id.parse().unwrap_or(4000)));
        let histories = DurationHistory::default();
        let mut learned = WaitSet::new(&account).history(&histories);
        for rows in (10..400).step_by(10) {
            let batch = batch(&rows.to_string()).with_submitted_at(VirtualClock::BEGINNING);
            learned.add_with_rows(batch, rows).unwrap();
        }
        run(&clock, learned);
        account.looks.lock().unwrap().clear();
        let (began, mut fleet) = (clock.elapsed(), WaitSet::new(&account).history(&histories));
        for (id, rows) in [("large", 4000), ("small", 20)] {
            let batch = batch(id).with_submitted_at(clock.clock().wall());
            if with_rows { fleet.add_with_rows(batch, rows) } else { fleet.add(batch) }.unwrap();
        }
        run(&clock, fleet);
        let looks = account.looks.lock().unwrap();
        ["large", "small"].map(|id| looks.iter().find(|(_, of)| of == id).unwrap().0 - began)
    };
    let [large, small] = firsts(true);
    assert!(large > 2 * small, "{large:?}, {small:?}");
    let [large, small] = firsts(false);
    assert!(large < 2 * small, "{large:?}, {small:?}");
}

#[test]
fn a_fleet_that_is_dropped_and_made_anew_goes_on() {
    let clock = VirtualClock::new();
    let account = Reconciliation::new(&clock, 1000, |_| secs(100));
    let mut fleet = WaitSet::new(&account);
    (0..10).for_each(|number| fleet.add(batch(&format!("b-{number}"))).unwrap());
    clock.run(async {
        let mut next = std::pin::pin!(fleet.next());
        let mut cut = std::pin::pin!(clock.clock().sleep(secs(20)));
        std::future::poll_fn(|context| {
            assert!(next.as_mut().poll(context).is_pending());
            cut.as_mut().poll(context)
        })
        .await;
    });
    drop(fleet);
    let mut fleet = WaitSet::new(&account);
    (0..10).for_each(|number| fleet.add(batch(&format!("b-{number}"))).unwrap());
    assert!(run(&clock, fleet).values().all(Result::is_ok));
}
