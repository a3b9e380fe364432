//! Lenient reading of the scalar fields of a status body.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::array_reader::sanitize_json;
use super::long_text::{Cut, LongText};
use super::schema::{JsonPath, JsonType, ResponseSchema};
use super::{decode_error, invalid_json, number_text};
use crate::error::{Error, ErrorKind};
use crate::model::{Drift, Snapshot, identifier_or_length};

/// 3 levels of objects are read: status and counters are at the first or second.
const MAX_DEPTH: usize = 3;

/// 2,000 fields: a status has about twenty, and a search takes time for each.
const MAX_FIELDS: usize = 2_000;

/// Scalar fields of a status body by JSON pointer, read leniently, with the drift of the body.
///
/// A field may be missing or `null`, have another type than the spec, or hold a number as a string: reading it returns
/// a value or `None`, never an error. [`compare`](Self::compare) records such differences as [`Drift`].
///
/// Pointers are written without escapes (`~0`, `~1`), have at most 3 names, and do not lead into arrays. Of a field
/// that occurs twice the last one counts.
///
/// ```
/// use bulkrail_core::json::{ResponseSchema, StatusFields, StatusMap};
/// use bulkrail_core::{Progress, Snapshot, State};
///
/// const STATES: StatusMap = StatusMap::new(&[("PENDING", State::Queued), ("DONE", State::Finished)]);
///
/// /// Parses the status body of an example provider.
/// fn parse_status(mut fields: StatusFields<'_>, schema: &ResponseSchema) -> Snapshot {
///     fields.compare(schema);
///     let (state, word) = STATES.parse_status(&mut fields, "/job/status");
///     let progress = Progress::default()
///         .with_total(fields.count("/job/total"))
///         .with_failed(fields.items("/errors"));
///     Snapshot::new(state, word, progress).with_drift(fields.into_drift())
/// }
///
/// let schemas = r#"{"Status":{"type":"object","properties":{"job":{"type":"object","properties":{
///     "status":{"type":"string"},"total":{"type":"integer"}}},"errors":{"type":"array"}}}}"#;
/// let body = br#"{"job":{"status":"DONE","total":"12"},"errors":["row 7"]}"#;
/// let snapshot = parse_status(StatusFields::from_body(body)?, &ResponseSchema::new(schemas, "Status"));
/// assert_eq!(snapshot.state, State::Finished);
/// assert_eq!((snapshot.progress.total, snapshot.progress.failed), (Some(12), Some(1)));
/// assert_eq!(snapshot.drift[0].pointer, "/job/total", "a string where the spec has an integer");
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
pub struct StatusFields<'a> {
    fields: Vec<Field<'a>>,
    drift: Vec<Drift>,
}

struct Field<'a> {
    /// Index of the object that has the field, plus one; 0 for the body itself.
    parent: usize,
    key: Cow<'a, str>,
    value: Scalar<'a>,
}

enum Scalar<'a> {
    Null,
    Bool,
    Number(Number),
    String(Cow<'a, str>),
    LongText(LongText<'a>),
    /// Number of items.
    Array(u64),
    Object,
}

impl Scalar<'_> {
    fn json_type(&self) -> JsonType<'_> {
        match self {
            Self::Null => JsonType::Null,
            Self::Bool => JsonType::Bool,
            Self::Number(number) if number.is_f64() => JsonType::Fraction,
            Self::Number(_) => JsonType::Integer,
            Self::String(text) => JsonType::String(text),
            // No documented word is as long.
            Self::LongText(text) => JsonType::String(text.escaped()),
            Self::Array(_) => JsonType::Array,
            Self::Object => JsonType::Object,
        }
    }
}

