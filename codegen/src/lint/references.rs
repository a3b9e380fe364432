//! Every reference leads somewhere, and none back to itself.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Lint;
use crate::pointer;

impl Lint<'_> {
    pub(super) fn references(&mut self) {
        let mut wrong = Vec::new();
        pointer::walk(&self.spec.document, &mut |at, value| {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return;
            };
            if pointer::resolve(&self.spec.document, reference).is_none() {
                wrong.push((pointer::join(at, "$ref"), format!("`{reference}` points at nothing in this file")));
            } else if self.loops(reference) {
                wrong.push((pointer::join(at, "$ref"), format!("`{reference}` leads back to itself")));
            }
        });
        wrong.into_iter().for_each(|(at, reason)| self.report(&at, reason));
    }

    /// Whether following `reference` comes back to it.
    fn loops(&self, reference: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![reference.to_owned()];
        while let Some(next) = open.pop() {
            let Some(target) = pointer::resolve(&self.spec.document, &next) else {
                continue;
            };
            let mut leads_back = false;
            pointer::walk(target, &mut |_, value| {
                if let Some(below) = value.get("$ref").and_then(Value::as_str) {
                    leads_back |= below == reference;
                    if seen.insert(below.to_owned()) {
                        open.push(below.to_owned());
                    }
                }
            });
            if leads_back {
                return true;
            }
        }
        false
    }
}
