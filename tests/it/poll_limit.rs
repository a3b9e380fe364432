//! Polls in flight of one client, and the first polls of waits that begin together.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::ops::RangeInclusive;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulkrail::http::{ConnectorFuture, HttpConnector};
use bulkrail::poll::FINAL_POLL_GRACE;
use bulkrail::reap::{Client, Credentials};
use bulkrail::test_util::{MockConnector, MockResponse, PROVIDER, VirtualClock, finished};
use bulkrail::time::Clock;
use bulkrail::{
    Batch, Error, ErrorKind, Limits, Outcome, PollLimit, PollStream, Provider, ProviderId, Report, Snapshot, Wait,
    WaitSet, reap, wait,
};
use futures_util::StreamExt;
use futures_util::stream::{FuturesUnordered, select_all};

use crate::common::secs;

/// Connector that counts the requests in flight. Each takes half a second.
#[derive(Clone)]
struct Counting {
    connector: MockConnector,
    in_flight: Arc<AtomicUsize>,
    max_in_flight: Arc<AtomicUsize>,
}

impl Counting {
    fn new(clock: &VirtualClock) -> Self {
        let (connector, clock) = (MockConnector::new(), clock.clock());
        connector.respond_with(move |_| {
            let body = r#"{"status":"completed","totalRecords":10,"processedRecords":10,"failedRecords":0,"summary":{"successfulRecords":10}}"#;
            MockResponse::json(200, body).after(&clock, Duration::from_millis(500))
        });
        Self { connector, in_flight: Arc::default(), max_in_flight: Arc::default() }
    }

    fn max(&self) -> usize {
        self.max_in_flight.load(Ordering::SeqCst)
    }
}

/// Counts a request until it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl HttpConnector for Counting {
    fn send(&self, request: reqwest::Request) -> ConnectorFuture<'_> {
        let counted = Counted(Arc::clone(&self.in_flight));
        self.max_in_flight.fetch_max(self.in_flight.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let sending = self.connector.send(request);
        Box::pin(async move {
            let _counted = counted;
            sending.await
        })
    }
}

fn client(clock: &VirtualClock, connector: &Counting, limits: Limits) -> Client {
    let builder = Client::builder().credentials(Credentials::api_key("k")).limits(limits);
    builder.clock(clock.clock()).connector(connector.clone()).build().unwrap()
}

fn batch(number: usize) -> Batch {
    Batch::new(reap::PROVIDER, format!("b-{number}")).unwrap()
}

/// Waits for 300 batches on one client and its clones: alone, as streams, and in two sets. Returns the largest number of
/// polls in flight.
fn max_in_flight(limits: Limits) -> usize {
    let clock = VirtualClock::new();
    let connector = Counting::new(&clock);
    let client = client(&clock, &connector, limits);
    let mut sets = [0, 1].map(|set| {
        let mut waits = WaitSet::new(client.clone()).requests_per_second(1_000.0);
        (0..50).for_each(|number| waits.add(batch(100 * set + number)).unwrap());
        waits
    });
    let alone: FuturesUnordered<_> = (200..300).map(|number| client.wait(batch(number)).into_future()).collect();
    let streams = (300..400).map(|number| client.wait(batch(number)).into_stream().boxed());
    let sets = sets.iter_mut().map(|set| set.map(|(_, end)| end).boxed());
    let ends: Vec<_> = clock.run(select_all(sets.chain(streams).chain([alone.boxed()])).collect());
    assert_eq!(ends.len(), 300);
    for end in ends {
        assert_eq!(end.unwrap().outcome(), Some(Outcome::Succeeded));
    }
    assert_eq!(connector.connector.requests().len(), 300, "a poll that waits for its place is not a request");
    connector.max()
}

#[test]
fn waits_streams_and_sets_of_one_client_share_its_limit_on_polls_in_flight() {
    assert_eq!(max_in_flight(Limits::default().with_max_polls_in_flight(7)), 7);
    assert_eq!(max_in_flight(Limits::default().with_max_polls_in_flight(0)), 1);
    let without = max_in_flight(Limits::default().with_max_polls_in_flight(usize::MAX));
    assert!(without > 100, "the same waits without a limit: {without}");
}

