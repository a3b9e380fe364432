//! The provider-neutral model: a batch, what one poll reports of it, how it and each of its rows ended.
//!
//! Nothing here knows a provider, a clock or a socket.

mod batch;
mod drift;
mod normal_form;
mod outcome;
mod progress;
mod provider_id;
mod reconciler;
mod reconciliation;
mod recovery;
mod report;
mod row_counts;
mod selection;
mod snapshot;
mod submitted_rows;

pub use batch::{Batch, BatchId, InvalidBatchId, MAX_BATCH_ID_LEN, check_id};
pub use drift::{Drift, DriftKind, identifier_or_length};
pub use normal_form::normal_form;
pub use outcome::{Outcome, Row, RowOutcome};
pub use progress::{CountMismatch, Progress, State};
pub use provider_id::{InvalidProviderId, ProviderId};
pub use reconciler::Reconciler;
pub use reconciliation::{Reconciliation, ReferenceMismatch};
pub use recovery::Recovery;
pub use report::Report;
pub use row_counts::RowCounts;
pub use selection::RowSelection;
pub use snapshot::Snapshot;
pub use submitted_rows::SubmittedRows;
