//! Comparison of a page with a spec.

pub(crate) mod accepted;
pub(crate) mod claims;
mod collector;
pub(crate) mod difference;
mod fields;
mod notices;
mod operation;
mod pairing;
mod presence;
pub(crate) mod report;
mod transport;
mod unions;
