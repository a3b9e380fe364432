//! The sandbox through its front door: plain HTTP requests, and a clock that is moved by hand.

mod cdq;
mod determinism;
mod faults;
mod killb;
mod localpayment;
mod reap;
mod sandbox;
mod support;
