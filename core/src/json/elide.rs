//! Replaces the arrays of a JSON text by their lengths as it arrives, so that what is kept is small.

use std::mem;

use memchr::memchr2;

use super::block::{BLOCK, Block, Position};

/// Replaces every array of a JSON text by an array of one number, its length. The rest of the text stays as it is.
///
/// The text comes in chunks; memory grows with the text outside of arrays only. Inside an array only brackets and
/// strings are checked. The result is JSON if the text is JSON, and is not if the text ends early.
///
/// ```
/// use bulkrail_core::json::{ArrayElider, StatusFields};
///
/// let mut elider = ArrayElider::default();
/// for chunk in [r#"{"status":"DONE","rows":[{"id":1"#, r#"},{"id":2}],"failed":[]}"#] {
///     elider.push(chunk.as_bytes());
/// }
/// assert_eq!(elider.elided(), br#"{"status":"DONE","rows":[2],"failed":[0]}"#);
/// assert_eq!(StatusFields::from_elided(elider.elided())?.items("/rows"), Some(2));
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
#[derive(Default)]
pub struct ArrayElider {
    elided: Vec<u8>,
    state: State,
    /// Number of open brackets of the array that is being skipped; 0 outside of arrays.
    depth: u32,
    /// Number of items of that array before the current one.
    items: u64,
    /// Whether the current item of that array has begun.
    begun: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Plain,
    InString,
    AfterBackslash,
}

impl State {
    pub(super) fn new(position: Position) -> Self {
        if position.is_after_backslash() {
            Self::AfterBackslash
        } else if position.is_in_string() {
            Self::InString
        } else {
            Self::Plain
        }
    }

    pub(super) fn position(self) -> Position {
        Position::new(self != Self::Plain, self == Self::AfterBackslash)
    }
}

impl ArrayElider {
    /// Reads the next chunk of the text. It may end anywhere, also within a character.
    pub fn push(&mut self, mut chunk: &[u8]) {
        if self.elided.capacity() == 0 {
            // Most responses are one small chunk, and most of it is kept.
            self.elided.reserve(chunk.len().min(4096));
        }
        while !chunk.is_empty() {
            if self.depth == 0 {
                chunk = &chunk[self.step(chunk)..];
                continue;
            }
            chunk = &chunk[self.skip_blocks(chunk)..];
            // What is not skipped: less than a block, the start of an array, or a block that is not JSON.
            let (mut bytes, rest) = chunk.split_at(chunk.len().min(BLOCK));
            while !bytes.is_empty() {
                bytes = &bytes[self.step(bytes)..];
            }
            chunk = rest;
        }
    }

    /// Returns the text so far, with arrays replaced. Inside an array it ends with `[`.
    #[must_use]
    pub fn elided(&self) -> &[u8] {
        &self.elided
    }

    /// Sets the length of the array that has just been opened; its items are not pushed.
    pub(super) fn skip(&mut self, items: u64) {
        (self.items, self.begun) = (items.saturating_sub(1), items > 0);
    }

    /// Reads some of `chunk`, which is not empty, and returns the number of bytes read.
    fn step(&mut self, chunk: &[u8]) -> usize {
        match (self.state, self.depth) {
            (State::AfterBackslash, _) => {
                self.state = State::InString;
                self.keep(&chunk[..1]);
                1
            }
            (State::InString, _) => self.string(chunk),
            (State::Plain, 0) => self.outside(chunk),
            (State::Plain, _) => self.inside(chunk),
        }
    }

    /// Reads whole blocks in an array whose first item has begun, up to its end or to a block with a backslash outside
    /// of strings, and returns the number of bytes read.
    fn skip_blocks(&mut self, chunk: &[u8]) -> usize {
        if self.depth == 0 || !self.begun {
            return 0;
        }
        let mut position = self.state.position();
        let mut used = 0;
        let (blocks, _) = chunk.as_chunks::<BLOCK>();
        for bytes in blocks {
            let block = Block::new(bytes);
            let Some(strings) = position.read(block) else { break };
            if block.perhaps_brackets() & !strings == 0 {
                if self.depth == 1 {
                    self.items += u64::from((block.bytes(b',') & !strings).count_ones());
                }
            } else if let Some(end) = self.skip_brackets(block, strings) {
                self.state = State::Plain;
                self.end(bytes[end]);
                return used + end + 1;
            }
            used += BLOCK;
        }
        self.state = State::new(position);
        used
    }

