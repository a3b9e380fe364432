//! The schema of a response in the spec, and the differences of a response from it.

use std::collections::HashSet;

use serde_json::Value;

use crate::model::{Drift, DriftKind, identifier_or_length};

/// Schema of a JSON object in the spec, with everything it refers to.
///
/// Compares field names, types, required fields, `nullable` and `enum`; follows `$ref`, `oneOf`, nested objects, and
/// arrays of objects. Other keywords are not compared, nor is a schema inside itself. Build it once per process, in a
/// `LazyLock`.
///
/// ```
/// use std::sync::LazyLock;
/// use bulkrail_core::json::ResponseSchema;
///
/// const SCHEMAS: &str = r#"{"Job":{"type":"object","properties":{"id":{"type":"string"}}}}"#;
/// static JOB: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(SCHEMAS, "Job"));
///
/// let drift = JOB.differences(&serde_json::json!({"id": 7}));
/// assert_eq!((&*drift[0].pointer, &*drift[0].expected, &*drift[0].found), ("/id", "string", "integer"));
/// ```
pub struct ResponseSchema {
    fields: Vec<Field>,
    /// Whether fields that the schema does not name are expected too.
    is_open: bool,
}

struct Field {
    name: String,
    /// Types that the field may have; a value of any of them fits.
    types: Vec<FieldType>,
    is_required: bool,
    is_nullable: bool,
}

enum FieldType {
    /// A string; the words of its `enum`, if it has one.
    String(Vec<String>),
    Number,
    Integer,
    Bool,
    /// An array; the schema of its items, if they are objects.
    Array(Option<Box<ResponseSchema>>),
    Object(ResponseSchema),
    Any,
}

/// Type of a JSON value, as far as a comparison needs it.
pub(super) enum JsonType<'a> {
    Null,
    Bool,
    Integer,
    Fraction,
    String(&'a str),
    Array,
    Object,
}

impl<'a> JsonType<'a> {
    fn new(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.is_f64() => Self::Fraction,
            Value::Number(_) => Self::Integer,
            Value::String(text) => Self::String(text),
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Integer => "integer",
            Self::Fraction => "number",
            Self::String(_) => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// Path of a value in a response: its own name and the path of its parent.
///
/// A path costs no allocation; its JSON pointer is only made for a difference.
///
/// ```
/// use bulkrail_core::json::JsonPath;
///
/// let rows = JsonPath::new(None, "rows");
/// let each = JsonPath::new(Some(&rows), "*"); // in drift: /rows/*
/// ```
pub struct JsonPath<'a> {
    parent: Option<&'a JsonPath<'a>>,
    pub(super) name: &'a str,
}

impl<'a> JsonPath<'a> {
    /// Returns the path of the field `name` in `parent`; `None` is the root. `*` stands for every index of an array.
    #[must_use]
    pub fn new(parent: Option<&'a JsonPath<'a>>, name: &'a str) -> Self {
        Self { parent, name }
    }

    fn pointer(&self) -> String {
        let parent = self.parent.map(Self::pointer).unwrap_or_default();
        if self.name == "*" {
            return format!("{parent}/*");
        }
        // An identifier has no character that a pointer would escape.
        format!("{parent}/{}", identifier_or_length(self.name))
    }
}

impl ResponseSchema {
    /// Returns the component schema `name` of `schemas`, which is a JSON object of OpenAPI 3.0 schemas by name.
    ///
    /// A generated client has that object in its constant `SCHEMAS`. A name that is not in it gives a schema without
    /// fields.
    #[must_use]
    pub fn new(schemas: &str, name: &str) -> Self {
        let schemas: Value = serde_json::from_str(schemas).unwrap_or_default();
        Self::parse(&schemas, &schemas[name], &mut vec![name])
    }

    /// `open` has the names of the component schemas that are being parsed.
    fn parse<'s>(schemas: &'s Value, schema: &'s Value, open: &mut Vec<&'s str>) -> Self {
        if schema["oneOf"].is_array() {
            let objects = FieldType::parse(schemas, schema, open).into_iter();
            let object = objects.into_iter().find_map(|member| match member {
                FieldType::Object(schema) => Some(schema),
                _ => None,
            });
            return object.unwrap_or_else(|| Self { fields: Vec::new(), is_open: true });
        }
        let required: HashSet<_> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema["properties"].as_object().into_iter().flatten();
        let fields = properties.map(|(name, property)| Field {
            name: name.clone(),
            types: FieldType::parse(schemas, property, open),
            is_required: required.contains(name.as_str()),
            is_nullable: property["nullable"] == true,
        });
        let is_open = schema["additionalProperties"].is_object() || schema["additionalProperties"] == true;
        Self { fields: fields.collect(), is_open }
    }

