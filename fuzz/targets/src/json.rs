//! Reading of JSON as it arrives.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use bulkrail_core::json::{
    ArrayElider, FingerprintCache, JsonArrayReader, JsonPath, ResponseSchema, StatusFields, sanitize_json,
};
use bulkrail_core::{Drift, ErrorKind, Progress, Snapshot, State};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};

use crate::{check_message, chunks, within};

fn elide<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> Vec<u8> {
    let mut elider = ArrayElider::default();
    for chunk in chunks {
        elider.push(chunk);
    }
    elider.elided().to_vec()
}

/// Elides byte by byte, also what is not JSON.
fn elide_naively(text: &[u8]) -> Vec<u8> {
    let (mut kept, mut depth, mut items, mut begun) = (Vec::new(), 0_u64, 0_u64, false);
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

/// Returns `value` with every array replaced by its length.
fn elided(value: &Value) -> Value {
    match value {
        Value::Array(items) => json!([items.len()]),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), elided(value))).collect(),
        other => other.clone(),
    }
}

/// Returns the value of a JSON text; `None` also for one that `serde_json` takes for a value of its own.
fn value(text: &[u8]) -> Option<Value> {
    let is_own = text.windows(20).any(|window| window == b"$serde_json::private");
    if is_own { None } else { serde_json::from_slice(text).ok() }
}

/// Arrays are replaced by their lengths: as byte by byte, however the text is cut, and as JSON where it is JSON.
pub fn array_elider(data: &[u8]) {
    // A vector that grows has its old memory, too.
    let whole = within(8 * data.len() + 16 * 1024, || elide([data]));
    assert_eq!(whole, elide_naively(data), "as byte by byte");
    assert_eq!(whole, elide(data.chunks(1)), "in chunks of one byte");
    assert_eq!(whole, elide(chunks(data)), "in chunks");
    if let Some(value) = value(data) {
        let found: Value = serde_json::from_slice(&whole).expect("JSON where the text is");
        assert_eq!(found, elided(&value));
    }
}

/// Items of the fields `results` of an object.
struct Results(Vec<Value>);

impl<'de> Deserialize<'de> for Results {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Results;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Results, A::Error> {
                let mut results = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    if let (true, Value::Array(items)) = (key == "results", value) {
                        results.extend(items);
                    }
                }
                Ok(Results(results))
            }
        }

        from.deserialize_map(ObjectVisitor)
    }
}

const ROW: &str = r##"{
    "Row": {"type": "object", "required": ["id"], "properties": {
        "id": {"type": "string"}, "rowNumber": {"type": "integer"}, "status": {"type": "string"},
        "error": {"type": "string", "nullable": true},
        "originalRowData": {"$ref": "#/components/schemas/Data"},
        "list": {"type": "array", "items": {"$ref": "#/components/schemas/Data"}}
    }},
    "Data": {"type": "object", "properties": {"id": {"type": "number"}, "externalId": {"type": "string"}}}
}"##;

fn row_drift(value: &Value) -> Vec<Drift> {
    static SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(ROW, "Row"));
    let mut found = Vec::new();
    SCHEMA.compare_value(Some(&JsonPath::new(None, "*")), value, &mut found);
    found
}

/// What a reader passes on, and what it has kept.
#[derive(Debug, PartialEq)]
struct Read {
    items: Vec<Vec<u8>>,
    rest: Vec<u8>,
    buffered: usize,
    /// By the cache of fingerprints, of the items that are JSON.
    drift: Vec<Drift>,
}

fn read<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> Read {
    let (mut reader, mut cache) = (JsonArrayReader::new("results"), FingerprintCache::default());
    let (mut items, mut drift) = (Vec::new(), Vec::new());
    for chunk in chunks {
        reader.push(chunk, |item, spans| {
            if let Some(value) = value(item) {
                Drift::merge(&mut drift, cache.drift(item, spans, |_| row_drift(&value)));
            }
            items.push(item.to_vec());
        });
    }
    Read { items, rest: reader.rest().to_vec(), buffered: reader.buffered_bytes(), drift }
}

/// The items of an array are those that `serde_json` reads, however the text is cut, and so is the drift of each.
pub fn json_array_reader(data: &[u8]) {
    let whole = read([data]);
    assert_eq!(whole, read(data.chunks(1)), "in chunks of one byte");
    assert_eq!(whole, read(chunks(data)), "in chunks");
    // Twice the text, and the place of a token for each of its bytes.
    assert!(whole.buffered <= 26 * data.len() + 64, "{} bytes are kept of {}", whole.buffered, data.len());
    let mut drift = Vec::new();
    for item in &whole.items {
        assert!(!item.trim_ascii().is_empty(), "an empty item");
        if let Some(value) = value(item) {
            Drift::merge(&mut drift, &row_drift(&value));
        }
    }
    assert_eq!(whole.drift, drift, "the drift of each item");
    let Some(value) = value(data) else { return };
    let rest: Value = serde_json::from_slice(&whole.rest).expect("JSON where the text is");
    assert_eq!(rest, elided(&value));
    let expected = serde_json::from_slice::<Results>(data).map(|results| results.0).unwrap_or_default();
    let items: Vec<Value> = whole.items.iter().map(|item| serde_json::from_slice(item).expect("JSON")).collect();
    assert_eq!(items, expected);
}