    /// Reads a block with brackets in an array, and returns the position of the array's end if it is in the block.
    fn skip_brackets(&mut self, block: Block, strings: u64) -> Option<usize> {
        let (opens, closes) = block.brackets();
        let (opens, mut brackets) = (opens & !strings, (opens | closes) & !strings);
        let commas = block.bytes(b',') & !strings;
        // Bits from the last bracket that led to depth 1, and the commas at that depth before other brackets.
        let mut since = if self.depth == 1 { u64::MAX } else { 0 };
        let mut separators = 0;
        while brackets != 0 {
            let bit = brackets & brackets.wrapping_neg();
            brackets ^= bit;
            if self.depth == 1 {
                separators |= commas & since & (bit - 1);
            }
            if opens & bit != 0 {
                self.depth += 1;
                continue;
            }
            self.depth -= 1;
            match self.depth {
                0 => {
                    self.items += u64::from(separators.count_ones());
                    return Some(bit.trailing_zeros() as usize);
                }
                1 => since = !(bit - 1),
                _ => {}
            }
        }
        if self.depth == 1 {
            separators |= commas & since;
        }
        self.items += u64::from(separators.count_ones());
        None
    }

    /// Ends the array at its closing bracket.
    fn end(&mut self, bracket: u8) {
        let items = self.items + u64::from(mem::take(&mut self.begun));
        self.elided.extend_from_slice(items.to_string().as_bytes());
        self.elided.push(bracket);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.depth == 0 {
            self.elided.extend_from_slice(bytes);
        }
    }

    /// Reads up to the end of the string, or to its next backslash, and returns the number of bytes read.
    fn string(&mut self, chunk: &[u8]) -> usize {
        let Some(end) = memchr2(b'"', b'\\', chunk) else {
            self.keep(chunk);
            return chunk.len();
        };
        self.state = if chunk[end] == b'"' { State::Plain } else { State::AfterBackslash };
        self.keep(&chunk[..=end]);
        end + 1
    }

    /// Reads up to the next string or array outside of arrays, and returns the number of bytes read.
    fn outside(&mut self, chunk: &[u8]) -> usize {
        let end = memchr2(b'"', b'[', chunk).unwrap_or(chunk.len());
        self.elided.extend_from_slice(&chunk[..end]);
        match chunk.get(end) {
            None => return end,
            Some(b'"') => {
                self.state = State::InString;
                self.elided.push(b'"');
            }
            Some(_) => {
                self.elided.push(b'[');
                self.depth = 1;
                self.items = 0;
                self.begun = false;
            }
        }
        end + 1
    }

