//! Compares items with the spec by their fingerprint: items with the same fields of the same types have the same drift.

use crate::model::Drift;

/// 32 fingerprints: rows have one for each combination of optional fields. Beyond that they seldom repeat, and a search
/// through more would cost more time than it saves.
const MAX_ENTRIES: usize = 32;

/// Positions of keys and brackets in an item of a [`JsonArrayReader`](super::JsonArrayReader).
///
/// Passed on to [`FingerprintCache::drift`], which reads the types of an item without parsing it again.
#[derive(Default)]
pub struct TokenSpans {
    tokens: Vec<Token>,
    /// Start and end of the last string.
    string: (usize, usize),
}

enum Token {
    /// A key: start and end between its quotes.
    Key(usize, usize),
    /// A bracket: its position.
    Bracket(usize),
}

impl TokenSpans {
    /// Returns the number of bytes in memory.
    pub(super) fn buffered_bytes(&self) -> usize {
        size_of_val(&*self.tokens)
    }

    /// Starts a string at the quote at `position`.
    pub(super) fn start_string(&mut self, position: usize) {
        let start = position.wrapping_add(1);
        self.string = (start, start);
    }

    /// Extends the last string to `position`.
    pub(super) fn extend_string(&mut self, position: usize) {
        self.string.1 = position;
    }

    /// Adds the last string, which is a key.
    pub(super) fn push_key(&mut self) {
        self.tokens.push(Token::Key(self.string.0, self.string.1));
    }

    /// Adds the key whose quotes are at `opening` and `closing`.
    #[inline]
    pub(super) fn push_key_between(&mut self, opening: usize, closing: usize) {
        self.tokens.push(Token::Key(opening.wrapping_add(1), closing));
    }

    #[inline]
    pub(super) fn push_bracket(&mut self, position: usize) {
        self.tokens.push(Token::Bracket(position));
    }

    pub(super) fn clear(&mut self) {
        self.tokens.clear();
    }

    /// Writes the fingerprint of `item`: its keys, its brackets, and the type of each value. Items with the same
    /// fingerprint have the same fields of the same types.
    pub(super) fn write_fingerprint(&self, item: &[u8], fingerprint: &mut Vec<u8>) {
        fingerprint.clear();
        fingerprint.push(value_type(item));
        for token in &self.tokens {
            let (start, end) = match *token {
                Token::Key(start, end) => (start, end),
                Token::Bracket(position) => {
                    // Keys do not begin with byte 1, because JSON does not have it.
                    fingerprint.extend_from_slice(&[1, item.get(position).copied().unwrap_or_default()]);
                    continue;
                }
            };
            match item.get(end..).unwrap_or_default() {
                // Usually a string follows directly: the key, the colon and the string's quote are one text.
                [b'"', b':', b'"', ..] => {
                    fingerprint.extend_from_slice(item.get(start..end + 3).unwrap_or_default());
                }
                after => {
                    let after = after.strip_prefix(b"\"").unwrap_or_default().trim_ascii_start();
                    fingerprint.extend_from_slice(item.get(start..end).unwrap_or_default());
                    let value = after.strip_prefix(b":").unwrap_or_default();
                    fingerprint.extend_from_slice(&[b'"', b':', value_type(value)]);
                }
            }
        }
    }
}

/// Returns a letter for the type of the value that `text` begins with.
fn value_type(text: &[u8]) -> u8 {
    let text = text.trim_ascii_start();
    match text.first() {
        Some(b'-' | b'0'..=b'9') => {
            let end = text.iter().position(|byte| matches!(byte, b',' | b'}' | b']')).unwrap_or(text.len());
            let number = text[..end].trim_ascii_end();
            match number {
                _ if number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => b'f',
                // Decoded as a float, although it has neither fraction nor exponent.
                _ if number == b"-0" || number.len() > 18 && !fits_integer(number) => b'l',
                _ => b'i',
            }
        }
        // `true` and `false` have the same type.
        Some(b't' | b'f') => b'b',
        Some(other) => *other,
        None => b' ',
    }
}

