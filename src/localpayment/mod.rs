//! Localpayment: creates virtual accounts, one by one or in batches (Argentina, Mexico).
//!
//! # Status words of a batch
//!
//! A response has a code and a word. The word decides. The code is read when the word is missing, and code `100` also
//! when the word is unknown. No page lists the values of a batch: two are from examples, one from the general error
//! guide.
//!
//! | Code, word | [`State`](crate::State) | Source |
//! |---|---|---|
//! | `100` `INPROGRESS` | `Running` | [create page] |
//! | `200` `COMPLETED` | `Finished` | [check page] |
//! | `300` `REJECTED` | `Failed` | [error guide](https://docs.localpayment.com/docs/error-handling) |
//! | any other | `Unknown`: a wait continues, and the word is reported as drift | |
//!
//! Letter case does not matter. The counts decide the [`Outcome`](crate::Outcome) of a `COMPLETED` batch.
//!
//! # Status of a single account
//!
//! `DISABLED` and `DELETED` are words of a single account, not of a batch. Code `300` has two meanings, so read the word:
//!
//! | Code, word | Meaning | [`enable`](Client::enable_account) | [`disable`](Client::disable_account) |
//! |---|---|---|---|
//! | `100` `INPROGRESS` | the account is being created | no | no |
//! | `200` `COMPLETED` | the account takes payments | | yes |
//! | `300` `DISABLED`, in a 2xx response | the account refuses payments until it is enabled | yes | |
//! | `300` `REJECTED` | a request was refused, or the account was not created | | |
//! | `DELETED` (code not documented) | the account is gone for good | no | no |
//!
//! Sources: [enable or disable], [newer site](https://docs.localpayment.com/docs/activate-deactivate-virtual-account).
//! An empty cell is not documented.
//!
//! # Counts
//!
//! A response has a CSV that lists the created accounts only. The number of requested accounts is in its free text
//! `comment`.
//!
//! | [`Progress`](crate::Progress) | Is |
//! |---|---|
//! | `total` | the number of requested accounts in `comment`, where it can be read |
//! | `succeeded` | the number of rows in the CSV, else the number of created accounts in `comment` |
//! | `failed` | the number of items in `errors` (documented as empty on success), at most `total - succeeded` |
//! | `unaccounted` | the rest |
//!
//! # Unknown
//!
//! - No page documents how often to poll ("after a brief interval") or how long a batch takes:
//!   [`PollingDefaults::new`](crate::PollingDefaults::new) applies.
//! - Batches are documented for Argentina and Mexico. The newer site has payment instructions for Brazil, Chile, Colombia
//!   and Peru, too. A Colombian account is a Bre-B key with letters and `@`, so an account is text and never a number.
//! - The production URL is known from indirect evidence only.
//!
//! [enable or disable]: https://docs.v3.localpayment.com/request-a-payment/payins/bank-transfer/virtual-account/api-reference/enable-or-disable-virtual-account
//! [create page]: https://docs.v3.localpayment.com/request-a-payment/payins/bank-transfer/virtual-account/api-reference/request-batch
//! [check page]: https://docs.v3.localpayment.com/request-a-payment/payins/bank-transfer/virtual-account/api-reference/check-virtual-account/check-batch-virtual-account

mod batch;
#[cfg(feature = "check")]
mod check;
mod client;
mod credentials;
mod errors;
mod retry;
mod rows;
mod status;
mod submission;

#[doc = concat!("Client and types generated from `", env!("BULKRAIL_SPEC_LOCALPAYMENT_TEXT"), "`.")]
///
/// Calls share the HTTP client of [`Client`]: its credentials, its limits, no redirects. They return the errors of the
/// generator, whose `Display` prints whole responses: do not log them, convert them with [`Client::map_raw_error`].
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
#[cfg_attr(doc, allow(rustdoc::all, reason = "its prose is the spec's"))]
pub mod raw {
    include!(concat!(env!("BULKRAIL_GENERATED"), "/localpayment.rs"));
}

pub use batch::{ACCOUNTS, check, split};
pub use client::Client;
pub use credentials::Credentials;
pub(crate) use retry::write_retry;
pub use status::STATES;
pub use submission::{CSV, Submission};

/// Provider id in batches and documents.
pub const PROVIDER: bulkrail_core::ProviderId = bulkrail_core::ProviderId::from_static("localpayment");
