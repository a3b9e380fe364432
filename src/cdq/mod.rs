//! CDQ: confirms bank accounts in batches.
//!
//! # Status words of a confirmation job
//!
//! The bank account pages list twelve words without their meanings. The meanings come from CDQ's
//! [developer guidelines](https://developer.cdq.com/documentation/developer-guidelines) and its
//! [jobs pages](https://idp.cdq.com/apis/jobs-management-api/api-v2/jobs). Neither page marks the terminal words of a
//! confirmation job: those are inferred from the meanings.
//!
//! | CDQ's word | [`State`](crate::State) | [`Outcome`](crate::Outcome) |
//! |---|---|---|
//! | `CREATED`, `PERSISTED`, `SCHEDULED`, `WAITING` | `Queued` | |
//! | `PENDING` (only in the prose of one page) | `Queued` | |
//! | `RUNNING` | `Running` | |
//! | `FINISHED` ("finished successfully") | `Finished` | `Succeeded` |
//! | `FAILED`, `DIED` | `Failed` | `Failed` |
//! | `COULDNT_START` (meaning not documented, inferred from its name) | `Failed` | `Failed` |
//! | `CANCELED` (on one page: "due to invalid input configuration") | `Cancelled` | `Cancelled` |
//! | `ARCHIVED` (meaning not documented; by its name an old job that was put away) | `Finished` | `Unknown` |
//! | `UNKNOWN` ("in unknown status") | `Unknown`: a wait continues | |
//! | any other | `Unknown`: a wait continues, and the word is reported as drift | |
//!
//! Letter case does not matter. `ARCHIVED` is also a word of CDQ's [curation jobs]; `COULDNT_START` is in the list of the
//! bank account pages alone. The page of [record validation jobs] calls a job finished at `FINISHED` or `FAILED`. It leaves
//! out `DIED`, `CANCELED` and `COULDNT_START`, which are terminal here by their meanings.
//!
//! [curation jobs]: https://developer.cdq.com/apis/data-curation-api/api-v3/batch-curation/paths/~1curationjobs~1%7Bid%7D/get.md
//! [record validation jobs]: https://developer.cdq.com/apis/data-validation-api/api-v3/batch-validation
//!
//! # Unknown
//!
//! - Public pages name neither counts nor a message nor results of a job. Ask CDQ for the result of each account, or
//!   confirm accounts one by one with `confirm_bank_account` of the [raw client](raw).
//! - CDQ's other APIs have a call for the results of their jobs (`/{jobs}/{id}/results`); no public page has one for a
//!   confirmation job, nor a list or a cancel call.
//! - No key tells a second start from the first, so that a lost response is never followed by another attempt. The error
//!   names the storage and the time: ask CDQ whether a job was started.
//! - No page documents how often to poll or how long a job takes: [`POLLING_DEFAULTS`] applies.
//! - CDQ documents a mock server instead of a sandbox. [`Environment::Sandbox`](crate::Environment::Sandbox) is that
//!   mock server.

#[cfg(feature = "check")]
mod check;
mod client;
mod errors;
mod status;
mod submission;

#[doc = concat!("Client and types generated from `", env!("BULKRAIL_SPEC_CDQ_TEXT"), "`.")]
///
/// Calls share the HTTP client of [`Client`]: its credentials, its limits, no redirects. They return the errors of the
/// generator, whose `Display` prints whole responses: do not log them, convert them with [`Client::map_raw_error`].
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
#[cfg_attr(doc, allow(rustdoc::all, reason = "its prose is the spec's"))]
pub mod raw {
    include!(concat!(env!("BULKRAIL_GENERATED"), "/cdq.rs"));
}

pub use client::{Client, Credentials};
pub use status::STATES;
pub use submission::{CSV, Submission};

/// Provider id in batches and documents.
pub const PROVIDER: bulkrail_core::ProviderId = bulkrail_core::ProviderId::from_static("cdq");

/// Polling defaults: [`PollingDefaults::new`](crate::PollingDefaults::new), of a provider that reports progress.
pub const POLLING_DEFAULTS: bulkrail_core::PollingDefaults = bulkrail_core::PollingDefaults::new().with_progress();
