use std::borrow::Cow;
use std::fmt;

use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::decode_error;
use super::schema::{JsonPath, JsonType, ResponseSchema};
use crate::error::Error;
use crate::model::Drift;

/// Objects inside objects are followed this deep; status and counters stand at the first or second level.
const DEPTH: usize = 3;

/// A status has some twenty fields. With thousands it is something else, and comparing each with each would take its time.
const MAX_FIELDS: usize = 2_000;

/// The vital signs of a status body: its scalars, found by JSON pointer, read without expecting anything of them.
///
/// A large body comes skimmed, with the number of its items in place of each list, so memory does not grow with the rows. A number may come
/// as text, any field may be missing or null; what differs from the spec is noted as drift by [`StatusFields::compare`].
pub struct StatusFields<'a> {
    found: Vec<Field<'a>>,
    drift: Vec<Drift>,
}

struct Field<'a> {
    /// The place of the object that it is in; its own place plus one.
    parent: usize,
    key: Cow<'a, str>,
    value: Scalar<'a>,
}

enum Scalar<'a> {
    Null,
    Bool,
    Number(Number),
    Text(Cow<'a, str>),
    List(u64),
    Object,
}

impl Scalar<'_> {
    fn as_found(&self) -> JsonType<'_> {
        match self {
            Self::Null => JsonType::Null,
            Self::Bool => JsonType::Bool,
            Self::Number(number) if number.is_f64() => JsonType::Fraction,
            Self::Number(_) => JsonType::Integer,
            Self::Text(text) => JsonType::Text(text),
            Self::List(_) => JsonType::List,
            Self::Object => JsonType::Object,
        }
    }
}

impl<'a> StatusFields<'a> {
    /// Reads what a `ArrayElider` has kept of a body.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) when it is not one JSON object.
    pub fn from_elided(skimmed: &'a [u8]) -> Result<Self, Error> {
        Self::read_as(skimmed, Lists::Skimmed)
    }

    /// Reads a body as it came.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn from_body(body: &'a [u8]) -> Result<Self, Error> {
        Self::read_as(body, Lists::Whole)
    }

    fn read_as(text: &'a [u8], lists: Lists) -> Result<Self, Error> {
        let mut found = Vec::with_capacity(16);
        let mut json = serde_json::Deserializer::from_slice(text);
        let bytes = Whole(&mut found, lists);
        json.deserialize_map(bytes).and_then(|()| json.end()).map_err(|error| decode_error(&error))?;
        Ok(Self { found, drift: Vec::new() })
    }

    /// Notes in what the body differs from `shape`.
    pub fn compare(&mut self, shape: &ResponseSchema) {
        let mut drift = Vec::new();
        compare(&self.found, 0, None, shape, &mut drift);
        self.drift.append(&mut drift);
    }

    /// The text at `pointer`; anything else, and nothing, is `None`.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        match find(&self.found, pointer)? {
            Scalar::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The count at `pointer`, also when it comes as text. What is no count at all is `None`.
    pub fn count(&self, pointer: &str) -> Option<u64> {
        let count = self.number(pointer)?;
        (count >= 0.0 && count.fract() == 0.0 && count < 9.0e15).then_some(count as u64)
    }

    /// The percentage at `pointer`, also when it comes as text.
    pub fn percent(&self, pointer: &str) -> Option<f64> {
        self.number(pointer).filter(|percent| percent.is_finite())
    }

    /// How many items the list at `pointer` has.
    pub fn items(&self, pointer: &str) -> Option<u64> {
        match find(&self.found, pointer) {
            Some(Scalar::List(items)) => Some(*items),
            _ => None,
        }
    }

    /// Notes a difference that the spec alone does not show, unless one is noted for the same place.
    pub fn note(&mut self, drift: Drift) {
        if !self.drift.iter().any(|known| known.pointer == drift.pointer) {
            self.drift.push(drift);
        }
    }

    /// What differed from the spec.
    pub fn into_drift(self) -> Vec<Drift> {
        self.drift
    }

    fn number(&self, pointer: &str) -> Option<f64> {
        match find(&self.found, pointer)? {
            Scalar::Number(number) => number.as_f64(),
            Scalar::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

/// Holds the object at `place` against `shape`. Lists have been skimmed: that there is one is all that can be compared.
fn compare(all: &[Field<'_>], place: usize, at: Option<&JsonPath<'_>>, shape: &ResponseSchema, drift: &mut Vec<Drift>) {
    let keys = all.iter().filter(|field| field.parent == place).map(|field| (&*field.key, field.value.as_found()));
    shape.compare(at, keys, drift, &mut |at, shape, drift| {
        let is_it =
            |field: &Field<'_>| field.parent == place && field.key == at.name && matches!(field.value, Scalar::Object);
        if let Some(inner) = all.iter().rposition(is_it) {
            compare(all, inner + 1, Some(at), shape, drift);
        }
    });
}

/// The value at `pointer`. (No name that is asked for here has a character that a pointer would escape.)
fn find<'f, 'a>(found: &'f [Field<'a>], pointer: &str) -> Option<&'f Scalar<'a>> {
    let (mut place, mut rest) = (0, pointer.strip_prefix('/')?);
    loop {
        let end = memchr(b'/', rest.as_bytes());
        let name = &rest[..end.unwrap_or(rest.len())];
        let last = found.iter().rposition(|field| field.parent == place && field.key == name)?;
        match end {
            None => return Some(&found[last].value),
            Some(end) => (place, rest) = (last + 1, &rest[end + 1..]),
        }
    }
}

/// What stands in the place of a list.
#[derive(Clone, Copy)]
enum Lists {
    /// The list itself; its items are counted.
    Whole,
    /// A list of one number, the count of its items.
    Skimmed,
}

/// Visits the body itself.
struct Whole<'f, 'a>(&'f mut Vec<Field<'a>>, Lists);

impl<'de> Visitor<'de> for Whole<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        fields(self.0, 0, DEPTH, self.1, map)
    }
}

