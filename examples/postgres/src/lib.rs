//! Keeps the records of `bulkrail-durable` in a table of PostgreSQL.
//!
//! Copy it into your service and change it: [`PostgresStore`] is an example, not a published crate.
//! `bulkrail_durable`'s feature `test-util` has the conformance test that it passes; run that
//! against your version.

mod session;
mod statement;
mod store;

pub use store::{PostgresStore, Timeouts};
