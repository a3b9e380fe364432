//! Takes the lists out of a JSON text as it arrives, so that what is left is small however many rows there are.

use std::mem;

use memchr::{memchr2, memchr3};

/// Rewrites a JSON text piece by piece: every list becomes a list of one number, the count of its items. Everything else stays.
///
/// What is inside a list is not checked beyond its brackets and strings; what is outside is checked by whoever parses the rest. A text
/// that ends inside a list stays open, and so does not parse.
#[derive(Default)]
pub(crate) struct Skimmer {
    kept: Vec<u8>,
    state: State,
    /// Brackets open inside the list that is being skipped; 0 outside of lists.
    depth: u32,
    items: u64,
    /// Whether the item at the top of the list has begun.
    begun: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    InString,
    AfterBackslash,
}

impl Skimmer {
    /// Takes in the next piece.
    pub(crate) fn push(&mut self, mut piece: &[u8]) {
        if self.kept.capacity() == 0 {
            // Most answers are one small piece, and all of it is kept.
            self.kept.reserve(piece.len().min(4096));
        }
        while !piece.is_empty() {
            let used = match (self.state, self.depth) {
                (State::AfterBackslash, _) => {
                    self.state = State::InString;
                    self.keep(&piece[..1]);
                    1
                }
                (State::InString, _) => self.string(piece),
                (State::Plain, 0) => self.outside(piece),
                (State::Plain, _) => self.inside(piece),
            };
            piece = &piece[used..];
        }
    }

    /// What has been kept so far.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.depth == 0 {
            self.kept.extend_from_slice(bytes);
        }
    }

    /// Up to the end of the string, or to its next backslash.
    fn string(&mut self, piece: &[u8]) -> usize {
        let Some(end) = memchr2(b'"', b'\\', piece) else {
            self.keep(piece);
            return piece.len();
        };
        self.state = if piece[end] == b'"' { State::Plain } else { State::AfterBackslash };
        self.keep(&piece[..=end]);
        end + 1
    }

    /// Outside of lists: up to the next string or list.
    fn outside(&mut self, piece: &[u8]) -> usize {
        let end = memchr2(b'"', b'[', piece).unwrap_or(piece.len());
        self.kept.extend_from_slice(&piece[..end]);
        match piece.get(end) {
            None => return end,
            Some(b'"') => {
                self.state = State::InString;
                self.kept.push(b'"');
            }
            Some(_) => {
                self.kept.push(b'[');
                self.depth = 1;
                self.items = 0;
                self.begun = false;
            }
        }
        end + 1
    }

    /// Inside a list: up to the next string or the end of the list.
    fn inside(&mut self, piece: &[u8]) -> usize {
        for (index, byte) in piece.iter().enumerate() {
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
                        let items = self.items + u64::from(mem::take(&mut self.begun));
                        self.kept.extend_from_slice(items.to_string().as_bytes());
                        self.kept.push(*byte);
                        return index + 1;
                    }
                }
                b',' if self.depth == 1 => self.items += 1,
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => self.begun = true,
            }
        }
        piece.len()
    }
}

/// Cuts the items of one list out of a JSON text as it arrives: the list that is the value of `field` at the top of the text.
pub(crate) struct Items {
    field: &'static [u8],
    state: State,
    /// Brackets open.
    depth: u32,
    /// Whether the list is open; its items are at depth 2.
    inside: bool,
    /// The text of the string at the top that is being read, to see whether it is the field.
    key: Vec<u8>,
    is_field: bool,
    /// The item as far as it has come.
    item: Vec<u8>,
    /// Outside of the list the text is kept, skimmed.
    rest: Skimmer,
}

impl Items {
    pub(crate) fn of(field: &'static str) -> Self {
        Self {
            field: field.as_bytes(),
            state: State::Plain,
            depth: 0,
            inside: false,
            key: Vec::new(),
            is_field: false,
            item: Vec::new(),
            rest: Skimmer::default(),
        }
    }

    /// Takes in the next piece and hands each complete item to `take`.
    pub(crate) fn push<E>(&mut self, piece: &[u8], mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.rest.push(piece);
        let mut at = 0;
        // Where the part of the current item that lies in this piece begins.
        let mut from = 0;
        while at < piece.len() {
            match self.state {
                State::AfterBackslash => {
                    self.state = State::InString;
                    at += 1;
                }
                State::InString => {
                    let end = memchr2(b'"', b'\\', &piece[at..]).map_or(piece.len(), |end| at + end);
                    if self.depth == 1 {
                        self.key.extend_from_slice(&piece[at..end]);
                    }
                    if let Some(byte) = piece.get(end) {
                        self.state = if *byte == b'"' { State::Plain } else { State::AfterBackslash };
                    }
                    at = end + 1;
                }
                State::Plain => {
                    let Some(next) = next_structure(&piece[at..]) else { break };
                    at += next;
                    let byte = piece[at];
                    self.structure(byte, piece, at, &mut from, &mut take)?;
                    at += 1;
                }
            }
        }
        if self.inside {
            self.item.extend_from_slice(&piece[from..]);
        }
        Ok(())
    }

