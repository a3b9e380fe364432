//! The specs are OpenAPI 3.0, and keep every rule of the project's own.

#[path = "specs_support/specs.rs"]
mod specs;

use roas::v3_0::spec::Spec as OpenApi;
use roas::validation::{Options, Validate};
use serde_json::{Value, json};

use bulkrail_codegen::examples::examples;

/// Every spec, and how many examples the walk must find in it at the least.
const SPECS: [(&str, usize); 4] = [("killb", 150), ("reap", 45), ("cdq", 40), ("localpayment", 28)];

/// What a validator that others wrote has to say of a document.
fn openapi_problems(document: &Value) -> Vec<String> {
    let mut document = document.clone();
    name_mapped_schemas(&mut document);
    let spec: OpenApi = match serde_json::from_value(document) {
        Ok(spec) => spec,
        Err(error) => return vec![error.to_string()],
    };
    // It does not see that a parameter uses a schema.
    let checked = spec.validate(Options::IgnoreUnusedSchemas.into(), None);
    let errors = checked.err().map(|error| error.errors);
    errors.iter().flatten().map(ToString::to_string).collect()
}

/// A discriminator maps words to names of schemas or to references; the validator knows only names.
fn name_mapped_schemas(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut().expect("schemas");
    let targets = schemas
        .values_mut()
        .filter_map(|schema| schema.pointer_mut("/discriminator/mapping")?.as_object_mut())
        .flat_map(serde_json::Map::values_mut);
    for target in targets {
        let reference = target.as_str().unwrap_or_default();
        *target = reference.trim_start_matches("#/components/schemas/").into();
    }
}

#[test]
fn the_specs_are_openapi_3_0() {
    for (name, _) in SPECS {
        assert_eq!(openapi_problems(&specs::load(name).document), [""; 0], "{name}");
    }
}

#[test]
fn the_validator_sees_mistakes() {
    let mut document = specs::load("reap").document;
    document["paths"]["/entity"]["post"]["responses"]["201"] = json!({"$ref": "#/components/responses/Nowhere"});
    assert_ne!(openapi_problems(&document), [""; 0]);
    let mut document = specs::load("killb").document;
    document["components"]["schemas"]["CreateAccount"]["discriminator"]["mapping"]["PIX"] = "Nothing".into();
    assert_ne!(openapi_problems(&document), [""; 0]);
}

#[test]
fn the_specs_keep_the_rules() {
    for (name, least) in SPECS {
        let spec = specs::load(name);
        // So that it means something that nothing is found.
        let found = examples(&spec.document).len();
        assert!(found >= least, "{name}: only {found} examples found");
        let found: Vec<String> = bulkrail_codegen::check(&spec).iter().map(ToString::to_string).collect();
        assert_eq!(found, [""; 0]);
    }
}
