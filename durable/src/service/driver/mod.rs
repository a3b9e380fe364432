//! The task of a service: it submits, waits and writes.

mod commands;
mod writes;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulkrail_core::poll::{WaitOptions, WaitState};
use bulkrail_core::time::Clock;
use bulkrail_core::{Batch, BatchId, DurationHistory, Error, ErrorKind, Recovery, Report, WaitSet};
use jiff::SignedDuration;
use serde_json::value::RawValue;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::task::{Id, JoinError, JoinSet};

use super::builder::ServiceBuilder;
use super::view::Change;
use crate::attempts::SubmitStep;
use crate::error::ServiceError;
use crate::record::{Event, Phase, Record};
use crate::store::{Durability, Entry, Filter, Store};
use crate::submitter::Submitter;
pub(super) use commands::Command;
use writes::{STORE_RETRY, Write, forget_state};

/// 500 records are read at a time: about 2 MB.
const PAGE: usize = 500;

/// 1 h between two removals of records whose retention is over.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Account under which the durations of earlier batches are kept, by account. The names of accounts do not begin with a dot.
const DURATIONS: &str = ".durations";

type Open = Record<Box<RawValue>>;

/// States of the waits that were polled since they were last written.
#[derive(Default)]
struct States {
    polled: Mutex<HashMap<BatchId, Box<RawValue>>>,
    changed: Notify,
}

impl States {
    fn lock(&self) -> MutexGuard<'_, HashMap<BatchId, Box<RawValue>>> {
        self.polled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Driver<S: Submitter> {
    submitter: S,
    store: Arc<dyn Store>,
    account: Arc<str>,
    changes: broadcast::Sender<Change>,
    clock: Clock,
    options: WaitOptions,
    retention: Option<Duration>,
    set: WaitSet<'static>,
    history: DurationHistory,
    states: Arc<States>,
    /// Records that have not ended. Their wait states are in `set`.
    records: HashMap<Arc<str>, Open>,
    /// Keys by batch: a provider may return one batch for two orders.
    waiting: HashMap<BatchId, Vec<Arc<str>>>,
    /// Orders to submit, the first first.
    queue: VecDeque<Arc<str>>,
    /// Orders to submit later.
    later: BinaryHeap<Reverse<(Duration, Arc<str>)>>,
    /// Time of the request that is reserved for the first order of the queue.
    place: Option<Duration>,
    submitting: JoinSet<Result<Batch, Error>>,
    submitting_keys: HashMap<Id, Arc<str>>,
    max_submits: usize,
    /// Durable writes that have failed.
    unsaved: HashMap<Arc<str>, Write>,
    retry_at: Option<Duration>,
    /// When the last durable write was made.
    durable_at: Duration,
    /// A batch has ended since the durations were written.
    has_new_durations: bool,
    sweep_at: Option<Duration>,
}

impl<S: Submitter> Driver<S> {
    /// Reads what is open.
    pub(super) async fn load(
        builder: ServiceBuilder<S>,
        store: Arc<dyn Store>,
        account: Arc<str>,
        changes: broadcast::Sender<Change>,
    ) -> Result<Self, ServiceError> {
        let ServiceBuilder { submitter, requests_per_second, burst, options, submits, retention, .. } = builder;
        let (clock, states, history) = (submitter.clock(), Arc::new(States::default()), DurationHistory::default());
        if let Some(durations) = store.get(DURATIONS, &account).await?
            && let Err(error) = history.import(&durations)
        {
            tracing::warn!(%account, "the durations of earlier batches cannot be read: {error}");
        }
        let polled = Arc::clone(&states);
        let set = WaitSet::new(submitter.clone())
            .requests_per_second(requests_per_second)
            .burst(burst)
            .history(&history)
            .on_state(move |state| {
                if let Ok(document) = serde_json::value::to_raw_value(state) {
                    polled.lock().insert(state.batch().batch_id(), document);
                    polled.changed.notify_one();
                }
            });
        let mut driver = Self {
            sweep_at: retention.map(|_| clock.now()),
            durable_at: clock.now(),
            submitter,
            store,
            account,
            changes,
            clock,
            options,
            retention,
            set,
            history,
            states,
            records: HashMap::new(),
            waiting: HashMap::new(),
            queue: VecDeque::new(),
            later: BinaryHeap::new(),
            place: None,
            submitting: JoinSet::new(),
            submitting_keys: HashMap::new(),
            max_submits: submits,
            unsaved: HashMap::new(),
            retry_at: None,
            has_new_durations: false,
        };
        let mut lost = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = driver.store.page(&driver.account, Filter::Open, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for entry in page {
                driver.resume(entry, &mut lost)?;
            }
        }
        // Read all before anything is decided: where a record cannot be read, nothing has changed.
        for key in lost {
            driver.recover(&key).await;
        }
        Ok(driver)
    }