/// Provider whose polls find every batch finished. It records when each was sent, and of which batch.
struct Slow {
    clock: VirtualClock,
    takes: Duration,
    limit: PollLimit,
    sent: Mutex<Vec<(Duration, String)>>,
}

type End = Result<Report, Error>;

impl Slow {
    fn new(takes: Duration, limit: usize) -> Self {
        Self { clock: VirtualClock::new(), takes, limit: PollLimit::new(limit), sent: Mutex::default() }
    }

    /// Returns a wait that begins now, of a batch that is polled almost at once.
    fn wait(&self, number: usize) -> Wait<'_> {
        wait(self, Self::batch(number))
    }

    fn batch(number: usize) -> Batch {
        Batch::new(PROVIDER, format!("b-{number}")).unwrap()
    }

    /// Runs `waits` together, and returns their ends in the order of `waits`.
    fn run<'a>(&self, waits: impl IntoIterator<Item = Wait<'a>>) -> Vec<End> {
        self.clock.run(futures_util::future::join_all(waits.into_iter().map(IntoFuture::into_future)))
    }

    /// Returns the ids of the batches that were polled, in order.
    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(_, id)| id.clone()).collect()
    }
}

impl Provider for Slow {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        self.sent.lock().unwrap().push((self.clock.elapsed(), batch.id().to_owned()));
        self.clock.clock().sleep(self.takes).await;
        Ok(finished(1, 0))
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }

    fn poll_limit(&self) -> Option<PollLimit> {
        Some(self.limit.clone())
    }
}

/// Polls `stream` for 5 s, in which it returns nothing.
fn drive(clock: &VirtualClock, stream: &mut PollStream<'_>) {
    let mut next = pin!(stream.next());
    let mut cut = clock.clock().sleep(secs(5));
    clock.run(std::future::poll_fn(|context| {
        assert!(next.as_mut().poll(context).is_pending());
        cut.as_mut().poll(context)
    }));
}

#[test]
fn polls_that_wait_for_their_place_are_sent_in_the_order_in_which_they_became_due() {
    let [limited, free] = [2, usize::MAX].map(|limit| {
        let provider = Slow::new(secs(40), limit);
        assert!(provider.run((0..20).map(|number| provider.wait(number))).iter().all(Result::is_ok));
        (provider.sent(), provider.clock.elapsed())
    });
    assert!(limited.1 >= secs(400) && free.1 < secs(60), "two at a time: {:?} and {:?}", limited.1, free.1);
    let (limited, free) = (limited.0, free.0);
    assert_eq!(limited, free);
    let began: Vec<_> = (0..20).map(|number| format!("b-{number}")).collect();
    assert_ne!(free, began, "first polls are spread, so that this is not just the order of the waits");
}

#[test]
fn timeout_of_a_poll_starts_when_it_is_sent() {
    let provider = Slow::new(secs(40), 1);
    let durations = Mutex::new(Vec::new());
    let waits =
        (0..10).map(|number| provider.wait(number).on_poll(|poll| durations.lock().unwrap().push(poll.duration)));
    // The last one waits 360 s for its place; a poll is cut off after 45 s.
    for end in provider.run(waits) {
        assert_eq!(end.unwrap().polls, 1);
    }
    assert_eq!(durations.into_inner().unwrap(), [secs(40); 10]);
    assert!(provider.clock.elapsed() >= secs(400), "{:?}", provider.clock.elapsed());
}

