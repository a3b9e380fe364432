//! Many batches of one provider: one request budget, one pause, and failures that stay with their
//! batch.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulkrail::poll::FINAL_POLL_GRACE;
use bulkrail::schedule::Schedule;
use bulkrail::test_util::{PROVIDER, VirtualClock, finished, running, unavailable};
use bulkrail::time::Clock;
use bulkrail::{
    Batch, DurationHistory, Error, ErrorKind, Outcome, PollingDefaults, Provider, ProviderId, Report, Snapshot, WaitSet,
};

use crate::common::secs;

/// Provider that refuses more than `limit` polls within a second.
struct LimitedProvider {
    clock: VirtualClock,
    limit: usize,
    ends: fn(&str) -> Duration,
    polls: Mutex<Vec<(Duration, String)>>,
    refused: Mutex<Vec<Duration>>,
}

impl LimitedProvider {
    fn new(clock: &VirtualClock, limit: usize, ends: fn(&str) -> Duration) -> Self {
        Self { clock: clock.clone(), limit, ends, polls: Mutex::default(), refused: Mutex::default() }
    }

    fn polls_by_batch(&self) -> HashMap<String, usize> {
        self.polls.lock().unwrap().iter().fold(HashMap::new(), |mut counts, (_, id)| {
            *counts.entry(id.clone()).or_default() += 1;
            counts
        })
    }
}

impl Provider for LimitedProvider {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let now = self.clock.elapsed();
        {
            let mut polls = self.polls.lock().unwrap();
            polls.push((now, batch.id().to_owned()));
            let recent = polls.iter().rev().take_while(|(at, _)| now - *at < secs(1)).count();
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

fn run(clock: &VirtualClock, mut set: WaitSet<'_>) -> HashMap<String, Result<Report, Error>> {
    let mut ends = HashMap::new();
    while let Some((batch, end)) = clock.run(set.next()) {
        assert!(ends.insert(batch.id().to_owned(), end).is_none(), "each ends once");
    }
    let progress = set.progress();
    assert_eq!((progress.ended, progress.batches), (ends.len(), ends.len()));
    ends
}

#[test]
fn wait_set_of_many_batches_stays_within_its_budget() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 15, |_| secs(120));
    let mut set = WaitSet::new(&provider).requests_per_second(5.0);
    (0..300).for_each(|number| set.add(batch(&format!("b-{number}"))).unwrap());
    let ends = run(&clock, set);
    assert!(ends.values().all(|end| end.as_ref().unwrap().outcome() == Some(Outcome::Succeeded)));
    assert!(provider.refused.lock().unwrap().is_empty(), "the limit was not met");
    let polls = provider.polls.lock().unwrap();
    for (from, _) in polls.iter() {
        let within = polls.iter().filter(|(at, _)| *at >= *from && *at < *from + secs(10)).count();
        assert!(within <= 5 * 10 + 10 + 1, "{within} polls within ten seconds of {from:?}");
    }
}

#[test]
fn wait_set_pauses_all_batches_after_a_rate_limit() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 4, |_| secs(400));
    let mut set = WaitSet::new(&provider).requests_per_second(50.0);
    (0..200).for_each(|number| set.add(batch(&format!("b-{number}"))).unwrap());
    let ends = run(&clock, set);
    assert!(ends.values().all(Result::is_ok));
    let refused = provider.refused.lock().unwrap();
    let first_minute = refused.iter().filter(|at| **at < secs(60)).count();
    assert!(first_minute > 0, "the limit is met at least once");
    // A refusal pauses all batches for as long as the provider asks.
    let polls = provider.polls.lock().unwrap();
    for at in refused.iter() {
        let during =
            polls.iter().filter(|(poll, _)| *poll > *at + Duration::from_millis(100) && *poll < *at + secs(2)).count();
        assert_eq!(during, 0, "a poll during the pause after {at:?}");
    }
}

#[test]
fn wait_set_gives_other_requests_a_place_in_its_budget_and_pauses_for_their_refusals() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 15, |_| secs(30));
    let mut set = WaitSet::new(&provider).requests_per_second(5.0);
    assert!(set.is_empty());
    (0..100).for_each(|number| set.add(batch(&format!("b-{number}"))).unwrap());
    assert_eq!((set.len(), set.is_empty()), (100, false));
    let places: Vec<_> = (0..21).map(|_| set.reserve()).collect();
    assert_eq!((places[0], places[20]), (Duration::ZERO, secs(4)), "five per second");
    set.throttled(Some(secs(60)));
    let ends = run(&clock, set);
    assert!(ends.values().all(Result::is_ok));
    let polls = provider.polls.lock().unwrap();
    let first = polls.iter().map(|(at, _)| *at).min().unwrap();
    assert!(first >= secs(60), "{first:?}");
}

