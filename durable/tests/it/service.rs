//! What a service promises to its callers.

use std::time::Duration;

use bulkrail_core::{Batch, Error, ErrorKind};
use bulkrail_durable::{Change, Event, Filter, Phase, Record, RedbStore, Service, ServiceError, Store};

use crate::provider::{Acme, CutStore, Tells, process, start};

fn order() -> String {
    "import.csv".to_owned()
}

fn store() -> RedbStore {
    RedbStore::in_memory().unwrap()
}

fn gave_up(result: Result<impl std::fmt::Debug, ServiceError>) -> ErrorKind {
    match result {
        Err(ServiceError::GaveUp(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::OutcomeUnknown, "the response was lost")
}

#[test]
fn key_used_twice_is_one_batch_and_another_order_is_refused() {
    let acme = Acme::new(Tells::Not);
    process(async {
        let service = start(store(), &acme).await;
        let (one, two) = (order(), order());
        let (first, second) = tokio::join!(service.submit("k", &one), service.submit("k", &two));
        first.unwrap();
        second.unwrap();
        service.submit("k", &order()).await.unwrap();
        service.ended("k").await.unwrap();
        service.submit("k", &order()).await.unwrap();
        assert!(matches!(service.submit("k", &"other.csv".to_owned()).await, Err(ServiceError::KeyUsed(_))));
        for key in ["", "a\nb", &"k".repeat(201)] {
            assert!(matches!(service.submit(key, &order()).await, Err(ServiceError::InvalidKey(_))), "{key:?}");
        }
        assert!(matches!(service.ended("other").await, Err(ServiceError::NotFound(_))));
    });
    assert_eq!(acme.sent(), ["k"]);
}

#[test]
fn service_goes_on_with_open_batches_and_polls_only_what_is_left() {
    let (acme, store) = (Acme::new(Tells::Not), store());
    acme.end_after(20);
    process(async {
        let service = start(store.clone(), &acme).await;
        service.submit("k", &order()).await.unwrap();
        let mut changes = service.view().changes();
        while acme.polls() < 10 {
            changes.next().await.unwrap();
        }
        service.stop().await;
        assert!(changes.next().await.is_none_or(|change| matches!(change, Change::Record { .. })));
        assert!(matches!(service.submit("k-2", &order()).await, Err(ServiceError::Stopped)));
    });
    let polls = acme.polls();
    process(async {
        let service = start(store, &acme).await;
        let report = service.ended("k").await.unwrap();
        assert_eq!(report.polls, 20, "the wait is the same one");
    });
    assert!(polls >= 10);
    assert_eq!((acme.polls(), acme.sent().len()), (20, 1));
}

#[test]
fn order_is_submitted_again_while_the_provider_does_not_have_it() {
    for kind in [ErrorKind::Unavailable, ErrorKind::RateLimited] {
        let acme = Acme::new(Tells::Not);
        for _ in 0..5 {
            acme.fail_next(Error::new(kind, "try later").with_retry_after(Duration::from_secs(20)), false);
        }
        process(async {
            let begin = tokio::time::Instant::now();
            let service = start(store(), &acme).await;
            service.submit("k", &order()).await.unwrap();
            service.ended("k").await.unwrap();
            assert!(begin.elapsed() >= Duration::from_secs(100), "as long as the provider asks");
        });
        assert_eq!((acme.sent().len(), acme.batches()), (6, 1));
    }
}

/// Starts a service with one request per 1,000 s.
async fn start_slowly(store: impl Store, acme: &Acme) -> Service<Acme> {
    Service::builder(store, acme.clone()).requests_per_second(0.001).start().await.unwrap()
}

#[test]
fn order_that_waits_for_its_place_has_not_begun_when_the_process_ends() {
    for (stops, refused) in [(false, false), (false, true), (true, false), (true, true)] {
        let (acme, store) = (Acme::new(Tells::Not), store());
        acme.end_after(1);
        if refused {
            let error = Error::new(ErrorKind::RateLimited, "too many requests");
            acme.fail_next(error.with_retry_after(Duration::from_secs(2 * 60 * 60)), false);
        }
        process(async {
            let service = start_slowly(store.clone(), &acme).await;
            for key in ["first", "second", "third"] {
                service.submit(key, &order()).await.unwrap();
            }
            tokio::time::sleep(Duration::from_secs(100)).await;
            assert_eq!(acme.sent(), ["first"], "{refused}");
            for key in ["second", "third"] {
                let record = service.view().get(key).await.unwrap().unwrap();
                assert_eq!((record.phase.as_str(), record.attempts.count()), ("ordered", 0), "{key}");
            }
            if stops {
                let begin = tokio::time::Instant::now();
                service.stop().await;
                assert_eq!(begin.elapsed(), Duration::ZERO, "nothing is under way");
            }
        });
        process(async {
            let service = start(store, &acme).await;
            for key in ["first", "second", "third"] {
                service.ended(key).await.unwrap();
            }
        });
        let mut sent = acme.sent();
        sent.sort();
        let expected = ["first", "first", "second", "third"];
        assert_eq!(sent, expected[usize::from(!refused)..], "{stops}");
    }
}

#[test]
fn orders_are_submitted_one_after_the_other_at_the_rate_of_the_account() {
    let acme = Acme::new(Tells::Not);
    acme.fail_next(lost(), false);
    acme.fail_next(lost(), false);
    acme.fail_next(lost(), false);
    process(async {
        let begin = tokio::time::Instant::now();
        let service = start_slowly(store(), &acme).await;
        for (key, seconds) in [("first", 0), ("second", 1_000), ("third", 2_000)] {
            service.submit(key, &order()).await.unwrap();
            assert_eq!(gave_up(service.ended(key).await), ErrorKind::OutcomeUnknown);
            let late = begin.elapsed().checked_sub(Duration::from_secs(seconds)).expect("it is not early");
            assert!(late < Duration::from_secs(1), "{key}: {late:?}");
        }
    });
    assert_eq!(acme.sent(), ["first", "second", "third"]);
}

#[test]
fn submit_of_unknown_outcome_follows_what_the_provider_can_tell() {
    for (tells, exists, sent, end) in [
        (Tells::Key, true, 2, None),
        (Tells::Key, false, 2, None),
        (Tells::Id, true, 1, None),
        (Tells::Id, false, 1, Some(ErrorKind::NotFound)),
        (Tells::Not, true, 1, Some(ErrorKind::OutcomeUnknown)),
        (Tells::Not, false, 1, Some(ErrorKind::OutcomeUnknown)),
    ] {
        let acme = Acme::new(tells);
        acme.fail_next(lost(), exists);
        process(async {
            let service = start(store(), &acme).await;
            service.submit("k", &order()).await.unwrap();
            match (service.ended("k").await, end) {
                (Ok(report), None) => assert_eq!(report.snapshot.progress.succeeded, Some(2)),
                (Err(ServiceError::GaveUp(error)), Some(kind)) => assert_eq!(error.kind(), kind),
                (result, _) => panic!("{tells:?} {exists}: {result:?}"),
            }
        });
        assert_eq!(acme.sent().len(), sent, "{tells:?} {exists}");
        assert!(acme.batches() <= 1);
    }
}

#[test]
fn panic_of_a_submitter_is_an_unknown_outcome_of_its_order_only() {
    let acme = Acme::new(Tells::Not);
    acme.panic_next();
    process(async {
        let service = start(store(), &acme).await;
        service.submit("k", &order()).await.unwrap();
        assert_eq!(gave_up(service.ended("k").await), ErrorKind::OutcomeUnknown);
        service.submit("k-2", &order()).await.unwrap();
        service.ended("k-2").await.unwrap();
    });
}

#[test]
fn order_that_was_given_up_goes_on_when_the_caller_says_how() {
    let acme = Acme::new(Tells::Not);
    acme.fail_next(lost(), true);
    acme.fail_next(lost(), false);
    process(async {
        let service = start(store(), &acme).await;
        for key in ["found", "missing"] {
            service.submit(key, &order()).await.unwrap();
            assert_eq!(gave_up(service.ended(key).await), ErrorKind::OutcomeUnknown);
        }
        // The caller has found the batch at the provider.
        let batch = Batch::new("acme".parse().unwrap(), "found-0").unwrap();
        service.wait_again("found", Some(batch)).await.unwrap();
        assert_eq!(service.ended("found").await.unwrap().batch.id(), "found-0");
        // The caller has not found it.
        let error = service.wait_again("missing", None).await.unwrap_err();
        assert_eq!(error.to_string(), "the batch of the order \"missing\" is not known");
        assert!(matches!(service.reconcile("missing").await, Err(ServiceError::UnknownBatch(_))));
        for absent in [service.wait_again("other", None).await, service.reconcile("other").await.map(drop)] {
            assert!(matches!(absent, Err(ServiceError::NotFound(_))), "{absent:?}");
        }
        service.submit_again("missing").await.unwrap();
        service.ended("missing").await.unwrap();
        for key in ["found", "missing"] {
            assert!(matches!(service.submit_again(key).await, Err(ServiceError::WrongPhase(..))), "it exists");
        }
        let other = Batch::new("other".parse().unwrap(), "b").unwrap();
        // Neither is said of the order, which has ended.
        for (refused, kind) in [
            (service.wait_again("found", Some(other)).await, ErrorKind::Usage),
            (service.reconcile("found").await.map(drop), ErrorKind::NotFound),
        ] {
            let Err(ServiceError::Client(error)) = refused else { panic!("{refused:?}") };
            assert_eq!(error.kind(), kind);
        }
    });
    assert_eq!(acme.sent(), ["found", "missing", "missing"]);
}

#[test]
fn order_that_cannot_be_written_is_not_submitted_and_goes_on_when_it_can() {
    for writes in 0..8 {
        let (acme, store) = (Acme::new(Tells::Not), store());
        let failing = CutStore::failing(&store, writes);
        process(async {
            let service = start(failing.clone(), &acme).await;
            let submitted = service.submit("k", &order()).await;
            if writes == 0 {
                assert!(matches!(submitted, Err(ServiceError::Store(_))));
                assert!(acme.sent().is_empty());
                failing.mend();
                service.submit("k", &order()).await.unwrap();
            } else {
                submitted.unwrap();
                tokio::time::sleep(Duration::from_secs(60)).await;
                assert_eq!(acme.sent().len(), usize::from(writes >= 2), "{writes}");
                failing.mend();
            }
            service.ended("k").await.unwrap();
        });
        assert_eq!(acme.sent(), ["k"]);
    }
}

#[test]
fn order_that_cannot_be_read_is_of_unknown_outcome_where_it_may_have_been_sent() {
    let (acme, store) = (Acme::new(Tells::Key), store());
    process(async {
        // By a program whose orders were numbers.
        let now = jiff::Timestamp::from_second(1_767_225_600).unwrap();
        let ordered = Record::new("ordered", 7, now);
        let mut submitting = Record::new("submitting", 7, now);
        submitting.apply(now, Event::Submit).unwrap();
        let entries = [ordered, submitting].map(|record| record.to_entry("acme").unwrap());
        store.insert(entries.to_vec()).await.unwrap();
        let service = start(store.clone(), &acme).await;
        for (key, kind) in [("ordered", ErrorKind::Usage), ("submitting", ErrorKind::OutcomeUnknown)] {
            let error = loop {
                let document = store.get("acme", key).await.unwrap().unwrap();
                match Record::<u8>::from_document(&document).unwrap().phase {
                    Phase::GaveUp { error } => break error,
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            };
            assert_eq!(error.error.kind, kind, "{key}");
        }
        service.stop().await;
    });
    assert!(acme.sent().is_empty());
}

#[test]
fn ended_records_are_kept_until_they_are_removed_or_their_retention_is_over() {
    let (acme, store) = (Acme::new(Tells::Not), store());
    process(async {
        let service = start(store.clone(), &acme).await;
        for key in ["a", "b", "c"] {
            service.submit(key, &order()).await.unwrap();
            service.ended(key).await.unwrap();
        }
        service.remove("a").await.unwrap();
        assert!(matches!(service.remove("a").await, Err(ServiceError::NotFound(_))));
        acme.end_after(u32::MAX);
        service.submit("open", &order()).await.unwrap();
        assert!(matches!(service.remove("open").await, Err(ServiceError::Open(_))));
        service.stop().await;
    });
    let keys = |service: &Service<Acme>| {
        let view = service.view();
        async move {
            let records = view.list(Filter::All, None, 100).await.unwrap();
            records.into_iter().map(|record| record.key).collect::<Vec<_>>()
        }
    };
    process(async {
        let service = start(store.clone(), &acme).await;
        assert_eq!(keys(&service).await, ["b", "c", "open"]);
        service.stop().await;
        std::thread::sleep(Duration::from_millis(5));
        for retention in [Duration::from_secs(3_600), Duration::from_secs(u64::from(u32::MAX) * 100), Duration::MAX] {
            let service = Service::builder(store.clone(), acme.clone()).retention(retention).start().await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(keys(&service).await, ["b", "c", "open"], "{retention:?}");
            service.stop().await;
        }
        let kept = Service::builder(store.clone(), acme.clone()).retention(Duration::from_millis(1));
        let service = kept.start().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(keys(&service).await, ["open"]);
    });
}

#[test]
fn view_lists_records_by_page_and_shows_how_far_they_are() {
    let acme = Acme::new(Tells::Not);
    acme.end_after(u32::MAX);
    process(async {
        let service = start(store(), &acme).await;
        let view = service.view();
        for number in 0..25 {
            service.submit(&format!("k-{number:02}"), &order()).await.unwrap();
        }
        let mut changes = view.changes();
        while acme.polls() < 100 {
            assert!(changes.next().await.is_some());
        }
        let mut keys = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = view.list(Filter::Open, after.as_deref(), 10).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            keys.extend(page.iter().map(|record| record.key.clone()));
        }
        assert_eq!(keys, (0..25).map(|number| format!("k-{number:02}")).collect::<Vec<_>>());
        let record = view.get("k-07").await.unwrap().unwrap();
        assert!(matches!(record.phase, Phase::Waiting { .. }));
        assert_eq!(record.snapshot().unwrap().progress.processed, Some(1));
        assert_eq!(record.order, order());
    });
}

#[test]
fn two_orders_that_the_provider_makes_one_batch_of_both_end() {
    let (acme, store) = (Acme::new(Tells::Content), store());
    acme.end_after(20);
    process(async {
        let service = start(store.clone(), &acme).await;
        for key in ["one", "two"] {
            service.submit(key, &order()).await.unwrap();
        }
        while acme.polls() < 5 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        service.stop().await;
    });
    process(async {
        let service = start(store, &acme).await;
        for key in ["one", "two"] {
            assert_eq!(service.ended(key).await.unwrap().batch.id(), "shared", "{key}");
        }
    });
    assert_eq!((acme.sent().len(), acme.batches(), acme.polls()), (2, 1, 20));
}

#[test]
fn durations_of_earlier_batches_are_kept() {
    let (acme, store) = (Acme::new(Tells::Not), store());
    process(async {
        let service = start(store.clone(), &acme).await;
        for number in 0..30 {
            let key = format!("k-{number}");
            service.submit(&key, &order()).await.unwrap();
            service.ended(&key).await.unwrap();
        }
        service.stop().await;
        let kept = bulkrail_durable::Store::get(&store, ".durations", "acme").await.unwrap().unwrap();
        assert!(kept.contains("acme"), "{kept}");
        assert!(start(store.clone(), &acme).await.view().get("acme").await.unwrap().is_none());
    });
}
