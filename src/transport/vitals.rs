use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::answer::undecodable;
use crate::Error;
use crate::drift::{Drift, DriftKind};

/// Objects inside objects are followed this deep; status and counters stand at the first or second level.
const DEPTH: usize = 3;

/// The vital signs of a status body: its scalars, found by JSON pointer, read without expecting anything of them.
///
/// Gets the body skimmed, with the number of its items in place of each list, so memory does not grow with the rows. A number may come as text, any field may be missing or null;
/// what differs from the spec is noted as drift.
pub(crate) struct Vitals {
    found: BTreeMap<String, Scalar>,
    drift: Vec<Drift>,
}

enum Scalar {
    Null,
    Bool,
    Number(Number),
    Text(String),
    List(u64),
    Object,
}

impl Scalar {
    fn json_type(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object => "object",
        }
    }
}

impl Vitals {
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) when `body` is not one JSON object.
    pub(crate) fn read(skimmed: &[u8]) -> Result<Self, Error> {
        let mut vitals = Self { found: BTreeMap::new(), drift: Vec::new() };
        let mut json = serde_json::Deserializer::from_slice(skimmed);
        let whole = Whole(&mut vitals.found);
        json.deserialize_map(whole).and_then(|()| json.end()).map_err(|error| undecodable(&error))?;
        Ok(vitals)
    }

    /// The text at `pointer`. Null and absence are `None`; another type too, noted as drift.
    pub(crate) fn text(&mut self, pointer: &str) -> Option<&str> {
        match self.found.get(pointer) {
            Some(Scalar::Text(text)) => Some(text),
            Some(Scalar::Null) | None => None,
            Some(other) => {
                self.drift.push(Drift::new(pointer, DriftKind::TypeMismatch, "string", other.json_type()));
                None
            }
        }
    }

    /// The count at `pointer`, also when it comes as text. What is no count at all is `None`.
    pub(crate) fn count(&mut self, pointer: &str) -> Option<u64> {
        let count = self.number(pointer, "number")?;
        (count >= 0.0 && count.fract() == 0.0 && count < 9.0e15).then_some(count as u64)
    }

    /// The percentage at `pointer`, as a number or as text; `expected` is what the spec says.
    pub(crate) fn percent(&mut self, pointer: &str) -> Option<f64> {
        let documented_as_either =
            matches!(self.found.get(pointer), Some(Scalar::Text(text)) if text.parse::<f64>().is_ok());
        let before = self.drift.len();
        let percent = self.number(pointer, "integer");
        if documented_as_either {
            self.drift.truncate(before);
        }
        percent.filter(|percent| percent.is_finite())
    }

    /// How many items the list at `pointer` has.
    pub(crate) fn items(&self, pointer: &str) -> Option<u64> {
        match self.found.get(pointer) {
            Some(Scalar::List(items)) => Some(*items),
            _ => None,
        }
    }

    pub(crate) fn note(&mut self, drift: Drift) {
        self.drift.push(drift);
    }

    /// What differed from the spec.
    pub(crate) fn into_drift(self) -> Vec<Drift> {
        self.drift
    }

    fn number(&mut self, pointer: &str, expected: &'static str) -> Option<f64> {
        let found = self.found.get(pointer)?;
        let number = match found {
            Scalar::Null => return None,
            Scalar::Number(number) => return number.as_f64(),
            Scalar::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        self.drift.push(Drift::new(pointer, DriftKind::TypeMismatch, expected, found.json_type()));
        number
    }
}

/// Visits the body itself.
struct Whole<'a>(&'a mut BTreeMap<String, Scalar>);

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        fields(self.0, "", DEPTH, map)
    }
}

fn fields<'de, A: MapAccess<'de>>(
    found: &mut BTreeMap<String, Scalar>,
    at: &str,
    depth: usize,
    mut map: A,
) -> Result<(), A::Error> {
    while let Some(key) = map.next_key::<String>()? {
        let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        let scalar = map.next_value_seed(Field { found, pointer: &pointer, depth })?;
        found.insert(pointer, scalar);
    }
    Ok(())
}

/// Visits the value of one field.
struct Field<'a> {
    found: &'a mut BTreeMap<String, Scalar>,
    pointer: &'a str,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Scalar, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Field<'_> {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(Number::from_f64(number).map_or(Scalar::Null, Scalar::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        let items = list.next_element()?.unwrap_or(0);
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        if self.depth > 1 {
            fields(self.found, self.pointer, self.depth - 1, map)?;
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
        let body = br#"{"a":{"b":"x","c":{"d":1}},"list":[3],"n":"12","f":3.0,"neg":-1,"z":null,"o":true}"#;
        let mut vitals = Vitals::read(body).unwrap();
        assert_eq!(vitals.text("/a/b"), Some("x"));
        assert_eq!(vitals.count("/a/c/d"), Some(1));
        assert_eq!(vitals.items("/list"), Some(3));
        assert_eq!(vitals.count("/f"), Some(3));
        assert_eq!(vitals.count("/z"), None);
        assert_eq!(vitals.count("/missing"), None);
        assert_eq!(vitals.count("/neg"), None);
        assert!(vitals.drift.is_empty());
        assert_eq!(vitals.count("/n"), Some(12));
        assert_eq!(vitals.text("/o"), None);
        let seen: Vec<_> = vitals.into_drift().into_iter().map(|drift| (drift.pointer, drift.found)).collect();
        assert_eq!(seen, [("/n".to_owned(), "string".to_owned()), ("/o".to_owned(), "boolean".to_owned())]);
    }

    #[test]
    fn what_is_no_json_object_is_an_error_that_quotes_nothing() {
        for body in ["", "<html>CANARY</html>", "[1]", "\"CANARY\"", r#"{"a":"CANARY"#, r#"{"a":1}CANARY"#] {
            let error = Vitals::read(body.as_bytes()).err().unwrap();
            assert_eq!(error.kind(), crate::ErrorKind::Decode, "{body}");
            assert!(!format!("{error}{error:?}").contains("CANARY"), "{error:?}");
        }
    }
}
