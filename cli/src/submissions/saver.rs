//! Stores the states of waits after their polls, so that they go on in another process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulkrail::poll::WaitState;
use bulkrail::time::Clock;
use bulkrail::{Batch, BatchId};
use bulkrail_durable::StoreError;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::log::Log;
use super::store::{self, HOLD_LIMIT};
use super::{Needles, Submissions, stored};

/// 1 s between two writes: thousands of waits poll several times a second, and a state that is a
/// second old costs a poll or two.
const INTERVAL: Duration = Duration::from_secs(1);

/// States by the key of the record.
#[derive(Default)]
pub(crate) struct Unsaved(BTreeMap<String, Polled>);

/// State of a wait after a poll.
#[derive(Clone)]
struct Polled {
    batch: Batch,
    state: Box<RawValue>,
    /// A poll has seen the batch.
    is_seen: bool,
}

impl Unsaved {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn apply(&self, log: &mut Log, now: Timestamp) {
        for (key, Polled { batch, state, is_seen }) in &self.0 {
            log.wait(key, batch, state.clone(), *is_seen, now);
        }
    }
}

/// Stores states of the batches that were submitted from here, once a second at most.
#[derive(Clone)]
pub(crate) struct Saver {
    shared: Arc<Shared>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

struct Shared {
    /// Keys of the records, by batch and environment.
    keys: HashMap<(BatchId, String), String>,
    unsaved: Mutex<Unsaved>,
    is_due: Notify,
    stop: Notify,
}

impl Saver {
    /// Begins to store states of `batches`, each with the environment of its client.
    pub(crate) async fn start<'b>(
        submissions: &Submissions,
        batches: impl IntoIterator<Item = (&'b Batch, &'b str)>,
    ) -> Self {
        let batches: Vec<_> =
            batches.into_iter().map(|(batch, environment)| in_environment(batch, environment)).collect();
        let mut keys = HashMap::new();
        if let Some(store) = &submissions.store {
            let needles = Needles::new(&batches);
            // Where it cannot be read, the end of the wait is a warning.
            if let Ok(contents) = store.read(move |key, document| needles.has(key, document)).await {
                for batch in batches {
                    if let Some(position) = contents.log.position(&batch) {
                        let key = contents.log.entries()[position].record_key().to_owned();
                        let environment = batch.environment().unwrap_or_default().to_owned();
                        keys.insert((batch.batch_id(), environment), key);
                    }
                }
            }
        }
        let is_used = !keys.is_empty();
        let shared = Shared { keys, unsaved: Mutex::default(), is_due: Notify::new(), stop: Notify::new() };
        let (shared, submissions) = (Arc::new(shared), submissions.clone());
        let task = is_used.then(|| tokio::spawn(run(submissions, Arc::clone(&shared))));
        Self { shared, task: Arc::new(Mutex::new(task)) }
    }

    /// Returns an observer of the states of waits by a client of `environment`.
    pub(crate) fn observer(&self, environment: &str) -> impl FnMut(&WaitState) + Send + 'static {
        let (shared, environment) = (Arc::clone(&self.shared), environment.to_owned());
        move |state| shared.add(state, &environment)
    }

    /// Stops, and returns what is not stored yet.
    pub(crate) async fn finish(self) -> Unsaved {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.shared.stop.notify_one();
        if let Some(task) = task {
            let _ended = task.await;
        }
        self.shared.take()
    }
}

impl Shared {
    fn add(&self, state: &WaitState, environment: &str) {
        let batch = in_environment(state.batch(), environment);
        let place = (batch.batch_id(), batch.environment().unwrap_or_default().to_owned());
        if let (Some(key), Some(document)) = (self.keys.get(&place), stored(state)) {
            let polled = Polled { batch, state: document, is_seen: state.snapshot().is_some() };
            self.lock().0.insert(key.clone(), polled);
            self.is_due.notify_one();
        }
    }

    fn take(&self) -> Unsaved {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Unsaved> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores what is added, until it is stopped.
async fn run(submissions: Submissions, shared: Arc<Shared>) {
    let Some(store) = submissions.store.clone() else { return };
    let clock = Clock::system();
    let mut holds = Holds::default();
    loop {
        tokio::select! {
            () = shared.is_due.notified() => {}
            () = shared.stop.notified() => return,
        }
        let unsaved = Arc::new(shared.take());
        let states = Arc::clone(&unsaved);
        let written = store.write(Duration::ZERO, async move |store| {
            let mut log = store::load_keys(store, states.keys()).await?;
            states.apply(&mut log, Clock::system().wall());
            store::put(store, log.changes().0).await
        });
        let written = written.await;
        let is_held = matches!(written, Err(StoreError::Held { .. }));
        if is_held {
            // Newer states of the same waits stay.
            let mut newer = shared.lock();
            for (key, polled) in &unsaved.0 {
                newer.0.entry(key.clone()).or_insert_with(|| polled.clone());
            }
            shared.is_due.notify_one();
        }
        if holds.is_to_be_warned_of(is_held, clock.now()) {
            submissions.warn(written, "the state of the batch is not recorded");
        }
        tokio::select! {
            () = clock.sleep(INTERVAL) => {}
            () = shared.stop.notified() => return,
        }
    }
}

/// The time for which another process has had the store.
#[derive(Default)]
struct Holds {
    /// When it was refused for the first time since it was last open.
    since: Option<Duration>,
}

impl Holds {
    /// Returns whether the result of a write is a warning: each but that of a store which another process has had for
    /// less than [`HOLD_LIMIT`].
    fn is_to_be_warned_of(&mut self, is_held: bool, now: Duration) -> bool {
        if !is_held {
            self.since = None;
            return true;
        }
        now.saturating_sub(*self.since.get_or_insert(now)) > HOLD_LIMIT
    }
}

fn in_environment(batch: &Batch, environment: &str) -> Batch {
    match batch.environment() {
        Some(_) => batch.clone(),
        None => batch.clone().with_environment(environment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_collision_after_a_long_pause_is_no_warning() {
        let seconds = Duration::from_secs;
        let mut holds = Holds::default();
        assert!(holds.is_to_be_warned_of(false, seconds(0)));
        assert!(!holds.is_to_be_warned_of(true, seconds(600)), "the first refusal, long after the last write");
        assert!(!holds.is_to_be_warned_of(true, seconds(610)));
        assert!(holds.is_to_be_warned_of(true, seconds(611)));
        assert!(holds.is_to_be_warned_of(false, seconds(612)), "a failure is one at any time");
        assert!(!holds.is_to_be_warned_of(true, seconds(700)), "another process");
    }
}
