//! The provider-neutral model: what a batch is, what one look at it says, how it ended. Nothing here knows a provider.

mod batch;
mod ledger;
mod outcome;
mod provider_id;
mod report;
mod snapshot;

pub use batch::Batch;
pub(crate) use batch::check_id;
pub use ledger::{Account, Disagreement, Ledger};
pub use outcome::{Outcome, Row, RowOutcome};
pub use provider_id::ProviderId;
pub use report::Report;
pub use snapshot::{Progress, Snapshot, State};