#[test]
fn wait_keeps_its_deadline_while_its_poll_waits_for_a_place() {
    let provider = Slow::new(secs(40), 1);
    let mut in_flight = provider.wait(0).into_stream();
    drive(&provider.clock, &mut in_flight);
    let error = provider.clock.run(provider.wait(1).deadline(secs(5)).into_future()).unwrap_err();
    assert_eq!((error.kind(), error.polls()), (ErrorKind::Unreachable, 0));
    assert_eq!(error.elapsed(), secs(5) + FINAL_POLL_GRACE);
    assert!(error.hint().is_some_and(|hint| hint.contains("limit on polls in flight")), "{:?}", error.hint());
    assert_eq!(provider.sent(), ["b-0"]);

    let began = provider.clock.elapsed();
    let mut set = WaitSet::new(&provider).deadline(secs(5));
    (2..4).for_each(|number| set.add(Slow::batch(number)).unwrap());
    while let Some((_, end)) = provider.clock.run(set.next()) {
        assert_eq!(end.unwrap_err().polls(), 0);
    }
    assert_eq!(provider.clock.elapsed(), began + secs(5) + FINAL_POLL_GRACE);
    assert_eq!(provider.sent(), ["b-0"]);
}

#[test]
fn wait_makes_its_last_poll_when_a_place_is_free_soon_after_its_deadline() {
    let provider = Slow::new(secs(3), 1);
    let waits = (0..3).map(|number| provider.wait(number).deadline(secs(2)));
    for end in provider.run(waits) {
        assert_eq!(end.unwrap().outcome(), Some(Outcome::Succeeded));
    }
    assert!(provider.sent.lock().unwrap()[2].0 > secs(2));
}

#[test]
fn dropped_and_stopped_waits_free_their_places() {
    let provider = Slow::new(secs(40), 1);
    let [mut in_flight, mut waiting, mut next] = [0, 1, 2].map(|number| provider.wait(number).into_stream());
    drive(&provider.clock, &mut in_flight);
    drive(&provider.clock, &mut waiting);
    drive(&provider.clock, &mut next);
    let stopped = provider.wait(3).stop_when(provider.clock.clock().sleep(secs(5)));
    let error = provider.clock.run(stopped.into_future()).unwrap_err();
    assert_eq!((error.kind(), error.polls()), (ErrorKind::Interrupted, 0));
    drop(waiting);
    drop(in_flight);
    let freed = provider.clock.elapsed();
    assert!(provider.clock.run(next.next()).unwrap().unwrap().snapshot.is_terminal());
    assert_eq!(*provider.sent.lock().unwrap().last().unwrap(), (freed, "b-2".to_owned()));
    assert_eq!(provider.sent(), ["b-0", "b-2"]);
}

/// Begins 10,000 waits at once, and returns the most first polls within a tenth of a second. The batches were submitted
/// `age` seconds ago; `None` where they are known by their ids.
fn most_first_polls(age: Option<u64>, interval: RangeInclusive<u64>) -> usize {
    let provider = Slow::new(Duration::ZERO, usize::MAX);
    let submitted = age.map(|age| VirtualClock::BEGINNING.checked_sub(secs(age)).unwrap());
    provider.run((0..10_000).map(|number| {
        let batch = Slow::batch(number);
        let batch = submitted.into_iter().fold(batch, Batch::with_submitted_at);
        wait(&provider, batch).interval(secs(*interval.start())..=secs(*interval.end()))
    }));
    let mut tenths = HashMap::new();
    for (at, _) in &*provider.sent.lock().unwrap() {
        *tenths.entry(at.as_millis() / 100).or_insert(0) += 1;
    }
    tenths.into_values().max().unwrap()
}

#[test]
fn first_polls_of_waits_that_begin_together_are_spread() {
    let cases = [
        ("submitted just now", most_first_polls(Some(0), 1..=300)),
        ("submitted when the first poll is due now", most_first_polls(Some(13), 1..=300)),
        ("submitted an hour ago", most_first_polls(Some(3_600), 1..=300)),
        ("known by id", most_first_polls(None, 1..=300)),
        ("longest interval", most_first_polls(Some(0), 1..=10)),
        ("shortest interval", most_first_polls(Some(0), 20..=60)),
    ];
    for (case, most) in cases {
        assert!((1..=1_300).contains(&most), "{case}: {most} of 10,000 within a tenth of a second");
    }
}
