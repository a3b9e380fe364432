//! The sandbox answers as the specs say: each answer fits the schema of its operation and status, with no field beyond it.
//!
//! Requests are put together from the specs as well: method, path, parameters, credentials and media type.

mod bench;
mod call;
mod cdq;
mod killb;
mod localpayment;
mod reap;
mod refusals;
#[path = "../specs_support/schemas.rs"]
mod schemas;
#[path = "../specs_support/specs.rs"]
mod specs;