    /// Returns the schema of an object that is one of the two: its fields are those of both, and required is what both
    /// require.
    fn or(mut self, other: Self) -> Self {
        for field in &mut self.fields {
            field.is_required &= other.fields.iter().any(|same| same.name == field.name && same.is_required);
        }
        for mut field in other.fields {
            match self.fields.iter_mut().find(|same| same.name == field.name) {
                Some(same) => {
                    same.is_nullable |= field.is_nullable;
                    same.types = FieldType::one_of(same.types.drain(..).chain(field.types));
                }
                None => {
                    field.is_required = false;
                    self.fields.push(field);
                }
            }
        }
        Self { fields: self.fields, is_open: self.is_open || other.is_open }
    }

    /// Returns those of the JSON `pointers` that do not lead to a field of the schema.
    ///
    /// For a test of each provider: a field that is renamed in the spec is then not read under its old name.
    ///
    /// ```
    /// use bulkrail_core::json::ResponseSchema;
    ///
    /// let schemas = r#"{"Job":{"type":"object","properties":{"id":{"type":"string"},"done":{"type":"integer"}}}}"#;
    /// let schema = ResponseSchema::new(schemas, "Job");
    /// assert_eq!(schema.missing_pointers(&["/id", "/total"]), ["/total"]);
    /// ```
    #[must_use]
    pub fn missing_pointers<'p>(&self, pointers: &[&'p str]) -> Vec<&'p str> {
        let is_known = |pointer: &str| {
            let mut names = pointer.split('/').skip(1).peekable();
            let mut schema = self;
            while let Some(name) = names.next() {
                let Some(field) = schema.fields.iter().find(|field| field.name == name) else { return false };
                if names.peek().is_none() {
                    return true;
                }
                let nested = field.types.iter().find_map(|field_type| match field_type {
                    FieldType::Object(nested) => Some(nested),
                    _ => None,
                });
                let Some(nested) = nested else { return false };
                schema = nested;
            }
            false
        };
        pointers.iter().copied().filter(|pointer| !is_known(pointer)).collect()
    }

    /// Adds to `drift` the differences of the object at `path`, of which `fields` are the names and types.
    ///
    /// `nested` compares the value of a field with its own schema.
    pub(super) fn compare<'v>(
        &self,
        path: Option<&JsonPath<'_>>,
        fields: impl Iterator<Item = (&'v str, JsonType<'v>)> + Clone,
        drift: &mut Vec<Drift>,
        nested: &mut dyn FnMut(&JsonPath<'_>, &Self, &mut Vec<Drift>),
    ) {
        for (name, found) in fields.clone() {
            let Some(field) = self.fields.iter().find(|field| field.name == name) else {
                if !self.is_open {
                    let pointer = JsonPath::new(path, name).pointer();
                    drift.push(Drift::new(pointer, DriftKind::UnknownField, "no such field", found.name()));
                }
                continue;
            };
            field.compare(path, &found, drift, nested);
        }
        for field in self.fields.iter().filter(|field| field.is_required) {
            if !fields.clone().any(|(name, _)| name == field.name) {
                drift.push(Drift::new(
                    JsonPath::new(path, &field.name).pointer(),
                    DriftKind::MissingField,
                    field.expected(),
                    "nothing",
                ));
            }
        }
    }

    /// Returns the differences of a whole response.
    #[must_use]
    pub fn differences(&self, response: &Value) -> Vec<Drift> {
        let mut drift = Vec::new();
        self.compare_value(None, response, &mut drift);
        drift
    }

    /// Adds to `drift` the differences of `value`, which is at `path` in a response; `None` is the root.
    ///
    /// Items of an array share one pointer, with `*` for the index.
    pub fn compare_value(&self, path: Option<&JsonPath<'_>>, value: &Value, drift: &mut Vec<Drift>) {
        let Some(map) = value.as_object() else {
            let pointer = path.map(JsonPath::pointer).unwrap_or_default();
            drift.push(Drift::new(pointer, DriftKind::TypeMismatch, "object", JsonType::new(value).name()));
            return;
        };
        let fields = map.iter().map(|(name, value)| (name.as_str(), JsonType::new(value)));
        self.compare(path, fields, drift, &mut |path, schema, drift| match &map[path.name] {
            Value::Array(items) => {
                let each = JsonPath::new(Some(path), "*");
                items.iter().for_each(|item| schema.compare_value(Some(&each), item, drift));
            }
            inner => schema.compare_value(Some(path), inner, drift),
        });
    }
}

