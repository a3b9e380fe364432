//! Requests made from the spec, and responses checked against it.

use std::collections::BTreeSet;
use std::time::Duration;

use bulkrail_sandbox::{Faults, ManualClock, Sandbox};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::call::{Body, Call, Credential};
use crate::common::specs::{self, SchemaValidator};

/// One provider of a sandbox, and its spec.
pub(crate) struct Bench {
    provider: &'static str,
    pub(crate) sandbox: Sandbox,
    clock: ManualClock,
    pub(crate) http: reqwest::Client,
    pub(crate) document: Value,
    schemas: SchemaValidator,
    /// API key or access token.
    credential: String,
    /// Operation and documented status of each response so far.
    seen: BTreeSet<(String, String)>,
}

impl Bench {
    pub(crate) async fn new(provider: &'static str, faults: Faults) -> Self {
        let clock = ManualClock::new();
        let builder = Sandbox::builder().seed(42).faults(faults).clock(clock.clone());
        let sandbox = builder.start().await.expect("a free port");
        let document = specs::load(provider).document;
        let key = sandbox.credentials(provider)[0].1.to_owned();
        Self {
            provider,
            sandbox,
            clock,
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            schemas: SchemaValidator::new(&document),
            document,
            credential: key,
            seen: BTreeSet::new(),
        }
    }

    pub(crate) fn advance(&self, milliseconds: u64) {
        self.clock.advance(Duration::from_millis(milliseconds));
        assert!(self.clock.elapsed() < Duration::from_secs(3600), "the batch does not end");
    }

    /// Logs in and uses the access token from now on. Returns the response.
    pub(crate) async fn login(&mut self, operation: &str, names: [&str; 2], token: &str) -> Value {
        let credentials = self.sandbox.credentials(self.provider);
        let body = json!({names[0]: credentials[0].1, names[1]: credentials[1].1});
        let response = self.expect(200, Call::to(operation).json(body)).await;
        self.credential = text(&response, token);
        response
    }

    /// Returns the body of the response to `call`, which must have this status and fit the spec.
    pub(crate) async fn expect(&mut self, status: u16, call: Call<'_>) -> Value {
        let (operation, request_problems) = (call.operation.to_owned(), self.request_problems(&call));
        let response = self.request(call).send().await.expect("a response");
        assert_eq!(response.status().as_u16(), status, "{operation}");
        if status < 300 {
            assert_eq!(request_problems, [""; 0], "{operation}: the request does not fit the spec");
        }
        self.checked(&operation, response).await
    }

    /// Returns the differences of the body of `call` from the spec.
    fn request_problems(&self, call: &Call<'_>) -> Vec<String> {
        let content = &self.operation(call.operation).2["requestBody"]["content"];
        match &call.body {
            Body::None => Vec::new(),
            Body::Json(body) => self.schemas.problems(&content["application/json"]["schema"], body),
            Body::File(_) if content["multipart/form-data"].is_object() => Vec::new(),
            Body::File(_) => vec!["takes no file".to_owned()],
        }
    }

    pub(crate) fn request(&self, call: Call<'_>) -> RequestBuilder {
        let (mut path, method, operation) = self.operation(call.operation);
        let (mut query, mut headers) = (Vec::new(), Vec::new());
        for (name, value) in call.parameters {
            let known = operation["parameters"].as_array().into_iter().flatten();
            let parameter = known.map(|parameter| self.resolved(parameter)).find(|known| known["name"] == name);
            match parameter.and_then(|parameter| parameter["in"].as_str()) {
                Some("path") => path = path.replace(&format!("{{{name}}}"), value),
                Some("query") => query.push((name, value)),
                Some("header") => headers.push((name, value)),
                place => panic!("{}: {name} is in {place:?}", call.operation),
            }
        }
        let base = self.sandbox.base_url(self.provider).expect("a provider");
        let mut request = self.http.request(method, format!("{base}{path}")).query(&query);
        request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        request = match call.body {
            Body::None => request,
            Body::Json(body) => request.json(&body),
            Body::File(bytes) => request.multipart(Form::new().part("file", Part::bytes(bytes).file_name("upload"))),
        };
        let credential = match call.credential {
            Credential::Good => Some(&*self.credential),
            Credential::Missing => None,
            Credential::This(credential) => Some(credential),
        };
        self.signed(request, operation, credential).header("accept", call.accept)
    }