    /// Reads up to the next string in an array, or to its end, and returns the number of bytes read.
    fn inside(&mut self, chunk: &[u8]) -> usize {
        for (index, byte) in chunk.iter().enumerate() {
            match byte {
                b'"' => {
                    self.begun = true;
                    self.state = State::InString;
                    return index + 1;
                }
                b'[' | b'{' => {
                    self.begun = true;
                    self.depth += 1;
                }
                b']' | b'}' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.end(*byte);
                        return index + 1;
                    }
                }
                b',' if self.depth == 1 => self.items += 1,
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => self.begun = true,
            }
        }
        chunk.len()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn elide(text: &[u8], chunk_size: usize) -> Vec<u8> {
        let mut elider = ArrayElider::default();
        text.chunks(chunk_size).for_each(|chunk| elider.push(chunk));
        elider.elided().to_vec()
    }

    /// Returns `value` with every array replaced by its length.
    pub(crate) fn elided(value: &Value) -> Value {
        match value {
            Value::Array(items) => json!([items.len()]),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), elided(value))).collect(),
            other => other.clone(),
        }
    }

    /// Bytes that are often structural.
    pub(crate) fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
        let structural = prop::sample::select(&br#""[]{},:"#[..]);
        prop::collection::vec(prop_oneof![7 => structural, 1 => any::<u8>()], 0..60)
    }

    pub(crate) fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![r#"[a-z"\\\[\]{},: ]{0,8}"#, Just("results".to_owned()), any::<String>()];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(text.clone(), inner, 0..5).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    /// Returns what [`elide`] should, byte by byte: for any bytes, also such as are not JSON.
    fn elide_naively(text: &[u8]) -> Vec<u8> {
        let (mut kept, mut depth, mut items, mut begun) = (Vec::new(), 0, 0, false);
        let (mut in_string, mut escaped) = (false, false);
        for &byte in text {
            let is_outside = depth == 0;
            if in_string {
                (in_string, escaped) = (byte != b'"' || escaped, byte == b'\\' && !escaped);
            } else {
                match byte {
                    b'[' if is_outside => {
                        kept.push(byte);
                        (depth, items, begun) = (1, 0, false);
                        continue;
                    }
                    b'[' | b'{' if !is_outside => depth += 1,
                    b']' | b'}' if !is_outside => depth -= 1,
                    b',' if depth == 1 => items += 1,
                    _ => in_string = byte == b'"',
                }
                if depth == 0 && !is_outside {
                    kept.extend_from_slice((items + u64::from(begun)).to_string().as_bytes());
                    kept.push(byte);
                }
                begun |= !matches!(byte, b',' | b' ' | b'\t' | b'\r' | b'\n');
            }
            if is_outside {
                kept.push(byte);
            }
        }
        kept
    }

    /// Texts of several blocks, each after one of `starts`: JSON, JSON that is cut off, and bytes of which some or many are
    /// structural.
    pub(crate) fn any_text(starts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
        let plain = || prop::sample::select(&b"aY_y \n1"[..]);
        let structural = || prop::sample::select(&br#""[]{},:\\ "#[..]);
        let bytes = |share| prop::collection::vec(prop_oneof![share => structural(), 8 => plain()], 0..300);
        let quoted = prop::collection::vec(any_json(), 0..12).prop_map(|items| serde_json::to_vec(&items).unwrap());
        let bytes = prop_oneof![bytes(1), bytes(8), quoted];
        (prop::sample::select(starts), bytes.clone(), bytes, 0usize..3).prop_map(|(start, one, other, cut_off)| {
            let text = [start.as_bytes(), &one, b",", &other, b"]]"].concat();
            text[..text.len() - cut_off].to_vec()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn elider_replaces_arrays_by_their_length_and_keeps_the_rest(
            value in any_json(),
            chunk_size in 1usize..40,
            pretty in any::<bool>(),
        ) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let found: Value = serde_json::from_slice(&elide(&text, chunk_size)).unwrap();
            prop_assert_eq!(found, elided(&value));
        }

        #[test]
        fn elider_keeps_what_a_naive_scan_keeps(
            text in any_text(&["", r#"{"a":[1,"#, "[[{", r#"["\""#, "[ "]),
            chunk_size in 1usize..200,
        ) {
            let expected = elide_naively(&text);
            prop_assert_eq!(&elide(&text, text.len()), &expected);
            prop_assert_eq!(&elide(&text, chunk_size), &expected);
        }

        #[test]
        fn elider_does_not_panic_on_arbitrary_bytes(text in any_bytes(), chunk_size in 1usize..9) {
            elide(&text, chunk_size);
        }
    }

    #[test]
    fn elider_keeps_the_same_however_the_text_is_split_or_cut_off() {
        let row = r#"{"id":"a\"]\\","n":[1,{"b":[]}],"s":"\\\\\"},[","t":"café"}"#;
        for indent in 0..64 {
            let blank = " ".repeat(indent);
            let arrays = |rows: &str, none: &str, flat: &str| {
                format!(r#"{{{blank}"rows":[{rows}],"none":[{none}],"flat":[{flat}],"last":"\"[1]"}} x"#)
            };
            let text = arrays(&[row; 3].join(" ,\n"), " \t", r#"1,"a,b",null"#);
            let expected = arrays("3", "0", "3").into_bytes();
            for split in 0..=text.len() {
                let (one, other) = text.as_bytes().split_at(split);
                let mut elider = ArrayElider::default();
                elider.push(one);
                assert_eq!(elider.elided(), elide_naively(one), "cut off at {split}");
                elider.push(other);
                assert_eq!(elider.elided(), expected, "split at {split}");
            }
        }
    }
}
