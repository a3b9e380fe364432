//! A quick hash of short texts, with a random key.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Hash state for references, which are short texts: faster than that of std.
///
/// Words of 8 bytes are multiplied and folded, as wyhash does, with a key that is random for each state, so that a
/// provider cannot choose texts with the same hash. It is not a cryptographic hash.
///
/// ```
/// use std::collections::HashSet;
/// use bulkrail_core::hash::TextHashState;
///
/// let mut seen = HashSet::with_hasher(TextHashState::default());
/// assert!(seen.insert("ref-1"));
/// assert!(!seen.insert("ref-1"));
/// ```
#[derive(Clone, Debug)]
pub struct TextHashState {
    start: u64,
    factor: u64,
}

impl Default for TextHashState {
    fn default() -> Self {
        let random = RandomState::new();
        // An odd factor loses no bit.
        Self { start: random.hash_one(0_u8), factor: random.hash_one(1_u8) | 1 }
    }
}

impl BuildHasher for TextHashState {
    type Hasher = TextHasher;

    fn build_hasher(&self) -> TextHasher {
        TextHasher { state: self.start, factor: self.factor }
    }
}

/// Hasher of a [`TextHashState`].
#[derive(Clone, Debug)]
pub struct TextHasher {
    state: u64,
    factor: u64,
}

impl TextHasher {
    #[inline]
    fn add(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.factor);
        self.state = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for TextHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        // The last 8 bytes, some of them for a second time: copying the rest takes longer.
        let last = match bytes.last_chunk::<8>() {
            Some(last) => u64::from_le_bytes(*last),
            None => rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        self.add(last ^ (bytes.len() as u64).rotate_left(56));
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    fn finish(&self) -> u64 {
        // The low bits of the last product depend on few bits of the last word.
        let product = u128::from(self.state) * u128::from(self.factor);
        (product as u64) ^ ((product >> 64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn texts_that_differ_in_one_place_have_different_hashes() {
        let state = TextHashState::default();
        let mut texts: Vec<_> = (0..20_000).map(|number| format!("ref-{number:06}-of-the-batch")).collect();
        texts.extend((0..200).map(|length| "\0".repeat(length)));
        texts.extend((0..200).map(|length| "a".repeat(length)));
        // The empty text is there twice.
        let hashes: HashSet<_> = texts.iter().map(|text| state.hash_one(text.as_str())).collect();
        assert_eq!(hashes.len(), texts.len() - 1);
        // Hash tables use the lowest and the highest bits.
        for bits in [0, 56] {
            let mut seen = [0_u32; 128];
            hashes.iter().for_each(|hash| seen[(hash >> bits) as usize & 127] += 1);
            assert!(seen.iter().all(|count| (80..260).contains(count)), "{seen:?}");
        }
    }

    #[test]
    fn states_have_keys_of_their_own() {
        let hash = || TextHashState::default().hash_one("ref-1");
        assert_ne!(hash(), hash());
    }
}
