//! Documentation pages against specs: what `bulkrail_codegen::docs` reads, how it classes what differs, and what it refuses.
#![cfg(feature = "docs")]

mod bad_input;
mod descriptions;
mod explained;
#[cfg(feature = "generate")]
mod followed;
mod mintlify;
mod page_changes;
mod pages;
mod saved;
mod support;
