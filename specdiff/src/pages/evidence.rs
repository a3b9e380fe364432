//! Pages that a spec names as its sources.

use std::collections::BTreeSet;

use serde_json::Value;

/// Returns the addresses in `x-source`. A page and its `.md` version count as one.
pub(crate) fn sources(value: &Value) -> BTreeSet<String> {
    let list: Vec<&Value> = match value.get("x-source") {
        Some(Value::Array(list)) => list.iter().collect(),
        single => single.into_iter().collect(),
    };
    list.into_iter().filter_map(Value::as_str).map(|page| page.trim_end_matches(".md").to_owned()).collect()
}

/// Returns whether the evidence is not one of `pages`, so that those pages need not mention the
/// value.
pub(crate) fn is_from_other_page(value: &Value, pages: &BTreeSet<String>) -> bool {
    let own = sources(value);
    let evidence = value.get("x-evidence").and_then(Value::as_str);
    matches!(evidence, Some("sdk" | "inference")) || (!own.is_empty() && !pages.is_empty() && own.is_disjoint(pages))
}
