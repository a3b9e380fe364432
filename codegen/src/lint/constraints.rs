//! What narrows a value needs a page that says so (rules 1 and 3): `required`, `nullable`, and limits.

use serde_json::Value;

use super::{Lint, tags};
use crate::document::{Schema, evidence, operations, schemas};
use crate::pointer;

/// Key words, next to `required`, that a value can break.
const LIMITS: [&str; 12] = [
    "nullable",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

impl Lint<'_> {
    /// Pages alone narrow; where there is a need without a page, the thing itself says that it is not known.
    pub(super) fn narrow(&mut self) {
        let document = &self.spec.document;
        let tags = tags(document);
        for Schema { at, value, .. } in schemas(document) {
            for limit in LIMITS.into_iter().filter(|limit| value.get(limit).is_some_and(|set| *set != false)) {
                self.must_have_a_page(&at, &pointer::join(&at, limit), limit);
            }
            let required = value.get("required").and_then(Value::as_array);
            for (index, name) in required.into_iter().flatten().enumerate() {
                let Some(name) = name.as_str() else { continue };
                let property = pointer::join(&pointer::join(&at, "properties"), name);
                // A union cannot be told apart without.
                if !tags.contains(&property) {
                    self.must_have_a_page(&property, &format!("{at}/required/{index}"), &format!("required: {name}"));
                }
            }
        }
        for (at, operation) in operations(document) {
            let body = pointer::join(&at, "requestBody");
            let parameters = operation["parameters"].as_array().map_or(0, Vec::len);
            let parameters = (0..parameters).map(|index| format!("{at}/parameters/{index}"));
            for at in parameters.chain([body]) {
                let Some(value) = document.pointer(&at) else { continue };
                // A path cannot be written without its parameters.
                if value["required"] == true && value["in"] != "path" {
                    self.must_have_a_page(&at, &pointer::join(&at, "required"), "required");
                }
            }
        }
    }

    /// `what`, which stands at `place`, narrows the thing at `at`.
    fn must_have_a_page(&mut self, at: &str, place: &str, what: &str) {
        let document = &self.spec.document;
        let Some(evidence @ ("sdk" | "inference")) = evidence(document, at) else { return };
        if document.pointer(at).is_some_and(|value| value.get("x-unknown").is_none()) {
            let way_out = "take it out, or say in an `x-unknown` of its own what no page says";
            self.report(place, format!("`{what}` needs a page that says so, not the evidence `{evidence}`; {way_out}"));
        }
    }
}