    /// What is left of the text: everything but lists.
    pub(crate) fn rest(&self) -> &[u8] {
        self.rest.kept()
    }

    fn structure<E>(
        &mut self,
        byte: u8,
        piece: &[u8],
        at: usize,
        from: &mut usize,
        take: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match byte {
            b'"' => {
                self.state = State::InString;
                self.key.clear();
            }
            b':' if self.depth == 1 => self.is_field = self.key == self.field,
            b'{' | b'[' => {
                if byte == b'[' && self.depth == 1 && mem::take(&mut self.is_field) {
                    self.inside = true;
                    *from = at + 1;
                }
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.inside && self.depth == 1 {
                    self.inside = false;
                    self.complete(&piece[*from..at], take)?;
                }
            }
            b',' if self.inside && self.depth == 2 => {
                self.complete(&piece[*from..at], take)?;
                *from = at + 1;
            }
            b',' if self.depth == 1 => self.is_field = false,
            _ => {}
        }
        Ok(())
    }

    fn complete<E>(&mut self, end: &[u8], take: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if self.item.is_empty() {
            // The usual case: the whole item lies in this piece, and nothing is copied.
            return if end.trim_ascii().is_empty() { Ok(()) } else { take(end) };
        }
        self.item.extend_from_slice(end);
        let item = mem::take(&mut self.item);
        let taken = if item.trim_ascii().is_empty() { Ok(()) } else { take(&item) };
        self.item = item;
        self.item.clear();
        taken
    }
}

/// The next byte that is not the inside of a number, a word or white space.
fn next_structure(piece: &[u8]) -> Option<usize> {
    // Strings are most of what there is: look for a quote first, then for brackets and commas before it.
    let quote = memchr3(b'"', b'{', b'}', piece).unwrap_or(piece.len());
    let before = piece[..quote].iter().position(|byte| matches!(byte, b'[' | b']' | b',' | b':'));
    before.or((quote < piece.len()).then_some(quote))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn skim(text: &[u8], cut: usize) -> Vec<u8> {
        let mut skimmer = Skimmer::default();
        text.chunks(cut.max(1)).for_each(|piece| skimmer.push(piece));
        skimmer.kept().to_vec()
    }

    fn items(text: &[u8], field: &'static str, cut: usize) -> Vec<Value> {
        let mut found = Vec::new();
        let mut items = Items::of(field);
        for piece in text.chunks(cut.max(1)) {
            let taken: Result<(), Infallible> = items.push(piece, |item| {
                found.push(serde_json::from_slice(item).unwrap());
                Ok(())
            });
            taken.unwrap();
        }
        found
    }

    /// What a skimmer has to make of a value.
    fn skimmed(value: &Value) -> Value {
        match value {
            Value::Array(items) => json!([items.len()]),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), skimmed(value))).collect(),
            other => other.clone(),
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
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

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lists_become_counts_and_the_rest_stays(value in any_json(), cut in 1usize..40, pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let kept: Value = serde_json::from_slice(&skim(&text, cut)).unwrap();
            prop_assert_eq!(kept, skimmed(&value));
        }

        #[test]
        fn the_items_of_a_list_are_cut_out_whole(mut value in any_json(), list in prop::collection::vec(any_json(), 0..6), cut in 1usize..40, pretty in any::<bool>()) {
            if !value.is_object() {
                value = json!({"before": value, "results": [], "after": {"results": ["no"]}});
            }
            value["results"] = Value::from(list.clone());
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            prop_assert_eq!(items(&text, "results", cut), list);
        }

        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(prop_oneof![Just(b'"'), Just(b'['), Just(b']'), Just(b'{'), Just(b'}'), Just(b','), any::<u8>()], 0..60), cut in 1usize..9) {
            skim(&text, cut);
            let mut items = Items::of("results");
            for piece in text.chunks(cut) {
                let taken: Result<(), Infallible> = items.push(piece, |_| Ok(()));
                taken.unwrap();
            }
        }
    }
}
