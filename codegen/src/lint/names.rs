//! Names that collide in Rust.
//!
//! The generator changes the case of names and drops signs, so that different names of a spec may
//! become one in Rust.

use std::collections::{BTreeMap, BTreeSet};

use heck::{ToKebabCase, ToPascalCase, ToSnakeCase};
use serde_json::Value;

use super::parameters::parameters;
use super::rust_name::{field_name, type_name, value_name, variant_names};
use crate::document::{Schema, component_name, operations, schemas};
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;
use crate::rules::Rules;

/// Methods that the generated client has or calls.
const METHODS: [&str; 11] = [
    "new",
    "new_with_client",
    "with_http",
    "pre",
    "post",
    "exec",
    "api_version",
    "baseurl",
    "client",
    "inner",
    "clone",
];

/// Names that the generated methods use themselves.
const VARIABLES: [&str; 2] = ["header_map", "encode_path"];

/// Maximum number of schemas that are visited inside members of unions with a discriminator. Limits time: each union has a
/// copy of its members.
const MAX_MEMBER_SCHEMAS: usize = 100_000;

pub(super) fn check(spec: &Spec, rules: Rules, errors: &mut Vec<Error>) {
    types(spec, errors);
    for Schema { pointer, value, .. } in schemas(&spec.document) {
        fields(spec, rules, &pointer, value, errors);
        variants(spec, &pointer, value, errors);
    }
    methods(spec, errors);
    for (pointer, operation) in operations(&spec.document) {
        arguments(spec, &pointer, operation, errors);
    }
}

/// Names of one scope, each with the description and line of its origin.
#[derive(Default)]
struct Scope(BTreeMap<String, String>);

impl Scope {
    /// Adds a name. Returns what has the name already.
    fn add(&mut self, name: String, origin: String) -> Option<String> {
        self.0.insert(name, origin)
    }
}

fn types(spec: &Spec, errors: &mut Vec<Error>) {
    let mut names = type_names(&spec.document);
    // A name that was chosen comes first: the error is about the one that follows from it, or about
    // the later one in the file.
    names.sort_by_key(|found| (found.origin.starts_with("the "), spec.line(&found.place)));
    let mut scope: BTreeMap<&str, &TypeName<'_>> = BTreeMap::new();
    for found in &names {
        let TypeName { name, place, origin, schema } = found;
        if name == "String" {
            let reason =
                format!("{origin} becomes the Rust type `String`, which the generated code uses itself; rename it");
            errors.push(spec.error(place, reason));
        }
        let Some(other) = scope.insert(name, found) else { continue };
        // The generator makes one type of two inline schemas, which is right if they are equal.
        if let (Some(schema), Some(theirs)) = (schema, other.schema)
            && (*place == other.place || shape(schema) == shape(theirs))
        {
            continue;
        }
        let theirs = match other.schema {
            Some(_) => format!("{} at {}{}", other.origin, other.place, line(spec, &other.place)),
            None => format!("{}{}", other.origin, line(spec, &other.place)),
        };
        let hint = match place.starts_with("/components/schemas/") {
            true => "rename one of the schemas",
            false => "make it a component schema with a name of its own",
        };
        errors.push(spec.error(place, format!("{origin} becomes the Rust type `{name}`, like {theirs}; {hint}")));
    }
}

/// Name of a Rust type.
struct TypeName<'a> {
    name: String,
    /// Pointer of the schema that becomes the type.
    place: String,
    origin: String,
    /// Schema, if it is inline.
    schema: Option<&'a Value>,
}

/// Returns the Rust types of the schemas, as far as they follow from names.
fn type_names(document: &Value) -> Vec<TypeName<'_>> {
    let mut types = Types { document, left: usize::MAX, found: Vec::new() };
    let used = used_schemas(document);
    for (name, schema) in document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten() {
        let pointer = pointer::join("/components/schemas", name);
        types.add(type_name(name), &pointer, format!("`{name}`"), None);
        if schema.get("enum").is_some() {
            let origin = format!("the list of known words of `{name}`");
            types.add(type_name(&format!("{name}Known")), &pointer, origin, None);
        }
        // The generator writes a schema that is only a member of unions into each of them.
        if used.contains(name.as_str()) {
            types.inside(&prefix(name), &pointer, schema);
        }
    }
    types.left = MAX_MEMBER_SCHEMAS;
    for (name, union) in document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten() {
        let Some(tag) = union.pointer("/discriminator/propertyName").and_then(Value::as_str) else { continue };
        let members = union.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        for reference in members.filter_map(|member| member.get("$ref")?.as_str()) {
            if let Some(member) = pointer::resolve(document, reference) {
                types.properties(&prefix(name), reference.trim_start_matches('#'), member, Some(tag));
            }
        }
    }
    types.left = usize::MAX;
    for (pointer, operation) in operations(document) {
        if let Some(id) = operation.get("operationId").and_then(Value::as_str) {
            types.operation(id, &pointer, operation);
        }
    }
    types.found
}

