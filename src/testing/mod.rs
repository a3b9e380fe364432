//! Tools for tests: time that is moved by hand, a provider that follows a script, a wire that answers from a list (feature `testing`).
//!
//! An hour-long wait with an outage in the middle, in microseconds and without a socket:
//!
//! ```
//! use std::time::Duration;
//! use bulkrail::testing::{Script, VirtualClock, finished, running, unavailable};
//! use bulkrail::{Outcome, wait};
//!
//! let minutes = |n| Duration::from_secs(60 * n);
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
//! assert!(clock.elapsed() < minutes(51));
//! # Ok::<(), bulkrail::Error>(())
//! ```

mod clock;
mod script;
mod wire;

pub use clock::{HurriedClock, VirtualClock};
pub use script::{PROVIDER, Script, finished, queued, running, unavailable};
pub use wire::{Reply, ScriptedWire, Sent};
