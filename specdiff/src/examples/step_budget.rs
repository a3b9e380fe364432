//! Limit on the work of validating the examples of one file, whatever the file contains.

use std::collections::{BTreeMap, BTreeSet};

use bulkrail_codegen::pointer;
use serde_json::{Map, Value};

/// Maximum number of schemas and values visited for one file. The largest real specs need a few ten
/// thousand.
const MAX_STEPS: usize = 400_000;

/// Maximum nesting of values, with references followed. Limits the use of the stack.
const MAX_DEPTH: usize = 192;

/// Bytes of text that cost one step.
const BYTES_PER_STEP: usize = 64;

/// Steps for a pattern. Compiling one costs far more than any other keyword of the same length.
const PATTERN_STEPS: usize = 500;

/// Error returned when the validation would take more work than allowed.
#[derive(Debug)]
pub(crate) struct BudgetExceeded;

impl BudgetExceeded {
    pub(crate) fn reason() -> String {
        format!(
            "its references are nested deeper than {MAX_DEPTH} levels, or its examples take more than {MAX_STEPS} \
             validation steps; the remaining examples are not checked"
        )
    }
}

/// Remaining work for one file.
#[derive(Debug)]
pub(crate) struct StepBudget(usize);

impl StepBudget {
    pub(crate) fn new() -> Self {
        Self(MAX_STEPS)
    }

    /// Charges the visit of `count` values with pointers or texts of `bytes` bytes.
    pub(crate) fn take(&mut self, count: usize, bytes: usize) -> Result<(), BudgetExceeded> {
        let steps = count.checked_mul(1 + bytes / BYTES_PER_STEP);
        self.0 = steps.and_then(|steps| self.0.checked_sub(steps)).ok_or(BudgetExceeded)?;
        Ok(())
    }

    /// Returns the components of `document` that `schema` refers to, and charges for copying and
    /// compiling them.
    pub(crate) fn referenced_components<'a>(
        &mut self,
        document: &'a Value,
        schema: &'a Value,
    ) -> Result<Map<String, Value>, BudgetExceeded> {
        let mut walk = ReferenceWalk { document, budget: self, depths: BTreeMap::new(), names: BTreeSet::new() };
        walk.depth(schema, 0, 0)?;
        let mut components = Map::new();
        for name in walk.names {
            if let Some(component) = document.pointer(&format!("/components/schemas/{name}")) {
                self.charge_value(component, 1)?;
                let name = name.replace("~1", "/").replace("~0", "~");
                components.insert(name, component.clone());
            }
        }
        Ok(components)
    }

    /// Charges the maximum work of validating `value` against `schema`, by the same walk without
    /// validating.
    ///
    /// `times` is how often the validator visits this schema, `bytes` the length of the pointer so
    /// far.
    pub(crate) fn charge_validation(
        &mut self,
        root: &Value,
        schema: &Value,
        value: &Value,
        times: usize,
        bytes: usize,
    ) -> Result<(), BudgetExceeded> {
        self.take(times, bytes)?;
        for (key, below) in schema.as_object().into_iter().flatten() {
            let mut list = below.as_array().into_iter().flatten();
            match key.as_str() {
                "$ref" => {
                    let reference = below.as_str().unwrap_or_default();
                    if let Some(target) = pointer::resolve(root, reference) {
                        self.charge_validation(root, target, value, times, bytes + reference.len())?;
                    }
                }
                "allOf" => list.try_for_each(|member| self.charge_validation(root, member, value, times, bytes))?,
                // The validator tests each member alone and among the others before it collects
                // errors.
                "anyOf" | "oneOf" => {
                    list.try_for_each(|member| self.charge_validation(root, member, value, times + 2, bytes))?;
                }
                "if" | "not" | "then" => self.charge_validation(root, below, value, times, bytes)?,
                "items" => {
                    let mut items = value.as_array().into_iter().flatten();
                    items.try_for_each(|item| self.charge_validation(root, below, item, times, bytes))?;
                }
                "properties" => {
                    for (name, property) in below.as_object().into_iter().flatten() {
                        self.take(times, 0)?;
                        if let Some(value) = value.get(name) {
                            self.charge_validation(root, property, value, times, bytes + name.len())?;
                        }
                    }
                }
                "additionalProperties" => {
                    let known = schema.get("properties");
                    for (name, value) in value.as_object().into_iter().flatten() {
                        self.take(times, 0)?;
                        if known.is_none_or(|known| known.get(name).is_none()) {
                            self.charge_validation(root, below, value, times, bytes + name.len())?;
                        }
                    }
                }
                "enum" | "required" => self.charge_value(below, times)?,
                "uniqueItems" => self.charge_value(value, times)?,
                _ => self.take(times, value.as_str().map_or(0, str::len))?,
            }
        }
        Ok(())
    }

    /// Charges the visit of `value` and all values in it.
    fn charge_value(&mut self, value: &Value, times: usize) -> Result<(), BudgetExceeded> {
        match value {
            Value::Object(map) => {
                self.take(times, 0)?;
                map.iter().try_for_each(|(key, value)| {
                    self.take(times, key.len())?;
                    self.charge_value(value, times)
                })
            }
            Value::Array(items) => {
                self.take(times, 0)?;
                items.iter().try_for_each(|item| self.charge_value(item, times))
            }
            Value::String(text) => self.take(times, text.len()),
            _ => self.take(times, 0),
        }
    }
}

/// Walk that follows each reference once.
struct ReferenceWalk<'a, 'b> {
    document: &'a Value,
    budget: &'b mut StepBudget,
    /// Depth of the schema below each reference.
    depths: BTreeMap<&'a str, usize>,
    /// Names of the components, as pointers write them.
    names: BTreeSet<&'a str>,
}

impl<'a> ReferenceWalk<'a, '_> {
    /// Returns the depth below `value`, which is at `level` itself, at the end of a pointer of
    /// `bytes` bytes.
    fn depth(&mut self, value: &'a Value, level: usize, bytes: usize) -> Result<usize, BudgetExceeded> {
        self.budget.take(1, bytes)?;
        if level > MAX_DEPTH {
            return Err(BudgetExceeded);
        }
        let mut deepest = 0;
        match value {
            Value::Object(map) => {
                for (key, below) in map {
                    let depth = match (key.as_str(), below) {
                        ("$ref", Value::String(reference)) => self.reference_depth(reference, level + 1)?,
                        ("pattern", Value::String(_)) => self.budget.take(PATTERN_STEPS, 0).map(|()| 0)?,
                        _ => self.depth(below, level + 1, bytes + key.len())?,
                    };
                    deepest = deepest.max(1 + depth);
                }
            }
            Value::Array(items) => {
                for item in items {
                    deepest = deepest.max(1 + self.depth(item, level + 1, bytes)?);
                }
            }
            _ => {}
        }
        Ok(deepest)
    }

    /// Returns the depth below `reference`.
    fn reference_depth(&mut self, reference: &'a str, level: usize) -> Result<usize, BudgetExceeded> {
        self.budget.take(1, reference.len())?;
        let depth = match (self.depths.get(reference), pointer::resolve(self.document, reference)) {
            (Some(depth), _) => *depth,
            (None, Some(target)) => {
                let name = reference.strip_prefix("#/components/schemas/").and_then(|rest| rest.split('/').next());
                self.names.extend(name);
                let depth = self.depth(target, level, reference.len())?;
                self.depths.insert(reference, depth);
                depth
            }
            // Compiling the schema reports it.
            (None, None) => 0,
        };
        if level + depth > MAX_DEPTH { Err(BudgetExceeded) } else { Ok(depth) }
    }
}