/// Returns the names of the component schemas that something refers to besides unions with a discriminator, or nothing at
/// all.
fn used_schemas(document: &Value) -> BTreeSet<&str> {
    let (mut used, mut members) = (BTreeSet::new(), BTreeSet::new());
    let mut union = None;
    pointer::walk(document, &mut |pointer, value| {
        if component_name(pointer).is_some() && value.get("discriminator").is_some() {
            union = Some(format!("{pointer}/oneOf/"));
        }
        let reference = value.get("$ref").and_then(Value::as_str);
        let Some(name) = reference.and_then(|reference| reference.strip_prefix("#/components/schemas/")) else {
            return;
        };
        match union.as_ref().is_some_and(|union| pointer.starts_with(union.as_str())) {
            true => members.insert(name),
            false => used.insert(name),
        };
    });
    let names = document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten();
    used.extend(names.map(|(name, _)| name.as_str()).filter(|name| !members.contains(name)));
    used
}

/// Collects the Rust types of schemas.
struct Types<'a> {
    document: &'a Value,
    /// Number of schemas that are still visited.
    left: usize,
    found: Vec<TypeName<'a>>,
}

impl<'a> Types<'a> {
    fn add(&mut self, name: String, place: &str, origin: String, schema: Option<&'a Value>) {
        self.found.push(TypeName { name, place: place.to_owned(), origin, schema });
    }

    /// Adds the types of an operation: of parameters, bodies and success responses.
    fn operation(&mut self, id: &str, pointer: &str, operation: &'a Value) {
        for parameter in parameters(self.document, pointer) {
            if let Some(schema) = parameter.value.get("schema") {
                let name = type_name(&format!("{id}-{}", parameter.name()));
                self.inline(&name, &pointer::join(&parameter.pointer, "schema"), schema);
            }
        }
        if let Some(body) = operation.get("requestBody") {
            let is_typed = |kind: &str| is_json(kind) || kind == "application/x-www-form-urlencoded";
            self.body(&type_name(&format!("{id}-body")), pointer::join(pointer, "requestBody"), body, is_typed);
        }
        let responses = operation.get("responses").and_then(Value::as_object).into_iter().flatten();
        for (status, response) in responses.filter(|(status, _)| status.starts_with('2')) {
            let place = pointer::join(&pointer::join(pointer, "responses"), status);
            self.body(&type_name(&format!("{id}-response")), place, response, is_json);
        }
    }

    fn body(&mut self, name: &str, pointer: String, body: &'a Value, is_typed: impl Fn(&str) -> bool) {
        let (mut pointer, mut body) = (pointer, body);
        // Another rule reports circles.
        for _ in 0..16 {
            let Some(reference) = body.get("$ref").and_then(Value::as_str) else { break };
            let Some(target) = pointer::resolve(self.document, reference) else { break };
            (pointer, body) = (reference.trim_start_matches('#').to_owned(), target);
        }
        let content = body.get("content").and_then(Value::as_object).into_iter().flatten();
        for (kind, media) in content.filter(|(kind, _)| is_typed(kind)) {
            if let Some(schema) = media.get("schema") {
                let media = pointer::join(&pointer::join(&pointer, "content"), kind);
                self.inline(name, &pointer::join(&media, "schema"), schema);
            }
        }
    }

    /// Adds the types of an inline schema, whose own type the generator names by `name`.
    fn inline(&mut self, name: &str, pointer: &str, schema: &'a Value) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        // A union of one member is that member.
        let is_union = schema.get("oneOf").and_then(Value::as_array).is_some_and(|members| members.len() > 1);
        let origin = match () {
            () if schema.get("$ref").is_some() => return,
            () if is_union => Some("the inline `oneOf`"),
            () if schema.get("enum").is_some() => Some("the inline `enum`"),
            () if has_properties(schema) => Some("the inline object"),
            () => None,
        };
        match origin {
            Some(origin) => {
                let name = type_name(name);
                self.add(name.clone(), pointer, origin.to_owned(), Some(schema));
                self.inside(&name, pointer, schema);
            }
            None => self.inside(name, pointer, schema),
        }
    }

