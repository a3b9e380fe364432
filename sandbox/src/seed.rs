//! Deterministic choices: every id, fate and duration is derived from one number.

use std::ops::Range;

/// A point in a tree of reproducible random values.
///
/// Children are named by text or by number, so that adding a new use of randomness does not shift the old ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new(value: u64) -> Self {
        Self(mix(value))
    }

    pub(crate) fn text(self, label: &str) -> Self {
        let start = self.0 ^ 0xcbf2_9ce4_8422_2325;
        let hash = label.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(mix(hash))
    }

    pub(crate) fn number(self, number: u64) -> Self {
        Self(mix(self.0 ^ mix(number)))
    }

    /// A value in `0..bound`; 0 for a bound of 0.
    pub(crate) fn below(self, bound: u64) -> u64 {
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }

    pub(crate) fn between(self, range: &Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    pub(crate) fn one_in(self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(self, choices: &[T]) -> Option<T> {
        choices.get(self.below(choices.len() as u64) as usize).copied()
    }

    /// An id with the shape of a version 4 UUID.
    pub(crate) fn uuid(self) -> String {
        let high = (self.number(1).0 & !0xf000) | 0x4000;
        let low = (self.number(2).0 & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// A string of exactly `count` decimal digits.
    pub(crate) fn digits(self, count: usize) -> String {
        (0..count as u64).map(|place| char::from(b'0' + self.number(place).below(10) as u8)).collect()
    }

    /// 32 hexadecimal digits.
    pub(crate) fn hex(self) -> String {
        format!("{:016x}{:016x}", self.number(1).0, self.number(2).0)
    }
}

/// One step of splitmix64.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_shape_of_a_version_4_uuid() {
        for n in 0..1000 {
            let id = Seed::new(7).number(n).uuid();
            let parts: Vec<&str> = id.split('-').collect();
            let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
            assert!(parts[2].starts_with('4'), "{id}");
            assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
        }
    }

    #[test]
    fn one_in_twelve_is_about_one_in_twelve() {
        let hits = (0..12_000).filter(|n| Seed::new(1).number(*n).one_in(12)).count();
        assert!((900..1100).contains(&hits), "{hits}");
    }
}
