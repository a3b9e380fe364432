//! The process ends at every write, before it and after it.

use std::time::Duration;

use bulkrail_core::ErrorKind;
use bulkrail_durable::{RedbStore, ServiceError};

use crate::provider::{Acme, CutStore, Tells, process, start};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// Submits four orders, and ends the process at the write of this number. Returns whether there was such a write.
fn run_and_cut(tells: Tells, writes: usize, is_after: bool) -> bool {
    let (acme, store) = (Acme::new(tells), RedbStore::in_memory().unwrap());
    let cut = CutStore::new(&store, writes, is_after);
    let mut accepted = Vec::new();
    process(async {
        let service = start(cut.clone(), &acme).await;
        for key in KEYS {
            let order = "order".to_owned();
            let submitted = tokio::time::timeout(Duration::from_secs(60), service.submit(key, &order));
            if !matches!(submitted.await, Ok(Ok(()))) {
                return;
            }
            accepted.push(key);
        }
        for key in &accepted {
            if tokio::time::timeout(Duration::from_secs(600), service.ended(key)).await.is_err() {
                return;
            }
        }
        let _stopped = tokio::time::timeout(Duration::from_secs(600), service.stop()).await;
    });
    let was_cut = cut.is_cut();
    process(async {
        let service = start(store, &acme).await;
        for key in &accepted {
            let at = format!("{tells:?}, write {writes}, after: {is_after}, key {key}");
            match service.ended(key).await {
                Ok(report) => assert_eq!(report.snapshot.progress.succeeded, Some(2), "{at}"),
                Err(ServiceError::GaveUp(error)) => {
                    let honest = match tells {
                        Tells::Key | Tells::Content => panic!("{at}: it can be sent again"),
                        Tells::Id => ErrorKind::NotFound,
                        Tells::Not => ErrorKind::OutcomeUnknown,
                    };
                    assert_eq!(error.kind(), honest, "{at}: {error}");
                    assert!(service.view().get(key).await.unwrap().unwrap().may_submit_again(), "{at}");
                }
                Err(error) => panic!("{at}: {error}"),
            }
        }
    });
    for key in KEYS {
        let times = acme.sent().iter().filter(|sent| **sent == *key).count();
        let may_be_sent = if tells == Tells::Key { 2 } else { 1 };
        assert!(times <= may_be_sent, "{tells:?}, write {writes}: {key} was sent {times} times");
    }
    assert!(acme.batches() <= KEYS.len());
    was_cut
}

#[test]
fn process_that_ends_at_any_write_loses_no_order_and_submits_none_twice() {
    for tells in [Tells::Key, Tells::Id, Tells::Not] {
        for is_after in [false, true] {
            let writes = (0..200).find(|writes| !run_and_cut(tells, *writes, is_after));
            let writes = writes.expect("the orders end");
            assert!(writes > 10, "{tells:?}: only {writes} writes were cut");
        }
    }
}
