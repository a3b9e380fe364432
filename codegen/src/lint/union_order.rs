//! Unions without a discriminator, in responses: a value is decoded as the first member that fits.
//!
//! An object fits each Rust struct whose required properties it has, and its other properties are
//! lost. The same holds for lists of objects, which are compared as the objects in them.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use crate::document::{Schema, schemas};
use crate::error::Error;
use crate::load::Spec;
use crate::lower::decoded_schemas;
use crate::pointer;

/// Maximum number of objects in a union that are compared in pairs. Beyond it, each needs a
/// required property of its own: the time would grow with the square.
const MAX_COMPARED: usize = 64;

/// Maximum number of members that are followed in unions inside a union. Limits time and stack.
const MAX_NESTED: usize = 64;

/// Maximum nesting of lists in a union: those inside are not compared. Limits time and stack.
const MAX_LISTS: usize = 8;

pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    let document = &spec.document;
    let decoded = decoded_schemas(document);
    for Schema { pointer, value, .. } in schemas(document) {
        let Some(members) = value.get("oneOf").and_then(Value::as_array) else { continue };
        if value.get("discriminator").is_some() || !is_decoded(&pointer, &decoded) {
            continue;
        }
        let mut collector = Collector { document, seen: BTreeSet::new(), nested: MAX_NESTED, levels: Vec::new() };
        for (index, member) in members.iter().enumerate() {
            collector.add(index, member, 0);
        }
        for (depth, level) in collector.levels.iter().enumerate() {
            for (index, reason) in level_errors(document, depth, level) {
                errors.push(spec.error(&format!("{pointer}/oneOf/{index}"), reason));
            }
        }
    }
}

/// Returns the reasons against the members of one level, each with the index of its member.
fn level_errors(document: &Value, depth: usize, level: &Level<'_>) -> Vec<(usize, String)> {
    let is_list = depth > 0;
    let mut found = Vec::new();
    for (index, other) in ambiguous(document, &level.objects) {
        let reason = match is_list {
            false => format!(
                "a response with member {other} (counted from 0) would be read as this one, without the properties \
                 that only the other has; give the union a `discriminator`, or every member but the last a required \
                 property of its own"
            ),
            true => format!(
                "a response with the list of member {other} (counted from 0) would be read as this one, without the \
                 properties that only the objects of the other have; give the objects of every list but the last a \
                 required property of their own"
            ),
        };
        found.push((index, reason));
    }
    if let (Some(list), Some(object)) = (level.lists.last(), level.objects.first())
        && object.index < *list
    {
        let reason = match is_list {
            false => "an array comes before the objects of a union: an object is read from an array, too; move it up",
            true => {
                "a list of arrays comes before the lists of objects: an object is read from an array, too; move it up"
            }
        };
        found.push((*list, reason.to_owned()));
    }
    found
}

/// Returns whether a response contains the schema at `pointer`.
fn is_decoded(pointer: &str, decoded: &BTreeSet<String>) -> bool {
    if let Some(rest) = pointer.strip_prefix("/components/schemas/") {
        let name = rest.split('/').next().unwrap_or_default();
        return decoded.contains(&name.replace("~1", "/").replace("~0", "~"));
    }
    let mut keys = pointer.split('/').skip(1);
    match (keys.next(), keys.next()) {
        (Some("components"), Some("responses")) => keys.nth(1) == Some("content"),
        // Path, method, `responses`, status. Bodies of errors are not decoded with their schema.
        (Some("paths"), _) if keys.nth(1) == Some("responses") => {
            keys.next().is_some_and(|status| status.starts_with('2')) && keys.next() == Some("content")
        }
        _ => false,
    }
}

/// Object that a union has as a member, directly or in a union inside it.
struct Object<'a> {
    index: usize,
    schema: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    fn property(&self, name: &str) -> Option<&'a Value> {
        self.schema.get("properties")?.get(name)
    }

    /// Returns the properties without which the object is not decoded.
    fn demanded(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let required = self.schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required = required.filter_map(Value::as_str).filter_map(|name| Some((name, self.property(name)?)));
        // A missing property is read as null.
        required.filter(|(_, property)| property.get("nullable") != Some(&Value::Bool(true)))
    }
}