    /// Adds the types of what is inside a schema.
    fn inside(&mut self, name: &str, pointer: &str, schema: &'a Value) {
        let members = schema.get("oneOf").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, (member, variant)) in members.iter().zip(member_names(members)).enumerate() {
            let place = format!("{pointer}/oneOf/{index}");
            let variant = if members.len() == 1 { name.to_owned() } else { format!("{name}_{variant}") };
            // An object is written into the variant.
            match members.len() > 1 && has_properties(member) {
                true => self.inside(&type_name(&variant), &place, member),
                false => self.inline(&variant, &place, member),
            }
        }
        if let Some(items) = schema.get("items") {
            self.inline(&format!("{name}_item"), &pointer::join(pointer, "items"), items);
        }
        self.properties(name, pointer, schema, None);
    }

    /// Adds the types of the properties of an object, without that of the discriminator.
    fn properties(&mut self, name: &str, pointer: &str, schema: &'a Value, tag: Option<&str>) {
        let properties = pointer::join(pointer, "properties");
        for (property, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if tag != Some(property) {
                let name = format!("{name}_{}", property.to_snake_case());
                self.inline(&name, &pointer::join(&properties, property), schema);
            }
        }
        if let Some(value) = schema.get("additionalProperties").filter(|value| value.is_object()) {
            let name = if has_properties(schema) { format!("{name}_extraValue") } else { format!("{name}Value") };
            self.inline(&name, &pointer::join(pointer, "additionalProperties"), value);
        }
    }
}

/// Returns the start of the names of the types inside a component schema. The generator changes its case twice, as it does
/// with what it names by an operation: `get_q-s` becomes `GetQS`, then `GetQs`.
fn prefix(name: &str) -> String {
    type_name(&type_name(name))
}

/// Returns whether the generator decodes a body of this content type.
fn is_json(kind: &str) -> bool {
    kind == "application/json" || kind.starts_with("application/json;")
}

fn has_properties(schema: &Value) -> bool {
    schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
}

/// Returns the names of the variants of a union without discriminator, by which inline schemas inside it are named.
fn member_names(members: &[Value]) -> Vec<String> {
    let name = |member: &Value| {
        if let Some(reference) = member.get("$ref").and_then(Value::as_str) {
            return Some(type_name(reference.rsplit('/').next().unwrap_or_default()));
        }
        if member.get("nullable") == Some(&Value::Bool(true)) {
            return None;
        }
        let format = member.get("format").and_then(Value::as_str).filter(|format| format.starts_with("int"));
        Some(type_name(format.or_else(|| member.get("type")?.as_str())?))
    };
    let names = members.iter().map(name).collect::<Option<Vec<String>>>();
    let names = names.filter(|names| names.iter().collect::<BTreeSet<_>>().len() == names.len());
    let without_prefix = names.and_then(|names| {
        let common = names.iter().cloned().reduce(|one, other| common_prefix(&one, &other))?;
        let names = names.iter().map(|name| name.get(common.len()..).map(str::to_owned));
        names.map(|name| name.filter(|name| !name.is_empty())).collect::<Option<Vec<String>>>()
    });
    without_prefix.unwrap_or_else(|| (0..members.len()).map(|index| format!("Variant{index}")).collect())
}

/// Returns the words that both names start with.
fn common_prefix(one: &str, other: &str) -> String {
    let (one, other) = (one.to_kebab_case(), other.to_kebab_case());
    let words = one.split('-').zip(other.split('-')).take_while(|(one, other)| one == other);
    words.map(|(word, _)| word).collect::<Vec<_>>().join("-").to_pascal_case()
}

/// Returns a schema without what has no effect on its Rust type.
fn shape(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            // In `properties` these keys are field names, and the schema of a field is an object.
            let is_prose = |key: &str| matches!(key, "description" | "title" | "example") || key.starts_with("x-");
            let kept = map.iter().filter(|(key, value)| value.is_object() || !is_prose(key));
            kept.map(|(key, value)| (key.clone(), shape(value))).collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(shape).collect(),
        other => other.clone(),
    }
}

