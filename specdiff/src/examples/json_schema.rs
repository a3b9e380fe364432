//! Holds JSON against the schemas of a document, undocumented fields included.

use std::fmt::{self, Write};

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::step_budget::{Steps, TooMuch};

/// The keywords of OpenAPI 3.0 that say what fits. To JSON Schema others would say something too, such as where references start.
const KEYWORDS: [&str; 26] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "nullable",
    "oneOf",
    "pattern",
    "properties",
    "required",
    "type",
    "uniqueItems",
];

/// Bytes that a pattern may take once it is ready.
const MAX_PATTERN: usize = 64 * 1024;

/// Bytes of what a validator says about a value.
const LONGEST: usize = 300;

/// The schemas of one document, in the words of JSON Schema.
#[derive(Debug, Clone)]
pub struct Schemas {
    /// A document of nothing but the components.
    document: Value,
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
        let mut schemas = Self { document: Value::Null, open: false };
        let components = document.pointer("/components/schemas");
        schemas.open =
            bulkrail_codegen::document::schemas(document).iter().any(|schema| schema.value.get("allOf").is_some());
        let components = each(components.unwrap_or(&Value::Null), |schema| schemas.translated(schema));
        schemas.document = json!({"components": {"schemas": components}});
        schemas
    }

    /// What is wrong with `value`; it may have no field that `schema` does not have, unless `schema` is open.
    #[must_use]
    pub fn problems(&self, schema: &Value, value: &Value) -> Vec<String> {
        let Ok(root) = self.root(schema, &mut Steps::new()) else { return vec![TooMuch::reason()] };
        match validator(&root) {
            Ok(validator) => {
                problems(&validator, value).map(|found| format!("{}: {}", found.at, found.reason)).collect()
            }
            Err(reason) => vec![reason],
        }
    }

    /// `schema` with the components that it leads to, and no others: each copy would be as large as the file.
    pub(crate) fn root(&self, schema: &Value, steps: &mut Steps) -> Result<Value, TooMuch> {
        let schema = self.translated(schema);
        let components = steps.reached(&self.document, &schema)?;
        Ok(json!({"allOf": [schema], "components": {"schemas": components}}))
    }

    /// The OpenAPI 3.0 dialect in the words of JSON Schema 2020-12, with objects closed that are not said to be open.
    fn translated(&self, schema: &Value) -> Value {
        let Value::Object(map) = schema else { return schema.clone() };
        let said = map.iter().filter(|(key, _)| KEYWORDS.contains(&key.as_str()));
        let mut map: Map<_, _> = said.map(|(key, value)| (key.clone(), self.keyword(key, value))).collect();
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
            // Nothing else is there, except the schema itself under a name of ours.
            "$ref" => match value.as_str() {
                Some(reference) if !reference.starts_with("#/components/schemas/") || reference.contains('%') => {
                    format!("none:{reference}").into()
                }
                _ => value.clone(),
            },
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

/// A schema ready to be used, or why it is none.
pub(crate) fn validator(root: &Value) -> Result<Validator, String> {
    // Patterns that take their time are refused.
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN);
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    // It would make a machine of the value.
    let options = options.with_pattern_options(patterns).with_format("regex", |_: &str| true);
    options.build(root).map_err(|error| short(&error))
}

pub(crate) fn problems<'a>(validator: &'a Validator, value: &'a Value) -> impl Iterator<Item = Problem> + 'a {
    let errors = validator.iter_errors(value);
    errors.map(|error| Problem { at: error.instance_path().to_string(), reason: short(&error) })
}

/// The start of what a validator says, which may hold the whole example.
fn short(said: &impl fmt::Display) -> String {
    struct Start(String);
    impl Write for Start {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            text.chars().try_for_each(|char| match self.0.len() < LONGEST {
                true => self.0.write_char(char),
                false => Err(fmt::Error),
            })
        }
    }
    let mut start = Start(String::new());
    match write!(start, "{said}") {
        Ok(()) => start.0,
        Err(_) => start.0 + "...",
    }
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
