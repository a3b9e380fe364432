//! JSON pointers (RFC 6901), as far as specs need them.

use serde_json::Value;

/// `parent` with one more step.
pub fn join(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Calls `visit` with the pointer of every value of `document`, parents first.
pub fn walk<'a>(document: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
    fn step<'a>(at: &str, value: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
        visit(at, value);
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| step(&join(at, key), value, visit)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, value)| step(&format!("{at}/{index}"), value, visit));
            }
            _ => {}
        }
    }
    step("", document, visit);
}

/// The value that a local reference (`#/components/...`) points at.
pub fn resolve<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}
