//! Comparison of a page with a spec.

pub(crate) mod accepted;
pub(crate) mod claims;
mod collector;
pub(crate) mod difference;
mod fields;
mod operation;
mod presence;
pub(crate) mod report;