fn fits_integer(number: &[u8]) -> bool {
    std::str::from_utf8(number).is_ok_and(|text| text.parse::<u64>().is_ok() || text.parse::<i64>().is_ok())
}

/// Cache of the drift of items by their fingerprint: only the first item of each fingerprint is compared with the spec.
///
/// A fingerprint is an item's keys, brackets and types, without its values. A response of 100,000 rows seldom has more
/// than a few.
///
/// ```
/// use std::sync::LazyLock;
/// use bulkrail_core::Drift;
/// use bulkrail_core::json::{FingerprintCache, JsonArrayReader, JsonPath, ResponseSchema};
///
/// const SCHEMAS: &str = r#"{"Row":{"type":"object","properties":{"id":{"type":"string"}}}}"#;
/// static ROW: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(SCHEMAS, "Row"));
///
/// let (mut reader, mut cache, mut drift) = (JsonArrayReader::new("rows"), FingerprintCache::default(), Vec::new());
/// reader.push(br#"{"rows":[{"id":1},{"id":2},{"id":"3"}]}"#, |item, spans| {
///     let found = cache.drift(item, spans, |item| {
///         let (rows, mut found) = (JsonPath::new(None, "rows"), Vec::new());
///         let value = serde_json::from_slice(item).unwrap_or_default();
///         ROW.compare_value(Some(&JsonPath::new(Some(&rows), "*")), &value, &mut found);
///         found
///     });
///     Drift::merge(&mut drift, found);
/// });
/// assert_eq!((drift.len(), &*drift[0].pointer, drift[0].count), (1, "/rows/*/id", 2));
/// ```
#[derive(Default)]
pub struct FingerprintCache {
    /// Fingerprints and the drift of each.
    entries: Vec<(Vec<u8>, Vec<Drift>)>,
    /// Number of entries made so far; the oldest is replaced first.
    inserted: usize,
    fingerprint: Vec<u8>,
}

impl FingerprintCache {
    /// Returns the drift of `item`, which must be JSON: from an item with the same fingerprint, else from `compare`.
    ///
    /// `compare` must depend on keys and types only, so the schema of an item must not have an `enum`. Merge the result
    /// for each item with [`Drift::merge`], so that every item is counted.
    pub fn drift(&mut self, item: &[u8], spans: &TokenSpans, compare: impl FnOnce(&[u8]) -> Vec<Drift>) -> &[Drift] {
        spans.write_fingerprint(item, &mut self.fingerprint);
        let index = match self.entries.iter().position(|(fingerprint, _)| *fingerprint == self.fingerprint) {
            Some(index) => index,
            None => {
                let (index, new) = (self.inserted % MAX_ENTRIES, (self.fingerprint.clone(), compare(item)));
                self.inserted += 1;
                match self.entries.get_mut(index) {
                    Some(oldest) => *oldest = new,
                    None => self.entries.push(new),
                }
                index
            }
        };
        &self.entries[index].1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::array_reader::JsonArrayReader;
    use super::super::elide::tests::any_json;
    use super::super::schema::{JsonPath, ResponseSchema};
    use super::*;

    const SCHEMAS: &str = r##"{
        "Row": {"type": "object", "required": ["id"], "properties": {
            "id": {"type": "string"}, "a": {"type": "integer"}, "b": {"type": "string", "nullable": true},
            "data": {"$ref": "#/components/schemas/Data"},
            "list": {"type": "array", "items": {"$ref": "#/components/schemas/Data"}}
        }},
        "Data": {"type": "object", "properties": {"id": {"type": "number"}, "b": {"type": "boolean"}}}
    }"##;

    fn compare(value: &Value) -> Vec<Drift> {
        static SCHEMA: std::sync::LazyLock<ResponseSchema> =
            std::sync::LazyLock::new(|| ResponseSchema::new(SCHEMAS, "Row"));
        let mut found = Vec::new();
        SCHEMA.compare_value(Some(&JsonPath::new(None, "*")), value, &mut found);
        found
    }

