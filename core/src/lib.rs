//! Shared parts of the provider clients of [bulkrail](https://docs.rs/bulkrail), for authors of provider crates.
//!
//! | Module | What it has |
//! |---|---|
//! | crate root | the provider-neutral model ([`Batch`], [`Snapshot`], [`Outcome`], [`Reconciliation`]), [`Error`], [`Provider`] |
//! | [`poll`] | [`wait`], [`WaitSet`], [`PollStream`], [`WaitState`](poll::WaitState): polling a batch until it ends |
//! | [`http`] | [`HttpClient`](http::HttpClient): authentication, tokens, limits, retries, error mapping, uploads |
//! | [`generated`] | what generated clients use: [`HttpClient`](http::HttpClient) and crates |
//! | [`json`] | lenient reading of status bodies, streaming of rows, comparison with the spec |
//! | [`check`] | public standards, and what is found in a file before it is sent (feature `check`) |
//! | [`csv`] | checks of CSV files before they are sent (feature `csv`) |
//! | [`schedule`] | the rule that decides when to poll next |
//! | [`text`] | escapes and cuts texts for people |
//! | [`time`] | the clock; the only module that reads clocks or sleeps |
//! | [`test_util`] | virtual time, mock providers and connectors (feature `test-util`) |
//!
//! Applications depend on `bulkrail`, which re-exports what they need.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "check")]
pub mod check;
#[cfg(feature = "csv")]
pub mod csv;
mod error;
pub mod generated;
pub mod http;
pub mod json;
mod model;
pub mod poll;
mod provider;
pub mod schedule;
#[cfg(feature = "test-util")]
pub mod test_util;
pub mod text;
pub mod time;

pub use error::{Error, ErrorBody, ErrorDocument, ErrorKind};
pub use model::{
    Batch, BatchId, CountMismatch, Drift, DriftKind, InvalidBatchId, InvalidProviderId, MAX_BATCH_ID_LEN, Outcome,
    Progress, ProviderId, Reconciler, Reconciliation, Recovery, ReferenceMismatch, Report, Row, RowCounts, RowOutcome,
    RowSelection, Snapshot, State, SubmittedRows, check_id, identifier_or_length, normal_form,
};
pub use poll::{DurationHistory, PollEvent, PollStream, Wait, WaitSet, WaitSetProgress, wait};
// Pre-1.0 crates whose types are in public signatures.
pub use {jiff, progenitor_client, reqwest, secrecy};

pub use provider::{DynProvider, PollFuture, PollLimit, PollingDefaults, Provider};
