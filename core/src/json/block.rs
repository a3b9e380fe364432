//! Blocks of 64 bytes of a JSON text as bit masks, in which bit n stands for byte n.

use wide::u8x16;

/// Number of bytes in a block: one for each bit of a mask.
pub(super) const BLOCK: usize = 64;

/// 64 bytes of a text.
#[derive(Clone, Copy)]
pub(super) struct Block([u8x16; 4]);

impl Block {
    #[inline(always)]
    pub(super) fn new(bytes: &[u8; BLOCK]) -> Self {
        let (lanes, _) = bytes.as_chunks::<16>();
        Self([u8x16::new(lanes[0]), u8x16::new(lanes[1]), u8x16::new(lanes[2]), u8x16::new(lanes[3])])
    }

    /// Returns the mask of the bytes for which `test` has all bits of their lane set.
    #[inline(always)]
    fn mask(self, test: impl Fn(u8x16) -> u8x16) -> u64 {
        // A lane's mask has 16 bits.
        let [a, b, c, d] = self.0.map(|lane| u64::from(test(lane).move_mask().cast_unsigned()));
        a | b << 16 | c << 32 | d << 48
    }

    /// Returns the mask of the bytes that are `byte`.
    #[inline(always)]
    pub(super) fn bytes(self, byte: u8) -> u64 {
        self.mask(|lane| lane.cmp_eq(u8x16::splat(byte)))
    }

    /// Returns the mask of the bytes that are brackets, or `Y`, `_`, `y` or 127, which are in no JSON outside of strings.
    #[inline(always)]
    pub(super) fn perhaps_brackets(self) -> u64 {
        self.mask(|lane| (lane & u8x16::splat(0b1101_1001)).cmp_eq(u8x16::splat(0b0101_1001)))
    }

    /// Returns the masks of the opening and the closing brackets of arrays and objects.
    #[inline(always)]
    pub(super) fn brackets(self) -> (u64, u64) {
        // `[` and `{` differ in one bit, as do `]` and `}`.
        let of = |byte| self.mask(|lane| (lane | u8x16::splat(0x20)).cmp_eq(u8x16::splat(byte)));
        (of(b'{'), of(b'}'))
    }
}

/// Position in a text relative to its strings, between two blocks.
#[derive(Clone, Copy)]
pub(super) struct Position {
    /// All bits if the position is in a string, else 0.
    in_string: u64,
    /// 1 if a backslash is before it, else 0.
    escaped: u64,
}

impl Position {
    pub(super) fn new(in_string: bool, after_backslash: bool) -> Self {
        Self { in_string: if in_string { u64::MAX } else { 0 }, escaped: u64::from(after_backslash) }
    }

    pub(super) fn is_in_string(self) -> bool {
        self.in_string != 0
    }

    pub(super) fn is_after_backslash(self) -> bool {
        self.escaped != 0
    }

    /// Reads a block, which begins at this position, and returns the mask of its strings: from the opening quote to the
    /// byte before the closing one. Returns `None`, and stays, if a backslash is outside of strings.
    #[inline(always)]
    pub(super) fn read(&mut self, block: Block) -> Option<u64> {
        let (mut quotes, backslashes) = (block.bytes(b'"'), block.bytes(b'\\'));
        let mut escaped = 0;
        if backslashes | self.escaped != 0 {
            let mask = self.escaped_bytes(backslashes, &mut escaped);
            quotes &= !mask;
        }
        let strings = prefix_xor(quotes) ^ self.in_string;
        if backslashes & !strings != 0 {
            return None;
        }
        // The highest bit, extended to all.
        *self = Self { in_string: (strings.cast_signed() >> 63).cast_unsigned(), escaped };
        Some(strings)
    }

    /// Returns the mask of the bytes that have a backslash before them which is not escaped itself. Sets `next` to 1 if
    /// the first byte of the next block is one.
    fn escaped_bytes(self, backslashes: u64, next: &mut u64) -> u64 {
        // In a run of backslashes every other one escapes: adding the run's start carries to the byte after the run.
        // Whether that byte is escaped depends on whether start and length of the run are odd.
        const EVEN: u64 = 0x5555_5555_5555_5555;
        let backslashes = backslashes & !self.escaped;
        let follows = backslashes << 1 | self.escaped;
        let odd_starts = backslashes & !EVEN & !follows;
        let (sum, carried) = odd_starts.overflowing_add(backslashes);
        *next = u64::from(carried);
        (EVEN ^ (sum << 1)) & follows
    }
}

/// Returns the mask of which each bit says whether an odd number of bits of `mask` is set up to it.
#[inline(always)]
fn prefix_xor(mut mask: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        mask ^= mask << shift;
    }
    mask
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns what [`Position::read`] should, byte by byte.
    fn naive(bytes: &[u8; BLOCK], mut in_string: bool, mut escaped: bool) -> (Option<u64>, bool, bool) {
        let mut strings = 0;
        for (index, byte) in bytes.iter().enumerate() {
            if escaped {
                escaped = false;
            } else if *byte == b'\\' {
                if !in_string {
                    return (None, in_string, escaped);
                }
                escaped = true;
            } else if *byte == b'"' {
                in_string = !in_string;
            }
            strings |= u64::from(in_string) << index;
        }
        (Some(strings), in_string, escaped)
    }

    /// Blocks with many quotes and runs of backslashes, and some with few.
    fn any_block() -> impl Strategy<Value = [u8; BLOCK]> {
        let byte = |other| prop_oneof![other => Just(b'x'), 1 => Just(b'"'), 2 => Just(b'\\')];
        let block = |other| prop::collection::vec(byte(other), BLOCK..=BLOCK);
        prop_oneof![block(1), block(4), block(40)].prop_map(|bytes| bytes.try_into().unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn position_reads_a_block_as_byte_by_byte(
            bytes in any_block(),
            (in_string, escaped) in prop_oneof![Just((false, false)), Just((true, false)), Just((true, true))],
        ) {
            let mut position = Position::new(in_string, escaped);
            let strings = position.read(Block::new(&bytes));
            let (expected, in_string_after, escaped_after) = naive(&bytes, in_string, escaped);
            prop_assert_eq!(strings, expected);
            if strings.is_some() {
                let after = (position.is_in_string(), position.is_after_backslash());
                prop_assert_eq!(after, (in_string_after, escaped_after));
            }
        }
    }

    #[test]
    fn block_has_a_bit_for_each_byte_and_each_value() {
        for value in 0..=u8::MAX {
            for index in 0..BLOCK {
                let filler = if value == b' ' { b'.' } else { b' ' };
                let mut bytes = [filler; BLOCK];
                bytes[index] = value;
                let (block, bit) = (Block::new(&bytes), 1 << index);
                assert_eq!(block.bytes(value), bit, "{value} at {index}");
                let only_if = |is_one: bool| if is_one { bit } else { 0 };
                let opens = only_if(matches!(value, b'[' | b'{'));
                let closes = only_if(matches!(value, b']' | b'}'));
                assert_eq!(block.brackets(), (opens, closes), "{value} at {index}");
                let perhaps = only_if(matches!(value, b'[' | b']' | b'{' | b'}' | b'Y' | b'_' | b'y' | 127));
                assert_eq!(block.perhaps_brackets(), perhaps, "{value} at {index}");
            }
        }
    }
}
