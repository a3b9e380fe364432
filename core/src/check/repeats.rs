use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

/// Finds values that were there before, in 16 bytes a value.
///
/// Only a hash of 96 bits is kept, so that a check of a large file stays small. Two different values of a million are taken
/// for the same with a probability below 1 in 10^16.
///
/// ```
/// use bulkrail_core::check::Repeats;
///
/// let mut repeats = Repeats::default();
/// assert_eq!(repeats.first(&("SPEI", "032180000118359719"), 2), None);
/// assert_eq!(repeats.first(&("SPEI", "032180000118359719"), 5), Some(2));
/// ```
#[derive(Debug, Default)]
pub struct Repeats {
    keys: (RandomState, RandomState),
    rows: HashMap<u64, (u32, u32), RandomState>,
}

impl Repeats {
    /// Returns the row that had the same value first; else remembers `row`.
    pub fn first(&mut self, value: &impl Hash, row: u64) -> Option<u64> {
        let (key, more) = (self.keys.0.hash_one(value), self.keys.1.hash_one(value) as u32);
        // A file has fewer rows than 2^32.
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        match self.rows.get(&key) {
            Some((known, first)) if *known == more => Some(u64::from(*first)),
            Some(_) => None,
            None => {
                self.rows.insert(key, (more, row));
                None
            }
        }
    }
}
