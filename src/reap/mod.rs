//! Reap: imports KYC records in batches.
//!
//! A batch is a CSV file of up to 5,000 rows. Each row has the id of an existing entity and a share token of the KYC
//! provider. Reap counts failed rows but does not list them; its page announces that for a later release.
//! [`Client::reconcile`] reads the entities instead.
//!
//! # Status words of a batch
//!
//! | Reap's word | [`State`](crate::State) | Source |
//! |---|---|---|
//! | `pending` | `Queued` | [status page](https://reap-ra.readme.io/reference/get_entity-kyc-import-batch-batchid) |
//! | `in_progress` | `Running` | status page |
//! | `PROCESSING` | `Running` | [Reap's own tool](https://github.com/reaphq/kyc-share-token) |
//! | `completed` | `Finished` | status page |
//! | `failed` | `Failed` | status page |
//! | any other | `Unknown`: a wait continues, and the word is reported as drift | |
//!
//! Letter case does not matter: the pages have lower case, the tool has upper case. The counts decide the
//! [`Outcome`](crate::Outcome) of a `completed` batch, because rows of it may have failed or not been processed.
//!
//! # Decisions
//!
//! A processed row is not an approved person: Reap may review further. The decision is on the entity, which
//! [`Client::reconcile`] reads:
//!
//! | Word of a requirement | Row |
//! |---|---|
//! | all `APPROVED` | succeeded; an event may revoke the access later |
//! | one `REJECTED` | failed; only the webhook says whether another attempt is possible (`RETRY`) or not (`FINAL`) |
//! | `PENDING`, or any other | unaccounted for |
//!
//! The events of Reap's webhook have the id of the entity and not that of the batch. Universal KYB has words of its own
//! (`PENDING_SUBMISSION`, `UNDER_REVIEW`, `PENDING_ADDITIONAL_INFO`, `CANCELLED_BY_CLIENT`), which belong to another call.
//!
//! # Polling
//!
//! [`POLLING_DEFAULTS`] are those of the status page: a first poll 1 to 2 minutes after the upload, then one every 30
//! to 60 seconds, for 30 minutes at most. Large batches may take longer (Reap's guide: up to 10 minutes for 1,000
//! rows). A wait then ends with [`Deadline`](crate::ErrorKind::Deadline), and the batch can be waited for again.

#[cfg(feature = "check")]
mod check;
mod client;
mod errors;
mod rows;
mod status;
mod submission;

#[doc = concat!("Client and types generated from `", env!("BULKRAIL_SPEC_REAP_TEXT"), "`.")]
///
/// Calls share the HTTP client of [`Client`]: its credentials, its limits, no redirects. They return the errors of the
/// generator, whose `Display` prints whole responses: do not log them, convert them with [`Client::map_raw_error`].
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
#[cfg_attr(doc, allow(rustdoc::all, reason = "its prose is the spec's"))]
pub mod raw {
    include!(concat!(env!("BULKRAIL_GENERATED"), "/reap.rs"));
}

pub use client::{Client, Credentials};
pub use status::{POLLING_DEFAULTS, STATES};
pub use submission::{CSV, Submission};

/// Provider id in batches and documents.
pub const PROVIDER: bulkrail_core::ProviderId = bulkrail_core::ProviderId::from_static("reap");