impl<'a> StatusFields<'a> {
    /// Returns the snapshot that `parse` makes of an elided body, or its error.
    ///
    /// A body that is not JSON because of a byte order mark, bytes that are not UTF-8, control characters or half a
    /// surrogate pair is repaired first, and has drift that says so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) when it is not one JSON object even then.
    pub fn snapshot(
        elided: &[u8],
        parse: impl FnOnce(StatusFields<'_>) -> Result<Snapshot, Error>,
    ) -> Result<Snapshot, Error> {
        let cut = Cut::new(elided);
        if let Some(fields) = cut.as_ref().and_then(StatusFields::from_cut) {
            return parse(fields);
        }
        let error = match StatusFields::from_elided(elided) {
            Ok(fields) => return parse(fields),
            Err(error) => error,
        };
        let repaired = sanitize_json(elided);
        let cut = Cut::new(repaired.as_bytes());
        let fields = cut.as_ref().and_then(StatusFields::from_cut).map(Ok);
        let fields = fields.unwrap_or_else(|| StatusFields::from_elided(repaired.as_bytes()));
        let mut fields = fields.map_err(|_| error)?;
        fields.note(invalid_json());
        parse(fields)
    }

    /// Checks that the body is about the batch `id`: that the id at `pointer` is the same, but for letter case and
    /// surrounding blanks. A body without an id passes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) when it is about another batch.
    pub fn check_batch_id(&self, pointer: &str, id: &str) -> Result<(), Error> {
        let found = match find(&self.fields, pointer) {
            Some(Scalar::String(text)) => Cow::Borrowed(&**text),
            Some(Scalar::LongText(text)) => Cow::Borrowed(text.text()),
            Some(Scalar::Number(number)) => Cow::Owned(number_text(number)),
            _ => return Ok(()),
        };
        let found = found.trim();
        if found.is_empty() || found.eq_ignore_ascii_case(id.trim()) {
            return Ok(());
        }
        let reason = format!(
            "the response is about another batch: {} was asked for, and {} came",
            identifier_or_length(id),
            identifier_or_length(found)
        );
        let hint =
            "nothing of it was taken over; a cache or another installation may have answered: check the base URL";
        Err(Error::new(ErrorKind::Decode, reason).with_hint(hint))
    }

    /// Reads a body whose arrays an [`ArrayElider`](super::ArrayElider) has replaced by their lengths.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when it is not one JSON object, has an array that was not replaced, or has more than 2,000
    /// fields. The error has the position in the body but nothing of its content.
    pub fn from_elided(elided: &'a [u8]) -> Result<Self, Error> {
        Self::parse(elided, Arrays::Elided)
    }

    /// Reads a body as it was received.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when it is not one JSON object or has more than 2,000 fields. The error has the position
    /// in the body but nothing of its content.
    pub fn from_body(body: &'a [u8]) -> Result<Self, Error> {
        Self::parse(body, Arrays::Whole)
    }

    /// Reads a body of which a long text was cut out; `None` where it cannot be read so.
    fn from_cut(cut: &'a Cut<'a>) -> Option<Self> {
        let mut fields = Self::from_elided(&cut.rest).ok()?;
        let mut same = fields.fields.iter_mut().filter(|field| field.parent == 0 && field.key == cut.key);
        let field = same.next()?;
        // Of a field that occurs twice the last one counts.
        if same.next().is_some() {
            return None;
        }
        field.value = Scalar::LongText(cut.text.clone());
        Some(fields)
    }

    fn parse(text: &'a [u8], arrays: Arrays) -> Result<Self, Error> {
        let mut fields = Vec::with_capacity(16);
        let mut json = serde_json::Deserializer::from_slice(text);
        let body = BodyVisitor(&mut fields, arrays);
        json.deserialize_map(body).and_then(|()| json.end()).map_err(|error| decode_error(&error, text))?;
        Ok(Self { fields, drift: Vec::new() })
    }

    /// Records the differences of the body from `schema`. Items of arrays are not compared.
    pub fn compare(&mut self, schema: &ResponseSchema) {
        let mut drift = Vec::new();
        compare(&self.fields, 0, None, schema, &mut drift);
        self.drift.append(&mut drift);
    }

    /// Returns the string at `pointer`; `None` when the field is missing or has another type.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&str> {
        match find(&self.fields, pointer)? {
            Scalar::String(text) => Some(text),
            Scalar::LongText(text) => Some(text.text()),
            _ => None,
        }
    }

    /// Returns the string at `pointer` as it is written in JSON, where it was kept so: a long one of printable ASCII
    /// whose only escapes are `\n` and `\r`.
    ///
    /// Reading it so saves copying it. [`text`](Self::text) returns the same string without escapes.
    #[must_use]
    pub fn escaped_lines(&self, pointer: &str) -> Option<&str> {
        match find(&self.fields, pointer)? {
            Scalar::LongText(text) => Some(text.escaped()),
            _ => None,
        }
    }