impl Field {
    fn compare(
        &self,
        parent: Option<&JsonPath<'_>>,
        found: &JsonType<'_>,
        drift: &mut Vec<Drift>,
        nested: &mut dyn FnMut(&JsonPath<'_>, &ResponseSchema, &mut Vec<Drift>),
    ) {
        if matches!(found, JsonType::Null) && self.is_nullable {
            return;
        }
        let path = JsonPath::new(parent, &self.name);
        match self.types.iter().find(|field_type| field_type.fits(found)) {
            Some(FieldType::String(words)) => {
                if let JsonType::String(word) = found
                    && !words.is_empty()
                    && !words.iter().any(|known| known == word)
                {
                    drift.push(Drift::new(
                        path.pointer(),
                        DriftKind::UnknownValue,
                        words.join(", "),
                        identifier_or_length(word),
                    ));
                }
            }
            Some(FieldType::Object(schema)) => nested(&path, schema, drift),
            Some(FieldType::Array(Some(schema))) => nested(&path, schema, drift),
            Some(_) => {}
            None => drift.push(Drift::new(path.pointer(), DriftKind::TypeMismatch, self.expected(), found.name())),
        }
    }

    fn expected(&self) -> &'static str {
        self.types.first().map_or("a value", FieldType::name)
    }
}

