//! From a schema of a description to the fields that it stands for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::pages::budget::{Budget, MAX_NAME, MAX_SCHEMA_DEPTH, Refusal};
use crate::pages::example_values as examples;
use crate::pages::load::Document;
use crate::pages::model::{Field, Kind, Says};
use crate::pages::openapi;
use crate::pages::union;
use bulkrail_codegen::pointer;

/// The reader of one body's schema.
pub(crate) struct Schemas<'a> {
    document: &'a Document,
    sources: &'a BTreeSet<String>,
    budget: &'a mut Budget,
    /// The references that are being followed, outermost first.
    open: Vec<String>,
    depth: usize,
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(document: &'a Document, sources: &'a BTreeSet<String>, budget: &'a mut Budget) -> Self {
        Self { document, sources, budget, open: Vec::new(), depth: 0 }
    }

    /// The field `name` whose schema stands at `at`, and all fields below it, the field itself first.
    pub(crate) fn fields(&mut self, at: &str, name: &str, required: Option<bool>) -> Result<Vec<Field>, Refusal> {
        let refuse = |reason: &str| Refusal::new(reason).at(self.document.line(at), at);
        if self.depth >= MAX_SCHEMA_DEPTH {
            return Err(refuse("its schemas are nested too deep"));
        }
        self.budget.step().map_err(|refusal| refusal.at(self.document.line(at), at))?;
        let before = self.open.len();
        let schema = self.follow(at)?;
        self.depth += 1;
        let fields = self.schema(at, &schema, name, required);
        self.depth -= 1;
        self.open.truncate(before);
        fields
    }

    /// Where the schema at `at` really stands.
    fn follow(&mut self, at: &str) -> Result<String, Refusal> {
        let mut place = at.to_owned();
        loop {
            let refuse = |reason: String| Refusal::new(reason).at(self.document.line(at), at);
            let Some(reference) = self.value(&place).get("$ref").and_then(Value::as_str) else {
                return Ok(place);
            };
            if self.open.iter().any(|open| open == reference) {
                return Err(refuse(format!("`$ref` {} leads back to itself", excerpt(reference))));
            }
            let target = openapi::target(self.document, reference);
            place = target.map_err(|reason| refuse(format!("{reason}: {}", excerpt(reference))))?;
            self.open.push(reference.to_owned());
        }
    }

    fn value(&self, at: &str) -> &'a Value {
        self.document.value.pointer(at).unwrap_or(&Value::Null)
    }

    fn schema(&mut self, at: &str, place: &str, name: &str, required: Option<bool>) -> Result<Vec<Field>, Refusal> {
        let schema = self.value(place);
        let mut field = Field::new(name, self.document.line(at));
        field.at = at.to_owned();
        field.schema = place.to_owned();
        field.required = required;
        field.says = Says { kind: true, format: true, values: true };
        field.from_elsewhere = openapi::is_from_elsewhere(self.value(at), self.sources);
        read_type(schema, &mut field);
        let kept: usize = field.values.iter().flatten().map(String::len).sum();
        self.budget.keep(name.len() + at.len() + place.len() + kept + size_of::<Field>())?;

        let mut found = vec![field];
        self.properties(schema, place, name, &mut found)?;
        if schema.get("items").is_some() {
            found.extend(self.fields(&pointer::join(place, "items"), &format!("{name}/*"), None)?);
        }
        self.members(schema, place, name, &mut found)?;
        let is_alone = found.len() == 1;
        let head = &mut found[0];
        if head.kinds.is_empty() && schema.get("properties").is_some() {
            head.kinds.insert(Kind::Object);
        }
        head.complete = head.kinds.contains(&Kind::Object);
        head.free = is_alone && head.kinds.iter().all(|kind| *kind == Kind::Object);
        self.examples(at, place, &mut found)?;
        Ok(found)
    }

    fn properties(&mut self, schema: &Value, place: &str, name: &str, found: &mut Vec<Field>) -> Result<(), Refusal> {
        let list = pointer::join(place, "properties");
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Ok(());
        };
        let mut children: Vec<(String, &String)> =
            properties.keys().map(|key| (pointer::join(&list, key), key)).collect();
        // The map forgot the order of the page, the lines have it.
        children.sort_by_cached_key(|(at, _)| self.document.line(at));
        for (at, key) in children {
            if key.len() > MAX_NAME {
                let reason = format!("a name longer than {MAX_NAME} bytes is no name of a field");
                return Err(Refusal::new(reason).at(self.document.line(&at), place));
            }
            let below = self.fields(&at, &pointer::join(name, key), Some(requires(schema, key)))?;
            found.extend(below);
        }
        Ok(())
    }

    /// What a schema is made of: everything of `allOf`, any of `oneOf` and `anyOf`.
    fn members(&mut self, schema: &Value, place: &str, name: &str, found: &mut Vec<Field>) -> Result<(), Refusal> {
        for key in ["allOf", "oneOf", "anyOf"] {
            let members = schema.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let mut read = Vec::new();
            for (index, member) in members.iter().enumerate() {
                // 3.1 writes a field that can be null as any of a type and the null type.
                if member.get("type").is_some_and(|kind| kind == "null") {
                    found[0].nullable = Some(true);
                } else {
                    read.push(self.fields(&format!("{place}/{key}/{index}"), name, found[0].required)?);
                }
            }
            match key {
                "allOf" => {
                    for member in read {
                        self.budget.steps(found.len())?;
                        union::add_all(found, member);
                    }
                    for field in found.iter_mut().skip(1) {
                        let key = field.pointer.strip_prefix(name).and_then(|rest| rest.strip_prefix('/'));
                        if key.is_some_and(|key| requires(schema, key)) {
                            field.required = Some(true);
                        }
                    }
                }
                _ if !read.is_empty() => {
                    let mut either = union::either(read);
                    place.clone_into(&mut either[0].schema);
                    if let Some(tag) = schema.pointer("/discriminator/propertyName").and_then(Value::as_str) {
                        let tag = pointer::join(name, tag);
                        for field in either.iter_mut().filter(|field| field.pointer == tag) {
                            field.at = pointer::join(place, "discriminator");
                            field.schema.clone_from(&field.at);
                        }
                    }
                    union::add_all(found, either);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The examples of the property and of the schema that it leads to.
    fn examples(&mut self, at: &str, place: &str, found: &mut [Field]) -> Result<(), Refusal> {
        let mut all = Vec::new();
        let holders: BTreeSet<&str> = [at, place].into();
        for holder in holders {
            all.extend(self.value(holder).get("example"));
            all.extend(self.value(holder).get("examples").and_then(Value::as_array).into_iter().flatten());
        }
        if all.is_empty() {
            return Ok(());
        }
        let places: BTreeMap<String, usize> =
            found.iter().enumerate().map(|(index, field)| (field.pointer.clone(), index)).collect();
        let root = found[0].pointer.clone();
        all.into_iter().try_for_each(|value| examples::attach(found, &places, &root, value, false, self.budget))
    }
}

fn requires(schema: &Value, key: &str) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|list| list.iter().any(|name| name == key))
}

/// Type, format, values and null, in the words of 3.0 and of 3.1.
fn read_type(schema: &Value, field: &mut Field) {
    let mut nullable = schema.get("nullable") == Some(&Value::Bool(true));
    let words: Vec<&Value> = match schema.get("type") {
        Some(Value::Array(words)) => words.iter().collect(),
        word => word.into_iter().collect(),
    };
    for word in words.into_iter().filter_map(Value::as_str) {
        match word {
            "null" => nullable = true,
            word => {
                field.kinds.insert(Kind::named(word));
            }
        }
    }
    field.format = schema.get("format").and_then(Value::as_str).map(str::to_owned);
    let listed: Option<Vec<&Value>> = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(values)), _) => Some(values.iter().collect()),
        (_, Some(value)) => Some(vec![value]),
        _ => None,
    };
    if let Some(listed) = listed {
        nullable |= listed.iter().any(|value| value.is_null());
        let values: Vec<&Value> = listed.into_iter().filter(|value| !value.is_null()).collect();
        if field.kinds.is_empty() {
            field.kinds = values.iter().filter_map(|value| Kind::of(value)).collect();
        }
        field.values = Some(values.into_iter().map(value_text).collect());
    }
    field.nullable = Some(nullable);
}

/// A value as a page would print it.
pub(crate) fn value_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The start of something that the page wrote, for an error.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
