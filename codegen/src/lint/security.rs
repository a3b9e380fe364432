//! Authentication: each requirement names a scheme, and each scheme says where its credential is.

use serde_json::Value;

use crate::document::operations;
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;

/// Types of schemes, each with the keys that it needs.
const TYPES: [(&str, &[&str]); 4] = [
    ("apiKey", &["name", "in"]),
    ("http", &["scheme"]),
    ("oauth2", &["flows"]),
    ("openIdConnect", &["openIdConnectUrl"]),
];

pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    let document = &spec.document;
    let schemes = document.pointer("/components/securitySchemes").and_then(Value::as_object);
    for (name, scheme) in schemes.into_iter().flatten() {
        check_scheme(spec, &pointer::join("/components/securitySchemes", name), scheme, errors);
    }
    let holders = operations(document).into_iter().map(|(pointer, _)| pointer).chain([String::new()]);
    for list in holders.map(|holder| pointer::join(&holder, "security")) {
        let alternatives = document.pointer(&list).and_then(Value::as_array);
        for (index, alternative) in alternatives.into_iter().flatten().enumerate() {
            let names = alternative.as_object().into_iter().flatten().map(|(name, _)| name);
            for name in names.filter(|name| !schemes.is_some_and(|schemes| schemes.contains_key(*name))) {
                let reason =
                    format!("`{name}` is not in `#/components/securitySchemes`; correct it, or add the scheme");
                errors.push(spec.error(&pointer::join(&format!("{list}/{index}"), name), reason));
            }
        }
    }
}

fn check_scheme(spec: &Spec, pointer: &str, scheme: &Value, errors: &mut Vec<Error>) {
    let kind = scheme.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some((_, required)) = TYPES.iter().find(|(known, _)| *known == kind) else {
        let types = TYPES.map(|(kind, _)| kind).join(", ");
        let place = if scheme.get("type").is_some() { pointer::join(pointer, "type") } else { pointer.to_owned() };
        return errors.push(spec.error(&place, format!("the `type` of a security scheme is one of {types}")));
    };
    for key in required.iter().filter(|key| scheme.get(**key).is_none()) {
        errors.push(spec.error(pointer, format!("needs `{key}`: a scheme of `type: {kind}` has one")));
    }
    if kind == "apiKey"
        && let Some(place) =
            scheme.get("in").filter(|place| !["header", "query", "cookie"].iter().any(|one| place == one))
    {
        let found = place.as_str().unwrap_or_default();
        let reason = format!("`{found}` is not a place of a key; use header, query or cookie");
        errors.push(spec.error(&pointer::join(pointer, "in"), reason));
    }
}
