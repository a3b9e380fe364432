//! What the spec says an answer looks like, for comparing it with what came.

use std::collections::HashSet;

use serde_json::Value;

use crate::model::{Drift, DriftKind};

/// The expected form of an object: a component schema, with everything it refers to.
///
/// Made once a process from the schemas that the build put beside the generated client.
pub struct ResponseSchema {
    fields: Vec<Field>,
    /// Fields that the spec does not name are expected too.
    is_open: bool,
}

struct Field {
    name: String,
    kinds: Vec<Kind>,
    is_required: bool,
    is_nullable: bool,
}

enum Kind {
    Text(Vec<String>),
    Number,
    Integer,
    Bool,
    List(Option<Box<ResponseSchema>>),
    Object(ResponseSchema),
    Any,
}

/// A value as far as a comparison needs it.
pub enum JsonType<'a> {
    Null,
    Bool,
    Integer,
    Fraction,
    Text(&'a str),
    List,
    Object,
}

impl JsonType<'_> {
    fn json_type(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Integer => "integer",
            Self::Fraction => "number",
            Self::Text(_) => "string",
            Self::List => "array",
            Self::Object => "object",
        }
    }
}

/// A place in an answer. Its pointer is only written out where something differs.
pub struct JsonPath<'a> {
    parent: Option<&'a JsonPath<'a>>,
    pub(crate) name: &'a str,
}

impl<'a> JsonPath<'a> {
    /// Returns the place `name` inside of `parent`.
    #[must_use]
    pub fn new(parent: Option<&'a JsonPath<'a>>, name: &'a str) -> Self {
        Self { parent, name }
    }

    fn pointer(&self) -> String {
        let parent = self.parent.map(Self::pointer).unwrap_or_default();
        format!("{parent}/{}", self.name.replace('~', "~0").replace('/', "~1"))
    }
}

impl ResponseSchema {
    /// Returns the component schema `name` of `schemas`, the JSON that the build puts beside the generated client.
    ///
    /// ```
    /// use std::sync::LazyLock;
    /// use bulkrail_core::json::ResponseSchema;
    ///
    /// const SCHEMAS: &str = r#"{"Job":{"type":"object","properties":{"id":{"type":"string"}}}}"#;
    /// static JOB: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(SCHEMAS, "Job"));
    /// assert_eq!(JOB.differences(&serde_json::json!({"id": 7})).len(), 1);
    /// ```
    #[must_use]
    pub fn new(schemas: &str, name: &str) -> Self {
        let schemas: Value = serde_json::from_str(schemas).unwrap_or_default();
        Self::read(&schemas, &schemas[name])
    }

    fn read(schemas: &Value, schema: &Value) -> Self {
        let required: HashSet<_> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema["properties"].as_object().into_iter().flatten();
        let fields = properties.map(|(name, property)| Field {
            name: name.clone(),
            kinds: Kind::read(schemas, property),
            is_required: required.contains(name.as_str()),
            is_nullable: property["nullable"] == true,
        });
        let is_open = schema["additionalProperties"].is_object() || schema["additionalProperties"] == true;
        Self { fields: fields.collect(), is_open }
    }

    /// Where an object differs: `keys` are its keys with what stands there, `inside` compares what stands deeper.
    pub fn compare<'v>(
        &self,
        at: Option<&JsonPath<'_>>,
        keys: impl Iterator<Item = (&'v str, JsonType<'v>)> + Clone,
        drift: &mut Vec<Drift>,
        inside: &mut dyn FnMut(&JsonPath<'_>, &Self, &mut Vec<Drift>),
    ) {
        for (key, found) in keys.clone() {
            let Some(field) = self.fields.iter().find(|field| field.name == key) else {
                if !self.is_open {
                    let pointer = JsonPath::new(at, key).pointer();
                    drift.push(Drift::new(pointer, DriftKind::UnknownField, "no such field", found.json_type()));
                }
                continue;
            };
            field.compare(at, &found, drift, inside);
        }
        for field in self.fields.iter().filter(|field| field.is_required) {
            if !keys.clone().any(|(key, _)| key == field.name) {
                let expected = field.kinds.first().map_or("a value", Kind::name);
                drift.push(Drift::new(
                    JsonPath::new(at, &field.name).pointer(),
                    DriftKind::MissingField,
                    expected,
                    "nothing",
                ));
            }
        }
    }

    /// Where a whole answer differs.
    pub fn differences(&self, answer: &Value) -> Vec<Drift> {
        let mut drift = Vec::new();
        self.compare_value(None, answer, &mut drift);
        drift
    }

    /// Where `value` differs, all the way down. Items of lists share one pointer, with `*` for the index.
    pub fn compare_value(&self, at: Option<&JsonPath<'_>>, value: &Value, drift: &mut Vec<Drift>) {
        let Some(map) = value.as_object() else {
            let pointer = at.map(JsonPath::pointer).unwrap_or_default();
            drift.push(Drift::new(pointer, DriftKind::TypeMismatch, "object", found(value).json_type()));
            return;
        };
        let keys = map.iter().map(|(key, value)| (key.as_str(), found(value)));
        self.compare(at, keys, drift, &mut |at, shape, drift| match &map[at.name] {
            Value::Array(items) => {
                let each = JsonPath::new(Some(at), "*");
                items.iter().for_each(|item| shape.compare_value(Some(&each), item, drift));
            }
            inner => shape.compare_value(Some(at), inner, drift),
        });
    }
}

