//! The OpenAPI descriptions that the clients are generated from, as they were at build time.
//!
//! `bulkrail specs` compares them with saved pages; the rules for them are in `specs/README.md`.

/// Description of KillB.
pub const KILLB: &str = include_str!(env!("BULKRAIL_SPEC_KILLB"));
/// Description of Reap.
pub const REAP: &str = include_str!(env!("BULKRAIL_SPEC_REAP"));
/// Description of CDQ.
pub const CDQ: &str = include_str!(env!("BULKRAIL_SPEC_CDQ"));
/// Description of Localpayment.
pub const LOCALPAYMENT: &str = include_str!(env!("BULKRAIL_SPEC_LOCALPAYMENT"));
/// Accepted differences between the descriptions and the pages that they were written from.
pub const ACCEPTED_DIFFERENCES: &str = include_str!("../specs/accepted-differences.yaml");
