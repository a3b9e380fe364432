//! Cuts the items of one array out of a JSON text as it arrives, so that rows can be decoded one by one.

use std::mem;

use memchr::{memchr2, memchr3};

use super::block::{BLOCK, Block};
use super::elide::{ArrayElider, State};
use super::fingerprint::TokenSpans;

/// Cuts the items of one array out of a JSON text as it arrives.
///
/// The array is the value of one field at the top level of the text. Only an incomplete item is buffered, and the text
/// outside of the array as an [`ArrayElider`] keeps it: memory does not grow with the number of items. Items are cut
/// out by their brackets, strings and commas; they are valid JSON only if the text is.
///
/// ```
/// use bulkrail_core::json::{JsonArrayReader, StatusFields};
///
/// let mut reader = JsonArrayReader::new("rows");
/// let mut rows = Vec::new();
/// for chunk in [r#"{"status":"DONE","rows":[{"id":1},{"i"#, r#"d":2}],"total":2}"#] {
///     reader.push(chunk.as_bytes(), |item, _| rows.push(String::from_utf8_lossy(item).into_owned()));
/// }
/// assert_eq!(rows, [r#"{"id":1}"#, r#"{"id":2}"#]);
///
/// let fields = StatusFields::from_elided(reader.rest())?;
/// assert_eq!(fields.text("/status"), Some("DONE"));
/// assert_eq!(fields.items("/rows"), Some(2));
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
pub struct JsonArrayReader {
    field: &'static [u8],
    state: State,
    /// Number of open brackets.
    depth: u32,
    /// Whether the array is open; its items are at depth 2.
    inside: bool,
    /// Text of the last string at the top level, which may be the name of the field.
    key: Vec<u8>,
    is_field: bool,
    /// Start of the current item that arrived in earlier chunks.
    item: Vec<u8>,
    /// Positions of keys and brackets in the current item.
    spans: TokenSpans,
    /// Number of complete items of the array.
    count: u64,
    /// The text outside of the array, elided.
    rest: ArrayElider,
}

impl JsonArrayReader {
    /// Returns a reader of the array that is the value of `field` at the top level of the text.
    ///
    /// If the field occurs more than once, the items of every occurrence that is an array are read.
    #[must_use]
    pub fn new(field: &'static str) -> Self {
        Self {
            field: field.as_bytes(),
            state: State::Plain,
            depth: 0,
            inside: false,
            key: Vec::new(),
            is_field: false,
            item: Vec::new(),
            spans: TokenSpans::default(),
            count: 0,
            rest: ArrayElider::default(),
        }
    }

    /// Reads the next chunk of the text and calls `on_item` with each item that is complete, in order.
    ///
    /// A chunk may end anywhere, also within a character. The [`TokenSpans`] of an item are for
    /// [`FingerprintCache::drift`](super::FingerprintCache::drift).
    pub fn push(&mut self, chunk: &[u8], mut on_item: impl FnMut(&[u8], &TokenSpans)) {
        let mut index = 0;
        // Start of what belongs to the current item, or to the text outside of the array.
        let mut start = 0;
        while index < chunk.len() {
            if self.inside {
                index = self.read_blocks(chunk, index, &mut start, &mut on_item);
            }
            // What is not read in blocks: the text outside of the array, less than a block, or one that is not JSON.
            let was_inside = self.inside;
            let end = if was_inside { chunk.len().min(index + BLOCK) } else { chunk.len() };
            while index < end && self.inside == was_inside {
                index = self.step(&chunk[..end], index, &mut start, &mut on_item);
            }
        }
        let left = &chunk[start..];
        if self.inside {
            self.item.extend_from_slice(left);
        } else {
            self.rest.push(left);
        }
    }

