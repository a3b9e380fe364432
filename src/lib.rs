//! Clients for the batch onboarding endpoints of payments providers.
#![cfg_attr(
    all(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"),
    doc = "",
    doc = include_str!("../README.md")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment")),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "below the rooms stands what any of them needs, not what each of them does"
    )
)]

mod drift;
mod error;
mod generated;
mod history;
mod model;
mod provider;
mod room;
pub mod schedule;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod transport;
pub mod wait;

#[cfg(feature = "cdq")]
pub mod cdq;
#[cfg(feature = "killb")]
pub mod killb;
#[cfg(feature = "localpayment")]
pub mod localpayment;
#[cfg(feature = "reap")]
pub mod reap;

pub use drift::{Drift, DriftKind};
pub use error::{Error, ErrorDocument, ErrorKind};
pub use history::Histories;
pub use model::{
    Account, Batch, Disagreement, Ledger, Outcome, Progress, ProviderId, Report, Row, RowOutcome, Snapshot, State,
};
pub use provider::{Advice, Provider};
pub use transport::{ClientBuilder, Environment, Limits, Upload};
pub use wait::wait;
