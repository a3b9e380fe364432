//! Tests of `bulkrail-specdiff`: page formats, comparison, accepted differences, archive, examples
//! and limits.

mod accepted;
mod archive;
mod bad_input;
mod bounds;
mod check;
mod descriptions;
mod edits;
mod examples;
mod followed;
mod mintlify;
mod page_changes;
mod pages;
mod spec_edits;
mod suggest;
mod support;
