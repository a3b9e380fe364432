//! The provider-neutral model: what a batch is, what one look at it says, how it ended. Nothing here knows a provider.

mod batch;
mod outcome;
mod provider_id;
mod report;
mod snapshot;

pub use batch::Batch;
pub use outcome::{Outcome, Row, RowOutcome};
pub use provider_id::ProviderId;
pub use report::Report;
pub use snapshot::{Progress, Snapshot, State};