    /// Returns the number of bytes in memory: of the incomplete item with the places of its tokens, and of the
    /// [rest](Self::rest).
    ///
    /// Compare it after each chunk with the limit for a body, because one item may be of any size.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.item.len() + self.spans.buffered_bytes() + self.rest.elided().len()
    }

    /// Returns the text so far as an [`ArrayElider`] keeps it; the items read are counted like any others.
    ///
    /// [`StatusFields::from_elided`](super::StatusFields::from_elided) reads it once the text is complete.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        self.rest.elided()
    }

    /// Adds `text` to the key if a string at the top level is being read.
    fn extend_key(&mut self, text: &[u8]) {
        // A character has at most six bytes (an escape): a longer string is not the field.
        if self.depth == 1 && self.key.len() <= 6 * self.field.len() {
            self.key.extend_from_slice(text);
        }
    }

    fn key_is_field(&self) -> bool {
        if !self.key.contains(&b'\\') {
            return self.key == self.field;
        }
        let quoted = [b"\"", &self.key[..], b"\""].concat();
        serde_json::from_slice::<String>(&quoted).is_ok_and(|key| key.as_bytes() == self.field)
    }

    /// Reads some of `chunk` from `index` on, and returns the position up to which it has been read.
    fn step(
        &mut self,
        chunk: &[u8],
        index: usize,
        start: &mut usize,
        on_item: &mut impl FnMut(&[u8], &TokenSpans),
    ) -> usize {
        match self.state {
            State::AfterBackslash => {
                self.state = State::InString;
                self.extend_key(&chunk[index..=index]);
                index + 1
            }
            State::InString => {
                let end = memchr2(b'"', b'\\', &chunk[index..]).map_or(chunk.len(), |end| index + end);
                self.extend_key(&chunk[index..end]);
                if self.inside {
                    self.spans.extend_string(self.item.len() + end - *start);
                }
                let Some(byte) = chunk.get(end) else { return end };
                self.state = if *byte == b'"' { State::Plain } else { State::AfterBackslash };
                if *byte == b'\\' {
                    self.extend_key(b"\\");
                }
                end + 1
            }
            State::Plain => {
                let Some(next) = next_structural(&chunk[index..]) else { return chunk.len() };
                let index = index + next;
                self.structural(chunk[index], chunk, index, start, on_item);
                index + 1
            }
        }
    }

    /// Reads whole blocks of the array from `index` on, up to its end or to a block with a backslash outside of strings.
    /// Returns the position up to which `chunk` has been read.
    fn read_blocks(
        &mut self,
        chunk: &[u8],
        mut index: usize,
        start: &mut usize,
        on_item: &mut impl FnMut(&[u8], &TokenSpans),
    ) -> usize {
        let mut position = self.state.position();
        let (blocks, _) = chunk[index..].as_chunks::<BLOCK>();
        for bytes in blocks {
            let block = Block::new(bytes);
            let after_string = u64::from(position.is_in_string());
            let Some(strings) = position.read(block) else { break };
            let after_string = strings << 1 | after_string;
            let (opening, closing) = (strings & !after_string, after_string & !strings);
            let brackets = block.perhaps_brackets() & !strings;
            let mut structural = block.bytes(b':');
            if brackets != 0 || self.depth == 2 {
                structural |= block.bytes(b',');
            }
            structural = structural & !strings | brackets;
            while structural != 0 {
                let bit = structural & structural.wrapping_neg();
                let offset = bit.trailing_zeros() as usize;
                structural ^= bit;
                if bytes[offset] == b':' {
                    let (opening, closing) = (opening & (bit - 1), closing & (bit - 1));
                    let position = self.item.len().wrapping_add(index).wrapping_sub(*start);
                    if opening != 0 && closing != 0 {
                        let last = |mask: u64| position.wrapping_add(mask.ilog2() as usize);
                        self.spans.push_key_between(last(opening), last(closing));
                    } else {
                        // The key began in an earlier block.
                        self.update_string(opening, closing, position);
                        self.spans.push_key();
                    }
                    continue;
                }
                self.structural(bytes[offset], chunk, index + offset, start, on_item);
                if !self.inside {
                    if opening & (bit - 1) != 0 {
                        self.key.clear();
                    }
                    self.state = State::Plain;
                    return index + offset + 1;
                }
            }
            self.update_string(opening, closing, self.item.len().wrapping_add(index).wrapping_sub(*start));
            index += BLOCK;
        }
        self.state = State::new(position);
        index
    }

    /// Updates the last string to the last one of the masks `opening` and `closing` of quotes in a block, which begins at
    /// `position` in the current item. A string of an item before it has a position that wraps around, and is not a key.
    #[inline]
    fn update_string(&mut self, opening: u64, closing: u64, position: usize) {
        if opening != 0 {
            self.key.clear();
            self.spans.start_string(position.wrapping_add(opening.ilog2() as usize));
        }
        if closing != 0 {
            self.spans.extend_string(position.wrapping_add(closing.ilog2() as usize));
        }
    }

    fn structural(
        &mut self,
        byte: u8,
        chunk: &[u8],
        index: usize,
        start: &mut usize,
        on_item: &mut impl FnMut(&[u8], &TokenSpans),
    ) {
        let position = self.item.len() + index - *start;
        match byte {
            b'"' => {
                self.state = State::InString;
                self.key.clear();
                self.spans.start_string(position);
            }
            b':' if self.inside => self.spans.push_key(),
            b':' if self.depth == 1 => self.is_field = self.key_is_field(),
            b'{' | b'[' => {
                if byte == b'[' && self.depth == 1 && mem::take(&mut self.is_field) {
                    self.rest.push(&chunk[*start..=index]);
                    (self.inside, self.count) = (true, 0);
                    *start = index + 1;
                } else if self.inside {
                    self.spans.push_bracket(position);
                }
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.inside && self.depth == 1 {
                    self.complete(&chunk[*start..index], on_item);
                    self.inside = false;
                    self.rest.skip(self.count);
                    *start = index;
                } else if self.inside {
                    self.spans.push_bracket(position);
                }
            }
            b',' if self.inside && self.depth == 2 => {
                self.complete(&chunk[*start..index], on_item);
                *start = index + 1;
            }
            b',' if self.depth == 1 => self.is_field = false,
            _ => {}
        }
    }

    fn complete(&mut self, end: &[u8], on_item: &mut impl FnMut(&[u8], &TokenSpans)) {
        // Usually the whole item is in this chunk, and nothing is copied.
        let item = if self.item.is_empty() {
            end
        } else {
            self.item.extend_from_slice(end);
            &self.item
        };
        if !item.trim_ascii().is_empty() {
            self.count += 1;
            on_item(item, &self.spans);
        }
        self.item.clear();
        self.spans.clear();
    }
}

