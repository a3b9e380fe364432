//! Form of a document: each value has the JSON type that OpenAPI 3.0 gives it, and each key is known.
//!
//! What passes here can be read by the generator. It reads documents with types of its own, whose
//! messages name neither line nor pointer.

mod tables;

use serde_json::{Map, Value};

use self::tables::DOCUMENT;
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;

/// Type of a value.
enum Form {
    /// Any value: the build does not read it.
    Any,
    Text,
    Flag,
    /// Whole number of at least 0.
    Count,
    Number,
    /// Type of a schema: one of these words.
    Type(&'static [&'static str]),
    /// Place of a parameter. Another rule refuses a cookie.
    Place,
    /// Names of required properties.
    Required,
    List(&'static Form),
    /// Object whose keys are names.
    Map(&'static Form),
    Object(&'static ObjectForm),
    /// Object, or a reference to one in `components`.
    Reference(&'static ObjectForm),
    /// Flag or schema.
    FlagOrSchema,
}

/// Keys of a kind of object.
struct ObjectForm {
    /// Name of the kind, with its article.
    name: &'static str,
    /// Map in `components` that references point into, empty if there is none.
    section: &'static str,
    required: &'static [&'static str],
    fields: &'static [(&'static str, Form)],
}

pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    let mut checker = Checker { spec, errors };
    checker.object("", &spec.document, &DOCUMENT);
    for (pointer, names) in component_maps(&spec.document) {
        for name in names.keys().filter(|name| !is_component_name(name)) {
            let reason = "the name of a component has only letters, digits, `.`, `_` and `-` of ASCII; rename it";
            checker.error(&pointer::join(&pointer, name), reason);
        }
    }
}

fn component_maps(document: &Value) -> impl Iterator<Item = (String, &Map<String, Value>)> {
    let sections = document.get("components").and_then(Value::as_object).into_iter().flatten();
    sections.filter_map(|(section, names)| Some((format!("/components/{section}"), names.as_object()?)))
}

fn is_component_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

struct Checker<'a> {
    spec: &'a Spec,
    errors: &'a mut Vec<Error>,
}

impl Checker<'_> {
    fn value(&mut self, pointer: &str, value: &Value, form: &Form) {
        match form {
            Form::Any => {}
            Form::Text => self.expect(pointer, value.is_string(), "text; put it in quotes if it could be a number"),
            Form::Flag => self.expect(pointer, value.is_boolean(), "true or false, without quotes"),
            Form::Count => self.expect(pointer, value.is_u64(), "a whole number of at least 0, without quotes"),
            Form::Number => self.expect(pointer, value.is_number(), "a number, without quotes"),
            Form::Type(words) => self.kind(pointer, value, words),
            Form::Place => {
                let is_known = ["path", "query", "header", "cookie"].iter().any(|place| value == place);
                self.expect(pointer, is_known, "one of path, query, header");
            }
            Form::Required if value.is_boolean() => {
                self.expect(
                    pointer,
                    false,
                    "a list, of an object; to require this value, list its name in `required` of the object",
                );
            }
            Form::Required => self.value(pointer, value, &Form::List(&Form::Text)),
            Form::List(form) => match value.as_array() {
                None => self.expect(pointer, false, "a list"),
                Some(items) => {
                    for (index, item) in items.iter().enumerate() {
                        self.value(&format!("{pointer}/{index}"), item, form);
                    }
                }
            },
            Form::Map(form) => match value.as_object() {
                None => self.expect(pointer, false, "an object with names as keys"),
                Some(map) => {
                    for (name, value) in map.iter().filter(|(name, _)| !is_extension(pointer, name)) {
                        self.value(&pointer::join(pointer, name), value, form);
                    }
                }
            },
            Form::Object(form) => self.object(pointer, value, form),
            Form::Reference(form) => match value.get("$ref") {
                None => self.object(pointer, value, form),
                Some(reference) => self.reference(pointer, value, reference, form),
            },
            Form::FlagOrSchema if value.is_boolean() => {}
            Form::FlagOrSchema => self.value(pointer, value, &tables::SCHEMA_OR_REFERENCE),
        }
    }

    fn kind(&mut self, pointer: &str, value: &Value, words: &[&str]) {
        let known = words.join(", ");
        let Some(list) = value.as_array() else {
            let is_known = value.as_str().is_some_and(|word| words.contains(&word));
            return self.expect(pointer, is_known, &format!("one of {known}"));
        };
        let kinds: Vec<&str> = list.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
        let hint = match kinds[..] {
            [kind] if words.contains(&kind) && list.len() == 1 => format!("write `type: {kind}`"),
            [kind] if words.contains(&kind) => format!("write `type: {kind}` and `nullable: true`"),
            _ => "write `oneOf` with a schema for each".to_owned(),
        };
        self.error(pointer, format!("must be one of {known}, not a list, in OpenAPI 3.0; {hint}"));
    }

    fn object(&mut self, pointer: &str, value: &Value, form: &ObjectForm) {
        let Some(map) = value.as_object() else {
            return self.expect(pointer, false, &format!("an object: {}", form.name));
        };
        for (key, value) in map.iter().filter(|(key, _)| !key.starts_with("x-")) {
            let pointer = pointer::join(pointer, key);
            match form.fields.iter().find(|(known, _)| known == key) {
                Some((_, form)) => self.value(&pointer, value, form),
                None => {
                    let reason = format!("OpenAPI 3.0 has no key `{key}` in {}; correct or remove it", form.name);
                    self.error(&pointer, reason);
                }
            }
        }
        for key in form.required.iter().filter(|key| !map.contains_key(**key)) {
            self.error(pointer, format!("needs `{key}`: {} has one", form.name));
        }
    }

    fn reference(&mut self, pointer: &str, value: &Value, reference: &Value, form: &ObjectForm) {
        let place = pointer::join(pointer, "$ref");
        let Some(text) = reference.as_str() else { return self.expect(&place, false, "text") };
        // Another rule reports what does not exist.
        if pointer::resolve(&self.spec.document, text).is_some() {
            let name = text.strip_prefix(&format!("#/components/{}/", form.section));
            if name.is_none_or(|name| name.contains('/')) {
                let reason = format!(
                    "`{text}` is not {}; refer to one in `#/components/{}`, and move it there",
                    form.name, form.section
                );
                self.error(&place, reason);
            }
        }
        let ignored = value.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        for key in ignored.filter(|key| *key != "$ref" && *key != "description" && !key.starts_with("x-")) {
            let reason = format!("`{key}` beside `$ref` has no effect; write it in the component");
            self.error(&pointer::join(pointer, key), reason);
        }
    }

    fn expect(&mut self, pointer: &str, is_met: bool, expected: &str) {
        if !is_met {
            self.error(pointer, format!("must be {expected}"));
        }
    }

    fn error(&mut self, pointer: &str, reason: impl Into<String>) {
        self.errors.push(self.spec.error(pointer, reason));
    }
}

/// Returns whether a key of a map is an extension. In maps of names `x-` starts a name.
fn is_extension(pointer: &str, key: &str) -> bool {
    key.starts_with("x-") && (pointer == "/paths" || pointer.ends_with("/responses"))
}
