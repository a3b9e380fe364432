//! Comparison of responses with the specs, which follow the same documentation.

use std::path::Path;

use bulkrail_codegen::Spec;
use bulkrail_specdiff::examples::SchemaValidator;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::support::TestResponse;

pub(crate) struct ProviderSpec {
    pub(crate) document: Value,
    validator: SchemaValidator,
}

impl ProviderSpec {
    pub(crate) fn load(provider: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../specs/{provider}.yaml"));
        let document = Spec::load(file).unwrap_or_else(|error| panic!("{error}")).document;
        Self { validator: SchemaValidator::new(&document), document }
    }

    /// Asserts that an operation documents the status of a response, and that its body has the
    /// documented schema.
    #[track_caller]
    pub(crate) fn assert_documented(&self, method: &str, path: &str, response: &TestResponse, context: &str) {
        let responses = &self.document["paths"][path][method]["responses"];
        assert!(responses.is_object(), "{method} {path} is not an operation");
        let status = response.status.as_str();
        let keys = [status.to_owned(), format!("{}XX", &status[..1]), "default".to_owned()];
        let documented = keys.iter().find_map(|key| responses.get(key));
        let documented =
            documented.unwrap_or_else(|| panic!("{context}: {status} is not documented: {}", response.text));
        let schema = &self.follow(documented)["content"]["application/json"]["schema"];
        self.assert_json(schema, response, context);
    }

    /// Asserts that a response has the provider's error body. No page documents errors of unknown
    /// paths and methods.
    #[track_caller]
    pub(crate) fn assert_error_body(&self, response: &TestResponse, context: &str) {
        let schema = json!({"$ref": "#/components/schemas/ErrorBody"});
        self.assert_json(&schema, response, context);
        assert!(response.json().as_object().is_some_and(|body| !body.is_empty()), "{context}");
    }

    #[track_caller]
    fn assert_json(&self, schema: &Value, response: &TestResponse, context: &str) {
        assert!(schema.is_object(), "{context}: {} has no documented schema", response.status);
        let content_type = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        assert_eq!(content_type, Some("application/json"), "{context}: {}", response.text);
        let problems = self.validator.problems(schema, &response.json());
        assert_eq!(problems, [""; 0], "{context}: {}", response.text);
    }

    /// Returns what is wrong with a value.
    pub(crate) fn problems(&self, schema: &Value, value: &Value) -> Vec<String> {
        self.validator.problems(schema, value)
    }

    /// Returns the schema of the JSON body of an operation, if it has one.
    pub(crate) fn body_schema(&self, method: &str, path: &str) -> Option<&Value> {
        let body = self.document["paths"][path][method].get("requestBody")?;
        self.follow(body)["content"].get("application/json")?.get("schema")
    }

    /// Returns the value that a reference points at, or the value itself.
    pub(crate) fn follow<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.follow(self.document.pointer(&reference[1..]).expect(reference)),
            None => value,
        }
    }
}
