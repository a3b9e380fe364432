//! A provider whose batches are counted, and a store that stops.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bulkrail_core::poll::WaitOptions;
use bulkrail_core::test_util::{finished, running};
use bulkrail_core::{Batch, Error, ErrorKind, Provider, ProviderId, Reconciliation, Recovery, Snapshot};
use bulkrail_durable::{Durability, Entry, Filter, RedbStore, Service, Store, StoreError, StoreFuture, Submitter};
use jiff::Timestamp;

/// How the provider tells a second submit from the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tells {
    /// By its key.
    Key,
    /// By an id that the caller chooses.
    Id,
    /// By the content, which is the same for all: there is one batch.
    Content,
    Not,
}

/// Provider whose batches end with their third poll.
#[derive(Clone)]
pub(crate) struct Acme(Arc<Mutex<State>>, Tells);

#[derive(Default)]
struct State {
    /// Keys of the requests that arrived.
    sent: Vec<String>,
    /// Polls by the id of the batch.
    batches: HashMap<String, u32>,
    /// Errors of the next submits; with true the batch exists nevertheless.
    errors: Vec<(Error, bool)>,
    polls_to_end: u32,
    is_panicking: bool,
}

impl Acme {
    pub(crate) fn new(tells: Tells) -> Self {
        Self(Arc::new(Mutex::new(State { polls_to_end: 3, ..State::default() })), tells)
    }

    pub(crate) fn fail_next(&self, error: Error, exists: bool) {
        self.state().errors.push((error, exists));
    }

    pub(crate) fn panic_next(&self) {
        self.state().is_panicking = true;
    }

    /// Sets how many polls each batch needs until its end.
    pub(crate) fn end_after(&self, polls: u32) {
        self.state().polls_to_end = polls;
    }

    pub(crate) fn sent(&self) -> Vec<String> {
        self.state().sent.clone()
    }

    pub(crate) fn batches(&self) -> usize {
        self.state().batches.len()
    }

    pub(crate) fn polls(&self) -> u32 {
        self.state().batches.values().sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Provider for Acme {
    fn id(&self) -> ProviderId {
        "acme".parse().unwrap()
    }

    async fn poll<'a>(&'a self, batch: &'a Batch) -> Result<Snapshot, Error> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        let polls_to_end = state.polls_to_end;
        let Some(polls) = state.batches.get_mut(batch.id()) else {
            return Err(Error::new(ErrorKind::NotFound, "there is no such batch"));
        };
        *polls += 1;
        Ok(if *polls >= polls_to_end { finished(2, 0) } else { running(1, 2) })
    }
}

impl Submitter for Acme {
    type Order = String;

    async fn submit(&self, _: &String, key: &str) -> Result<Batch, Error> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        state.sent.push(key.to_owned());
        let error = (!state.errors.is_empty()).then(|| state.errors.remove(0));
        let id = match self.1 {
            Tells::Key | Tells::Id => key.to_owned(),
            Tells::Content => "shared".to_owned(),
            Tells::Not => format!("{key}-{}", state.batches.len()),
        };
        if error.as_ref().is_none_or(|(_, exists)| *exists) {
            state.batches.entry(id.clone()).or_default();
        }
        let is_panicking = std::mem::take(&mut state.is_panicking);
        drop(state);
        assert!(!is_panicking, "a bug of the submitter");
        match error {
            Some((error, _)) => Err(error),
            None => Ok(Batch::new(self.id(), id)?),
        }
    }

    fn recovery(&self, _: &String, key: &str) -> Recovery {
        match self.1 {
            Tells::Key | Tells::Content => Recovery::SendAgain,
            Tells::Id => Recovery::LookUp(Batch::new(self.id(), key).unwrap()),
            Tells::Not => Recovery::Never,
        }
    }

    async fn reconcile(&self, _: &String, _: &str, batch: &Batch) -> Result<Reconciliation, Error> {
        Err(Error::new(ErrorKind::NotFound, format!("{batch} has no rows")))
    }
}

/// Store whose writes stop, as if the process ended: before the write, or after it.
#[derive(Clone)]
pub(crate) struct CutStore {
    pub(crate) store: RedbStore,
    left: Arc<AtomicUsize>,
    is_after: bool,
    fails: bool,
}

impl CutStore {
    pub(crate) fn new(store: &RedbStore, writes: usize, is_after: bool) -> Self {
        Self { store: store.clone(), left: Arc::new(AtomicUsize::new(writes)), is_after, fails: false }
    }

    /// Returns a store whose writes fail while `left` is 0.
    pub(crate) fn failing(store: &RedbStore, writes: usize) -> Self {
        Self { fails: true, ..Self::new(store, writes, false) }
    }

    pub(crate) fn mend(&self) {
        self.left.store(usize::MAX, Ordering::SeqCst);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    fn cut<'a, T: Send + 'a>(&'a self, write: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            match left {
                Ok(_) => write.await,
                Err(_) if self.fails => Err(StoreError::failed("writing", "the disk is full")),
                Err(_) => {
                    if self.is_after {
                        let _written = write.await;
                    }
                    std::future::pending().await
                }
            }
        })
    }
}

impl Store for CutStore {
    fn insert(&self, entries: Vec<Entry>) -> StoreFuture<'_, Vec<Option<String>>> {
        self.cut(self.store.insert(entries))
    }

    fn write(&self, entries: Vec<Entry>, durability: Durability) -> StoreFuture<'_, ()> {
        self.cut(self.store.write(entries, durability))
    }

    fn get<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, Option<String>> {
        self.store.get(account, key)
    }

    fn page<'a>(
        &'a self,
        account: &'a str,
        filter: Filter,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Entry>> {
        self.store.page(account, filter, after, limit)
    }

    fn remove<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, bool> {
        self.cut(self.store.remove(account, key))
    }

    fn remove_ended<'a>(&'a self, account: &'a str, before: Timestamp) -> StoreFuture<'a, u64> {
        self.cut(self.store.remove_ended(account, before))
    }
}

/// Runs a process: its tasks are gone when it returns. Time passes only while it sleeps.
pub(crate) fn process<T>(run: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(run)
}

/// Starts a service that polls without delay.
pub(crate) async fn start(store: impl Store, acme: &Acme) -> Service<Acme> {
    let options = WaitOptions::new(acme).interval(Duration::from_millis(1)..=Duration::from_millis(2));
    Service::builder(store, acme.clone())
        .requests_per_second(100_000.0)
        .burst(1.0)
        .wait_options(options)
        .start()
        .await
        .unwrap()
}
