//! CDQ: bank accounts confirmed in batches.
//!
//! # Status words of a confirmation job
//!
//! The bank account pages list twelve words without saying what they mean; the meanings come from CDQ's
//! [developer guidelines](https://developer.cdq.com/documentation/developer-guidelines) and its
//! [jobs pages](https://idp.cdq.com/apis/jobs-management-api/api-v2/jobs). That a word is an end is nowhere said: it is our reading.
//!
//! | CDQ's word | [`State`](crate::State) | Outcome |
//! |---|---|---|
//! | `CREATED`, `PERSISTED`, `SCHEDULED`, `WAITING` | `queued` | |
//! | `PENDING` (only in the prose of one page) | `queued` | |
//! | `RUNNING` | `running` | |
//! | `FINISHED` | `finished` | `succeeded`: "finished successfully" |
//! | `FAILED`, `DIED` | `failed` | `failed` |
//! | `COULDNT_START` (no meaning given; by its name) | `failed` | `failed` |
//! | `CANCELED` (on one page "due to invalid input configuration") | `cancelled` | `cancelled` |
//! | `ARCHIVED` (no meaning given; by its name an old job put away) | `finished` | `unknown`: it ended, but nobody can tell how |
//! | `UNKNOWN` | `unrecognised`: CDQ itself does not know, so the wait goes on | |
//! | anything else | `unrecognised`, and the word is reported as drift | |
//!
//! Letter case does not matter.
//!
//! # Unknown
//!
//! A job has no counts, no message and no results that public pages name; what happened to each account is to be asked of CDQ, or
//! account by account with `confirm_bank_account` of the [raw client](raw). No page says how often to poll or how long a job may take;
//! [`PollingDefaults::new`](crate::PollingDefaults::new) applies. There is no sandbox but a mock server, which is what
//! [`Environment::Sandbox`](crate::Environment::Sandbox) means here.

mod client;
mod errors;
mod status;
mod submission;

/// The generated client and types: exactly what `specs/cdq.yaml` says.
///
/// Its methods send through the same HTTP client (credentials, limits, no redirects), but return the generator's own
/// errors, whose `Display` prints whole responses: do not log those, make an [`Error`](crate::Error) of them with
/// [`Client::map_raw_error`].
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
#[cfg_attr(doc, allow(rustdoc::all, reason = "its prose is the spec's"))]
pub mod raw {
    include!(concat!(env!("OUT_DIR"), "/cdq.rs"));
}

pub use client::{Client, Credentials};
pub use status::STATES;
pub use submission::{CSV, Submission};

/// Name of the provider in batches and documents.
pub const PROVIDER: bulkrail_core::ProviderId = bulkrail_core::ProviderId::from_static("cdq");