#[test]
fn wait_set_batch_that_fails_ends_alone() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 1000, |_| secs(60));
    let mut set = WaitSet::new(&provider).deadline(secs(600));
    for id in ["gone", "a", "dark", "b"] {
        set.add(batch(id)).unwrap();
    }
    let ends = run(&clock, set);
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
fn wait_set_deadline_holds_without_budget_for_a_last_poll() {
    use bulkrail::test_util::MockProvider;
    let clock = VirtualClock::new();
    let refuse = || Err(Error::new(ErrorKind::RateLimited, "too many").with_retry_after(secs(86_400)));
    let provider = MockProvider::by_time(&clock).from(secs(0), refuse);
    let mut set = WaitSet::new(&provider).deadline(secs(60));
    set.add(provider.batch("b")).unwrap();
    let error = clock.run(set.next()).unwrap().1.unwrap_err();
    assert_eq!((error.kind(), error.polls()), (ErrorKind::Unreachable, 1));
    assert!(clock.elapsed() <= secs(60) + FINAL_POLL_GRACE, "{:?}", clock.elapsed());

    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 1000, |_| secs(10_000));
    let mut set = WaitSet::new(&provider).deadline(secs(60));
    (0..1000).for_each(|number| set.add(batch(&format!("b-{number}"))).unwrap());
    let ends = run(&clock, set);
    assert_eq!(ends.len(), 1000);
    assert!(ends.values().all(Result::is_err));
    assert!(clock.elapsed() <= secs(60) + FINAL_POLL_GRACE, "{:?}", clock.elapsed());
}

#[test]
fn wait_set_polls_that_hang_do_not_delay_other_batches() {
    /// Does not respond to polls of some batches.
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
        let mut set = WaitSet::new(&provider).requests_per_second(20.0).deadline(secs(7200));
        (0..hanging).for_each(|number| set.add(batch(&format!("hangs-{number}"))).unwrap());
        (0..100).for_each(|number| set.add(batch(&format!("b-{number}"))).unwrap());
        for _ in 0..100 {
            let (batch, end) = provider.0.run(set.next()).unwrap();
            assert!(batch.id().starts_with("b-") && end.is_ok());
        }
        provider.0.elapsed()
    };
    let (alone, beside) = (seen_by(0), seen_by(300));
    assert!(beside < alone * 5, "{alone:?} alone, {beside:?} beside 300 that hang");
}

#[test]
fn wait_set_polls_a_batch_that_was_added_twice_once() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 1000, |_| secs(0));
    let mut set = WaitSet::new(&provider);
    for _ in 0..5 {
        set.add(batch("b")).unwrap();
    }
    assert_eq!(run(&clock, set).len(), 1);
    assert_eq!(provider.polls_by_batch()["b"], 1);
    let other = Batch::new(ProviderId::from_static("other"), "b").unwrap();
    assert_eq!(WaitSet::new(&provider).add(other).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn wait_set_learns_durations_that_survive_a_restart() {
    let poll_count = |histories: &DurationHistory| {
        let clock = VirtualClock::new();
        let provider = LimitedProvider::new(&clock, 1000, |_| secs(300));
        let mut set = WaitSet::new(&provider).history(histories);
        let submitted = VirtualClock::BEGINNING;
        (0..20).for_each(|number| set.add(batch(&format!("b-{number}")).with_submitted_at(submitted)).unwrap());
        run(&clock, set);
        provider.polls_by_batch().values().sum::<usize>()
    };
    let learned = DurationHistory::default();
    let before = poll_count(&learned);
    let restored = DurationHistory::default();
    restored.import(&learned.export()).unwrap();
    assert!(!restored.export().contains("b-"), "durations only");
    let after = poll_count(&restored);
    assert!(after <= before, "{after} polls instead of {before}");
    for garbage in ["", "[]", "null", "{\"reap\":7}", "{\"NOT A NAME\":{}}", "{\"reap\":{\"version\":99}}"] {
        assert_eq!(restored.import(garbage).unwrap_err().kind(), ErrorKind::Usage, "{garbage}");
    }
}

#[test]
fn wait_set_returns_last_snapshots_after_stop() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 1000, |id| secs(if id == "early" { 10 } else { 1000 }));
    let mut set = WaitSet::new(&provider);
    for id in ["a", "early", "b"] {
        set.add(batch(id)).unwrap();
    }
    let (first, end) = clock.run(set.next()).unwrap();
    assert_eq!((first.id(), end.unwrap().outcome()), ("early", Some(Outcome::Succeeded)));
    set.stop();
    set.add(batch("late")).unwrap();
    let polls = provider.polls_by_batch();
    let mut ends = HashMap::new();
    while let Some((batch, end)) = clock.run(set.next()) {
        ends.insert(batch.id().to_owned(), end);
    }
    assert_eq!((ends.len(), set.progress().ended), (3, 4));
    assert_eq!(provider.polls_by_batch(), polls, "a stopped set does not poll");
    let last = |id: &str| {
        let error = ends[id].as_ref().unwrap_err();
        assert_eq!((error.kind(), error.batch().map(Batch::id)), (ErrorKind::Interrupted, Some(id)));
        error.last_report().map(|report| report.snapshot.progress.processed)
    };
    assert_eq!((last("a"), last("b"), last("late")), (Some(Some(1)), Some(Some(1)), None));
}

