//! Clients for the batch onboarding endpoints of payments providers.
#![cfg_attr(
    all(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"),
    doc = "",
    doc = include_str!("../README.md")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
mod any;
#[cfg(any(feature = "xlsx", feature = "reap", feature = "localpayment"))]
mod retry;
#[cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
mod submission;

#[cfg(feature = "cdq")]
pub mod cdq;
#[cfg(feature = "killb")]
pub mod killb;
#[cfg(feature = "localpayment")]
pub mod localpayment;
#[cfg(feature = "reap")]
pub mod reap;
pub mod specs;

#[cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
pub use any::{AnyClient, AnySubmission};
#[cfg(feature = "check")]
pub use bulkrail_core::check;
#[cfg(any(feature = "reap", feature = "cdq", feature = "localpayment", feature = "xlsx"))]
pub use bulkrail_core::csv;
pub use bulkrail_core::json::collect_drift;
#[cfg(feature = "test-util")]
pub use bulkrail_core::test_util;
pub use bulkrail_core::{
    Batch, BatchId, CountMismatch, Drift, DriftKind, DurationHistory, DynProvider, Error, ErrorBody, ErrorDocument,
    ErrorKind, InvalidBatchId, InvalidProviderId, MAX_BATCH_ID_LEN, Outcome, PollEvent, PollFuture, PollLimit,
    PollStream, PollingDefaults, Progress, Provider, ProviderId, Reconciler, Reconciliation, Recovery,
    ReferenceMismatch, Report, Row, RowCounts, RowOutcome, RowSelection, Snapshot, State, SubmittedRows, Wait, WaitSet,
    WaitSetProgress, http, identifier_or_length, normal_form, poll, schedule, text, time, wait,
};
pub use http::{ClientBuilder, Environment, Limits, Upload};
#[cfg(any(feature = "xlsx", feature = "reap", feature = "localpayment"))]
pub use retry::{RetryFile, RetryOptions};
#[cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
pub use submission::{FileFormat, SubmitOptions};

// Pre-1.0 crates whose types are in public signatures.
pub use bulkrail_core::{jiff, reqwest, secrecy};
