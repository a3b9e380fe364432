//! The specs are OpenAPI 3.0, keep the project's own rules, and their examples fit their schemas.

#[path = "specs_support/examples.rs"]
mod examples;
#[path = "specs_support/schemas.rs"]
mod schemas;
#[path = "specs_support/specs.rs"]
mod specs;

use roas::v3_0::spec::Spec as OpenApi;
use roas::validation::{Options, Validate};
use serde_json::{Value, json};

use examples::{Example, examples};
use schemas::Schemas;

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
    for (name, _) in SPECS {
        let found = bulkrail_codegen::lint(&specs::load(name));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, [""; 0]);
    }
}

#[test]
fn examples_fit_their_schemas() {
    for (name, least) in SPECS {
        let document = specs::load(name).document;
        let (schemas, examples) = (Schemas::of(&document), examples(&document));
        assert!(examples.len() >= least, "{name}: only {} examples found", examples.len());
        let wrong: Vec<String> = (examples.iter())
            .flat_map(|Example { at, schema, value }| {
                let problems = schemas.problems(schema, value);
                problems.into_iter().map(move |problem| format!("{at}: {problem}"))
            })
            .collect();
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn a_schema_refuses_what_it_must() {
    let document = json!({"components": {"schemas": {
        "Closed": {"type": "object", "properties": {"word": {"$ref": "#/components/schemas/Word"}}},
        "Open": {"type": "object", "properties": {}, "additionalProperties": {}},
        "Word": {"type": "string", "enum": ["a"], "nullable": true},
        "Time": {"type": "string", "format": "date-time"},
    }}});
    let schemas = Schemas::of(&document);
    let fits = |name: &str, value: Value| {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        schemas.problems(&schema, &value).is_empty()
    };
    assert!(fits("Closed", json!({"word": "a"})) && fits("Closed", json!({"word": null})));
    assert!(!fits("Closed", json!({"word": "b"})) && !fits("Closed", json!({"word": "a", "more": 1})));
    assert!(fits("Open", json!({"more": 1})) && !fits("Open", json!([])));
    assert!(fits("Time", json!("2026-04-23T00:38:08.439Z")) && !fits("Time", json!("yesterday")));
}