#[test]
fn wait_set_polls_small_batches_first_where_rows_are_known() {
    let firsts = |with_rows: bool| {
        let clock = VirtualClock::new();
        // A batch takes a second per row.
        let provider = LimitedProvider::new(&clock, 1000, |id| secs(id.parse().unwrap_or(4000)));
        let histories = DurationHistory::default();
        let mut learned = WaitSet::new(&provider).history(&histories);
        for rows in (10..400).step_by(10) {
            let batch = batch(&rows.to_string()).with_submitted_at(VirtualClock::BEGINNING);
            learned.add_with_rows(batch, rows).unwrap();
        }
        run(&clock, learned);
        provider.polls.lock().unwrap().clear();
        let (began, mut set) = (clock.elapsed(), WaitSet::new(&provider).history(&histories));
        for (id, rows) in [("large", 4000), ("small", 20)] {
            let batch = batch(id).with_submitted_at(clock.clock().wall());
            if with_rows { set.add_with_rows(batch, rows) } else { set.add(batch) }.unwrap();
        }
        run(&clock, set);
        let polls = provider.polls.lock().unwrap();
        ["large", "small"].map(|id| polls.iter().find(|(_, of)| of == id).unwrap().0 - began)
    };
    let [large, small] = firsts(true);
    assert!(large > 2 * small, "{large:?}, {small:?}");
    let [large, small] = firsts(false);
    assert!(large < 2 * small, "{large:?}, {small:?}");
}

#[test]
fn wait_set_made_again_after_a_drop_continues() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 1000, |_| secs(100));
    let mut set = WaitSet::new(&provider);
    (0..10).for_each(|number| set.add(batch(&format!("b-{number}"))).unwrap());
    clock.run(async {
        let mut next = std::pin::pin!(set.next());
        let mut cut = std::pin::pin!(clock.clock().sleep(secs(20)));
        std::future::poll_fn(|context| {
            assert!(next.as_mut().poll(context).is_pending());
            cut.as_mut().poll(context)
        })
        .await;
    });
    drop(set);
    let mut set = WaitSet::new(&provider);
    (0..10).for_each(|number| set.add(batch(&format!("b-{number}"))).unwrap());
    assert!(run(&clock, set).values().all(Result::is_ok));
}

/// Drives `set` for `time`; nothing must end in it.
fn drive(clock: &VirtualClock, set: &mut WaitSet<'_>, time: Duration) {
    let mut next = std::pin::pin!(set.next());
    let mut cut = std::pin::pin!(clock.clock().sleep(time));
    clock.run(std::future::poll_fn(|context| {
        assert!(next.as_mut().poll(context).is_pending());
        cut.as_mut().poll(context)
    }));
}

/// A provider whose responses take 200 ms.
struct SlowLink {
    clock: VirtualClock,
    polls: AtomicUsize,
}

impl Provider for SlowLink {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, _: &Batch) -> Result<Snapshot, Error> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.clock.clock().sleep(Duration::from_millis(200)).await;
        Ok(running(1, 10))
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }
}

