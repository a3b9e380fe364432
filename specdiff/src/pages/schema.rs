//! Reads a schema of a description into fields.

use std::collections::{BTreeMap, BTreeSet};

use bulkrail_codegen::pointer;
use serde_json::Value;

use crate::pages::budget::{Budget, MAX_NAME, MAX_SCHEMA_DEPTH, ReadError};
use crate::pages::document::{Document, reference_pointer};
use crate::pages::evidence::is_from_other_page;
use crate::pages::example_values as examples;
use crate::pages::limits;
use crate::pages::model::{Expressiveness, Field, SchemaType, Union};
use crate::pages::union;
use crate::pages::values::{excerpt, value_text};

/// Reader of the schema of one body.
pub(crate) struct SchemaReader<'a> {
    document: &'a Document,
    sources: &'a BTreeSet<String>,
    budget: &'a mut Budget,
    /// References that are being followed, outermost first.
    open_references: Vec<String>,
    depth: usize,
}

impl<'a> SchemaReader<'a> {
    pub(crate) fn new(document: &'a Document, sources: &'a BTreeSet<String>, budget: &'a mut Budget) -> Self {
        Self { document, sources, budget, open_references: Vec::new(), depth: 0 }
    }

    /// Returns the field `name` whose schema is at `property`, followed by all fields below it.
    pub(crate) fn fields(
        &mut self,
        property: &str,
        name: &str,
        required: Option<bool>,
    ) -> Result<Vec<Field>, ReadError> {
        if self.depth >= MAX_SCHEMA_DEPTH {
            return Err(self.refuse(property, "its schemas are nested too deeply".to_owned()));
        }
        self.budget.take_step().map_err(|error| error.with_location(self.document.line(property), property))?;
        let before = self.open_references.len();
        let schema = self.follow(property)?;
        self.depth += 1;
        let fields = self.schema(property, &schema, name, required);
        self.depth -= 1;
        self.open_references.truncate(before);
        fields
    }

    /// Returns the pointer of the schema at `property` after following references.
    fn follow(&mut self, property: &str) -> Result<String, ReadError> {
        let mut target = property.to_owned();
        loop {
            let Some(reference) = self.value(&target).get("$ref").and_then(Value::as_str) else {
                return Ok(target);
            };
            if self.open_references.iter().any(|open| open == reference) {
                return Err(self.refuse(property, format!("`$ref` {} is circular", excerpt(reference))));
            }
            target = reference_pointer(self.document, reference)
                .map_err(|reason| self.refuse(property, format!("{reason}: {}", excerpt(reference))))?;
            self.open_references.push(reference.to_owned());
        }
    }

    fn refuse(&self, pointer: &str, reason: String) -> ReadError {
        ReadError::new(reason).with_location(self.document.line(pointer), pointer)
    }

    fn value(&self, pointer: &str) -> &'a Value {
        self.document.value.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Reads the schema at `target`, which the property at `property` leads to.
    fn schema(
        &mut self,
        property: &str,
        target: &str,
        name: &str,
        required: Option<bool>,
    ) -> Result<Vec<Field>, ReadError> {
        let schema = self.value(target);
        let mut field = Field::new(name, self.document.line(property));
        field.spec_pointer = property.to_owned();
        field.schema_pointer = target.to_owned();
        field.required = required;
        field.expressiveness = Expressiveness { types: true, formats: true, values: true, limits: true };
        field.from_other_page = is_from_other_page(self.value(property), self.sources);
        // Beside a reference, a property may have attributes of its own.
        let is_deprecated = |value: &Value| value.get("deprecated") == Some(&Value::Bool(true));
        field.deprecated = Some(is_deprecated(schema) || is_deprecated(self.value(property)));
        field.limits = limits::from_schema(schema);
        read_type(schema, &mut field);
        let is_3_1 = self.document.value["openapi"].as_str().is_some_and(|version| version.starts_with("3.1"));
        if is_3_1 && property != target {
            // Keywords beside a reference apply as well.
            let mut beside = Field::new(name, None);
            read_type(self.value(property), &mut beside);
            beside.limits = limits::from_schema(self.value(property));
            union::narrow(&mut field, &beside);
        }
        let value_bytes: usize = field.values.iter().flatten().map(String::len).sum();
        self.budget.take_bytes(name.len() + property.len() + target.len() + value_bytes + size_of::<Field>())?;

        let mut fields = vec![field];
        self.properties(schema, target, name, &mut fields)?;
        if schema.get("items").is_some() {
            fields.extend(self.fields(&pointer::join(target, "items"), &format!("{name}/*"), None)?);
        }
        self.members(schema, target, name, &mut fields)?;
        let is_alone = fields.len() == 1;
        let head = &mut fields[0];
        if head.types.is_empty() && schema.get("properties").is_some() {
            head.types.insert(SchemaType::Object);
        }
        head.lists_fields = head.types.contains(&SchemaType::Object);
        head.free_form = is_alone && head.types.iter().all(|kind| *kind == SchemaType::Object);
        self.examples(property, target, &mut fields)?;
        Ok(fields)
    }