    /// Goes on with a record that is open.
    fn resume(&mut self, entry: Entry, lost: &mut Vec<Arc<str>>) -> Result<(), ServiceError> {
        let unreadable = |source| ServiceError::Unreadable { key: entry.key.clone(), source };
        let mut record = Open::from_document(&entry.document).map_err(unreadable)?;
        let key: Arc<str> = entry.key.as_str().into();
        match &record.phase {
            Phase::Ordered { .. } => self.queue.push_back(Arc::clone(&key)),
            Phase::Submitting => lost.push(Arc::clone(&key)),
            Phase::Waiting { batch, state } => {
                let state: WaitState = serde_json::from_str(state.get()).map_err(unreadable)?;
                let id = batch.batch_id();
                self.set.resume(state).map_err(|error| ServiceError::Client(Box::new(error)))?;
                self.waiting.entry(id).or_default().push(Arc::clone(&key));
                forget_state(&mut record);
            }
            Phase::Ended { .. } | Phase::GaveUp { .. } => return Ok(()),
        }
        self.records.insert(key, record);
        Ok(())
    }

    /// Decides about an order that was being submitted when the process ended.
    async fn recover(&mut self, key: &Arc<str>) {
        let now = self.clock.wall();
        // It may have been sent, also where the order cannot be read any more.
        let recovery = self.recovery(key).unwrap_or(Recovery::Never);
        let Some(record) = self.records.get_mut(key) else { return };
        let step = record.attempts.lost(now, &recovery);
        self.follow(key, step).await;
    }