/// Returns `item` with bytes and escapes replaced that are not allowed in JSON, so that more of it can be decoded.
///
/// Meant for rows that repeat cells of an uploaded file without escaping them. Control characters become spaces; bytes
/// that are not UTF-8, escapes of surrogates (`\ud83d`) and those that JSON does not have (`\x`), become U+FFFD. Byte order marks and
/// blanks before the text are removed.
///
/// ```
/// use bulkrail_core::json::sanitize_json;
///
/// let item = b"{\"name\":\"Ana\tMar\xedn\"}";
/// assert!(serde_json::from_slice::<serde_json::Value>(item).is_err());
/// let value: serde_json::Value = serde_json::from_str(&sanitize_json(item))?;
/// assert_eq!(value["name"], "Ana Mar\u{fffd}n");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn sanitize_json(item: &[u8]) -> String {
    let text = String::from_utf8_lossy(item);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let mut sanitized = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(backslash) = rest.find('\\') {
        sanitized.push_str(&rest[..backslash]);
        let escape = &rest[backslash + 1..];
        let code = escape.strip_prefix('u').and_then(|hex| {
            // Rust reads a sign, too.
            let digits = hex.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            u32::from_str_radix(digits, 16).ok()
        });
        // Surrogates are valid in pairs only; pairs are replaced too, for simplicity.
        let (is_valid, len) = match (escape.chars().next(), code) {
            (Some('u'), Some(code)) => (!(0xd800..0xe000).contains(&code), 5),
            (Some('u'), None) => (false, 1),
            (Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't'), _) => (true, 1),
            (Some(_) | None, _) => (false, 0),
        };
        sanitized.push_str(if is_valid { &rest[backslash..=backslash + len] } else { "\\ufffd" });
        rest = &escape[len..];
    }
    sanitized.push_str(rest);
    sanitized.replace(|character: char| character.is_control(), " ")
}

