//! Tests of the service and its records.

#![expect(clippy::disallowed_methods, reason = "the time of the tests is that of a paused runtime")]

mod cut;
mod file_order;
mod provider;
mod record;
mod service;