    /// Returns the whole number at `pointer`, which may be a string; `None` when it is not a whole number from 0 up.
    #[must_use]
    pub fn count(&self, pointer: &str) -> Option<u64> {
        let count = self.number(pointer)?;
        (count >= 0.0 && count.fract() == 0.0 && count < 9.0e15).then_some(count as u64)
    }

    /// Returns the percentage at `pointer`, which may be a string: 40.0 stands for 40 %. It is not clamped.
    #[must_use]
    pub fn percent(&self, pointer: &str) -> Option<f64> {
        self.number(pointer).filter(|percent| percent.is_finite())
    }

    /// Returns the number of items of the array at `pointer`; `None` when the field is missing or not an array.
    #[must_use]
    pub fn items(&self, pointer: &str) -> Option<u64> {
        match find(&self.fields, pointer) {
            Some(Scalar::Array(items)) => Some(*items),
            _ => None,
        }
    }

    /// Records a difference that the schema does not show. It is dropped if one is recorded for the same pointer.
    pub fn note(&mut self, drift: Drift) {
        if !self.drift.iter().any(|known| known.pointer == drift.pointer) {
            self.drift.push(drift);
        }
    }

    /// Returns the recorded differences.
    #[must_use]
    pub fn into_drift(self) -> Vec<Drift> {
        self.drift
    }

    fn number(&self, pointer: &str) -> Option<f64> {
        match find(&self.fields, pointer)? {
            Scalar::Number(number) => number.as_f64(),
            Scalar::String(text) => text.trim().parse().ok(),
            Scalar::LongText(text) => text.text().trim().parse().ok(),
            _ => None,
        }
    }
}

/// Compares the object whose fields have `parent` with `schema`. Only lengths are known of arrays.
fn compare(
    all: &[Field<'_>],
    parent: usize,
    path: Option<&JsonPath<'_>>,
    schema: &ResponseSchema,
    drift: &mut Vec<Drift>,
) {
    let fields = all.iter().filter(|field| field.parent == parent).map(|field| (&*field.key, field.value.json_type()));
    schema.compare(path, fields, drift, &mut |path, schema, drift| {
        let is_object = |field: &Field<'_>| {
            field.parent == parent && field.key == path.name && matches!(field.value, Scalar::Object)
        };
        if let Some(index) = all.iter().rposition(is_object) {
            compare(all, index + 1, Some(path), schema, drift);
        }
    });
}

/// Returns the value at `pointer`, whose names have no characters to be escaped.
fn find<'f, 'a>(fields: &'f [Field<'a>], pointer: &str) -> Option<&'f Scalar<'a>> {
    let (mut parent, mut rest) = (0, pointer.strip_prefix('/')?);
    loop {
        let end = memchr(b'/', rest.as_bytes());
        let name = &rest[..end.unwrap_or(rest.len())];
        let index = fields.iter().rposition(|field| field.parent == parent && field.key == name)?;
        match end {
            None => return Some(&fields[index].value),
            Some(end) => (parent, rest) = (index + 1, &rest[end + 1..]),
        }
    }
}

/// Content of the arrays of a body.
#[derive(Clone, Copy)]
enum Arrays {
    /// Items, which are counted.
    Whole,
    /// One number, which is the length.
    Elided,
}

/// Visits the body itself.
struct BodyVisitor<'f, 'a>(&'f mut Vec<Field<'a>>, Arrays);

impl<'de> Visitor<'de> for BodyVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        read_fields(self.0, 0, MAX_DEPTH, self.1, map)
    }
}

fn read_fields<'de, A: MapAccess<'de>>(
    fields: &mut Vec<Field<'de>>,
    parent: usize,
    depth: usize,
    arrays: Arrays,
    mut map: A,
) -> Result<(), A::Error> {
    while let Some(key) = map.next_key_seed(KeySeed)? {
        let index = fields.len();
        if index >= MAX_FIELDS {
            return Err(A::Error::custom("more fields than any status has"));
        }
        fields.push(Field { parent, key, value: Scalar::Null });
        let value = map.next_value_seed(ValueSeed { fields, index, depth, arrays })?;
        fields[index].value = value;
    }
    Ok(())
}