/// Returns the pointers of the schemas that become this Rust type, as far as it follows from names.
#[cfg(feature = "generate")]
pub(crate) fn schemas_of_type(document: &Value, name: &str) -> Vec<String> {
    let found = type_names(document).into_iter().filter(|found| found.name == name);
    found.map(|found| found.place).collect()
}

fn fields(spec: &Spec, rules: Rules, pointer: &str, schema: &Value, errors: &mut Vec<Error>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let pointer = pointer::join(pointer, "properties");
    let mut scope = Scope::default();
    if schema.get("additionalProperties").is_some_and(Value::is_object) {
        scope.add("extra".to_owned(), "the map of additional properties".to_owned());
    }
    let mut properties: Vec<_> = properties.keys().map(|name| (pointer::join(&pointer, name), name)).collect();
    // The error is about the later one in the file.
    properties.sort_by_key(|(place, _)| spec.line(place));
    for (place, name) in properties {
        let field = field_name(name);
        if let Some(other) = scope.add(field.clone(), format!("`{name}`{}", line(spec, &place))) {
            let say = if rules == Rules::Bulkrail { ", and say so in an `x-unknown`" } else { "" };
            let reason = format!("`{name}` becomes the Rust field `{field}`, like {other}; leave one out here{say}");
            errors.push(spec.error(&place, reason));
        }
    }
}

fn variants(spec: &Spec, pointer: &str, schema: &Value, errors: &mut Vec<Error>) {
    let words: Vec<&str> = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut scope: BTreeMap<String, (usize, &str)> = BTreeMap::new();
    for (index, name) in variant_names(words.iter().copied()).into_iter().enumerate() {
        let Some((_, other)) = scope.insert(name.clone(), (index, words[index])) else { continue };
        // Another rule reports a word that is listed twice.
        if other != words[index] {
            let reason = format!(
                "`{}` becomes the Rust variant `{name}`, like `{other}`: signs and case are dropped; remove `enum`, and \
                 list the words in the description",
                words[index]
            );
            errors.push(spec.error(&format!("{pointer}/enum/{index}"), reason));
        }
    }
}

fn methods(spec: &Spec, errors: &mut Vec<Error>) {
    let mut scope = Scope::default();
    let mut operations = operations(&spec.document);
    // The error is about the later one in the file.
    operations.sort_by_key(|(pointer, _)| spec.line(pointer));
    for (pointer, operation) in operations {
        let Some(id) = operation.get("operationId").and_then(Value::as_str) else { continue };
        let place = pointer::join(&pointer, "operationId");
        let name = value_name(id);
        if METHODS.contains(&name.as_str()) {
            let reason = format!("every client has a method `{name}` already; choose another operationId");
            errors.push(spec.error(&place, reason));
        }
        let origin = format!("`{id}`{}", line(spec, &place));
        if let Some(other) = scope.add(name.clone(), origin) {
            // Another rule reports an id that is used twice.
            if !other.starts_with(&format!("`{id}`")) {
                let reason = format!("`{id}` becomes the Rust method `{name}`, like {other}; rename one");
                errors.push(spec.error(&place, reason));
            }
        }
    }
}

fn arguments(spec: &Spec, pointer: &str, operation: &Value, errors: &mut Vec<Error>) {
    let mut scope = Scope::default();
    if operation.get("requestBody").is_some() {
        scope.add("body".to_owned(), "the request body".to_owned());
    }
    for parameter in parameters(&spec.document, pointer) {
        let (name, place) = (value_name(parameter.name()), pointer::join(&parameter.pointer, "name"));
        if VARIABLES.contains(&name.as_str()) {
            errors
                .push(spec.error(&place, format!("every generated method has a `{name}` already; leave it out here")));
        }
        let origin = format!("`{}`{}", parameter.name(), line(spec, &place));
        if let Some(other) = scope.add(name.clone(), origin) {
            let reason =
                format!("`{}` becomes the Rust argument `{name}`, like {other}; leave one out here", parameter.name());
            errors.push(spec.error(&place, reason));
        }
    }
}

/// Returns the line of a value in words.
fn line(spec: &Spec, pointer: &str) -> String {
    spec.line(pointer).map(|line| format!(" in line {line}")).unwrap_or_default()
}