    /// Adds the credential where the security scheme of the operation has it.
    fn signed(&self, request: RequestBuilder, operation: &Value, credential: Option<&str>) -> RequestBuilder {
        let security = operation.get("security").unwrap_or(&self.document["security"]);
        let wanted = security[0].as_object().and_then(|schemes| schemes.keys().next());
        let (Some(name), Some(credential)) = (wanted, credential) else {
            return request;
        };
        let scheme = &self.document["components"]["securitySchemes"][name];
        match scheme["name"].as_str() {
            Some(header) => request.header(header, credential),
            None => request.bearer_auth(credential),
        }
    }

    /// Returns the body of a response that fits the spec.
    async fn checked(&mut self, operation: &str, response: Response) -> Value {
        let status = response.status().as_u16();
        let responses = &self.operation(operation).2["responses"];
        let keys = [status.to_string(), format!("{}XX", status / 100), "default".to_owned()];
        let Some((key, documented)) = keys.iter().find_map(|key| Some((key, responses.get(key)?))) else {
            panic!("{operation}: the spec has no {status}");
        };
        let documented = self.resolved(documented);
        for (name, header) in documented["headers"].as_object().into_iter().flatten() {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            let value: Value = serde_json::from_str(value.unwrap_or("null")).expect("a number");
            let problems = self.schemas.problems(&self.resolved(header)["schema"], &value);
            assert_eq!(problems, [""; 0], "{operation}: {status}: {name}");
        }
        let media_type = response.headers().get("content-type").cloned();
        let bytes = response.bytes().await.expect("a body");
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        if let Some(schema) = documented.pointer("/content/application~1json/schema") {
            assert_eq!(media_type.expect("a media type"), "application/json", "{operation}: {status}");
            let problems = self.schemas.problems(schema, &body);
            assert!(problems.is_empty(), "{operation}: {status}: {problems:#?}\n{body:#}");
        }
        self.seen.insert((operation.to_owned(), key.clone()));
        body
    }

    /// Returns path, method and description of an operation.
    pub(crate) fn operation(&self, id: &str) -> (String, Method, &Value) {
        let found = operations(&self.document).find(|(.., operation)| operation["operationId"] == id);
        let (path, method, operation) = found.unwrap_or_else(|| panic!("no operation {id}"));
        let method = method.to_uppercase().parse().expect("a method");
        (path.clone(), method, operation)
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let reference = value.get("$ref").and_then(Value::as_str);
        reference.map_or(value, |reference| self.document.pointer(&reference[1..]).expect("a component"))
    }

    /// Returns the request bodies that the spec shows for an operation.
    pub(crate) fn shown(&self, operation: &str) -> Vec<Value> {
        let content = &self.operation(operation).2["requestBody"]["content"];
        let examples = content["application/json"]["examples"].as_object().into_iter().flatten();
        examples.map(|(_, example)| example["value"].clone()).collect()
    }

    /// Checks that each operation succeeded once, and that each documented refusal was seen, except
    /// for `known`.
    ///
    /// The sandbox does not have permissions, and fails only on request.
    pub(crate) fn nothing_is_left_but(&self, known: &[&str]) {
        let mut left = Vec::new();
        for (.., operation) in operations(&self.document) {
            let id = operation["operationId"].as_str().expect("an id");
            let seen: Vec<&str> =
                (self.seen.iter()).filter(|(operation, _)| operation == id).map(|(_, status)| &**status).collect();
            assert!(seen.iter().any(|status| status.starts_with('2')), "{id} never succeeded");
            let statuses = operation["responses"].as_object().expect("responses").keys();
            left.extend(
                statuses
                    .filter(|status| !status.starts_with(['2', '5']) && !["403", "429"].contains(&status.as_str()))
                    .filter(|status| !seen.contains(&status.as_str()))
                    .map(|status| format!("{id} {status}")),
            );
        }
        left.sort();
        assert_eq!(left, known);
    }
}

/// Returns path, method and value of each operation.
pub(crate) fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    })
}

pub(crate) fn text(body: &Value, key: &str) -> String {
    body[key].as_str().unwrap_or_else(|| panic!("no {key} in {body}")).to_owned()
}

/// Adds the word at `pointer` to `words`, if it is new.
pub(crate) fn note(words: &mut Vec<String>, body: &Value, pointer: &str) {
    let word = body.pointer(pointer).and_then(Value::as_str).expect("a word").to_owned();
    if !words.contains(&word) {
        words.push(word);
    }
}
