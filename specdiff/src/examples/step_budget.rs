//! What the examples of one file may cost. A spec is somebody else's file: its size alone must not decide about our time and memory.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use bulkrail_codegen::pointer;

/// Schemas and values looked at for the examples of one file. The largest honest ones need a few ten thousand.
const MAX_STEPS: usize = 400_000;

/// Values inside one another, references followed; keeps a hostile file from using up the stack.
const MAX_DEPTH: usize = 192;

/// Bytes of text that cost as much as one value.
const TEXT: usize = 64;

/// Patterns are made into machines, which costs far more than anything else that is written in so few bytes.
const PATTERN: usize = 500;

/// Why the examples of a file are not held against their schemas.
#[derive(Debug)]
pub(crate) struct TooMuch;

impl TooMuch {
    pub(crate) fn reason() -> String {
        format!(
            "its references lead more than {MAX_DEPTH} levels deep, or its examples meet more than {MAX_STEPS} schemas and \
             values; they are not held against each other any further"
        )
    }
}

/// What is left to spend on one file.
#[derive(Debug)]
pub(crate) struct Steps(usize);

impl Steps {
    pub(crate) fn new() -> Self {
        Self(MAX_STEPS)
    }

    /// Work that takes as long as looking at `count` values with pointers of `width` bytes.
    pub(crate) fn take(&mut self, count: usize, width: usize) -> Result<(), TooMuch> {
        self.0 = count.checked_mul(1 + width / TEXT).and_then(|steps| self.0.checked_sub(steps)).ok_or(TooMuch)?;
        Ok(())
    }

    /// What `schema` leads to among the components of `document`, which is charged for being copied and prepared.
    pub(crate) fn reached<'a>(
        &mut self,
        document: &'a Value,
        schema: &'a Value,
    ) -> Result<Map<String, Value>, TooMuch> {
        let mut reach = Reach { document, steps: self, depths: BTreeMap::new(), names: BTreeSet::new() };
        reach.depth(schema, 0, 0)?;
        let mut found = Map::new();
        for name in reach.names {
            if let Some(component) = document.pointer(&format!("/components/schemas/{name}")) {
                self.all_of(component, 1)?;
                let name = name.replace("~1", "/").replace("~0", "~");
                found.insert(name, component.clone());
            }
        }
        Ok(found)
    }

    /// Charges what holding `value` against `schema` costs at most: the same way is gone, with nothing held against anything.
    /// `times` is how often it is gone, `width` how long the pointers have become on it.
    pub(crate) fn hold(
        &mut self,
        root: &Value,
        schema: &Value,
        value: &Value,
        times: usize,
        width: usize,
    ) -> Result<(), TooMuch> {
        self.take(times, width)?;
        for (key, below) in schema.as_object().into_iter().flatten() {
            let list = || below.as_array().into_iter().flatten();
            match key.as_str() {
                "$ref" => {
                    let reference = below.as_str().unwrap_or_default();
                    if let Some(target) = pointer::resolve(root, reference) {
                        self.hold(root, target, value, times, width + reference.len())?;
                    }
                }
                "allOf" => list().try_for_each(|member| self.hold(root, member, value, times, width))?,
                // Each is tried, alone and beside the others, before it is asked what is wrong.
                "anyOf" | "oneOf" => list().try_for_each(|member| self.hold(root, member, value, times + 2, width))?,
                "not" => self.hold(root, below, value, times, width)?,
                "items" => {
                    let mut items = value.as_array().into_iter().flatten();
                    items.try_for_each(|item| self.hold(root, below, item, times, width))?;
                }
                "properties" => {
                    for (name, property) in below.as_object().into_iter().flatten() {
                        self.take(times, 0)?;
                        if let Some(value) = value.get(name) {
                            self.hold(root, property, value, times, width + name.len())?;
                        }
                    }
                }
                "additionalProperties" => {
                    let known = schema.get("properties");
                    for (name, value) in value.as_object().into_iter().flatten() {
                        self.take(times, 0)?;
                        if known.is_none_or(|known| known.get(name).is_none()) {
                            self.hold(root, below, value, times, width + name.len())?;
                        }
                    }
                }
                "enum" | "required" => self.all_of(below, times)?,
                "uniqueItems" => self.all_of(value, times)?,
                _ => self.take(times, value.as_str().map_or(0, str::len))?,
            }
        }
        Ok(())
    }

    /// Charges every value in `value`.
    fn all_of(&mut self, value: &Value, times: usize) -> Result<(), TooMuch> {
        match value {
            Value::Object(map) => {
                self.take(times, 0)?;
                map.iter().try_for_each(|(key, value)| {
                    self.take(times, key.len())?;
                    self.all_of(value, times)
                })
            }
            Value::Array(items) => {
                self.take(times, 0)?;
                items.iter().try_for_each(|item| self.all_of(item, times))
            }
            Value::String(text) => self.take(times, text.len()),
            _ => self.take(times, 0),
        }
    }
}

/// Follows references, each one once.
struct Reach<'a, 's> {
    document: &'a Value,
    steps: &'s mut Steps,
    /// How deep it goes below each reference.
    depths: BTreeMap<&'a str, usize>,
    /// The components, as pointers write them.
    names: BTreeSet<&'a str>,
}

impl<'a> Reach<'a, '_> {
    /// How deep it goes below `value`, which is `level` deep itself, at the end of a pointer of `width` bytes.
    fn depth(&mut self, value: &'a Value, level: usize, width: usize) -> Result<usize, TooMuch> {
        self.steps.take(1, width)?;
        if level > MAX_DEPTH {
            return Err(TooMuch);
        }
        let mut deepest = 0;
        match value {
            Value::Object(map) => {
                for (key, below) in map {
                    let depth = match (key.as_str(), below) {
                        ("$ref", Value::String(reference)) => self.below(reference, level + 1)?,
                        ("pattern", Value::String(_)) => self.steps.take(PATTERN, 0).map(|()| 0)?,
                        _ => self.depth(below, level + 1, width + key.len())?,
                    };
                    deepest = deepest.max(1 + depth);
                }
            }
            Value::Array(items) => {
                for item in items {
                    deepest = deepest.max(1 + self.depth(item, level + 1, width)?);
                }
            }
            _ => {}
        }
        Ok(deepest)
    }

    /// How deep it goes below `reference`.
    fn below(&mut self, reference: &'a str, level: usize) -> Result<usize, TooMuch> {
        self.steps.take(1, reference.len())?;
        let depth = match (self.depths.get(reference), pointer::resolve(self.document, reference)) {
            (Some(depth), _) => *depth,
            (None, Some(target)) => {
                let name = reference.strip_prefix("#/components/schemas/").and_then(|rest| rest.split('/').next());
                self.names.extend(name);
                let depth = self.depth(target, level, reference.len())?;
                self.depths.insert(reference, depth);
                depth
            }
            // What is wrong with it is said by whoever needs it.
            (None, None) => 0,
        };
        if level + depth > MAX_DEPTH { Err(TooMuch) } else { Ok(depth) }
    }
}
