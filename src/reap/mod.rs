//! Reap: KYC records imported in batches.
//!
//! One batch is a CSV file of up to 5,000 rows; each names an entity that exists and a share token of the KYC provider. Reap counts
//! failed rows but does not say which (its page announces that for later); read the entities to find out.
//!
//! # Status words
//!
//! | Reap's word | [`State`](crate::State) | Source |
//! |---|---|---|
//! | `pending` | `queued` | [status page](https://reap-ra.readme.io/reference/get_entity-kyc-import-batch-batchid) |
//! | `in_progress` | `running` | status page |
//! | `PROCESSING` | `running` | [Reap's own tool](https://github.com/reaphq/kyc-share-token) |
//! | `completed` | `finished`; the counts decide the outcome, because rows may have failed or never been processed | status page |
//! | `failed` | `failed` | status page |
//! | anything else | `unrecognised`: the wait goes on, and the word is reported as drift | |
//!
//! Letter case does not matter: the pages write lower case, the tool upper case.
//!
//! # Polling
//!
//! The page advises a first look 1 to 2 minutes after the upload, then one every 30 to 60 seconds, for 30 minutes at most: [`POLLING_DEFAULTS`].
//! A large batch may well take longer (Reap's guide: up to 10 minutes for 1,000 rows); then the wait ends with
//! [`Deadline`](crate::ErrorKind::Deadline), and the batch can be waited for again.

mod client;
mod errors;
mod rows;
mod status;
mod submission;

/// The generated client and types: exactly what `specs/reap.yaml` says.
///
/// Its methods send through the same HTTP client (credentials, limits, no redirects), but return the generator's own
/// errors, whose `Display` prints whole responses: do not log those, make an [`Error`](crate::Error) of them with
/// [`Client::map_raw_error`].
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
#[cfg_attr(doc, allow(rustdoc::all, reason = "its prose is the spec's"))]
pub mod raw {
    include!(concat!(env!("OUT_DIR"), "/reap.rs"));
}

pub use client::{Client, Credentials};
pub use status::{POLLING_DEFAULTS, STATES};
pub use submission::{CSV, Submission};

/// Name of the provider in batches and documents.
pub const PROVIDER: bulkrail_core::ProviderId = bulkrail_core::ProviderId::from_static("reap");
