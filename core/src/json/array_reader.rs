//! Cuts the items of one list out of a JSON text as it arrives, so that rows can be decoded one by one.

use std::mem;

use memchr::{memchr2, memchr3};

use super::elide::{ArrayElider, State};
use super::fingerprint::TokenSpans;

/// Cuts the items of one list out of a JSON text as it arrives: the list that is the value of `field` at the top of the text.
pub struct JsonArrayReader {
    field: &'static [u8],
    state: State,
    /// Brackets open.
    depth: u32,
    /// Whether the list is open; its items are at depth 2.
    inside: bool,
    /// The text of the string at the top that is being read, to see whether it is the field.
    key: Vec<u8>,
    is_field: bool,
    /// The item as far as it has come, and where its keys and brackets stand.
    item: Vec<u8>,
    marks: TokenSpans,
    /// Items handed over of this list.
    count: u64,
    /// Outside of the list the text is kept, skimmed.
    rest: ArrayElider,
}

impl JsonArrayReader {
    /// Returns a reader of the array that is the value of `field` at the top of the text.
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
            marks: TokenSpans::default(),
            count: 0,
            rest: ArrayElider::default(),
        }
    }

    /// Takes in the next piece and hands each complete item to `take`, with its marks.
    pub fn push(&mut self, chunk: &[u8], mut take: impl FnMut(&[u8], &TokenSpans)) {
        let mut at = 0;
        // Where the part of this piece begins that belongs to the current item, or outside of the list.
        let mut from = 0;
        while at < chunk.len() {
            match self.state {
                State::AfterBackslash => {
                    self.state = State::InString;
                    self.see(&chunk[at..=at]);
                    at += 1;
                }
                State::InString => {
                    let end = memchr2(b'"', b'\\', &chunk[at..]).map_or(chunk.len(), |end| at + end);
                    self.see(&chunk[at..end]);
                    if self.inside {
                        self.marks.string_to(self.item.len() + end - from);
                    }
                    if let Some(byte) = chunk.get(end) {
                        self.state = if *byte == b'"' { State::Plain } else { State::AfterBackslash };
                        if *byte == b'\\' {
                            self.see(b"\\");
                        }
                    }
                    at = end + 1;
                }
                State::Plain => {
                    let Some(next) = next_structure(&chunk[at..]) else { break };
                    at += next;
                    let byte = chunk[at];
                    self.structure(byte, chunk, at, &mut from, &mut take);
                    at += 1;
                }
            }
        }
        let left = &chunk[from..];
        if self.inside {
            self.item.extend_from_slice(left);
        } else {
            self.rest.push(left);
        }
    }

    /// How many bytes are held: of an item that is not complete, and of what is left.
    pub fn buffered_bytes(&self) -> usize {
        self.item.len() + self.rest.elided().len()
    }

    /// A string at the top goes on with `text`.
    fn see(&mut self, text: &[u8]) {
        // Longer than any way to write the field, it is not the field.
        if self.depth == 1 && self.key.len() <= 6 * self.field.len() {
            self.key.extend_from_slice(text);
        }
    }

    fn names_field(&self) -> bool {
        if !self.key.contains(&b'\\') {
            return self.key == self.field;
        }
        let quoted = [b"\"", &self.key[..], b"\""].concat();
        serde_json::from_slice::<String>(&quoted).is_ok_and(|key| key.as_bytes() == self.field)
    }

    /// What is left of the text: everything but lists.
    pub fn rest(&self) -> &[u8] {
        self.rest.elided()
    }

    fn structure(
        &mut self,
        byte: u8,
        chunk: &[u8],
        at: usize,
        from: &mut usize,
        take: &mut impl FnMut(&[u8], &TokenSpans),
    ) {
        let place = self.item.len() + at - *from;
        match byte {
            b'"' => {
                self.state = State::InString;
                self.key.clear();
                self.marks.string_from(place);
            }
            b':' if self.inside => self.marks.key(),
            b':' if self.depth == 1 => self.is_field = self.names_field(),
            b'{' | b'[' => {
                if byte == b'[' && self.depth == 1 && mem::take(&mut self.is_field) {
                    self.rest.push(&chunk[*from..=at]);
                    (self.inside, self.count) = (true, 0);
                    *from = at + 1;
                } else if self.inside {
                    self.marks.bracket(place);
                }
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.inside && self.depth == 1 {
                    self.complete(&chunk[*from..at], take);
                    self.inside = false;
                    self.rest.skip(self.count);
                    *from = at;
                } else if self.inside {
                    self.marks.bracket(place);
                }
            }
            b',' if self.inside && self.depth == 2 => {
                self.complete(&chunk[*from..at], take);
                *from = at + 1;
            }
            b',' if self.depth == 1 => self.is_field = false,
            _ => {}
        }
    }

    fn complete(&mut self, end: &[u8], take: &mut impl FnMut(&[u8], &TokenSpans)) {
        // Usually the whole item lies in this piece, and nothing is copied.
        let item = if self.item.is_empty() {
            end
        } else {
            self.item.extend_from_slice(end);
            &self.item
        };
        if !item.trim_ascii().is_empty() {
            self.count += 1;
            take(item, &self.marks);
        }
        self.item.clear();
        self.marks.clear();
    }
}

