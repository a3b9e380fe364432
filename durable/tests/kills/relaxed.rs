//! A machine that loses everything that was not written durably.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulkrail::jiff::Timestamp;
use bulkrail::test_util::{ScaledClock, finished};
use bulkrail::time::Clock;
use bulkrail::{Batch, Error, ErrorKind, Provider, ProviderId, Reconciliation, Recovery, Snapshot};
use bulkrail_durable::{Durability, Entry, Filter, RedbStore, Service, Store, StoreFuture, Submitter};

/// Store without the writes that need not be durable.
struct Durably(RedbStore);

impl Store for Durably {
    fn insert(&self, entries: Vec<Entry>) -> StoreFuture<'_, Vec<Option<String>>> {
        self.0.insert(entries)
    }

    fn write(&self, entries: Vec<Entry>, durability: Durability) -> StoreFuture<'_, ()> {
        match durability {
            Durability::Durable => self.0.write(entries, durability),
            Durability::Relaxed => Box::pin(async { Ok(()) }),
        }
    }

    fn get<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, Option<String>> {
        self.0.get(account, key)
    }

    fn page<'a>(
        &'a self,
        account: &'a str,
        filter: Filter,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Entry>> {
        self.0.page(account, filter, after, limit)
    }

    fn remove<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, bool> {
        self.0.remove(account, key)
    }

    fn remove_ended<'a>(&'a self, account: &'a str, before: Timestamp) -> StoreFuture<'a, u64> {
        self.0.remove_ended(account, before)
    }
}

/// Provider that refuses the first submits, and does not have a key against second ones.
#[derive(Clone)]
struct Acme {
    refusals: usize,
    submits: Arc<AtomicUsize>,
    clock: Clock,
}

impl Provider for Acme {
    fn id(&self) -> ProviderId {
        "acme".parse().unwrap()
    }

    async fn poll<'a>(&'a self, _: &'a Batch) -> Result<Snapshot, Error> {
        Ok(finished(1, 0))
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

impl Submitter for Acme {
    type Order = String;

    async fn submit(&self, _: &String, key: &str) -> Result<Batch, Error> {
        if self.submits.fetch_add(1, Ordering::SeqCst) < self.refusals {
            return Err(Error::new(ErrorKind::RateLimited, "later").with_retry_after(Duration::from_secs(300)));
        }
        Ok(Batch::new(self.id(), key).unwrap())
    }

    fn recovery(&self, _: &String, _: &str) -> Recovery {
        Recovery::Never
    }

    async fn reconcile(&self, _: &String, _: &str, _: &Batch) -> Result<Reconciliation, Error> {
        unreachable!("rows are not read")
    }
}

#[tokio::test]
async fn order_that_was_refused_is_submitted_after_a_loss_of_the_machine() {
    let (store, clock) = (RedbStore::in_memory().unwrap(), ScaledClock::new(100).clock());
    let acme = Acme { refusals: 1, submits: Arc::default(), clock: clock.clone() };
    let start = async || Service::builder(Durably(store.clone()), acme.clone()).start().await.unwrap();
    let service = start().await;
    let mut changes = service.view().changes();
    service.submit("first", &String::new()).await.unwrap();
    // Ordered, submitting, and ordered again.
    for _ in 0..3 {
        changes.next().await.unwrap();
    }
    assert_eq!(acme.submits.load(Ordering::SeqCst), 1);
    drop((service, changes));

    let service = start().await;
    assert_eq!(service.ended("first").await.unwrap().snapshot.progress.succeeded, Some(1));
    assert_eq!(acme.submits.load(Ordering::SeqCst), 2);
}
