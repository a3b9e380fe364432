//! What a provider was asked, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one provider since the sandbox started, for tests that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests that arrived, whatever became of them.
    pub requests: u64,
    /// Requests answered with a 4xx or 5xx status, injected ones included.
    pub rejected: u64,
    /// Logins that gave out tokens.
    pub logins: u64,
    /// Refreshes that gave out tokens.
    pub refreshes: u64,
    /// Batches accepted.
    pub batches_created: u64,
    /// Requests for the status of a batch, rejected ones included.
    pub polls: u64,
    /// Requests answered with 429.
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
    pub(crate) fn read(&self) -> Stats {
        Stats {
            requests: self.requests.read(),
            rejected: self.rejected.read(),
            logins: self.logins.read(),
            refreshes: self.refreshes.read(),
            batches_created: self.batches_created.read(),
            polls: self.polls.read(),
            throttled: self.throttled.read(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts one more; gives the count before it.
    pub(crate) fn add(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
