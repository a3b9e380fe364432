//! The specs are valid OpenAPI 3.0 and pass the checks of the project.

use roas::v3_0::spec::Spec as OpenApi;
use roas::validation::{Options, Validate};
use serde_json::{Value, json};

use crate::common::specs::{self, find_examples};

/// Every spec, and the smallest number of examples that must be found in it.
const SPECS: [(&str, usize); 4] = [("killb", 150), ("reap", 45), ("cdq", 40), ("localpayment", 28)];

/// Returns the problems that an independent validator finds in a document.
fn openapi_problems(document: &Value) -> Vec<String> {
    let mut document = document.clone();
    name_mapped_schemas(&mut document);
    let spec: OpenApi = match serde_json::from_value(document) {
        Ok(spec) => spec,
        Err(error) => return vec![error.to_string()],
    };
    // It does not count a use of a schema by a parameter.
    let checked = spec.validate(Options::IgnoreUnusedSchemas.into(), None);
    let errors = checked.err().map(|error| error.errors);
    errors.iter().flatten().map(ToString::to_string).collect()
}

/// Replaces references in discriminator mappings by names of schemas: the validator accepts only
/// names.
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
fn specs_are_valid_openapi_3_0() {
    for (name, _) in SPECS {
        assert_eq!(openapi_problems(&specs::load(name).document), [""; 0], "{name}");
    }
}

#[test]
fn openapi_validator_finds_broken_references() {
    let mut document = specs::load("reap").document;
    document["paths"]["/entity"]["post"]["responses"]["201"] = json!({"$ref": "#/components/responses/Nowhere"});
    assert_ne!(openapi_problems(&document), [""; 0]);
    let mut document = specs::load("killb").document;
    document["components"]["schemas"]["CreateAccount"]["discriminator"]["mapping"]["PIX"] = "Nothing".into();
    assert_ne!(openapi_problems(&document), [""; 0]);
}

#[test]
fn specs_pass_the_checks_of_the_project() {
    for (name, least) in SPECS {
        let spec = specs::load(name);
        // Without examples the checks would pass trivially.
        let found = find_examples(&spec.document).len();
        assert!(found >= least, "{name}: only {found} examples found");
        assert_eq!(specs::problems(&spec), [""; 0]);
    }
}
