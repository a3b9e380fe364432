//! JSON pointers (RFC 6901) in OpenAPI documents.
//!
//! ```
//! use bulkrail_codegen::pointer;
//! use serde_json::json;
//!
//! let document = json!({"paths": {"/jobs": 1}});
//! assert_eq!(pointer::join("/paths", "/jobs"), "/paths/~1jobs");
//! assert_eq!(pointer::resolve(&document, "#/paths/~1jobs"), Some(&json!(1)));
//! ```

use serde_json::Value;

/// Returns `parent` with `key`, escaped, as a further segment.
#[must_use]
pub fn join(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Calls `visit` with the pointer of every value of `document`. A value comes before those inside
/// it.
pub fn walk<'a>(document: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
    fn walk_from<'a>(pointer: &str, value: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
        visit(pointer, value);
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| walk_from(&join(pointer, key), value, visit)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, value)| {
                    walk_from(&format!("{pointer}/{index}"), value, visit);
                });
            }
            _ => {}
        }
    }
    walk_from("", document, visit);
}

/// Returns the value that a local reference (`#/components/...`) points at.
#[must_use]
pub fn resolve<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}
