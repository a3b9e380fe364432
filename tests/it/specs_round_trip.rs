//! The generated types take what the specs show, give it back unchanged, and never show it in `Debug`.

#![cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]

#[path = "specs_support/examples.rs"]
mod examples;
#[path = "specs_support/specs.rs"]
mod specs;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use examples::{Example, examples};

/// A generated type: its name in the spec, and what takes a value through it.
type Type = (&'static str, Pass);

type Pass = fn(&Value) -> serde_json::Result<Trip>;

struct Trip {
    encoded: Value,
    debug: String,
}

/// One line for each schema that an example stands next to.
macro_rules! types {
    ($room:ident: $($name:ident)*) => {
        &[$((stringify!($name), pass::<bulkrail::$room::raw::types::$name>)),*]
    };
}

fn pass<T: DeserializeOwned + Serialize + Debug>(value: &Value) -> serde_json::Result<Trip> {
    let decoded: T = serde_json::from_slice(&serde_json::to_vec(value)?)?;
    Ok(Trip { encoded: serde_json::to_value(&decoded)?, debug: format!("{decoded:?} {decoded:#?}") })
}

#[cfg(feature = "killb")]
const KILLB: &[Type] = types! { killb:
    Reconciliation
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
    Batch
    ErrorBody
    RefreshRequest
    TokenError
    TokenRequest
    Tokens
    VirtualAccount
};

const ROOMS: &[(&str, &[Type])] = &[
    #[cfg(feature = "killb")]
    ("killb", KILLB),
    #[cfg(feature = "reap")]
    ("reap", REAP),
    #[cfg(feature = "cdq")]
    ("cdq", CDQ),
    #[cfg(feature = "localpayment")]
    ("localpayment", LOCALPAYMENT),
];

/// A body that a spec shows, and the type it belongs to.
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

/// Every example under a media type whose schema is a component.
fn bodies<'a>(document: &'a Value, types: &[Type]) -> Vec<Body<'a>> {
    let mut bodies = Vec::new();
    for Example { at, schema, value } in examples(document) {
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
fn bodies_come_back_as_they_went_in() {
    for (room, types) in ROOMS {
        let document = specs::load(room).document;
        for body in bodies(&document, types) {
            let trip = (body.pass)(body.value).unwrap_or_else(|error| panic!("{room}: {}: {error}", body.at));
            assert_eq!(trip.encoded, *body.value, "{room}: {}", body.at);
        }
    }
}

#[test]
fn no_type_is_listed_for_nothing() {
    for (room, types) in ROOMS {
        let document = specs::load(room).document;
        for (name, _) in *types {
            let used = examples(&document).iter().any(|example| {
                let reference = example.schema.get("$ref").and_then(Value::as_str);
                reference.is_some_and(|reference| reference.ends_with(&format!("/{name}")))
            });
            assert!(used, "{room}: no body is a {name}");
        }
    }
}

const CANARY: &str = "canary-5f2c";

/// Each text of `value`, by its JSON pointer.
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
fn debug_shows_no_contents() {
    for (room, types) in ROOMS {
        let document = specs::load(room).document;
        for body in bodies(&document, types) {
            let mut marked = body.value.clone();
            for at in texts(body.value) {
                let before = std::mem::replace(marked.pointer_mut(&at).expect("a text"), CANARY.into());
                if (body.pass)(&marked).is_err() {
                    // What we write has closed enums; what we read has none.
                    assert!(body.is_request(), "{room}: {}{at} refuses a text", body.at);
                    *marked.pointer_mut(&at).expect("a text") = before;
                }
            }
            assert!(marked.to_string().contains(CANARY), "{room}: {}", body.at);
            let trip = (body.pass)(&marked).unwrap_or_else(|error| panic!("{room}: {}: {error}", body.at));
            assert_eq!(trip.encoded, marked, "{room}: {}", body.at);
            assert!(!trip.debug.contains(CANARY), "{room}: {}: {}", body.at, trip.debug);
        }
    }
}

/// The answer that tells how a batch is: its type, and where its status word stands.
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

/// An example of the status answer of `room`.
fn status_body(room: &str) -> (Value, Pass, &'static str) {
    let (_, name, word) = STATUS_BODIES.iter().find(|body| body.0 == room).expect("a room");
    let (_, types) = ROOMS.iter().find(|known| known.0 == room).expect("a room");
    let (_, pass) = types.iter().find(|known| known.0 == *name).expect("a type");
    let document = specs::load(room).document;
    let example = examples(&document).into_iter().find(|example| {
        example.at.contains("/get/responses/200/") && example.schema["$ref"] == format!("#/components/schemas/{name}")
    });
    (example.expect("an example").value.clone(), *pass, word)
}

#[test]
fn what_a_provider_adds_later_does_no_harm() {
    for (room, ..) in STATUS_BODIES {
        let (mut body, pass, word) = status_body(room);
        *body.pointer_mut(word).expect("a status word") = "PONDERING".into();
        let mut more = body.clone();
        more["addedLater"] = json!({"word": "not documented", "list": [1]});
        let trip = pass(&more).unwrap_or_else(|error| panic!("{room}: {error}"));
        // An unknown word is kept; an unknown field is dropped.
        assert_eq!(trip.encoded, body, "{room}");
        assert_eq!(trip.encoded.pointer(word), Some(&json!("PONDERING")), "{room}");
    }
}

#[cfg(feature = "cdq")]
#[test]
fn progress_is_a_number_or_a_text() {
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
fn null_and_absent_are_taken_alike() {
    let (mut body, pass, _) = status_body("reap");
    body["completedAt"] = Value::Null;
    assert_eq!(pass(&body).expect("a batch").encoded, body);
    let null = body.as_object_mut().expect("an object").remove("completedAt");
    let encoded = pass(&body).expect("a batch").encoded;
    assert_eq!(encoded.get("completedAt"), null.as_ref());
}

#[cfg(feature = "killb")]
#[test]
fn every_kind_of_account_can_be_written() {
    use bulkrail::killb::raw::types::CreateAccount;

    let document = specs::load("killb").document;
    let kinds = document["components"]["schemas"]["CreateAccount"]["discriminator"]["mapping"].as_object();
    let kinds = kinds.expect("a mapping of kinds");
    assert_eq!(kinds.len(), 22);
    let resolve = |value: &Value| {
        let reference = value.as_str().and_then(|reference| reference.strip_prefix('#'));
        document.pointer(reference.expect("a reference")).expect("a schema")
    };
    for (kind, target) in kinds {
        let properties = &resolve(target)["properties"];
        // The kind that the mapping names is the one that the schema it points at insists on.
        assert_eq!(properties["type"]["enum"], json!([kind]));
        let mut data = json!({
            "firstName": "Ana", "email": "ana@example.com", "countryCode": "CO",
            "document": {"type": "NIT", "number": "0123456", "issuedCountryCode": "CO"},
        });
        if resolve(&properties["data"]["$ref"]).get("additionalProperties").is_some() {
            data["said by the provider"] = json!({"number": 1.5, "list": [null, "a"]});
        }
        for account in [
            json!({"type": kind, "data": {}}),
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
