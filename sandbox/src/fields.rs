//! Types of the members of a request body.
//!
//! The tables of the providers follow their documentation. Members that no table has are accepted:
//! a provider that refuses them checks that itself.

use serde_json::{Map, Value};

/// Type of a member.
pub(crate) enum Kind {
    Text,
    /// One of these texts.
    Word(&'static [&'static str]),
    Object(&'static [Field]),
    List(&'static Kind),
}

/// Member of an object.
pub(crate) struct Field {
    name: &'static str,
    kind: Kind,
}

impl Field {
    pub(crate) const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind }
    }

    pub(crate) const fn text(name: &'static str) -> Self {
        Self::new(name, Kind::Text)
    }
}

/// Member with a value of another type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Path of the member, such as `accounts[0].externalId`.
    pub(crate) path: String,
    /// Name of the expected type, such as `a string`.
    pub(crate) expected: String,
}

impl Mismatch {
    /// Returns a message for the client.
    pub(crate) fn message(&self) -> String {
        format!("{} must be {}", self.path, self.expected)
    }
}

/// Returns the members of `object` that do not have the types of `fields`. Missing members are
/// accepted, and null is not a value of any type.
pub(crate) fn mismatches(object: &Map<String, Value>, fields: &[Field]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    check_object("", object, fields, &mut found);
    found
}

fn check_object(prefix: &str, object: &Map<String, Value>, fields: &[Field], found: &mut Vec<Mismatch>) {
    for field in fields {
        if let Some(value) = object.get(field.name) {
            check(&format!("{prefix}{}", field.name), value, &field.kind, found);
        }
    }
}

fn check(path: &str, value: &Value, kind: &Kind, found: &mut Vec<Mismatch>) {
    let expected = match (kind, value) {
        (Kind::Text, Value::String(_)) => return,
        (Kind::Word(words), Value::String(word)) if words.contains(&word.as_str()) => return,
        (Kind::Object(fields), Value::Object(object)) => {
            return check_object(&format!("{path}."), object, fields, found);
        }
        (Kind::List(kind), Value::Array(items)) => {
            let items = items.iter().enumerate();
            return items.for_each(|(index, item)| check(&format!("{path}[{index}]"), item, kind, found));
        }
        (Kind::Text, _) => "a string".to_owned(),
        (Kind::Word(words), _) => format!("one of {}", words.join(", ")),
        (Kind::Object(_), _) => "an object".to_owned(),
        (Kind::List(_), _) => "an array".to_owned(),
    };
    found.push(Mismatch { path: path.to_owned(), expected });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: &[Field] = &[
        Field::text("id"),
        Field::new("kind", Kind::Word(&["A", "B"])),
        Field::new("rows", Kind::List(&Kind::Object(&[Field::text("id")]))),
    ];

    #[test]
    fn mismatches_names_path_and_expected_type() {
        let messages = |value: Value| -> Vec<String> {
            mismatches(value.as_object().unwrap(), FIELDS).iter().map(Mismatch::message).collect()
        };
        assert_eq!(messages(json!({})), [""; 0]);
        assert_eq!(messages(json!({"id": "1", "kind": "A", "rows": [{"id": ""}], "other": 7})), [""; 0]);
        let wrong = json!({"id": null, "kind": "C", "rows": [{"id": 7}, 7]});
        assert_eq!(
            messages(wrong),
            [
                "id must be a string",
                "kind must be one of A, B",
                "rows[0].id must be a string",
                "rows[1] must be an object"
            ]
        );
        assert_eq!(messages(json!({"rows": {}})), ["rows must be an array"]);
    }
}
