//! A client of each provider on a scripted connector.

use bulkrail::test_util::{MockConnector, VirtualClock};

/// The time and the connector of one client.
pub(crate) struct Bench {
    pub(crate) clock: VirtualClock,
    pub(crate) connector: MockConnector,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { clock: VirtualClock::new(), connector: MockConnector::new() }
    }
}

/// Sets up `$room::Client` with `$credentials` on the bench.
#[macro_export]
macro_rules! client {
    ($room:ident, $bench:expr, $credentials:expr) => {
        bulkrail::$room::Client::builder()
            .credentials($credentials)
            .clock($bench.clock.clock())
            .connector($bench.connector.clone())
            .build()
            .unwrap()
    };
}
