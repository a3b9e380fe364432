//! Where operations and schemas stand in a document, and on what evidence.

use serde_json::Value;

use crate::pointer;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];

/// A schema of a document.
pub struct Schema<'a> {
    /// Its pointer.
    pub at: String,
    /// The schema itself.
    pub value: &'a Value,
    /// The media type, parameter or header whose schema it is, and the pointer of that.
    pub holder: Option<(String, &'a Value)>,
}

/// Each operation of a document: its pointer and its value.
pub fn operations(document: &Value) -> Vec<(String, &Value)> {
    let Some(paths) = document["paths"].as_object() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (path, item) in paths {
        let at = pointer::join("/paths", path);
        let methods = METHODS.iter().filter_map(|method| Some((method, item.get(method)?)));
        found.extend(methods.map(|(method, operation)| (pointer::join(&at, method), operation)));
    }
    found
}

/// The evidence for what stands at `pointer`: its own, or that of the nearest thing around it that has one.
pub fn evidence<'a>(document: &'a Value, pointer: &str) -> Option<&'a str> {
    let mut at = pointer;
    loop {
        let own = document.pointer(at).and_then(|value| value.get("x-evidence"));
        match own {
            Some(evidence) => return evidence.as_str(),
            None => at = &at[..at.rfind('/')?],
        }
    }
}

/// Each schema of a document, wherever it stands; those inside others come after them.
pub fn schemas(document: &Value) -> Vec<Schema<'_>> {
    let mut found = Vec::new();
    outside("", document, &mut found);
    found
}

/// The name of the component schema at this pointer, if it is one itself and not inside one.
pub fn component(at: &str) -> Option<&str> {
    at.strip_prefix("/components/schemas/").filter(|name| !name.contains('/'))
}

/// Whatever is not a schema.
fn outside<'a>(at: &str, value: &'a Value, found: &mut Vec<Schema<'a>>) {
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                let here = pointer::join(at, key);
                match key.as_str() {
                    "example" | "examples" => {}
                    _ if key.starts_with("x-") => {}
                    "schema" => inside(here, below, Some((at.to_owned(), value)), found),
                    "schemas" if at == "/components" => inside_each(&here, below, found),
                    _ => outside(&here, below, found),
                }
            }
        }
        Value::Array(items) => (items.iter().enumerate())
            .for_each(|(index, item)| outside(&pointer::join(at, &index.to_string()), item, found)),
        _ => {}
    }
}

fn inside<'a>(at: String, value: &'a Value, holder: Option<(String, &'a Value)>, found: &mut Vec<Schema<'a>>) {
    found.push(Schema { at: at.clone(), value, holder });
    for key in ["items", "additionalProperties", "not"] {
        if let Some(below) = value.get(key) {
            inside(pointer::join(&at, key), below, None, found);
        }
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        let members = value.get(key).and_then(Value::as_array).into_iter().flatten();
        for (index, member) in members.enumerate() {
            inside(format!("{at}/{key}/{index}"), member, None, found);
        }
    }
    if let Some(properties) = value.get("properties") {
        inside_each(&pointer::join(&at, "properties"), properties, found);
    }
}

fn inside_each<'a>(at: &str, schemas: &'a Value, found: &mut Vec<Schema<'a>>) {
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        inside(pointer::join(at, name), schema, None, found);
    }
}