#[test]
fn wait_set_reaches_2000_requests_per_second_over_a_slow_link() {
    let clock = VirtualClock::new();
    let provider = SlowLink { clock: clock.clone(), polls: AtomicUsize::new(0) };
    let schedule = Schedule::fixed(secs(2));
    let mut set = WaitSet::new(&provider).requests_per_second(2000.0).schedule(schedule);
    (0..5_000).for_each(|number| set.add(batch(&format!("b-{number}"))).unwrap());
    drive(&clock, &mut set, secs(5));
    let before = provider.polls.load(Ordering::Relaxed);
    drive(&clock, &mut set, secs(5));
    let rate = (provider.polls.load(Ordering::Relaxed) - before) / 5;
    assert!((1_900..=2_000).contains(&rate), "{rate}");
}

#[test]
fn wait_set_whose_next_is_dropped_at_every_await_takes_the_same_course() {
    let course = |is_dropped: bool| {
        let clock = VirtualClock::new();
        let provider = LimitedProvider::new(&clock, 4, |id| secs(10 * id.len() as u64));
        let mut set = WaitSet::new(&provider).deadline(secs(300));
        for id in ["gone", "dark", "b", "bb-------", "bbbb-----------------"] {
            set.add(batch(id)).unwrap();
        }
        let mut ends = Vec::new();
        loop {
            let next = if is_dropped {
                // Each future is polled once.
                clock.run(std::future::poll_fn(|context| std::pin::pin!(set.next()).as_mut().poll(context)))
            } else {
                clock.run(set.next())
            };
            let Some((batch, end)) = next else { break };
            let end = end.map(|report| report.polls).map_err(|error| (error.kind(), error.polls()));
            ends.push((clock.elapsed(), batch, end));
        }
        let polls = provider.polls.lock().unwrap().clone();
        (ends, polls)
    };
    let undisturbed = course(false);
    assert_eq!(undisturbed.0.len(), 5);
    assert_eq!(course(true), undisturbed);
}

#[test]
fn wait_set_does_not_poll_a_removed_batch_again() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 1000, |_| secs(100));
    let mut set = WaitSet::new(&provider);
    let submitted = batch("a").with_key("key").with_submitted_at(VirtualClock::BEGINNING);
    set.add(submitted.clone()).unwrap();
    set.add(batch("b")).unwrap();
    let id = submitted.batch_id();
    drive(&clock, &mut set, secs(60));
    assert_eq!(set.batches().map(Batch::id).collect::<Vec<_>>(), ["a", "b"]);
    let polls = provider.polls_by_batch()["a"];
    assert!(polls > 1);

    assert_eq!(set.remove(&id), Some(submitted.clone()), "with its key and the time of its submission");
    assert_eq!((set.remove(&id), set.snapshot(&id)), (None, None));
    assert_eq!(set.batches().map(Batch::id).collect::<Vec<_>>(), ["b"]);
    assert_eq!((set.progress().batches, set.progress().ended), (1, 0));
    let (ended, _) = clock.run(set.next()).unwrap();
    assert_eq!(ended.id(), "b");
    assert!(clock.run(set.next()).is_none());
    assert_eq!(provider.polls_by_batch()["a"], polls);

    set.add(submitted).unwrap();
    assert_eq!(clock.run(set.next()).unwrap().0.id(), "a", "a removed batch can be added again");
    assert!(provider.polls_by_batch()["a"] > polls);
}

#[test]
fn wait_set_ignores_the_poll_in_flight_of_a_removed_batch() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 1000, |_| secs(0));
    let polled = Mutex::new(Vec::new());
    let mut set = WaitSet::new(&provider)
        // First polls are spread over the shortest interval.
        .interval(Duration::from_millis(5)..=secs(60))
        .on_poll(|event| polled.lock().unwrap().push(event.batch.id().to_owned()));
    set.add(batch("a")).unwrap();
    set.add(batch("b")).unwrap();
    // Polls take 50 ms.
    drive(&clock, &mut set, Duration::from_millis(10));
    assert_eq!(provider.polls.lock().unwrap().len(), 1, "the budget begins with one request");
    let first = provider.polls.lock().unwrap()[0].1.clone();
    set.remove(&batch(&first).batch_id()).unwrap();
    let (other, end) = clock.run(set.next()).unwrap();
    assert!(end.is_ok() && other.id() != first);
    assert!(clock.run(set.next()).is_none());
    drop(set);
    assert_eq!(*polled.lock().unwrap(), [other.id()]);
}

