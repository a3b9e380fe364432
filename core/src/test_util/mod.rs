//! Tools for tests: time that is moved by hand, a provider that follows a script, a wire that answers from a list (feature `testing`).
//!
//! An hour-long wait with an outage in the middle, in microseconds and without a socket:
//!
//! ```
//! use std::time::Duration;
//! use bulkrail::testing::{Script, VirtualClock, finished, running, unavailable};
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
mod script;
mod wire;

pub use clock::{HurriedClock, VirtualClock};
pub use script::{PROVIDER, Script, finished, queued, running, unavailable};
pub use wire::{Reply, ScriptedWire, Sent};

/// For the benchmark of what comparing with the spec costs: the two halves of reading a status body.
#[cfg(feature = "killb")]
#[doc(hidden)]
pub mod halves {
    use crate::transport::{Skimmer, Vitals};

    /// Reads the vital signs and stops there.
    #[must_use]
    pub fn read(body: &[u8]) -> bool {
        let mut skimmer = Skimmer::default();
        skimmer.push(body);
        Vitals::read(skimmer.kept()).is_ok()
    }

    /// Reads the vital signs and compares them with KillB's spec.
    #[must_use]
    pub fn read_and_compare(body: &[u8]) -> bool {
        let mut skimmer = Skimmer::default();
        skimmer.push(body);
        let vitals = Vitals::read(skimmer.kept());
        vitals.is_ok_and(|mut vitals| {
            crate::killb::compare(&mut vitals);
            true
        })
    }
}
