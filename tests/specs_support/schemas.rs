//! Holds JSON against the schemas of a spec, undocumented fields included.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

pub(crate) struct Schemas {
    components: Value,
}

impl Schemas {
    pub(crate) fn of(document: &Value) -> Self {
        Self { components: to_json_schema(&document["components"]) }
    }

    /// What is wrong with `value`; it may have no field that `schema` does not have, unless `schema` is open.
    pub(crate) fn problems(&self, schema: &Value, value: &Value) -> Vec<String> {
        self.validator(schema).iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    fn validator(&self, schema: &Value) -> Validator {
        let root = json!({"allOf": [to_json_schema(schema)], "components": self.components});
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .build(&root)
            .unwrap_or_else(|error| panic!("not a schema: {schema}: {error}"))
    }
}

/// The OpenAPI 3.0 dialect in the words of JSON Schema 2020-12, with objects closed that are not said to be open.
fn to_json_schema(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let mut map: Map<_, _> = map.iter().map(|(key, value)| (key.clone(), to_json_schema(value))).collect();
            if map.get("properties").is_some_and(Value::is_object) {
                map.entry("additionalProperties").or_insert(false.into());
            }
            if map.get("nullable") == Some(&Value::Bool(true)) {
                map.remove("nullable");
                return or_null(map);
            }
            map.into()
        }
        Value::Array(items) => items.iter().map(to_json_schema).collect(),
        other => other.clone(),
    }
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