/// An item with bytes that JSON does not have, somebody's cells copied without care: what cannot be a character becomes none.
pub fn sanitize_json(item: &[u8]) -> String {
    let text = String::from_utf8_lossy(item).replace(|character: char| character.is_control(), " ");
    let mut parts = text.split("\\u");
    let mut sanitize_json = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // Half of a pair of escapes.
        let half = part
            .get(..4)
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .filter(|code| (0xd800..0xe000).contains(code));
        sanitize_json.push_str(if half.is_some() { "\\ufffd" } else { "\\u" });
        sanitize_json.push_str(if half.is_some() { &part[4..] } else { part });
    }
    sanitize_json
}

/// The next byte that is not the inside of a number, a word or white space.
fn next_structure(chunk: &[u8]) -> Option<usize> {
    // Strings are most of what there is: look for a quote first, then for brackets and commas before it.
    let quote = memchr3(b'"', b'{', b'}', chunk).unwrap_or(chunk.len());
    let before = chunk[..quote].iter().position(|byte| matches!(byte, b'[' | b']' | b',' | b':'));
    before.or((quote < chunk.len()).then_some(quote))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::elide::tests::{any_json, skimmed};
    use super::*;

    fn items(text: &[u8], field: &'static str, cut: usize) -> (Vec<Value>, Value) {
        let mut found = Vec::new();
        let mut items = JsonArrayReader::new(field);
        for chunk in text.chunks(cut.max(1)) {
            items.push(chunk, |item, _| found.push(serde_json::from_slice(item).unwrap()));
        }
        (found, serde_json::from_slice(items.rest()).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_items_of_a_list_are_cut_out_whole(mut value in any_json(), list in prop::collection::vec(any_json(), 0..6), cut in 1usize..40, pretty in any::<bool>()) {
            if !value.is_object() {
                value = json!({"before": value, "results": [], "after": {"results": ["no"]}});
            }
            value["results"] = Value::from(list.clone());
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let (found, rest) = items(&text, "results", cut);
            prop_assert_eq!(found, list);
            prop_assert_eq!(rest, skimmed(&value));
        }

        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(prop_oneof![Just(b'"'), Just(b'['), Just(b']'), Just(b'{'), Just(b'}'), Just(b','), Just(b':'), any::<u8>()], 0..60), cut in 1usize..9, inside in any::<bool>()) {
            let start: &[u8] = if inside { br#"{"results":["# } else { b"" };
            let mut items = JsonArrayReader::new("results");
            for chunk in [start, &text[..]].concat().chunks(cut) {
                items.push(chunk, |item, marks| {
                    marks.form(item, &mut Vec::new());
                });
            }
        }
    }
}