    fn properties(
        &mut self,
        schema: &Value,
        target: &str,
        name: &str,
        fields: &mut Vec<Field>,
    ) -> Result<(), ReadError> {
        let list = pointer::join(target, "properties");
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Ok(());
        };
        let mut children: Vec<(String, &String)> =
            properties.keys().map(|key| (pointer::join(&list, key), key)).collect();
        // The JSON map is sorted by key; the line numbers restore the order of the page.
        children.sort_by_cached_key(|(property, _)| self.document.line(property));
        for (property, key) in children {
            if key.len() > MAX_NAME {
                let reason = format!("has a field name longer than {MAX_NAME} bytes");
                return Err(ReadError::new(reason).with_location(self.document.line(&property), target));
            }
            let below = self.fields(&property, &pointer::join(name, key), Some(requires(schema, key)))?;
            fields.extend(below);
        }
        Ok(())
    }

    /// Adds the fields of the members: of all for `allOf`, of any for `oneOf` and `anyOf`.
    fn members(&mut self, schema: &Value, target: &str, name: &str, fields: &mut Vec<Field>) -> Result<(), ReadError> {
        for key in ["allOf", "oneOf", "anyOf"] {
            let members = schema.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let mut read = Vec::new();
            for (index, member) in members.iter().enumerate() {
                // OpenAPI 3.1 writes a nullable field as a union with the type `null`.
                if member.get("type").is_some_and(|kind| kind == "null") {
                    fields[0].nullable = Some(true);
                } else {
                    read.push(self.fields(&format!("{target}/{key}/{index}"), name, fields[0].required)?);
                }
            }
            match key {
                "allOf" => {
                    for member in read {
                        self.budget.take_steps(fields.len())?;
                        union::merge_all_of(fields, member);
                    }
                    let required: BTreeSet<&str> = members
                        .iter()
                        .map(|member| self.target_of(member))
                        .chain([schema])
                        .flat_map(required)
                        .collect();
                    for field in fields.iter_mut().skip(1) {
                        let key = field.pointer.strip_prefix(name).and_then(|rest| rest.strip_prefix('/'));
                        if key.is_some_and(|key| required.contains(key)) {
                            field.required = Some(true);
                        }
                    }
                }
                _ if !read.is_empty() => {
                    let union = self.union(schema, name, &read)?;
                    let mut merged = union::merge_any_of(read);
                    target.clone_into(&mut merged[0].schema_pointer);
                    if let Some(tag) = schema.pointer("/discriminator/propertyName").and_then(Value::as_str) {
                        let tag = pointer::join(name, tag);
                        for field in merged.iter_mut().filter(|field| field.pointer == tag) {
                            field.spec_pointer = pointer::join(target, "discriminator");
                            field.schema_pointer.clone_from(&field.spec_pointer);
                        }
                    }
                    union::merge_all_of(fields, merged);
                    fields[0].union = union;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the member of `allOf`, after following references.
    fn target_of<'b>(&'b self, member: &'b Value) -> &'b Value {
        let mut member = member;
        // Circular references were refused when the fields of the member were read.
        while let Some(reference) = member.get("$ref").and_then(Value::as_str) {
            member = self.value(reference.trim_start_matches('#'));
        }
        member
    }

    /// Returns the members by the value of the discriminator, if each has one of its own.
    fn union(&mut self, schema: &Value, name: &str, members: &[Vec<Field>]) -> Result<Option<Union>, ReadError> {
        let tag = schema.pointer("/discriminator/propertyName").and_then(Value::as_str);
        // Fields beside the members belong to each of them.
        let is_alone = schema.get("properties").is_none() && schema.get("allOf").is_none();
        let Some(tag) = tag.filter(|_| is_alone) else { return Ok(None) };
        let tag = pointer::join(name, tag);
        let mut union = Union { tag, members: BTreeMap::new() };
        for fields in members {
            let value =
                fields.iter().find(|field| field.pointer == union.tag).and_then(|field| field.values.as_deref());
            let Some([value]) = value else { return Ok(None) };
            // The members are kept beside the merged fields.
            let bytes = |field: &Field| {
                field.pointer.len() + field.spec_pointer.len() + field.schema_pointer.len() + size_of::<Field>()
            };
            self.budget.take_bytes(fields.iter().map(bytes).sum())?;
            if union.members.insert(value.clone(), fields.clone()).is_some() {
                return Ok(None);
            }
        }
        Ok(Some(union))
    }

    /// Adds the examples of the property and of the schema that it refers to.
    fn examples(&mut self, property: &str, target: &str, fields: &mut [Field]) -> Result<(), ReadError> {
        let mut values = Vec::new();
        let holders: BTreeSet<&str> = [property, target].into();
        for holder in holders {
            values.extend(self.value(holder).get("example"));
            values.extend(self.value(holder).get("examples").and_then(Value::as_array).into_iter().flatten());
        }
        if values.is_empty() {
            return Ok(());
        }
        let indexes = examples::indexes(fields);
        let root = fields[0].pointer.clone();
        values.into_iter().try_for_each(|value| examples::attach(fields, &indexes, &root, value, false, self.budget))
    }
}

/// Returns the names of the required properties.
fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn requires(schema: &Value, key: &str) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|list| list.iter().any(|name| name == key))
}

/// Reads type, format, values and nullability in the notations of OpenAPI 3.0 and 3.1.
fn read_type(schema: &Value, field: &mut Field) {
    let mut nullable = schema.get("nullable") == Some(&Value::Bool(true));
    let names: Vec<&Value> = match schema.get("type") {
        Some(Value::Array(names)) => names.iter().collect(),
        name => name.into_iter().collect(),
    };
    for name in names.into_iter().filter_map(Value::as_str) {
        match name {
            "null" => nullable = true,
            name => {
                field.types.insert(SchemaType::from_name(name));
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
        if field.types.is_empty() {
            field.types = values.iter().filter_map(|value| SchemaType::from_value(value)).collect();
        }
        field.values = Some(values.into_iter().map(value_text).collect());
    }
    field.nullable = Some(nullable);
}