    /// Runs until it is stopped or all handles are gone.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let states = Arc::clone(&self.states);
        let mut stopped = None;
        while stopped.is_none() {
            self.keep_up().await;
            let timer = self.next_time().map(|at| self.clock.sleep(at.saturating_sub(self.clock.now())));
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => stopped = self.command(command, &mut commands).await,
                    None => break,
                },
                Some((batch, end)) = self.set.next(), if !self.set.is_empty() => self.end(&batch, end).await,
                Some(submitted) = self.submitting.join_next_with_id(), if !self.submitting.is_empty() => {
                    self.submitted(submitted).await;
                }
                () = states.changed.notified(), if self.retry_at.is_none() => {
                    self.save_states(self.durability()).await;
                }
                () = timer.unwrap_or_else(|| Box::pin(std::future::pending())) => {}
            }
        }
        commands.close();
        if stopped.is_some() {
            // Polls that are under way go on: a submit may wait for the login that one of them makes.
            while !self.submitting.is_empty() {
                tokio::select! {
                    Some(submitted) = self.submitting.join_next_with_id() => self.submitted(submitted).await,
                    Some((batch, end)) = self.set.next(), if !self.set.is_empty() => self.end(&batch, end).await,
                }
            }
        }
        self.save_states(Durability::Durable).await;
        self.retry_unsaved().await;
        if let Some(stopped) = stopped {
            let _gone = stopped.send(());
        }
    }

    /// Does what its time has come for.
    async fn keep_up(&mut self) {
        let now = self.clock.now();
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_unsaved().await;
        }
        while let Some(Reverse((at, _))) = self.later.peek()
            && *at <= now
            && let Some(Reverse((_, key))) = self.later.pop()
        {
            self.queue.push_back(key);
        }
        if let (Some(at), Some(retention)) = (self.sweep_at, self.retention)
            && at <= now
        {
            self.sweep_at = Some(now + SWEEP_INTERVAL);
            // Nothing has ended before a time that cannot be represented.
            let before = SignedDuration::try_from(retention).and_then(|kept| self.clock.wall().checked_sub(kept));
            let removed = match before {
                Ok(before) => self.store.remove_ended(&self.account, before).await,
                Err(_) => Ok(0),
            };
            if let Err(error) = removed {
                tracing::warn!(account = %self.account, "records whose retention is over are not removed: {error}");
            }
        }
        if self.retry_at.is_none() {
            self.start_submits().await;
        }
    }

    fn next_time(&self) -> Option<Duration> {
        let later = self.later.peek().map(|Reverse((at, _))| *at);
        // Nothing is submitted before the store can be written, nor without an order.
        let place = self.place.filter(|_| self.retry_at.is_none() && !self.queue.is_empty());
        [later, place, self.retry_at, self.sweep_at].into_iter().flatten().min()
    }

    /// Writes that the orders whose place has come are being submitted, and then submits them.
    async fn start_submits(&mut self) {
        let mut begun = Vec::new();
        while self.submitting.len() + begun.len() < self.max_submits
            && let Some(key) = self.queue.pop_front()
        {
            let Some(record) = self.records.get(&key) else { continue };
            let Ok(order) = serde_json::from_str::<S::Order>(record.order.get()) else {
                self.give_up(&key, unreadable_order()).await;
                continue;
            };
            // An order stays in the queue until then: an end of the process in the pause leaves it as one that was not sent.
            if !self.has_place() {
                self.queue.push_front(key);
                break;
            }
            let Some(record) = self.records.get_mut(&key) else { continue };
            let before = record.clone();
            if record.apply(self.clock.wall(), Event::Submit).is_ok() {
                self.place = None;
                begun.push((key, order, before));
            }
        }
        if begun.is_empty() {
            return;
        }
        let writes = begun.iter().filter_map(|(key, ..)| self.entry(key)).collect();
        if let Err(error) = self.write(writes, Durability::Durable).await {
            tracing::warn!(account = %self.account, "orders are not submitted until they can be written: {error}");
            for (key, _, before) in begun.into_iter().rev() {
                self.records.insert(Arc::clone(&key), before);
                self.queue.push_front(key);
            }
            // That of the first order is still its own.
            self.place = Some(self.clock.now());
            self.retry_at = Some(self.clock.now() + STORE_RETRY);
            return;
        }
        for (key, order, _) in begun {
            let (submitter, of) = (self.submitter.clone(), Arc::clone(&key));
            let task = self.submitting.spawn(async move { submitter.submit(&order, &of).await });
            self.submitting_keys.insert(task.id(), key);
        }
    }

    /// Reserves a request, unless one is reserved, and returns whether its time has come.
    fn has_place(&mut self) -> bool {
        let now = self.clock.now();
        *self.place.get_or_insert_with(|| now.saturating_add(self.set.reserve())) <= now
    }

    /// Takes the result of a submit.
    async fn submitted(&mut self, submitted: Result<(Id, Result<Batch, Error>), JoinError>) {
        let (id, result) = match submitted {
            Ok((id, result)) => (id, result),
            Err(error) => {
                let lost = Error::new(ErrorKind::OutcomeUnknown, "submitting the batch panicked");
                (error.id(), Err(lost))
            }
        };
        let Some(key) = self.submitting_keys.remove(&id) else { return };
        if let Err(error) = &result
            && error.kind() == ErrorKind::RateLimited
        {
            self.set.throttled(error.retry_after());
        }
        let Some(recovery) = self.recovery(&key) else { return };
        let Some(record) = self.records.get_mut(&key) else { return };
        let step = record.attempts.observe(self.clock.wall(), result, &recovery);
        self.follow(&key, step).await;
    }

    fn recovery(&self, key: &str) -> Option<Recovery> {
        let order = serde_json::from_str(self.records.get(key)?.order.get()).ok()?;
        Some(self.submitter.recovery(&order, key))
    }

    /// Does what follows an attempt to submit.
    async fn follow(&mut self, key: &Arc<str>, step: SubmitStep) {
        match step {
            SubmitStep::Submitted(batch) | SubmitStep::LookUp(batch) => self.wait(key, batch, Event::Submitted).await,
            SubmitStep::Again { after, error } => {
                // One of unknown outcome stays in the phase that says so.
                if !error.is_outcome_unknown() {
                    self.apply(key, Event::Postponed(Box::new(error.document())));
                    // Otherwise an end of the process would turn it into one of unknown outcome.
                    let writes = self.entry(key).into_iter().collect();
                    self.save(writes).await;
                }
                self.later.push(Reverse((self.clock.now() + after, Arc::clone(key))));
            }
            SubmitStep::GaveUp(error) => self.give_up(key, error).await,
        }
    }

    /// Waits for `batch`, once it is written.
    async fn wait(&mut self, key: &Arc<str>, batch: Batch, event: fn(Batch, Box<RawValue>) -> Event) {
        let state = self.new_state(key, batch.clone());
        let Ok(document) = serde_json::value::to_raw_value(&state) else { return };
        self.apply(key, event(batch.clone(), document));
        let writes = self.entry(key).into_iter().collect();
        self.save(writes).await;
        self.resume_wait(key, batch, state).await;
    }

    fn new_state(&self, key: &str, batch: Batch) -> WaitState {
        let state = WaitState::new(batch, &self.options, self.clock.wall());
        let order = self.records.get(key).and_then(|record| serde_json::from_str(record.order.get()).ok());
        match order.and_then(|order| self.submitter.rows(&order)) {
            Some(rows) => state.rows(rows),
            None => state,
        }
    }

    async fn resume_wait(&mut self, key: &Arc<str>, batch: Batch, state: WaitState) {
        if let Some(record) = self.records.get_mut(key) {
            forget_state(record);
        }
        match self.set.resume(state) {
            Ok(()) => self.waiting.entry(batch.batch_id()).or_default().push(Arc::clone(key)),
            Err(error) => self.give_up(key, error).await,
        }
    }

    async fn give_up(&mut self, key: &Arc<str>, error: Error) {
        self.apply(key, Event::GaveUp(Box::new(error.document())));
        self.finish(vec![Arc::clone(key)]).await;
    }

    /// Takes the end of a wait.
    async fn end(&mut self, batch: &Batch, end: Result<Report, Error>) {
        let keys = self.waiting.remove(&batch.batch_id()).unwrap_or_default();
        self.states.lock().remove(&batch.batch_id());
        self.has_new_durations |= end.is_ok();
        let event = match end {
            Ok(report) => Event::Ended(Box::new(report)),
            Err(error) => {
                let error = if error.batch().is_some() { error } else { error.with_batch(batch.clone()) };
                Event::GaveUp(Box::new(error.document()))
            }
        };
        for key in &keys {
            self.apply(key, event.clone());
        }
        self.finish(keys).await;
    }

    /// Writes records that have ended, and forgets them.
    async fn finish(&mut self, keys: Vec<Arc<str>>) {
        let writes = keys.iter().filter_map(|key| self.entry(key)).collect();
        self.save(writes).await;
        for key in &keys {
            self.records.remove(key);
        }
    }

    fn apply(&mut self, key: &str, event: Event) {
        let Some(record) = self.records.get_mut(key) else { return };
        if let Err(error) = record.apply(self.clock.wall(), event) {
            tracing::error!(account = %self.account, key, "this is a bug of bulkrail-durable: {error}");
        }
    }
}

fn unreadable_order() -> Error {
    Error::new(ErrorKind::Usage, "the order cannot be read: it was made by a program with another type of orders")
        .with_action("submitting the batch")
}