#[test]
fn wait_set_returns_the_last_snapshot_of_one_batch() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 1000, |_| secs(60));
    let mut set = WaitSet::new(&provider);
    let id = batch("a").batch_id();
    set.add(batch("a")).unwrap();
    set.add(batch("dark")).unwrap();
    assert_eq!(set.snapshot(&id), None, "before the first poll");
    drive(&clock, &mut set, secs(30));
    assert_eq!(set.snapshot(&id), Some(&running(1, 10)));
    assert_eq!(set.snapshot(&batch("dark").batch_id()), None, "a batch whose polls failed");
    let other = Batch::new(ProviderId::from_static("other"), "a").unwrap();
    assert_eq!(set.snapshot(&other.batch_id()), None, "a batch of another provider");
    assert_eq!(set.remove(&other.batch_id()), None);
    assert_eq!(clock.run(set.next()).unwrap().0.id(), "a");
    assert_eq!(set.snapshot(&id), None, "a batch that has ended");
}

#[test]
fn wait_set_on_poll_is_called_after_every_poll_of_every_batch() {
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 1000, |_| secs(60));
    let events = Mutex::new(Vec::new());
    let mut set = WaitSet::new(&provider).deadline(secs(300)).on_poll(|event| {
        assert_eq!(event.duration, Duration::from_millis(50));
        events.lock().unwrap().push((event.batch.id().to_owned(), event.poll, event.result.is_ok()));
    });
    for id in ["a", "dark", "b"] {
        set.add(batch(id)).unwrap();
    }
    run(&clock, set);
    let (events, polls) = (events.lock().unwrap(), provider.polls_by_batch());
    for id in ["a", "dark", "b"] {
        let of_batch: Vec<_> = events.iter().filter(|(batch, ..)| batch == id).collect();
        let numbers: Vec<_> = of_batch.iter().map(|(_, number, _)| *number).collect();
        assert_eq!(numbers, (1..=polls[id] as u32).collect::<Vec<_>>(), "{id}");
        assert!(of_batch.iter().all(|(_, _, is_ok)| *is_ok == (id != "dark")), "{id}");
    }
}

#[test]
fn wait_set_failure_budget_ends_a_batch_whose_polls_fail() {
    let ends_after = |budget: Option<Duration>| {
        let clock = VirtualClock::new();
        let provider = LimitedProvider::new(&clock, 1000, |_| secs(0));
        let mut set = WaitSet::new(&provider).deadline(secs(36_000));
        if let Some(budget) = budget {
            set = set.failure_budget(budget);
        }
        set.add(batch("dark")).unwrap();
        let error = clock.run(set.next()).unwrap().1.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        clock.elapsed()
    };
    // The pause between two failed polls is 30 s at most.
    let within = |found: Duration, budget: Duration| found >= budget && found <= budget + secs(32);
    let (short, default) = (ends_after(Some(secs(60))), ends_after(None));
    assert!(within(short, secs(60)), "{short:?}");
    assert!(within(default, secs(15 * 60)), "{default:?}");
}

#[test]
fn wait_set_deadline_is_of_each_batch_and_can_be_left_out() {
    let days = secs(3 * 24 * 3600);
    let clock = VirtualClock::new();
    let provider = LimitedProvider::new(&clock, 1000, |_| secs(3 * 24 * 3600));
    let mut set = WaitSet::new(&provider).without_deadline();
    set.add(batch("endless")).unwrap();
    // Batches in the set keep their deadline.
    let mut set = set.deadline(secs(60));
    set.add(batch("short")).unwrap();
    let (first, end) = clock.run(set.next()).unwrap();
    assert_eq!((first.id(), end.unwrap_err().kind()), ("short", ErrorKind::Deadline));
    assert!(clock.elapsed() <= secs(60) + FINAL_POLL_GRACE, "{:?}", clock.elapsed());
    let (second, end) = clock.run(set.next()).unwrap();
    assert_eq!((second.id(), end.unwrap().outcome()), ("endless", Some(Outcome::Succeeded)));
    assert!(clock.elapsed() >= days, "{:?}", clock.elapsed());
}

#[test]
fn wait_set_uses_the_clock_that_it_is_given() {
    /// Its clock is that of the machine.
    struct Finished;
    impl Provider for Finished {
        fn id(&self) -> ProviderId {
            PROVIDER
        }

        async fn poll(&self, _batch: &Batch) -> Result<Snapshot, Error> {
            Ok(finished(1, 0))
        }
    }
    let clock = VirtualClock::new();
    let mut set = WaitSet::new(Finished).clock(clock.clock());
    set.add(batch("b").with_submitted_at(VirtualClock::BEGINNING)).unwrap();
    assert!(clock.run(set.next()).unwrap().1.is_ok());
    assert!(clock.elapsed() >= PollingDefaults::INITIAL_DELAY, "{:?}", clock.elapsed());
}
