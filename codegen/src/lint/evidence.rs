//! Notation of the evidence: `x-source`, `x-evidence`, `x-unknown`, `x-contradiction`.

use serde_json::Value;

use crate::error::Error;
use crate::load::Spec;
use crate::pointer;

const EVIDENCE: [&str; 4] = ["seed", "page", "sdk", "inference"];

/// Checks the values of the keys wherever they are. Most of them are optional.
pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    let mut error = |pointer: &str, key: &str, reason: String| {
        errors.push(spec.error(&pointer::join(pointer, key), reason));
    };
    pointer::walk(&spec.document, &mut |pointer, value| {
        if let Some(evidence) = value.get("x-evidence")
            && !EVIDENCE.iter().any(|known| evidence == known)
        {
            error(pointer, "x-evidence", format!("must be one of {}", EVIDENCE.join(", ")));
        }
        if let Some(source) = value.get("x-source")
            && !is_source(source)
        {
            error(pointer, "x-source", "must be an https address, or a list of them".to_owned());
        }
        for key in ["x-unknown", "x-contradiction"] {
            if let Some(sentences) = value.get(key)
                && !are_sentences(sentences)
            {
                error(pointer, key, "must be a list of sentences".to_owned());
            }
        }
    });
}

fn is_source(source: &Value) -> bool {
    let is_address = |value: &Value| value.as_str().is_some_and(|address| address.starts_with("https://"));
    match source {
        Value::Array(list) => !list.is_empty() && list.iter().all(is_address),
        single => is_address(single),
    }
}

fn are_sentences(list: &Value) -> bool {
    let is_sentence = |value: &Value| {
        let text = value.as_str().map(str::trim_end);
        text.is_some_and(|text| text.contains(' ') && text.ends_with(['.', '?']))
    };
    list.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_sentence))
}
