//! Names of fields and their pointers.

use bulkrail_codegen::pointer;

use crate::pages::budget::MAX_NAME;

/// Returns whether the text can be the name of a field: `status`, `summary.errors`, `items[].id`.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.' | '[' | ']'))
        && !text.ends_with(['.', '-'])
        && !text.contains("..")
}

/// Returns the pointer of a dotted name: `/items/*/id` for `items[].id`.
pub(crate) fn pointer_of(name: &str) -> String {
    let mut pointer = String::new();
    for segment in name.split('.') {
        let key = segment.trim_end_matches("[]");
        pointer = pointer::join(&pointer, key);
        for _ in 0..segment[key.len()..].len() / 2 {
            pointer.push_str("/*");
        }
    }
    pointer
}

/// Returns the pointer of the parameter `name` in `location` (path, query, header or cookie).
pub(crate) fn parameter_pointer(location: &str, name: &str) -> String {
    pointer::join(&pointer::join("", location), name)
}

/// Returns the pointer of the enclosing value, or `None` for the body itself.
pub(crate) fn parent(pointer: &str) -> Option<&str> {
    pointer.rfind('/').map(|end| &pointer[..end])
}

/// Returns the last segment of a pointer, unescaped.
pub(crate) fn leaf(pointer: &str) -> String {
    let segment = pointer.rsplit('/').next().unwrap_or_default();
    segment.replace("~1", "/").replace("~0", "~")
}
