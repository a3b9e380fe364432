//! Memory with a lid: what was kept longest goes first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Batches a provider remembers.
pub(crate) const MAX_BATCHES: usize = 10_000;
/// Rows a provider remembers, over all its batches.
pub(crate) const MAX_ROWS: usize = 250_000;
/// Single records (accounts, entities) and keys a provider remembers.
pub(crate) const MAX_RECORDS: usize = 250_000;

/// A map of bounded size and bounded total weight.
pub(crate) struct Store<V> {
    inner: Mutex<Inner<V>>,
    max_items: usize,
    max_weight: usize,
}

struct Inner<V> {
    items: HashMap<String, (Arc<V>, usize)>,
    order: VecDeque<String>,
    weight: usize,
}

impl<V> Store<V> {
    /// Each item weighs as many rows as it has.
    pub(crate) fn batches() -> Self {
        Self::bounded(MAX_BATCHES, MAX_ROWS)
    }

    /// Each item weighs one.
    pub(crate) fn records() -> Self {
        Self::bounded(MAX_RECORDS, MAX_RECORDS)
    }

    fn bounded(max_items: usize, max_weight: usize) -> Self {
        Self {
            inner: Mutex::new(Inner { items: HashMap::new(), order: VecDeque::new(), weight: 0 }),
            max_items,
            max_weight,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Arc<V>> {
        let inner = lock(&self.inner);
        inner.items.get(key).map(|(value, _)| Arc::clone(value))
    }

    /// Everything, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<V>> {
        let inner = lock(&self.inner);
        let values = inner.order.iter().filter_map(|key| inner.items.get(key));
        values.map(|(value, _)| Arc::clone(value)).collect()
    }

    /// Keeps `value`, unless `key` is taken: then nothing changes and the answer is false.
    pub(crate) fn insert(&self, key: &str, value: Arc<V>, weight: usize) -> bool {
        self.insert_over(key, value, weight, |_| false)
    }

    /// Like `insert`, but a kept value for which `replace` holds gives way.
    pub(crate) fn insert_over(
        &self,
        key: &str,
        value: Arc<V>,
        weight: usize,
        replace: impl FnOnce(&V) -> bool,
    ) -> bool {
        let mut guard = lock(&self.inner);
        let inner = &mut *guard;
        match inner.items.get_mut(key) {
            Some((kept, old_weight)) => {
                if !replace(kept) {
                    return false;
                }
                inner.weight = inner.weight - *old_weight + weight;
                (*kept, *old_weight) = (value, weight);
            }
            None => {
                inner.items.insert(key.to_owned(), (value, weight));
                inner.order.push_back(key.to_owned());
                inner.weight += weight;
            }
        }
        while inner.order.len() > 1 && (inner.order.len() > self.max_items || inner.weight > self.max_weight) {
            let oldest = inner.order.pop_front();
            if let Some((_, weight)) = oldest.and_then(|key| inner.items.remove(&key)) {
                inner.weight -= weight;
            }
        }
        true
    }
}

/// A poisoned lock only means that another request panicked; the data is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest_beyond_either_limit() {
        let store = Store::bounded(3, 10);
        for (key, weight) in [("a", 1), ("b", 1), ("c", 1), ("d", 1)] {
            assert!(store.insert(key, Arc::new(key), weight));
        }
        assert!(store.get("a").is_none());
        assert!(store.insert("e", Arc::new("e"), 9));
        let left: Vec<_> = store.all().iter().map(|value| **value).collect();
        assert_eq!(left, ["d", "e"]);
        // One item over the limit is still kept: the answer to its upload promised it.
        assert!(store.insert("f", Arc::new("f"), 99));
        assert_eq!(store.all().len(), 1);
    }

    #[test]
    fn a_taken_key_stays_taken() {
        let store = Store::records();
        assert!(store.insert("a", Arc::new(1), 1));
        assert!(!store.insert("a", Arc::new(2), 1));
        assert_eq!(store.get("a").as_deref(), Some(&1));
        assert!(store.insert_over("a", Arc::new(3), 1, |kept| *kept == 1));
        assert_eq!(store.get("a").as_deref(), Some(&3));
    }
}
