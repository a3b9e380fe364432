//! Waits: poll a batch until it ends, the deadline passes, or the provider reports a permanent error.
//!
//! `machine` decides what to do next and knows no clock, no socket and no provider. [`PollStream`] and [`WaitSet`] do
//! what it says; `.await` of a [`Wait`] drives a `PollStream`. A [`WaitState`] is the machine itself, to be stored between
//! two polls. So every form of waiting behaves alike.
//!
//! | To wait | use |
//! |---|---|
//! | for one batch | [`wait`], or [`Wait::into_stream`] |
//! | for many batches of one account | [`WaitSet`] |
//! | over restarts, many batches | [`WaitSet::on_state`] to store, and [`WaitSet::resume`] |
//! | in a queue or workflow engine, one poll at a time | [`WaitState`] |

mod document;
mod history;
mod machine;
mod options;
mod state;
mod stream;
mod trace;
mod wait;
mod wait_set;

pub use history::DurationHistory;
pub use options::{FAILURE_BUDGET, FINAL_POLL_GRACE, POLL_TIMEOUT, VISIBILITY_GRACE, WaitOptions};
pub use state::{Step, WaitState};
pub use stream::PollStream;
pub use trace::PollEvent;
pub use wait::{Wait, wait};
pub use wait_set::{WaitSet, WaitSetProgress};
