//! Tests of the sandbox through HTTP requests, under a manual clock.

mod cdq;
mod determinism;
mod faults;
mod killb;
mod localpayment;
mod reap;
mod refusals;
mod sandbox;
mod spec;
mod support;
