//! KillB: creates bank accounts and wallets of individuals and companies, one by one or from a workbook.
//!
//! # Status words of a bulk job
//!
//! | KillB's word | [`State`](crate::State) | Source |
//! |---|---|---|
//! | `PENDING` | `Queued` | [status page](https://docs.killb.com/api-reference/account/get-bulk-upload-job-status) |
//! | `PROCESSING` | `Running` | status page |
//! | `COMPLETED` | `Finished` | status page |
//! | `FAILED` | `Failed` | status page |
//! | any other | `Unknown`: a wait continues, and the word is reported as drift | |
//!
//! Letter case does not matter. Rows and counts decide the [`Outcome`](crate::Outcome) of a `COMPLETED` job: the page's
//! own example has two failed rows. The words of other resources (accounts, payouts, savings) are not those of a job.
//!
//! # Unknown
//!
//! - No page documents how often to poll or how long a job takes; see [`POLLING_DEFAULTS`].
//! - Columns, limits and template of the workbook are not published. The keys of `originalRowData` in the status
//!   response are the best evidence of the columns.

#[cfg(feature = "xlsx")]
mod archive;
mod client;
mod credentials;
mod errors;
mod rows;
mod status;
mod submission;
#[cfg(feature = "xlsx")]
mod workbook;

#[doc = concat!("Client and types generated from `", env!("BULKRAIL_SPEC_KILLB_TEXT"), "`.")]
///
/// Calls share the HTTP client of [`Client`]: its credentials, its limits, no redirects. They return the errors of the
/// generator, whose `Display` prints whole responses: do not log them, convert them with [`Client::map_raw_error`].
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
#[cfg_attr(doc, allow(rustdoc::all, reason = "its prose is the spec's"))]
pub mod raw {
    include!(concat!(env!("BULKRAIL_GENERATED"), "/killb.rs"));
}

pub use client::Client;
pub use credentials::Credentials;
pub use rows::{RowResult, Rows};
pub use status::STATES;
pub use submission::Submission;
#[cfg(feature = "xlsx")]
pub use workbook::{COLUMNS, Workbook};

/// Provider id in batches and documents.
pub const PROVIDER: bulkrail_core::ProviderId = bulkrail_core::ProviderId::from_static("killb");

/// Polling defaults: 25 requests per second, else [`PollingDefaults::new`](crate::PollingDefaults::new).
///
/// No page documents how often to poll. The [rate limits](https://docs.killb.com/resources/rate-limits) are 50 requests
/// per second in production and 100 in the sandbox. Half of the lower one is left to other requests of the account.
pub const POLLING_DEFAULTS: bulkrail_core::PollingDefaults =
    bulkrail_core::PollingDefaults::new().with_requests_per_second(25.0).with_progress();
