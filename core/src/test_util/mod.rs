//! Virtual time, mock providers and mock connectors, for tests (feature `test-util`).
//!
//! `bulkrail` re-exports it.
//!
//! | Type | Stands for |
//! |---|---|
//! | [`VirtualClock`] | a clock whose time passes only while every task sleeps, and then at once |
//! | [`ScaledClock`] | a fast clock, for tests over real sockets |
//! | [`MockProvider`] | a provider: each poll returns a snapshot or an error, by time or in order |
//! | [`MockConnector`] | the network below a real client: each request gets a response or an error |
//!
//! A wait of almost an hour, with an outage of two minutes, takes microseconds and needs no socket:
//!
//! ```
//! use std::time::Duration;
//! use bulkrail_core::test_util::{MockProvider, VirtualClock, finished, running, unavailable};
//! use bulkrail_core::{Outcome, wait};
//!
//! let minutes = |n: u64| Duration::from_secs(60 * n);
//! let clock = VirtualClock::new();
//! let provider = MockProvider::by_time(&clock)
//!     .from(minutes(0), || Ok(running(10, 100)))
//!     .from(minutes(20), || Err(unavailable()))
//!     .from(minutes(22), || Ok(running(40, 100)))
//!     .from(minutes(50), || Ok(finished(98, 2)));
//!
//! let batch = provider.batch("b-1");
//! let report = clock.run(wait(&provider, batch))?;
//! assert_eq!(report.outcome(), Some(Outcome::Partial));
//! assert!(clock.elapsed() < minutes(55), "a poll found the end within five minutes");
//! # Ok::<(), bulkrail_core::Error>(())
//! ```

mod clock;
mod connector;
mod provider;

pub use clock::{ScaledClock, VirtualClock};
pub use connector::{CapturedRequest, MockConnector, MockResponse};
pub use provider::{MockProvider, PROVIDER, finished, queued, running, unavailable};
