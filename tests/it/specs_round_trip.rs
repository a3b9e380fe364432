//! Generated types decode every example of the specs, encode it unchanged, and do not show it in
//! `Debug`.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::common::specs::{self, Example, find_examples};

/// Generated type: its name in the spec, and the function that decodes and encodes a value.
type Type = (&'static str, Pass);

type Pass = fn(&Value) -> serde_json::Result<Trip>;

struct Trip {
    encoded: Value,
    debug: String,
}

/// Lists the schemas that have an example, one a line.
macro_rules! types {
    ($provider:ident: $($name:ident)*) => {
        &[$((stringify!($name), pass::<bulkrail::$provider::raw::types::$name>)),*]
    };
}

fn pass<T: DeserializeOwned + Serialize + Debug>(value: &Value) -> serde_json::Result<Trip> {
    let decoded: T = serde_json::from_slice(&serde_json::to_vec(value)?)?;
    Ok(Trip { encoded: serde_json::to_value(&decoded)?, debug: format!("{decoded:?} {decoded:#?}") })
}

#[cfg(feature = "killb")]
const KILLB: &[Type] = types! { killb:
    Account
    BulkJob
    BulkUploadAnswer
    CreateAccount
    ErrorBody
    LoginRequest
    RefreshRequest
    Tokens
};

#[cfg(feature = "reap")]
const REAP: &[Type] = types! { reap:
    BatchStatus
    BatchUploadAnswer
    CreateEntity
    CreatedEntity
    Entity
    ErrorBody
};

#[cfg(feature = "cdq")]
const CDQ: &[Type] = types! { cdq:
    ConfirmBankAccount
    ConfirmedBankAccount
    ErrorBody
    Job
    StartConfirmation
};

#[cfg(feature = "localpayment")]
const LOCALPAYMENT: &[Type] = types! { localpayment:
    ActivationResponse
    Batch
    ErrorBody
    RefreshRequest
    TokenError
    TokenRequest
    Tokens
    VirtualAccount
};

const PROVIDERS: &[(&str, &[Type])] = &[
    #[cfg(feature = "killb")]
    ("killb", KILLB),
    #[cfg(feature = "reap")]
    ("reap", REAP),
    #[cfg(feature = "cdq")]
    ("cdq", CDQ),
    #[cfg(feature = "localpayment")]
    ("localpayment", LOCALPAYMENT),
];

/// Example of a body, and the type that it belongs to.
struct Body<'a> {
    at: String,
    value: &'a Value,
    pass: Pass,
}

impl Body<'_> {
    fn is_request(&self) -> bool {
        self.at.contains("/requestBody/")
    }
}

/// Returns every example under a media type whose schema is a component.
fn bodies<'a>(document: &'a Value, types: &[Type]) -> Vec<Body<'a>> {
    let mut bodies = Vec::new();
    for Example { pointer: at, schema, value, .. } in find_examples(document) {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let (true, Some(reference)) = (at.contains("/content/"), reference) else {
            continue;
        };
        let name = reference.trim_start_matches("#/components/schemas/");
        let found = types.iter().find(|(known, _)| *known == name);
        let (_, pass) = *found.unwrap_or_else(|| panic!("{at}: add {name} to the list of types above"));
        bodies.push(Body { at, value, pass });
    }
    assert!(bodies.len() >= types.len(), "only {} bodies found", bodies.len());
    bodies
}

#[test]
fn generated_types_round_trip_every_example() {
    for (provider, types) in PROVIDERS {
        let document = specs::load(provider).document;
        for body in bodies(&document, types) {
            let trip = (body.pass)(body.value).unwrap_or_else(|error| panic!("{provider}: {}: {error}", body.at));
            assert_eq!(trip.encoded, *body.value, "{provider}: {}", body.at);
        }
    }
}

#[test]
fn generated_types_listed_here_each_have_an_example() {
    for (provider, types) in PROVIDERS {
        let document = specs::load(provider).document;
        for (name, _) in *types {
            let used = find_examples(&document).iter().any(|example| {
                let reference = example.schema.get("$ref").and_then(Value::as_str);
                reference.is_some_and(|reference| reference.ends_with(&format!("/{name}")))
            });
            assert!(used, "{provider}: no body is a {name}");
        }
    }
}

const CANARY: &str = "canary-5f2c";

