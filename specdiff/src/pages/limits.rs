//! Limits of a value, such as `maxItems`.

use std::collections::BTreeMap;

use serde_json::Value;

/// Limits by their keyword in JSON Schema.
pub(crate) type Limits = BTreeMap<&'static str, Value>;

/// Keywords that bound a value, or the number of its characters, elements or properties.
const KEYWORDS: [&str; 13] = [
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "pattern",
    "uniqueItems",
];

/// Returns the limits of a schema.
///
/// OpenAPI 3.0 writes an exclusive bound as a flag beside the bound; the result has it in the
/// notation of 3.1.
pub(crate) fn from_schema(schema: &Value) -> Limits {
    let present = KEYWORDS.into_iter().filter_map(|keyword| Some((keyword, schema.get(keyword)?.clone())));
    let mut limits: Limits = present.filter(|(_, value)| *value != Value::Bool(false)).collect();
    for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if limits.get(exclusive) == Some(&Value::Bool(true)) {
            limits.remove(exclusive);
            if let Some(value) = limits.remove(bound) {
                limits.insert(exclusive, value);
            }
        }
    }
    limits
}

/// Reads a limit as rendered pages write it: `Required array length: 10 - 5000 elements`,
/// `Required range: 0 <= x <= 100`, `length between 1 and 50`, `[ 1 .. 50 ] characters`.
///
/// Returns nothing for any other text.
pub(crate) fn from_text(text: &str) -> Limits {
    let text = text.trim().replace('≥', ">=").replace('≤', "<=");
    if let Some(pattern) = text.strip_prefix("Pattern: ") {
        return [("pattern", Value::from(pattern.trim_matches('`')))].into();
    }
    let lower = text.to_ascii_lowercase();
    let is_length = ["required string length:", "minimum string length:", "maximum string length:"]
        .into_iter()
        .any(|start| lower.starts_with(start));
    let is_array = ["required array length:", "minimum array length:", "maximum array length:"]
        .into_iter()
        .any(|start| lower.starts_with(start));
    let is_range = ["required range:", "[", ">", "<", "length "].into_iter().any(|start| lower.starts_with(start));
    if !(is_length || is_array || is_range) {
        return Limits::new();
    }
    let numbers = numbers(&lower);
    let (min, max) = if is_array || lower.ends_with("items") || lower.ends_with("elements") {
        ("minItems", "maxItems")
    } else if is_length || lower.ends_with("characters") || lower.starts_with("length ") {
        ("minLength", "maxLength")
    } else {
        ("minimum", "maximum")
    };
    match (&numbers[..], lower.as_str()) {
        ([least, most], _) => [(min, least.clone()), (max, most.clone())].into(),
        ([least], text) if text.contains(">=") || text.starts_with("minimum") => [(min, least.clone())].into(),
        ([most], text) if text.contains("<=") || text.starts_with("maximum") => [(max, most.clone())].into(),
        ([least], text) if text.contains('>') && min == "minimum" => [("exclusiveMinimum", least.clone())].into(),
        ([most], text) if text.contains('<') && max == "maximum" => [("exclusiveMaximum", most.clone())].into(),
        ([exact], text) if text.starts_with("required") => [(min, exact.clone()), (max, exact.clone())].into(),
        _ => Limits::new(),
    }
}

fn numbers(text: &str) -> Vec<Value> {
    let is_part = |char: char| char.is_ascii_digit() || matches!(char, '.' | '-');
    let words = text.split(|char: char| !is_part(char)).map(|word| word.trim_end_matches('.'));
    words.filter_map(|word| serde_json::from_str(word).ok()).filter(Value::is_number).collect()
}

/// Effect of a limit on the values that are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Values that were allowed no longer are.
    Tightened,
    /// Every value that was allowed still is.
    Loosened,
}

/// Returns the effect of changing the limit `keyword`. `None` is no limit.
pub(crate) fn effect(keyword: &str, from: Option<&Value>, to: Option<&Value>) -> Effect {
    let is_lower_bound = keyword.starts_with("min") || keyword == "exclusiveMinimum";
    let is_upper_bound = keyword.starts_with("max") || keyword == "exclusiveMaximum";
    match (from.and_then(Value::as_f64), to.and_then(Value::as_f64)) {
        _ if to.is_none() => Effect::Loosened,
        (Some(from), Some(to)) if is_lower_bound && to < from => Effect::Loosened,
        (Some(from), Some(to)) if is_upper_bound && to > from => Effect::Loosened,
        _ => Effect::Tightened,
    }
}

/// Returns whether two limits are the same. A page may write 10 as 10.0.
pub(crate) fn is_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one.and_then(Value::as_f64), other.and_then(Value::as_f64)) {
        (Some(one), Some(other)) => one.total_cmp(&other).is_eq(),
        _ => one == other,
    }
}
