//! Evidence for keywords that constrain a value (rules 1 and 3): `required`, `nullable`, and
//! limits.

use serde_json::Value;

use super::discriminators::discriminator_properties;
use crate::document::{Schema, evidence, operations, schemas};
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;

/// Keywords, besides `required`, that a value can violate.
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

/// Checks that each constraint has a page as evidence, or an `x-unknown` of its own.
pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    let mut constraints = Constraints { spec, errors };
    constraints.schemas();
    constraints.operations();
}

struct Constraints<'a> {
    spec: &'a Spec,
    errors: &'a mut Vec<Error>,
}

impl Constraints<'_> {
    fn schemas(&mut self) {
        let document = &self.spec.document;
        let discriminators = discriminator_properties(document);
        for Schema { pointer, value, .. } in schemas(document) {
            for limit in LIMITS.into_iter().filter(|limit| value.get(limit).is_some_and(|set| *set != false)) {
                self.require_page(&pointer, &pointer::join(&pointer, limit), limit);
            }
            let required = value.get("required").and_then(Value::as_array);
            for (index, name) in required.into_iter().flatten().enumerate() {
                let Some(name) = name.as_str() else { continue };
                let property = pointer::join(&pointer::join(&pointer, "properties"), name);
                // A union cannot be decoded without its discriminator.
                if !discriminators.contains(&property) {
                    let constraint = format!("required: {name}");
                    self.require_page(&property, &format!("{pointer}/required/{index}"), &constraint);
                }
            }
        }
    }

    fn operations(&mut self) {
        let document = &self.spec.document;
        for (operation_pointer, operation) in operations(document) {
            let body = pointer::join(&operation_pointer, "requestBody");
            let parameters = operation["parameters"].as_array().map_or(0, Vec::len);
            let parameters = (0..parameters).map(|index| format!("{operation_pointer}/parameters/{index}"));
            for pointer in parameters.chain([body]) {
                let Some(value) = document.pointer(&pointer) else { continue };
                // OpenAPI demands `required` for path parameters.
                if value["required"] == true && value["in"] != "path" {
                    self.require_page(&pointer, &pointer::join(&pointer, "required"), "required");
                }
            }
        }
    }

    /// Adds an error at `place` if `constraint`, which applies to the value at `subject`, has no
    /// page as evidence.
    fn require_page(&mut self, subject: &str, place: &str, constraint: &str) {
        let document = &self.spec.document;
        let Some(evidence @ ("sdk" | "inference")) = evidence(document, subject) else { return };
        if document.pointer(subject).is_some_and(|value| value.get("x-unknown").is_none()) {
            let hint = "remove it, or say in an `x-unknown` of its own what no page says";
            let reason = format!("`{constraint}` needs a page as evidence, not `{evidence}`; {hint}");
            self.errors.push(self.spec.error(place, reason));
        }
    }
}