/// Reads a key, borrowed where possible.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Cow<'de, str>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// Reads the value of the field at `index`, and adds the fields in it.
struct ValueSeed<'f, 'a> {
    fields: &'f mut Vec<Field<'a>>,
    index: usize,
    depth: usize,
    arrays: Arrays,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, 'de> {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Scalar<'de>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, 'de> {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar<'de>, E> {
        Ok(Number::from_f64(number).map_or(Scalar::Null, Scalar::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Scalar<'de>, A::Error> {
        let mut items = match self.arrays {
            Arrays::Whole => 0,
            Arrays::Elided => array.next_element()?.ok_or_else(|| A::Error::custom("an array without its length"))?,
        };
        while array.next_element::<IgnoredAny>()?.is_some() {
            items += 1;
        }
        Ok(Scalar::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        if self.depth > 1 {
            read_fields(self.fields, self.index + 1, self.depth - 1, self.arrays, map)?;
        } else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        }
        Ok(Scalar::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Progress, State};

    #[test]
    fn fields_are_found_by_pointer_and_arrays_are_counted() {
        let body = br#"{
            "a": {"b": "x", "c": {"d": 1}}, "list": [3], "n": "12", "f": 3.0, "neg": -1,
            "z": null, "o": true, "e\u0061": "y", "f": 4
        }"#;
        let fields = StatusFields::from_elided(body).unwrap();
        assert_eq!(fields.text("/a/b"), Some("x"));
        assert_eq!(fields.text("/ea"), Some("y"));
        assert_eq!(fields.text("/b"), None);
        assert_eq!(fields.count("/a/c/d"), Some(1));
        assert_eq!(fields.items("/list"), Some(3));
        assert_eq!(fields.count("/f"), Some(4), "the last one counts");
        assert_eq!(fields.count("/z"), None);
        assert_eq!(fields.count("/missing"), None);
        assert_eq!(fields.count("/neg"), None);
        assert_eq!(fields.count("/n"), Some(12));
        assert_eq!(fields.text("/o"), None);
    }

    #[test]
    fn body_read_whole_has_the_same_fields_as_elided() {
        let body = br#"{"a":{"list":[{"b":[1,2]},{"c":"]"}],"n":7},"list":[],"rows":["x",null,[1]],"word":"up"}"#;
        let mut elider = super::super::ArrayElider::default();
        elider.push(body);
        let (whole, elided) =
            (StatusFields::from_body(body).unwrap(), StatusFields::from_elided(elider.elided()).unwrap());
        for pointer in ["/a/list", "/list", "/rows", "/word"] {
            assert_eq!(whole.items(pointer), elided.items(pointer), "{pointer}");
        }
        assert_eq!((whole.items("/rows"), whole.items("/list"), whole.count("/a/n")), (Some(3), Some(0), Some(7)));
        assert_eq!(whole.text("/word"), elided.text("/word"));
    }

    #[test]
    fn long_text_is_read_as_any_other() {
        let read = |body: &str| {
            let mut found = None;
            let snapshot = StatusFields::snapshot(body.as_bytes(), |fields| {
                let is_escaped = fields.escaped_lines("/csv").is_some();
                found = Some((fields.text("/csv").map(str::to_owned), is_escaped, fields.count("/n")));
                Ok(Snapshot::new(State::Finished, "done", Progress::default()).with_drift(fields.into_drift()))
            });
            snapshot.map(|snapshot| (found.unwrap(), snapshot.drift.len()))
        };
        let lines = "a,b\\n\\r".repeat(600);
        let text = "a,b\n\r".repeat(600);
        let plain = format!(r#"{{"a":{{"csv":"x"}}, "csv" : "{lines}","n":[2],"n":3}}"#);
        assert_eq!(read(&plain).unwrap(), ((Some(text.clone()), true, Some(3)), 0));
        // Nested, or with other escapes or characters: read as a short one.
        for (content, expected) in [("\\t", "\t"), ("\\u000a", "\n"), ("é", "é"), ("\\\\n", "\\n"), ("\\\"", "\"")] {
            let body = format!(r#"{{"csv":"{lines}{content}"}}"#);
            assert_eq!(read(&body).unwrap(), ((Some(format!("{text}{expected}")), false, None), 0), "{content}");
        }
        let nested = format!(r#"{{"a":{{"csv":"{lines}"}}}}"#);
        assert_eq!(read(&nested).unwrap(), ((None, false, None), 0));
        let twice = format!(r#"{{"csv":"{lines}","csv":"last"}}"#);
        assert_eq!(read(&twice).unwrap(), ((Some("last".to_owned()), false, None), 0));
        let twice = format!(r#"{{"csv":"first","csv":"{lines}"}}"#);
        assert_eq!(read(&twice).unwrap(), ((Some(text.clone()), false, None), 0));
        // With a character that JSON does not allow it is repaired, and has drift.
        let tab = format!("{{\"csv\":\"{lines}\t\"}}");
        assert_eq!(read(&tab).unwrap(), ((Some(format!("{text} ")), true, None), 1));
        let key = format!("{{\"csv\":\"{lines}\",\"\t\":1}}");
        assert_eq!(read(&key).unwrap(), ((Some(text), true, None), 1));
        for body in [format!(r#"{{"csv":"{lines}"#), format!(r#"{{"csv":"{lines}"}}}}"#), format!(r#""{lines}""#)] {
            assert!(read(&body).is_err());
        }
    }

    #[test]
    fn body_that_is_not_a_json_object_is_an_error_without_its_content() {
        for body in ["", "<html>CANARY</html>", "[1]", "\"CANARY\"", r#"{"a":"CANARY"#, r#"{"a":1}CANARY"#] {
            let error = StatusFields::from_elided(body.as_bytes()).err().unwrap();
            assert_eq!(error.kind(), crate::ErrorKind::Decode, "{body}");
            assert!(!format!("{error}{error:?}").contains("CANARY"), "{error:?}");
        }
    }

    #[test]
    fn body_about_another_batch_is_an_error_that_names_both_ids() {
        let check = |body: &str| StatusFields::from_body(body.as_bytes()).unwrap().check_batch_id("/id", "B-1");
        for body in [r#"{"id":"b-1"}"#, r#"{"id":" B-1 "}"#, r#"{"id":null}"#, r#"{"id":""}"#, r#"{"id":{}}"#, "{}"] {
            check(body).unwrap();
        }
        let error = check(r#"{"id":"b-2"}"#).unwrap_err();
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Decode, true));
        assert!(error.to_string().ends_with("about another batch: B-1 was asked for, and b-2 came"), "{error}");
        assert!(check(r#"{"id":7}"#).unwrap_err().to_string().contains("7 came"));
        let error = check("{\"id\":\"a\\u001bCANARY\"}").unwrap_err();
        assert!(error.to_string().contains("(a text of 8 bytes) came"), "{error}");
    }

    #[test]
    fn snapshot_of_a_body_with_bytes_that_json_does_not_allow_is_repaired_with_drift() {
        let parse = |fields: StatusFields<'_>| {
            let word = fields.text("/status").unwrap_or_default().to_owned();
            Ok(Snapshot::new(State::Finished, word, Progress::default()).with_drift(fields.into_drift()))
        };
        let bodies: [&[u8]; 8] = [
            b"\xef\xbb\xbf\xef\xbb\xbf{\"status\":\"done\"}",
            b"\n \xef\xbb\xbf \xc2\xa0{\"status\":\"done\"}",
            b"{\"status\":\"done\",\"error\":\"a\\xb \\u12 \\\\ud83d\"}",
            b"{\"status\":\"done\",\"error\":\"\\udc00\\\\\"}",
            b"\xef\xbb\xbf{\"status\":\"done\"}",
            b"{\"status\":\"done\",\"error\":\"half \\ud83d pair\"}",
            b"{\"status\":\"done\",\"error\":\"Mar\xeda\"}",
            b"{\"status\":\"done\",\"error\":\"a\tb\"}",
        ];
        for body in bodies {
            let snapshot = StatusFields::snapshot(body, parse).unwrap();
            assert_eq!((&*snapshot.provider_status, snapshot.drift.len()), ("done", 1), "{body:?}");
        }
        assert_eq!(StatusFields::snapshot(b"{\"status\":\"done\"}", parse).unwrap().drift.len(), 0);
        assert!(StatusFields::snapshot(b"<html>", parse).is_err());
    }
}