impl FieldType {
    fn parse<'s>(schemas: &'s Value, property: &'s Value, open: &mut Vec<&'s str>) -> Vec<Self> {
        if let Some(name) =
            property["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"))
        {
            // A schema that contains itself would be parsed without end.
            if open.contains(&name) {
                return vec![Self::Any];
            }
            open.push(name);
            let types = Self::parse(schemas, &schemas[name], open);
            open.pop();
            return types;
        }
        if let Some(members) = property["oneOf"].as_array() {
            return Self::one_of(members.iter().flat_map(|member| Self::parse(schemas, member, open)));
        }
        let words = || property["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        vec![match property["type"].as_str() {
            Some("string") => Self::String(words().collect()),
            Some("number") => Self::Number,
            Some("integer") => Self::Integer,
            Some("boolean") => Self::Bool,
            Some("array") => {
                Self::Array(Self::parse(schemas, &property["items"], open).into_iter().find_map(|item| match item {
                    Self::Object(schema) => Some(Box::new(schema)),
                    _ => None,
                }))
            }
            Some("object") => Self::Object(ResponseSchema::parse(schemas, property, open)),
            _ => Self::Any,
        }]
    }

    /// Returns the alternatives, of which the objects are made one.
    fn one_of(members: impl Iterator<Item = Self>) -> Vec<Self> {
        let mut types: Vec<Self> = Vec::new();
        for member in members {
            let object = types.iter().position(|known| matches!(known, Self::Object(_)));
            match (member, object) {
                (Self::Object(schema), Some(object)) => {
                    if let Self::Object(first) = types.remove(object) {
                        types.insert(object, Self::Object(first.or(schema)));
                    }
                }
                (member, _) => types.push(member),
            }
        }
        types
    }

    fn fits(&self, found: &JsonType<'_>) -> bool {
        matches!(
            (self, found),
            (Self::Any, _)
                | (Self::String(_), JsonType::String(_))
                | (Self::Number, JsonType::Integer | JsonType::Fraction)
                | (Self::Integer, JsonType::Integer)
                | (Self::Bool, JsonType::Bool)
                | (Self::Array(_), JsonType::Array)
                | (Self::Object(_), JsonType::Object)
        )
    }

    fn name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Bool => "boolean",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Any => "a value",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn drift(schemas: &Value, value: &Value) -> Vec<(String, DriftKind, String)> {
        let drift = ResponseSchema::new(&schemas.to_string(), "S").differences(value);
        drift.into_iter().map(|drift| (drift.pointer, drift.kind, drift.found)).collect()
    }

    #[test]
    fn schema_of_a_union_has_the_fields_of_all_members() {
        let schemas = json!({
            "S": {"type": "object", "properties": {"u": {"$ref": "#/components/schemas/U"}, "v": {"oneOf": [
                {"$ref": "#/components/schemas/A"}, {"type": "string"}, {"$ref": "#/components/schemas/B"}]}}},
            "U": {"oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]},
            "A": {"type": "object", "required": ["k", "x"], "properties": {"k": {"type": "string"}, "x": {"type": "string"}}},
            "B": {"type": "object", "required": ["k"], "properties": {"k": {"type": "integer"}, "z": {"type": "string"}}},
        });
        for value in [json!({"k": "1", "x": "1"}), json!({"k": 1, "z": "1"})] {
            assert_eq!(drift(&schemas, &json!({"u": value, "v": value})), [], "{value}");
            let root = ResponseSchema::new(&schemas.to_string(), "U").differences(&value);
            assert_eq!(root, [], "{value}");
        }
        assert_eq!(drift(&schemas, &json!({"v": "a text"})), []);
        let found = drift(&schemas, &json!({"u": {"z": "1", "y": 1}}));
        let kinds: Vec<_> = found.iter().map(|(pointer, kind, _)| (&**pointer, *kind)).collect();
        assert_eq!(kinds, [("/u/y", DriftKind::UnknownField), ("/u/k", DriftKind::MissingField)]);
    }

    #[test]
    fn schema_reports_each_kind_of_difference_and_nothing_else() {
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
        let fitting = json!({
            "id": "x",
            "word": "A",
            "either": "77",
            "when": null,
            "rows": [{"a": "b"}, {}],
            "open": {"any": 1},
            "n": 1.5,
        });
        assert_eq!(drift(&schemas, &fitting), []);
        let drift_of = |value| drift(&schemas, &value);
        assert_eq!(drift_of(json!({})), [("/id".to_owned(), MissingField, "nothing".to_owned())]);
        assert_eq!(drift_of(json!({"id": 1})), [("/id".to_owned(), TypeMismatch, "integer".to_owned())]);
        assert_eq!(drift_of(json!({"id": null})), [("/id".to_owned(), TypeMismatch, "null".to_owned())]);
        assert_eq!(drift_of(json!({"id": "x", "word": "C"})), [("/word".to_owned(), UnknownValue, "C".to_owned())]);
        assert_eq!(
            drift_of(json!({"id": "x", "new": ["CANARY"]})),
            [("/new".to_owned(), UnknownField, "array".to_owned())]
        );
        assert_eq!(drift_of(json!({"id": "x", "rows": [{"a": 1, "b": 2}]})).len(), 2);
        assert_eq!(drift_of(json!({"id": "x", "rows": [{"b": 2}]}))[0].0, "/rows/*/b");
        assert_eq!(drift_of(json!({"id": "x", "either": 1.5})).len(), 1);
        let long = "CANARY".repeat(20);
        assert!(!format!("{:?}", drift_of(json!({"id": "x", "word": long}))).contains("CANARY"));
    }

    #[test]
    fn schema_that_contains_itself_is_compared_one_level_deep() {
        let schemas = json!({
            "S": {"type": "object", "properties": {
                "id": {"type": "string"},
                "parent": {"$ref": "#/components/schemas/S"},
                "child": {"$ref": "#/components/schemas/Child"},
                "other": {"$ref": "#/components/schemas/Child"},
            }},
            "Child": {"type": "object", "properties": {
                "id": {"type": "string"},
                "self": {"$ref": "#/components/schemas/Child"},
            }},
        });
        let value = json!({
            "id": 1,
            "parent": {"id": 1},
            "child": {"id": 1, "self": {"id": 1}},
            "other": {"id": 1},
        });
        let pointers: Vec<_> = drift(&schemas, &value).into_iter().map(|(pointer, ..)| pointer).collect();
        assert_eq!(pointers, ["/child/id", "/id", "/other/id"]);
    }
}
