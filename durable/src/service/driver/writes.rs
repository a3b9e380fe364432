//! Writes to the store, and what follows where it fails.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::{DURATIONS, Driver};
use crate::record::{Event, Phase, Record};
use crate::service::view::Change;
use crate::store::{Durability, Entry, StoreError};
use crate::submitter::Submitter;

/// 10 s of polls at most are lost with the machine: a poll is cheap, and a write to the disk for each of them is not.
const DURABLE_INTERVAL: Duration = Duration::from_secs(10);

/// 5 s between two attempts to write where the store fails: a full disk is not soon less full.
pub(super) const STORE_RETRY: Duration = Duration::from_secs(5);

/// Entry to write, and the phase that it has.
#[derive(Clone)]
pub(super) struct Write {
    key: Arc<str>,
    entry: Entry,
    phase: &'static str,
    has_ended: bool,
}

impl Write {
    pub(super) fn new(key: Arc<str>, entry: Entry, phase: &Phase) -> Self {
        Self { key, entry, phase: phase.as_str(), has_ended: phase.has_ended() }
    }
}

impl<S: Submitter> Driver<S> {
    pub(super) fn entry(&self, key: &Arc<str>) -> Option<Write> {
        let record = self.records.get(key)?;
        let entry = record.to_entry(&self.account).ok()?;
        Some(Write::new(Arc::clone(key), entry, &record.phase))
    }

    /// Returns whether the next states have to be on the disk.
    pub(super) fn durability(&self) -> Durability {
        let is_old = self.clock.now().saturating_sub(self.durable_at) >= DURABLE_INTERVAL;
        if is_old { Durability::Durable } else { Durability::Relaxed }
    }

    /// Writes the states of the waits that were polled.
    pub(super) async fn save_states(&mut self, durability: Durability) {
        let polled = std::mem::take(&mut *self.states.lock());
        let mut writes = Vec::new();
        for (batch, state) in polled {
            for key in self.waiting.get(&batch).cloned().unwrap_or_default() {
                self.apply(&key, Event::Polled(state.clone()));
                writes.extend(self.entry(&key));
                self.records.get_mut(&key).into_iter().for_each(forget_state);
            }
        }
        if durability == Durability::Durable && std::mem::take(&mut self.has_new_durations) {
            let (account, key) = (DURATIONS.to_owned(), self.account.to_string());
            let entry = Entry { account, key, document: self.history.export(), ended_at: None };
            if let Err(error) = self.store.write(vec![entry], Durability::Relaxed).await {
                tracing::warn!(account = %self.account, "the durations of batches are not written: {error}");
            }
        }
        if let Err(error) = self.write(writes, durability).await {
            tracing::warn!(account = %self.account, "the states of waits are not written: {error}");
            self.retry_at = Some(self.clock.now() + STORE_RETRY);
        }
    }

    /// Writes durably. What cannot be written is kept, and written later.
    pub(super) async fn save(&mut self, writes: Vec<Write>) {
        let kept = writes.clone();
        let Err(error) = self.write(writes, Durability::Durable).await else { return };
        for write in kept {
            let Write { key, phase, .. } = &write;
            let batch = self.records.get(key).and_then(|record| record.batch());
            let batch = batch.map_or_else(|| "unknown".to_owned(), ToString::to_string);
            tracing::error!(
                account = %self.account, key = %key, phase = *phase, batch,
                "the record is not written, and is kept in memory until it can be: {error}"
            );
            self.unsaved.insert(Arc::clone(key), write);
        }
        self.retry_at = Some(self.clock.now() + STORE_RETRY);
    }

    pub(super) async fn retry_unsaved(&mut self) {
        self.retry_at = None;
        let writes: Vec<_> = std::mem::take(&mut self.unsaved).into_values().collect();
        if !writes.is_empty() {
            self.save(writes).await;
        }
    }

    /// Writes entries, and announces them.
    pub(super) async fn write(&mut self, writes: Vec<Write>, durability: Durability) -> Result<(), StoreError> {
        let (mut entries, mut changes) = (Vec::with_capacity(writes.len()), Vec::with_capacity(writes.len()));
        for Write { key, entry, phase, has_ended } in writes {
            entries.push(entry);
            changes.push(Change::Record { key, phase, has_ended });
        }
        if entries.is_empty() && durability == Durability::Relaxed {
            return Ok(());
        }
        self.store.write(entries, durability).await?;
        if durability == Durability::Durable {
            self.durable_at = self.clock.now();
        }
        for change in changes {
            if let (Change::Record { key, .. }, Durability::Durable) = (&change, durability) {
                self.unsaved.remove(key);
            }
            let _nobody = self.changes.send(change);
        }
        Ok(())
    }
}

/// Drops the state of the wait, which the wait set has.
pub(super) fn forget_state<O>(record: &mut Record<O>) {
    if let Phase::Waiting { state, .. } = &mut record.phase {
        *state = RawValue::NULL.to_owned();
    }
}