/// Returns the position of the next quote, bracket, comma or colon.
fn next_structural(chunk: &[u8]) -> Option<usize> {
    // Most of a text is strings: search for a quote or brace first, then for others before it.
    let quote = memchr3(b'"', b'{', b'}', chunk).unwrap_or(chunk.len());
    let before = chunk[..quote].iter().position(|byte| matches!(byte, b'[' | b']' | b',' | b':'));
    before.or((quote < chunk.len()).then_some(quote))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::elide::tests::{any_bytes, any_json, any_text, elided};
    use super::*;

    fn read(text: &[u8], field: &'static str, chunk_size: usize) -> (Vec<Value>, Value) {
        let mut items = Vec::new();
        let mut reader = JsonArrayReader::new(field);
        for chunk in text.chunks(chunk_size) {
            reader.push(chunk, |item, _| items.push(serde_json::from_slice(item).unwrap()));
        }
        (items, serde_json::from_slice(reader.rest()).unwrap())
    }

    #[test]
    fn sanitize_json_replaces_each_escape_that_json_does_not_have() {
        for (escape, expected) in [
            (r"\u00e9", "é"),
            (r"\ud83d", "\u{fffd}"),
            (r"\u+d65", "\u{fffd}+d65"),
            (r"\u-d65", "\u{fffd}-d65"),
            (r"\u12", "\u{fffd}12"),
            (r"\u", "\u{fffd}"),
            (r"\x", "\u{fffd}x"),
        ] {
            let sanitized = sanitize_json(format!(r#"{{"a":"{escape}"}}"#).as_bytes());
            let value: Value = serde_json::from_str(&sanitized).unwrap_or_else(|error| panic!("{sanitized}: {error}"));
            assert_eq!(value["a"], expected, "{escape}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn array_reader_returns_every_item_however_the_text_is_split(
            mut value in any_json(),
            list in prop::collection::vec(any_json(), 0..20),
            chunk_size in prop_oneof![1usize..40, 40usize..1000],
            pretty in any::<bool>(),
        ) {
            if !value.is_object() {
                value = json!({"before": value, "results": [], "after": {"results": ["no"]}});
            }
            value["results"] = Value::from(list.clone());
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let (items, rest) = read(&text, "results", chunk_size);
            prop_assert_eq!(items, list);
            prop_assert_eq!(rest, elided(&value));
        }

        #[test]
        fn array_reader_reads_in_blocks_what_it_reads_byte_by_byte(
            text in any_text(&[r#"{"results":["#, r#"{"results":[{"a":"#, r#"{"a":[1],"results":["\"#, r#"{"results":[ "#]),
            chunk_size in 1usize..400,
        ) {
            let read = |chunk_size| {
                let (mut reader, mut items) = (JsonArrayReader::new("results"), Vec::new());
                for chunk in text.chunks(chunk_size) {
                    reader.push(chunk, |item, spans| {
                        let mut fingerprint = Vec::new();
                        // What is not JSON has no fingerprint.
                        if serde_json::from_slice::<Value>(item).is_ok() {
                            spans.write_fingerprint(item, &mut fingerprint);
                        }
                        items.push((item.to_vec(), fingerprint));
                    });
                }
                (items, reader.rest().to_vec(), reader.buffered_bytes())
            };
            let expected = read(1);
            prop_assert_eq!(&read(chunk_size), &expected);
            prop_assert_eq!(&read(text.len()), &expected);
        }

        #[test]
        fn array_reader_does_not_panic_on_arbitrary_bytes(
            text in any_bytes(),
            chunk_size in 1usize..9,
            inside in any::<bool>(),
        ) {
            let start: &[u8] = if inside { br#"{"results":["# } else { b"" };
            let mut reader = JsonArrayReader::new("results");
            for chunk in [start, &text[..]].concat().chunks(chunk_size) {
                reader.push(chunk, |item, spans| {
                    spans.write_fingerprint(item, &mut Vec::new());
                });
            }
        }
    }
}
