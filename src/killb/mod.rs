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
//! # Accounts
//!
//! [`CreateAccount`] is an account of one of 22 documented kinds, or of a kind that the spec does not have ([`AccountKind::Other`]). The pages
//! show the fields of PSE, SPEI and, in part, ACH; those of the others are from the types in [KillB's own client]. Each data
//! type names its source, its conditions and what contradicts it. The constructors ask for each field that the client
//! requires.
//!
//! # Columns of a workbook
//!
//! Headings are published nowhere: [`Client::template`] downloads KillB's own file. The table follows from the fields of each
//! kind and from the keys of `originalRowData`, so that it is an inference. Every row has `accountType`, `email`, `phone`,
//! `entityType`, `documentNumber`, `documentIssuedCountryCode`, `countryCode`, a name, and the document's type.
//!
//! | Kind | Further columns |
//! |---|---|
//! | PSE, SPI, SPI_PY, ACH_PA, ACH_BO | `accountNumber`, `bankCode`, `bankAccountType` |
//! | ACH_HN, ACH_SV, ACH_NI, ACH_GT | the same, and `bankName` |
//! | SINPE | the same; `bankName` is optional |
//! | ACH | `bankName`, `routingNumber`, `accountNumber`, `bankAccountType` |
//! | WIRE | `bankName`, `routingNumber`, `accountNumber`, six `bankAddress` columns |
//! | SWIFT | `bankName`, `swiftCode`, `accountNumber`, six `bankAddress` columns |
//! | WALLET | `currency`, `network`, `address` |
//! | COELSA | `cvu` |
//! | BREB | `aliasType`, `alias` |
//! | SPEI | `clabe`, `clabeType`, `bankCode` |
//! | PIX | `pixKeyType`, `pixKey` |
//! | CCI | `cci` |
//! | TRANSFIYA | `account`, `transfiyaAccountType` |
//! | SPI_DO | `bankCode`, `accountNumber`, `bankAccountType`, `alias`; no column for `identifierType` |
//!
//! No kind takes `iban`. A holder with an INE or IFE document cannot be given completely: the fields that only those need
//! have no columns.
//!
//! # A submit whose outcome is unknown
//!
//! No key tells a second upload from the first, and no page has a list of jobs: a lost response is never followed by
//! another attempt. [`Client::compare_with_existing`] compares the rows with the accounts that exist; it is called by
//! you alone.
//!
//! # Unknown
//!
//! - No page says which user owns the account of a row: a workbook has no column for it.
//! - No page documents how often to poll or how long a job takes; see [`POLLING_DEFAULTS`].
//! - Limits of the workbook are not published.
//! - The fields of a CUSTODIAL account are documented nowhere.
//! - No page has the calls for template, export, deletion and accounts of a user: they are from KillB's client alone.
//!
//! [KillB's own client]: https://github.com/Kill-B/sdk/blob/5d0c54811e0008d0e7834cb4f968bc273039473b/src/types/schema.ts

mod account;
mod account_data;
#[cfg(feature = "xlsx")]
mod archive;
#[cfg(feature = "xlsx")]
mod cell_refs;
#[cfg(all(feature = "check", feature = "xlsx"))]
mod check;
mod client;
mod credentials;
mod errors;
mod existing;
mod holder;
#[cfg(all(feature = "check", feature = "xlsx"))]
mod kinds;
#[cfg(feature = "xlsx")]
mod retry;
#[cfg(feature = "xlsx")]
mod row_removal;
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

pub use account::{AccountKind, CreateAccount};
pub use client::Client;
pub use credentials::Credentials;
pub use existing::{ComparedRow, ComparedUser, ExistingAccount, ExistingAccounts};
pub use holder::Holder;
#[doc(inline)]
pub use raw::types::{
    Account, AchBoData, AchData, AchGtData, AchHnData, AchNiData, AchPaData, AchSvData, Bank, BankAccountType,
    BankAddress, BrebAliasType, BrebData, CciData, ClabeType, CoelsaData, CoelsaDocument, CoelsaDocumentType, Document,
    DocumentType, DocumentTypeKnown, PixData, PixKeyType, PseData, SinpeData, SpeiData, SpiData, SpiDoData,
    SpiDoIdentifierType, SpiPyData, SwiftData, TransfiyaAccountType, TransfiyaData, WalletCurrency, WalletData,
    WalletNetwork, WalletNetworkKnown, WireData,
};
#[cfg(feature = "xlsx")]
pub(crate) use retry::write_retry;
pub use rows::{RowResult, Rows};
pub use status::STATES;
pub use submission::Submission;
#[cfg(feature = "xlsx")]
pub(crate) use workbook::CSV;
#[cfg(feature = "xlsx")]
pub use workbook::{COLUMNS, Workbook};

/// Provider id in batches and documents.
pub const PROVIDER: bulkrail_core::ProviderId = bulkrail_core::ProviderId::from_static("killb");

/// Polling defaults: 25 requests per second, and polls of up to ten and a half minutes, else [`PollingDefaults::new`](crate::PollingDefaults::new).
///
/// No page documents how often to poll. The [rate limits](https://docs.killb.com/resources/rate-limits) are 50 requests
/// per second in production and 100 in the sandbox. Half of the lower one is left to other requests of the account.
///
/// A status response has all rows, and a last poll reads it twice: it may take twice the
/// [download timeout](crate::Limits::download_timeout) and the request timeout. A client with other limits has its own time.
pub const POLLING_DEFAULTS: bulkrail_core::PollingDefaults = bulkrail_core::PollingDefaults::new()
    .with_requests_per_second(25.0)
    .with_progress()
    .with_poll_timeout(poll_timeout(&bulkrail_core::http::Limits::new()));

/// Returns the longest time of a poll: a token refresh, and two requests whose responses have all rows.
const fn poll_timeout(limits: &bulkrail_core::http::Limits) -> std::time::Duration {
    limits.download_timeout.saturating_mul(2).saturating_add(limits.request_timeout)
}
