//! Paths and parameters.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::operations;
use crate::error::Error;
use crate::load::Spec;
use crate::lower::open_schemas;
use crate::pointer;

/// Hint for a list that is one text in the request.
const JOIN: &str = "write it as `type: string` and join the values yourself";

/// Parameter of an operation, with the place where it is written.
pub(super) struct Parameter<'a> {
    pub(super) pointer: String,
    pub(super) value: &'a Value,
}

impl<'a> Parameter<'a> {
    pub(super) fn name(&self) -> &'a str {
        self.value["name"].as_str().unwrap_or_default()
    }

    pub(super) fn place(&self) -> &'a str {
        self.value["in"].as_str().unwrap_or_default()
    }
}

/// Returns the parameters of an operation: those of its path that it does not replace, and its own.
pub(super) fn parameters<'a>(document: &'a Value, operation: &str) -> Vec<Parameter<'a>> {
    let path = operation.rsplit_once('/').map_or("", |(path, _)| path);
    let list = |holder: &str| {
        let list = pointer::join(holder, "parameters");
        let items = document.pointer(&list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let items = items.iter().enumerate().map(move |(index, value)| (format!("{list}/{index}"), value));
        items.map(|(pointer, value)| follow(document, pointer, value)).collect::<Vec<_>>()
    };
    let own = list(operation);
    let replaced: BTreeSet<_> = own.iter().map(|parameter| (parameter.name(), parameter.place())).collect();
    let of_path = list(path).into_iter().filter(|parameter| !replaced.contains(&(parameter.name(), parameter.place())));
    let mut parameters: Vec<_> = of_path.collect();
    parameters.extend(own);
    parameters
}

/// Returns the parameter at `pointer`, or the component that it refers to.
fn follow<'a>(document: &'a Value, pointer: String, value: &'a Value) -> Parameter<'a> {
    let reference = value.get("$ref").and_then(Value::as_str);
    match reference.and_then(|reference| Some((reference, pointer::resolve(document, reference)?))) {
        Some((reference, value)) => Parameter { pointer: reference.trim_start_matches('#').to_owned(), value },
        None => Parameter { pointer, value },
    }
}

/// Checks the paths, and the parameters of each operation.
pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    let document = &spec.document;
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let pointer = pointer::join("/paths", path);
        if let Err(reason) = placeholders(path) {
            errors.push(spec.error(&pointer, reason));
        }
        if item.get("$ref").is_some() {
            let reason = "a path is written here, not referred to; replace `$ref` by its text";
            errors.push(spec.error(&pointer::join(&pointer, "$ref"), reason));
        }
    }
    let open = open_schemas(document);
    // Several operations may have one parameter.
    let mut seen = BTreeSet::new();
    for (pointer, _) in operations(document) {
        let path = pointer.split('/').nth(2).unwrap_or_default().replace("~1", "/").replace("~0", "~");
        let Ok(placeholders) = placeholders(&path) else { continue };
        let parameters = parameters(document, &pointer);
        // Another rule reports the reference to a parameter that does not exist.
        let (parameters, unresolved): (Vec<_>, Vec<_>) =
            parameters.into_iter().partition(|parameter| parameter.value.get("$ref").is_none());
        for name in placeholders.iter().filter(|_| unresolved.is_empty()) {
            if !parameters.iter().any(|parameter| parameter.place() == "path" && parameter.name() == name) {
                let reason =
                    format!("the path has `{{{name}}}`, but `parameters` has no `{name}` with `in: path`; add it");
                errors.push(spec.error(&pointer, reason));
            }
        }
        for parameter in &parameters {
            for (key, reason) in check_parameter(document, parameter, &placeholders, &open) {
                let pointer = format!("{}{key}", parameter.pointer);
                if seen.insert((pointer.clone(), reason.clone())) {
                    errors.push(spec.error(&pointer, reason));
                }
            }
        }
    }
}

