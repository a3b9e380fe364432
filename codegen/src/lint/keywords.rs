//! Schemas that the generator supports, and keywords that fit together.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::document::{Schema, component_name, schemas};
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;

/// Keywords of each type, besides those of every schema.
const KEYWORDS: [(&str, &[&str]); 6] = [
    ("string", &["format", "pattern", "minLength", "maxLength", "enum"]),
    ("integer", NUMERIC),
    ("number", NUMERIC),
    ("boolean", &[]),
    ("array", &["items", "minItems", "maxItems", "uniqueItems"]),
    ("object", &["properties", "required", "additionalProperties", "minProperties", "maxProperties"]),
];

const NUMERIC: &[&str] =
    &["format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "enum"];

/// Formats of numbers that have a Rust type.
const FORMATS: [(&str, &[&str]); 2] = [("integer", &["int32", "int64"]), ("number", &["float", "double"])];

/// Pairs of limits, the lower one first.
const LIMITS: [(&str, &str); 4] =
    [("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"), ("minimum", "maximum")];

pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    for Schema { pointer, value, .. } in schemas(&spec.document) {
        if let Some(schema) = value.as_object().filter(|schema| !schema.contains_key("$ref")) {
            Keywords { spec, errors, pointer, schema }.check();
        }
    }
}

struct Keywords<'a> {
    spec: &'a Spec,
    errors: &'a mut Vec<Error>,
    pointer: String,
    schema: &'a Map<String, Value>,
}

impl Keywords<'_> {
    fn check(&mut self) {
        self.combinations();
        self.keywords_of_type();
        self.words();
        self.limits();
        self.nullable();
        self.default_fits();
    }

    fn combinations(&mut self) {
        for (key, hint) in [
            ("allOf", "write all properties into one schema"),
            ("anyOf", "use `oneOf`, or one schema with all properties"),
            ("not", "remove it, and say it in the description"),
        ] {
            if self.schema.contains_key(key) {
                self.error(key, format!("`{key}` is not supported; {hint}"));
            }
        }
    }

    fn keywords_of_type(&mut self) {
        let schema = self.schema;
        let Some(kind) = schema.get("type") else {
            for (kind, keywords) in KEYWORDS {
                // An object is recognised by its properties, and with `oneOf` the members say the type.
                if kind == "object" && !schema.contains_key("oneOf") {
                    continue;
                }
                if let Some(key) = keywords.iter().find(|key| schema.contains_key(**key)) {
                    let reason = match schema.contains_key("oneOf") {
                        true => format!("`{key}` beside `oneOf` has no effect; write it in the members"),
                        false => format!("needs a `type`: `{key}` belongs to `type: {kind}`"),
                    };
                    return self.error(key, reason);
                }
            }
            return;
        };
        let Some(kind) = kind.as_str() else { return };
        if schema.contains_key("oneOf") {
            self.error("type", "`type` beside `oneOf` is not supported; each member has its own".to_owned());
        }
        for (other, keywords) in KEYWORDS {
            let own = KEYWORDS.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, keywords)| keywords);
            for key in keywords.iter().filter(|key| schema.contains_key(**key) && !own.contains(key)) {
                // A keyword of both kinds of numbers is reported once.
                if self.errors.last().is_none_or(|last| last.pointer != pointer::join(&self.pointer, key)) {
                    self.error(key, format!("`{key}` belongs to `type: {other}`, not to `type: {kind}`; remove one"));
                }
            }
        }
        if kind == "array" && !schema.contains_key("items") {
            self.error("", "an array needs `items`: the schema of its elements".to_owned());
        }
        let formats = FORMATS.iter().find(|(name, _)| *name == kind).map(|(_, formats)| formats);
        if let (Some(formats), Some(format)) = (formats, schema.get("format").and_then(Value::as_str))
            && !formats.contains(&format)
        {
            let reason = format!("`{format}` is not a format of `type: {kind}`; use {}, or none", formats.join(" or "));
            self.error("format", reason);
        }
    }

    /// Checks the words of an enum.
    fn words(&mut self) {
        let Some(words) = self.schema.get("enum").and_then(Value::as_array) else { return };
        if words.is_empty() {
            self.error("enum", "an enum needs at least one word; without any, remove `enum`".to_owned());
        }
        if self.schema.get("type").is_some_and(|kind| kind == "integer" || kind == "number") {
            let reason = "an enum of numbers is not supported; remove `enum`, and list the numbers in the description";
            return self.error("enum", reason.to_owned());
        }
        let mut seen = BTreeSet::new();
        for (index, word) in words.iter().enumerate() {
            let place = format!("enum/{index}");
            match word {
                Value::String(word) if word.is_empty() => {
                    let reason = "an empty word has no name in Rust; remove it (an enum component of responses keeps unknown \
                                  words), or remove `enum`";
                    self.error(&place, reason.to_owned());
                }
                Value::String(word) if seen.insert(word) => {}
                Value::String(word) => self.error(&place, format!("`{word}` is listed twice; keep one")),
                Value::Null => self.error(&place, "null is not a word; remove it: a missing value is read".to_owned()),
                other => self.error(&place, format!("must be text; write '{other}' in quotes")),
            }
        }
        for key in ["format", "pattern", "minLength", "maxLength"] {
            if self.schema.contains_key(key) {
                self.error(key, format!("`{key}` beside `enum` has no effect; remove it"));
            }
        }
    }

    fn limits(&mut self) {
        for (min, max) in LIMITS {
            let limit = |key| self.schema.get(key).and_then(Value::as_f64);
            if let (Some(lower), Some(upper)) = (limit(min), limit(max))
                && lower > upper
            {
                self.error(min, format!("`{min}` is more than `{max}`; swap them"));
            }
        }
        for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            if self.schema.contains_key(exclusive) && !self.schema.contains_key(limit) {
                self.error(exclusive, format!("`{exclusive}` needs `{limit}`"));
            }
        }
        if self.schema.get("multipleOf").and_then(Value::as_f64).is_some_and(|step| step <= 0.0) {
            self.error("multipleOf", "`multipleOf` must be more than 0".to_owned());
        }
    }

    /// Refuses a component that may be null: the type of a component is never an `Option`.
    fn nullable(&mut self) {
        if component_name(&self.pointer).is_some() && self.schema.get("nullable") == Some(&Value::Bool(true)) {
            let reason = "`nullable` is not supported on a component; remove it: where the value is optional, null is \
                          read as missing";
            self.error("nullable", reason.to_owned());
        }
    }

    fn default_fits(&mut self) {
        let Some(default) = self.schema.get("default") else { return };
        let fits = match self.schema.get("type").and_then(Value::as_str) {
            Some("string") => default.is_string(),
            Some("integer") => default.is_i64() || default.is_u64(),
            Some("number") => default.is_number(),
            Some("boolean") => default.is_boolean(),
            Some("array") => default.is_array(),
            Some("object") => default.is_object(),
            _ => true,
        };
        let is_null = default.is_null() && self.schema.get("nullable") == Some(&Value::Bool(true));
        let words = self.schema.get("enum").and_then(Value::as_array);
        if !is_null && (!fits || words.is_some_and(|words| !words.contains(default))) {
            self.error("default", "the default does not fit its own schema; correct one of them".to_owned());
        }
    }

    /// Adds an error about the value of `key`, or about the schema if `key` is empty.
    fn error(&mut self, key: &str, reason: String) {
        let pointer = match key {
            "" => self.pointer.clone(),
            key => format!("{}/{key}", self.pointer),
        };
        self.errors.push(self.spec.error(&pointer, reason));
    }
}
