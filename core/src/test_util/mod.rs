//! Tools for tests: time that is moved by hand, a provider that follows a script, a connector that answers from a list (feature `testing`).
//!
//! An hour-long wait with an outage in the middle, in microseconds and without a socket:
//!
//! ```
//! use std::time::Duration;
//! use bulkrail::test_util::{Script, VirtualClock, finished, running, unavailable};
//! use bulkrail::{Outcome, wait};
//!
//! let minutes = |n: u64| Duration::from_secs(60 * n);
//! let clock = VirtualClock::new();
//! let provider = Script::by_time(&clock)
//!     .from(minutes(0), || Ok(running(10, 100)))
//!     .from(minutes(20), || Err(unavailable()))
//!     .from(minutes(22), || Ok(running(40, 100)))
//!     .from(minutes(50), || Ok(finished(98, 2)));
//!
//! let batch = provider.batch("b-1");
//! let report = clock.run(wait(&provider, batch))?;
//! assert_eq!(report.outcome(), Some(Outcome::Partial));
//! assert!(clock.elapsed() < minutes(55), "it was noticed within five minutes");
//! # Ok::<(), bulkrail::Error>(())
//! ```

mod clock;
mod connector;
mod provider;

pub use clock::{ScaledClock, VirtualClock};
pub use connector::{CapturedRequest, MockConnector, MockResponse};
pub use provider::{MockProvider, PROVIDER, finished, queued, running, unavailable};