/// Members of a union that are compared with each other: at depth 0 those of the union, at depth 1 what the lists
/// among them have as items, and so on.
#[derive(Default)]
struct Level<'a> {
    objects: Vec<Object<'a>>,
    /// Indexes of the members that are arrays.
    lists: Vec<usize>,
}

/// Collects the objects and arrays of a union.
struct Collector<'a> {
    document: &'a Value,
    seen: BTreeSet<(usize, *const Value)>,
    /// Number of members of unions inside the union that are still followed.
    nested: usize,
    levels: Vec<Level<'a>>,
}

impl<'a> Collector<'a> {
    fn add(&mut self, index: usize, member: &'a Value, depth: usize) {
        let member = follow(self.document, member);
        // Another rule reports circles, and members that are there twice.
        if !self.seen.insert((depth, std::ptr::from_ref(member))) || depth > MAX_LISTS {
            return;
        }
        let Some(schema) = member.as_object() else { return };
        if self.levels.len() <= depth {
            self.levels.resize_with(depth + 1, Level::default);
        }
        if let Some(members) = schema.get("oneOf").and_then(Value::as_array) {
            for member in members {
                let Some(left) = self.nested.checked_sub(1) else { return };
                self.nested = left;
                self.add(index, member, depth);
            }
        } else if schema.get("type").map_or(schema.contains_key("properties"), |kind| kind == "object") {
            self.levels[depth].objects.push(Object { index, schema });
        } else if schema.get("type").is_some_and(|kind| kind == "array") {
            self.levels[depth].lists.push(index);
            if let Some(items) = schema.get("items") {
                self.add(index, items, depth + 1);
            }
        }
    }
}

/// Returns the indexes of the members as which a later member would be decoded, each with that of
/// the later one.
fn ambiguous(document: &Value, objects: &[Object<'_>]) -> Vec<(usize, usize)> {
    let mut later: HashSet<&str> = HashSet::new();
    let mut found = BTreeSet::new();
    for (position, object) in objects.iter().enumerate().rev() {
        let others = &objects[position + 1..];
        let is_distinct = |other: &&Object<'_>| {
            other.index == object.index || (objects.len() <= MAX_COMPARED && is_distinct(document, object, other))
        };
        if !object.demanded().any(|(name, _)| !later.contains(name))
            && let Some(other) = others.iter().find(|other| !is_distinct(other))
        {
            found.insert((object.index, other.index));
        }
        let names = object.schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        later.extend(names.map(|(name, _)| name.as_str()));
    }
    let mut indexes = BTreeSet::new();
    found.into_iter().filter(|(index, _)| indexes.insert(*index)).collect()
}

/// Returns whether a value of `other` is never decoded as `object`: a demanded property is missing
/// or has other values.
fn is_distinct(document: &Value, object: &Object<'_>, other: &Object<'_>) -> bool {
    object.demanded().any(|(name, property)| match other.property(name) {
        None => true,
        Some(theirs) => {
            let kinds = (kind(document, property), kind(document, theirs));
            let differ = match kinds {
                // An object is decoded from an array, too.
                (Some("object"), Some("array")) => false,
                (Some(kind), Some(other)) => kind != other,
                _ => false,
            };
            differ || have_different_words(property, theirs)
        }
    })
}

/// Returns whether both are inline enums without a common word. Those of components accept any.
fn have_different_words(one: &Value, other: &Value) -> bool {
    let words = |schema: &Value| schema.get("enum").and_then(Value::as_array).cloned();
    let (Some(one), Some(other)) = (words(one), words(other)) else { return false };
    one.iter().all(|word| !other.contains(word))
}

/// Returns the JSON type of a schema, if it has one. An integer is a number.
fn kind<'a>(document: &'a Value, schema: &'a Value) -> Option<&'a str> {
    let schema = follow(document, schema);
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        return None;
    }
    match schema.get("type").and_then(Value::as_str)? {
        "integer" => Some("number"),
        kind => Some(kind),
    }
}

fn follow<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    // Another rule reports circles.
    for _ in 0..16 {
        let reference = schema.get("$ref").and_then(Value::as_str);
        match reference.and_then(|reference| pointer::resolve(document, reference)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}
