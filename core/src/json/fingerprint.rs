//! Rows are alike: what one differs in from the spec, all of the same form differ in.

use crate::model::Drift;

/// Forms that are remembered. Rows have one for each set of fields that are there; more are rather noise, and only cost time.
const REMEMBERED: usize = 32;

/// Where in the text of an item its keys and brackets stand.
#[derive(Default)]
pub struct TokenSpans {
    /// From and to: a key between its quotes, or a bracket.
    spans: Vec<(usize, usize)>,
    /// The string that was read last.
    string: (usize, usize),
}

impl TokenSpans {
    /// A string begins at the quote at `place`.
    pub(super) fn string_from(&mut self, place: usize) {
        self.string = (place + 1, place + 1);
    }

    /// It goes on until `place`, at least.
    pub(super) fn string_to(&mut self, place: usize) {
        self.string.1 = place;
    }

    /// The last string was a key.
    pub(super) fn key(&mut self) {
        self.spans.push(self.string);
    }

    pub(super) fn bracket(&mut self, place: usize) {
        self.spans.push((place, place + 1));
    }

    pub(super) fn clear(&mut self) {
        self.spans.clear();
    }

    /// Writes the form of `item` into `form`: its keys, its brackets, and of each value the type. Items of one form have the same fields of
    /// the same types.
    pub(super) fn form(&self, item: &[u8], form: &mut Vec<u8>) {
        form.clear();
        form.push(kind(item));
        for (from, to) in &self.spans {
            let (text, after) = item.split_at_checked(*to).unwrap_or((item, b""));
            let text = text.get(*from..).unwrap_or_default();
            // No JSON text has these two bytes: no key looks like the end of one and the beginning of another.
            match after.strip_prefix(b"\"") {
                Some(after) => {
                    let value = after.trim_ascii_start().strip_prefix(b":").unwrap_or_default();
                    form.extend_from_slice(&[0, kind(value)]);
                }
                None => form.push(1),
            }
            form.extend_from_slice(text);
        }
    }
}

/// A letter for the type of the value that `text` begins with.
fn kind(text: &[u8]) -> u8 {
    let text = text.trim_ascii_start();
    match text.first() {
        Some(b'-' | b'0'..=b'9') => {
            let end = text.iter().position(|byte| matches!(byte, b',' | b'}' | b']')).unwrap_or(text.len());
            let number = text[..end].trim_ascii_end();
            match number {
                _ if number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => b'f',
                // Too large for an integer, perhaps; and this one is none.
                [.., _] if number.len() > 18 || number == b"-0" => b'l',
                _ => b'i',
            }
        }
        // There is no form for true that differs from that for false.
        Some(b't' | b'f') => b'b',
        Some(other) => *other,
        None => b' ',
    }
}

/// The forms of the rows so far, and in what rows of each differ.
#[derive(Default)]
pub struct FingerprintCache {
    known: Vec<(Vec<u8>, Vec<Drift>)>,
    next: usize,
    form: Vec<u8>,
}

impl FingerprintCache {
    /// In what `item`, which can be read, differs; only the first of a form is compared by `compare`, which must not look at more than the
    /// form.
    pub fn drift(&mut self, item: &[u8], marks: &TokenSpans, compare: impl FnOnce(&[u8]) -> Vec<Drift>) -> &[Drift] {
        marks.form(item, &mut self.form);
        let place = match self.known.iter().position(|(form, _)| *form == self.form) {
            Some(place) => place,
            None => {
                let (place, new) = (self.next % REMEMBERED, (self.form.clone(), compare(item)));
                self.next += 1;
                match self.known.get_mut(place) {
                    Some(old) => *old = new,
                    None => self.known.push(new),
                }
                place
            }
        };
        &self.known[place].1
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
            "data": {"$ref": "#/components/schemas/Data"}, "list": {"type": "array", "items": {"$ref": "#/components/schemas/Data"}}
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

    fn by_form(rows: &[Value], cut: usize) -> (Vec<Drift>, usize) {
        let text = serde_json::to_vec_pretty(&json!({"results": rows})).unwrap();
        let (mut items, mut fingerprints, mut drift, mut compared) =
            (JsonArrayReader::new("results"), FingerprintCache::default(), Vec::new(), 0);
        for chunk in text.chunks(cut) {
            items.push(chunk, |item, marks| {
                let found = fingerprints.drift(item, marks, |item| {
                    compared += 1;
                    compare(&serde_json::from_slice(item).unwrap())
                });
                Drift::merge(&mut drift, found);
            });
        }
        (drift, compared)
    }

    /// Rows that are nearly right, and some that are anything.
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
        fn every_row_counts_as_if_each_were_compared(rows in prop::collection::vec(any_row(), 0..60), cut in 1usize..80) {
            let mut one_by_one = Vec::new();
            rows.iter().for_each(|row| Drift::merge(&mut one_by_one, &compare(row)));
            prop_assert_eq!(by_form(&rows, cut).0, one_by_one);
        }
    }

    #[test]
    fn rows_of_one_form_are_compared_once_and_all_counted() {
        let rows: Vec<_> =
            (0..1000).map(|n| json!({"id": n.to_string(), "a": n, "b": null, "new": n % 7 == 0})).collect();
        let (drift, compared) = by_form(&rows, 100);
        assert_eq!(compared, 1);
        assert_eq!(drift.iter().map(|drift| (&*drift.pointer, drift.count)).collect::<Vec<_>>(), [("/*/new", 1000)]);
        let late: Vec<_> = rows.into_iter().chain([json!({"id": 1})]).collect();
        assert_eq!(by_form(&late, 100).0.len(), 2, "the last of a thousand is seen too");
    }
}
