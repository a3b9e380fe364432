//! Holds JSON against the schemas of a document, undocumented fields included.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// The schemas of one document, in the words of JSON Schema.
#[derive(Debug, Clone)]
pub struct Schemas {
    components: Value,
    /// `allOf` puts objects together; then none of them can be closed on its own.
    open: bool,
}

/// What is wrong with a value.
pub(crate) struct Problem {
    /// The pointer within the value.
    pub(crate) at: String,
    pub(crate) reason: String,
}

impl Schemas {
    /// The component schemas of `document`, which others refer to.
    #[must_use]
    pub fn of(document: &Value) -> Self {
        let mut schemas = Self { components: Value::Null, open: false };
        let components = document.pointer("/components/schemas");
        schemas.open = crate::schemas::schemas(document).iter().any(|schema| schema.value.get("allOf").is_some());
        schemas.components =
            json!({"schemas": each(components.unwrap_or(&Value::Null), |schema| schemas.translated(schema))});
        schemas
    }

    /// What is wrong with `value`; it may have no field that `schema` does not have, unless `schema` is open.
    #[must_use]
    pub fn problems(&self, schema: &Value, value: &Value) -> Vec<String> {
        match self.validator(schema) {
            Ok(validator) => {
                problems(&validator, value).into_iter().map(|found| format!("{}: {}", found.at, found.reason)).collect()
            }
            Err(reason) => vec![reason],
        }
    }

    /// A schema ready to be used, or why it is none.
    pub(crate) fn validator(&self, schema: &Value) -> Result<Validator, String> {
        let root = json!({"allOf": [self.translated(schema)], "components": self.components});
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        options.build(&root).map_err(|error| error.to_string())
    }

    /// The OpenAPI 3.0 dialect in the words of JSON Schema 2020-12, with objects closed that are not said to be open.
    fn translated(&self, schema: &Value) -> Value {
        let Value::Object(map) = schema else { return schema.clone() };
        let mut map: Map<_, _> = map.iter().map(|(key, value)| (key.clone(), self.keyword(key, value))).collect();
        for (limit, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            // There it is a mark of the bound, here it is the bound.
            if let Some(Value::Bool(is_marked)) = map.get(limit) {
                let bound = map.get(bound).filter(|_| *is_marked).cloned();
                map.remove(limit);
                map.extend(bound.map(|bound| (limit.to_owned(), bound)));
            }
        }
        if map.get("properties").is_some_and(Value::is_object) && !self.open {
            map.entry("additionalProperties").or_insert(false.into());
        }
        match map.remove("nullable") {
            Some(Value::Bool(true)) => or_null(map),
            _ => map.into(),
        }
    }

    fn keyword(&self, key: &str, value: &Value) -> Value {
        match key {
            "properties" => each(value, |schema| self.translated(schema)),
            "items" | "additionalProperties" | "not" => self.translated(value),
            "oneOf" | "anyOf" | "allOf" => match value {
                Value::Array(members) => members.iter().map(|member| self.translated(member)).collect(),
                other => other.clone(),
            },
            _ => value.clone(),
        }
    }
}

pub(crate) fn problems(validator: &Validator, value: &Value) -> Vec<Problem> {
    let errors = validator
        .iter_errors(value)
        .map(|error| Problem { at: error.instance_path().to_string(), reason: error.to_string() });
    errors.collect()
}

/// A map of schemas by name.
fn each(map: &Value, translated: impl Fn(&Value) -> Value) -> Value {
    let schemas = map.as_object().into_iter().flatten();
    schemas.map(|(name, schema)| (name.clone(), translated(schema))).collect::<Map<_, _>>().into()
}

fn or_null(mut schema: Map<String, Value>) -> Value {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
        return schema.into();
    }
    json!({"anyOf": [schema, {"type": "null"}]})
}
