//! Properties that distinguish the members of a union.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::schemas;
use crate::pointer;

/// Returns the pointers of the discriminating properties. Each is an enum with one value.
pub(super) fn discriminator_properties(document: &Value) -> BTreeSet<String> {
    let mut properties = BTreeSet::new();
    for union in schemas(document).into_iter().map(|schema| schema.value) {
        let Some(name) = union.pointer("/discriminator/propertyName").and_then(Value::as_str) else {
            continue;
        };
        let members = union["oneOf"].as_array().into_iter().flatten();
        let members = members.filter_map(|member| member["$ref"].as_str()?.strip_prefix('#'));
        properties.extend(members.map(|member| pointer::join(&format!("{member}/properties"), name)));
    }
    properties
}
