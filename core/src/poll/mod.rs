//! Waits: poll a batch until it ends, the deadline passes, or the provider reports a permanent error.
//!
//! `machine` decides what to do next and knows no clock, no socket and no provider. [`PollStream`] and [`WaitSet`] do
//! what it says; `.await` of a [`Wait`] drives a `PollStream`. So every form of waiting behaves alike.

mod history;
mod machine;
mod options;
mod stream;
mod trace;
mod wait;
mod wait_set;

pub use history::DurationHistory;
pub use options::{FAILURE_BUDGET, FINAL_POLL_GRACE, POLL_TIMEOUT, VISIBILITY_GRACE};
pub use stream::PollStream;
pub use trace::PollEvent;
pub use wait::{Wait, wait};
pub use wait_set::{WaitSet, WaitSetProgress};
