//! Deterministic pseudo-random values: ids, failures and durations are derived from one number.

use std::ops::Range;

/// Node in a tree of reproducible random values.
///
/// Children are derived by a label or an index, so that a new use does not change existing values.
/// Renaming a label changes every value derived from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new(value: u64) -> Self {
        Self(splitmix64(value))
    }

    /// Returns the child with this label.
    pub(crate) fn derive(self, label: &str) -> Self {
        let start = self.0 ^ 0xcbf2_9ce4_8422_2325;
        let hash = label.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(splitmix64(hash))
    }

    /// Returns the child with this index.
    pub(crate) fn derive_index(self, index: u64) -> Self {
        Self(splitmix64(self.0 ^ splitmix64(index)))
    }

    /// Returns a value in `0..bound`, or 0 for a bound of 0.
    pub(crate) fn below(self, bound: u64) -> u64 {
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }

    /// Returns a value in `range`, or its start if it is empty.
    pub(crate) fn in_range(self, range: &Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// Returns true with a probability of 1 in `n`.
    pub(crate) fn one_in(self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Returns one of `choices`, or `None` if there are none.
    pub(crate) fn choose<T: Copy>(self, choices: &[T]) -> Option<T> {
        choices.get(self.below(choices.len() as u64) as usize).copied()
    }

    /// Returns an id in the format of a version 4 UUID.
    pub(crate) fn uuid(self) -> String {
        let high = (self.derive_index(1).0 & !0xf000) | 0x4000;
        let low = (self.derive_index(2).0 & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// Returns a string of exactly `count` decimal digits.
    pub(crate) fn digits(self, count: usize) -> String {
        (0..count as u64).map(|index| char::from(b'0' + self.derive_index(index).below(10) as u8)).collect()
    }

    /// Returns a string of 32 hexadecimal digits.
    pub(crate) fn hex(self) -> String {
        format!("{:016x}{:016x}", self.derive_index(1).0, self.derive_index(2).0)
    }
}

/// Performs one step of the splitmix64 generator.
fn splitmix64(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_has_format_of_version_4() {
        for n in 0..1000 {
            let id = Seed::new(7).derive_index(n).uuid();
            let parts: Vec<&str> = id.split('-').collect();
            let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
            assert!(parts[2].starts_with('4'), "{id}");
            assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
        }
    }

    #[test]
    fn one_in_12_is_true_for_about_one_seed_in_12() {
        let hits = (0..12_000).filter(|n| Seed::new(1).derive_index(*n).one_in(12)).count();
        assert!((900..1100).contains(&hits), "{hits}");
    }
}
