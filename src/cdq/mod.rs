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
//! [`Advice::silent`](crate::Advice::silent) applies. There is no sandbox but a mock server, which is what
//! [`Environment::Sandbox`](crate::Environment::Sandbox) means here.

mod client;
mod errors;
mod status;

/// The generated client and types: exactly what `specs/cdq.yaml` says.
///
/// Its methods send through the same transport (credentials, limits, no redirects), but return the generator's own errors, whose
/// `Display` prints whole answers: do not log those, make an [`Error`](crate::Error) of them with [`explain`](raw::explain).
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
#[cfg_attr(doc, allow(rustdoc::all, reason = "its prose is the spec's"))]
pub mod raw {
    crate::generated::generated!("cdq");
}

use crate::transport::Table;

pub use client::{Client, Credentials};

/// The provider's name in batches and documents.
pub const PROVIDER: crate::ProviderId = crate::ProviderId::from_static("cdq");

/// Columns and size of the upload page. It says nothing of a limit of rows, nor which cells may be empty.
const CSV: Table = Table {
    required: &[],
    optional: &[
        "International Account ID",
        "International Bank ID",
        "Country Code",
        "National Bank ID",
        "National Account ID",
    ],
    reference: None,
    max_rows: u64::MAX,
    max_bytes: 100 * 1024 * 1024,
};
