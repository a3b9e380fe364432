//! Bounded storage that evicts the oldest entries.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Maximum number of batches per provider.
pub(crate) const MAX_BATCHES: usize = 10_000;
/// Maximum number of rows per provider, over all its batches.
pub(crate) const MAX_ROWS: usize = 250_000;
/// Maximum number of single records (accounts, entities) and of keys per provider.
pub(crate) const MAX_RECORDS: usize = 250_000;

/// Map with a bounded number of entries and a bounded total weight.
pub(crate) struct Store<V> {
    inner: Mutex<Inner<V>>,
    max_entries: usize,
    max_weight: usize,
}

struct Inner<V> {
    /// Value and weight by key.
    entries: HashMap<String, (Arc<V>, usize)>,
    /// Keys, oldest first.
    order: VecDeque<String>,
    weight: usize,
}

impl<V> Store<V> {
    /// Creates a store of batches; the weight of a batch is its number of rows.
    pub(crate) fn for_batches() -> Self {
        Self::with_limits(MAX_BATCHES, MAX_ROWS)
    }

    /// Creates a store of single records, each of weight one.
    pub(crate) fn for_records() -> Self {
        Self::with_limits(MAX_RECORDS, MAX_RECORDS)
    }

    fn with_limits(max_entries: usize, max_weight: usize) -> Self {
        Self {
            inner: Mutex::new(Inner { entries: HashMap::new(), order: VecDeque::new(), weight: 0 }),
            max_entries,
            max_weight,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Arc<V>> {
        let inner = lock(&self.inner);
        inner.entries.get(key).map(|(value, _)| Arc::clone(value))
    }

    /// Returns all values, oldest first.
    pub(crate) fn values(&self) -> Vec<Arc<V>> {
        let inner = lock(&self.inner);
        let values = inner.order.iter().filter_map(|key| inner.entries.get(key));
        values.map(|(value, _)| Arc::clone(value)).collect()
    }

    /// Inserts `value` and returns true, or returns false without a change if `key` exists.
    pub(crate) fn insert(&self, key: &str, value: Arc<V>, weight: usize) -> bool {
        self.insert_or_replace(key, value, weight, |_| false)
    }

    /// Like `insert`, but replaces an existing value for which `may_replace` returns true.
    pub(crate) fn insert_or_replace(
        &self,
        key: &str,
        value: Arc<V>,
        weight: usize,
        may_replace: impl FnOnce(&V) -> bool,
    ) -> bool {
        let mut guard = lock(&self.inner);
        let inner = &mut *guard;
        match inner.entries.get_mut(key) {
            Some((existing, old_weight)) => {
                if !may_replace(existing) {
                    return false;
                }
                inner.weight = inner.weight - *old_weight + weight;
                (*existing, *old_weight) = (value, weight);
            }
            None => {
                inner.entries.insert(key.to_owned(), (value, weight));
                inner.order.push_back(key.to_owned());
                inner.weight += weight;
            }
        }
        while inner.order.len() > 1 && (inner.order.len() > self.max_entries || inner.weight > self.max_weight) {
            let oldest = inner.order.pop_front();
            if let Some((_, weight)) = oldest.and_then(|key| inner.entries.remove(&key)) {
                inner.weight -= weight;
            }
        }
        true
    }
}

/// Locks a mutex even if it is poisoned: a panic in another request leaves the data consistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_evicts_oldest_entries_beyond_either_limit() {
        let store = Store::with_limits(3, 10);
        for (key, weight) in [("a", 1), ("b", 1), ("c", 1), ("d", 1)] {
            assert!(store.insert(key, Arc::new(key), weight));
        }
        assert!(store.get("a").is_none());
        assert!(store.insert("e", Arc::new("e"), 9));
        let remaining: Vec<_> = store.values().iter().map(|value| **value).collect();
        assert_eq!(remaining, ["d", "e"]);
        // One entry over the limit is still stored: its upload has been acknowledged.
        assert!(store.insert("f", Arc::new("f"), 99));
        assert_eq!(store.values().len(), 1);
    }

    #[test]
    fn store_insert_keeps_existing_value_unless_replaceable() {
        let store = Store::for_records();
        assert!(store.insert("a", Arc::new(1), 1));
        assert!(!store.insert("a", Arc::new(2), 1));
        assert_eq!(store.get("a").as_deref(), Some(&1));
        assert!(store.insert_or_replace("a", Arc::new(3), 1, |existing| *existing == 1));
        assert_eq!(store.get("a").as_deref(), Some(&3));
    }
}
