//! Integration tests of the library: one binary, one module per subject.
//!
//! Only `http_limits`, `killb_existing`, `submit` and `sandbox_end_to_end` use sockets; time is virtual everywhere
//! else.

mod common;

#[cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
mod any_client;
mod auto_traits;
#[cfg(all(
    feature = "check",
    feature = "xlsx",
    feature = "killb",
    feature = "reap",
    feature = "cdq",
    feature = "localpayment"
))]
mod check;
#[cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
mod errors;
#[cfg(feature = "generate")]
mod generated;
#[cfg(all(feature = "killb", feature = "localpayment", feature = "reap"))]
mod hostile;
#[cfg(feature = "reap")]
mod http_limits;
#[cfg(feature = "killb")]
mod killb_accounts;
#[cfg(feature = "killb")]
mod killb_existing;
#[cfg(feature = "killb")]
mod killb_large;
#[cfg(feature = "reap")]
mod observability;
#[cfg(feature = "reap")]
mod poll_limit;
#[cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
mod prepare;
mod providers;
mod reconcile;
#[cfg(all(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
mod sandbox_end_to_end;
mod schedule;
#[cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
mod specs_round_trip;
mod specs_sandbox;
mod specs_valid;
#[cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
mod statuses;
mod streams;
#[cfg(all(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
mod submit;
#[cfg(all(feature = "killb", feature = "localpayment"))]
mod tokens;
#[cfg(all(
    target_os = "linux",
    feature = "killb",
    feature = "reap",
    feature = "cdq",
    feature = "localpayment",
    feature = "xlsx"
))]
mod uploads;
#[cfg(feature = "reap")]
mod wait_faults;
mod wait_promises;
mod wait_set;