fn fields<'de, A: MapAccess<'de>>(
    found: &mut Vec<Field<'de>>,
    parent: usize,
    depth: usize,
    lists: Lists,
    mut map: A,
) -> Result<(), A::Error> {
    while let Some(key) = map.next_key_seed(Key)? {
        let place = found.len();
        if place >= MAX_FIELDS {
            return Err(A::Error::custom("more fields than any status has"));
        }
        found.push(Field { parent, key, value: Scalar::Null });
        let value = map.next_value_seed(Value { found, place, depth, lists })?;
        found[place].value = value;
    }
    Ok(())
}

/// A key, borrowed where it can be.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Cow<'de, str>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
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

/// Visits the value of the field at `place`.
struct Value<'f, 'a> {
    found: &'f mut Vec<Field<'a>>,
    place: usize,
    depth: usize,
    lists: Lists,
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Scalar<'de>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
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
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar<'de>, A::Error> {
        let mut items = match self.lists {
            Lists::Whole => 0,
            Lists::Skimmed => list.next_element()?.ok_or_else(|| A::Error::custom("a list that was not skimmed"))?,
        };
        while list.next_element::<IgnoredAny>()?.is_some() {
            items += 1;
        }
        Ok(Scalar::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        if self.depth > 1 {
            fields(self.found, self.place + 1, self.depth - 1, self.lists, map)?;
        } else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        }
        Ok(Scalar::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_found_by_pointer_and_lists_are_only_counted() {
        let body = br#"{"a":{"b":"x","c":{"d":1}},"list":[3],"n":"12","f":3.0,"neg":-1,"z":null,"o":true,"e\u0061":"y","f":4}"#;
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
    fn a_body_read_whole_shows_what_it_shows_skimmed() {
        let body = br#"{"a":{"list":[{"b":[1,2]},{"c":"]"}],"n":7},"list":[],"rows":["x",null,[1]],"word":"up"}"#;
        let mut elider = super::super::ArrayElider::default();
        elider.push(body);
        let (bytes, skimmed) =
            (StatusFields::from_body(body).unwrap(), StatusFields::from_elided(elider.elided()).unwrap());
        for pointer in ["/a/list", "/list", "/rows", "/word"] {
            assert_eq!(bytes.items(pointer), skimmed.items(pointer), "{pointer}");
        }
        assert_eq!((bytes.items("/rows"), bytes.items("/list"), bytes.count("/a/n")), (Some(3), Some(0), Some(7)));
        assert_eq!(bytes.text("/word"), skimmed.text("/word"));
    }

    #[test]
    fn what_is_no_json_object_is_an_error_that_quotes_nothing() {
        for body in ["", "<html>CANARY</html>", "[1]", "\"CANARY\"", r#"{"a":"CANARY"#, r#"{"a":1}CANARY"#] {
            let error = StatusFields::from_elided(body.as_bytes()).err().unwrap();
            assert_eq!(error.kind(), crate::ErrorKind::Decode, "{body}");
            assert!(!format!("{error}{error:?}").contains("CANARY"), "{error:?}");
        }
    }
}
