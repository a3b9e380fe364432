//! Where each fact is from: `x-source`, `x-evidence`, `x-unknown`, `x-contradiction`.

use serde_json::Value;

use super::Lint;
use crate::pointer;

const EVIDENCE: [&str; 4] = ["seed", "page", "sdk", "inference"];

impl Lint<'_> {
    /// Marks are optional in most places, but never misspelt.
    pub(super) fn marks(&mut self) {
        let mut wrong = Vec::new();
        pointer::walk(&self.spec.document, &mut |at, value| {
            if let Some(evidence) = value.get("x-evidence")
                && !EVIDENCE.iter().any(|known| evidence == known)
            {
                wrong.push((pointer::join(at, "x-evidence"), format!("must be one of {}", EVIDENCE.join(", "))));
            }
            if let Some(source) = value.get("x-source")
                && !is_source(source)
            {
                wrong.push((pointer::join(at, "x-source"), "must be an https address, or a list of them".to_owned()));
            }
            for mark in ["x-unknown", "x-contradiction"] {
                if let Some(sentences) = value.get(mark)
                    && !are_sentences(sentences)
                {
                    wrong.push((pointer::join(at, mark), "must be a list of sentences".to_owned()));
                }
            }
        });
        wrong.into_iter().for_each(|(at, reason)| self.report(&at, reason));
    }

    pub(super) fn must_be_marked(&mut self, at: &str, value: &Value) {
        for mark in ["x-source", "x-evidence"] {
            if value.get(mark).is_none() {
                self.report(at, format!("needs `{mark}`: no fact stands here without its page"));
            }
        }
    }

    pub(super) fn must_be_described(&mut self, at: &str, value: &Value) {
        let description = value.get("description").and_then(Value::as_str);
        if description.is_none_or(|text| text.trim().is_empty()) {
            self.report(at, "needs a `description`; it becomes the Rust documentation");
        }
    }
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
