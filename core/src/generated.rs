//! What generated clients use: the HTTP layer of `bulkrail-codegen`.
//!
//! The code that `bulkrail_codegen::Builder` writes names the client that sends its requests, and
//! the crates of its types, by their paths in this module. A package with generated code depends on
//! `bulkrail-core` only.

pub use crate::http::HttpClient;
pub use {progenitor_client, reqwest, serde, serde_json};
