//! How a spec writes down what is not one plain type (rules 5, 6, 8 and 9).

use serde_json::Value;

use super::Lint;
use crate::document::{Schema, component, schemas};
use crate::pointer;

/// What pages put in the place of an address, with a space or with one that does not break.
const BLANKED_OUT: [&str; 2] = ["[email protected]", "[email\u{a0}protected]"];

impl Lint<'_> {
    pub(super) fn shape(&mut self) {
        let provider = self.spec.file.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        for Schema { at, value, .. } in schemas(&self.spec.document) {
            let name = component(&at).unwrap_or_default().to_ascii_lowercase();
            if !provider.is_empty() && name.starts_with(&provider) {
                self.report(&at, format!("the name must do without `{provider}`; the Rust module says it already"));
            }
            if is_of_two_types(value) && value.get("x-contradiction").is_none() {
                self.report(&at, "types that disagree need an `x-contradiction` that says who says what");
            }
        }
        let mut wrong = Vec::new();
        pointer::walk(&self.spec.document, &mut |at, value| {
            if value.as_str().is_some_and(|text| BLANKED_OUT.iter().any(|blank| text.contains(blank))) {
                wrong.push((at.to_owned(), "an address that the page blanks out is written user@example.com"));
            }
            for (kind, media) in value.get("content").and_then(Value::as_object).into_iter().flatten() {
                if kind.starts_with("multipart/") && !(kind == "multipart/form-data" && self.takes_a_file(media)) {
                    let at = pointer::join(&pointer::join(at, "content"), kind);
                    wrong.push((at, "must be multipart/form-data with a property `type: string, format: binary`"));
                }
            }
        });
        wrong.into_iter().for_each(|(at, reason)| self.report(&at, reason));
    }

    fn takes_a_file(&self, media: &Value) -> bool {
        let target = |value: &Value| {
            let reference = value.get("$ref").and_then(Value::as_str)?;
            pointer::resolve(&self.spec.document, reference).cloned()
        };
        let Some(schema) = media.get("schema") else { return false };
        let schema = target(schema).unwrap_or_else(|| schema.clone());
        let properties = schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().any(|(_, part)| {
            let part = target(part).unwrap_or_else(|| part.clone());
            part["type"] == "string" && part["format"] == "binary"
        })
    }
}

/// Whether each member is a plain type, as where a page's declared type and its own example disagree.
fn is_of_two_types(schema: &Value) -> bool {
    let members = schema.get("oneOf").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_plain = |member: &Value| member.get("type").is_some_and(|kind| kind != "object" && kind != "array");
    !members.is_empty() && members.iter().all(is_plain)
}
