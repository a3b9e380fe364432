//! Translates schemas of OpenAPI 3.0 into JSON Schema and validates values against them.

use std::fmt::{self, Write};

use bulkrail_codegen::document;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::step_budget::{BudgetExceeded, StepBudget};

/// Keywords of OpenAPI 3.0 that constrain a value.
///
/// Other keywords are left out: JSON Schema gives some of them a meaning, such as a base for
/// references.
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

/// Maximum size of a compiled pattern.
const MAX_PATTERN_BYTES: usize = 64 * 1024;

/// Maximum length of a message of the validator, which may contain the whole value.
const MAX_MESSAGE_BYTES: usize = 300;

/// Validator for the schemas of one OpenAPI document.
///
/// ```
/// use bulkrail_specdiff::examples::SchemaValidator;
/// use serde_json::json;
///
/// let job = json!({"type": "object", "properties": {"id": {"type": "string"}}});
/// let document = json!({"components": {"schemas": {"Job": job}}});
/// let validator = SchemaValidator::new(&document);
/// let job = json!({"$ref": "#/components/schemas/Job"});
/// assert!(validator.problems(&job, &json!({"id": "1"})).is_empty());
/// assert_eq!(validator.problems(&job, &json!({"id": 1})).len(), 1);
/// // The words of an enum are all that is valid, unless it is marked as open.
/// assert_eq!(validator.problems(&json!({"type": "string", "enum": ["A"]}), &json!("B")).len(), 1);
/// let open = json!({"type": "string", "enum": ["A"], "x-open": true});
/// assert!(validator.problems(&open, &json!("B")).is_empty());
/// assert_eq!(validator.problems(&open, &json!(1)).len(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct SchemaValidator {
    /// Document with nothing but the translated component schemas.
    document: Value,
    /// Whether undocumented fields are valid everywhere: members of `allOf` cannot be closed one by
    /// one.
    allows_unknown_fields: bool,
}

/// Mismatch between a value and its schema.
pub(crate) struct Problem {
    /// Pointer within the value.
    pub(crate) pointer: String,
    pub(crate) reason: String,
}

impl SchemaValidator {
    /// Returns a validator that resolves references to the component schemas of `document`.
    #[must_use]
    pub fn new(document: &Value) -> Self {
        let uses_all_of = document::schemas(document).iter().any(|schema| schema.value.get("allOf").is_some());
        let mut validator = Self { document: Value::Null, allows_unknown_fields: uses_all_of };
        let components = document.pointer("/components/schemas");
        let components = map_schemas(components.unwrap_or(&Value::Null), |schema| validator.translate(schema));
        validator.document = json!({"components": {"schemas": components}});
        validator
    }

    /// Returns the mismatches between `value` and `schema`, one text each.
    ///
    /// A field that `schema` does not have is a mismatch, unless `additionalProperties` allows it.
    #[must_use]
    pub fn problems(&self, schema: &Value, value: &Value) -> Vec<String> {
        let Ok(root) = self.root(schema, &mut StepBudget::new()) else { return vec![BudgetExceeded::reason()] };
        match compile(&root) {
            Ok(validator) => {
                let problems = problems(&validator, value);
                problems.map(|problem| format!("{}: {}", problem.pointer, problem.reason)).collect()
            }
            Err(reason) => vec![reason],
        }
    }

    /// Returns `schema` with the components that it refers to, and no others, to keep the copy
    /// small.
    pub(crate) fn root(&self, schema: &Value, budget: &mut StepBudget) -> Result<Value, BudgetExceeded> {
        let schema = self.translate(schema);
        let components = budget.referenced_components(&self.document, &schema)?;
        Ok(json!({"allOf": [schema], "components": {"schemas": components}}))
    }