impl Field {
    fn compare(
        &self,
        at: Option<&JsonPath<'_>>,
        found: &JsonType<'_>,
        drift: &mut Vec<Drift>,
        inside: &mut dyn FnMut(&JsonPath<'_>, &ResponseSchema, &mut Vec<Drift>),
    ) {
        if matches!(found, JsonType::Null) && self.is_nullable {
            return;
        }
        let at = JsonPath::new(at, &self.name);
        match self.kinds.iter().find(|kind| kind.fits(found)) {
            Some(Kind::Text(words)) => {
                if let JsonType::Text(word) = found
                    && !words.is_empty()
                    && !words.iter().any(|known| known == word)
                {
                    drift.push(Drift::new(at.pointer(), DriftKind::UnknownValue, words.join(", "), shortened(word)));
                }
            }
            Some(Kind::Object(shape)) => inside(&at, shape, drift),
            Some(Kind::List(Some(shape))) => inside(&at, shape, drift),
            Some(_) => {}
            None => {
                let expected = self.kinds.first().map_or("a value", Kind::name);
                drift.push(Drift::new(at.pointer(), DriftKind::TypeMismatch, expected, found.json_type()));
            }
        }
    }
}

impl Kind {
    fn read(schemas: &Value, property: &Value) -> Vec<Self> {
        if let Some(name) =
            property["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"))
        {
            return Self::read(schemas, &schemas[name]);
        }
        if let Some(members) = property["oneOf"].as_array() {
            return members.iter().flat_map(|member| Self::read(schemas, member)).collect();
        }
        let words = || property["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        vec![match property["type"].as_str() {
            Some("string") => Self::Text(words().collect()),
            Some("number") => Self::Number,
            Some("integer") => Self::Integer,
            Some("boolean") => Self::Bool,
            Some("array") => {
                Self::List(Self::read(schemas, &property["items"]).into_iter().find_map(|kind| match kind {
                    Self::Object(shape) => Some(Box::new(shape)),
                    _ => None,
                }))
            }
            Some("object") => Self::Object(ResponseSchema::read(schemas, property)),
            _ => Self::Any,
        }]
    }

    fn fits(&self, found: &JsonType<'_>) -> bool {
        matches!(
            (self, found),
            (Self::Any, _)
                | (Self::Text(_), JsonType::Text(_))
                | (Self::Number, JsonType::Integer | JsonType::Fraction)
                | (Self::Integer, JsonType::Integer)
                | (Self::Bool, JsonType::Bool)
                | (Self::List(_), JsonType::List)
                | (Self::Object(_), JsonType::Object)
        )
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Bool => "boolean",
            Self::List(_) => "array",
            Self::Object(_) => "object",
            Self::Any => "a value",
        }
    }
}

fn found(value: &Value) -> JsonType<'_> {
    match value {
        Value::Null => JsonType::Null,
        Value::Bool(_) => JsonType::Bool,
        Value::Number(number) if number.is_f64() => JsonType::Fraction,
        Value::Number(_) => JsonType::Integer,
        Value::String(text) => JsonType::Text(text),
        Value::Array(_) => JsonType::List,
        Value::Object(_) => JsonType::Object,
    }
}

/// A status word is short. What is longer is something else, and none of anybody's business.
fn shortened(word: &str) -> String {
    const MAX: usize = 40;
    if word.len() <= MAX { word.to_owned() } else { format!("a text of {} bytes", word.len()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn drift(schemas: &Value, value: &Value) -> Vec<(String, DriftKind, String)> {
        let drift = ResponseSchema::read(schemas, &schemas["S"]).differences(value);
        drift.into_iter().map(|drift| (drift.pointer, drift.kind, drift.found)).collect()
    }

    #[test]
    fn every_kind_of_difference_is_found_and_nothing_else() {
        use DriftKind::*;
        let schemas = json!({
            "S": {"type": "object", "required": ["id"], "properties": {
                "id": {"type": "string"},
                "word": {"$ref": "#/components/schemas/Word"},
                "either": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
                "when": {"type": "string", "nullable": true},
                "rows": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
                "open": {"type": "object", "additionalProperties": {}},
                "n": {"type": "number"},
            }},
            "Word": {"type": "string", "enum": ["A", "B"]},
            "Row": {"type": "object", "properties": {"a": {"type": "string"}}},
        });
        let good = json!({"id": "x", "word": "A", "either": "77", "when": null, "rows": [{"a": "b"}, {}], "open": {"any": 1}, "n": 1.5});
        assert_eq!(drift(&schemas, &good), []);
        let of = |value| drift(&schemas, &value);
        assert_eq!(of(json!({})), [("/id".to_owned(), MissingField, "nothing".to_owned())]);
        assert_eq!(of(json!({"id": 1})), [("/id".to_owned(), TypeMismatch, "integer".to_owned())]);
        assert_eq!(of(json!({"id": null})), [("/id".to_owned(), TypeMismatch, "null".to_owned())]);
        assert_eq!(of(json!({"id": "x", "word": "C"})), [("/word".to_owned(), UnknownValue, "C".to_owned())]);
        assert_eq!(of(json!({"id": "x", "new": ["CANARY"]})), [("/new".to_owned(), UnknownField, "array".to_owned())]);
        assert_eq!(of(json!({"id": "x", "rows": [{"a": 1, "b": 2}]})).len(), 2);
        assert_eq!(of(json!({"id": "x", "rows": [{"b": 2}]}))[0].0, "/rows/*/b");
        assert_eq!(of(json!({"id": "x", "either": 1.5})).len(), 1);
        let long = "CANARY".repeat(20);
        assert!(!format!("{:?}", of(json!({"id": "x", "word": long}))).contains("CANARY"));
    }
}
