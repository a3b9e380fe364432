//! Validates the examples of a spec against their schemas.
//!
//! An example is copied from the provider's page. If it is invalid, either the copy is wrong or the
//! schema says more than the page.
//!
//! ```
//! use bulkrail_codegen::Spec;
//! use bulkrail_specdiff::examples;
//!
//! let text = "components:\n  schemas:\n    Size:\n      type: integer\n      example: large\n";
//! let errors = examples::check(&Spec::parse("specs/tiny.yaml", text)?);
//! assert!(errors[0].to_string().starts_with("specs/tiny.yaml:5: /components/schemas/Size/example: does not match"));
//! # Ok::<(), bulkrail_codegen::Error>(())
//! ```

mod json_schema;
mod step_budget;

use bulkrail_codegen::document::{Schema, schemas};
use bulkrail_codegen::{Error, Spec, pointer};
use serde_json::Value;

use step_budget::{BudgetExceeded, StepBudget};

pub use json_schema::SchemaValidator;

/// Example of a spec.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Example<'a> {
    /// JSON pointer of the example.
    pub pointer: String,
    /// Schema that the example belongs to.
    pub schema: &'a Value,
    /// Value of the example.
    pub value: &'a Value,
}

/// Returns the examples of media types, parameters, headers, schemas and their properties.
#[must_use]
pub fn find_examples(document: &Value) -> Vec<Example<'_>> {
    collect(document).0.into_iter().map(|(_, example)| example).collect()
}

/// Returns an error for each example that does not match its schema, in the order of the lines.
///
/// Invalid and circular references are errors of [`lint`](bulkrail_codegen::lint()), which must run
/// first.
#[must_use]
pub fn check(spec: &Spec) -> Vec<Error> {
    let (examples, without_value) = collect(&spec.document);
    let reason = "needs a `value`: examples are kept here in full";
    let mut errors: Vec<Error> = without_value.iter().map(|pointer| spec.error(pointer, reason)).collect();
    if let Err(BudgetExceeded) = validate_all(spec, &examples, &mut errors) {
        errors.push(spec.error("", BudgetExceeded::reason()));
    }
    errors.sort_by_key(|error| error.line);
    errors.dedup();
    errors
}

/// Validates the examples. Those of one schema are adjacent, so only one validator exists at a
/// time.
fn validate_all(
    spec: &Spec,
    examples: &[(String, Example<'_>)],
    errors: &mut Vec<Error>,
) -> Result<(), BudgetExceeded> {
    let (validators, mut budget) = (SchemaValidator::new(&spec.document), StepBudget::new());
    for examples in examples.chunk_by(|one, next| one.0 == next.0) {
        let (schema_pointer, Example { schema, .. }) = &examples[0];
        let root = validators.root(schema, &mut budget)?;
        let validator = match json_schema::compile(&root) {
            Ok(validator) => validator,
            Err(reason) => {
                let reason = format!("is not a valid schema: {reason}; correct it");
                errors.push(spec.error(schema_pointer, reason));
                continue;
            }
        };
        for (_, Example { pointer, value, .. }) in examples {
            budget.charge_validation(&root, &root, value, 1, pointer.len())?;
            for problem in json_schema::problems(&validator, value) {
                let reason = format!("does not match its schema: {}; correct one of them", problem.reason);
                errors.push(spec.error(&format!("{pointer}{}", problem.pointer), reason));
            }
        }
    }
    Ok(())
}

/// Returns the examples, each with the pointer of its schema, and the pointers of those without a
/// value.
fn collect(document: &Value) -> (Vec<(String, Example<'_>)>, Vec<String>) {
    let (mut examples, mut without_value) = (Vec::new(), Vec::new());
    for Schema { pointer: schema_pointer, value: schema, holder, .. } in schemas(document) {
        let holders = [Some((schema_pointer.clone(), schema)), holder];
        for (holder_pointer, holder) in holders.into_iter().flatten() {
            let mut add = |pointer, value| examples.push((schema_pointer.clone(), Example { pointer, schema, value }));
            if let Some(value) = holder.get("example") {
                add(pointer::join(&holder_pointer, "example"), value);
            }
            let list = pointer::join(&holder_pointer, "examples");
            for (name, example) in holder.get("examples").and_then(Value::as_object).into_iter().flatten() {
                let entry = pointer::join(&list, name);
                let reference = example.get("$ref").and_then(Value::as_str);
                let target = reference.map_or(Some(example), |reference| pointer::resolve(document, reference));
                match target.and_then(|example| example.get("value")) {
                    Some(value) if reference.is_none() => add(pointer::join(&entry, "value"), value),
                    Some(value) => add(entry, value),
                    None => without_value.push(entry),
                }
            }
        }
    }
    (examples, without_value)
}