    /// Translates a schema to JSON Schema 2020-12. Objects are closed unless the schema says
    /// otherwise.
    fn translate(&self, schema: &Value) -> Value {
        let Value::Object(map) = schema else { return schema.clone() };
        // Beside the words of a marked enum, any text is valid.
        let is_open = map.get("x-open") == Some(&Value::Bool(true));
        let keywords = map.iter().filter(|(key, _)| KEYWORDS.contains(&key.as_str()) && !(is_open && *key == "enum"));
        let mut map: Map<_, _> =
            keywords.map(|(key, value)| (key.clone(), self.translate_keyword(key, value))).collect();
        for (limit, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            // A boolean beside the bound in OpenAPI 3.0, the bound itself in JSON Schema.
            if let Some(Value::Bool(is_exclusive)) = map.get(limit) {
                let bound = map.get(bound).filter(|_| *is_exclusive).cloned();
                map.remove(limit);
                map.extend(bound.map(|bound| (limit.to_owned(), bound)));
            }
        }
        if let Some(of_tag) = by_discriminator(schema, &map) {
            map.remove("oneOf");
            map.insert("allOf".to_owned(), of_tag);
        }
        if map.get("properties").is_some_and(Value::is_object) && !self.allows_unknown_fields {
            map.entry("additionalProperties").or_insert(false.into());
        }
        match map.remove("nullable") {
            Some(Value::Bool(true)) => or_null(map),
            _ => map.into(),
        }
    }

    fn translate_keyword(&self, key: &str, value: &Value) -> Value {
        match key {
            // Only component schemas are copied; any other reference must not resolve by accident.
            "$ref" => match value.as_str() {
                Some(reference) if !reference.starts_with("#/components/schemas/") || reference.contains('%') => {
                    format!("none:{reference}").into()
                }
                _ => value.clone(),
            },
            "properties" => map_schemas(value, |schema| self.translate(schema)),
            "items" | "additionalProperties" | "not" => self.translate(value),
            "oneOf" | "anyOf" | "allOf" => match value {
                Value::Array(members) => members.iter().map(|member| self.translate(member)).collect(),
                other => other.clone(),
            },
            _ => value.clone(),
        }
    }
}

/// Returns the members of a `oneOf` whose discriminator names each of them, each under the condition that a value has its
/// word: the validator then says what is wrong in the member that is meant, and not that none fits.
fn by_discriminator(schema: &Value, translated: &Map<String, Value>) -> Option<Value> {
    let tag = schema.pointer("/discriminator/propertyName")?.as_str()?;
    let words = schema.pointer("/discriminator/mapping")?.as_object()?;
    let members = translated.get("oneOf")?.as_array()?;
    let is_whole = translated.get("allOf").is_none()
        && words.len() == members.len()
        && members.iter().all(|member| words.values().any(|target| *target == member["$ref"]));
    let has_word = |words: Value| json!({"type": "object", "properties": {tag: {"enum": words}}, "required": [tag]});
    let known = has_word(words.keys().cloned().collect());
    let rules = words.iter().map(|(word, target)| json!({"if": has_word(json!([word])), "then": {"$ref": target}}));
    is_whole.then(|| std::iter::once(known).chain(rules).collect())
}

/// Compiles a schema, or returns the reason why it is invalid.
pub(crate) fn compile(root: &Value) -> Result<Validator, String> {
    // Patterns that compile to more than the limit are refused.
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES);
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    // Validating the format `regex` would compile the value, which has no limit.
    let options = options.with_pattern_options(patterns).with_format("regex", |_: &str| true);
    options.build(root).map_err(|error| truncated(&error))
}

pub(crate) fn problems<'a>(validator: &'a Validator, value: &'a Value) -> impl Iterator<Item = Problem> + 'a {
    let errors = validator.iter_errors(value);
    errors.map(|error| Problem { pointer: error.instance_path().to_string(), reason: truncated(&error) })
}

/// Returns the start of a message without formatting the rest of it.
fn truncated(message: &impl fmt::Display) -> String {
    struct Start(String);
    impl Write for Start {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            text.chars().try_for_each(|char| match self.0.len() < MAX_MESSAGE_BYTES {
                true => self.0.write_char(char),
                false => Err(fmt::Error),
            })
        }
    }
    let mut start = Start(String::new());
    match write!(start, "{message}") {
        Ok(()) => start.0,
        Err(_) => start.0 + "...",
    }
}

/// Translates each schema of a map by name.
fn map_schemas(map: &Value, translate: impl Fn(&Value) -> Value) -> Value {
    let schemas = map.as_object().into_iter().flatten();
    schemas.map(|(name, schema)| (name.clone(), translate(schema))).collect::<Map<_, _>>().into()
}

fn or_null(mut schema: Map<String, Value>) -> Value {
    if let Some(name) = schema.get_mut("type") {
        *name = json!([name.take(), "null"]);
        if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            values.push(Value::Null);
        }
        return schema.into();
    }
    json!({"anyOf": [schema, {"type": "null"}]})
}
