//! Documentation pages against specs: what `bulkrail_specdiff` reads, how it classes what differs, and what it refuses.

mod accepted;
mod archive;
mod bad_input;
mod bounds;
mod check;
mod descriptions;
mod examples;
mod followed;
mod mintlify;
mod page_changes;
mod pages;
mod support;
