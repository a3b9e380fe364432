//! Finds every example of a spec, wherever it stands.

use serde_json::Value;

pub(crate) struct Example<'a> {
    /// JSON pointer of the example.
    pub(crate) at: String,
    /// The schema that stands next to it.
    pub(crate) schema: &'a Value,
    pub(crate) value: &'a Value,
}

/// The examples of media types, parameters, headers, component schemas and their properties.
pub(crate) fn examples(document: &Value) -> Vec<Example<'_>> {
    let mut found = Vec::new();
    anything("", document, &mut found);
    found
}

/// Whatever is not a schema.
fn anything<'a>(at: &str, value: &'a Value, found: &mut Vec<Example<'a>>) {
    match value {
        Value::Object(map) => {
            if let Some(schema) = map.get("schema") {
                given(at, schema, value, found);
                inside(&join(at, "schema"), schema, found);
            }
            for (key, value) in map {
                let at = join(at, key);
                match key.as_str() {
                    "schema" | "example" | "examples" => {}
                    _ if key.starts_with("x-") => {}
                    "schemas" if at == "/components/schemas" => schemas(&at, value, found),
                    _ => anything(&at, value, found),
                }
            }
        }
        Value::Array(items) => {
            (items.iter().enumerate()).for_each(|(index, item)| anything(&join(at, &index.to_string()), item, found))
        }
        _ => {}
    }
}

/// A schema: its own example, and those inside it.
fn inside<'a>(at: &str, schema: &'a Value, found: &mut Vec<Example<'a>>) {
    given(at, schema, schema, found);
    for key in ["items", "additionalProperties", "not"] {
        if let Some(below) = schema.get(key) {
            inside(&join(at, key), below, found);
        }
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        let members = schema.get(key).and_then(Value::as_array).into_iter().flatten();
        for (index, member) in members.enumerate() {
            inside(&join(&join(at, key), &index.to_string()), member, found);
        }
    }
    if let Some(properties) = schema.get("properties") {
        schemas(&join(at, "properties"), properties, found);
    }
}

/// A map of schemas by name.
fn schemas<'a>(at: &str, map: &'a Value, found: &mut Vec<Example<'a>>) {
    for (name, schema) in map.as_object().into_iter().flatten() {
        inside(&join(at, name), schema, found);
    }
}

/// `example` and `examples` of `holder`.
fn given<'a>(at: &str, schema: &'a Value, holder: &'a Value, found: &mut Vec<Example<'a>>) {
    let mut add = |at, value| found.push(Example { at, schema, value });
    if let Some(value) = holder.get("example") {
        add(join(at, "example"), value);
    }
    for (name, example) in holder.get("examples").and_then(Value::as_object).into_iter().flatten() {
        let at = join(&join(&join(at, "examples"), name), "value");
        let value = example.get("value").unwrap_or_else(|| panic!("{at} is missing"));
        add(at, value);
    }
}

fn join(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}
