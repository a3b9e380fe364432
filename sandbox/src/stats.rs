//! Request counts of a provider.

use std::sync::atomic::{AtomicU64, Ordering};

/// Request counts of one provider since the start of the sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests received, including those that fail.
    pub requests: u64,
    /// Responses with a 4xx or 5xx status, including injected faults.
    pub rejected: u64,
    /// Successful logins.
    pub logins: u64,
    /// Successful token refreshes.
    pub refreshes: u64,
    /// Batches accepted.
    pub batches_created: u64,
    /// Requests for the status of a batch, including rejected ones.
    pub polls: u64,
    /// Responses with status 429.
    pub throttled: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: Counter,
    pub(crate) rejected: Counter,
    pub(crate) logins: Counter,
    pub(crate) refreshes: Counter,
    pub(crate) batches_created: Counter,
    pub(crate) polls: Counter,
    pub(crate) throttled: Counter,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> Stats {
        Stats {
            requests: self.requests.get(),
            rejected: self.rejected.get(),
            logins: self.logins.get(),
            refreshes: self.refreshes.get(),
            batches_created: self.batches_created.get(),
            polls: self.polls.get(),
            throttled: self.throttled.get(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds one and returns the previous count.
    pub(crate) fn increment(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