    /// Returns the drift of `rows` and the number of rows that were compared.
    fn cached_drift(rows: &[Value], chunk_size: usize) -> (Vec<Drift>, usize) {
        cached_drift_of_text(&serde_json::to_vec_pretty(&json!({"results": rows})).unwrap(), chunk_size)
    }

    fn cached_drift_of_text(text: &[u8], chunk_size: usize) -> (Vec<Drift>, usize) {
        let (mut reader, mut cache) = (JsonArrayReader::new("results"), FingerprintCache::default());
        let (mut drift, mut compared) = (Vec::new(), 0);
        for chunk in text.chunks(chunk_size) {
            reader.push(chunk, |item, spans| {
                let found = cache.drift(item, spans, |item| {
                    compared += 1;
                    compare(&serde_json::from_slice(item).unwrap())
                });
                Drift::merge(&mut drift, found);
            });
        }
        (drift, compared)
    }

    /// Rows that nearly fit the schema, and some that are any JSON.
    fn any_row() -> impl Strategy<Value = Value> {
        let leaf = || {
            prop_oneof![
                Just(json!("x")),
                Just(json!(7)),
                Just(json!(-1.5)),
                Just(json!(null)),
                Just(json!(true)),
                Just(json!([]))
            ]
        };
        let data = || prop::collection::btree_map(prop_oneof![Just("id"), Just("b"), Just("new")], leaf(), 0..3);
        let row = (
            prop::collection::btree_map(prop_oneof![Just("id"), Just("a"), Just("b"), Just("other")], leaf(), 0..4),
            data(),
            prop::collection::vec(data(), 0..3),
        );
        let row = row.prop_map(|(row, data, list)| {
            let mut row = json!(row);
            (row["data"], row["list"]) = (json!(data), json!(list));
            row
        });
        prop_oneof![8 => row, 1 => any_json()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn cache_returns_the_drift_that_comparing_every_row_would(
            rows in prop::collection::vec(any_row(), 0..60),
            chunk_size in prop_oneof![1usize..80, 80usize..2000],
        ) {
            let mut one_by_one = Vec::new();
            rows.iter().for_each(|row| Drift::merge(&mut one_by_one, &compare(row)));
            prop_assert_eq!(cached_drift(&rows, chunk_size).0, one_by_one);
        }
    }

    #[test]
    fn cache_compares_rows_of_one_fingerprint_once_and_counts_each() {
        let rows: Vec<_> =
            (0..1000).map(|n| json!({"id": n.to_string(), "a": n, "b": null, "new": n % 7 == 0})).collect();
        let (drift, compared) = cached_drift(&rows, 100);
        assert_eq!(compared, 1);
        assert_eq!(drift.iter().map(|drift| (&*drift.pointer, drift.count)).collect::<Vec<_>>(), [("/*/new", 1000)]);
        let late: Vec<_> = rows.into_iter().chain([json!({"id": 1})]).collect();
        assert_eq!(cached_drift(&late, 100).0.len(), 2, "the last of 1,001 rows counts too");
    }

    #[test]
    fn cache_distinguishes_long_integers_from_those_decoded_as_floats() {
        let numbers = ["1234567890123456789", "18446744073709551616", "-0", "-9223372036854775808", "7"];
        let rows = numbers.map(|number| format!(r#"{{"id":"x","a":{number}}}"#));
        let mut one_by_one = Vec::new();
        rows.iter().for_each(|row| Drift::merge(&mut one_by_one, &compare(&serde_json::from_str(row).unwrap())));
        assert_eq!(one_by_one.iter().map(|drift| (&*drift.pointer, drift.count)).collect::<Vec<_>>(), [("/*/a", 2)]);
        let text = format!(r#"{{"results":[{}]}}"#, rows.join(","));
        assert_eq!(cached_drift_of_text(text.as_bytes(), 100).0, one_by_one);
    }
}
