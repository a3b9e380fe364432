//! Every example of a spec, held against the schema next to it (feature `examples`).
//!
//! An example is what a provider's page shows. If it does not fit, either it was copied wrong or the schema says more than the
//! page.
//!
//! ```
//! use bulkrail_codegen::Spec;
//! use bulkrail_specdiff::examples;
//!
//! let text = "components:\n  schemas:\n    Size:\n      type: integer\n      example: large\n";
//! let found = examples::lint(&Spec::parse("specs/tiny.yaml", text)?);
//! assert!(found[0].to_string().starts_with("specs/tiny.yaml:5: /components/schemas/Size/example: does not fit"));
//! # Ok::<(), bulkrail_codegen::Error>(())
//! ```

mod json_schema;
mod step_budget;

use serde_json::Value;

use bulkrail_codegen::document::{Schema, schemas};
use bulkrail_codegen::{Error, Spec, pointer};
use step_budget::{Steps, TooMuch};

pub use json_schema::Schemas;

/// One example of a spec.
#[derive(Debug, Clone)]
pub struct Example<'a> {
    /// JSON pointer of the example.
    pub at: String,
    /// The schema that stands next to it.
    pub schema: &'a Value,
    /// The example itself.
    pub value: &'a Value,
}

/// The examples of media types, parameters, headers, schemas and their properties.
#[must_use]
pub fn examples(document: &Value) -> Vec<Example<'_>> {
    found(document).0.into_iter().map(|(_, example)| example).collect()
}

/// Every example that does not fit the schema next to it, in the order of the lines.
///
/// References must lead somewhere, which [`lint`](bulkrail_codegen::lint()) sees to.
#[must_use]
pub fn lint(spec: &Spec) -> Vec<Error> {
    let (examples, empty) = found(&spec.document);
    let reason = "needs a `value`: an example is kept here, in full";
    let mut wrong: Vec<Error> = empty.iter().map(|at| spec.error(at, reason)).collect();
    if let Err(TooMuch) = hold(spec, &examples, &mut wrong) {
        wrong.push(spec.error("", TooMuch::reason()));
    }
    wrong.sort_by_key(|error| error.line);
    wrong.dedup();
    wrong
}

/// Holds the examples against their schemas; those of one schema stand together, and nothing is kept for the next one.
fn hold(spec: &Spec, examples: &[(String, Example<'_>)], wrong: &mut Vec<Error>) -> Result<(), TooMuch> {
    let (all, mut steps) = (Schemas::of(&spec.document), Steps::new());
    for examples in examples.chunk_by(|one, next| one.0 == next.0) {
        let (schema_at, Example { schema, .. }) = &examples[0];
        let root = all.root(schema, &mut steps)?;
        let validator = match json_schema::validator(&root) {
            Ok(validator) => validator,
            Err(reason) => {
                let reason = format!("nothing can be held against it: {reason}; correct the schema");
                wrong.push(spec.error(schema_at, reason));
                continue;
            }
        };
        for (_, Example { at, value, .. }) in examples {
            steps.hold(&root, &root, value, 1, at.len())?;
            for problem in json_schema::problems(&validator, value) {
                let reason = format!("does not fit the schema next to it: {}; correct one of them", problem.reason);
                wrong.push(spec.error(&format!("{at}{}", problem.at), reason));
            }
        }
    }
    Ok(())
}

/// The examples, each with the pointer of its schema; and the pointers of those without a value.
fn found(document: &Value) -> (Vec<(String, Example<'_>)>, Vec<String>) {
    let (mut found, mut empty) = (Vec::new(), Vec::new());
    for Schema { at: schema_at, value: schema, holder } in schemas(document) {
        let holders = [Some((schema_at.clone(), schema)), holder];
        for (holder_at, holder) in holders.into_iter().flatten() {
            let mut add = |at, value| found.push((schema_at.clone(), Example { at, schema, value }));
            if let Some(value) = holder.get("example") {
                add(pointer::join(&holder_at, "example"), value);
            }
            let list = pointer::join(&holder_at, "examples");
            for (name, example) in holder.get("examples").and_then(Value::as_object).into_iter().flatten() {
                let at = pointer::join(&list, name);
                let reference = example.get("$ref").and_then(Value::as_str);
                let kept = reference.map_or(Some(example), |reference| pointer::resolve(document, reference));
                match kept.and_then(|example| example.get("value")) {
                    Some(value) if reference.is_none() => add(pointer::join(&at, "value"), value),
                    Some(value) => add(at, value),
                    None => empty.push(at),
                }
            }
        }
    }
    (found, empty)
}