/// Adds the pointer of each field of an object, up to three levels deep, that can be asked for.
fn pointers(value: &Value, before: &str, levels: usize, found: &mut BTreeSet<String>) {
    let Value::Object(map) = value else { return };
    for (key, value) in map.iter().filter(|(key, _)| !key.contains(['/', '~'])) {
        let pointer = format!("{before}/{key}");
        if levels > 1 {
            pointers(value, &pointer, levels - 1, found);
        }
        found.insert(pointer);
    }
}

/// A field as it is read.
type Field = (Option<String>, Option<u64>, Option<f64>, Option<u64>);

fn field(fields: &StatusFields<'_>, pointer: &str) -> Field {
    let text = fields.text(pointer).map(str::to_owned);
    if let Some(escaped) = fields.escaped_lines(pointer) {
        let unescaped = escaped.replace("\\n", "\n").replace("\\r", "\r");
        assert_eq!(text.as_ref(), Some(&unescaped), "{pointer} with escapes");
    }
    (text, fields.count(pointer), fields.percent(pointer), fields.items(pointer))
}

/// Returns what a field is by `value`.
fn expected_field(value: &Value) -> Field {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let is_count = |number: &f64| *number >= 0.0 && number.fract() == 0.0 && *number < 9.0e15;
    let count = number.filter(is_count).map(|number| number as u64);
    let items = value.as_array().map(|items| items.len() as u64);
    (value.as_str().map(str::to_owned), count, number.filter(|number| number.is_finite()), items)
}

/// The fields of a status are those that `serde_json` reads, from a whole body, an elided one and a repaired one.
pub fn status_fields(data: &[u8]) {
    let elided = elide([data]);
    let asked = ["/status", "/a/b/c", "/results", "", "/", "status"].map(str::to_owned);
    let mut found: BTreeSet<String> = asked.into_iter().collect();
    let value = value(data).filter(Value::is_object);
    if let Some(value) = &value {
        pointers(value, "", 3, &mut found);
    }
    let read = |fields: &StatusFields<'_>| found.iter().map(|pointer| field(fields, pointer)).collect::<Vec<_>>();
    let bytes = 64 * data.len() + 256 * 1024;
    let whole = within(bytes, || StatusFields::from_body(data).map(|fields| read(&fields)));
    let from_elided = within(bytes, || StatusFields::from_elided(&elided).map(|fields| read(&fields)));
    if let (Some(value), true) = (&value, data.len() < 10_000) {
        let whole = whole.as_ref().expect("a body that is an object of fewer than 2,000 fields");
        for (pointer, field) in found.iter().zip(whole) {
            // An empty pointer is the body itself, and one without a slash is none.
            let expected = if pointer.starts_with('/') { value.pointer(pointer) } else { None };
            let expected = expected.filter(|_| !through_an_array(value, pointer));
            assert_eq!(*field, expected.map_or((None, None, None, None), expected_field), "{pointer}");
        }
    }
    match (&whole, &from_elided) {
        (Ok(whole), Ok(elided)) => assert_eq!(whole, elided, "from an elided body"),
        // Of what is in an array, an elided body has less than is checked in a whole one.
        (Ok(_), Err(error)) => panic!("from an elided body: {error}"),
        (Err(error), _) => {
            assert_eq!(error.kind(), ErrorKind::Decode);
            check_message(&error.to_string());
        }
    }
    let mut fields = None;
    let snapshot = within(bytes, || {
        StatusFields::snapshot(&elided, |of_body| {
            fields = Some(read(&of_body));
            let word = of_body.text("/status").unwrap_or_default().to_owned();
            Ok(Snapshot::new(State::Running, word, Progress::default()).with_drift(of_body.into_drift()))
        })
    });
    match (from_elided, snapshot) {
        (Ok(from_elided), snapshot) => {
            assert!(snapshot.expect("a body that can be read").drift.is_empty(), "it needs no repair");
            assert_eq!(fields, Some(from_elided), "of a snapshot");
        }
        (Err(_), Ok(snapshot)) => {
            assert_eq!(snapshot.drift.len(), 1, "a repair is drift");
            let repaired = sanitize_json(&elided);
            StatusFields::from_elided(repaired.as_bytes()).map(drop).expect("a repaired body that can be read");
        }
        (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string()),
    }
}

/// Returns whether a pointer that `serde_json` follows leads into an array.
fn through_an_array(value: &Value, pointer: &str) -> bool {
    let ends = pointer.match_indices('/').map(|(end, _)| end).skip(1);
    ends.filter_map(|end| value.pointer(&pointer[..end])).any(Value::is_array)
}
