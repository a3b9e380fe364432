//! Helpers of several modules.

pub(crate) mod specs;

use std::time::Duration;

use bulkrail::test_util::{MockConnector, VirtualClock};

/// Time and connector of one client.
pub(crate) struct Bench {
    pub(crate) clock: VirtualClock,
    pub(crate) connector: MockConnector,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { clock: VirtualClock::new(), connector: MockConnector::new() }
    }
}

/// Returns `bulkrail::$provider::Client` with `$credentials` on the clock and connector of `$bench`.
macro_rules! client {
    ($provider:ident, $bench:expr, $credentials:expr) => {
        bulkrail::$provider::Client::builder()
            .credentials($credentials)
            .clock($bench.clock.clock())
            .connector($bench.connector.clone())
            .build()
            .unwrap()
    };
}

pub(crate) use client;

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
