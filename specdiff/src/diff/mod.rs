//! A page held against a spec.

pub(crate) mod accepted;
pub(crate) mod claims;
pub(crate) mod difference;
pub(crate) mod fields;
pub(crate) mod presence;
pub(crate) mod report;
