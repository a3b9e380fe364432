//! KillB: bank accounts and wallets of people and companies, created one by one or from a spreadsheet.
//!
//! # Status words of a bulk job
//!
//! | KillB's word | [`State`](crate::State) | Source |
//! |---|---|---|
//! | `PENDING` | `queued` | [status page](https://docs.killb.com/api-reference/account/get-bulk-upload-job-status) |
//! | `PROCESSING` | `running` | status page |
//! | `COMPLETED` | `finished`; the counts decide the outcome: the page's own example has two failed rows | status page |
//! | `FAILED` | `failed` | status page |
//! | anything else | `unrecognised`: the wait goes on, and the word is reported as drift | |
//!
//! Letter case does not matter. Words of other resources (accounts, payouts, savings) are not words of a job.
//!
//! # Unknown
//!
//! No page says how often to poll or how long a job may take: [`POLLING_DEFAULTS`]. The file's columns,
//! limits and template are not published; the keys of `originalRowData` in the status answer are the best hint.

mod client;
mod credentials;
mod errors;
mod rows;
mod status;
mod submission;
#[cfg(feature = "xlsx")]
mod workbook;

/// The generated client and types: exactly what `specs/killb.yaml` says.
///
/// Its methods send through the same HTTP client (credentials, limits, no redirects), but return the generator's own
/// errors, whose `Display` prints whole responses: do not log those, make an [`Error`](crate::Error) of them with
/// [`Client::map_raw_error`].
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
#[cfg_attr(doc, allow(rustdoc::all, reason = "its prose is the spec's"))]
pub mod raw {
    include!(concat!(env!("OUT_DIR"), "/killb.rs"));
}

pub use client::Client;
pub use credentials::Credentials;
pub use rows::{RowResult, Rows};
pub use status::STATES;
pub use submission::Submission;
#[cfg(feature = "xlsx")]
pub use workbook::{COLUMNS, Workbook};

/// Name of the provider in batches and documents.
pub const PROVIDER: bulkrail_core::ProviderId = bulkrail_core::ProviderId::from_static("killb");

/// No page says how often to poll. The [rate limits](https://docs.killb.com/resources/rate-limits) are 50 requests per
/// second in production and 100 in the sandbox; half of the lower one is left to the rest of the account.
pub const POLLING_DEFAULTS: bulkrail_core::PollingDefaults =
    bulkrail_core::PollingDefaults::new().with_requests_per_second(25.0);
