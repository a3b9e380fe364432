//! A client of each provider on a scripted wire.

use bulkrail::testing::{ScriptedWire, VirtualClock};

/// The time and the wire of one client.
pub(crate) struct Bench {
    pub(crate) clock: VirtualClock,
    pub(crate) wire: ScriptedWire,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { clock: VirtualClock::new(), wire: ScriptedWire::new() }
    }
}

/// Sets up `$room::Client` with `$credentials` on the bench.
#[macro_export]
macro_rules! client {
    ($room:ident, $bench:expr, $credentials:expr) => {
        bulkrail::$room::Client::builder()
            .credentials($credentials)
            .clock($bench.clock.clock())
            .wire($bench.wire.clone())
            .build()
            .unwrap()
    };
}
