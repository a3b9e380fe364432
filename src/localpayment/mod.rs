//! Localpayment: virtual accounts, created one by one or in batches (Argentina, Mexico).
//!
//! # Status words of a batch
//!
//! The answer has a code and a word; the word is read first, the code where the word is missing or new. No page lists the values of a
//! batch: two are seen in examples, one in the general error guide.
//!
//! | Code, word | [`State`](crate::State) | Source |
//! |---|---|---|
//! | `100` `INPROGRESS` | `running` | [create page](https://docs.v3.localpayment.com/request-a-payment/payins/bank-transfer/virtual-account/api-reference/request-batch) |
//! | `200` `COMPLETED` | `finished`; the outcome follows from accounts requested and created | [check page](https://docs.v3.localpayment.com/request-a-payment/payins/bank-transfer/virtual-account/api-reference/check-virtual-account/check-batch-virtual-account) |
//! | `300` `REJECTED` | `failed` | [error guide](https://docs.localpayment.com/docs/error-handling) |
//! | anything else | `unrecognised`: the wait goes on, and the word is reported as drift | |
//!
//! Letter case does not matter. `DISABLED` and `DELETED` are words of a single account, not of a batch.
//!
//! # Counts
//!
//! The CSV in the answer lists the accounts that were created, and only those; how many were requested stands in the free text
//! `comment`. So `succeeded` counts the CSV's rows, `total` comes from the comment where it can be read, `failed` counts the entries of
//! `errors` (documented as empty on success), and what is left is `unaccounted`.
//!
//! # Unknown
//!
//! No page says how often to poll or how long a batch may take ("after a brief interval");
//! [`PollingDefaults::new`](crate::PollingDefaults::new) applies. The production address is known from indirect evidence only.

mod batch;
mod client;
mod credentials;
mod errors;
mod rows;
mod status;
mod submission;

/// The generated client and types: exactly what `specs/localpayment.yaml` says.
///
/// Its methods send through the same HTTP client (credentials, limits, no redirects), but return the generator's own
/// errors, whose `Display` prints whole responses: do not log those, make an [`Error`](crate::Error) of them with
/// [`Client::map_raw_error`].
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
#[cfg_attr(doc, allow(rustdoc::all, reason = "its prose is the spec's"))]
pub mod raw {
    include!(concat!(env!("OUT_DIR"), "/localpayment.rs"));
}

pub use batch::{ACCOUNTS, check, split};
pub use client::Client;
pub use credentials::Credentials;
pub use status::STATES;
pub use submission::{CSV, Submission};

/// Name of the provider in batches and documents.
pub const PROVIDER: bulkrail_core::ProviderId = bulkrail_core::ProviderId::from_static("localpayment");
