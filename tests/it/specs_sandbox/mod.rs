//! The sandbox responds as the specs say: each response fits the schema of its operation and
//! status, without other fields.
//!
//! Requests are made from the specs too: method, path, parameters, credentials and media type.

mod bench;
mod call;
mod cdq;
mod killb;
mod localpayment;
mod reap;
mod refusals;