/// Returns the errors of a parameter, each with the part of the parameter that it is about.
fn check_parameter(
    document: &Value,
    parameter: &Parameter<'_>,
    placeholders: &[String],
    open: &BTreeSet<String>,
) -> Vec<(&'static str, String)> {
    let (name, place, value) = (parameter.name(), parameter.place(), parameter.value);
    let mut errors = Vec::new();
    match place {
        "path" if !placeholders.iter().any(|known| known == name) => {
            errors.push(("/name", format!("the path has no `{{{name}}}`; correct the name or the path")));
        }
        "path" if value["required"] != true => {
            errors.push(("", format!("needs `required: true`: without `{name}` the path is another one")));
        }
        "header" if name.is_empty() || !name.bytes().all(is_token) => {
            errors.push(("/name", format!("`{name}` cannot be the name of a header; correct it")));
        }
        "cookie" => errors.push(("/in", "a parameter in a cookie is not supported; use `in: header`".to_owned())),
        "query" | "path" | "header" => {}
        // Another rule reports what is not a place.
        _ => return errors,
    }
    let is_list = value.get("schema").is_some_and(|schema| !is_scalar(document, schema));
    let style = if place == "query" { "form" } else { "simple" };
    if let Some(other) = value.get("style").and_then(Value::as_str).filter(|other| *other != style) {
        let hint = match (place, other) {
            ("query", "deepObject") => {
                let property =
                    value["schema"]["properties"].as_object().and_then(|properties| properties.keys().next());
                let property = property.map_or("a", String::as_str);
                format!("write one parameter for each name, such as `{name}[{property}]`")
            }
            ("query", "spaceDelimited" | "pipeDelimited") => JOIN.to_owned(),
            ("path", "label") => format!("remove it, and write its sign into the path: `.{{{name}}}`"),
            ("path", "matrix") => format!("remove it, and write its signs into the path: `;{name}={{{name}}}`"),
            _ => format!("OpenAPI 3.0 has no `{other}` there; remove it"),
        };
        errors.push(("/style", format!("only `style: {style}` is supported for `in: {place}`; {hint}")));
    } else if value.get("explode").is_some_and(|explode| *explode != Value::Bool(place == "query")) {
        let reason = match is_list && place == "query" {
            true => format!("a list is sent as one parameter for each value; without that, {JOIN}"),
            false => "has no effect on a single value; remove it".to_owned(),
        };
        errors.push(("/explode", reason));
    }
    match value.get("schema") {
        None => errors.push(("", "needs a `schema`; `content` is not supported".to_owned())),
        Some(schema) if place != "query" && is_open_enum(document, schema, open) => {
            let reason = format!(
                "must not be an enum that a response has, too: its unknown values have no text; use `type: string` in \
                 the {place}"
            );
            errors.push(("/schema", reason));
        }
        Some(schema) if place != "query" && !is_scalar(document, schema) => {
            let reason = format!("must be a string, a number, an integer or a boolean: it is one text in the {place}");
            errors.push(("/schema", reason));
        }
        Some(_) => {}
    }
    errors
}

/// Returns whether a schema refers to an enum that accepts unknown words.
fn is_open_enum(document: &Value, schema: &Value, open: &BTreeSet<String>) -> bool {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return false };
    let name = reference.rsplit('/').next().unwrap_or_default();
    open.contains(name) && pointer::resolve(document, reference).is_some_and(|target| target.get("enum").is_some())
}

/// Returns whether values of a schema are written as one text.
fn is_scalar(document: &Value, schema: &Value) -> bool {
    let mut schema = schema;
    // Another rule reports circles.
    for _ in 0..16 {
        let reference = schema.get("$ref").and_then(Value::as_str);
        match reference.map(|reference| pointer::resolve(document, reference)) {
            None => break,
            // Another rule reports what does not exist.
            Some(None) => return true,
            Some(Some(target)) => schema = target,
        }
    }
    let kind = schema.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| !matches!(kind, "object" | "array")) && schema["nullable"] != true
}

/// Returns the names in braces, or what is wrong with the path.
fn placeholders(path: &str) -> Result<Vec<String>, String> {
    if !path.starts_with('/') {
        return Err("a path starts with `/`".to_owned());
    }
    let mut names = Vec::new();
    let mut seen = BTreeSet::new();
    let mut rest = path;
    while let Some((constant, name)) = rest.split_once('{') {
        check_constant(constant)?;
        let Some((name, after)) = name.split_once('}') else { return Err("a `{` is not closed by `}`".to_owned()) };
        if name.is_empty() || name.contains(['{', '/']) {
            return Err(format!("`{{{name}}}` is not the name of a parameter"));
        }
        if !seen.insert(name) {
            return Err(format!("`{{{name}}}` is there twice; rename one"));
        }
        names.push(name.to_owned());
        rest = after;
    }
    check_constant(rest)?;
    Ok(names)
}

fn check_constant(text: &str) -> Result<(), String> {
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%/".contains(char);
    match text.chars().find(|char| !is_allowed(*char)) {
        None => Ok(()),
        Some('?' | '#') => Err("a path ends before `?` and `#`; a query belongs to `parameters`".to_owned()),
        Some(char) => Err(format!("`{}` is not allowed in a path; write it percent-encoded", char.escape_default())),
    }
}

/// Returns whether a byte is allowed in the name of a header (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
