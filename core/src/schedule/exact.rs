//! Serialises floating-point numbers as text, without loss. `serde_json` may change the last bit of
//! a JSON number with 17 digits, and progress that differs by a bit counts as progress.

use std::borrow::Cow;
use std::fmt::Write;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{number:?}"))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    match parse(from)?[..] {
        [number] => Ok(number),
        _ => Err(D::Error::custom("this is not a number")),
    }
}

/// Pairs of numbers, as one text.
pub(super) mod pairs {
    use super::{Deserializer, Error, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(pairs: &[(f64, f64)], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::text(pairs.iter().flat_map(|(one, other)| [*one, *other])))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(f64, f64)>, D::Error> {
        let numbers = super::parse(from)?;
        let (pairs, rest) = numbers.as_chunks::<2>();
        // The line through the points needs one.
        if pairs.is_empty() || !rest.is_empty() {
            return Err(D::Error::custom("these are not pairs of numbers"));
        }
        Ok(pairs.iter().map(|[one, other]| (*one, *other)).collect())
    }
}

/// Three numbers, as one text, or nothing.
pub(super) mod triple {
    use super::{Deserialize, Deserializer, Error, Numbers, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        numbers: &Option<(f64, f64, f64)>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        numbers.map(|(one, other, third)| super::text([one, other, third])).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<(f64, f64, f64)>, D::Error> {
        match Option::<Numbers<'_>>::deserialize(from)? {
            None => Ok(None),
            Some(numbers) => match numbers.parse()?[..] {
                [one, other, third] => Ok(Some((one, other, third))),
                _ => Err(D::Error::custom("these are not three numbers")),
            },
        }
    }
}

fn text(numbers: impl IntoIterator<Item = f64>) -> String {
    let mut text = String::new();
    for number in numbers {
        let blank = if text.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = write!(text, "{blank}{number:?}");
    }
    text
}

fn parse<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    Numbers::deserialize(from)?.parse()
}

#[derive(Deserialize)]
struct Numbers<'a>(#[serde(borrow)] Cow<'a, str>);

impl Numbers<'_> {
    /// Infinity and NaN are refused: the schedule does not produce them.
    fn parse<E: Error>(&self) -> Result<Vec<f64>, E> {
        let numbers = self.0.split_ascii_whitespace().map(|number| number.parse().ok().filter(|n: &f64| n.is_finite()));
        numbers.collect::<Option<_>>().ok_or_else(|| E::custom("this is not a number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Numbers {
        #[serde(with = "super")]
        one: f64,
        #[serde(with = "super::pairs")]
        pairs: Vec<(f64, f64)>,
        #[serde(with = "super::triple")]
        triple: Option<(f64, f64, f64)>,
    }

    fn read(one: &str, pairs: &str, triple: &str) -> Option<Numbers> {
        serde_json::from_str(&format!(r#"{{"one":"{one}","pairs":"{pairs}","triple":{triple}}}"#)).ok()
    }

    #[test]
    fn numbers_survive_as_text_and_other_counts_of_them_are_refused() {
        let numbers =
            Numbers { one: 0.1 + 0.2, pairs: vec![(1.0, 1e-300), (-0.5, 2.0)], triple: Some((1.0, 2.0, 3.5)) };
        let text = serde_json::to_string(&numbers).unwrap();
        assert_eq!(text, r#"{"one":"0.30000000000000004","pairs":"1.0 1e-300 -0.5 2.0","triple":"1.0 2.0 3.5"}"#);
        assert_eq!(serde_json::from_str::<Numbers>(&text).unwrap(), numbers);
        assert!(read("1", "1 2", "null").is_some() && read("1", "1 2 3 4", r#""1 2 3""#).is_some());
        for (one, pairs, triple) in [
            ("", "1 2", "null"),
            ("1 2", "1 2", "null"),
            ("x", "1 2", "null"),
            ("NaN", "1 2", "null"),
            ("inf", "1 2", "null"),
            ("1", "", "null"),
            ("1", "1", "null"),
            ("1", "1 2 3", "null"),
            ("1", "1 2", r#""1 2""#),
            ("1", "1 2", r#""1 2 3 4""#),
        ] {
            assert_eq!(read(one, pairs, triple), None, "{one:?} {pairs:?} {triple}");
        }
    }
}
