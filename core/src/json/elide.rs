//! Takes the lists out of a JSON text as it arrives, so that what is left is small however many rows there are.

use std::mem;

use memchr::memchr2;

/// Rewrites a JSON text piece by piece: every list becomes a list of one number, the count of its items. Everything else stays.
///
/// What is inside a list is not checked beyond its brackets and strings; what is outside is checked by whoever parses the rest. A text
/// that ends inside a list stays open, and so does not parse.
#[derive(Default)]
pub struct ArrayElider {
    kept: Vec<u8>,
    state: State,
    /// Brackets open inside the list that is being skipped; 0 outside of lists.
    depth: u32,
    items: u64,
    /// Whether the item at the top of the list has begun.
    begun: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Plain,
    InString,
    AfterBackslash,
}

impl ArrayElider {
    /// Takes in the next piece.
    pub fn push(&mut self, mut chunk: &[u8]) {
        if self.kept.capacity() == 0 {
            // Most answers are one small piece, and all of it is kept.
            self.kept.reserve(chunk.len().min(4096));
        }
        while !chunk.is_empty() {
            let used = match (self.state, self.depth) {
                (State::AfterBackslash, _) => {
                    self.state = State::InString;
                    self.keep(&chunk[..1]);
                    1
                }
                (State::InString, _) => self.string(chunk),
                (State::Plain, 0) => self.outside(chunk),
                (State::Plain, _) => self.inside(chunk),
            };
            chunk = &chunk[used..];
        }
    }

    /// What has been kept so far.
    pub fn elided(&self) -> &[u8] {
        &self.kept
    }

    /// The list that has just been opened has so many items, and they do not come.
    pub(super) fn skip(&mut self, items: u64) {
        (self.items, self.begun) = (items.saturating_sub(1), items > 0);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.depth == 0 {
            self.kept.extend_from_slice(bytes);
        }
    }

    /// Up to the end of the string, or to its next backslash.
    fn string(&mut self, chunk: &[u8]) -> usize {
        let Some(end) = memchr2(b'"', b'\\', chunk) else {
            self.keep(chunk);
            return chunk.len();
        };
        self.state = if chunk[end] == b'"' { State::Plain } else { State::AfterBackslash };
        self.keep(&chunk[..=end]);
        end + 1
    }

    /// Outside of lists: up to the next string or list.
    fn outside(&mut self, chunk: &[u8]) -> usize {
        let end = memchr2(b'"', b'[', chunk).unwrap_or(chunk.len());
        self.kept.extend_from_slice(&chunk[..end]);
        match chunk.get(end) {
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
        chunk.len()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn skim(text: &[u8], cut: usize) -> Vec<u8> {
        let mut elider = ArrayElider::default();
        text.chunks(cut.max(1)).for_each(|chunk| elider.push(chunk));
        elider.elided().to_vec()
    }

    /// What a skimmer has to make of a value.
    pub fn skimmed(value: &Value) -> Value {
        match value {
            Value::Array(items) => json!([items.len()]),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), skimmed(value))).collect(),
            other => other.clone(),
        }
    }

    pub fn any_json() -> impl Strategy<Value = Value> {
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
        fn no_bytes_make_it_panic(text in prop::collection::vec(prop_oneof![Just(b'"'), Just(b'['), Just(b']'), Just(b'{'), Just(b'}'), Just(b','), any::<u8>()], 0..60), cut in 1usize..9) {
            skim(&text, cut);
        }
    }
}