/// Returns the JSON pointer of each text of `value`.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(_) => vec![String::new()],
        Value::Array(items) => (items.iter().enumerate())
            .flat_map(|(index, item)| texts(item).into_iter().map(move |at| format!("/{index}{at}")))
            .collect(),
        Value::Object(map) => {
            (map.iter()).flat_map(|(key, item)| texts(item).into_iter().map(move |at| format!("/{key}{at}"))).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn generated_types_show_no_contents_in_debug() {
    for (provider, types) in PROVIDERS {
        let document = specs::load(provider).document;
        for body in bodies(&document, types) {
            let mut marked = body.value.clone();
            for at in texts(body.value) {
                let before = std::mem::replace(marked.pointer_mut(&at).expect("a text"), CANARY.into());
                if (body.pass)(&marked).is_err() {
                    // Requests have closed enums; responses do not.
                    assert!(body.is_request(), "{provider}: {}{at} refuses a text", body.at);
                    *marked.pointer_mut(&at).expect("a text") = before;
                }
            }
            assert!(marked.to_string().contains(CANARY), "{provider}: {}", body.at);
            let trip = (body.pass)(&marked).unwrap_or_else(|error| panic!("{provider}: {}: {error}", body.at));
            assert_eq!(trip.encoded, marked, "{provider}: {}", body.at);
            assert!(!trip.debug.contains(CANARY), "{provider}: {}: {}", body.at, trip.debug);
        }
    }
}

/// Type of the status response of each provider, and the pointer of its status word.
const STATUS_BODIES: &[(&str, &str, &str)] = &[
    #[cfg(feature = "killb")]
    ("killb", "BulkJob", "/status"),
    #[cfg(feature = "reap")]
    ("reap", "BatchStatus", "/status"),
    #[cfg(feature = "cdq")]
    ("cdq", "Job", "/status"),
    #[cfg(feature = "localpayment")]
    ("localpayment", "Batch", "/status/description"),
];

/// Returns an example of the status response of `provider`.
fn status_body(provider: &str) -> (Value, Pass, &'static str) {
    let (_, name, word) = STATUS_BODIES.iter().find(|body| body.0 == provider).expect("a provider");
    let (_, types) = PROVIDERS.iter().find(|known| known.0 == provider).expect("a provider");
    let (_, pass) = types.iter().find(|known| known.0 == *name).expect("a type");
    let document = specs::load(provider).document;
    let example = find_examples(&document).into_iter().find(|example| {
        example.pointer.contains("/get/responses/200/")
            && example.schema["$ref"] == format!("#/components/schemas/{name}")
    });
    (example.expect("an example").value.clone(), *pass, word)
}

#[test]
fn status_types_keep_unknown_words_and_drop_unknown_fields() {
    for (provider, ..) in STATUS_BODIES {
        let (mut body, pass, word) = status_body(provider);
        *body.pointer_mut(word).expect("a status word") = "PONDERING".into();
        let mut more = body.clone();
        more["addedLater"] = json!({"word": "not documented", "list": [1]});
        let trip = pass(&more).unwrap_or_else(|error| panic!("{provider}: {error}"));
        // An unknown word is kept, and an unknown field is dropped.
        assert_eq!(trip.encoded, body, "{provider}");
        assert_eq!(trip.encoded.pointer(word), Some(&json!("PONDERING")), "{provider}");
    }
}

#[cfg(feature = "cdq")]
#[test]
fn cdq_progress_is_a_number_or_a_text() {
    use bulkrail::cdq::raw::types::{Job, JobProgress};

    let (mut body, pass, _) = status_body("cdq");
    for progress in [json!("77"), json!(77)] {
        body["progress"] = progress;
        assert_eq!(pass(&body).expect("a job").encoded, body);
    }
    let decode = |body: &Value| serde_json::from_value::<Job>(body.clone()).expect("a job").progress;
    assert!(matches!(decode(&json!({"progress": 77})), Some(JobProgress::Integer(77))));
    assert!(matches!(decode(&json!({"progress": "77"})), Some(JobProgress::String(text)) if text == "77"));
    assert!(decode(&json!({})).is_none());
}

#[cfg(feature = "reap")]
#[test]
fn reap_batch_takes_null_and_absent_alike() {
    let (mut body, pass, _) = status_body("reap");
    body["completedAt"] = Value::Null;
    assert_eq!(pass(&body).expect("a batch").encoded, body);
    let null = body.as_object_mut().expect("an object").remove("completedAt");
    let encoded = pass(&body).expect("a batch").encoded;
    assert_eq!(encoded.get("completedAt"), null.as_ref());
}

#[cfg(feature = "killb")]
#[test]
fn killb_create_account_writes_every_documented_kind() {
    use bulkrail::killb::raw::types::CreateAccount;

    let document = specs::load("killb").document;
    let kinds = document["components"]["schemas"]["CreateAccount"]["discriminator"]["mapping"].as_object();
    let kinds = kinds.expect("a mapping of kinds");
    assert_eq!(kinds.len(), 22);
    let resolve = |value: &Value| {
        let reference = value.as_str().and_then(|reference| reference.strip_prefix('#'));
        document.pointer(reference.expect("a reference")).expect("a schema")
    };
    let examples = find_examples(&document);
    let examples: Vec<&Value> = (examples.iter())
        .filter(|example| example.schema["$ref"] == "#/components/schemas/CreateAccount")
        .map(|example| example.value)
        .collect();
    for (kind, target) in kinds {
        let properties = &resolve(target)["properties"];
        // The schema that the mapping names for a kind requires that kind.
        assert_eq!(properties["type"]["enum"], json!([kind]));
        let example = examples.iter().find(|example| example["type"] == kind.as_str());
        let is_open = resolve(&properties["data"]["$ref"]).get("additionalProperties").is_some();
        let data = match example {
            Some(example) => example["data"].clone(),
            None => {
                assert!(is_open, "{kind} has fields, but no example");
                json!({"firstName": "Ana", "added later": {"number": 1.5, "list": [null, "a"]}})
            }
        };
        let mut least = data.clone();
        if is_open {
            least = json!({});
        } else {
            let schema = resolve(&properties["data"]["$ref"]);
            let lists = ["required", "x-required-sdk"].into_iter().filter_map(|key| schema.get(key)?.as_array());
            let required: Vec<_> = lists.flatten().collect();
            least.as_object_mut().expect("an object").retain(|name, _| required.iter().any(|known| *known == name));
        }
        for account in [
            json!({"type": kind, "data": least}),
            json!({"type": kind, "data": data}),
            json!({"type": kind, "data": data, "userId": "u-1", "externalId": "e-1"}),
        ] {
            let decoded: CreateAccount =
                serde_json::from_value(account.clone()).unwrap_or_else(|error| panic!("{kind}: {error}"));
            assert_eq!(serde_json::to_value(&decoded).expect("JSON"), account, "{kind}");
        }
    }
    assert!(serde_json::from_value::<CreateAccount>(json!({"type": "BARTER", "data": {}})).is_err());
}
